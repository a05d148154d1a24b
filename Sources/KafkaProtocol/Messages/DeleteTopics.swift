// DeleteTopics (key 20): removes topics with their records.

/// The topics to remove.
package struct DeleteTopicsRequest: Equatable {
    package var topics: [Topic]
    package var timeoutMilliseconds: Int32

    /// A topic by its name, or from version 6 on by its id.
    package struct Topic: Equatable {
        /// Nil where the topic is named by its id.
        package var name: String?
        /// Zero where the topic is named by its name.
        package var topicID: KafkaUUID
    }
}

extension DeleteTopicsRequest: KafkaRequest {
    package static let key = APIKey.deleteTopics

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        if version >= 6 {
            topics = try reader.array(version: version)
        } else {
            let names: [String] = try reader.array(version: version)
            topics = names.map { Topic(name: $0, topicID: .zero) }
        }
        timeoutMilliseconds = try reader.int32()
        try reader.skipTaggedFields()
    }
}

extension DeleteTopicsRequest.Topic: WireReadable {
    package static let byteCountMin = 18

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        name = try reader.nullableString()
        topicID = try reader.uuid()
        try reader.skipTaggedFields()
    }
}

/// Which topics were removed.
package struct DeleteTopicsResponse: Equatable {
    package var throttleTimeMilliseconds: Int32
    package var topics: [Topic]

    package init(throttleTimeMilliseconds: Int32 = 0, topics: [Topic]) {
        self.throttleTimeMilliseconds = throttleTimeMilliseconds
        self.topics = topics
    }

    /// What became of one topic.
    package struct Topic: Equatable {
        /// Nil, in version 6, for an id that no topic has.
        package var name: String?
        /// From version 6 on.
        package var topicID: KafkaUUID
        package var errorCode: ErrorCode
        /// From version 5 on.
        package var errorMessage: String?

        package init(
            name: String? = nil,
            topicID: KafkaUUID = .zero,
            errorCode: ErrorCode = .none,
            errorMessage: String? = nil
        ) {
            self.name = name
            self.topicID = topicID
            self.errorCode = errorCode
            self.errorMessage = errorMessage
        }
    }
}

extension DeleteTopicsResponse: KafkaResponse {
    package static let key = APIKey.deleteTopics

    /// The body; `frame(correlationID:version:)` makes the whole frame.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.int32(throttleTimeMilliseconds)
        writer.array(topics, version: version)
        writer.emptyTaggedFields()
    }
}

extension DeleteTopicsResponse.Topic: WireWritable {
    /// As part of the response.
    package func write(to writer: inout WireWriter, version: Int16) {
        if version >= 6 { writer.nullableString(name) } else { writer.string(name ?? "") }
        if version >= 6 { writer.uuid(topicID) }
        writer.errorCode(errorCode)
        if version >= 5 { writer.nullableString(errorMessage) }
        writer.emptyTaggedFields()
    }
}
