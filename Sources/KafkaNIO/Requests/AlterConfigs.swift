// AlterConfigs and IncrementalAlterConfigs: settings of clients' topics.
internal import CommitLog
internal import KafkaProtocol

extension AlterConfigsRequest: ServedRequest {
    func start(_ call: Call) {
        let (named, repeated) = resources.distinct { ConfigResource(type: $0.resourceType, name: $0.resourceName) }
        let plan = named.map { resource in
            let configs = resource.configs
            let key = ConfigResource(type: resource.resourceType, name: resource.resourceName)
            let isRepeated = repeated.contains(key) || !configs.distinct(by: \.name).repeated.isEmpty
            let isWhole = configs.allSatisfy { $0.value != nil }
            return call.plan(key, isRepeated: isRepeated, isWhole: isWhole) { (topic) throws(LogError) in
                // The whole of it: what is not named goes back to its default.
                for setting in TopicSetting.all { setting.reset(&topic) }
                for config in configs { try TopicSetting.set(config.name, config.value, in: &topic) }
            }
        }
        call.answer(plan, validateOnly: validateOnly) { outcomes in
            AlterConfigsResponse(
                resources: zip(named, outcomes).map { resource, outcome in
                    AlterConfigsResponse.Resource(
                        errorCode: outcome.errorCode,
                        errorMessage: outcome.message,
                        resourceType: resource.resourceType,
                        resourceName: resource.resourceName
                    )
                }
            )
        }
    }
}

extension IncrementalAlterConfigsRequest: ServedRequest {
    func start(_ call: Call) {
        let (named, repeated) = resources.distinct { ConfigResource(type: $0.resourceType, name: $0.resourceName) }
        let plan = named.map { resource in
            let configs = resource.configs
            let key = ConfigResource(type: resource.resourceType, name: resource.resourceName)
            let isRepeated = repeated.contains(key) || !configs.distinct(by: \.name).repeated.isEmpty
            let deletion = ConfigOperation.delete.rawValue
            let isWhole = configs.allSatisfy { $0.value != nil || $0.configOperation == deletion }
            return call.plan(key, isRepeated: isRepeated, isWhole: isWhole) { (topic) throws(LogError) in
                for config in configs { try config.apply(to: &topic) }
            }
        }
        call.answer(plan, validateOnly: validateOnly) { outcomes in
            IncrementalAlterConfigsResponse(
                resources: zip(named, outcomes).map { resource, outcome in
                    IncrementalAlterConfigsResponse.Resource(
                        errorCode: outcome.errorCode,
                        errorMessage: outcome.message,
                        resourceType: resource.resourceType,
                        resourceName: resource.resourceName
                    )
                }
            )
        }
    }
}

extension IncrementalAlterConfigsRequest.Config {
    fileprivate func apply(to topic: inout TopicConfiguration) throws(LogError) {
        switch ConfigOperation(rawValue: configOperation) {
        case .set: try TopicSetting.set(name, value ?? "", in: &topic)
        case .delete: try TopicSetting.set(name, nil, in: &topic)
        case .append: try TopicSetting.append(value ?? "", to: name, in: &topic)
        case .subtract: try TopicSetting.subtract(value ?? "", from: name, in: &topic)
        case nil: throw LogError(.invalidConfiguration, "there is no operation \(configOperation)")
        }
    }
}

extension Call {
    /// Plans to alter a topic's settings. `isRepeated`: the request names the topic or one of its settings twice. `isWhole`: each
    /// setting that needs a value has one.
    fileprivate func plan(
        _ resource: ConfigResource,
        isRepeated: Bool,
        isWhole: Bool,
        _ alteration: @escaping TopicAlteration
    ) -> PlannedChange {
        let (name, access) = (resource.name, connection.access)
        guard !isRepeated else {
            return .refused(.invalidRequest, "a request names each topic once, and each of its settings")
        }
        guard isWhole else { return .refused(.invalidRequest, "a setting has no value") }
        guard let type = ConfigResourceType(rawValue: resource.type) else {
            return .refused(.invalidRequest, "only topics have settings that can be altered")
        }
        guard type == .topic else {
            return .refused(.policyViolation, "the broker's settings stand in its configuration file")
        }
        guard access.knows(topic: name) else {
            return .refused(.topicAuthorizationFailed, "\(access.user) may not alter \(name)")
        }
        guard let topic = broker.topic(name) else {
            return .refused(.unknownTopicOrPartition, "there is no such topic")
        }
        guard topic.isConfigured || access.allows(.alter, topic: name) else {
            return .refused(.topicAuthorizationFailed, "\(access.user) may not alter \(name)")
        }
        return .change(.alter(topic.name, by: alteration))
    }
}
