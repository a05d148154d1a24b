// ListOffsets (key 2): the offsets of times, and of both ends of the log.

/// Asks for one offset per partition.
package struct ListOffsetsRequest: Equatable {
    /// -1 for a consumer.
    package var replicaID: Int32
    /// 0 for uncommitted, 1 for committed records.
    package var isolationLevel: Int8
    package var topics: [Topic]

    /// What is asked about one topic.
    package struct Topic: Equatable {
        package var name: String
        package var partitions: [Partition]
    }

    /// What is asked about one partition.
    package struct Partition: Equatable {
        package var partitionIndex: Int32
        /// -1 where the client does not know it, and before version 4.
        package var currentLeaderEpoch: Int32
        /// In milliseconds since 1970: the first record of that time or later. -1 asks for the end of the log, -2 for
        /// its start, -3 (from version 7 on) for the record with the largest timestamp.
        package var timestamp: Int64
    }
}

extension ListOffsetsRequest: KafkaRequest {
    package static let key = APIKey.listOffsets

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        replicaID = try reader.int32()
        isolationLevel = try version >= 2 ? reader.int8() : 0
        topics = try reader.array(version: version)
        try reader.skipTaggedFields()
    }
}

extension ListOffsetsRequest.Topic: WireReadable {
    package static let byteCountMin = 3

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        name = try reader.string()
        partitions = try reader.array(version: version)
        try reader.skipTaggedFields()
    }
}

extension ListOffsetsRequest.Partition: WireReadable {
    package static let byteCountMin = 12

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        partitionIndex = try reader.int32()
        currentLeaderEpoch = try version >= 4 ? reader.int32() : -1
        timestamp = try reader.int64()
        try reader.skipTaggedFields()
    }
}

/// One offset per partition.
package struct ListOffsetsResponse: Equatable {
    package var throttleTimeMilliseconds: Int32
    package var topics: [Topic]

    package init(throttleTimeMilliseconds: Int32 = 0, topics: [Topic]) {
        self.throttleTimeMilliseconds = throttleTimeMilliseconds
        self.topics = topics
    }

    /// The answers for one topic.
    package struct Topic: Equatable {
        package var name: String
        package var partitions: [Partition]

        package init(name: String, partitions: [Partition]) {
            self.name = name
            self.partitions = partitions
        }
    }

    /// The answer for one partition.
    package struct Partition: Equatable {
        package var partitionIndex: Int32
        package var errorCode: ErrorCode
        /// Of the record found, in milliseconds since 1970; -1 for an end of the log, and where there is no such
        /// record.
        package var timestamp: Int64
        /// -1, without an error, where there is no such record.
        package var offset: Int64
        /// From version 4 on.
        package var leaderEpoch: Int32

        package init(
            partitionIndex: Int32,
            errorCode: ErrorCode = .none,
            timestamp: Int64 = -1,
            offset: Int64 = -1,
            leaderEpoch: Int32 = -1
        ) {
            self.partitionIndex = partitionIndex
            self.errorCode = errorCode
            self.timestamp = timestamp
            self.offset = offset
            self.leaderEpoch = leaderEpoch
        }
    }
}

extension ListOffsetsResponse: KafkaResponse {
    package static let key = APIKey.listOffsets

    /// The body; `frame(correlationID:version:)` makes the whole frame.
    package func write(to writer: inout WireWriter, version: Int16) {
        if version >= 2 { writer.int32(throttleTimeMilliseconds) }
        writer.array(topics, version: version)
        writer.emptyTaggedFields()
    }
}

extension ListOffsetsResponse.Topic: WireWritable {
    /// As part of the response.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.string(name)
        writer.array(partitions, version: version)
        writer.emptyTaggedFields()
    }
}

extension ListOffsetsResponse.Partition: WireWritable {
    /// As part of the response.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.int32(partitionIndex)
        writer.errorCode(errorCode)
        writer.int64(timestamp)
        writer.int64(offset)
        if version >= 4 { writer.int32(leaderEpoch) }
        writer.emptyTaggedFields()
    }
}
