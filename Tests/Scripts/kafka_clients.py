"""Kafka's clients behind one set of functions: librdkafka old (kcat) and new (confluent-kafka), kafka-python, aiokafka.

Imported by the other kafka_*.py; each of them prints one JSON object, and exits 1 with a sentence where something is not as
with Kafka.
"""

import asyncio
import json
import random
import ssl
import subprocess
import sys
import time
from typing import NamedTuple

import aiokafka
import confluent_kafka
import kafka

CLIENTS = ("kcat", "confluent-kafka", "kafka-python", "aiokafka")
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
# By the numbers that batches have.
CODEC_NUMBERS = {name: number for number, name in enumerate(CODECS)}
# For whatever ends by itself on a busy machine.
PATIENCE = 120


class Record(NamedTuple):
    """What a producer hands over. `timestamp` None: now. `headers`: pairs of a text and bytes or None."""

    key: bytes | None
    value: bytes | None
    headers: tuple = ()
    timestamp: int | None = None
    partition: int = 0


class Stored(NamedTuple):
    """What a consumer gets."""

    partition: int
    offset: int
    record: Record


class Access(NamedTuple):
    """How to say who one is. `mechanism` None: not at all, or by a certificate."""

    mechanism: str | None = None
    user: str | None = None
    password: str | None = None
    authority: str | None = None
    certificate: str | None = None
    key: str | None = None

    @property
    def protocol(self):
        return ("SASL_" if self.mechanism else "") + ("SSL" if self.authority else "PLAINTEXT")


OPEN = Access()


def need(condition, sentence):
    """Ends the script where something is not as it should be."""
    if not condition:
        sys.exit(sentence)


def report(**seen):
    print(json.dumps(seen, sort_keys=True), flush=True)


