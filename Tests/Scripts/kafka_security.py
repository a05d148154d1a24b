"""Who may connect, and who may do what: TLS, passwords, certificates, permissions.

Usage: kafka_security.py prepare DIRECTORY           Certificates, keys, and a file of users.
       kafka_security.py passwords ADDRESS DIRECTORY  A listener with TLS, these users, and permissions (see `passwords`).
       kafka_security.py certificates ADDRESS DIRECTORY  One that asks for certificates of clients (see `certificates`).
"""

import asyncio
import base64
import hashlib
import hmac
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import aiokafka
import confluent_kafka
import kafka
from confluent_kafka.admin import AdminClient, NewTopic
from kafka_clients import (
    CLIENTS,
    OPEN,
    Access,
    Record,
    aiokafka_settings,
    consume,
    kafka_python_settings,
    kcat_arguments,
    librdkafka_settings,
    need,
    produce,
    report,
)

MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
HASHES = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}
ITERATIONS = 8192
# A client that is refused tries again for seconds, and does little meanwhile.
AT_ONCE = 8
PASSWORDS = {"lena": "open, sesame = 1", "reader": "only looking"}
TOPIC_AUTHORIZATION_FAILED, GROUP_AUTHORIZATION_FAILED = 29, 30


# What the listener needs


def openssl(*arguments):
    run = subprocess.run(["openssl", *arguments], capture_output=True, check=False)
    need(run.returncode == 0, f"openssl {' '.join(arguments)}: {run.stderr.decode()}")


def authority(directory, name):
    path = os.path.join(directory, name)
    openssl(
        *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"),
        *("-keyout", f"{path}.key", "-out", f"{path}.pem"),
    )


def certificate(directory, name, issuer, names=""):
    path, by = os.path.join(directory, name), os.path.join(directory, issuer)
    openssl(
        *("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}"),
        *("-keyout", f"{path}.key", "-out", f"{path}.csr"),
    )
    with open(f"{path}.ext", "w", encoding="utf-8") as file:
        file.write(f"subjectAltName={names}\n" if names else "basicConstraints=CA:FALSE\n")
    openssl(
        *("x509", "-req", "-days", "2", "-in", f"{path}.csr", "-out", f"{path}.pem", "-extfile", f"{path}.ext"),
        *("-CA", f"{by}.pem", "-CAkey", f"{by}.key", "-CAcreateserial"),
    )


def user_line(name, password, mechanism):
    """RFC 5802, section 3."""
    algorithm, salt = HASHES[mechanism], os.urandom(16)
    salted = hashlib.pbkdf2_hmac(algorithm, password.encode(), salt, ITERATIONS)
    stored = hashlib.new(algorithm, hmac.digest(salted, b"Client Key", algorithm)).digest()
    server = hmac.digest(salted, b"Server Key", algorithm)
    salt, stored, server = (base64.b64encode(part).decode() for part in (salt, stored, server))
    return f"{name}:{mechanism}${ITERATIONS}:{salt}${stored}:{server}\n"


def prepare(directory):
    authority(directory, "authority")
    authority(directory, "stranger")
    certificate(directory, "server", "authority", "IP:127.0.0.1,DNS:localhost")
    certificate(directory, "press", "authority")
    # The right name from the wrong authority.
    certificate(directory, "impostor", "stranger")
    with open(os.path.join(directory, "users"), "w", encoding="utf-8") as file:
        file.write("# made by a test\n")
        for name, password in PASSWORDS.items():
            file.writelines(user_line(name, password, mechanism) for mechanism in HASHES)
    report(users=len(PASSWORDS))


# Who is let in


def try_to_connect(client, address, access):
    """What went wrong, as the client says it; None where it was let in."""
    return {
        "kcat": _kcat_try,
        "confluent-kafka": _confluent_try,
        "kafka-python": _kafka_python_try,
        "aiokafka": _aiokafka_try,
    }[client](address, access)


