// CreateTopics (key 19): new topics.

/// The topics to create.
package struct CreateTopicsRequest: Equatable {
    package var topics: [Topic]
    package var timeoutMilliseconds: Int32
    /// Whether to say only what would happen.
    package var validateOnly: Bool

    /// A topic to create.
    package struct Topic: Equatable {
        package var name: String
        /// -1 for the broker's default, or where there are assignments.
        package var numPartitions: Int32
        /// -1 for the broker's default, or where there are assignments.
        package var replicationFactor: Int16
        /// Empty where the broker chooses.
        package var assignments: [Assignment]
        package var configs: [Config]
    }

    /// Which brokers hold a partition.
    package struct Assignment: Equatable {
        package var partitionIndex: Int32
        package var brokerIDs: [Int32]
    }

    /// A key of the topic's configuration.
    package struct Config: Equatable {
        package var name: String
        package var value: String?
    }
}

extension CreateTopicsRequest: KafkaRequest {
    package static let key = APIKey.createTopics

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        topics = try reader.array(version: version)
        timeoutMilliseconds = try reader.int32()
        validateOnly = try reader.boolean()
        try reader.skipTaggedFields()
    }
}

extension CreateTopicsRequest.Topic: WireReadable {
    package static let byteCountMin = 10

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        name = try reader.string()
        numPartitions = try reader.int32()
        replicationFactor = try reader.int16()
        assignments = try reader.array(version: version)
        configs = try reader.array(version: version)
        try reader.skipTaggedFields()
    }
}

extension CreateTopicsRequest.Assignment: WireReadable {
    package static let byteCountMin = 6

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        partitionIndex = try reader.int32()
        brokerIDs = try reader.array(version: version)
        try reader.skipTaggedFields()
    }
}

extension CreateTopicsRequest.Config: WireReadable {
    package static let byteCountMin = 3

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        name = try reader.string()
        value = try reader.nullableString()
        try reader.skipTaggedFields()
    }
}

/// Which topics were created.
package struct CreateTopicsResponse: Equatable {
    package var throttleTimeMilliseconds: Int32
    package var topics: [Topic]

    package init(throttleTimeMilliseconds: Int32 = 0, topics: [Topic]) {
        self.throttleTimeMilliseconds = throttleTimeMilliseconds
        self.topics = topics
    }

    /// What became of one topic.
    package struct Topic: Equatable {
        package var name: String
        /// From version 7 on.
        package var topicID: KafkaUUID
        package var errorCode: ErrorCode
        package var errorMessage: String?
        /// From version 5 on; -1 with an error.
        package var numPartitions: Int32
        /// From version 5 on; -1 with an error.
        package var replicationFactor: Int16
        /// From version 5 on. Never null on the wire: Kafka's Java client fails on a null that the protocol allows.
        package var configs: [Config]

        package init(
            name: String,
            topicID: KafkaUUID = .zero,
            errorCode: ErrorCode = .none,
            errorMessage: String? = nil,
            numPartitions: Int32 = -1,
            replicationFactor: Int16 = -1,
            configs: [Config] = []
        ) {
            self.name = name
            self.topicID = topicID
            self.errorCode = errorCode
            self.errorMessage = errorMessage
            self.numPartitions = numPartitions
            self.replicationFactor = replicationFactor
            self.configs = configs
        }
    }

    /// A key of a topic's configuration.
    package struct Config: Equatable {
        package var name: String
        /// Nil for what is sensitive.
        package var value: String?
        package var readOnly: Bool
        /// See `ConfigSource`.
        package var configSource: Int8
        package var isSensitive: Bool

        package init(name: String, value: String? = nil, readOnly: Bool, configSource: Int8 = -1, isSensitive: Bool) {
            self.name = name
            self.value = value
            self.readOnly = readOnly
            self.configSource = configSource
            self.isSensitive = isSensitive
        }
    }
}

extension CreateTopicsResponse: KafkaResponse {
    package static let key = APIKey.createTopics

    /// The body; `frame(correlationID:version:)` makes the whole frame.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.int32(throttleTimeMilliseconds)
        writer.array(topics, version: version)
        writer.emptyTaggedFields()
    }
}

extension CreateTopicsResponse.Topic: WireWritable {
    /// As part of the response.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.string(name)
        if version >= 7 { writer.uuid(topicID) }
        writer.errorCode(errorCode)
        writer.nullableString(errorMessage)
        if version >= 5 { writer.int32(numPartitions) }
        if version >= 5 { writer.int16(replicationFactor) }
        if version >= 5 { writer.array(configs, version: version) }
        writer.emptyTaggedFields()
    }
}

extension CreateTopicsResponse.Config: WireWritable {
    /// As part of the response.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.string(name)
        writer.nullableString(value)
        writer.boolean(readOnly)
        writer.int8(configSource)
        writer.boolean(isSensitive)
        writer.emptyTaggedFields()
    }
}
