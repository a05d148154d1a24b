// OffsetDelete: committed offsets of single partitions.
internal import KafkaProtocol

extension OffsetDeleteRequest: ServedRequest {
    func start(_ call: Call) {
        guard call.connection.access.allows(.delete, group: groupID) else {
            return call.answer(OffsetDeleteResponse(errorCode: .groupAuthorizationFailed, topics: []))
        }
        let id = groupID
        let wanted = topics.map { TopicPartitions(name: $0.name, partitions: $0.partitions.map(\.partitionIndex)) }
        call.answer(
            { $0.deleteOffsets(of: id, wanted, waiter: $1, at: $2) },
            { answer -> OffsetDeleteResponse? in
                guard case .deleteOffsets(let deletion) = answer else { return nil }
                return OffsetDeleteResponse(
                    errorCode: ErrorCode(deletion.code),
                    topics: deletion.partitions.topics.map { topic in
                        OffsetDeleteResponse.Topic(
                            name: topic.name,
                            partitions: topic.partitions.map {
                                OffsetDeleteResponse.Partition(
                                    partitionIndex: $0.index,
                                    errorCode: ErrorCode($0.code)
                                )
                            }
                        )
                    }
                )
            }
        )
    }
}
