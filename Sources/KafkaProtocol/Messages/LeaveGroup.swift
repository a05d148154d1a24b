// LeaveGroup (key 13): members leave a group without waiting for their session to end.

/// Who leaves.
package struct LeaveGroupRequest: Equatable {
    package var groupID: String
    /// Before version 3 exactly one.
    package var members: [Member]

    /// Who leaves: a dynamic member by its id, a static one by its instance id.
    package struct Member: Equatable {
        package var memberID: String
        /// Nil for a dynamic member, and before version 3.
        package var groupInstanceID: String?
        /// For logs. From version 5 on.
        package var reason: String?
    }
}

extension LeaveGroupRequest: KafkaRequest {
    package static let key = APIKey.leaveGroup

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        groupID = try reader.string()
        if version >= 3 {
            members = try reader.array(version: version)
        } else {
            members = [Member(memberID: try reader.string(), groupInstanceID: nil, reason: nil)]
        }
        try reader.skipTaggedFields()
    }
}

extension LeaveGroupRequest.Member: WireReadable {
    package static let byteCountMin = 3

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        memberID = try reader.string()
        groupInstanceID = try reader.nullableString()
        reason = try version >= 5 ? reader.nullableString() : nil
        try reader.skipTaggedFields()
    }
}

/// Who has left.
package struct LeaveGroupResponse: Equatable {
    package var throttleTimeMilliseconds: Int32
    /// Of the request as a whole. Before version 3, which has no list of members, the first member's error stands here.
    package var errorCode: ErrorCode
    package var members: [Member]

    package init(throttleTimeMilliseconds: Int32 = 0, errorCode: ErrorCode = .none, members: [Member]) {
        self.throttleTimeMilliseconds = throttleTimeMilliseconds
        self.errorCode = errorCode
        self.members = members
    }

    /// What became of one member.
    package struct Member: Equatable {
        package var memberID: String
        package var groupInstanceID: String?
        package var errorCode: ErrorCode

        package init(memberID: String, groupInstanceID: String? = nil, errorCode: ErrorCode = .none) {
            self.memberID = memberID
            self.groupInstanceID = groupInstanceID
            self.errorCode = errorCode
        }
    }
}

extension LeaveGroupResponse: KafkaResponse {
    package static let key = APIKey.leaveGroup

    /// The body; `frame(correlationID:version:)` makes the whole frame.
    package func write(to writer: inout WireWriter, version: Int16) {
        if version >= 1 { writer.int32(throttleTimeMilliseconds) }
        let only = version < 3 && errorCode == .none ? members.first?.errorCode : nil
        writer.errorCode(only ?? errorCode)
        if version >= 3 { writer.array(members, version: version) }
        writer.emptyTaggedFields()
    }
}

extension LeaveGroupResponse.Member: WireWritable {
    /// As part of the response.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.string(memberID)
        writer.nullableString(groupInstanceID)
        writer.errorCode(errorCode)
        writer.emptyTaggedFields()
    }
}
