"""Positions: offsets for times, the ends of partitions, seeking, and what happens beyond the end.

Usage: kafka_offsets.py ADDRESS
"""

import asyncio
import sys

import aiokafka
import confluent_kafka
import kafka
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec
from kafka_clients import (
    Record,
    aiokafka_settings,
    kafka_python_settings,
    kcat,
    kcat_arguments,
    librdkafka_settings,
    need,
    produce,
    report,
)

TOPIC = "positions"
START = 1_795_000_000_000
COUNT = 500
# The record with the largest timestamp is neither the last nor the first of its batch.
LARGEST = (321, START + 10_000_000)
# No record is so late.
BEYOND = START + 20_000_000


def timestamps():
    """Ten seconds between two records, but for the one that is ahead of its time."""
    return [LARGEST[1] if offset == LARGEST[0] else START + offset * 10_000 for offset in range(COUNT)]


def first_at_or_after(time):
    """What Kafka answers: the first record by offset that is not older."""
    return next((offset for offset, stamp in enumerate(timestamps()) if stamp >= time), None)


# Exact, between two, before the first, of the largest, after every other one than the largest, beyond all.
ASKED = [START + 50 * 10_000, START + 50 * 10_000 + 1, 0, LARGEST[1], START + 499 * 10_000 + 1, BEYOND]


def confluent(address):
    consumer = confluent_kafka.Consumer(
        librdkafka_settings(address, group_id="positions-confluent", enable_auto_commit=False, auto_offset_reset="earliest")
    )
    for time in ASKED:
        answer = consumer.offsets_for_times([confluent_kafka.TopicPartition(TOPIC, 0, time)], 30)[0].offset
        # librdkafka says the end where there is none.
        expected = first_at_or_after(time)
        expected = confluent_kafka.OFFSET_END if expected is None else expected
        need(answer == expected, f"confluent-kafka: the offset for {time} is {answer}, not {expected}")
    ends = consumer.get_watermark_offsets(confluent_kafka.TopicPartition(TOPIC, 0), 30)
    need(ends == (0, COUNT), f"confluent-kafka: the ends are {ends}")
    consumer.close()
    admin = AdminClient(librdkafka_settings(address))
    specs = {
        "latest": (OffsetSpec.latest(), COUNT, -1),
        "earliest": (OffsetSpec.earliest(), 0, -1),
        "largest timestamp": (OffsetSpec.max_timestamp(), *LARGEST),
        "a time": (OffsetSpec.for_timestamp(START + 1), 1, START + 10_000),
        "no time": (OffsetSpec.for_timestamp(BEYOND), -1, -1),
    }
    partition = confluent_kafka.TopicPartition(TOPIC, 0)
    for name, (spec, offset, time) in specs.items():
        answer = admin.list_offsets({partition: spec})[partition].result(30)
        need((answer.offset, answer.timestamp) == (offset, time), f"{name}: {answer.offset} at {answer.timestamp}")
    return len(ASKED) + len(specs) + 1


def kafka_python(address):
    consumer = kafka.KafkaConsumer(**kafka_python_settings(address), enable_auto_commit=False, auto_offset_reset="earliest")
    partition = kafka.TopicPartition(TOPIC, 0)
    consumer.assign([partition])
    for time in ASKED:
        answer, expected = consumer.offsets_for_times({partition: time})[partition], first_at_or_after(time)
        if expected is None:
            need(answer is None, f"kafka-python: there is an offset for {time}: {answer}")
        else:
            found = (answer.offset, answer.timestamp)
            need(found == (expected, timestamps()[expected]), f"kafka-python: the offset for {time} is {found}")
    need(consumer.beginning_offsets([partition]) == {partition: 0}, "kafka-python: the beginning")
    need(consumer.end_offsets([partition]) == {partition: COUNT}, "kafka-python: the end")
    seeks(lambda: one_of_kafka_python(consumer), consumer, partition, "kafka-python")
    consumer.close()
    return len(ASKED) + 2


def one_of_kafka_python(consumer):
    for _ in range(60):
        for messages in consumer.poll(500, max_records=1).values():
            return messages[0].offset
    sys.exit("kafka-python: nothing to read")


