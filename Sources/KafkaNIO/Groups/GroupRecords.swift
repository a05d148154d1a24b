// Records of the topic `__consumer_offsets`, byte for byte as Kafka 3 writes them.
//
// All integers are big-endian; string is an int16 length and UTF-8, bytes an int32 length and bytes; -1 is null.
//
// | Key         | Fields                                                        | Its value holds         |
// |-------------|---------------------------------------------------------------|-------------------------|
// | version 0,1 | version int16, group string, topic string, partition int32    | a committed offset      |
// | version 2   | version int16, group string                                   | a group and its members |
//
// Value of an offset, written in version 3, read in 0 to 3:
//     version int16, offset int64, leaderEpoch int32 (3), metadata string, commitTimestamp int64, expireTimestamp
// int64 (1) Value of a group, written in version 3, read in 0 to 3:
//     version int16, protocolType string, generation int32, protocol nullable string, leader nullable string,
//     currentStateTimestamp int64 (2, 3), count int32, members: memberId string, groupInstanceId nullable string (3),
//     clientId string, clientHost string, rebalanceTimeout int32 (1, 2, 3), sessionTimeout int32, subscription bytes,
//     assignment bytes
//
// A null value is a tombstone: the offset was deleted or has expired; the group is gone. A record that holds more than
// its fields is none. Nothing is rebuilt from anywhere else: what these records say is the state after a restart.
package import Platform

/// Why bytes are no record that is understood.
package enum GroupRecordProblem: Error, Hashable, Sendable {
    /// Cut short, too long, no UTF-8, or numbers that cannot be.
    case unreadable
    /// Of a kind or version that Kafka may have and this code does not.
    case unknownVersion(Int16)
}

/// What a record is about.
package enum GroupRecordKey: Hashable, Sendable {
    case offset(groupID: String, topic: String, partition: Int32)
    case group(String)

    package var bytes: [UInt8] {
        var writer = GroupRecordWriter()
        switch self {
        case .offset(let groupID, let topic, let partition):
            writer.integer(Int16(1))
            writer.string(groupID)
            writer.string(topic)
            writer.integer(partition)
        case .group(let groupID):
            writer.integer(Int16(2))
            writer.string(groupID)
        }
        return writer.bytes
    }

    package init(_ bytes: UnsafeRawBufferPointer) throws(GroupRecordProblem) {
        var reader = GroupRecordReader(bytes)
        guard let version = reader.integer(Int16.self) else { throw .unreadable }
        switch version {
        case 0, 1:
            guard let groupID = reader.string(), let topic = reader.string(),
                let partition = reader.integer(Int32.self), reader.remaining == 0
            else { throw .unreadable }
            self = .offset(groupID: groupID, topic: topic, partition: partition)
        case 2:
            guard let groupID = reader.string(), reader.remaining == 0 else { throw .unreadable }
            self = .group(groupID)
        default:
            throw .unknownVersion(version)
        }
    }
}

extension CommittedOffset {
    /// The value of an offset's record.
    package var bytes: [UInt8] {
        var writer = GroupRecordWriter()
        writer.integer(Int16(3))
        writer.integer(offset)
        writer.integer(leaderEpoch)
        writer.string(metadata)
        writer.integer(commitTime.milliseconds)
        return writer.bytes
    }

    package init(_ bytes: UnsafeRawBufferPointer) throws(GroupRecordProblem) {
        var reader = GroupRecordReader(bytes)
        guard let version = reader.integer(Int16.self) else { throw .unreadable }
        guard (0...3).contains(version) else { throw .unknownVersion(version) }
        guard let offset = reader.integer(Int64.self),
            let leaderEpoch = version >= 3 ? reader.integer(Int32.self) : -1,
            let metadata = reader.string(),
            let commitTime = reader.integer(Int64.self),
            version != 1 || reader.integer(Int64.self) != nil,
            reader.remaining == 0
        else { throw .unreadable }
        self.init(
            offset: offset,
            leaderEpoch: leaderEpoch,
            metadata: metadata,
            commitTime: Timestamp(milliseconds: commitTime)
        )
    }
}

