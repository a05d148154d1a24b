// OffsetFetch (key 9): how far consumer groups have come.

/// Asks for offsets of groups.
package struct OffsetFetchRequest: Equatable {
    /// Before version 8 exactly one.
    package var groups: [Group]
    /// Whether offsets of transactions that are not over are to be waited for. False before version 7.
    package var requireStable: Bool

    /// What is asked about one group.
    package struct Group: Equatable {
        package var groupID: String
        /// Nil, from version 2 on, for every topic that the group has offsets of.
        package var topics: [Topic]?
    }

    /// What is asked about one topic.
    package struct Topic: Equatable {
        package var name: String
        package var partitionIndexes: [Int32]
    }
}

extension OffsetFetchRequest: KafkaRequest {
    package static let key = APIKey.offsetFetch

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        groups = try version >= 8 ? reader.array(version: version) : [Group(from: &reader, version: version)]
        requireStable = try version >= 7 ? reader.boolean() : false
        try reader.skipTaggedFields()
    }
}

extension OffsetFetchRequest.Group: WireReadable {
    package static let byteCountMin = 3

    /// Before version 8 its fields are the request's own.
    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        groupID = try reader.string()
        topics = try version >= 2 ? reader.nullableArray(version: version) : reader.array(version: version)
        if version >= 8 { try reader.skipTaggedFields() }
    }
}

extension OffsetFetchRequest.Topic: WireReadable {
    package static let byteCountMin = 3

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        name = try reader.string()
        partitionIndexes = try reader.array(version: version)
        try reader.skipTaggedFields()
    }
}

/// Offsets of groups.
package struct OffsetFetchResponse: Equatable {
    package var throttleTimeMilliseconds: Int32
    /// One for each group that was asked for; before version 8 only the first is written.
    package var groups: [Group]

    package init(throttleTimeMilliseconds: Int32 = 0, groups: [Group]) {
        self.throttleTimeMilliseconds = throttleTimeMilliseconds
        self.groups = groups
    }

    /// The offsets of one group.
    package struct Group: Equatable {
        package var groupID: String
        package var topics: [Topic]
        /// Of the group as a whole. Version 1, which has no such field, has it at each partition without an error.
        package var errorCode: ErrorCode

        package init(groupID: String, topics: [Topic], errorCode: ErrorCode = .none) {
            self.groupID = groupID
            self.topics = topics
            self.errorCode = errorCode
        }
    }

    /// The offsets of one topic.
    package struct Topic: Equatable {
        package var name: String
        package var partitions: [Partition]

        package init(name: String, partitions: [Partition]) {
            self.name = name
            self.partitions = partitions
        }
    }

    /// The offset of one partition.
    package struct Partition: Equatable {
        package var partitionIndex: Int32
        /// Of the next record to read; -1, without an error, where the group has committed none.
        package var committedOffset: Int64
        /// From version 5 on.
        package var committedLeaderEpoch: Int32
        /// Whatever the consumer wanted to find again.
        package var metadata: String?
        package var errorCode: ErrorCode

        package init(
            partitionIndex: Int32,
            committedOffset: Int64,
            committedLeaderEpoch: Int32 = -1,
            metadata: String?,
            errorCode: ErrorCode = .none
        ) {
            self.partitionIndex = partitionIndex
            self.committedOffset = committedOffset
            self.committedLeaderEpoch = committedLeaderEpoch
            self.metadata = metadata
            self.errorCode = errorCode
        }
    }
}

extension OffsetFetchResponse: KafkaResponse {
    package static let key = APIKey.offsetFetch

    /// The body; `frame(correlationID:version:)` makes the whole frame.
    package func write(to writer: inout WireWriter, version: Int16) {
        if version >= 3 { writer.int32(throttleTimeMilliseconds) }
        if version >= 8 {
            writer.array(groups, version: version)
        } else {
            let first = groups.first ?? Group(groupID: "", topics: [], errorCode: .unknownServerError)
            first.writeContent(to: &writer, version: version)
        }
        writer.emptyTaggedFields()
    }
}

extension OffsetFetchResponse.Group: WireWritable {
    /// As part of the response, from version 8 on.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.string(groupID)
        writeContent(to: &writer, version: version)
        writer.emptyTaggedFields()
    }

    /// What is the response's own before version 8.
    fileprivate func writeContent(to writer: inout WireWriter, version: Int16) {
        if version >= 2 {
            writer.array(topics, version: version)
            writer.errorCode(errorCode)
            return
        }
        var topics = topics
        for topic in topics.indices {
            for index in topics[topic].partitions.indices where topics[topic].partitions[index].errorCode == .none {
                topics[topic].partitions[index].errorCode = errorCode
            }
        }
        writer.array(topics, version: version)
    }
}

extension OffsetFetchResponse.Topic: WireWritable {
    /// As part of the response.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.string(name)
        writer.array(partitions, version: version)
        writer.emptyTaggedFields()
    }
}

extension OffsetFetchResponse.Partition: WireWritable {
    /// As part of the response.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.int32(partitionIndex)
        writer.int64(committedOffset)
        if version >= 5 { writer.int32(committedLeaderEpoch) }
        writer.nullableString(metadata)
        writer.errorCode(errorCode)
        writer.emptyTaggedFields()
    }
}
