// DescribeConfigs: the settings of topics, and of the broker.
internal import CommitLog
internal import KafkaProtocol

extension DescribeConfigsRequest: ServedRequest {
    func start(_ call: Call) {
        let (broker, access) = (call.broker, call.connection.access)
        let named = resources.distinct { ConfigResource(type: $0.resourceType, name: $0.resourceName) }.elements
        call.answer(onWorker: { _ in DescribeConfigsResponse(resources: named.map { describe($0, broker, access) }) })
    }

    private func describe(
        _ resource: Resource,
        _ broker: Broker,
        _ access: Access
    ) -> DescribeConfigsResponse.Resource {
        switch ConfigResourceType(rawValue: resource.resourceType) {
        case .topic:
            guard TopicName(resource.resourceName) != nil else {
                return resource.refused(.invalidTopicException, "no name of a topic")
            }
            guard access.knows(topic: resource.resourceName) else {
                return resource.refused(.topicAuthorizationFailed, "\(access.user) may not see it")
            }
            guard let topic = broker.topic(resource.resourceName) else {
                return resource.refused(.unknownTopicOrPartition, "there is no such topic")
            }
            return resource.answered(
                TopicSetting.all.map { setting in
                    let source = setting.source(in: topic.configuration, isConfigured: topic.isConfigured)
                    return config(
                        setting.name,
                        setting.read(topic.configuration),
                        setting.type,
                        source,
                        isReadOnly: topic.isConfigured,
                        default: source == .topic ? setting.read(TopicSetting.defaults) : nil
                    )
                }
            )
        case .broker:
            // The defaults of all brokers, of which there are none.
            if resource.resourceName.isEmpty { return resource.answered([]) }
            guard resource.resourceName == "\(Broker.nodeID)" else {
                return resource.refused(.invalidRequest, "the only broker is \(Broker.nodeID)")
            }
            return resource.answered(
                broker.settings.map { config($0.name, $0.value, $0.type, .staticBroker, isReadOnly: true) }
            )
        case nil:
            return resource.refused(.invalidRequest, "only topics (2) and the broker (4) have settings")
        }
    }

    /// `default`: what would be in force without the value.
    private func config(
        _ name: String,
        _ value: String,
        _ type: ConfigType,
        _ source: ConfigSource,
        isReadOnly: Bool,
        default: String? = nil
    ) -> DescribeConfigsResponse.Config {
        let synonyms = [(value, source)] + (`default`.map { [($0, ConfigSource.default)] } ?? [])
        return DescribeConfigsResponse.Config(
            name: name,
            value: value,
            readOnly: isReadOnly,
            configSource: source.rawValue,
            isSensitive: false,
            synonyms: includeSynonyms ? synonyms.map { .init(name: name, value: $0.0, source: $0.1.rawValue) } : [],
            configType: type.rawValue
        )
    }
}

extension DescribeConfigsRequest.Resource {
    fileprivate func refused(_ code: ErrorCode, _ message: String) -> DescribeConfigsResponse.Resource {
        .init(
            errorCode: code,
            errorMessage: message,
            resourceType: resourceType,
            resourceName: resourceName,
            configs: []
        )
    }

    /// Those that were asked for; all where no names were given, or none.
    fileprivate func answered(_ configs: [DescribeConfigsResponse.Config]) -> DescribeConfigsResponse.Resource {
        let wanted = Set(configurationKeys ?? [])
        return .init(
            resourceType: resourceType,
            resourceName: resourceName,
            configs: wanted.isEmpty ? configs : configs.filter { wanted.contains($0.name) }
        )
    }
}

extension TopicSetting {
    /// Where a topic's value comes from: the configuration file, a client, or nobody said anything.
    func source(in topic: TopicConfiguration, isConfigured: Bool) -> ConfigSource {
        if isConfigured { return .staticBroker }
        return isSet(topic) ? .topic : .default
    }
}

extension Broker {
    /// What clients ask brokers about, as it is here.
    fileprivate var settings: [(name: String, value: String, type: ConfigType)] {
        [
            ("auto.create.topics.enable", "\(configuration.autoCreatePartitions != nil)", .boolean),
            ("default.replication.factor", "1", .int),
            ("message.max.bytes", "\(Limits.batchBytesMax)", .int),
            ("min.insync.replicas", "1", .int),
            ("num.partitions", "\(configuration.autoCreatePartitions ?? 1)", .int),
            ("socket.request.max.bytes", "\(Limits.requestBytesMax)", .int),
        ]
    }
}
