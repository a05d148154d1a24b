// SaslAuthenticate (key 36): one message of a SASL exchange, and the answer to it.
package import NIOCore

/// A client's message.
package struct SASLAuthenticateRequest: Equatable {
    /// By the mechanism's RFC; a slice of the frame.
    package var authBytes: ByteBuffer
}

extension SASLAuthenticateRequest: KafkaRequest {
    package static let key = APIKey.saslAuthenticate

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        authBytes = try reader.bytes()
        try reader.skipTaggedFields()
    }
}

/// The server's message.
package struct SASLAuthenticateResponse: Equatable {
    package var errorCode: ErrorCode
    package var errorMessage: String?
    /// By the mechanism's RFC; empty where it has nothing to say.
    package var authBytes: ByteBuffer
    /// How long the session lasts; 0 for as long as the connection. From version 1 on.
    package var sessionLifetimeMilliseconds: Int64

    package init(
        errorCode: ErrorCode = .none,
        errorMessage: String? = nil,
        authBytes: ByteBuffer,
        sessionLifetimeMilliseconds: Int64 = 0
    ) {
        self.errorCode = errorCode
        self.errorMessage = errorMessage
        self.authBytes = authBytes
        self.sessionLifetimeMilliseconds = sessionLifetimeMilliseconds
    }
}

extension SASLAuthenticateResponse: KafkaResponse {
    package static let key = APIKey.saslAuthenticate

    /// The body; `frame(correlationID:version:)` makes the whole frame.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.errorCode(errorCode)
        writer.nullableString(errorMessage)
        writer.bytes(authBytes)
        if version >= 1 { writer.int64(sessionLifetimeMilliseconds) }
        writer.emptyTaggedFields()
    }
}
