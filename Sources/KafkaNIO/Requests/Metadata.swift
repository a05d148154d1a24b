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
        return Set(topics.compactMap(\.name)).compactMap { name in
            guard access.allows(.create, topic: name), broker.topic(name) == nil, let name = TopicName(name) else {
                return nil
            }
            return .change(.create(name, configuration, id: .random()))
        }
    }

    private func response(_ broker: Broker, _ address: ClientAddress, _ access: Access) -> MetadataResponse {
        let all = broker.log.topics.filter { access.knows(topic: $0.name.text) }
        return MetadataResponse(
            brokers: [MetadataResponse.Broker(nodeID: Broker.nodeID, host: address.host, port: address.port)],
            clusterID: broker.clusterID,
            controllerID: Broker.nodeID,
            topics: topics?.map { MetadataRequest.find($0, in: all, access) } ?? all.map(MetadataResponse.Topic.init)
        )
    }

    private static func find(
        _ wanted: Topic,
        in all: [TopicDescription],
        _ access: Access
    ) -> MetadataResponse.Topic {
        guard let name = wanted.name else {
            return all.first { KafkaUUID($0.id) == wanted.topicID }.map(MetadataResponse.Topic.init)
                ?? MetadataResponse.Topic(errorCode: .unknownTopicID, topicID: wanted.topicID, partitions: [])
        }
        guard let legal = TopicName(name) else {
            return MetadataResponse.Topic(errorCode: .invalidTopicException, name: name, partitions: [])
        }
        guard access.knows(topic: name) else {
            return MetadataResponse.Topic(errorCode: .topicAuthorizationFailed, name: name, partitions: [])
        }
        return all.first { $0.name == legal }.map(MetadataResponse.Topic.init)
            ?? MetadataResponse.Topic(errorCode: .unknownTopicOrPartition, name: name, partitions: [])
    }
}

extension MetadataResponse.Topic {
    fileprivate init(_ topic: TopicDescription) {
        self.init(
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
            }
        )
    }
}
