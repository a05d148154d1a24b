// DeleteGroups (key 42): removes groups with their offsets.

/// Which groups to remove.
package struct DeleteGroupsRequest: Equatable {
    package var groupsNames: [String]
}

extension DeleteGroupsRequest: KafkaRequest {
    package static let key = APIKey.deleteGroups

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        groupsNames = try reader.array(version: version)
        try reader.skipTaggedFields()
    }
}

/// Which groups were removed.
package struct DeleteGroupsResponse: Equatable {
    package var throttleTimeMilliseconds: Int32
    package var results: [Result]

    package init(throttleTimeMilliseconds: Int32 = 0, results: [Result]) {
        self.throttleTimeMilliseconds = throttleTimeMilliseconds
        self.results = results
    }

    /// What became of one group.
    package struct Result: Equatable {
        package var groupID: String
        package var errorCode: ErrorCode

        package init(groupID: String, errorCode: ErrorCode = .none) {
            self.groupID = groupID
            self.errorCode = errorCode
        }
    }
}

extension DeleteGroupsResponse: KafkaResponse {
    package static let key = APIKey.deleteGroups

    /// The body; `frame(correlationID:version:)` makes the whole frame.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.int32(throttleTimeMilliseconds)
        writer.array(results, version: version)
        writer.emptyTaggedFields()
    }
}

extension DeleteGroupsResponse.Result: WireWritable {
    /// As part of the response.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.string(groupID)
        writer.errorCode(errorCode)
        writer.emptyTaggedFields()
    }
}