def _kcat_try(address, access):
    arguments = ["kcat", "-L", *kcat_arguments(address, access), "-X", "log_level=6", "-m", "4"]
    run = subprocess.run(arguments, capture_output=True, check=False, timeout=60)
    return None if run.returncode == 0 else run.stderr.decode()


def _confluent_try(address, access):
    said = []
    admin = AdminClient(librdkafka_settings(address, access) | {"error_cb": lambda error: said.append(error)})
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            admin.list_topics(timeout=2)
            return None
        except confluent_kafka.KafkaException as error:
            admin.poll(0)
            fatal = (confluent_kafka.KafkaError._AUTHENTICATION, confluent_kafka.KafkaError._SSL)
            found = [one for one in said if one.code() in fatal]
            # Other faults than these may pass.
            if found:
                return f"{found[0].name()}: {found[0].str()}"
            last = f"{error.args[0].name()}; {said}"
    return last


def _kafka_python_try(address, access):
    try:
        consumer = kafka.KafkaConsumer(**kafka_python_settings(address, access), bootstrap_timeout_ms=5000)
        consumer.topics()
        consumer.close()
        return None
    except Exception as error:
        return repr(error)


def _aiokafka_try(address, access):
    async def run():
        consumer = aiokafka.AIOKafkaConsumer(**aiokafka_settings(address, access), request_timeout_ms=5000)
        try:
            await consumer.start()
            await consumer.topics()
            return None
        except Exception as error:
            return repr(error)
        finally:
            await consumer.stop()

    return asyncio.run(run())


def is_about_passwords(said):
    # kafka-python tries again until its time is over, and then says only that.
    return any(word in said.lower() for word in ("authentication", "sasl", "unable to bootstrap"))