def until(sentence, condition, patience=PATIENCE):
    """Asks until the answer is true; the answer."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.05)
    sys.exit(f"not within {patience} s: {sentence}")


# Settings


def librdkafka_settings(address, access=OPEN, **more):
    # A broker that is killed is no news.
    settings = {"bootstrap.servers": address, "security.protocol": access.protocol, "log_level": 2}
    if access.mechanism:
        settings |= {
            "sasl.mechanism": access.mechanism,
            "sasl.username": access.user,
            "sasl.password": access.password,
        }
    if access.authority:
        settings["ssl.ca.location"] = access.authority
    if access.certificate:
        settings |= {"ssl.certificate.location": access.certificate, "ssl.key.location": access.key}
    return settings | {name.replace("_", "."): value for name, value in more.items()}


def kafka_python_settings(address, access=OPEN):
    return {
        "bootstrap_servers": address,
        "security_protocol": access.protocol,
        "sasl_mechanism": access.mechanism,
        "sasl_plain_username": access.user,
        "sasl_plain_password": access.password,
        "ssl_cafile": access.authority,
        "ssl_certfile": access.certificate,
        "ssl_keyfile": access.key,
    }


def aiokafka_settings(address, access=OPEN):
    settings = {"bootstrap_servers": address, "security_protocol": access.protocol}
    if access.mechanism:
        settings |= {
            "sasl_mechanism": access.mechanism,
            "sasl_plain_username": access.user,
            "sasl_plain_password": access.password,
        }
    if access.authority:
        settings["ssl_context"] = ssl.create_default_context(cafile=access.authority)
        if access.certificate:
            settings["ssl_context"].load_cert_chain(access.certificate, access.key)
    return settings


def kcat_arguments(address, access=OPEN, **more):
    settings = librdkafka_settings(address, access, **more)
    return [word for name, value in settings.items() for word in ("-X", f"{name}={value}")]


def kcat(arguments, given=b"", patience=PATIENCE):
    """Runs kcat to its end; what it printed."""
    run = subprocess.run(["kcat", *arguments], input=given, capture_output=True, timeout=patience, check=False)
    if run.returncode != 0:
        raise RuntimeError(f"kcat {' '.join(arguments)}: exit {run.returncode}: {run.stderr.decode()}")
    return run.stdout


# Producing


def produce(client, address, topic, records, codec="none", acks="all", idempotent=False, access=OPEN):
    """Returns when every record is acknowledged; (partition, offset) of each, None where the client does not say."""
    functions = {
        "kcat": _kcat_produce,
        "confluent-kafka": _confluent_produce,
        "kafka-python": _kafka_python_produce,
        "aiokafka": _aiokafka_produce,
    }
    return functions[client](address, topic, records, codec, acks, idempotent, access)


# Two bytes that stand in no record which kcat is given.
KEY_END, RECORD_END = "\x1e", "\x1f"


def _kcat_produce(address, topic, records, codec, acks, idempotent, access):
    settings = kcat_arguments(
        address,
        access,
        compression_codec=codec,
        acks=acks,
        enable_idempotence=str(idempotent).lower(),
        linger_ms=50,
    )
    # One call for each partition and set of headers: kcat takes them for all that it sends.
    for partition, headers in dict.fromkeys((record.partition, record.headers) for record in records):
        own = [record for record in records if (record.partition, record.headers) == (partition, headers)]
        need(all(record.timestamp is None for record in own), "kcat cannot set timestamps")
        given = RECORD_END.encode().join(
            (b"" if record.key is None else record.key + KEY_END.encode()) + record.value for record in own
        )
        named = [word for name, value in headers for word in ("-H", f"{name}={value.decode()}")]
        kcat(["-P", *settings, "-t", topic, "-p", f"{partition}", "-K", KEY_END, "-D", RECORD_END, *named], given)


def _confluent_produce(address, topic, records, codec, acks, idempotent, access):
    settings = librdkafka_settings(
        address, access, compression_type=codec, acks=acks, enable_idempotence=idempotent, linger_ms=50
    )
    producer = confluent_kafka.Producer(settings | {"message.max.bytes": 1 << 20})
    ends, errors = {}, []

    def delivered(index):
        def note(error, message):
            if error is not None:
                errors.append(error)
            else:
                ends[index] = (message.partition(), message.offset())

        return note

    for index, record in enumerate(records):
        time_or_now = {} if record.timestamp is None else {"timestamp": record.timestamp}
        while True:
            try:
                producer.produce(
                    topic,
                    record.value,
                    record.key,
                    record.partition,
                    headers=list(record.headers),
                    on_delivery=delivered(index),
                    **time_or_now,
                )
                break
            except BufferError:
                producer.poll(1)
    left = producer.flush(PATIENCE)
    if errors:
        raise confluent_kafka.KafkaException(errors[0])
    need(left == 0, f"{left} records were not acknowledged")
    return [ends[index] for index in range(len(records))]


def _kafka_python_produce(address, topic, records, codec, acks, idempotent, access):
    producer = kafka.KafkaProducer(
        **kafka_python_settings(address, access),
        compression_type=None if codec == "none" else codec,
        acks=acks if acks == "all" else int(acks),
        enable_idempotence=idempotent,
        linger_ms=50,
        max_request_size=4 << 20,
    )
    try:
        sent = [
            producer.send(topic, record.value, record.key, list(record.headers), record.partition, record.timestamp)
            for record in records
        ]
        producer.flush(PATIENCE)
        return [(one.partition, one.offset) for one in (future.get(PATIENCE) for future in sent)]
    finally:
        producer.close(timeout=1)


def _aiokafka_produce(address, topic, records, codec, acks, idempotent, access):
    async def run():
        producer = aiokafka.AIOKafkaProducer(
            **aiokafka_settings(address, access),
            compression_type=None if codec == "none" else codec,
            acks=acks if acks == "all" else int(acks),
            enable_idempotence=idempotent,
            linger_ms=50,
            max_request_size=1 << 20,
        )
        await producer.start()
        try:
            sent = [
                await producer.send(
                    topic, record.value, record.key, record.partition, record.timestamp, list(record.headers)
                )
                for record in records
            ]
            return [(one.partition, one.offset) for one in await asyncio.gather(*sent)]
        finally:
            await producer.stop()

    return asyncio.run(asyncio.wait_for(run(), PATIENCE))


# Consuming


def consume(client, address, topic, count, access=OPEN):
    """All that stands in a topic, at least `count` records; by partition, in the order of arrival."""
    functions = {
        "kcat": _kcat_consume,
        "confluent-kafka": _confluent_consume,
        "kafka-python": _kafka_python_consume,
        "aiokafka": _aiokafka_consume,
    }
    found = functions[client](address, topic, count, access)
    need(len(found) >= count, f"{client} read {len(found)} records of {topic} where there are {count}")
    # Stable: what came out of order within a partition stays so.
    return sorted(found, key=lambda stored: stored.partition)


def _kcat_consume(address, topic, _, access):
    output = kcat(
        ["-C", *kcat_arguments(address, access), "-t", topic, "-o", "beginning", "-e", "-q", "-f"]
        # Lengths before the bytes, which may be anything.
        + ["%p %o %T %K %S %h\n%k%s"]
    )
    found, at = [], 0
    while at < len(output):
        end = output.index(b"\n", at)
        partition, offset, timestamp, key_length, value_length, headers = output[at:end].split(b" ", 5)
        at = end + 1
        key_length, value_length = int(key_length), int(value_length)
        key = None if key_length < 0 else output[at : at + key_length]
        at += max(0, key_length)
        value = None if value_length < 0 else output[at : at + value_length]
        at += max(0, value_length)
        found.append(Stored(int(partition), int(offset), Record(key, value, headers, int(timestamp), int(partition))))
    return found


def as_kcat_prints(headers):
    return b",".join(name.encode() + b"=" + (b"NULL" if value is None else value) for name, value in headers)


def _confluent_consume(address, topic, count, access):
    consumer = confluent_kafka.Consumer(
        librdkafka_settings(address, access, group_id="unused", enable_auto_commit=False, auto_offset_reset="earliest")
    )
    partitions = consumer.list_topics(topic, PATIENCE).topics[topic].partitions
    consumer.assign([confluent_kafka.TopicPartition(topic, index, 0) for index in partitions])
    found, end = [], time.monotonic() + PATIENCE
    while len(found) < count and time.monotonic() < end:
        for message in consumer.consume(500, 0.5):
            need(message.error() is None, f"confluent-kafka: {message.error()}")
            found.append(from_confluent(message))
    consumer.close()
    return found


def from_confluent(message):
    headers = tuple(message.headers() or ())
    record = Record(message.key(), message.value(), headers, message.timestamp()[1], message.partition())
    return Stored(message.partition(), message.offset(), record)


def _kafka_python_consume(address, topic, count, access):
    consumer = kafka.KafkaConsumer(**kafka_python_settings(address, access), enable_auto_commit=False)
    partitions = consumer.partitions_for_topic(topic) or ()
    consumer.assign([kafka.TopicPartition(topic, index) for index in sorted(partitions)])
    consumer.seek_to_beginning()
    found, end = [], time.monotonic() + PATIENCE
    while len(found) < count and time.monotonic() < end:
        for messages in consumer.poll(500).values():
            found += map(from_python, messages)
    consumer.close()
    return found


def _aiokafka_consume(address, topic, count, access):
    async def run():
        consumer = aiokafka.AIOKafkaConsumer(
            **aiokafka_settings(address, access), enable_auto_commit=False, max_partition_fetch_bytes=4 << 20
        )
        await consumer.start()
        try:
            await consumer.topics()
            # It knows the partitions of topics that it follows.
            partitions = consumer.partitions_for_topic(topic) or (await _aiokafka_partitions(consumer, topic))
            consumer.assign([aiokafka.TopicPartition(topic, index) for index in sorted(partitions)])
            await consumer.seek_to_beginning()
            found, end = [], time.monotonic() + PATIENCE
            while len(found) < count and time.monotonic() < end:
                for messages in (await consumer.getmany(timeout_ms=500)).values():
                    found += map(from_python, messages)
            return found
        finally:
            await consumer.stop()

    return asyncio.run(run())


async def _aiokafka_partitions(consumer, topic):
    consumer.subscribe([topic])
    while not (partitions := consumer.partitions_for_topic(topic)):
        await asyncio.sleep(0.05)
    consumer.unsubscribe()
    return partitions


def from_python(message):
    key, value = (None if part is None else bytes(part) for part in (message.key, message.value))
    headers = tuple((name, None if value is None else bytes(value)) for name, value in message.headers)
    return Stored(message.partition, message.offset, Record(key, value, headers, message.timestamp, message.partition))


def stored_count(address, topic):
    """How many offsets there are between the ends of all partitions."""
    consumer = confluent_kafka.Consumer(librdkafka_settings(address, group_id="unused"))
    partitions = consumer.list_topics(topic, PATIENCE).topics[topic].partitions
    ends = [
        consumer.get_watermark_offsets(confluent_kafka.TopicPartition(topic, index), PATIENCE) for index in partitions
    ]
    consumer.close()
    return sum(high - low for low, high in ends)


# Records


def mixed_records(count, seed, partitions=1, start=1_795_000_000_000):
    """Records with everything that records may have: no key, no value, headers without values, any bytes, any order of
    times."""
    chance = random.Random(seed)
    records = []
    for index in range(count):
        key = chance.choice([None, b"", b"device-%d" % (index % 7), chance.randbytes(9)])
        value = chance.choice(
            [
                None,
                b"",
                b'{"device":"d%d","value":%d.5}' % (index % 7, index),
                f"Gerät {index}".encode(),
                chance.randbytes(300),
                b"long %d " % index * 2000,
            ]
        )
        headers = chance.choice(
            [(), (("input", b"lan"),), (("a", b"1"), ("a", b"2"), ("none", None)), (("raw", b"\xff\x80\x81"), ("", b""))]
        )
        timestamp = start + index * 10 + chance.randrange(-2000, 2000)
        records.append(Record(key, value, headers, timestamp, index % partitions))
    return records


def text_records(count, seed, partitions=1):
    """Records as a tool for the command line can send them: text, one set of headers, the time of sending."""
    chance = random.Random(seed)
    return [
        Record(
            chance.choice([None, b"device-%d" % (index % 7)]),
            b"line %d " % index * chance.randrange(1, 200),
            (("input", b"kcat"),),
            None,
            index % partitions,
        )
        for index in range(count)
    ]
