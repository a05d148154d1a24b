// SaslHandshake (key 17): the mechanism by which a client wants to prove who it is.

/// Asks for a mechanism; `SaslAuthenticate` requests follow. Version 0, after which bare tokens would, is not decoded.
package struct SASLHandshakeRequest: Equatable {
    package var mechanism: String
}

extension SASLHandshakeRequest: KafkaRequest {
    package static let key = APIKey.saslHandshake

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        mechanism = try reader.string()
    }
}

/// Whether the mechanism is served, and which are.
package struct SASLHandshakeResponse: Equatable {
    package var errorCode: ErrorCode
    /// All that are served, with an error, too.
    package var mechanisms: [String]

    package init(errorCode: ErrorCode = .none, mechanisms: [String]) {
        self.errorCode = errorCode
        self.mechanisms = mechanisms
    }
}

extension SASLHandshakeResponse: KafkaResponse {
    package static let key = APIKey.saslHandshake

    /// The body; `frame(correlationID:version:)` makes the whole frame.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.errorCode(errorCode)
        writer.array(mechanisms, version: version)
    }
}
