"""Writes with every client and reads in a group, while somebody else kills the broker, until SIGTERM.

Usage: kafka_kills.py ADDRESS [--acks 0]   With --acks 0 the writer that need not be exact does not wait for anything,
                                           and what is lost must be found.

Prints a line of JSON every while: {"acknowledged": {writer: records}, "committed": records}, so that who kills knows that
all go on. After SIGTERM: every record that was acknowledged is there, of idempotent producers once, of the other at least
once, in order; the readers have read all; no commit that was confirmed was ever taken back.
"""

import argparse
import asyncio
import random
import signal
import sys
import threading
import time

import aiokafka
import confluent_kafka
import kafka
from confluent_kafka.admin import AdminClient, NewTopic
from kafka_clients import consume, librdkafka_settings, need, report, stored_count, until
from kafka_groups import Member

PARTITIONS = 3
# Records of a writer that are not acknowledged yet.
WINDOW = 500
PAUSE = 0.002
GROUP = "readers"

is_over = threading.Event()
problems = []


class Writer:
    """One producer, in a thread of its own. Each partition gets the numbers from 0 on."""

    def __init__(self, name, address, acks="all", idempotent=True):
        self.name, self.address, self.acks, self.idempotent = name, address, acks, idempotent
        self.topic = f"kills-{name}"
        self.sent = [0] * PARTITIONS
        # Number and offset of each record, by partition.
        self.acknowledged = [[] for _ in range(PARTITIONS)]
        self.waiting = 0
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self.run_and_note)

    @property
    def count(self):
        return sum(map(len, self.acknowledged))

    def next(self):
        partition = random.randrange(PARTITIONS)
        number = self.sent[partition]
        self.sent[partition] += 1
        with self.lock:
            self.waiting += 1
        return partition, number, b"%s %d" % (self.name.encode(), number)

    def note(self, partition, number, offset, error=None):
        with self.lock:
            self.waiting -= 1
        if error is not None:
            problems.append(f"{self.name}: number {number} of partition {partition} failed: {error}")
        else:
            self.acknowledged[partition].append((number, offset))

    def run_and_note(self):
        try:
            self.run()
        except Exception as error:
            problems.append(f"{self.name} ended: {error!r}")

    def verify(self):
        """How many records stand there more than once."""
        found = consume("confluent-kafka", self.address, self.topic, stored_count(self.address, self.topic))
        twice = 0
        for partition in range(PARTITIONS):
            own = [stored for stored in found if stored.partition == partition]
            numbers = [int(stored.record.value.split()[1]) for stored in own]
            at = {stored.offset: number for stored, number in zip(own, numbers)}
            where = f"{self.name}, partition {partition}"
            there = set(numbers)
            missing = [number for number, _ in self.acknowledged[partition] if number not in there]
            need(not missing, f"{where}: {len(missing)} records were acknowledged and are not there: {missing[:5]}")
            wrong = [(n, o) for n, o in self.acknowledged[partition] if o is not None and o >= 0 and at.get(o) != n]
            need(not wrong, f"{where}: {len(wrong)} records are not at the offset that was told: {wrong[:5]}")
            twice += len(numbers) - len(there)
            first = list(dict.fromkeys(numbers))
            need(first == sorted(first), f"{where}: the records are not in the order of sending")
            if self.idempotent:
                need(numbers == list(range(self.sent[partition])), f"{where}: not every record is there exactly once")
        return twice


class LibrdkafkaWriter(Writer):
    def run(self):
        producer = confluent_kafka.Producer(
            librdkafka_settings(
                self.address,
                acks=self.acks,
                enable_idempotence=self.idempotent,
                max_in_flight=5 if self.idempotent else 1,
                linger_ms=5,
                reconnect_backoff_max_ms=500,
            )
        )
        while not is_over.is_set():
            producer.poll(PAUSE)
            if self.waiting < WINDOW:
                partition, number, value = self.next()

                def delivered(error, message, partition=partition, number=number):
                    # Without acknowledgements nobody knows offsets.
                    self.note(partition, number, None if self.acks == "0" else message.offset(), error)

                producer.produce(self.topic, value, partition=partition, on_delivery=delivered)
        left = producer.flush(100)
        if left:
            problems.append(f"{self.name}: {left} records were never acknowledged")


class KafkaPythonWriter(Writer):
    def run(self):
        producer = kafka.KafkaProducer(
            bootstrap_servers=self.address, acks="all", enable_idempotence=True, linger_ms=5, reconnect_backoff_max_ms=500
        )
        while not is_over.is_set():
            time.sleep(PAUSE)
            if self.waiting < WINDOW:
                partition, number, value = self.next()
                future = producer.send(self.topic, value, partition=partition)
                future.add_callback(lambda one, p=partition, n=number: self.note(p, n, one.offset))
                future.add_errback(lambda error, p=partition, n=number: self.note(p, n, None, repr(error)))
        producer.flush(100)
        producer.close(timeout=10)


