// Fetch (key 1): records from an offset on.

/// What a consumer wants to read.
package struct FetchRequest: Equatable {
    /// A tagged field; nil where it is missing, as with every consumer.
    package var clusterID: String?
    /// -1 for a consumer.
    package var replicaID: Int32
    /// How long to wait for `minBytes`.
    package var maxWaitMilliseconds: Int32
    package var minBytes: Int32
    /// Of records in the whole response; a first batch that is larger is sent all the same.
    package var maxBytes: Int32
    /// 0 for uncommitted, 1 for committed records.
    package var isolationLevel: Int8
    /// 0 for no session, and before version 7.
    package var sessionID: Int32
    /// 0 with a full request that would like a session, -1 with one that would not, and before version 7.
    package var sessionEpoch: Int32
    /// All that is wanted; within a session only what has changed.
    package var topics: [Topic]
    /// From version 7 on.
    package var forgottenTopics: [ForgottenTopic]
    /// From version 11 on.
    package var rackID: String

    /// What is wanted of one topic.
    package struct Topic: Equatable {
        package var name: String
        package var partitions: [Partition]
    }

    /// What is wanted of one partition.
    package struct Partition: Equatable {
        package var partitionIndex: Int32
        /// -1 where the client does not know it, and before version 9.
        package var currentLeaderEpoch: Int32
        package var fetchOffset: Int64
        /// -1 where the client does not know it, and before version 12.
        package var lastFetchedEpoch: Int32
        /// Of a follower; -1 for a consumer.
        package var logStartOffset: Int64
        /// Of records of this partition; a first batch that is larger is sent all the same.
        package var partitionMaxBytes: Int32
    }

    /// Partitions that a session is to leave out from now on.
    package struct ForgottenTopic: Equatable {
        package var name: String
        package var partitions: [Int32]
    }
}

extension FetchRequest: KafkaRequest {
    package static let key = APIKey.fetch

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        replicaID = try reader.int32()
        maxWaitMilliseconds = try reader.int32()
        minBytes = try reader.int32()
        maxBytes = try reader.int32()
        isolationLevel = try reader.int8()
        sessionID = try version >= 7 ? reader.int32() : 0
        sessionEpoch = try version >= 7 ? reader.int32() : -1
        topics = try reader.array(version: version)
        forgottenTopics = try version >= 7 ? reader.array(version: version) : []
        rackID = try version >= 11 ? reader.string() : ""
        var clusterID: String?
        try reader.taggedFields { (tag, field) throws(WireError) in
            guard tag == 0 else { return }
            clusterID = try field.nullableString()
            try field.expectEnd()
        }
        self.clusterID = clusterID
    }
}

extension FetchRequest.Topic: WireReadable {
    package static let byteCountMin = 3

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        name = try reader.string()
        partitions = try reader.array(version: version)
        try reader.skipTaggedFields()
    }
}

extension FetchRequest.Partition: WireReadable {
    package static let byteCountMin = 16

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        partitionIndex = try reader.int32()
        currentLeaderEpoch = try version >= 9 ? reader.int32() : -1
        fetchOffset = try reader.int64()
        lastFetchedEpoch = try version >= 12 ? reader.int32() : -1
        logStartOffset = try version >= 5 ? reader.int64() : -1
        partitionMaxBytes = try reader.int32()
        try reader.skipTaggedFields()
    }
}

extension FetchRequest.ForgottenTopic: WireReadable {
    package static let byteCountMin = 3

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        name = try reader.string()
        partitions = try reader.array(version: version)
        try reader.skipTaggedFields()
    }
}
