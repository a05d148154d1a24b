"""One member of a consumer group, as a process of its own that can be killed.

Usage: kafka_member.py CLIENT ADDRESS GROUP TOPIC STRATEGY [--instance ID] [--session MILLISECONDS] [--pause SECONDS]

CLIENT is confluent-kafka, kafka-python or aiokafka; STRATEGY range, roundrobin, sticky, cooperative-sticky. Prints a line of
JSON for whatever happens: {"at": seconds, ...} with "assigned": [partition...] where the assignment has changed, "read":
[partition, offset], and "committed": {partition: offset} when the commit was confirmed. `at` counts for all processes of the
machine. Leaves the group at SIGTERM, and ends where its parent has ended.
"""

import argparse
import asyncio
import json
import os
import signal
import time

import aiokafka
import confluent_kafka
import kafka
from aiokafka.coordinator.assignors.range import RangePartitionAssignor as AIORange
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor as AIORoundRobin
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor as AIOSticky
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from kafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from kafka_clients import aiokafka_settings, kafka_python_settings, librdkafka_settings

KAFKA_PYTHON = {
    "range": RangePartitionAssignor,
    "roundrobin": RoundRobinPartitionAssignor,
    "sticky": StickyPartitionAssignor,
    "cooperative-sticky": CooperativeStickyAssignor,
}
AIOKAFKA = {"range": AIORange, "roundrobin": AIORoundRobin, "sticky": AIOSticky}
BATCH = 20

parent = os.getppid()
is_stopped = False
assigned = None


def is_over():
    return is_stopped or os.getppid() != parent


def say(**event):
    print(json.dumps({"at": time.monotonic(), **event}), flush=True)


def note_assignment(partitions):
    global assigned
    if sorted(partitions) != assigned:
        assigned = sorted(partitions)
        say(assigned=assigned)


def confluent_member(given):
    more = {"group_instance_id": given.instance} if given.instance else {}
    consumer = confluent_kafka.Consumer(
        librdkafka_settings(
            given.address,
            group_id=given.group,
            session_timeout_ms=given.session,
            heartbeat_interval_ms=given.session // 10,
            partition_assignment_strategy=given.strategy,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            **more,
        )
    )
    consumer.subscribe([given.topic])
    while not is_over():
        messages = consumer.consume(BATCH, 0.2)
        note_assignment([one.partition for one in consumer.assignment()])
        for message in messages:
            if message.error() is None:
                say(read=[message.partition(), message.offset()])
        if messages:
            time.sleep(given.pause)
            try:
                done = consumer.commit(asynchronous=False)
                say(committed={one.partition: one.offset for one in done if one.offset >= 0 and one.error is None})
            except confluent_kafka.KafkaException as error:
                # The group is being divided anew: whoever gets the partitions reads it again.
                say(refused=str(error))
    consumer.close()


def kafka_python_member(given):
    consumer = kafka.KafkaConsumer(
        given.topic,
        **kafka_python_settings(given.address),
        group_id=given.group,
        group_instance_id=given.instance,
        session_timeout_ms=given.session,
        heartbeat_interval_ms=given.session // 10,
        partition_assignment_strategy=[KAFKA_PYTHON[given.strategy]],
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_poll_records=BATCH,
    )
    while not is_over():
        try:
            polled = consumer.poll(200)
        except (kafka.errors.KafkaConnectionError, kafka.errors.NodeNotReadyError) as error:
            # It asks for metadata where the broker is gone, and does not try again by itself.
            say(refused=repr(error))
            time.sleep(0.1)
            continue
        note_assignment([one.partition for one in consumer.assignment()])
        ends = {}
        for partition, messages in polled.items():
            for message in messages:
                say(read=[message.partition, message.offset])
            ends[partition] = kafka.OffsetAndMetadata(messages[-1].offset + 1, "", -1)
        if ends:
            time.sleep(given.pause)
            try:
                consumer.commit(ends)
                say(committed={partition.partition: end.offset for partition, end in ends.items()})
            except kafka.errors.KafkaError as error:
                say(refused=repr(error))
    consumer.close(autocommit=False)


async def aiokafka_member(given):
    consumer = aiokafka.AIOKafkaConsumer(
        given.topic,
        **aiokafka_settings(given.address),
        group_id=given.group,
        group_instance_id=given.instance,
        session_timeout_ms=given.session,
        heartbeat_interval_ms=given.session // 10,
        partition_assignment_strategy=[AIOKAFKA[given.strategy]],
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    while not is_over():
        polled = await consumer.getmany(timeout_ms=200, max_records=BATCH)
        note_assignment([one.partition for one in consumer.assignment()])
        ends = {}
        for partition, messages in polled.items():
            for message in messages:
                say(read=[message.partition, message.offset])
            ends[partition] = messages[-1].offset + 1
        if ends:
            await asyncio.sleep(given.pause)
            try:
                await consumer.commit(ends)
                say(committed={partition.partition: end for partition, end in ends.items()})
            except aiokafka.errors.KafkaError as error:
                say(refused=repr(error))
    await consumer.stop()


def stop(*_):
    global is_stopped
    is_stopped = True


arguments = argparse.ArgumentParser()
for name in ("client", "address", "group", "topic", "strategy"):
    arguments.add_argument(name)
arguments.add_argument("--instance")
arguments.add_argument("--session", type=int, default=4000)
arguments.add_argument("--pause", type=float, default=0.02)
chosen = arguments.parse_args()
signal.signal(signal.SIGTERM, stop)
if chosen.client == "aiokafka":
    asyncio.run(aiokafka_member(chosen))
else:
    {"confluent-kafka": confluent_member, "kafka-python": kafka_python_member}[chosen.client](chosen)
