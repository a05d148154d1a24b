// DescribeGroups (key 15): state and members of groups.
package import NIOCore

/// Asks for groups by their ids.
package struct DescribeGroupsRequest: Equatable {
    package var groups: [String]
    /// False before version 3.
    package var includeAuthorizedOperations: Bool
}

extension DescribeGroupsRequest: KafkaRequest {
    package static let key = APIKey.describeGroups

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        groups = try reader.array(version: version)
        includeAuthorizedOperations = try version >= 3 ? reader.boolean() : false
        try reader.skipTaggedFields()
    }
}

/// The groups in the order asked for.
package struct DescribeGroupsResponse: Equatable {
    package var throttleTimeMilliseconds: Int32
    package var groups: [Group]

    package init(throttleTimeMilliseconds: Int32 = 0, groups: [Group]) {
        self.throttleTimeMilliseconds = throttleTimeMilliseconds
        self.groups = groups
    }

    /// One group; `Dead`, without an error, where there is none of that id.
    package struct Group: Equatable {
        package var errorCode: ErrorCode
        package var groupID: String
        /// `Empty`, `PreparingRebalance`, `CompletingRebalance`, `Stable` or `Dead`.
        package var groupState: String
        package var protocolType: String
        /// The protocol that the group has chosen; empty while it has none.
        package var protocolData: String
        package var members: [Member]
        /// A set of bits; the default says that nobody asked. From version 3 on.
        package var authorizedOperations: Int32

        package init(
            errorCode: ErrorCode = .none,
            groupID: String,
            groupState: String,
            protocolType: String,
            protocolData: String,
            members: [Member],
            authorizedOperations: Int32 = .min
        ) {
            self.errorCode = errorCode
            self.groupID = groupID
            self.groupState = groupState
            self.protocolType = protocolType
            self.protocolData = protocolData
            self.members = members
            self.authorizedOperations = authorizedOperations
        }
    }

    /// One member of a group.
    package struct Member: Equatable {
        package var memberID: String
        /// From version 4 on.
        package var groupInstanceID: String?
        package var clientID: String
        package var clientHost: String
        /// What the member said of the chosen protocol; opaque.
        package var memberMetadata: ByteBuffer
        /// Opaque.
        package var memberAssignment: ByteBuffer

        package init(
            memberID: String,
            groupInstanceID: String? = nil,
            clientID: String,
            clientHost: String,
            memberMetadata: ByteBuffer,
            memberAssignment: ByteBuffer
        ) {
            self.memberID = memberID
            self.groupInstanceID = groupInstanceID
            self.clientID = clientID
            self.clientHost = clientHost
            self.memberMetadata = memberMetadata
            self.memberAssignment = memberAssignment
        }
    }
}

extension DescribeGroupsResponse: KafkaResponse {
    package static let key = APIKey.describeGroups

    /// The body; `frame(correlationID:version:)` makes the whole frame.
    package func write(to writer: inout WireWriter, version: Int16) {
        if version >= 1 { writer.int32(throttleTimeMilliseconds) }
        writer.array(groups, version: version)
        writer.emptyTaggedFields()
    }
}

extension DescribeGroupsResponse.Group: WireWritable {
    /// As part of the response.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.errorCode(errorCode)
        writer.string(groupID)
        writer.string(groupState)
        writer.string(protocolType)
        writer.string(protocolData)
        writer.array(members, version: version)
        if version >= 3 { writer.int32(authorizedOperations) }
        writer.emptyTaggedFields()
    }
}

extension DescribeGroupsResponse.Member: WireWritable {
    /// As part of the response.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.string(memberID)
        if version >= 4 { writer.nullableString(groupInstanceID) }
        writer.string(clientID)
        writer.string(clientHost)
        writer.bytes(memberMetadata)
        writer.bytes(memberAssignment)
        writer.emptyTaggedFields()
    }
}
