// Metadata: the one broker, and the topics that the client may know of.
internal import CommitLog
internal import KafkaProtocol
internal import Platform

extension MetadataRequest: ServedRequest {
    func start(_ call: Call) {
        let (broker, address, access) = (call.broker, call.connection.address, call.connection.access)
        let missing = missingTopics(broker, access)
        guard !missing.isEmpty else { return call.answer(response(broker, address, access)) }
        call.answer(missing) { _ in response(broker, address, access) }
    }

    /// Topics to be made, where that is allowed on both sides.
    private func missingTopics(_ broker: Broker, _ access: Access) -> [PlannedChange] {
        guard allowAutoTopicCreation, let partitions = broker.configuration.autoCreatePartitions, let topics else {
            return []
        }
        var configuration = TopicSetting.defaults
        configuration.partitions = partitions
        let missing = Set(topics.compactMap(\.name)).lazy.compactMap { name -> TopicName? in
            guard access.allows(.create, topic: name), broker.topic(name) == nil else { return nil }
            return TopicName(name)
        }
        return missing.prefix(Limits.plannedChangesMax).map { .change(.create($0, configuration, id: .random())) }
    }

    private func response(_ broker: Broker, _ address: ClientAddress, _ access: Access) -> MetadataResponse {
        let references = topics?.map { topic in
            TopicReference(name: topic.name, id: topic.name == nil ? topic.topicID : .zero)
        }.distinct { $0 }.elements
        let described =
            references?.map { describe($0, broker, access) }
            ?? broker.log.topics.filter { access.knows(topic: $0.name.text) }.map { describe($0, access) }
        return MetadataResponse(
            brokers: [MetadataResponse.Broker(nodeID: Broker.nodeID, host: address.host, port: address.port)],
            clusterID: broker.clusterID,
            controllerID: Broker.nodeID,
            topics: described,
            clusterAuthorizedOperations: includeClusterAuthorizedOperations ? access.operationsOnCluster : .min
        )
    }

    private func describe(
        _ wanted: TopicReference,
        _ broker: Broker,
        _ access: Access
    ) -> MetadataResponse.Topic {
        if let found = wanted.find(broker, access) { return describe(found, access) }
        guard let name = wanted.name else {
            return MetadataResponse.Topic(errorCode: .unknownTopicID, topicID: wanted.id, partitions: [])
        }
        let isLegal = TopicName(name) != nil
        let code: ErrorCode = access.knows(topic: name) ? .unknownTopicOrPartition : .topicAuthorizationFailed
        return MetadataResponse.Topic(errorCode: isLegal ? code : .invalidTopicException, name: name, partitions: [])
    }

    private func describe(_ topic: TopicDescription, _ access: Access) -> MetadataResponse.Topic {
        MetadataResponse.Topic(
            name: topic.name.text,
            topicID: KafkaUUID(topic.id),
            isInternal: topic.name == .consumerOffsets,
            partitions: topic.partitions.map { partition in
                MetadataResponse.Partition(
                    partitionIndex: partition.topicPartition.partition.value,
                    leaderID: Broker.nodeID,
                    leaderEpoch: Broker.leaderEpoch,
                    replicaNodes: [Broker.nodeID],
                    isrNodes: [Broker.nodeID]
                )
            },
            topicAuthorizedOperations: includeTopicAuthorizedOperations ? access.operations(on: topic) : .min
        )
    }
}
