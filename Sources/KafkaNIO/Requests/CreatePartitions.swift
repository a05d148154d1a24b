// CreatePartitions: a topic only grows.
internal import CommitLog
internal import KafkaProtocol

extension CreatePartitionsRequest: ServedRequest {
    func start(_ call: Call) {
        let (broker, access) = (call.broker, call.connection.access)
        let (named, repeated) = topics.distinct(by: \.name)
        let plan = named.map { topic -> PlannedChange in
            guard !repeated.contains(topic.name) else {
                return .refused(.invalidRequest, "the topic is named twice")
            }
            guard access.knows(topic: topic.name) else {
                return .refused(.topicAuthorizationFailed, "\(access.user) may not alter \(topic.name)")
            }
            guard let found = broker.topic(topic.name) else {
                return .refused(.unknownTopicOrPartition, "there is no such topic")
            }
            guard found.isConfigured || access.allows(.alter, topic: topic.name) else {
                return .refused(.topicAuthorizationFailed, "\(access.user) may not alter \(topic.name)")
            }
            let added = Int(topic.count) - found.partitions.count
            if let assignments = topic.assignments, added > 0 {
                guard assignments.count == added, assignments.allSatisfy({ $0.brokerIDs == [Broker.nodeID] }) else {
                    return .refused(.invalidReplicaAssignment, "every new partition is assigned to broker 0")
                }
            }
            let count = Int(topic.count)
            return .change(.alter(found.name, by: { (topic) throws(LogError) in try topic.grow(to: count) }))
        }
        call.answer(plan, validateOnly: validateOnly) { outcomes in
            CreatePartitionsResponse(
                results: zip(named, outcomes).map { topic, outcome in
                    CreatePartitionsResponse.Result(
                        name: topic.name,
                        errorCode: outcome.errorCode,
                        errorMessage: outcome.message
                    )
                }
            )
        }
    }
}

extension TopicConfiguration {
    /// More partitions, of which each keeps as much as one did before.
    fileprivate mutating func grow(to count: Int) throws(LogError) {
        guard count > partitions else {
            throw LogError(.invalidPartitionCount, "the topic has \(partitions) partitions already")
        }
        let bytes = retentionBytesOfPartition
        partitions = count
        retentionBytesOfPartition = bytes
    }
}
