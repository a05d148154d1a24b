// OffsetDelete: committed offsets of single partitions.
internal import KafkaProtocol

extension OffsetDeleteRequest: ServedRequest {
    func start(_ call: Call) {
        let (broker, access) = (call.broker, call.connection.access)
        guard access.allows(.delete, group: groupID) else {
            return call.answer(OffsetDeleteResponse(errorCode: .groupAuthorizationFailed, topics: []))
        }
        call.answer(
            { $0.deleteOffsets(of: groupID, known(broker, access), waiter: $1, at: $2) },
            { answer -> OffsetDeleteResponse? in
                guard case .deleteOffsets(let deletion) = answer else { return nil }
                return response(deletion, access)
            }
        )
    }

    /// Those of partitions that are there, and of which the user may know what is read.
    private func known(_ broker: Broker, _ access: Access) -> [TopicPartitions] {
        topics.compactMap { topic in
            guard access.allows(.read, topic: topic.name) else { return nil }
            let known = topic.partitions.map(\.partitionIndex).filter { broker.partition(topic.name, $0) != nil }
            return known.isEmpty ? nil : TopicPartitions(name: topic.name, partitions: known)
        }
    }

    private func response(_ deletion: OffsetDeletion, _ access: Access) -> OffsetDeleteResponse {
        guard deletion.code == .none else {
            return OffsetDeleteResponse(errorCode: ErrorCode(deletion.code), topics: [])
        }
        let code = deletion.partitions.lookup()
        return OffsetDeleteResponse(
            topics: topics.map { topic in
                let isAllowed = access.allows(.read, topic: topic.name)
                let missing = isAllowed ? ErrorCode.unknownTopicOrPartition : .topicAuthorizationFailed
                return OffsetDeleteResponse.Topic(
                    name: topic.name,
                    partitions: topic.partitions.map { partition in
                        let index = partition.partitionIndex
                        return OffsetDeleteResponse.Partition(
                            partitionIndex: index,
                            errorCode: code(topic.name, index).map(ErrorCode.init) ?? missing
                        )
                    }
                )
            }
        )
    }
}