/// A group as it is stored: the membership of one generation, complete with its assignments, or none.
package struct StoredGroup: Hashable, Sendable {
    /// Empty for a group that nobody ever joined.
    package var protocolType: String
    package var generation: Int32
    package var protocolName: String?
    package var leaderID: String?
    /// Since when the group is as it is; -1 where an old version did not say.
    package var stateTime: Timestamp
    package var members: [Member]

    /// One member.
    package struct Member: Hashable, Sendable {
        package var memberID: String
        package var groupInstanceID: String?
        package var clientID: String
        package var clientHost: String
        package var rebalanceTimeoutMilliseconds: Int32
        package var sessionTimeoutMilliseconds: Int32
        package var subscription: [UInt8]
        package var assignment: [UInt8]

        package init(
            memberID: String,
            groupInstanceID: String?,
            clientID: String,
            clientHost: String,
            rebalanceTimeoutMilliseconds: Int32,
            sessionTimeoutMilliseconds: Int32,
            subscription: [UInt8],
            assignment: [UInt8]
        ) {
            self.memberID = memberID
            self.groupInstanceID = groupInstanceID
            self.clientID = clientID
            self.clientHost = clientHost
            self.rebalanceTimeoutMilliseconds = rebalanceTimeoutMilliseconds
            self.sessionTimeoutMilliseconds = sessionTimeoutMilliseconds
            self.subscription = subscription
            self.assignment = assignment
        }
    }

    package init(
        protocolType: String,
        generation: Int32,
        protocolName: String?,
        leaderID: String?,
        stateTime: Timestamp,
        members: [Member]
    ) {
        self.protocolType = protocolType
        self.generation = generation
        self.protocolName = protocolName
        self.leaderID = leaderID
        self.stateTime = stateTime
        self.members = members
    }

    /// Whether a coordinator can have written this: a leader among members with distinct ids, and a protocol.
    var isConsistent: Bool {
        guard generation >= 0 else { return false }
        if members.isEmpty { return true }
        let instances = members.compactMap(\.groupInstanceID)
        return !protocolType.isEmpty && protocolName != nil && members.contains { $0.memberID == leaderID }
            && Set(members.map(\.memberID)).count == members.count && Set(instances).count == instances.count
    }
}

extension StoredGroup {
    /// The value of a group's record.
    package var bytes: [UInt8] {
        var writer = GroupRecordWriter()
        writer.integer(Int16(3))
        writer.string(protocolType)
        writer.integer(generation)
        writer.nullableString(protocolName)
        writer.nullableString(leaderID)
        writer.integer(stateTime.milliseconds)
        writer.integer(Int32(clamping: members.count))
        for member in members {
            writer.string(member.memberID)
            writer.nullableString(member.groupInstanceID)
            writer.string(member.clientID)
            writer.string(member.clientHost)
            writer.integer(member.rebalanceTimeoutMilliseconds)
            writer.integer(member.sessionTimeoutMilliseconds)
            writer.byteString(member.subscription)
            writer.byteString(member.assignment)
        }
        return writer.bytes
    }

    package init(_ bytes: UnsafeRawBufferPointer) throws(GroupRecordProblem) {
        var reader = GroupRecordReader(bytes)
        guard let version = reader.integer(Int16.self) else { throw .unreadable }
        guard (0...3).contains(version) else { throw .unknownVersion(version) }
        guard let protocolType = reader.string(),
            let generation = reader.integer(Int32.self),
            let protocolName = reader.nullableString(),
            let leaderID = reader.nullableString(),
            let stateTime = version >= 2 ? reader.integer(Int64.self) : -1,
            let count = reader.integer(Int32.self),
            // The smallest member of version 0: three empty strings, a timeout, two empty byte strings.
            count >= 0, Int(count) <= reader.remaining / 18
        else { throw .unreadable }
        self.init(
            protocolType: protocolType,
            generation: generation,
            protocolName: protocolName,
            leaderID: leaderID,
            stateTime: Timestamp(milliseconds: stateTime),
            members: []
        )
        members.reserveCapacity(Int(count))
        for _ in 0..<count {
            guard let member = Member(&reader, version: version) else { throw .unreadable }
            members.append(member)
        }
        guard reader.remaining == 0 else { throw .unreadable }
    }
}

extension StoredGroup.Member {
    fileprivate init?(_ reader: inout GroupRecordReader, version: Int16) {
        guard let memberID = reader.string(),
            let groupInstanceID = version >= 3 ? reader.nullableString() : .some(nil),
            let clientID = reader.string(),
            let clientHost = reader.string(),
            let rebalanceTimeout = version >= 1 ? reader.integer(Int32.self) : 0,
            let sessionTimeout = reader.integer(Int32.self),
            let subscription = reader.byteString(),
            let assignment = reader.byteString()
        else { return nil }
        self.init(
            memberID: memberID,
            groupInstanceID: groupInstanceID,
            clientID: clientID,
            clientHost: clientHost,
            rebalanceTimeoutMilliseconds: rebalanceTimeout,
            sessionTimeoutMilliseconds: sessionTimeout,
            subscription: subscription,
            assignment: assignment
        )
    }
}
