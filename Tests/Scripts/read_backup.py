"""Reads a backup with Python's tarfile and hashlib and compares it with its manifest; prints what it found as JSON.

read_backup.py FILE                    compares; exit code 1 where something differs
read_backup.py FILE --forge MEMBER OUT writes OUT with one byte of MEMBER changed and every digest made to fit again
"""
import hashlib
import json
import sys
import tarfile


def members(path):
    with tarfile.open(path, "r:") as archive:
        return {member.name: (member.offset_data, archive.extractfile(member).read()) for member in archive}


def compare(path):
    found = members(path)
    names = list(found)
    text = found["manifest.json"][1]
    manifest = json.loads(text)
    bad = []
    if names[0] != "forebay-backup" or names[-2:] != ["manifest.json", "manifest.sha256"]:
        bad.append("order")
    if found["manifest.sha256"][1].decode() != hashlib.sha256(text).hexdigest() + "  manifest.json\n":
        bad.append("manifest.sha256")
    if [member["name"] for member in manifest["members"]] != names[:-2]:
        bad.append("names")
    for member in manifest["members"]:
        content = found[member["name"]][1]
        if len(content) != member["size"] or hashlib.sha256(content).hexdigest() != member["sha256"]:
            bad.append(member["name"])
    places = {name: [offset, len(content)] for name, (offset, content) in found.items()}
    content = sum(len(content) for _, content in found.values())
    print(json.dumps({"members": names, "places": places, "content": content, "unproven": manifest["unproven"], "bad": bad}))
    return 1 if bad else 0


def forge(path, name, target):
    found = members(path)
    archive = bytearray(open(path, "rb").read())

    def put(member, content):
        offset, old = found[member]
        assert len(content) == len(old)
        archive[offset : offset + len(content)] = content

    offset, old = found[name]
    new = bytearray(old)
    new[len(new) // 2] ^= 1
    put(name, new)
    text = found["manifest.json"][1].replace(
        hashlib.sha256(old).hexdigest().encode(), hashlib.sha256(new).hexdigest().encode()
    )
    put("manifest.json", text)
    put("manifest.sha256", (hashlib.sha256(text).hexdigest() + "  manifest.json\n").encode())
    open(target, "wb").write(archive)
    return 0


if len(sys.argv) == 2:
    sys.exit(compare(sys.argv[1]))
sys.exit(forge(sys.argv[1], sys.argv[3], sys.argv[4]))
