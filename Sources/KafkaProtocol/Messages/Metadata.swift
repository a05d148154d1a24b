// Metadata (key 3): the brokers, and the partitions of topics.

/// Asks for topics, or for all of them.
package struct MetadataRequest: Equatable {
    /// Nil for all topics, in every version; version 0 says so with an empty array.
    package var topics: [Topic]?
    package var allowAutoTopicCreation: Bool
    /// Only in versions 8 to 10.
    package var includeClusterAuthorizedOperations: Bool
    package var includeTopicAuthorizedOperations: Bool

    /// A topic by its name, or from version 12 on by its id.
    package struct Topic: Equatable {
        /// Zero before version 10, and must be zero before 12.
        package var topicID: KafkaUUID
        /// Nil, from version 10 on, where the topic is asked for by its id.
        package var name: String?
    }
}

extension MetadataRequest: KafkaRequest {
    package static let key = APIKey.metadata

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        if version >= 1 {
            topics = try reader.nullableArray(version: version)
        } else {
            let named: [Topic] = try reader.array(version: version)
            topics = named.isEmpty ? nil : named
        }
        allowAutoTopicCreation = try version >= 4 ? reader.boolean() : true
        includeClusterAuthorizedOperations = try (8...10).contains(version) ? reader.boolean() : false
        includeTopicAuthorizedOperations = try version >= 8 ? reader.boolean() : false
        try reader.skipTaggedFields()
    }
}

extension MetadataRequest.Topic: WireReadable {
    package static let byteCountMin = 2

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        topicID = try version >= 10 ? reader.uuid() : .zero
        name = try version >= 10 ? reader.nullableString() : reader.string()
        try reader.skipTaggedFields()
    }
}

/// The cluster as a client should see it: what it connects to next is what stands here.
package struct MetadataResponse: Equatable {
    package var throttleTimeMilliseconds: Int32
    package var brokers: [Broker]
    /// From version 2 on.
    package var clusterID: String?
    package var controllerID: Int32
    package var topics: [Topic]
    /// A set of bits; the default says that nobody asked. Only in versions 8 to 10.
    package var clusterAuthorizedOperations: Int32

    package init(
        throttleTimeMilliseconds: Int32 = 0,
        brokers: [Broker],
        clusterID: String? = nil,
        controllerID: Int32 = -1,
        topics: [Topic],
        clusterAuthorizedOperations: Int32 = .min
    ) {
        self.throttleTimeMilliseconds = throttleTimeMilliseconds
        self.brokers = brokers
        self.clusterID = clusterID
        self.controllerID = controllerID
        self.topics = topics
        self.clusterAuthorizedOperations = clusterAuthorizedOperations
    }

    /// Where clients reach a broker.
    package struct Broker: Equatable {
        package var nodeID: Int32
        /// The address as clients reach it, not the one the socket is bound to.
        package var host: String
        package var port: Int32
        package var rack: String?

        package init(nodeID: Int32, host: String, port: Int32, rack: String? = nil) {
            self.nodeID = nodeID
            self.host = host
            self.port = port
            self.rack = rack
        }
    }

    /// A topic, or why there is none of that name or id.
    package struct Topic: Equatable {
        package var errorCode: ErrorCode
        /// Nil, in version 12, for an id that no topic has.
        package var name: String?
        /// From version 10 on.
        package var topicID: KafkaUUID
        package var isInternal: Bool
        package var partitions: [Partition]
        /// A set of bits; the default says that nobody asked. From version 8 on.
        package var topicAuthorizedOperations: Int32

        package init(
            errorCode: ErrorCode = .none,
            name: String? = nil,
            topicID: KafkaUUID = .zero,
            isInternal: Bool = false,
            partitions: [Partition],
            topicAuthorizedOperations: Int32 = .min
        ) {
            self.errorCode = errorCode
            self.name = name
            self.topicID = topicID
            self.isInternal = isInternal
            self.partitions = partitions
            self.topicAuthorizedOperations = topicAuthorizedOperations
        }
    }

    /// Who leads and who holds a partition.
    package struct Partition: Equatable {
        package var errorCode: ErrorCode
        package var partitionIndex: Int32
        package var leaderID: Int32
        /// From version 7 on.
        package var leaderEpoch: Int32
        package var replicaNodes: [Int32]
        package var isrNodes: [Int32]
        /// From version 5 on.
        package var offlineReplicas: [Int32]

        package init(
            errorCode: ErrorCode = .none,
            partitionIndex: Int32,
            leaderID: Int32,
            leaderEpoch: Int32 = -1,
            replicaNodes: [Int32],
            isrNodes: [Int32],
            offlineReplicas: [Int32] = []
        ) {
            self.errorCode = errorCode
            self.partitionIndex = partitionIndex
            self.leaderID = leaderID
            self.leaderEpoch = leaderEpoch
            self.replicaNodes = replicaNodes
            self.isrNodes = isrNodes
            self.offlineReplicas = offlineReplicas
        }
    }
}

extension MetadataResponse: KafkaResponse {
    package static let key = APIKey.metadata

    /// The body; `frame(correlationID:version:)` makes the whole frame.
    package func write(to writer: inout WireWriter, version: Int16) {
        if version >= 3 { writer.int32(throttleTimeMilliseconds) }
        writer.array(brokers, version: version)
        if version >= 2 { writer.nullableString(clusterID) }
        if version >= 1 { writer.int32(controllerID) }
        writer.array(topics, version: version)
        if (8...10).contains(version) { writer.int32(clusterAuthorizedOperations) }
        writer.emptyTaggedFields()
    }
}

extension MetadataResponse.Broker: WireWritable {
    /// As part of the response.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.int32(nodeID)
        writer.string(host)
        writer.int32(port)
        if version >= 1 { writer.nullableString(rack) }
        writer.emptyTaggedFields()
    }
}

extension MetadataResponse.Topic: WireWritable {
    /// As part of the response.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.errorCode(errorCode)
        if version >= 12 { writer.nullableString(name) } else { writer.string(name ?? "") }
        if version >= 10 { writer.uuid(topicID) }
        if version >= 1 { writer.boolean(isInternal) }
        writer.array(partitions, version: version)
        if version >= 8 { writer.int32(topicAuthorizedOperations) }
        writer.emptyTaggedFields()
    }
}

extension MetadataResponse.Partition: WireWritable {
    /// As part of the response.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.errorCode(errorCode)
        writer.int32(partitionIndex)
        writer.int32(leaderID)
        if version >= 7 { writer.int32(leaderEpoch) }
        writer.array(replicaNodes, version: version)
        writer.array(isrNodes, version: version)
        if version >= 5 { writer.array(offlineReplicas, version: version) }
        writer.emptyTaggedFields()
    }
}
