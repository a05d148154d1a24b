"""Readings as they come: what is sent to the UDP input arrives at consumers of every kind, in order and once.

Usage: kafka_live.py ADDRESS UDP_PORT COUNT
"""

import asyncio
import json
import socket
import sys
import threading
import time

import aiokafka
import confluent_kafka
import kafka
from kafka_clients import PATIENCE, aiokafka_settings, kafka_python_settings, librdkafka_settings, need, report

TOPIC = "readings"
DEVICES = 10
RATE = 400


class Follower:
    """A consumer in a thread of its own, from the end of the topic on."""

    def __init__(self, name, address, count):
        self.name, self.address, self.count = name, address, count
        self.is_ready = threading.Event()
        # When, and which reading.
        self.arrived = []
        self.end = time.monotonic() + PATIENCE
        self.problem = None
        self.thread = threading.Thread(target=self.follow, daemon=True)
        self.thread.start()

    @property
    def is_done(self):
        return len(self.arrived) >= self.count or time.monotonic() > self.end

    def follow(self):
        functions = {"confluent-kafka": self.librdkafka, "kafka-python": self.kafka_python, "aiokafka": self.aiokafka}
        try:
            functions[self.name]()
        except Exception as error:
            self.problem = repr(error)

    def take(self, value):
        reading = json.loads(value)
        if reading["device"].startswith("live-"):
            self.arrived.append((time.monotonic(), reading["device"], int(reading["readings"]["count"])))

    def librdkafka(self):
        consumer = confluent_kafka.Consumer(
            librdkafka_settings(self.address, group_id="live", enable_auto_commit=False, fetch_wait_max_ms=500)
        )
        _, end = consumer.get_watermark_offsets(confluent_kafka.TopicPartition(TOPIC, 0), 30)
        consumer.assign([confluent_kafka.TopicPartition(TOPIC, 0, end)])
        self.is_ready.set()
        while not self.is_done:
            message = consumer.poll(0.2)
            if message is not None and message.error() is None:
                self.take(message.value())
        consumer.close()

    def kafka_python(self):
        consumer = kafka.KafkaConsumer(**kafka_python_settings(self.address), enable_auto_commit=False)
        partition = kafka.TopicPartition(TOPIC, 0)
        consumer.assign([partition])
        consumer.seek_to_end(partition)
        consumer.position(partition)
        self.is_ready.set()
        while not self.is_done:
            for messages in consumer.poll(200).values():
                for message in messages:
                    self.take(message.value)
        consumer.close()

    def aiokafka(self):
        asyncio.run(self.follow_with_aiokafka())

    async def follow_with_aiokafka(self):
        consumer = aiokafka.AIOKafkaConsumer(**aiokafka_settings(self.address), enable_auto_commit=False)
        await consumer.start()
        partition = aiokafka.TopicPartition(TOPIC, 0)
        consumer.assign([partition])
        await consumer.seek_to_end(partition)
        await consumer.position(partition)
        self.is_ready.set()
        while not self.is_done:
            for messages in (await consumer.getmany(timeout_ms=200)).values():
                for message in messages:
                    self.take(message.value)
        await consumer.stop()


def send(port, count):
    """When each reading was sent."""
    sent = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.connect(("127.0.0.1", port))
        for number in range(count):
            sent.append(time.monotonic())
            datagrams.send(b'{"device":"live-%d","count":%d}' % (number % DEVICES, number))
            time.sleep(1 / RATE)
    return sent


def main():
    address, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    followers = [Follower(name, address, count) for name in ("confluent-kafka", "kafka-python", "aiokafka")]
    for follower in followers:
        need(follower.is_ready.wait(60), f"{follower.name} is not ready: {follower.problem}")
    sent = send(port, count)
    delays = {}
    for follower in followers:
        follower.thread.join(PATIENCE)
        need(follower.problem is None, f"{follower.name}: {follower.problem}")
        numbers = [number for _, _, number in follower.arrived]
        need(sorted(numbers) == list(range(count)), f"{follower.name}: {len(set(numbers))} of {count}, {len(numbers)} in all")
        for device in range(DEVICES):
            own = [number for _, name, number in follower.arrived if name == f"live-{device}"]
            need(own == sorted(own), f"{follower.name}: readings of live-{device} are out of order")
        waits = sorted(at - sent[number] for at, _, number in follower.arrived)
        delays[follower.name] = {
            "p50 ms": round(waits[len(waits) // 2] * 1000, 1),
            "p99 ms": round(waits[len(waits) * 99 // 100] * 1000, 1),
        }
    report(readings=count, delays=delays)


main()
