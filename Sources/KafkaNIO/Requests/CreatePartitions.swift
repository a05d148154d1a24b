// CreatePartitions: a topic only grows.
internal import CommitLog
internal import KafkaProtocol

extension CreatePartitionsRequest: ServedRequest {
    func start(_ call: Call) {
        let (broker, access) = (call.broker, call.connection.access)
        let plan = topics.map { topic -> PlannedChange in
            guard access.knows(topic: topic.name) else {
                return .refused(.topicAuthorizationFailed, "\(access.user) may not alter \(topic.name)")
            }
            guard let found = broker.topic(topic.name) else {
                return .refused(.unknownTopicOrPartition, "there is no such topic")
            }
            guard found.isConfigured || access.allows(.alter, topic: topic.name) else {
                return .refused(.topicAuthorizationFailed, "\(access.user) may not alter \(topic.name)")
            }
            guard topic.count > found.partitions.count else {
                return .refused(.invalidPartitions, "the topic has \(found.partitions.count) partitions already")
            }
            if let assignments = topic.assignments {
                guard assignments.count == Int(topic.count) - found.partitions.count,
                    assignments.allSatisfy({ $0.brokerIDs == [Broker.nodeID] })
                else {
                    return .refused(.invalidReplicaAssignment, "every new partition is assigned to broker 0")
                }
            }
            guard !validateOnly else { return .nothing }
            var configuration = found.configuration
            configuration.partitions = Int(topic.count)
            return .change(.alter(found.name, to: configuration))
        }
        call.answer(plan) { outcomes in
            CreatePartitionsResponse(
                results: zip(topics, outcomes).map { topic, outcome in
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
