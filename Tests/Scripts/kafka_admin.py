"""Topics made, altered, grown, cut and deleted by the admin clients; Forebay's own ones are safe from them.

Usage: kafka_admin.py ADDRESS
"""

import re
import sys

import confluent_kafka
import kafka
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourceType,
)
from kafka import KafkaAdminClient
from kafka_clients import Record, consume, kafka_python_settings, librdkafka_settings, need, produce, report, until

OWN_TOPICS = ("readings", "alerts", "rejected", "system", "gaps", "operations", "__consumer_offsets")
AUTHORIZATION_FAILED, POLICY_VIOLATION = 29, 44
WAIT = 60


class Librdkafka:
    name = "confluent-kafka"

    def __init__(self, address):
        self.admin = AdminClient(librdkafka_settings(address))

    def create(self, topic, partitions, factor, **settings):
        new = NewTopic(topic, partitions, factor, config={name.replace("_", "."): text for name, text in settings.items()})
        self.admin.create_topics([new])[topic].result(WAIT)

    def partitions(self, topic):
        described = self.admin.describe_topics(confluent_kafka.TopicCollection([topic]))[topic].result(WAIT)
        return len(described.partitions)

    def settings(self, topic):
        resource = ConfigResource(ResourceType.TOPIC, topic)
        found = self.admin.describe_configs([resource])[resource].result(WAIT)
        return {name: (entry.value, entry.is_default) for name, entry in found.items()}

    def alter(self, topic, name, text):
        entry = ConfigEntry(name, text, incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
        self.admin.incremental_alter_configs([resource])[resource].result(WAIT)

    def grow(self, topic, partitions):
        self.admin.create_partitions([NewPartitions(topic, partitions)])[topic].result(WAIT)

    def cut(self, topic, offset):
        where = confluent_kafka.TopicPartition(topic, 0, offset)
        return self.admin.delete_records([where])[where].result(WAIT).low_watermark

    def delete(self, topic):
        self.admin.delete_topics([topic])[topic].result(WAIT)

    def topics(self):
        return set(self.admin.list_topics(timeout=WAIT).topics)

    def refusal(self, call, *arguments):
        """Number and message of what the broker answers."""
        try:
            call(*arguments)
        except confluent_kafka.KafkaException as error:
            return error.args[0].code(), error.args[0].str()
        return 0, ""


class Refused(Exception):
    """An answer that a client hands over as text."""


class KafkaPython:
    name = "kafka-python"

    def __init__(self, address):
        self.admin = KafkaAdminClient(**kafka_python_settings(address))

    def create(self, topic, partitions, factor, **settings):
        configs = {name.replace("_", "."): text for name, text in settings.items()}
        options = {"num_partitions": partitions, "replication_factor": factor, "configs": configs}
        self.admin.create_topics({topic: options})

    def partitions(self, topic):
        return len(self.admin.describe_topics([topic])[0]["partitions"])

    def settings(self, topic):
        resource = kafka.admin.ConfigResource("TOPIC", topic, None)
        found = self.admin.describe_configs([resource], config_filter="all")
        entries = next(iter(found.values()))[topic]
        return {name: (entry["value"], entry["config_source"] == "DEFAULT_CONFIG") for name, entry in entries.items()}

    def alter(self, topic, name, text):
        # It would not ask for settings that it knows cannot be altered.
        resource = kafka.admin.ConfigResource("TOPIC", topic, {name: text})
        outcome = self.admin.alter_configs([resource], raise_on_unknown=False)["topic"][topic]
        if outcome != "OK":
            raise Refused(outcome)

    def grow(self, topic, partitions):
        self.admin.create_partitions({topic: partitions})

    def cut(self, topic, offset):
        where = kafka.TopicPartition(topic, 0)
        answer = self.admin.delete_records({where: offset})
        return answer[where]["low_watermark"]

    def delete(self, topic):
        self.admin.delete_topics([topic])

    def topics(self):
        return set(self.admin.list_topics())

    def refusal(self, call, *arguments):
        try:
            call(*arguments)
        except kafka.errors.BrokerResponseError as error:
            return error.errno, str(error)
        except Refused as error:
            return int(re.search(r"Error (\d+)", str(error))[1]), str(error)
        return 0, ""


def life(client, address):
    """One topic from its beginning to its end."""
    topic = f"life-{client.name}"
    client.create(topic, 2, 3, retention_ms="3600000", segment_bytes="1048576")
    need(topic in client.topics(), f"{client.name}: {topic} is not there after it was made")
    need(client.partitions(topic) == 2, f"{client.name}: {client.partitions(topic)} partitions, not 2")
    settings = client.settings(topic)
    for name, wanted in {
        "retention.ms": ("3600000", False),
        "segment.bytes": ("1048576", False),
        "cleanup.policy": ("delete", True),
        "compression.type": ("producer", True),
    }.items():
        need(settings.get(name) == wanted, f"{client.name}: {name} is {settings.get(name)}, not {wanted}")
    for name in ("retention.bytes", "max.message.bytes", "message.timestamp.type", "min.insync.replicas"):
        need(name in settings, f"{client.name}: {name} is not described")
    client.alter(topic, "retention.ms", "7200000")
    settings = client.settings(topic)
    need(settings["retention.ms"][0] == "7200000", f"{client.name}: retention.ms is {settings['retention.ms']}")
    need(settings["segment.bytes"][0] == "1048576", f"{client.name}: segment.bytes is {settings['segment.bytes']}")
    client.grow(topic, 5)
    need(client.partitions(topic) == 5, f"{client.name}: {client.partitions(topic)} partitions, not 5")
    records = [Record(b"k", b"%d" % index, partition=partition) for partition in range(5) for index in range(10)]
    produce("confluent-kafka", address, topic, records)
    need(client.cut(topic, 4) == 4, f"{client.name}: records before 4 were not deleted")
    found = consume("kafka-python", address, topic, 46)
    first = next(stored.offset for stored in found if stored.partition == 0)
    need(len(found) == 46 and first == 4, f"{client.name}: {len(found)} records are left, the first at {first}")
    need(client.cut(topic, -1) == 10, f"{client.name}: -1 did not delete all records")
    client.delete(topic)
    until(f"{client.name}: {topic} is gone", lambda: topic not in client.topics())
    # The name is free again, and nothing is left of the old one.
    client.create(topic, 1, -1)
    need(client.partitions(topic) == 1, f"{client.name}: the new topic has {client.partitions(topic)} partitions")
    need(client.settings(topic)["retention.ms"][1], f"{client.name}: the new topic has the old one's retention")
    client.delete(topic)


def refusals(client):
    """What is wrong with a request is said by Kafka's numbers, with a sentence."""
    topic = f"refused-{client.name}"
    client.create(topic, 2, 1)
    cases = {
        "the topic is there": (36, client.create, topic, 1, 1),
        "a name of other characters": (17, client.create, "no/slash", 1, 1),
        "no partition": (37, client.create, f"{topic}-none", 0, 1),
        "as many partitions": (37, client.grow, topic, 2),
        "partitions of no topic": (3, client.grow, "nowhere", 2),
        "a value that is none": (40, client.alter, topic, "retention.ms", "soon"),
        "a setting that is none": (40, client.alter, topic, "colour", "red"),
        "settings of no topic": (3, client.alter, "nowhere", "retention.ms", "1"),
        "no topic to delete": (3, client.delete, "nowhere"),
        "records beyond the end": (1, client.cut, topic, 77),
    }
    for name, (wanted, call, *arguments) in cases.items():
        code, message = client.refusal(call, *arguments)
        need(code == wanted, f"{client.name}: {name}: {code} {message}, not {wanted}")
        need(len(message) > 10, f"{client.name}: {name}: nothing is said about it")
    client.delete(topic)
    return len(cases)


def own_topics(client):
    count = 0
    for topic in sorted(client.topics() & set(OWN_TOPICS)):
        before = client.settings(topic), client.partitions(topic)
        cases = {
            "deleting": (client.delete, topic),
            "altering": (client.alter, topic, "retention.ms", "1"),
            "growing": (client.grow, topic, 20),
            "cutting": (client.cut, topic, -1),
        }
        for name, (call, *arguments) in cases.items():
            code, message = client.refusal(call, *arguments)
            need(
                code in (AUTHORIZATION_FAILED, POLICY_VIOLATION) and len(message) > 10,
                f"{client.name}: {name} {topic} is answered with {code} {message}",
            )
            count += 1
        need((client.settings(topic), client.partitions(topic)) == before, f"{client.name}: {topic} has changed")
    return count


def writes(address):
    """No client may write to Forebay's own topics."""
    count = 0
    for topic in OWN_TOPICS[:-1]:
        for client in ("confluent-kafka", "kafka-python", "aiokafka", "kcat"):
            if topic not in Librdkafka(address).topics():
                continue
            try:
                produce(client, address, topic, [Record(b"k", b"{}")])
            except Exception as error:
                need("uthoriz" in repr(error), f"{client}: writing to {topic} ends with {error!r}")
                count += 1
            else:
                sys.exit(f"{client} may write to {topic}")
    return count


def main():
    address = sys.argv[1]
    seen = {}
    for client in (Librdkafka(address), KafkaPython(address)):
        life(client, address)
        seen[client.name] = {"refusals": refusals(client), "own topics": own_topics(client)}
    report(clients=seen, writes=writes(address))


main()