def side_by_side(call, cases):
    """Results in the order of the cases; ends with the first failure."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda case: call(*case), cases))


def refusals(address, good, bad):
    """`good` is let in by every client, each of `bad` by none."""

    def admit(client):
        said = try_to_connect(client, address, good)
        need(said is None, f"{client} is not let in: {said}")

    def refuse(client, name):
        access, is_expected = bad[name]
        said = try_to_connect(client, address, access)
        need(said is not None, f"{client}: {name} is let in")
        need(is_expected(said), f"{client}: {name} is refused with {said}")

    side_by_side(admit, [(client,) for client in CLIENTS])
    return len(side_by_side(refuse, [(client, name) for client in CLIENTS for name in bad]))


# Cases


def passwords(address, directory):
    """Permissions: lena may do everything, reader may read `readings` in the groups `reader-*`."""
    trusted = os.path.join(directory, "authority.pem")

    def access(name, mechanism="SCRAM-SHA-256", password=None):
        return Access(mechanism, name, password or PASSWORDS[name], trusted)

    records = [Record(b"k", b"%d" % index) for index in range(20)]

    def write_and_read(client, mechanism):
        topic, own = f"secure-{client}-{mechanism}", access("lena", mechanism)
        produce(client, address, topic, records, access=own)
        found = [stored.record.value for stored in consume(client, address, topic, len(records), own)]
        need(found == [record.value for record in records], f"{client} with {mechanism} read {found}")
        return len(found)

    read = sum(side_by_side(write_and_read, [(client, mechanism) for client in CLIENTS for mechanism in MECHANISMS]))
    bad = {}
    for mechanism in MECHANISMS:
        bad[f"a wrong password with {mechanism}"] = access("lena", mechanism, "open sesame"), is_about_passwords
        bad[f"nobody with {mechanism}"] = access("nobody", mechanism, "x"), is_about_passwords
    anything = bool
    bad["no login"] = Access(authority=trusted), anything
    bad["no TLS"] = Access("SCRAM-SHA-256", "lena", PASSWORDS["lena"]), anything
    bad["another authority"] = access("lena")._replace(authority=os.path.join(directory, "stranger.pem")), anything
    refused = refusals(address, access("lena"), bad)
    return {"read": read, "refused": refused, "permissions": permissions(address, access("lena"), access("reader"))}


def permissions(address, lena, reader):
    def code(call):
        try:
            call()
        except confluent_kafka.KafkaException as error:
            return error.args[0].code()
        return 0

    def first(group, topic):
        consumer = confluent_kafka.Consumer(
            librdkafka_settings(address, reader, group_id=group, auto_offset_reset="earliest", session_timeout_ms=6000)
        )
        consumer.subscribe([topic])
        end = time.monotonic() + 60
        try:
            while time.monotonic() < end:
                message = consumer.poll(1)
                if message is not None:
                    return message.error().code() if message.error() else message.topic()
        finally:
            consumer.close()
        return None

    produce("confluent-kafka", address, "closed", [Record(b"k", b"v")], access=lena)
    admin = AdminClient(librdkafka_settings(address, reader))
    topics = sorted(admin.list_topics(timeout=60).topics)
    need(topics == ["readings"], f"reader is told of the topics {topics}")
    # One reading is there.
    found = consume("kafka-python", address, "readings", 1, reader)
    need(found, "reader cannot read `readings`")
    seen = {
        "a group of its own": (first("reader-1", "readings"), "readings"),
        "a group of others": (first("press", "readings"), GROUP_AUTHORIZATION_FAILED),
        "another topic": (first("reader-2", "closed"), TOPIC_AUTHORIZATION_FAILED),
        "writing": (
            code(lambda: produce("confluent-kafka", address, "readings", [Record(None, b"{}")], access=reader)),
            TOPIC_AUTHORIZATION_FAILED,
        ),
        "writing elsewhere": (
            code(lambda: produce("confluent-kafka", address, "closed", [Record(None, b"{}")], access=reader)),
            TOPIC_AUTHORIZATION_FAILED,
        ),
        "creating": (
            code(lambda: admin.create_topics([NewTopic("mine", 1, 1)])["mine"].result(60)),
            TOPIC_AUTHORIZATION_FAILED,
        ),
    }
    for name, (got, wanted) in seen.items():
        need(got == wanted, f"reader, {name}: {got}, not {wanted}")
    return len(seen) + 2


def certificates(address, directory):
    """Permissions: press may write and create `press-*`, and read it."""

    def path(name):
        return os.path.join(directory, name)

    def access(name):
        return Access(authority=path("authority.pem"), certificate=path(f"{name}.pem"), key=path(f"{name}.key"))

    records = [Record(b"k", b"%d" % index) for index in range(20)]

    def write_and_read(client):
        topic = f"press-{client}"
        produce(client, address, topic, records, access=access("press"))
        found = [stored.record.value for stored in consume(client, address, topic, len(records), access("press"))]
        need(found == [record.value for record in records], f"{client} with a certificate read {found}")

    side_by_side(write_and_read, [(client,) for client in CLIENTS])
    bad = {
        "no certificate": (Access(authority=path("authority.pem")), bool),
        "a certificate of another authority": (access("impostor"), bool),
        "no TLS": (OPEN, bool),
    }
    refused = refusals(address, access("press"), bad)
    admin = AdminClient(librdkafka_settings(address, access("press")))
    try:
        admin.create_topics([NewTopic("other", 1, 1)])["other"].result(60)
        sys.exit("press may create a topic of another name")
    except confluent_kafka.KafkaException as error:
        code = error.args[0].code()
        need(code == TOPIC_AUTHORIZATION_FAILED, f"press creates another topic: {code}")
    return {"clients": len(CLIENTS), "refused": refused}


def main():
    if sys.argv[1] == "prepare":
        prepare(sys.argv[2])
    else:
        cases = {"passwords": passwords, "certificates": certificates}
        report(**cases[sys.argv[1]](*sys.argv[2:]))


main()
