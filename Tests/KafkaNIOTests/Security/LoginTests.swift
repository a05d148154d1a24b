// Logins over real sockets: those that succeed, everything that must not, and what is served before.
import KafkaNIO
import KafkaProtocol
import NIOCore
import Testing

@Suite("Logins at the Kafka listener", .serialized, .timeLimit(.minutes(3)))
struct LoginTests {
    private static func listener(_ body: (SecureListener) async throws -> Void) async throws {
        try await SecureListener.run({ $0.users = SecureListener.users }, body)
    }

    private func isRefused(_ step: FrameClient.Step?) -> Bool {
        step?.errorCode == .saslAuthenticationFailed && step?.message == "authentication failed" && step?.text == ""
    }

    // MARK: What succeeds

    @Test("SCRAM lets in whom it should, and the server proves itself, too", arguments: SCRAMMechanism.allCases)
    func scram(mechanism: SCRAMMechanism) async throws {
        try await Self.listener { listener in
            let client = try await listener.client()
            #expect(try await client.handshake(mechanism.rawValue).errorCode == .none)
            let scram = SCRAMClient(mechanism: mechanism, user: "lena", password: SecureListener.password)
            let challenge = try #require(try await client.authenticate(scram.first.utf8))
            #expect(challenge.errorCode == .none && challenge.text.hasPrefix("r=\(scram.nonce)"))
            #expect(challenge.text.count > scram.nonce.count + 24, "the server's nonce")
            let (message, answer) = try scram.last(challenge.text)
            let last = try #require(try await client.authenticate(message.utf8))
            #expect(last.errorCode == .none && last.text == answer)
            #expect(try await client.isServed())
        }
    }

    @Test("PLAIN lets in whom it should")
    func plain() async throws {
        try await Self.listener { listener in
            let client = try await listener.client()
            let step = try #require(try await client.plain("lena", SecureListener.password))
            #expect(step.errorCode == .none && step.text.isEmpty)
            #expect(try await client.isServed())
            let other = try await listener.client()
            #expect(try await other.handshake("PLAIN").mechanisms == ["SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"])
            let forItself = try await other.authenticate("lena\0lena\0\(SecureListener.password)".utf8)
            #expect(forItself?.errorCode == ErrorCode.none)
        }
    }

