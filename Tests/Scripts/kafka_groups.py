"""Consumer groups of every client: partitions are divided, move on from who is killed, and nothing is skipped.

Usage: kafka_groups.py ADDRESS [CASE...]   All cases, or those with these names.
"""

import json
import os
import subprocess
import sys
import threading

import confluent_kafka
from confluent_kafka.admin import AdminClient, NewTopic

from kafka_clients import Record, kcat, kcat_arguments, librdkafka_settings, need, produce, report, until

PARTITIONS = 6
FIRST, MORE = 300, 50
DIVISIONS = [
    ("confluent-kafka", "range"),
    ("confluent-kafka", "roundrobin"),
    ("confluent-kafka", "cooperative-sticky"),
    ("kafka-python", "range"),
    ("kafka-python", "roundrobin"),
    ("kafka-python", "sticky"),
    ("kafka-python", "cooperative-sticky"),
    ("aiokafka", "range"),
    ("aiokafka", "roundrobin"),
    ("aiokafka", "sticky"),
]


class Member:
    """A child process with what it has said."""

    def __init__(self, client, address, group, topic, strategy, *more):
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "kafka_member.py")
        self.name = f"{client} in {group}"
        self.process = subprocess.Popen(
            [sys.executable, script, client, address, group, topic, strategy, *more], stdout=subprocess.PIPE
        )
        self.events = []
        self.reader = threading.Thread(target=self.collect, daemon=True)
        self.reader.start()

    def collect(self):
        for line in self.process.stdout:
            self.events.append(json.loads(line))

    def said(self, what):
        return [event for event in list(self.events) if what in event]

    @property
    def partitions(self):
        said = self.said("assigned")
        return said[-1]["assigned"] if said else []

    @property
    def is_running(self):
        return self.process.poll() is None

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.reader.join()

    def leave(self):
        self.process.terminate()
        code = self.process.wait(60)
        self.reader.join()
        need(code == 0, f"{self.name} ended with {code}")


