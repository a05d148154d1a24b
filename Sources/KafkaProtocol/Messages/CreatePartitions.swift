// CreatePartitions (key 37): more partitions for topics.

/// How many partitions topics are to have.
package struct CreatePartitionsRequest: Equatable {
    package var topics: [Topic]
    package var timeoutMilliseconds: Int32
    /// Whether to say only what would happen.
    package var validateOnly: Bool

    /// What one topic is to have.
    package struct Topic: Equatable {
        package var name: String
        /// Of all its partitions, not only of the new ones.
        package var count: Int32
        /// Nil where the broker chooses.
        package var assignments: [Assignment]?
    }

    /// Which brokers hold a new partition.
    package struct Assignment: Equatable {
        package var brokerIDs: [Int32]
    }
}

extension CreatePartitionsRequest: KafkaRequest {
    package static let key = APIKey.createPartitions

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        topics = try reader.array(version: version)
        timeoutMilliseconds = try reader.int32()
        validateOnly = try reader.boolean()
        try reader.skipTaggedFields()
    }
}

extension CreatePartitionsRequest.Topic: WireReadable {
    package static let byteCountMin = 7

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        name = try reader.string()
        count = try reader.int32()
        assignments = try reader.nullableArray(version: version)
        try reader.skipTaggedFields()
    }
}

extension CreatePartitionsRequest.Assignment: WireReadable {
    package static let byteCountMin = 2

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        brokerIDs = try reader.array(version: version)
        try reader.skipTaggedFields()
    }
}

/// Which topics have grown.
package struct CreatePartitionsResponse: Equatable {
    package var throttleTimeMilliseconds: Int32
    package var results: [Result]

    package init(throttleTimeMilliseconds: Int32 = 0, results: [Result]) {
        self.throttleTimeMilliseconds = throttleTimeMilliseconds
        self.results = results
    }

    /// What became of one topic.
    package struct Result: Equatable {
        package var name: String
        package var errorCode: ErrorCode
        package var errorMessage: String?

        package init(name: String, errorCode: ErrorCode = .none, errorMessage: String? = nil) {
            self.name = name
            self.errorCode = errorCode
            self.errorMessage = errorMessage
        }
    }
}

extension CreatePartitionsResponse: KafkaResponse {
    package static let key = APIKey.createPartitions

    /// The body; `frame(correlationID:version:)` makes the whole frame.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.int32(throttleTimeMilliseconds)
        writer.array(results, version: version)
        writer.emptyTaggedFields()
    }
}

extension CreatePartitionsResponse.Result: WireWritable {
    /// As part of the response.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.string(name)
        writer.errorCode(errorCode)
        writer.nullableString(errorMessage)
        writer.emptyTaggedFields()
    }
}
