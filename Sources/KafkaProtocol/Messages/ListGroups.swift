// ListGroups (key 16): which groups there are.

/// Asks for all groups, or those in some states.
package struct ListGroupsRequest: Equatable {
    /// Empty for all states, and before version 4.
    package var statesFilter: [String]
}

extension ListGroupsRequest: KafkaRequest {
    package static let key = APIKey.listGroups

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        statesFilter = try version >= 4 ? reader.array(version: version) : []
        try reader.skipTaggedFields()
    }
}

/// The groups.
package struct ListGroupsResponse: Equatable {
    package var throttleTimeMilliseconds: Int32
    package var errorCode: ErrorCode
    package var groups: [Group]

    package init(throttleTimeMilliseconds: Int32 = 0, errorCode: ErrorCode = .none, groups: [Group]) {
        self.throttleTimeMilliseconds = throttleTimeMilliseconds
        self.errorCode = errorCode
        self.groups = groups
    }

    /// One group.
    package struct Group: Equatable {
        package var groupID: String
        package var protocolType: String
        /// From version 4 on.
        package var groupState: String

        package init(groupID: String, protocolType: String, groupState: String) {
            self.groupID = groupID
            self.protocolType = protocolType
            self.groupState = groupState
        }
    }
}

extension ListGroupsResponse: KafkaResponse {
    package static let key = APIKey.listGroups

    /// The body; `frame(correlationID:version:)` makes the whole frame.
    package func write(to writer: inout WireWriter, version: Int16) {
        if version >= 1 { writer.int32(throttleTimeMilliseconds) }
        writer.errorCode(errorCode)
        writer.array(groups, version: version)
        writer.emptyTaggedFields()
    }
}

extension ListGroupsResponse.Group: WireWritable {
    /// As part of the response.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.string(groupID)
        writer.string(protocolType)
        if version >= 4 { writer.string(groupState) }
        writer.emptyTaggedFields()
    }
}
