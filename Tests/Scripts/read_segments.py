"""Reads segment files with kafka-python, which shares no code with Forebay, and prints what is in them as JSON.

Usage: read_segments.py FILE...   One object per file on standard output; exits 1 at the first thing that is wrong.
"""

import json
import os
import sys

from kafka.record import MemoryRecords


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    expected = int(os.path.basename(path).split(".")[0])
    batches, records, keys, codecs, size = 0, 0, set(), set(), 0
    stream = MemoryRecords(data)
    while stream.has_next():
        batch = stream.next_batch()
        if batch.magic != 2:
            sys.exit(f"{path}: magic {batch.magic} at offset {expected}")
        if not batch.validate_crc():
            sys.exit(f"{path}: the checksum of the batch at offset {expected} is wrong")
        batches += 1
        codecs.add(batch.compression_type)
        for record in batch:
            if record.offset != expected:
                sys.exit(f"{path}: offset {record.offset} where {expected} belongs")
            expected += 1
            records += 1
            if record.key is not None:
                keys.add(bytes(record.key))
        size += batch.size_in_bytes if hasattr(batch, "size_in_bytes") else 0
    if stream.valid_bytes() != len(data):
        sys.exit(f"{path}: {len(data) - stream.valid_bytes()} bytes at the end are no batch")
    return {
        "file": path,
        "batches": batches,
        "records": records,
        "next": expected,
        "keys": len(keys),
        "codecs": sorted(codecs),
    }


for argument in sys.argv[1:]:
    print(json.dumps(read(argument)))
