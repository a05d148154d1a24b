// OffsetCommit: how far a consumer has come; answered when that is durable.
internal import KafkaProtocol

extension OffsetCommitRequest: ServedRequest {
    func start(_ call: Call) {
        let broker = call.broker
        let commit = GroupCommit(
            membership: GroupMembership(
                groupID: groupID,
                generation: generationID,
                memberID: memberID,
                groupInstanceID: groupInstanceID
            ),
            topics: topics.compactMap { topic in
                let known = topic.partitions.filter { broker.partition(topic.name, $0.partitionIndex) != nil }
                guard !known.isEmpty else { return nil }
                return GroupCommit.Topic(
                    name: topic.name,
                    partitions: known.map {
                        GroupCommit.Partition(
                            index: $0.partitionIndex,
                            offset: $0.committedOffset,
                            leaderEpoch: $0.committedLeaderEpoch,
                            metadata: $0.committedMetadata
                        )
                    }
                )
            }
        )
        call.answer(
            { $0.commit(commit, waiter: $1, at: $2) },
            { answer -> OffsetCommitResponse? in
                guard case .commit(let codes) = answer else { return nil }
                return response(codes)
            }
        )
    }

    /// A code for every partition that was asked about: those that do not exist were not given to the coordinator.
    private func response(_ codes: PartitionCodes) -> OffsetCommitResponse {
        var known: [String: [Int32: GroupCode]] = [:]
        for topic in codes.topics {
            for partition in topic.partitions { known[topic.name, default: [:]][partition.index] = partition.code }
        }
        return OffsetCommitResponse(
            topics: topics.map { topic in
                OffsetCommitResponse.Topic(
                    name: topic.name,
                    partitions: topic.partitions.map { partition in
                        let code = known[topic.name]?[partition.partitionIndex]
                        return OffsetCommitResponse.Partition(
                            partitionIndex: partition.partitionIndex,
                            errorCode: code.map(ErrorCode.init) ?? .unknownTopicOrPartition
                        )
                    }
                )
            }
        )
    }
}
