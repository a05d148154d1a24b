// OffsetFetch: how far groups have come.
internal import KafkaProtocol

extension OffsetFetchRequest: ServedRequest {
    func start(_ call: Call) {
        let (wanted, access) = (groups.distinct(by: \.groupID).elements, call.connection.access)
        call.answer { groups, _ in
            (OffsetFetchResponse(groups: wanted.map { $0.answer(from: groups, access) }), [])
        }
    }
}

extension OffsetFetchRequest.Group {
    /// Topics that the user may know nothing of are denied where they are named, and left out of all.
    fileprivate func answer(from groups: GroupCoordinator, _ access: Access) -> OffsetFetchResponse.Group {
        guard access.knows(group: groupID) else {
            return OffsetFetchResponse.Group(groupID: groupID, topics: [], errorCode: .groupAuthorizationFailed)
        }
        guard let named else {
            let all = groups.fetchOffsets(of: groupID, nil).filter { access.knows(topic: $0.name) }
            return OffsetFetchResponse.Group(groupID: groupID, topics: all.map(OffsetFetchResponse.Topic.init))
        }
        let known = named.filter { access.knows(topic: $0.name) }
        let denied = named.filter { !access.knows(topic: $0.name) }
        return OffsetFetchResponse.Group(
            groupID: groupID,
            topics: groups.fetchOffsets(of: groupID, known).map(OffsetFetchResponse.Topic.init)
                + denied.map(OffsetFetchResponse.Topic.init(denied:))
        )
    }

    /// The partitions that are asked for, each once; nil for all.
    private var named: [TopicPartitions]? {
        guard let topics else { return nil }
        var mentioned: [String: Set<Int32>] = [:]
        return topics.compactMap { topic in
            let isNew = mentioned[topic.name] == nil
            let partitions = topic.partitionIndexes.filter {
                mentioned[topic.name, default: []].insert($0).inserted
            }
            guard isNew || !partitions.isEmpty else { return nil }
            return TopicPartitions(name: topic.name, partitions: partitions)
        }
    }
}

extension OffsetFetchResponse.Topic {
    fileprivate init(denied topic: TopicPartitions) {
        self.init(
            name: topic.name,
            partitions: topic.partitions.map {
                OffsetFetchResponse.Partition(
                    partitionIndex: $0,
                    committedOffset: CommittedOffset.absent.offset,
                    metadata: "",
                    errorCode: .topicAuthorizationFailed
                )
            }
        )
    }

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
