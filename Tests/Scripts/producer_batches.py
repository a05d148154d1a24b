"""Writes record batches as producers send them: librdkafka, kafka-python and aiokafka, each with its own encoder.

Usage: producer_batches.py DIRECTORY
           One file NAME.batch per client, codec and kind; Tests/CommitLogTests/ForeignBatches has them.

The producers talk to the broker that librdkafka brings for its own tests; what it stored is fetched as it came, but for the
base offset, which is set back to the 0 that producers send. Every batch of kind `records` holds the five records of RECORDS;
the three of kind `idempotent` hold 3, 2 and 4 records of one producer, in this order.
"""

import asyncio
import os
import socket
import struct
import sys

import aiokafka
import kafka
from confluent_kafka import Producer

TIME = 1795000000000
# Key, value, headers, timestamp. The largest timestamp is neither the first nor the last.
RECORDS = [
    (b"d1", b"first" * 20, [("input", b"lan"), ("empty", b"")], TIME),
    (None, b"second" * 20, [], TIME + 5),
    (b"d3", None, [], TIME + 9000),
    (b"", b"", [("none", None)], TIME - 7),
    (b"d5", b"fifth" * 200, [], TIME + 1),
]
COUNTS = (3, 2, 4)
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")


class Broker:
    def __init__(self):
        self.producer = Producer({"bootstrap.servers": "unused:1", "test.mock.num.brokers": 1})
        broker = list(self.producer.list_topics(timeout=10).brokers.values())[0]
        self.host, self.port = broker.host, broker.port
        self.address = f"{broker.host}:{broker.port}"

    def fetch(self, topic, offset=0):
        name = topic.encode()
        request = struct.pack(">hhihii", 1, 4, 1, -1, -1, 100) + struct.pack(">iib", 1, 8 << 20, 0)
        request += struct.pack(">ih", 1, len(name)) + name + struct.pack(">iiqi", 1, 0, offset, 8 << 20)
        with socket.create_connection((self.host, self.port)) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            answer = receive(connection, struct.unpack(">i", receive(connection, 4))[0])
        at = 4 + 4 + 4 + 2 + len(name) + 4
        _, error, _, _, aborted = struct.unpack_from(">ihqqi", answer, at)
        at += 26 + 16 * max(0, aborted)
        assert error == 0, error
        count = struct.unpack_from(">i", answer, at)[0]
        return answer[at + 4 : at + 4 + count]

    def batches(self, topic):
        found, offset = [], 0
        while records := self.fetch(topic, offset):
            while records:
                length = struct.unpack_from(">i", records, 8)[0] + 12
                found.append(bytes(8) + records[8:length])
                offset += struct.unpack_from(">i", records, 23)[0] + 1
                records = records[length:]
        return found


def receive(connection, count):
    received = b""
    while len(received) < count:
        part = connection.recv(count - len(received))
        assert part, "the broker hung up"
        received += part
    return received


def librdkafka(broker, topic, codec, groups, idempotent):
    producer = Producer(
        {
            "bootstrap.servers": broker.address,
            "compression.type": codec,
            "linger.ms": 500,
            "enable.idempotence": idempotent,
        }
    )
    for records in groups:
        for key, value, headers, timestamp in records:
            producer.produce(topic, value, key, 0, timestamp=timestamp, headers=headers)
        assert producer.flush(30) == 0


def kafka_python(broker, topic, codec, groups, idempotent):
    producer = kafka.KafkaProducer(
        bootstrap_servers=broker.address,
        # A newer one asks for the versions of APIs in a way that this broker does not understand.
        api_version=(2, 3),
        compression_type=None if codec == "none" else codec,
        linger_ms=500,
        enable_idempotence=idempotent,
    )
    for records in groups:
        for key, value, headers, timestamp in records:
            # It knows no headers without a value.
            producer.send(topic, value, key, [(name, text or b"") for name, text in headers], 0, timestamp)
        producer.flush(30)
    producer.close()


def aiokafka_(broker, topic, codec, groups, idempotent):
    async def run():
        producer = aiokafka.AIOKafkaProducer(
            bootstrap_servers=broker.address,
            compression_type=None if codec == "none" else codec,
            linger_ms=500,
            enable_idempotence=idempotent,
        )
        await producer.start()
        for records in groups:
            sent = [
                await producer.send(topic, value, key, 0, timestamp, headers)
                for key, value, headers, timestamp in records
            ]
            await asyncio.gather(*sent)
        await producer.stop()

    asyncio.run(run())


def numbered(start, count):
    return [(b"k", b"%d" % number, [], TIME + number) for number in range(start, start + count)]


broker = Broker()
for name, send in (("librdkafka", librdkafka), ("kafka-python", kafka_python), ("aiokafka", aiokafka_)):
    # kafka-python takes snappy from a library that is built for each machine.
    codecs = [codec for codec in CODECS if (name, codec) != ("kafka-python", "snappy")]
    cases = [(codec, f"{name}-{codec}", [RECORDS], False) for codec in codecs]
    cases.append(("none", f"{name}-idempotent", [numbered(sum(COUNTS[:i]), n) for i, n in enumerate(COUNTS)], True))
    for codec, case, groups, idempotent in cases:
        send(broker, case, codec, groups, idempotent)
        batches = broker.batches(case)
        assert len(batches) == len(groups), (case, len(batches))
        for index, batch in enumerate(batches):
            suffix = f"-{index + 1}" if len(batches) > 1 else ""
            with open(os.path.join(sys.argv[1], f"{case}{suffix}.batch"), "wb") as file:
                file.write(batch)
