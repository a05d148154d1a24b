// The messages of SASL's mechanisms SCRAM-SHA-256 and SCRAM-SHA-512 (RFC 5802, RFC 7677) as text; no cryptography.
//
//  client-first   n,[a=authorization id],n=user name,r=client nonce[,extensions]
//  server-first   r=client nonce, server nonce,s=salt in Base64,i=iterations
//  client-final   c=the first message's header in Base64,r=both nonces[,extensions],p=proof in Base64
//  server-final   v=signature in Base64
//
//  The header of client-first is everything up to its second comma, that comma included. What both sides sign is
//  client-first without its header, a comma, server-first, a comma, client-final without `,p=` and what follows.
package import NIOCore

/// A client's first message: who it is. User names are as they came, not normalised by SASLprep.
package struct SCRAMClientFirst: Equatable, Sendable {
    /// As whom the client wants to act; empty for itself.
    package var authorizationID: String
    package var userName: String
    package var nonce: String
    /// `n,,` for most clients; what `SCRAMClientFinal.channelBinding` must repeat.
    package var header: String
    /// The message without its header.
    package var bare: String

    /// Reads the bytes of a `SaslAuthenticate` request; a client that insists on channel binding is refused.
    package init(parsing message: ByteBuffer) throws(WireError) {
        var scanner = try SCRAMScanner(message)
        // "y" is a client that could bind to the channel and believes that the server cannot. It is right.
        let flag = scanner.field()
        guard flag == "n" || flag == "y" else { throw scanner.error }
        let authorization = scanner.field()
        authorizationID = try authorization.isEmpty ? "" : scanner.name(of: "a", in: authorization)
        header = "\(flag),\(authorization),"
        bare = String(scanner.rest)
        // A reserved extension, "m=", would stand here; RFC 5802 wants it refused.
        userName = try scanner.name(of: "n", in: scanner.field())
        nonce = try scanner.nonce(in: scanner.field())
        try scanner.skipExtensions()
    }
}

/// A server's first message.
package struct SCRAMServerFirst: Equatable, Sendable {
    /// The client's nonce with the server's behind it.
    package var nonce: String
    package var salt: [UInt8]
    package var iterations: Int

    /// The server's nonce must be of printable ASCII without commas.
    package init(client: SCRAMClientFirst, serverNonce: String, salt: [UInt8], iterations: Int) {
        precondition(
            !serverNonce.isEmpty && SCRAMScanner.isNonce(serverNonce),
            "a nonce is printable ASCII without commas"
        )
        nonce = client.nonce + serverNonce
        self.salt = salt
        self.iterations = iterations
    }

    /// As it goes out, and as it is signed.
    package var text: String { "r=\(nonce),s=\(Base64.encode(salt)),i=\(iterations)" }
}

/// A client's last message: the proof that it knows the password.
package struct SCRAMClientFinal: Equatable, Sendable {
    /// What the client takes for the header of its first message.
    package var channelBinding: [UInt8]
    package var nonce: String
    package var proof: [UInt8]
    /// The message up to the comma in front of the proof.
    package var withoutProof: String

    /// Reads the bytes of a `SaslAuthenticate` request.
    package init(parsing message: ByteBuffer) throws(WireError) {
        var scanner = try SCRAMScanner(message)
        let text = scanner.rest
        channelBinding = try scanner.bytes(of: "c", in: scanner.field())
        nonce = try scanner.nonce(in: scanner.field())
        var last = scanner.field()
        while !scanner.isAtEnd {
            try scanner.expectExtension(last)
            last = scanner.field()
        }
        proof = try scanner.bytes(of: "p", in: last)
        withoutProof = String(text[..<text.utf8.index(before: last.startIndex)])
    }

    /// Whether this message belongs to the two before it: the same header, both nonces.
    ///
    /// librdkafka before 2.6.1 puts its own nonce in front once more. The server's, which no message of before can have, is
    /// there all the same; brokers of Kafka 3.8.1 to 3.9 take it for that reason.
    package func follows(_ client: SCRAMClientFirst, _ server: SCRAMServerFirst) -> Bool {
        guard channelBinding == Array(client.header.utf8) else { return false }
        return nonce == server.nonce || nonce == client.nonce + server.nonce
    }
}