class AIOKafkaWriter(Writer):
    def run(self):
        asyncio.run(self.write())

    async def write(self):
        producer = aiokafka.AIOKafkaProducer(
            bootstrap_servers=self.address, acks="all", enable_idempotence=True, linger_ms=5
        )
        await producer.start()
        while not is_over.is_set():
            await asyncio.sleep(PAUSE)
            if self.waiting < WINDOW:
                partition, number, value = self.next()
                future = await producer.send(self.topic, value, partition=partition)
                future.add_done_callback(lambda one, p=partition, n=number: self.done(one, p, n))
        await producer.flush()
        await producer.stop()

    def done(self, future, partition, number):
        error = future.exception()
        self.note(partition, number, None if error else future.result().offset, error)


class Readers:
    """Two members of a group that follow a topic. One of them is killed again and again."""

    def __init__(self, address, topic):
        self.address, self.topic, self.kills = address, topic, 0
        # Not an AdminClient: its questions trip an assertion of librdkafka where the broker goes away meanwhile.
        self.asking = confluent_kafka.Consumer(
            librdkafka_settings(address, group_id=GROUP, enable_auto_commit=False, reconnect_backoff_max_ms=500)
        )
        self.members = [self.start(client) for client in ("confluent-kafka", "kafka-python")]
        self.past = []
        # The largest offset of each partition that somebody was told is committed, or that was found so.
        self.confirmed = [0] * PARTITIONS

    def start(self, client):
        return Member(client, self.address, GROUP, self.topic, "range", "--pause", "0")

    def kill_one(self):
        victim = self.members[0]
        if not victim.said("committed"):
            return
        victim.kill()
        self.kills += 1
        self.past.append(victim)
        self.members[0] = self.start("confluent-kafka")

    def check(self):
        """What was confirmed before the question stands in the answer. False where nobody answers."""
        confirmed = list(self.confirmed)
        for member in self.past + self.members:
            for event in member.said("committed"):
                for partition, offset in event["committed"].items():
                    confirmed[int(partition)] = max(confirmed[int(partition)], offset)
        partitions = [confluent_kafka.TopicPartition(self.topic, index) for index in range(PARTITIONS)]
        try:
            answer = self.asking.committed(partitions, 5)
        except confluent_kafka.KafkaException:
            return False
        for one in answer:
            # librdkafka also asks while a broker is starting.
            if one.error is not None:
                return False
            before = confirmed[one.partition]
            need(one.offset >= before or before == 0, f"partition {one.partition}: {before} was committed, now {one.offset}")
            confirmed[one.partition] = max(before, one.offset)
        self.confirmed = confirmed
        return True

    def everything(self):
        return {tuple(event["read"]) for member in self.past + self.members for event in member.said("read")}

    def finish(self, ends):
        wanted = {(partition, offset) for partition, end in enumerate(ends) for offset in range(end)}
        until("the readers have read all", lambda: wanted <= self.everything())
        until("the readers have committed all", lambda: self.check() and self.confirmed == ends)
        for member in self.members:
            member.leave()
        reads = sum(len(member.said("read")) for member in self.past + self.members)
        return {"read": reads, "twice": reads - len(wanted)}


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("address")
    arguments.add_argument("--acks", default="all")
    given = arguments.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: is_over.set())
    # Where nobody ends it.
    signal.alarm(1800)
    writers = [
        LibrdkafkaWriter("confluent-kafka", given.address),
        KafkaPythonWriter("kafka-python", given.address),
        AIOKafkaWriter("aiokafka", given.address),
        LibrdkafkaWriter("at-least-once", given.address, given.acks, False),
    ]
    admin = AdminClient(librdkafka_settings(given.address))
    made = admin.create_topics([NewTopic(writer.topic, PARTITIONS, 1) for writer in writers])
    for topic in made.values():
        topic.result(60)
    readers = Readers(given.address, writers[0].topic)
    for writer in writers:
        writer.thread.start()
    last = time.monotonic()
    while not is_over.wait(0.1) and not problems:
        readers.check()
        report(acknowledged={writer.name: writer.count for writer in writers}, committed=sum(readers.confirmed))
        if time.monotonic() - last > 4:
            readers.kill_one()
            last = time.monotonic()
    is_over.set()
    for writer in writers:
        writer.thread.join()
    need(not problems, "; ".join(problems[:3]))
    for writer in writers:
        need(writer.count == sum(writer.sent), f"{writer.name}: {writer.count} of {sum(writer.sent)} were acknowledged")
    read = readers.finish([len(part) for part in writers[0].acknowledged])
    twice = {writer.name: writer.verify() for writer in writers}
    report(
        acknowledged={writer.name: writer.count for writer in writers}, twice=twice, readers=read, reader_kills=readers.kills
    )


try:
    main()
except SystemExit as end:
    # Writers whose threads still run must not keep the process.
    is_over.set()
    if isinstance(end.code, str):
        print(end.code, file=sys.stderr)
    sys.stderr.flush()
    sys.stdout.flush()
    raise
