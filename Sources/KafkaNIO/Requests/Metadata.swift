// Metadata: the one broker, and the topics that the client may know of.
internal import CommitLog
internal import KafkaProtocol

extension MetadataRequest: ServedRequest {
    func start(_ call: Call) {
        let (broker, access) = (call.broker, call.connection.access)
        let all = broker.topics
        let topics: [MetadataResponse.Topic]
        if let wanted = self.topics {
            topics = wanted.map { topic in
                if let name = topic.name {
                    guard let name = TopicName(name) else {
                        return MetadataResponse.Topic(errorCode: .invalidTopicException, name: name, partitions: [])
                    }
                    guard access.knows(topic: name.text) else {
                        let denied = ErrorCode.topicAuthorizationFailed
                        return MetadataResponse.Topic(errorCode: denied, name: name.text, partitions: [])
                    }
                    return all[name].map(MetadataResponse.Topic.init)
                        ?? MetadataResponse.Topic(errorCode: .unknownTopicOrPartition, name: name.text, partitions: [])
                }
                let found = all.values.first { KafkaUUID($0.id) == topic.topicID && access.knows(topic: $0.name.text) }
                return found.map(MetadataResponse.Topic.init)
                    ?? MetadataResponse.Topic(errorCode: .unknownTopicID, topicID: topic.topicID, partitions: [])
            }
        } else {
            let known = all.values.filter { access.knows(topic: $0.name.text) }
            topics = known.sorted { $0.name < $1.name }.map(MetadataResponse.Topic.init)
        }
        call.answer(
            MetadataResponse(
                brokers: [
                    MetadataResponse.Broker(
                        nodeID: Broker.nodeID,
                        host: call.connection.address.host,
                        port: call.connection.address.port
                    )
                ],
                clusterID: broker.clusterID,
                controllerID: Broker.nodeID,
                topics: topics
            )
        )
    }
}

extension MetadataResponse.Topic {
    fileprivate init(_ topic: Topic) {
        self.init(
            name: topic.name.text,
            topicID: KafkaUUID(topic.id),
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
