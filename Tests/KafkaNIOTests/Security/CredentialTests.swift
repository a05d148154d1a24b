// Passwords as they are kept: the RFC's example, lines of the users' file, names in certificates.
import KafkaNIO
import KafkaProtocol
import NIOCore
import Testing

@Suite("Credentials of the Kafka listener")
struct CredentialTests {
    private static let first = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    private static let serverNonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    private static let withoutProof = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    private static let proof = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="

    /// RFC 7677, section 3.
    private func exchange(password: String = "pencil") throws -> SCRAMExchange {
        let credential = SCRAMCredential(
            mechanism: .sha256,
            password: password,
            salt: try #require(Base64.decode("W22ZaJ0SNY7soEsUEjb6gQ==")),
            iterations: 4_096
        )
        let first = try SCRAMClientFirst(parsing: ByteBuffer(string: Self.first))
        return SCRAMExchange(first, credential: credential, serverNonce: Self.serverNonce)
    }

    @Test("the example of RFC 7677 is answered as it is there")
    func example() throws {
        let exchange = try exchange()
        #expect(
            exchange.challenge
                == "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
        )
        let answer = exchange.answer(to: ByteBuffer(string: "\(Self.withoutProof),p=\(Self.proof)"))
        #expect(answer == "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
    }

    @Test("a proof with any other byte, of another length or for another password is refused")
    func wrongProof() throws {
        let right = try #require(Base64.decode(Self.proof))
        let exchange = try exchange()
        var wrong = right.indices.map { index in
            var bytes = right
            bytes[index] ^= 1 << UInt8(index % 8)
            return bytes
        }
        wrong += [Array(right.dropLast()), right + [0], [right[0]]]
        for proof in wrong {
            let message = "\(Self.withoutProof),p=\(Base64.encode(proof))"
            #expect(exchange.answer(to: ByteBuffer(string: message)) == nil, "\(message)")
        }
        let other = try self.exchange(password: "pencils")
        #expect(other.answer(to: ByteBuffer(string: "\(Self.withoutProof),p=\(Self.proof)")) == nil)
    }

    @Test(
        "a proof of another header or nonce is refused, although it is the right one for what it signs",
        arguments: [
            ("c=eSws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", "header"),
            ("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k1", "nonce"),
            ("c=biws,r=rOprNGfwEbeRWgbNEkqO", "nonce of the client alone"),
            ("c=biws,r=rOprNGfwEbeRWgbNEkqOrOprNGfwEbeRWgbNEkqO", "nonce of the client, twice"),
            ("c=biws,r=XOprNGfwEbeRWgbNEkqOrOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", "another in front"),
        ]
    )
    func wrongMessage(withoutProof: String, _: String) throws {
        let exchange = try exchange()
        let client = SCRAMClient(mechanism: .sha256, user: "user", password: "pencil", nonce: "rOprNGfwEbeRWgbNEkqO")
        // The signed text is the client's own, so that only the comparison of the parts can refuse it.
        let proof = try client.proof(of: exchange.challenge, withoutProof: withoutProof)
        #expect(exchange.answer(to: ByteBuffer(string: "\(withoutProof),p=\(proof)")) == nil)
        let same = try client.proof(of: exchange.challenge, withoutProof: Self.withoutProof)
        #expect(same == Self.proof)
    }

    @Test("librdkafka before 2.6.1, which has the client's nonce twice and the server's once, is let in")
    func olderClients() throws {
        let exchange = try exchange()
        let client = SCRAMClient(mechanism: .sha256, user: "user", password: "pencil", nonce: "rOprNGfwEbeRWgbNEkqO")
        let withoutProof = "c=biws,r=rOprNGfwEbeRWgbNEkqOrOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
        let proof = try client.proof(of: exchange.challenge, withoutProof: withoutProof)
        #expect(exchange.answer(to: ByteBuffer(string: "\(withoutProof),p=\(proof)")) != nil)
    }

    // MARK: The file

    /// Made by Python's hashlib and hmac: password "p€ncil", salt 0 to 15, 5000 iterations.
    static let pythonLines = [
        "jörg:SCRAM-SHA-256$5000:AAECAwQFBgcICQoLDA0ODw==$AKg9EaGQ+DQyRiKpA2mk127t9bO3IIPRS/KxrhYIk"
            + "S0=:8/SQucGjjYlv1B0w0aazHknNBEax74573AiCHXvBcB4=",
        "jörg:SCRAM-SHA-512$5000:AAECAwQFBgcICQoLDA0ODw==$ryAIC8H2EWCTEOxgS/GKIJdZIXjWKwFjkXKzMzAep"
            + "NHMBuEUPHOh7GPxOyXwaLO1BCoTw1UussxBtJVq4TjnBw==:hWp+WNcgFrblxhN0sAvfr1amfDgTSROxdbsKvPuQTw"
            + "3x8O6PyLKlI1G5qHwS8CzWKcIIwswUHUCdThoB9kKzbA==",
    ]

    @Test("lines are those that another implementation makes, and are read back")
    func lines() throws {
        let salt = (0..<16).map { UInt8($0) }
        let lines = try KafkaUsers.lines(name: "jörg", password: "p€ncil", iterations: 5_000, salt: salt)
        #expect(lines == Self.pythonLines)
        let users = try KafkaUsers(parsing: lines.joined(separator: "\n"))
        #expect(users.count == 1)
        let salted = try KafkaUsers.lines(name: "jörg", password: "p€ncil", mechanisms: [.sha256], iterations: 4_096)
        #expect(
            try salted != KafkaUsers.lines(name: "jörg", password: "p€ncil", mechanisms: [.sha256], iterations: 4_096)
        )
    }

    private static let keys: String = {
        let key = Base64.encode([UInt8](repeating: 7, count: 32))
        return "\(key):\(key)"
    }()
    private static let rest = "SCRAM-SHA-256$4096:AAECAwQFBgc=$\(keys)"

    @Test("comments, empty lines and line ends of other systems say nothing")
    func comments() throws {
        let text = "# users\n\n  \t\na:\(Self.rest)\r\n#b:\(Self.rest)\r\n\r\nlong name:\(Self.rest)"
        #expect(try KafkaUsers(parsing: text).count == 2)
        #expect(try KafkaUsers(parsing: "").count == 0)
    }

    @Test(
        "a line that is wrong is named, with what is wrong",
        arguments: [
            ("a", "`:`"), ("a:", "expected"), (":\(rest)", "1 to 255"), ("a:pencil", "expected"),
            ("a:\(rest)$", "expected"), ("a:SCRAM-SHA-1\(rest.dropFirst(13))", "mechanisms"),
            ("a:scram-sha-256\(rest.dropFirst(13))", "mechanisms"),
            ("a:SCRAM-SHA-256$4095:AAECAwQFBgc=$\(keys)", "iterations"),
            ("a:SCRAM-SHA-256$1000001:AAECAwQFBgc=$\(keys)", "iterations"),
            ("a:SCRAM-SHA-256$+4096:AAECAwQFBgc=$\(keys)", "iterations"),
            ("a:SCRAM-SHA-256$99999999999999999999:AAECAwQFBgc=$\(keys)", "iterations"),
            ("a:SCRAM-SHA-256$:AAECAwQFBgc=$\(keys)", "iterations"), ("a:SCRAM-SHA-256$4096$\(keys)", "salt"),
            ("a:SCRAM-SHA-256$4096:AAEC$\(keys)", "salt"), ("a:SCRAM-SHA-256$4096:AAECAwQFBgc$\(keys)", "salt"),
            ("a:SCRAM-SHA-256$4096:AAECAwQFBgc=:$\(keys)", "salt"),
            ("a:SCRAM-SHA-256$4096:AAECAwQFBgc=$\(keys.dropLast(4))", "StoredKey"),
            ("a:SCRAM-SHA-512$4096:AAECAwQFBgc=$\(keys)", "64 bytes"), ("a:\(rest):", "StoredKey"),
            ("a:\(rest) ", "StoredKey"), (" a:\(rest)", "space"), ("a :\(rest)", "space"),
            ("a\u{7}:\(rest)", "control"),
            ("anonymous:\(rest)", "did not log in"), (String(repeating: "n", count: 256) + ":\(rest)", "1 to 255"),
            ("first:\(rest)", "above"),
        ]
    )
    func badLine(line: String, part: String) throws {
        let error = #expect(throws: KafkaUsersError.self) {
            try KafkaUsers(parsing: "# users\nfirst:\(Self.rest)\n\(line)\nlast:\(Self.rest)")
        }
        let text = try #require(error).description
        #expect(text.hasPrefix("line 3: ") && text.contains(part), "\(text)")
    }

    @Test("names and passwords that could not be used make no line")
    func badUsers() {
        for (name, password) in [
            ("", "p"), ("a:b", "p"), ("a:\u{301}b", "p"), ("a\nb", "p"), ("#a", "p"), ("anonymous", "p"), ("a", ""),
            ("a", "p\0"), ("a", String(repeating: "p", count: 1_025)),
        ] {
            #expect(throws: KafkaUsersError.self, "\(name)") {
                try KafkaUsers.lines(name: name, password: password, iterations: 4_096)
            }
        }
    }

    @Test("a file that is too long is not read")
    func tooLong() {
        #expect(throws: KafkaUsersError.self) {
            try KafkaUsers(parsing: String(repeating: "\n", count: KafkaUsers.fileBytesMax + 1))
        }
    }
}

extension SCRAMClient {
    /// The proof of what the client signs for a last message of its choice.
    func proof(of challenge: String, withoutProof: String) throws -> String {
        let nonce = withoutProof.split(separator: ",")[1].dropFirst(2)
        let header = withoutProof.split(separator: ",")[0].dropFirst(2)
        let message = try last(challenge, nonce: String(nonce), header: String(header)).message
        return String(message.dropFirst(withoutProof.utf8.count + 3))
    }
}
