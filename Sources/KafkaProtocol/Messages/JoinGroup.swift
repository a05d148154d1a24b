// JoinGroup (key 11): a member enters a group, and learns with which generation it is in.
package import NIOCore

/// What a member offers. The member id is empty on its first join.
package struct JoinGroupRequest: Equatable {
    package var groupID: String
    package var sessionTimeoutMilliseconds: Int32
    /// -1 in version 0, where the session timeout counts for this, too.
    package var rebalanceTimeoutMilliseconds: Int32
    package var memberID: String
    /// Nil for a dynamic member, and before version 5.
    package var groupInstanceID: String?
    /// `consumer`, `connect` and so on; opaque.
    package var protocolType: String
    package var protocols: [OfferedProtocol]
    /// For logs. From version 8 on.
    package var reason: String?

    /// A way of assigning that the member knows; its best first.
    package struct OfferedProtocol: Equatable {
        package var name: String
        /// Opaque; a slice of the frame.
        package var metadata: ByteBuffer
    }
}

extension JoinGroupRequest: KafkaRequest {
    package static let key = APIKey.joinGroup

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        groupID = try reader.string()
        sessionTimeoutMilliseconds = try reader.int32()
        rebalanceTimeoutMilliseconds = try version >= 1 ? reader.int32() : -1
        memberID = try reader.string()
        groupInstanceID = try version >= 5 ? reader.nullableString() : nil
        protocolType = try reader.string()
        protocols = try reader.array(version: version)
        reason = try version >= 8 ? reader.nullableString() : nil
        try reader.skipTaggedFields()
    }
}

extension JoinGroupRequest.OfferedProtocol: WireReadable {
    package static let byteCountMin = 3

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        name = try reader.string()
        metadata = try reader.bytes()
        try reader.skipTaggedFields()
    }
}

/// The generation; its leader gets all members, and assigns.
package struct JoinGroupResponse: Equatable {
    package var throttleTimeMilliseconds: Int32
    package var errorCode: ErrorCode
    package var generationID: Int32
    /// From version 7 on.
    package var protocolType: String?
    /// Nil, which versions before 7 write as empty, with an error.
    package var protocolName: String?
    package var leader: String
    /// Whether a leader that came back finds its assignment done. From version 9 on.
    package var skipAssignment: Bool
    package var memberID: String
    /// Empty for all but the leader.
    package var members: [Member]

    package init(
        throttleTimeMilliseconds: Int32 = 0,
        errorCode: ErrorCode = .none,
        generationID: Int32 = -1,
        protocolType: String? = nil,
        protocolName: String? = nil,
        leader: String,
        skipAssignment: Bool = false,
        memberID: String,
        members: [Member] = []
    ) {
        self.throttleTimeMilliseconds = throttleTimeMilliseconds
        self.errorCode = errorCode
        self.generationID = generationID
        self.protocolType = protocolType
        self.protocolName = protocolName
        self.leader = leader
        self.skipAssignment = skipAssignment
        self.memberID = memberID
        self.members = members
    }

    /// A member, as its leader is to know it.
    package struct Member: Equatable {
        package var memberID: String
        /// Nil for a dynamic member, and before version 5.
        package var groupInstanceID: String?
        /// Opaque.
        package var metadata: ByteBuffer

        package init(memberID: String, groupInstanceID: String? = nil, metadata: ByteBuffer) {
            self.memberID = memberID
            self.groupInstanceID = groupInstanceID
            self.metadata = metadata
        }
    }
}

extension JoinGroupResponse: KafkaResponse {
    package static let key = APIKey.joinGroup

    /// The body; `frame(correlationID:version:)` makes the whole frame.
    package func write(to writer: inout WireWriter, version: Int16) {
        if version >= 2 { writer.int32(throttleTimeMilliseconds) }
        writer.errorCode(errorCode)
        writer.int32(generationID)
        if version >= 7 { writer.nullableString(protocolType) }
        if version >= 7 { writer.nullableString(protocolName) } else { writer.string(protocolName ?? "") }
        writer.string(leader)
        if version >= 9 { writer.boolean(skipAssignment) }
        writer.string(memberID)
        writer.array(members, version: version)
        writer.emptyTaggedFields()
    }
}

extension JoinGroupResponse.Member: WireWritable {
    /// As part of the response.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.string(memberID)
        if version >= 5 { writer.nullableString(groupInstanceID) }
        writer.bytes(metadata)
        writer.emptyTaggedFields()
    }
}
