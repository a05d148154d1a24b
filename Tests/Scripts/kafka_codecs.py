"""Produces with every client, codec and kind of acknowledgement, and reads it back with every client, byte for byte.

Usage: kafka_codecs.py ADDRESS [--tail FOREBAY DATA]   With --tail also by `forebay tail`, from the data directory.
"""

import argparse
import base64
import json
import subprocess
import time

from kafka_clients import CLIENTS, CODECS, as_kcat_prints, consume, mixed_records, need, produce, report, text_records

KINDS = {"acks-1": ("1", False), "acks-all": ("all", False), "idempotent": ("all", True)}
PARTITIONS = 1
PER_CODEC = 60


def written(client, kind, address, topic):
    """Produces with every codec; the records as they must stand in the topic."""
    acks, idempotent = KINDS[kind]
    records = []
    for seed, codec in enumerate(CODECS):
        own = text_records(PER_CODEC, seed) if client == "kcat" else mixed_records(PER_CODEC, seed)
        if client in ("kafka-python", "aiokafka"):
            own = [with_value(record) for record in own]
        ends = produce(client, address, topic, own, codec, acks, idempotent)
        expected = [(0, len(records) + index) for index in range(len(own))]
        need(ends is None or ends == expected, f"{client} was told other offsets of {topic} than {expected[0]} and on")
        records += own
    return records


def with_value(record):
    """The clients in Python refuse records with neither key nor value, and one of them headers without one."""
    headers = tuple((name, value or b"") for name, value in record.headers)
    return record._replace(headers=headers, value=record.value if record.key else record.value or b"")


def compare(reader, topic, records, found, since):
    """Every record once, in order, with all its bytes."""
    need(len(found) == len(records), f"{reader} read {len(found)} records of {topic}, not {len(records)}")
    for offset, (record, stored) in enumerate(zip(records, found)):
        where = f"{reader}, {topic} at {offset}"
        need(stored.offset == offset, f"{where}: offset {stored.offset}")
        for part in ("key", "value"):
            want, got = getattr(record, part), getattr(stored.record, part)
            need(want == got, f"{where}: the {part} is {got!r:.100}, not {want!r:.100}")
        headers = as_kcat_prints(record.headers) if reader == "kcat" else record.headers
        need(stored.record.headers == headers, f"{where}: the headers are {stored.record.headers}, not {headers}")
        timestamp = stored.record.timestamp
        if record.timestamp is not None:
            need(timestamp == record.timestamp, f"{where}: the time is {timestamp}, not {record.timestamp}")
        else:
            now = time.time() * 1000
            need(since - 1 <= timestamp <= now, f"{where}: the time is {timestamp}, and it was sent from {since} to {now}")


def as_tail_prints(part):
    if part is None:
        return None
    try:
        return part.decode()
    except UnicodeDecodeError:
        return [("base64", base64.b64encode(part).decode())]


def value_as_tail_prints(value):
    try:
        return json.loads(value, object_pairs_hook=lambda pairs: pairs)
    except (TypeError, ValueError):
        return as_tail_prints(value)


def compare_tail(program, data, topic, records):
    run = subprocess.run(
        [program, "tail", topic, "--from", "earliest", "-o", "ndjson", "--data", data], capture_output=True, check=False
    )
    need(run.returncode == 0, f"forebay tail {topic}: exit {run.returncode}: {run.stderr.decode()}")
    # Of headers with one name there may be several.
    lines = [dict(json.loads(line, object_pairs_hook=lambda pairs: pairs)) for line in run.stdout.splitlines()]
    need(len(lines) == len(records), f"tail printed {len(lines)} records of {topic}, not {len(records)}")
    for offset, (record, line) in enumerate(zip(records, lines)):
        where = f"tail, {topic} at {offset}"
        need((line["topic"], line["partition"], line["offset"]) == (topic, 0, offset), f"{where}: {line}")
        need(line["key"] == as_tail_prints(record.key), f"{where}: the key is {line['key']!r:.100}")
        need(line["value"] == value_as_tail_prints(record.value), f"{where}: the value is {line['value']!r:.100}")
        headers = [(name, as_tail_prints(value)) for name, value in record.headers]
        need(line["headers"] == headers, f"{where}: the headers are {line['headers']}, not {headers}")
        if record.timestamp is not None:
            need(line["timestamp"] == record.timestamp, f"{where}: the time is {line['timestamp']}")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("address")
    arguments.add_argument("--tail", nargs=2, metavar=("FOREBAY", "DATA"))
    given = arguments.parse_args()
    count = 0
    for client in CLIENTS:
        for kind in KINDS:
            topic, since = f"codecs-{client}-{kind}", int(time.time() * 1000)
            records = written(client, kind, given.address, topic)
            for reader in CLIENTS:
                compare(reader, topic, records, consume(reader, given.address, topic, len(records)), since)
            if given.tail:
                compare_tail(*given.tail, topic, records)
            count += len(records)
    report(topics=len(CLIENTS) * len(KINDS), records=count, readers=len(CLIENTS))


main()
