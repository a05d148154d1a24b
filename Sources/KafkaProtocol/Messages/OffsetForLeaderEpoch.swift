// OffsetForLeaderEpoch (key 23): where in the log an epoch ended, for consumers that check their position.

/// Asks for the ends of epochs.
package struct OffsetForLeaderEpochRequest: Equatable {
    /// -1 for a consumer; -2, for nobody in particular, before version 3.
    package var replicaID: Int32
    package var topics: [Topic]

    /// What is asked about one topic.
    package struct Topic: Equatable {
        package var name: String
        package var partitions: [Partition]
    }

    /// What is asked about one partition.
    package struct Partition: Equatable {
        package var partitionIndex: Int32
        /// -1 where the client does not know it.
        package var currentLeaderEpoch: Int32
        /// The epoch whose end is asked for.
        package var leaderEpoch: Int32
    }
}

extension OffsetForLeaderEpochRequest: KafkaRequest {
    package static let key = APIKey.offsetForLeaderEpoch

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        replicaID = try version >= 3 ? reader.int32() : -2
        topics = try reader.array(version: version)
        try reader.skipTaggedFields()
    }
}

extension OffsetForLeaderEpochRequest.Topic: WireReadable {
    package static let byteCountMin = 3

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        name = try reader.string()
        partitions = try reader.array(version: version)
        try reader.skipTaggedFields()
    }
}

extension OffsetForLeaderEpochRequest.Partition: WireReadable {
    package static let byteCountMin = 12

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        partitionIndex = try reader.int32()
        currentLeaderEpoch = try reader.int32()
        leaderEpoch = try reader.int32()
        try reader.skipTaggedFields()
    }
}

/// The ends of epochs.
package struct OffsetForLeaderEpochResponse: Equatable {
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
        package var errorCode: ErrorCode
        package var partitionIndex: Int32
        /// The largest epoch that is not above the one asked for; -1 if there is none.
        package var leaderEpoch: Int32
        /// Of the first record behind that epoch; -1 if there is none.
        package var endOffset: Int64

        package init(
            errorCode: ErrorCode = .none,
            partitionIndex: Int32,
            leaderEpoch: Int32 = -1,
            endOffset: Int64 = -1
        ) {
            self.errorCode = errorCode
            self.partitionIndex = partitionIndex
            self.leaderEpoch = leaderEpoch
            self.endOffset = endOffset
        }
    }
}

extension OffsetForLeaderEpochResponse: KafkaResponse {
    package static let key = APIKey.offsetForLeaderEpoch

    /// The body; `frame(correlationID:version:)` makes the whole frame.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.int32(throttleTimeMilliseconds)
        writer.array(topics, version: version)
        writer.emptyTaggedFields()
    }
}

extension OffsetForLeaderEpochResponse.Topic: WireWritable {
    /// As part of the response.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.string(name)
        writer.array(partitions, version: version)
        writer.emptyTaggedFields()
    }
}

extension OffsetForLeaderEpochResponse.Partition: WireWritable {
    /// As part of the response.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.errorCode(errorCode)
        writer.int32(partitionIndex)
        writer.int32(leaderEpoch)
        writer.int64(endOffset)
        writer.emptyTaggedFields()
    }
}
