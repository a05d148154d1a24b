// FindCoordinator (key 10): which broker speaks for a group or a transaction.

/// Asks for the coordinators of keys.
package struct FindCoordinatorRequest: Equatable {
    /// 0 for groups, which is all that version 0 knows; 1 for transactions.
    package var keyType: Int8
    /// Names of groups or transactions; before version 4 exactly one.
    package var coordinatorKeys: [String]
}

extension FindCoordinatorRequest: KafkaRequest {
    package static let key = APIKey.findCoordinator

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        if version >= 4 {
            keyType = try reader.int8()
            coordinatorKeys = try reader.array(version: version)
        } else {
            coordinatorKeys = [try reader.string()]
            keyType = try version >= 1 ? reader.int8() : 0
        }
        try reader.skipTaggedFields()
    }
}

/// The coordinators of keys.
package struct FindCoordinatorResponse: Equatable {
    package var throttleTimeMilliseconds: Int32
    /// One for each key that was asked for; before version 4 only the first is written.
    package var coordinators: [Coordinator]

    package init(throttleTimeMilliseconds: Int32 = 0, coordinators: [Coordinator]) {
        self.throttleTimeMilliseconds = throttleTimeMilliseconds
        self.coordinators = coordinators
    }

    /// The coordinator of one key.
    package struct Coordinator: Equatable {
        package var key: String
        /// -1 with an error.
        package var nodeID: Int32
        /// The address as clients reach it, not the one the socket is bound to; empty with an error.
        package var host: String
        /// -1 with an error.
        package var port: Int32
        package var errorCode: ErrorCode
        /// From version 1 on.
        package var errorMessage: String?

        package init(
            key: String,
            nodeID: Int32,
            host: String,
            port: Int32,
            errorCode: ErrorCode = .none,
            errorMessage: String? = nil
        ) {
            self.key = key
            self.nodeID = nodeID
            self.host = host
            self.port = port
            self.errorCode = errorCode
            self.errorMessage = errorMessage
        }
    }
}

extension FindCoordinatorResponse: KafkaResponse {
    package static let key = APIKey.findCoordinator

    /// The body; `frame(correlationID:version:)` makes the whole frame.
    package func write(to writer: inout WireWriter, version: Int16) {
        if version >= 1 { writer.int32(throttleTimeMilliseconds) }
        if version >= 4 {
            writer.array(coordinators, version: version)
        } else {
            let none = Coordinator(key: "", nodeID: -1, host: "", port: -1, errorCode: .coordinatorNotAvailable)
            let first = coordinators.first ?? none
            writer.errorCode(first.errorCode)
            if version >= 1 { writer.nullableString(first.errorMessage) }
            writer.int32(first.nodeID)
            writer.string(first.host)
            writer.int32(first.port)
        }
        writer.emptyTaggedFields()
    }
}

extension FindCoordinatorResponse.Coordinator: WireWritable {
    /// As part of the response, from version 4 on.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.string(key)
        writer.int32(nodeID)
        writer.string(host)
        writer.int32(port)
        writer.errorCode(errorCode)
        writer.nullableString(errorMessage)
        writer.emptyTaggedFields()
    }
}
