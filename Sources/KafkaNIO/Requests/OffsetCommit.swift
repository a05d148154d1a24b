// OffsetCommit: how far a consumer has come; answered when that is durable.
internal import KafkaProtocol

extension OffsetCommitRequest: ServedRequest {
    func start(_ call: Call) {
        let (broker, access) = (call.broker, call.connection.access)
        guard access.allows(.read, group: groupID) else {
            return call.answer(response { _, _ in .groupAuthorizationFailed })
        }
        call.answer(
            { $0.commit(commit(broker, access), waiter: $1, at: $2) },
            { answer -> OffsetCommitResponse? in
                guard case .commit(let codes) = answer else { return nil }
                return response(codes, access)
            }
        )
    }

    /// What may be committed, of topics that are there. On the coordinator's thread: one that is deleted afterwards is
    /// forgotten afterwards.
    private func commit(_ broker: Broker, _ access: Access) -> GroupCommit {
        GroupCommit(
            membership: GroupMembership(
                groupID: groupID,
                generation: generationID,
                memberID: memberID,
                groupInstanceID: groupInstanceID
            ),
            topics: topics.compactMap { topic in
                guard access.allows(.read, topic: topic.name) else { return nil }
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
    }

    /// What the coordinator says of what it was given, and why it was not given the rest.
    private func response(_ codes: PartitionCodes, _ access: Access) -> OffsetCommitResponse {
        let code = codes.lookup()
        return response { topic, partition in
            guard access.allows(.read, topic: topic) else { return .topicAuthorizationFailed }
            return code(topic, partition).map(ErrorCode.init) ?? .unknownTopicOrPartition
        }
    }

    /// A code for every partition that was asked about.
    private func response(_ code: (_ topic: String, _ partition: Int32) -> ErrorCode) -> OffsetCommitResponse {
        OffsetCommitResponse(
            topics: topics.map { topic in
                OffsetCommitResponse.Topic(
                    name: topic.name,
                    partitions: topic.partitions.map {
                        OffsetCommitResponse.Partition(
                            partitionIndex: $0.partitionIndex,
                            errorCode: code(topic.name, $0.partitionIndex)
                        )
                    }
                )
            }
        )
    }
}