    @Test("every version of SaslAuthenticate is answered in its form", arguments: Int16(0)...2)
    func versions(version: Int16) async throws {
        try await Self.listener { listener in
            let client = try await listener.client()
            _ = try await client.handshake("PLAIN")
            client.send(.saslAuthenticate, version, isFlexible: version >= 2) { body in
                body.bytes(ByteBuffer(string: "\0lena\0\(SecureListener.password)"))
                body.emptyTaggedFields()
            }
            var response = try #require(try await client.response(isFlexible: version >= 2))
            #expect(try response.error() == .none)
            #expect(try response.nullableString() == nil)
            #expect(try response.bytes().readableBytes == 0)
            if version >= 1 { #expect(try response.int64() == 0) }
            try response.skipTaggedFields()
            try response.expectEnd()
        }
    }

    // MARK: What fails

    @Test(
        "wrong passwords and unknown users get the same answer, and the connection ends",
        arguments: [
            ("lena", "wrong"), ("lena", SecureListener.password + "x"), ("nobody", SecureListener.password),
            ("lenA", SecureListener.password), ("lena ", SecureListener.password),
        ]
    )
    func wrong(user: String, password: String) async throws {
        try await Self.listener { listener in
            let plain = try await listener.client()
            _ = try await plain.handshake("PLAIN")
            plain.sendMessage("\0\(user)\0\(password)".utf8)
            var clients = [plain]
            for mechanism in SCRAMMechanism.allCases {
                let client = try await listener.client()
                _ = try await client.handshake(mechanism.rawValue)
                let scram = SCRAMClient(mechanism: mechanism, user: user, password: password)
                let challenge = try #require(try await client.authenticate(scram.first.utf8))
                #expect(challenge.errorCode == .none)
                client.sendMessage(try scram.last(challenge.text).message.utf8)
                clients.append(client)
            }
            for client in clients {
                #expect(isRefused(try await client.step()))
                #expect(try await client.hasEnded())
            }
            #expect(try await listener.hasClosed(3, .loginFailed))
        }
    }

    @Test("an unknown user is challenged like a known one: always the same salt, the usual iterations")
    func unknown() async throws {
        try await Self.listener { listener in
            func challenge(_ user: String) async throws -> [Substring] {
                let client = try await listener.client()
                _ = try await client.handshake("SCRAM-SHA-256")
                let scram = SCRAMClient(mechanism: .sha256, user: user, password: "")
                let step = try #require(try await client.authenticate(scram.first.utf8))
                return step.text.split(separator: ",")
            }
            let (known, unknown) = (try await challenge("lena"), try await challenge("nobody"))
            let (again, other) = (try await challenge("nobody"), try await challenge("somebody"))
            #expect(unknown[0] != again[0] && unknown[0].count == known[0].count, "nonces are new ones")
            #expect(unknown[1] == again[1] && unknown[1] != other[1] && unknown[1] != known[1], "salts stay")
            #expect(unknown[1].count == known[1].count)
            #expect(unknown[2] == known[2] && other[2] == known[2], "iterations")
        }
    }

    @Test("who acts for somebody else is refused")
    func authorizationID() async throws {
        try await Self.listener { listener in
            let plain = try await listener.client()
            _ = try await plain.handshake("PLAIN")
            #expect(isRefused(try await plain.authenticate("root\0lena\0\(SecureListener.password)".utf8)))
            let scram = try await listener.client()
            _ = try await scram.handshake("SCRAM-SHA-256")
            #expect(isRefused(try await scram.authenticate("n,a=root,n=lena,r=abc".utf8)))
        }
    }

    @Test("a nonce that is not the server's, and a message from another connection, prove nothing")
    func replay() async throws {
        try await Self.listener { listener in
            let scram = SCRAMClient(mechanism: .sha256, user: "lena", password: SecureListener.password)
            let wrong = try await listener.client()
            _ = try await wrong.handshake("SCRAM-SHA-256")
            let first = try #require(try await wrong.authenticate(scram.first.utf8))
            let (message, _) = try scram.last(first.text, nonce: scram.nonce + "AAAAAAAAAAAAAAAAAAAAAAAA")
            #expect(isRefused(try await wrong.authenticate(message.utf8)))

            let good = try await listener.client()
            _ = try await good.handshake("SCRAM-SHA-256")
            let challenge = try #require(try await good.authenticate(scram.first.utf8))
            let (proof, _) = try scram.last(challenge.text)
            #expect(try await good.authenticate(proof.utf8)?.errorCode == ErrorCode.none)
            let thief = try await listener.client()
            _ = try await thief.handshake("SCRAM-SHA-256")
            #expect(try await thief.authenticate(scram.first.utf8)?.text != challenge.text)
            #expect(isRefused(try await thief.authenticate(proof.utf8)))
            #expect(try await thief.hasEnded())
        }
    }

    private static let garbage = [
        "", "\0", "n", "n,,n=lena", "n,,n=lena,r=", "n,,n=,r=abc", "p=tls-unique,,n=lena,r=abc", "n,,m=x,n=lena,r=abc",
        "\0lena\0", "\0\0secret", "lena", "\u{ff}\u{fe}", "v=AAAA", "c=biws,r=abc,p=AAAA",
        String(repeating: "n", count: 20_000),
    ]

    @Test(
        "garbage in the place of any message is refused",
        arguments: [nil, "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
    )
    func garbage(mechanism: String?) async throws {
        try await Self.listener { listener in
            var clients: [FrameClient] = []
            for text in Self.garbage + ["\u{ff}"] {
                let client = try await listener.client()
                _ = try await client.handshake(mechanism ?? "SCRAM-SHA-256")
                // Without a mechanism of its own it is the last message, and the first one is good.
                if mechanism == nil { _ = try await client.authenticate("n,,n=lena,r=abc".utf8) }
                client.sendMessage(text == "\u{ff}" ? [0xff, 0, 0xff] : Array(text.utf8))
                clients.append(client)
            }
            for client in clients {
                #expect(isRefused(try await client.step()))
                #expect(try await client.hasEnded())
            }
            #expect(try await listener.hasClosed(clients.count, .loginFailed))
        }
    }

    @Test("a mechanism that is not served is answered with those that are, and another may be named")
    func mechanisms() async throws {
        try await Self.listener { listener in
            let client = try await listener.client()
            for name in ["", "GSSAPI", "OAUTHBEARER", "SCRAM-SHA-1", "plain", "PLAIN "] {
                let (errorCode, mechanisms) = try await client.handshake(name)
                #expect(errorCode == .unsupportedSASLMechanism && mechanisms.count == 3, "\(name)")
            }
            #expect(try await client.plain("lena", SecureListener.password)?.errorCode == ErrorCode.none)
        }
    }

    @Test("messages at another time than theirs end the connection")
    func outOfTurn() async throws {
        try await Self.listener { listener in
            let early = try await listener.client()
            #expect(try await early.authenticate("n,,n=lena,r=abc".utf8)?.errorCode == .illegalSASLState)
            #expect(try await early.hasEnded())
            let twice = try await listener.client()
            _ = try await twice.handshake("SCRAM-SHA-256")
            #expect(try await twice.handshake("PLAIN").errorCode == .illegalSASLState)
            #expect(try await twice.hasEnded())
            #expect(try await listener.hasClosed(2, .unauthenticated))
        }
    }

    @Test("a second login on a connection is refused, and the first one stays")
    func again() async throws {
        try await Self.listener { listener in
            let client = try await listener.client()
            _ = try await client.plain("lena", SecureListener.password)
            #expect(try await client.handshake("PLAIN").errorCode == .illegalSASLState)
            #expect(try await client.authenticate("\0nobody\0x".utf8)?.errorCode == .illegalSASLState)
            #expect(try await client.isServed())
        }
    }

    @Test("where nobody has to log in nobody can")
    func noUsers() async throws {
        try await SecureListener.run { listener in
            let client = try await listener.client()
            #expect(try await client.handshake("PLAIN").errorCode == .illegalSASLState)
            #expect(try await client.isServed())
        }
    }

    // MARK: Before

    @Test("only what a login is made of is served before it", arguments: APIKey.allCases)
    func before(key: APIKey) async throws {
        try await Self.listener { listener in
            let client = try await listener.client()
            client.send(.apiVersions, 0)
            #expect(try await client.response() != nil)
            switch key {
            case .apiVersions, .saslHandshake, .saslAuthenticate: return
            case .metadata: #expect(try await !client.isServed())
            default:
                client.send(key, 3, isFlexible: APITable.entry(for: key).isFlexible(3))
                #expect(try await client.hasEnded())
            }
            #expect(try await listener.hasClosed(1, .unauthenticated))
        }
    }

    @Test("a request behind a login that is not decided yet is not served, nor one behind a failed login")
    func pipelined() async throws {
        try await Self.listener { listener in
            for password in [SecureListener.password, "wrong"] {
                let client = try await listener.client()
                _ = try await client.handshake("PLAIN")
                client.send(.saslAuthenticate, 1) { $0.bytes(ByteBuffer(string: "\0lena\0\(password)")) }
                #expect(try await !client.isServed())
            }
            #expect(try await listener.hasClosed(2, .unauthenticated))
        }
    }

    @Test("a key that nobody knows, and a frame that is no request, end the connection before a login")
    func unknownKeys() async throws {
        try await Self.listener { listener in
            for bytes in [[0, 0, 0, 8, 0x7f, 0xff, 0, 0, 0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 3, 1, 2, 3]] as [[UInt8]]
            {
                let client = try await listener.client()
                client.send(ByteBuffer(bytes: bytes))
                #expect(try await client.hasEnded())
            }
            #expect(try await listener.hasClosed(1, .unauthenticated))
            #expect(try await listener.hasClosed(2, .malformed))
        }
    }

    @Test("frames before a login are short")
    func frameLimits() async throws {
        func frame(_ length: Int) -> ByteBuffer {
            var buffer = ByteBuffer()
            buffer.writeInteger(Int32(length))
            return buffer
        }
        try await Self.listener { listener in
            for length in [KafkaNIO.Limits.requestBytesMaxUnauthenticated + 1, Int(Int32.max), -1] {
                let client = try await listener.client()
                client.send(frame(length))
                #expect(try await client.hasEnded())
            }
            #expect(try await listener.hasClosed(3, .frameTooLarge))
            let client = try await listener.client()
            _ = try await client.plain("lena", SecureListener.password)
            // A request of more than the limit before: the same topic ten thousand times.
            client.send(.metadata, 4) { body in
                body.arrayLength(10_000)
                for _ in 0..<10_000 { body.string("plain") }
                body.boolean(false)
            }
            #expect(try await client.response() != nil)
        }
    }

    @Test("so many requests before a login, and no more")
    func requestLimit() async throws {
        try await Self.listener { listener in
            let client = try await listener.client()
            for _ in 0..<KafkaNIO.Limits.loginRequestsMax {
                client.send(.apiVersions, 0)
                #expect(try await client.response() != nil)
            }
            client.send(.apiVersions, 0)
            #expect(try await client.hasEnded())
            #expect(try await listener.hasClosed(1, .unauthenticated))
        }
    }

    @Test("who does not log in in time is let go at any step; who has may be silent longer", .tags(.slow))
    func slow() async throws {
        try await Self.listener { listener in
            let loggedIn = try await listener.client()
            _ = try await loggedIn.plain("lena", SecureListener.password)
            let silent = try await listener.client()
            let afterVersions = try await listener.client()
            afterVersions.send(.apiVersions, 0)
            _ = try await afterVersions.response()
            let halfAFrame = try await listener.client()
            halfAFrame.send(ByteBuffer(bytes: [0, 0, 0, 20, 0]))
            let challenged = try await listener.client()
            _ = try await challenged.handshake("SCRAM-SHA-256")
            _ = try await challenged.authenticate("n,,n=lena,r=abc".utf8)
            for client in [silent, afterVersions, halfAFrame, challenged] { #expect(try await client.hasEnded()) }
            #expect(try await listener.hasClosed(4, .loginTimeout))
            #expect(try await loggedIn.isServed())
        }
    }

    // MARK: Many

    @Test("hundreds of failures at once hold no thread up, and no more than a number of them wait")
    func manyFailures() async throws {
        try await Self.listener { listener in
            let (delayed, others) = (KafkaNIO.Limits.delayedFailuresMax, 128)
            var clients: [FrameClient] = []
            for _ in 0..<delayed + others {
                let client = try await listener.client()
                _ = try await client.handshake("PLAIN")
                clients.append(client)
            }
            for client in clients { client.sendMessage("garbage".utf8) }
            // A thread that slept for each would keep this one waiting for minutes.
            let good = try await listener.client()
            #expect(try await good.plain("lena", SecureListener.password)?.errorCode == ErrorCode.none)
            var answered = 0
            for client in clients {
                if let step = try await client.step() {
                    #expect(isRefused(step))
                    answered += 1
                }
                #expect(try await client.hasEnded())
            }
            #expect(answered >= delayed && answered < clients.count)
            #expect(try await listener.hasClosed(clients.count, .loginFailed))
        }
    }

    @Test("connections that say nothing keep nobody out; those that have logged in keep their places")
    func places() async throws {
        try await SecureListener.run { configuration in
            configuration.users = SecureListener.users
            configuration.connectionsMax = 4
        } _: { listener in
            var silent: [FrameClient] = []
            for _ in 0..<12 { silent.append(try await listener.client()) }
            var loggedIn: [FrameClient] = []
            for count in 1...4 {
                let client = try await listener.client()
                #expect(try await client.plain("lena", SecureListener.password)?.errorCode == ErrorCode.none)
                loggedIn.append(client)
                #expect(try await listener.hasClosed(8 + count, .tooMany))
            }
            for client in silent { #expect(try await client.hasEnded()) }
            let refused = try await listener.client()
            #expect(try await refused.hasEnded())
            #expect(try await listener.hasClosed(13, .tooMany))
            for client in loggedIn { #expect(try await client.isServed()) }
        }
    }

    @Test("more passwords at once than are hashed at once are all checked in their turn")
    func manyPasswords() async throws {
        try await Self.listener { listener in
            var clients: [FrameClient] = []
            for _ in 0..<KafkaNIO.Limits.passwordChecksMax * 4 {
                let client = try await listener.client()
                _ = try await client.handshake("PLAIN")
                client.send(.saslAuthenticate, 1) { body in
                    body.bytes(ByteBuffer(string: "\0lena\0\(SecureListener.password)"))
                }
                clients.append(client)
            }
            // Those that are gone when their turn comes are not waited for.
            clients.removeLast()
            for client in clients {
                var response = try #require(try await client.response())
                #expect(try response.error() == .none)
            }
            #expect(try await listener.hasClosed(0, .loginTimeout))
        }
    }
}

extension Tag {
    /// Waits for a limit of seconds to pass.
    @Tag static var slow: Self
}
