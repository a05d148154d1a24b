// DeleteTopics: by name, or by id.
internal import CommitLog
internal import KafkaProtocol

extension DeleteTopicsRequest: ServedRequest {
    func start(_ call: Call) {
        let (broker, access) = (call.broker, call.connection.access)
        let all = broker.log.topics.filter { access.knows(topic: $0.name.text) }
        let found = topics.map { topic in
            all.first { one in
                if let name = topic.name { one.name.text == name } else { KafkaUUID(one.id) == topic.topicID }
            }
        }
        let plan = zip(topics, found).map { topic, found -> PlannedChange in
            if let name = topic.name, !access.knows(topic: name) {
                return .refused(.topicAuthorizationFailed, "\(access.user) may not delete \(name)")
            }
            guard let found else {
                let code: ErrorCode = topic.name == nil ? .unknownTopicID : .unknownTopicOrPartition
                return .refused(code, "there is no such topic")
            }
            guard found.isConfigured || access.allows(.delete, topic: found.name.text) else {
                return .refused(.topicAuthorizationFailed, "\(access.user) may not delete \(found.name)")
            }
            return .change(.delete(found.name))
        }
        call.answer(plan) { outcomes in
            for (index, outcome) in outcomes.enumerated() where outcome.errorCode == .none {
                if let found = found[index] { broker.groups.forget(topic: found.name.text) }
            }
            return DeleteTopicsResponse(
                topics: topics.indices.map { index in
                    DeleteTopicsResponse.Topic(
                        name: topics[index].name ?? found[index]?.name.text,
                        topicID: found[index].map { KafkaUUID($0.id) } ?? topics[index].topicID,
                        errorCode: outcomes[index].errorCode,
                        errorMessage: outcomes[index].message
                    )
                }
            )
        }
    }
}
