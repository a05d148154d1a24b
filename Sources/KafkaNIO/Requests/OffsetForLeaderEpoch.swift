// OffsetForLeaderEpoch: where an epoch ended. There is one, and it goes on.
internal import CommitLog
internal import KafkaProtocol

extension OffsetForLeaderEpochRequest: ServedRequest {
    func start(_ call: Call) {
        let (broker, access) = (call.broker, call.connection.access)
        call.answer(
            OffsetForLeaderEpochResponse(
                topics: topics.map { topic in
                    OffsetForLeaderEpochResponse.Topic(
                        name: topic.name,
                        partitions: topic.partitions.map { Self.end($0, of: topic.name, broker, access) }
                    )
                }
            )
        )
    }

    private static func end(
        _ wanted: Partition,
        of topic: String,
        _ broker: Broker,
        _ access: Access
    ) -> OffsetForLeaderEpochResponse.Partition {
        let index = wanted.partitionIndex
        guard access.knows(topic: topic) else {
            return .init(errorCode: .topicAuthorizationFailed, partitionIndex: index)
        }
        guard let partition = broker.partition(topic, index) else {
            return .init(errorCode: .unknownTopicOrPartition, partitionIndex: index)
        }
        if let error = broker.mismatch(of: wanted.currentLeaderEpoch) {
            return .init(errorCode: error, partitionIndex: index)
        }
        guard wanted.leaderEpoch == Broker.leaderEpoch else { return .init(partitionIndex: index) }
        return .init(
            partitionIndex: index,
            leaderEpoch: Broker.leaderEpoch,
            endOffset: partition.logEndOffset.value
        )
    }
}
