// The one message of SASL's mechanism PLAIN (RFC 4616): a name and a password.
//
//  [authorization id] NUL user name NUL password
package import NIOCore

/// Who a client says it is; the password is as it came, for the one comparison.
package struct SASLPlainMessage: Equatable, Sendable, CustomStringConvertible {
    /// As whom the client wants to act; empty for itself.
    package var authorizationID: String
    package var userName: String
    package var password: String

    /// Reads the bytes of a `SaslAuthenticate` request.
    package init(parsing message: ByteBuffer) throws(WireError) {
        guard message.readableBytes <= Limits.saslMessageBytesMax else { throw WireError(.tooLong, at: 0) }
        let parts = message.readableBytesView.split(separator: 0, omittingEmptySubsequences: false)
        guard parts.count == 3 else { throw WireError(.malformedText, at: 0) }
        var texts: [String] = []
        for part in parts {
            let position = part.startIndex - message.readerIndex
            guard part.count <= Limits.saslNameBytesMax else { throw WireError(.tooLong, at: position) }
            guard let text = String(validating: part, as: UTF8.self) else { throw WireError(.notUTF8, at: position) }
            texts.append(text)
        }
        guard !texts[1].isEmpty, !texts[2].isEmpty else { throw WireError(.malformedText, at: 0) }
        authorizationID = texts[0]
        userName = texts[1]
        password = texts[2]
    }

    /// Without the password.
    package var description: String { "PLAIN of \(userName)" }
}
