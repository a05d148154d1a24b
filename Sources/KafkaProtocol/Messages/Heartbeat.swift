// Heartbeat (key 12): a member says that it is there, and learns whether it has to join again.

/// A sign of life.
package struct HeartbeatRequest: Equatable {
    package var groupID: String
    package var generationID: Int32
    package var memberID: String
    /// Nil for a dynamic member, and before version 3.
    package var groupInstanceID: String?
}

extension HeartbeatRequest: KafkaRequest {
    package static let key = APIKey.heartbeat

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        groupID = try reader.string()
        generationID = try reader.int32()
        memberID = try reader.string()
        groupInstanceID = try version >= 3 ? reader.nullableString() : nil
        try reader.skipTaggedFields()
    }
}

/// Whether all is well.
package struct HeartbeatResponse: Equatable {
    package var throttleTimeMilliseconds: Int32
    package var errorCode: ErrorCode

    package init(throttleTimeMilliseconds: Int32 = 0, errorCode: ErrorCode = .none) {
        self.throttleTimeMilliseconds = throttleTimeMilliseconds
        self.errorCode = errorCode
    }
}

extension HeartbeatResponse: KafkaResponse {
    package static let key = APIKey.heartbeat

    /// The body; `frame(correlationID:version:)` makes the whole frame.
    package func write(to writer: inout WireWriter, version: Int16) {
        if version >= 1 { writer.int32(throttleTimeMilliseconds) }
        writer.errorCode(errorCode)
        writer.emptyTaggedFields()
    }
}
