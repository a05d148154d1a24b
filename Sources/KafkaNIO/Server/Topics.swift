// The topics of the log as clients ask for them.
internal import CommitLog
internal import KafkaProtocol
internal import Platform

/// One topic with its partitions, in order.
struct Topic: Sendable {
    var name: TopicName
    var id: UniqueIdentifier
    var partitions: [Partition]
}

extension Broker {
    var topics: [TopicName: Topic] {
        Dictionary(grouping: log.partitions, by: \.topicPartition.topic).mapValues { partitions in
            Topic(name: partitions[0].topicPartition.topic, id: partitions[0].topicID, partitions: partitions)
        }
    }

    /// Nil where there is none of that name and number.
    func partition(_ topic: String, _ index: Int32) -> Partition? {
        guard let topic = TopicName(topic) else { return nil }
        return log.partition(TopicPartition(topic: topic, partition: PartitionIndex(index)))
    }

    /// What to answer a client that believes in another epoch; nil where it does not, or does not say (-1).
    func mismatch(of currentLeaderEpoch: Int32) -> ErrorCode? {
        guard currentLeaderEpoch >= 0, currentLeaderEpoch != Broker.leaderEpoch else { return nil }
        return currentLeaderEpoch < Broker.leaderEpoch ? .fencedLeaderEpoch : .unknownLeaderEpoch
    }
}
