// CreateTopics: topics of clients' own.
internal import CommitLog
internal import KafkaProtocol
internal import Platform

extension CreateTopicsRequest: ServedRequest {
    func start(_ call: Call) {
        let (broker, access) = (call.broker, call.connection.access)
        let (named, repeated) = topics.distinct(by: \.name)
        let wanted = named.map { topic in
            repeated.contains(topic.name)
                ? WantedTopic(refusal: (.invalidRequest, "the topic is named twice"))
                : WantedTopic(topic, broker, access)
        }
        call.answer(wanted.map(\.plan), validateOnly: validateOnly) { outcomes in
            CreateTopicsResponse(
                throttleTimeMilliseconds: CreateTopicsResponse.throttleTime(after: outcomes),
                topics: named.indices.map { index in
                    let (outcome, wanted) = (outcomes[index], wanted[index])
                    let isMade = outcome.errorCode == .none
                    return CreateTopicsResponse.Topic(
                        name: named[index].name,
                        topicID: isMade && !validateOnly ? KafkaUUID(wanted.id) : .zero,
                        errorCode: outcome.errorCode,
                        errorMessage: outcome.message,
                        numPartitions: isMade ? Int32(clamping: wanted.configuration.partitions) : -1,
                        replicationFactor: isMade ? 1 : -1,
                        configs: isMade ? CreateTopicsResponse.configs(of: wanted.configuration) : []
                    )
                }
            )
        }
    }
}

extension CreateTopicsResponse {
    /// Milliseconds. Clients try again at once what was refused for now, unless they are told to wait.
    fileprivate static func throttleTime(after outcomes: [ChangeOutcome]) -> Int32 {
        guard outcomes.contains(where: { $0.errorCode == .throttlingQuotaExceeded }) else { return 0 }
        return Int32(clamping: GroupLimits.tombstonePause.wholeMilliseconds)
    }

    fileprivate static func configs(of topic: TopicConfiguration) -> [Config] {
        TopicSetting.all.map { setting in
            Config(
                name: setting.name,
                value: setting.read(topic),
                readOnly: false,
                configSource: setting.source(in: topic, isConfigured: false).rawValue,
                isSensitive: false
            )
        }
    }
}

/// A topic that a client wants to have.
private struct WantedTopic: Sendable {
    private(set) var configuration = TopicSetting.defaults
    private(set) var id = UniqueIdentifier(high: 0, low: 0)
    private var name: TopicName?
    private var refusal: (ErrorCode, String)?

    var plan: PlannedChange {
        if let (code, message) = refusal { return .refused(code, message) }
        guard let name else { return .refused(.invalidTopicException, "no name of a topic") }
        return .change(.create(name, configuration, id: id))
    }

    init(refusal: (ErrorCode, String)) {
        self.refusal = refusal
    }

    init(_ topic: CreateTopicsRequest.Topic, _ broker: Broker, _ access: Access) {
        guard let name = TopicName(topic.name) else {
            refusal = (.invalidTopicException, "a name has 1 to 249 of a-z A-Z 0-9 . _ -")
            return
        }
        self.name = name
        guard broker.topic(topic.name) == nil || !access.knows(topic: topic.name) else {
            refusal = (.topicAlreadyExists, "there is a topic \(name)")
            return
        }
        guard access.allows(.create, topic: topic.name) else {
            refusal = (.topicAuthorizationFailed, "\(access.user) may not create \(name)")
            return
        }
        refusal = setPartitions(topic, broker) ?? set(topic.configs)
        if refusal == nil { id = .random() }
    }

    private mutating func set(_ configs: [CreateTopicsRequest.Config]) -> (ErrorCode, String)? {
        guard configs.distinct(by: \.name).repeated.isEmpty else {
            return (.invalidRequest, "a setting is named twice")
        }
        do throws(LogError) {
            for config in configs {
                guard let value = config.value else { return (.invalidConfig, "a setting has no value") }
                try TopicSetting.set(config.name, value, in: &configuration)
            }
            return nil
        } catch {
            return (ErrorCode(error), error.description)
        }
    }

    /// There is one broker, so that every partition has one replica, whatever factor is asked for.
    private mutating func setPartitions(
        _ topic: CreateTopicsRequest.Topic,
        _ broker: Broker
    ) -> (ErrorCode, String)? {
        guard topic.assignments.isEmpty else {
            guard topic.numPartitions == -1, topic.replicationFactor == -1 else {
                return (.invalidRequest, "an assignment says how many partitions there are")
            }
            let indexes = topic.assignments.map(\.partitionIndex).sorted()
            guard indexes == Array(0..<Int32(clamping: indexes.count)),
                topic.assignments.allSatisfy({ $0.brokerIDs == [Broker.nodeID] })
            else { return (.invalidReplicaAssignment, "every partition from 0 on is assigned to broker 0") }
            configuration.partitions = topic.assignments.count
            return nil
        }
        guard topic.replicationFactor == -1 || topic.replicationFactor > 0 else {
            return (.invalidReplicationFactor, "a replication factor is 1 or more, or -1")
        }
        guard topic.numPartitions == -1 || topic.numPartitions > 0 else {
            return (.invalidPartitions, "a topic has 1 partition or more")
        }
        let standard = broker.configuration.autoCreatePartitions ?? 1
        configuration.partitions = topic.numPartitions == -1 ? standard : Int(topic.numPartitions)
        return nil
    }
}
