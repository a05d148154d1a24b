// SyncGroup (key 14): the leader hands in the assignments, every member gets its own.
package import NIOCore

/// A member is ready for its assignment; the leader brings all of them.
package struct SyncGroupRequest: Equatable {
    package var groupID: String
    package var generationID: Int32
    package var memberID: String
    /// Nil for a dynamic member, and before version 3.
    package var groupInstanceID: String?
    /// Nil before version 5.
    package var protocolType: String?
    /// Nil before version 5.
    package var protocolName: String?
    /// Empty for all but the leader.
    package var assignments: [Assignment]

    /// What the leader gives to one member.
    package struct Assignment: Equatable {
        package var memberID: String
        /// Opaque; a slice of the frame.
        package var assignment: ByteBuffer
    }
}

extension SyncGroupRequest: KafkaRequest {
    package static let key = APIKey.syncGroup

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        groupID = try reader.string()
        generationID = try reader.int32()
        memberID = try reader.string()
        groupInstanceID = try version >= 3 ? reader.nullableString() : nil
        protocolType = try version >= 5 ? reader.nullableString() : nil
        protocolName = try version >= 5 ? reader.nullableString() : nil
        assignments = try reader.array(version: version)
        try reader.skipTaggedFields()
    }
}

extension SyncGroupRequest.Assignment: WireReadable {
    package static let byteCountMin = 3

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        memberID = try reader.string()
        assignment = try reader.bytes()
        try reader.skipTaggedFields()
    }
}

/// A member's assignment.
package struct SyncGroupResponse: Equatable {
    package var throttleTimeMilliseconds: Int32
    package var errorCode: ErrorCode
    /// From version 5 on.
    package var protocolType: String?
    /// From version 5 on.
    package var protocolName: String?
    /// Opaque; empty with an error.
    package var assignment: ByteBuffer

    package init(
        throttleTimeMilliseconds: Int32 = 0,
        errorCode: ErrorCode = .none,
        protocolType: String? = nil,
        protocolName: String? = nil,
        assignment: ByteBuffer
    ) {
        self.throttleTimeMilliseconds = throttleTimeMilliseconds
        self.errorCode = errorCode
        self.protocolType = protocolType
        self.protocolName = protocolName
        self.assignment = assignment
    }
}

extension SyncGroupResponse: KafkaResponse {
    package static let key = APIKey.syncGroup

    /// The body; `frame(correlationID:version:)` makes the whole frame.
    package func write(to writer: inout WireWriter, version: Int16) {
        if version >= 1 { writer.int32(throttleTimeMilliseconds) }
        writer.errorCode(errorCode)
        if version >= 5 { writer.nullableString(protocolType) }
        if version >= 5 { writer.nullableString(protocolName) }
        writer.bytes(assignment)
        writer.emptyTaggedFields()
    }
}
