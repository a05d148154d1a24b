// Groups as an operator looks at them: who is in them, and how far they have come.
package import CommitLog
internal import Platform

/// One group at one moment.
package struct GroupStanding: Equatable, Sendable {
    /// `dead` where there is none of that id.
    package var group: GroupDescription
    /// What it has committed, durably; by topic and partition.
    package var offsets: [TopicOffsets]
}

/// The committed offset of one partition of one group.
package struct GroupProgress: Equatable, Sendable {
    package var groupID: String
    package var topic: String
    package var partition: Int32
    package var offset: Int64
}

extension GroupCoordinator {
    /// Every group, by id.
    package func standings() -> [GroupStanding] { groups.keys.sorted().map(standing) }

    /// One group; `dead` and without offsets where there is none of that id.
    package func standing(of groupID: String) -> GroupStanding {
        GroupStanding(group: describe(groupID), offsets: fetchOffsets(of: groupID, nil))
    }

    /// Committed offsets by group, topic and partition, the first `max`, and how many there are.
    package func progress(max: Int) -> (offsets: [GroupProgress], total: Int) {
        let total = groups.values.reduce(0) { $0 + $1.offsets.count }
        var offsets: [GroupProgress] = []
        for group in groups.values.sorted(by: { $0.id < $1.id }) where offsets.count < max {
            for topic in group.offsets.fetch(nil) {
                for partition in topic.partitions where offsets.count < max {
                    offsets.append(
                        GroupProgress(
                            groupID: group.id,
                            topic: topic.name,
                            partition: partition.index,
                            offset: partition.committed.offset
                        )
                    )
                }
            }
        }
        return (offsets, total)
    }
}

extension GroupStanding {
    /// The groups that lie in a log while nobody serves them, by id, as a coordinator would find them. Blocks.
    package static func stored(in log: CommitLog, at now: GroupInstant) throws(LogError) -> [GroupStanding] {
        let groups = try coordinator(of: log, at: now)
        _ = groups.removeOffsets(ofTopicsBut: Set(log.topics.map(\.name.text)), at: now)
        return groups.standings()
    }

    /// Topics that these groups have offsets in, with deleted ones that are not forgotten yet. Blocks.
    package static func topics(in log: CommitLog, at now: GroupInstant) throws(LogError) -> Set<String> {
        try coordinator(of: log, at: now).topicsWithOffsets
    }

    private static func coordinator(of log: CommitLog, at now: GroupInstant) throws(LogError) -> GroupCoordinator {
        var load = GroupLoad(settings: GroupSettings())
        let topicPartition = TopicPartition(topic: .consumerOffsets, partition: .zero)
        if let partition = log.partition(topicPartition) { try GroupService.read(partition, of: log, into: &load) }
        return GroupCoordinator(load, at: now, makeIdentifier: UniqueIdentifier.random)
    }
}

extension GroupDescription {
    /// Whether its members are consumers, so that their assignments can be read.
    package var isOfConsumers: Bool { protocolType == ConsumerSubscription.protocolType }
}

extension GroupDescription.Member {
    /// What a member of a consumers' group was assigned; empty where the bytes are no assignment.
    package var assignedPartitions: [TopicPartitions] { ConsumerAssignment.partitions(in: assignment) }
}