def seeks(read, consumer, partition, name):
    consumer.seek_to_end(partition)
    need(consumer.position(partition) == COUNT, f"{name}: the end is {consumer.position(partition)}")
    consumer.seek_to_beginning(partition)
    need(read() == 0, f"{name}: the beginning is not read first")
    consumer.seek(partition, 432)
    need(read() == 432, f"{name}: 432 is not read after seeking it")
    # Neither the first of its batch.
    consumer.seek(partition, COUNT - 1)
    need(read() == COUNT - 1, f"{name}: the last record is not read after seeking it")
    # Beyond the end there is nothing: the client starts where it was told to.
    consumer.seek(partition, COUNT + 1000)
    need(read() == 0, f"{name}: beyond the end it did not start anew")


async def aio(address):
    consumer = aiokafka.AIOKafkaConsumer(
        **aiokafka_settings(address), enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        partition = aiokafka.TopicPartition(TOPIC, 0)
        consumer.assign([partition])
        for time in ASKED:
            answer, expected = (await consumer.offsets_for_times({partition: time}))[partition], first_at_or_after(time)
            found = answer and (answer.offset, answer.timestamp)
            wanted = None if expected is None else (expected, timestamps()[expected])
            need(found == wanted, f"aiokafka: the offset for {time} is {found}, not {wanted}")
        need(await consumer.beginning_offsets([partition]) == {partition: 0}, "aiokafka: the beginning")
        need(await consumer.end_offsets([partition]) == {partition: COUNT}, "aiokafka: the end")
        for offset, expected in [(0, 0), (432, 432), (COUNT - 1, COUNT - 1), (COUNT + 1000, 0)]:
            consumer.seek(partition, offset)
            found = (await asyncio.wait_for(consumer.getone(), 60)).offset
            need(found == expected, f"aiokafka: {found} was read after seeking {offset}")
    finally:
        await consumer.stop()
    return len(ASKED) + 6


def librdkafka_resets(address):
    """Beyond the end: `earliest` starts anew, `latest` waits at the end, `error` says so."""
    for reset in ("earliest", "latest", "error"):
        consumer = confluent_kafka.Consumer(
            librdkafka_settings(address, group_id=f"resets-{reset}", enable_auto_commit=False, auto_offset_reset=reset)
            | {"enable.partition.eof": True}
        )
        consumer.assign([confluent_kafka.TopicPartition(TOPIC, 0, COUNT + 1000)])
        message = consumer.poll(60)
        need(message is not None, f"{reset}: nothing came")
        if reset == "earliest":
            need(message.error() is None and message.offset() == 0, f"earliest: {message.error()} {message.offset()}")
        elif reset == "latest":
            need(message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF, f"latest: {message.error()}")
            need(message.offset() == COUNT, f"latest: at {message.offset()}")
        else:
            need(message.error().code() == confluent_kafka.KafkaError._AUTO_OFFSET_RESET, f"error: {message.error()}")
        consumer.close()
    return 3


def console(address):
    settings = kcat_arguments(address)
    for time in ASKED:
        answer = kcat(["-Q", *settings, "-t", f"{TOPIC}:0:{time}"]).decode().split()
        expected = first_at_or_after(time)
        need(answer[-1] == f"{-1 if expected is None else expected}", f"kcat: the offset for {time} is {answer}")
    for start, expected in [("beginning", 0), ("-3", COUNT - 3), ("77", 77), (f"s@{START + 1}", 1)]:
        output = kcat(["-C", *settings, "-t", TOPIC, "-o", start, "-c", "1", "-q", "-f", "%o"])
        need(output == b"%d" % expected, f"kcat: from {start} on the first is {output}, not {expected}")
    return len(ASKED) + 4


def main():
    address = sys.argv[1]
    admin = AdminClient(librdkafka_settings(address))
    admin.create_topics([NewTopic(TOPIC, 1, 1)])[TOPIC].result(60)
    records = [Record(b"k", b"%d" % offset, timestamp=stamp) for offset, stamp in enumerate(timestamps())]
    # Several batches, and of every codec.
    for index, codec in enumerate(("none", "gzip", "snappy", "lz4", "zstd")):
        produce("confluent-kafka", address, TOPIC, records[index * 100 : index * 100 + 100], codec)
    seen = {
        "confluent-kafka": confluent(address) + librdkafka_resets(address),
        "kafka-python": kafka_python(address),
        "aiokafka": asyncio.run(aio(address)),
        "kcat": console(address),
    }
    report(answers=seen)


main()