class Case:
    """A group with a topic of its own."""

    def __init__(self, address, name):
        self.address, self.name = address, name
        self.topic = f"topic-{name}"
        self.admin = AdminClient(librdkafka_settings(address))
        self.members = []
        self.expected = 0
        create = self.admin.create_topics([NewTopic(self.topic, PARTITIONS, 1)])
        create[self.topic].result(60)
        self.write(FIRST)

    def write(self, count):
        """So many more records to each partition."""
        records = [
            Record(None, b"%d" % index, partition=partition) for partition in range(PARTITIONS) for index in range(count)
        ]
        produce("confluent-kafka", self.address, self.topic, records, "lz4")
        self.expected += count

    def start(self, client, strategy, *more):
        member = Member(client, self.address, self.name, self.topic, strategy, *more)
        self.members.append(member)
        return member

    def running(self):
        return [member for member in self.members if member.is_running]

    def is_divided(self, count):
        """Whether every partition belongs to one of so many members, and each has as many as the others."""
        parts = [member.partitions for member in self.running()]
        return (
            len(parts) == count
            and sorted(sum(parts, [])) == list(range(PARTITIONS))
            and all(len(part) == PARTITIONS // count for part in parts)
        )

    def divided(self, count):
        until(f"{self.name}: {count} members share the partitions: {self.shares()}", lambda: self.is_divided(count))

    def shares(self):
        return [member.partitions for member in self.running()]

    def all_read(self):
        return sorted({tuple(event["read"]) for member in self.members for event in member.said("read")}) == [
            (partition, offset) for partition in range(PARTITIONS) for offset in range(self.expected)
        ]

    def finish(self):
        """Nothing was skipped; what was committed when a member got a partition it did not read again; the group's
        offsets are the ends."""
        until(f"{self.name}: all is read", self.all_read)
        until(f"{self.name}: all is committed: {self.committed()}", self.is_committed)
        for member in self.running():
            member.leave()
        again = self.read_again()
        need(not again, f"{self.name}: read again after it was committed: {again[:3]}")
        reads = sum(len(member.said("read")) for member in self.members)
        return {"read": reads, "twice": reads - PARTITIONS * self.expected}

    def read_again(self):
        events = [(event["at"], index, event) for index, member in enumerate(self.members) for event in member.events]
        committed, start, again = {}, {}, []
        for _, index, event in sorted(events, key=lambda one: one[:2]):
            for partition, offset in event.get("committed", {}).items():
                committed[int(partition)] = max(offset, committed.get(int(partition), 0))
            if "assigned" in event:
                for partition in event["assigned"]:
                    start.setdefault((index, partition), committed.get(partition, 0))
                for gone in [key for key in start if key[0] == index and key[1] not in event["assigned"]]:
                    del start[gone]
            if "read" in event:
                partition, offset = event["read"]
                if offset < start.get((index, partition), 0):
                    again.append((self.members[index].name, partition, offset))
        return again

    def committed(self):
        asked = confluent_kafka.ConsumerGroupTopicPartitions(
            self.name, [confluent_kafka.TopicPartition(self.topic, index) for index in range(PARTITIONS)]
        )
        found = self.admin.list_consumer_group_offsets([asked])[self.name].result(60)
        return [one.offset for one in found.topic_partitions]

    def is_committed(self):
        return self.committed() == [self.expected] * PARTITIONS

    def described(self, state, count):
        def answer():
            group = self.admin.describe_consumer_groups([self.name])[self.name].result(60)
            return group.state.name == state and len(group.members) == count

        until(f"{self.name}: {count} members, {state}", answer)


def division(address, client, strategy):
    """Three members; one is killed, then one leaves."""
    case = Case(address, f"{client}-{strategy}")
    for _ in range(3):
        case.start(client, strategy)
    case.divided(3)
    case.described("STABLE", 3)
    victim = case.members[0]
    until(f"{case.name}: the first member has committed", lambda: victim.said("committed"))
    before = [set(member.partitions) for member in case.members]
    victim.kill()
    case.divided(2)
    if "sticky" in strategy:
        for member, kept in list(zip(case.members, before))[1:]:
            need(kept <= set(member.partitions), f"{case.name}: {kept} became {member.partitions}")
    case.write(MORE)
    until(f"{case.name}: all is read after a kill", case.all_read)
    case.members[1].leave()
    case.divided(1)
    case.write(MORE)
    seen = case.finish()
    case.described("EMPTY", 0)
    return seen


def mixed(address):
    """One member of each client shares a group with the others: their subscriptions are the same bytes."""
    case = Case(address, "mixed")
    for client in ("confluent-kafka", "kafka-python", "aiokafka"):
        case.start(client, "range")
    case.divided(3)
    case.members[0].kill()
    case.divided(2)
    case.write(MORE)
    return case.finish()


def static(address, client):
    """A member with an instance id is killed and comes back within its session: nobody else notices."""
    case = Case(address, f"static-{client}")
    for instance in ("a", "b"):
        case.start(client, "range", "--instance", instance, "--session", "60000")
    case.divided(2)
    until(f"{case.name}: all is read", case.all_read)
    victim, other = case.members
    changes, own = len(other.said("assigned")), victim.partitions
    victim.kill()
    case.write(MORE)
    back = case.start(client, "range", "--instance", "a", "--session", "60000")
    until(f"{case.name}: the member is back with {own}: {back.partitions}", lambda: back.partitions == own)
    until(f"{case.name}: all is read after a restart", case.all_read)
    need(len(other.said("assigned")) == changes, f"{case.name}: the other member was disturbed: {other.said('assigned')}")
    return case.finish()


def console(address):
    """kcat as a member: it goes on where it stopped."""
    case = Case(address, "kcat")
    read = []
    for _ in range(3):
        output = kcat(
            ["-G", case.name, *kcat_arguments(address, auto_offset_reset="earliest", session_timeout_ms=4000)]
            + ["-q", "-c", f"{PARTITIONS * FIRST // 3}", "-f", "%p %o\n", case.topic]
        )
        read += [tuple(map(int, line.split())) for line in output.splitlines()]
    expected = [(partition, offset) for partition in range(PARTITIONS) for offset in range(FIRST)]
    need(sorted(read) == expected, f"kcat read {len(read)} records, {len(set(read))} different ones, of {len(expected)}")
    return {"read": len(read), "twice": 0}


def main():
    address, wanted = sys.argv[1], sys.argv[2:]
    cases = {f"{client}-{strategy}": (division, client, strategy) for client, strategy in DIVISIONS}
    cases |= {"mixed": (mixed,), "kcat": (console,)}
    cases |= {f"static-{client}": (static, client) for client in ("confluent-kafka", "kafka-python", "aiokafka")}
    need(set(wanted) <= set(cases), f"there are the cases {', '.join(cases)}")
    seen = {name: cases[name][0](address, *cases[name][1:]) for name in wanted or cases}
    report(kills=sum(name != "kcat" for name in seen), cases=seen)


if __name__ == "__main__":
    main()
