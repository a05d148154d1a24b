"""Large batches, many partitions, and consumers that do not read what they asked for.

Usage: kafka_load.py ADDRESS [large] [partitions] [slow]   All of it, or what is named.
"""

import random
import socket
import struct
import sys
import threading
import time

import confluent_kafka
from confluent_kafka.admin import AdminClient, NewTopic
from kafka_clients import CLIENTS, PATIENCE, Record, consume, librdkafka_settings, need, produce, report

LARGE = 900 << 10
PARTITIONS = 50
# What the records of a slow consumer's topic come to: more than sockets and the listener keep for one connection.
SLOW_BYTES = 200 << 20
MESSAGE_TOO_LARGE = 10


def create(address, topic, partitions):
    admin = AdminClient(librdkafka_settings(address))
    admin.create_topics([NewTopic(topic, partitions, 1)])[topic].result(60)


def text(length, seed):
    """Letters that no codec shrinks much."""
    return random.Random(seed).randbytes(length // 2).hex().encode()


def large(address):
    """Records of nearly the largest size, one to a batch, from every client to every client."""
    count = 0
    for client in CLIENTS:
        topic = f"large-{client}"
        create(address, topic, 1)
        records = [Record(b"k%d" % index, text(LARGE, index)) for index in range(5)]
        produce(client, address, topic, records)
        for reader in CLIENTS:
            found = [stored.record.value for stored in consume(reader, address, topic, len(records))]
            need(found == [record.value for record in records], f"{reader} did not read what {client} wrote")
            count += len(found)
    return {"read": count, "refused": too_large(address)}


def too_large(address):
    """One byte batch more than a broker takes, from a client that would send more."""
    producer = confluent_kafka.Producer(librdkafka_settings(address, message_max_bytes=4 << 20))
    codes = []
    for length in (1_048_588, 3 << 20):
        producer.produce("large-kcat", bytes(length), on_delivery=lambda error, _: codes.append(error and error.code()))
    need(producer.flush(PATIENCE) == 0, "records that are too large are not answered")
    need(codes == [MESSAGE_TOO_LARGE] * 2, f"records that are too large are answered with {codes}")
    return len(codes)


def partitions(address):
    topic, per_partition = "partitions", 40
    create(address, topic, PARTITIONS)
    records = [
        Record(b"%d" % partition, b"%d" % index, partition=partition)
        for index in range(per_partition)
        for partition in range(PARTITIONS)
    ]
    written = 0
    for client in CLIENTS[1:]:
        ends = produce(client, address, topic, records, "lz4")
        expected = [(record.partition, written + int(record.value)) for record in records]
        need(ends == expected, f"{client}: offsets in {PARTITIONS} partitions are not those of the records")
        written += per_partition
    for reader in CLIENTS:
        found = consume(reader, address, topic, written * PARTITIONS)
        values = {partition: [] for partition in range(PARTITIONS)}
        for stored in found:
            values[stored.partition].append(int(stored.record.value))
        expected = list(range(per_partition)) * (written // per_partition)
        need(all(own == expected for own in values.values()), f"{reader} did not read {PARTITIONS} partitions in order")
    return {"partitions": PARTITIONS, "records": written * PARTITIONS}


class SlowConsumer:
    """A connection that has asked for more than it reads."""

    requests = 12
    answer_bytes = 8 << 20

    def __init__(self, address, topic):
        host, port = address.rsplit(":", 1)
        self.socket = socket.socket()
        # What the kernel keeps for it shall be little.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
        self.socket.connect((host, int(port)))
        name = topic.encode()
        fetch = struct.pack(">iiiib", -1, 1000, 1, self.answer_bytes, 0)
        fetch += struct.pack(">ih", 1, len(name)) + name + struct.pack(">iiqi", 1, 0, 0, self.answer_bytes)
        for number in range(self.requests):
            request = struct.pack(">hhih", 1, 4, number, -1) + fetch
            self.socket.sendall(struct.pack(">i", len(request)) + request)
        self.read = 0

    def take(self, count):
        """Reads so many bytes; False at the end of the connection."""
        while count > 0:
            try:
                part = self.socket.recv(min(count, 1 << 20))
            except ConnectionResetError:
                return False
            if not part:
                return False
            count -= len(part)
            self.read += len(part)
        return True

    def is_closed(self):
        """Whether the other side has closed it. What is unread would stand before the end of the stream, so that only the
        kernel knows."""
        established, own = "01", self.socket.getsockname()[1]
        with open("/proc/net/tcp", encoding="ascii") as table:
            states = [line.split()[3] for line in table if line.split()[2].endswith(f":{own:04X}")]
        return states != [established]


def slow(address):
    """One consumer reads nothing, another little by little; the rest of the world does not notice."""
    topic = "slow"
    create(address, topic, 1)
    value = text(LARGE, 7)
    produce("confluent-kafka", address, topic, [Record(None, value)] * (SLOW_BYTES // LARGE))
    silent, steady = SlowConsumer(address, topic), SlowConsumer(address, topic)
    start, rounds, problem = time.monotonic(), 0, []

    def drip():
        # Less than one answer in the time that a silent one has; never a second without reading.
        while not is_over.is_set():
            if not steady.take(32 << 10):
                problem.append(f"the one that reads was closed after {steady.read} bytes")
                return
            is_over.wait(0.2)

    is_over = threading.Event()
    reader = threading.Thread(target=drip)
    reader.start()
    while not silent.is_closed() and not problem and time.monotonic() - start < 3 * PATIENCE:
        other = f"others-{rounds}"
        records = [Record(b"k", b"%d" % index) for index in range(100)]
        produce("confluent-kafka", address, other, records)
        found = [stored.record.value for stored in consume("confluent-kafka", address, other, len(records))]
        need(found == [record.value for record in records], "others were disturbed")
        rounds += 1
        time.sleep(0.5)
    closed_after = time.monotonic() - start
    need(silent.is_closed() or problem, "a connection that nobody reads from was never closed")
    is_over.set()
    reader.join()
    need(not problem, " ".join(problem))
    read = steady.read
    need(steady.take(2 * SlowConsumer.answer_bytes), "the one that reads was closed later")
    return {"closed after": round(closed_after), "rounds of others": rounds, "bytes read meanwhile": read}


def main():
    cases = {"large": large, "partitions": partitions, "slow": slow}
    wanted = sys.argv[2:] or list(cases)
    report(**{name: cases[name](sys.argv[1]) for name in wanted})


main()