/// A server's last message: the proof that it, too, knows the password.
package struct SCRAMServerFinal: Equatable, Sendable {
    package var signature: [UInt8]

    package init(signature: [UInt8]) {
        self.signature = signature
    }

    /// As it goes out.
    package var text: String { "v=\(Base64.encode(signature))" }
}

/// The three messages that both sides sign.
package enum SCRAMAuthMessage {
    /// RFC 5802's AuthMessage.
    package static func text(
        _ client: SCRAMClientFirst,
        _ server: SCRAMServerFirst,
        _ final: SCRAMClientFinal
    ) -> String {
        "\(client.bare),\(server.text),\(final.withoutProof)"
    }
}

/// Takes a message apart at its commas.
private struct SCRAMScanner {
    private let text: String
    /// What has not been read.
    private(set) var rest: Substring
    /// Whether the field read last was the message's last.
    private(set) var isAtEnd = false

    init(_ message: ByteBuffer) throws(WireError) {
        guard message.readableBytes <= Limits.saslMessageBytesMax else { throw WireError(.tooLong, at: 0) }
        guard let text = String(validating: message.readableBytesView, as: UTF8.self) else {
            throw WireError(.notUTF8, at: 0)
        }
        guard !text.utf8.contains(0) else { throw WireError(.malformedText, at: 0) }
        self.text = text
        rest = text[...]
    }

    /// At what has been read so far.
    var error: WireError {
        WireError(.malformedText, at: text.utf8.distance(from: text.startIndex, to: rest.startIndex))
    }

    /// Up to the next comma, which is read, too; empty where nothing is left.
    mutating func field() -> Substring {
        guard let comma = rest.utf8.firstIndex(of: UInt8(ascii: ",")) else {
            let field = rest
            rest = rest[rest.endIndex...]
            isAtEnd = true
            return field
        }
        let field = rest[..<comma]
        rest = rest[rest.utf8.index(after: comma)...]
        return field
    }

    /// What stands behind `attribute` and its equals sign; never empty.
    private func value(of attribute: Character, in field: Substring) throws(WireError) -> Substring {
        guard field.utf8.starts(with: "\(attribute)=".utf8), field.utf8.count > 2 else { throw error }
        return field[field.utf8.index(field.startIndex, offsetBy: 2)...]
    }

    /// A name, whose commas and equals signs are written as `=2C` and `=3D`.
    func name(of attribute: Character, in field: Substring) throws(WireError) -> String {
        var rest = Array(try value(of: attribute, in: field).utf8)[...]
        var name: [UInt8] = []
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "=") else {
                name.append(byte)
                continue
            }
            switch Array(rest.prefix(2)) {
            case Array("2C".utf8): name.append(UInt8(ascii: ","))
            case Array("3D".utf8): name.append(UInt8(ascii: "="))
            default: throw error
            }
            rest = rest.dropFirst(2)
        }
        guard name.count <= Limits.saslNameBytesMax else { throw WireError(.tooLong, at: error.position) }
        return String(decoding: name, as: UTF8.self)
    }

    func nonce(in field: Substring) throws(WireError) -> String {
        let nonce = try value(of: "r", in: field)
        guard Self.isNonce(nonce) else { throw error }
        return String(nonce)
    }

    static func isNonce(_ text: some StringProtocol) -> Bool {
        text.utf8.allSatisfy { (0x21...0x7e).contains($0) && $0 != UInt8(ascii: ",") }
    }

    func bytes(of attribute: Character, in field: Substring) throws(WireError) -> [UInt8] {
        guard let bytes = Base64.decode(try value(of: attribute, in: field)) else { throw error }
        return bytes
    }

    /// A name, an equals sign and a value. RFC 5802 has names of one letter, Kafka's clients know `tokenauth`, too. The
    /// mandatory one, `m`, is refused, since nobody here knows any.
    func expectExtension(_ field: Substring) throws(WireError) {
        let name = field.utf8.prefix { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0 | 0x20) }
        let rest = field.utf8.dropFirst(name.count)
        guard !name.isEmpty, !name.elementsEqual("m".utf8), rest.first == UInt8(ascii: "="), rest.count > 1 else {
            throw error
        }
    }

    mutating func skipExtensions() throws(WireError) {
        while !isAtEnd { try expectExtension(field()) }
    }
}
