// OffsetCommit (key 8): how far a consumer group has come.

/// A group's offsets. Generation -1 with an empty member id is a consumer that is in no group.
package struct OffsetCommitRequest: Equatable {
    package var groupID: String
    package var generationID: Int32
    package var memberID: String
    /// Nil for a dynamic member, and before version 7.
    package var groupInstanceID: String?
    /// Only in versions 2 to 4; -1 for what the broker thinks right.
    package var retentionTimeMilliseconds: Int64
    package var topics: [Topic]

    /// The offsets of one topic.
    package struct Topic: Equatable {
        package var name: String
        package var partitions: [Partition]
    }

    /// The offset of one partition.
    package struct Partition: Equatable {
        package var partitionIndex: Int32
        /// Of the next record to read.
        package var committedOffset: Int64
        /// -1 where the client does not know it, and before version 6.
        package var committedLeaderEpoch: Int32
        /// Whatever the consumer wants to find again.
        package var committedMetadata: String?
    }
}

extension OffsetCommitRequest: KafkaRequest {
    package static let key = APIKey.offsetCommit

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        groupID = try reader.string()
        generationID = try reader.int32()
        memberID = try reader.string()
        groupInstanceID = try version >= 7 ? reader.nullableString() : nil
        retentionTimeMilliseconds = try version <= 4 ? reader.int64() : -1
        topics = try reader.array(version: version)
        try reader.skipTaggedFields()
    }
}

extension OffsetCommitRequest.Topic: WireReadable {
    package static let byteCountMin = 3

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        name = try reader.string()
        partitions = try reader.array(version: version)
        try reader.skipTaggedFields()
    }
}

extension OffsetCommitRequest.Partition: WireReadable {
    package static let byteCountMin = 14

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        partitionIndex = try reader.int32()
        committedOffset = try reader.int64()
        committedLeaderEpoch = try version >= 6 ? reader.int32() : -1
        committedMetadata = try reader.nullableString()
        try reader.skipTaggedFields()
    }
}

/// Which offsets were taken.
package struct OffsetCommitResponse: Equatable {
    package var throttleTimeMilliseconds: Int32
    package var topics: [Topic]

    package init(throttleTimeMilliseconds: Int32 = 0, topics: [Topic]) {
        self.throttleTimeMilliseconds = throttleTimeMilliseconds
        self.topics = topics
    }

    /// The results of one topic.
    package struct Topic: Equatable {
        package var name: String
        package var partitions: [Partition]

        package init(name: String, partitions: [Partition]) {
            self.name = name
            self.partitions = partitions
        }
    }

    /// The result of one partition.
    package struct Partition: Equatable {
        package var partitionIndex: Int32
        package var errorCode: ErrorCode

        package init(partitionIndex: Int32, errorCode: ErrorCode = .none) {
            self.partitionIndex = partitionIndex
            self.errorCode = errorCode
        }
    }
}

extension OffsetCommitResponse: KafkaResponse {
    package static let key = APIKey.offsetCommit

    /// The body; `frame(correlationID:version:)` makes the whole frame.
    package func write(to writer: inout WireWriter, version: Int16) {
        if version >= 3 { writer.int32(throttleTimeMilliseconds) }
        writer.array(topics, version: version)
        writer.emptyTaggedFields()
    }
}

extension OffsetCommitResponse.Topic: WireWritable {
    /// As part of the response.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.string(name)
        writer.array(partitions, version: version)
        writer.emptyTaggedFields()
    }
}

extension OffsetCommitResponse.Partition: WireWritable {
    /// As part of the response.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.int32(partitionIndex)
        writer.errorCode(errorCode)
        writer.emptyTaggedFields()
    }
}
