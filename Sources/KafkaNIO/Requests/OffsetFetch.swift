// OffsetFetch: how far groups have come.
internal import KafkaProtocol

extension OffsetFetchRequest: ServedRequest {
    func start(_ call: Call) {
        let (wanted, access) = (groups, call.connection.access)
        call.answer { groups, _ in
            let found = wanted.map { group in
                guard access.knows(group: group.groupID) else {
                    let denied = ErrorCode.groupAuthorizationFailed
                    return OffsetFetchResponse.Group(groupID: group.groupID, topics: [], errorCode: denied)
                }
                return OffsetFetchResponse.Group(
                    groupID: group.groupID,
                    topics: groups.fetchOffsets(
                        of: group.groupID,
                        group.topics?.map { TopicPartitions(name: $0.name, partitions: $0.partitionIndexes) }
                    ).map(OffsetFetchResponse.Topic.init)
                )
            }
            return (OffsetFetchResponse(groups: found), [])
        }
    }
}

extension OffsetFetchResponse.Topic {
    fileprivate init(_ offsets: TopicOffsets) {
        self.init(
            name: offsets.name,
            partitions: offsets.partitions.map {
                OffsetFetchResponse.Partition(
                    partitionIndex: $0.index,
                    committedOffset: $0.committed.offset,
                    committedLeaderEpoch: $0.committed.leaderEpoch,
                    metadata: $0.committed.metadata
                )
            }
        )
    }
}
