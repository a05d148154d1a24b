// DeleteTopics: by name, or by id.
internal import CommitLog
internal import KafkaProtocol

extension DeleteTopicsRequest: ServedRequest {
    func start(_ call: Call) {
        let (broker, access) = (call.broker, call.connection.access)
        let (named, repeated) = topics.map { TopicReference(name: $0.name, id: $0.topicID) }.distinct { $0 }
        let found = named.map { $0.find(broker, access) }
        // Of topics that are named by their name and by their id.
        let meant = found.compactMap { $0?.name }.distinct { $0 }.repeated
        let plan = zip(named, found).map { topic, found -> PlannedChange in
            guard (topic.name == nil) != (topic.id == .zero) else {
                return .refused(.invalidRequest, "a topic is named by its name or by its id")
            }
            guard !repeated.contains(topic) else { return .refused(.invalidRequest, "the topic is named twice") }
            if let name = topic.name, !access.knows(topic: name) {
                return .refused(.topicAuthorizationFailed, "\(access.user) may not delete \(name)")
            }
            guard let found else {
                let code: ErrorCode = topic.name == nil ? .unknownTopicID : .unknownTopicOrPartition
                return .refused(code, "there is no such topic")
            }
            guard !meant.contains(found.name) else {
                return .refused(.invalidRequest, "the topic is named by its name and by its id")
            }
            guard found.isConfigured || access.allows(.delete, topic: found.name.text) else {
                return .refused(.topicAuthorizationFailed, "\(access.user) may not delete \(found.name)")
            }
            return .change(.delete(found.name))
        }
        let timeout = Duration.milliseconds(max(0, timeoutMilliseconds))
        call.answer(plan, forgettingWithin: min(timeout, GroupLimits.forgettingPatience)) { outcomes in
            DeleteTopicsResponse(
                topics: named.indices.map { index in
                    DeleteTopicsResponse.Topic(
                        name: named[index].name ?? found[index]?.name.text,
                        topicID: found[index].map { KafkaUUID($0.id) } ?? named[index].id,
                        errorCode: outcomes[index].errorCode,
                        errorMessage: outcomes[index].message
                    )
                }
            )
        }
    }
}
