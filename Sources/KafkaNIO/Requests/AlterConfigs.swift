// AlterConfigs and IncrementalAlterConfigs: settings of clients' topics.
internal import CommitLog
internal import KafkaProtocol

extension AlterConfigsRequest: ServedRequest {
    func start(_ call: Call) {
        let plan = resources.map { resource in
            call.plan(resource.resourceType, resource.resourceName, validateOnly: validateOnly) { topic in
                // The whole of it: what is not named goes back to its default.
                var altered = TopicSetting.defaults
                altered.partitions = topic.partitions
                altered.onFull = topic.onFull
                topic = altered
                for config in resource.configs {
                    if let problem = TopicSetting.set(config.name, config.value, in: &topic) { return problem }
                }
                return nil
            }
        }
        call.answer(plan) { outcomes in
            AlterConfigsResponse(
                resources: zip(resources, outcomes).map { resource, outcome in
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
        let plan = resources.map { resource in
            call.plan(resource.resourceType, resource.resourceName, validateOnly: validateOnly) { topic in
                for config in resource.configs {
                    let problem: String?
                    switch ConfigOperation(rawValue: config.configOperation) {
                    case .set: problem = TopicSetting.set(config.name, config.value ?? "", in: &topic)
                    case .delete: problem = TopicSetting.set(config.name, nil, in: &topic)
                    case .append, .subtract: problem = "\(config.name) has one value here, and is set"
                    case nil: problem = "there is no operation \(config.configOperation)"
                    }
                    if let problem { return problem }
                }
                return nil
            }
        }
        call.answer(plan) { outcomes in
            IncrementalAlterConfigsResponse(
                resources: zip(resources, outcomes).map { resource, outcome in
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

extension Call {
    /// Plans to alter a topic's settings; `alter` says what is wrong with the new ones.
    fileprivate func plan(
        _ type: Int8,
        _ name: String,
        validateOnly: Bool,
        _ alter: (inout TopicConfiguration) -> String?
    ) -> PlannedChange {
        guard let type = ConfigResourceType(rawValue: type) else {
            return .refused(.invalidRequest, "only topics have settings that can be altered")
        }
        guard type == .topic else {
            return .refused(.policyViolation, "the broker's settings stand in its configuration file")
        }
        guard connection.access.knows(topic: name) else {
            return .refused(.topicAuthorizationFailed, "\(connection.access.user) may not alter \(name)")
        }
        guard let topic = broker.topic(name) else {
            return .refused(.unknownTopicOrPartition, "there is no such topic")
        }
        guard !topic.isConfigured else {
            return .refused(.policyViolation, "the settings of \(name) stand in the configuration file")
        }
        guard connection.access.allows(.alter, topic: name) else {
            return .refused(.topicAuthorizationFailed, "\(connection.access.user) may not alter \(name)")
        }
        var configuration = topic.configuration
        if let problem = alter(&configuration) { return .refused(.invalidConfig, problem) }
        return validateOnly ? .nothing : .change(.alter(topic.name, to: configuration))
    }
}
