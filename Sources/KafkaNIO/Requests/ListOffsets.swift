// ListOffsets: the ends of a partition, and the first record of a time.
internal import CommitLog
internal import KafkaProtocol
internal import Platform

extension ListOffsetsRequest: ServedRequest {
    private static let latest: Int64 = -1
    private static let earliest: Int64 = -2
    private static let largestTimestamp: Int64 = -3

    func start(_ call: Call) {
        let (broker, access, version) = (call.broker, call.connection.access, call.version)
        let named = topics.flatMap { topic in
            topic.partitions.map { ConsumedPartition(topic: topic.name, partition: $0.partitionIndex) }
        }
        let repeated = named.distinct(by: \.self).repeated
        call.answer { reader in
            ListOffsetsResponse(
                topics: topics.map { topic in
                    ListOffsetsResponse.Topic(
                        name: topic.name,
                        partitions: topic.partitions.map { partition in
                            let index = partition.partitionIndex
                            // As in Kafka. To look a time up may take a while.
                            guard !repeated.contains(ConsumedPartition(topic: topic.name, partition: index)) else {
                                return .init(partitionIndex: index, errorCode: .invalidRequest)
                            }
                            if partition.timestamp == Self.largestTimestamp, version < 7 {
                                return .init(partitionIndex: index, errorCode: .unsupportedVersion)
                            }
                            return Self.find(partition, of: topic.name, broker, access, reader)
                        }
                    )
                }
            )
        }
    }

    private static func find(
        _ wanted: Partition,
        of topic: String,
        _ broker: Broker,
        _ access: Access,
        _ reader: ConnectionReader
    ) -> ListOffsetsResponse.Partition {
        let index = wanted.partitionIndex
        guard access.knows(topic: topic) else {
            return .init(partitionIndex: index, errorCode: .topicAuthorizationFailed)
        }
        guard let partition = broker.partition(topic, index) else {
            return .init(partitionIndex: index, errorCode: .unknownTopicOrPartition)
        }
        if let error = broker.mismatch(of: wanted.currentLeaderEpoch) {
            return .init(partitionIndex: index, errorCode: error)
        }
        switch wanted.timestamp {
        case latest: return found(index, offset: partition.logEndOffset)
        case earliest: return found(index, offset: partition.logStartOffset)
        case largestTimestamp, 0...:
            do {
                let record = try reader.record(
                    partition,
                    atOrAfter: wanted.timestamp == largestTimestamp ? nil : Timestamp(milliseconds: wanted.timestamp)
                )
                guard let record else { return .init(partitionIndex: index) }
                return found(index, offset: record.offset, timestamp: record.timestamp.milliseconds)
            } catch {
                return .init(partitionIndex: index, errorCode: ErrorCode(error))
            }
        default: return .init(partitionIndex: index, errorCode: .unsupportedVersion)
        }
    }

    private static func found(_ index: Int32, offset: Offset, timestamp: Int64 = -1) -> ListOffsetsResponse.Partition {
        .init(partitionIndex: index, timestamp: timestamp, offset: offset.value, leaderEpoch: Broker.leaderEpoch)
    }
}
