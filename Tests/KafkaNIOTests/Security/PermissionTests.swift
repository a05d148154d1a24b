// What users may do: the rules by themselves, and over each request.
import CommitLog
import KafkaNIO
import KafkaProtocol
import NIOCore
import Platform
import Testing

extension FrameClient {
    /// The names that Metadata lists.
    func topics() async throws -> [String] {
        send(.metadata, 4) { body in
            body.int32(-1)
            body.boolean(false)
        }
        return try await metadata().map(\.name)
    }

    /// What Metadata says of topics by name.
    func topics(_ names: [String]) async throws -> [ErrorCode] {
        send(.metadata, 4) { body in
            body.arrayLength(names.count)
            for name in names { body.string(name) }
            body.boolean(false)
        }
        return try await metadata().map(\.errorCode)
    }

    private func metadata() async throws -> [(errorCode: ErrorCode, name: String)] {
        var reader = try #require(try await response())
        _ = try reader.int32()
        for _ in 0..<(try reader.int32()) {
            _ = (try reader.int32(), try reader.string(), try reader.int32(), try reader.nullableString())
        }
        _ = (try reader.nullableString(), try reader.int32())
        return try (0..<Int(reader.int32())).map { _ in
            let topic = (errorCode: try reader.error(), name: try reader.string())
            _ = try reader.boolean()
            for _ in 0..<(try reader.int32()) {
                _ = (try reader.int16(), try reader.int32(), try reader.int32())
                for _ in 0..<2 {
                    for _ in 0..<(try reader.int32()) { _ = try reader.int32() }
                }
            }
            return topic
        }
    }

    /// The code of a request for partition 0 of one topic, written and read behind the parts that all of them have.
    private func code(
        _ key: APIKey,
        _ version: Int16,
        _ topic: String,
        before: (inout WireWriter) -> Void,
        partition: (inout WireWriter) -> Void,
        skip: (inout WireReader) throws -> Void = { _ in },
        isIndexFirst: Bool = true
    ) async throws -> ErrorCode {
        send(key, version) { body in
            before(&body)
            body.arrayLength(1)
            body.string(topic)
            body.arrayLength(1)
            body.int32(0)
            partition(&body)
        }
        var reader = try #require(try await response())
        try skip(&reader)
        #expect(try reader.int32() == 1)
        #expect(try reader.string() == topic)
        #expect(try reader.int32() == 1)
        if isIndexFirst { _ = try reader.int32() }
        return try reader.error()
    }

    /// Offers something that is no batch: who may write is told so.
    func produce(_ topic: String) async throws -> ErrorCode {
        try await code(
            .produce,
            3,
            topic,
            before: { body in
                body.nullableString(nil)
                body.int16(-1)
                body.int32(1_000)
            },
            partition: { $0.bytes(ByteBuffer(repeating: 0, count: 80)) }
        )
    }

    func fetch(_ topic: String) async throws -> ErrorCode {
        try await code(
            .fetch,
            4,
            topic,
            before: { body in
                for value: Int32 in [-1, 0, 1, 1_000] { body.int32(value) }
                body.int8(0)
            },
            partition: { body in
                body.int64(0)
                body.int32(1_000)
            },
            skip: { _ = try $0.int32() }
        )
    }

    func listOffsets(_ topic: String) async throws -> ErrorCode {
        try await code(.listOffsets, 1, topic, before: { $0.int32(-1) }, partition: { $0.int64(-1) })
    }

    func leaderEpoch(_ topic: String) async throws -> ErrorCode {
        try await code(
            .offsetForLeaderEpoch,
            2,
            topic,
            before: { _ in },
            partition: { body in
                body.int32(-1)
                body.int32(0)
            },
            skip: { _ = try $0.int32() },
            isIndexFirst: false
        )
    }

    func coordinator(_ group: String) async throws -> ErrorCode {
        send(.findCoordinator, 1) { body in
            body.string(group)
            body.int8(0)
        }
        var reader = try #require(try await response())
        _ = try reader.int32()
        return try reader.error()
    }
}

@Suite("Permissions at the Kafka listener", .serialized, .timeLimit(.minutes(3)))
struct PermissionTests {
    private static let denied = ErrorCode.topicAuthorizationFailed
    /// What somebody who may write is told of something that is no batch.
    private static let taken = ErrorCode.corruptMessage

    // MARK: The rules

    @Test("without permissions clients may do everything, but write nothing of Forebay's own")
    func open() {
        let access = Access(user: "anybody", permissions: nil)
        for operation in KafkaOperation.allCases {
            #expect(access.allows(operation, topic: "mine") && access.allows(operation, group: "mine"))
            for topic in ["readings", "alerts", "rejected", "system", "gaps", "operations"] {
                #expect(access.allows(operation, topic: topic) == (operation == .read), "\(operation) \(topic)")
            }
        }
        #expect(access.knows(topic: "mine") && access.knows(group: "mine"))
    }

    @Test("empty permissions allow nothing")
    func empty() {
        let access = Access(user: "anybody", permissions: [])
        for operation in KafkaOperation.allCases {
            #expect(!access.allows(operation, topic: "plain") && !access.allows(operation, group: "plain"))
        }
        #expect(!access.knows(topic: "plain") && !access.knows(group: "plain"))
    }

    @Test("permissions add up, each for its own user, topics, groups and operations")
    func sum() {
        let permissions = [
            KafkaPermission(user: "lena", topics: ["a.*"], groups: ["g"], allow: [.read]),
            KafkaPermission(user: "l*", topics: ["b"], allow: [.write]),
            KafkaPermission(user: "marta", topics: ["*"], groups: ["*"], allow: Set(KafkaOperation.allCases)),
            KafkaPermission(user: "lena", topics: ["c"], allow: []),
        ]
        let lena = Access(user: "lena", permissions: permissions)
        #expect(
            lena.allows(.read, topic: "a.x") && !lena.allows(.write, topic: "a.x") && !lena.allows(.read, topic: "a")
        )
        #expect(lena.allows(.write, topic: "b") && !lena.allows(.read, topic: "b") && !lena.allows(.create, topic: "b"))
        #expect(lena.allows(.read, group: "g") && !lena.allows(.delete, group: "g") && !lena.allows(.read, group: "b"))
        #expect(
            lena.knows(topic: "b") && !lena.knows(topic: "c") && lena.knows(group: "g") && !lena.knows(group: "a.x")
        )
        let marta = Access(user: "marta", permissions: permissions)
        for operation in KafkaOperation.allCases {
            #expect(marta.allows(operation, topic: "x"))
            #expect(marta.allows(operation, topic: "alerts") == (operation == .read))
            #expect(marta.allows(operation, topic: "readings") == (operation == .read || operation == .write))
        }
        #expect(!Access(user: "otto", permissions: permissions).allows(.read, topic: "a.x"))
    }

    @Test(
        "a star stands for any text, everything else for itself",
        arguments: [
            ("", "", true), ("", "a", false), ("*", "", true), ("*", "ä", true), ("a*", "a", true), ("a*", "b", false),
            ("*a", "bba", true), ("*a", "ab", false), ("a*b*c", "axxbyyc", true), ("a*b*c", "abcb", false),
            ("*ab", "aab", true), ("a**b", "ab", true), ("a?", "ab", false), ("a?", "a?", true), ("A", "a", false),
            ("a*", "", false), ("é", "e\u{301}", false), ("*\u{301}", "e\u{301}", true),
        ]
    )
    func patterns(pattern: String, text: String, isCovered: Bool) {
        let permissions = [KafkaPermission(user: "*", topics: [pattern], groups: [pattern], allow: [.read])]
        #expect(Access(user: "u", permissions: permissions).allows(.read, topic: text) == isCovered)
        #expect(Access(user: "u", permissions: permissions).allows(.read, group: text) == isCovered)
        let ofUser = [KafkaPermission(user: pattern, topics: ["*"], allow: [.read])]
        #expect(Access(user: text, permissions: ofUser).allows(.read, topic: "t") == isCovered)
    }

    // MARK: Over the requests

    @Test("without permissions every request is served, but for writing to Forebay's own topics")
    func openRequests() async throws {
        try await SecureListener.run { listener in
            let client = try await listener.client()
            #expect(try await client.topics() == ["alerts", "hidden", "plain", "readings", "system"])
            #expect(
                try await client.topics(["plain", "absent", "no/name"]) == [
                    .none, .unknownTopicOrPartition, .invalidTopicException,
                ]
            )
            for topic in ["plain", "readings", "alerts"] {
                #expect(try await client.fetch(topic) == .none)
                #expect(try await client.listOffsets(topic) == .none)
                #expect(try await client.leaderEpoch(topic) == .none)
                #expect(try await client.produce(topic) == (topic == "plain" ? Self.taken : Self.denied))
            }
            #expect(try await client.coordinator("group") == .none)
            #expect(try await client.fetch("absent") == .unknownTopicOrPartition)
            #expect(try await client.produce("absent") == .unknownTopicOrPartition)
        }
    }

    private static let permissions = [
        KafkaPermission(user: "anonymous", topics: ["plain"], groups: ["mine.*"], allow: [.read]),
        KafkaPermission(user: "anonymous", topics: ["readings"], allow: [.write]),
        KafkaPermission(user: "lena", topics: ["*"], groups: ["*"], allow: Set(KafkaOperation.allCases)),
    ]

    @Test("with permissions each request is served as far as they go, and says nothing of what they do not name")
    func requests() async throws {
        try await SecureListener.run({ $0.permissions = Self.permissions }) { listener in
            let client = try await listener.client()
            #expect(try await client.topics() == ["plain", "readings"])
            let codes = try await client.topics(["plain", "readings", "hidden", "absent", "alerts"])
            #expect(codes == [.none, .none, Self.denied, Self.denied, Self.denied])
            for (topic, read, known, write) in [
                ("plain", ErrorCode.none, ErrorCode.none, Self.denied), ("readings", Self.denied, .none, Self.taken),
                ("hidden", Self.denied, Self.denied, Self.denied), ("absent", Self.denied, Self.denied, Self.denied),
                ("alerts", Self.denied, Self.denied, Self.denied),
            ] {
                #expect(try await client.fetch(topic) == read, "\(topic)")
                #expect(try await client.listOffsets(topic) == known, "\(topic)")
                #expect(try await client.leaderEpoch(topic) == known, "\(topic)")
                #expect(try await client.produce(topic) == write, "\(topic)")
            }
            #expect(try await client.coordinator("mine.1") == .none)
            #expect(try await client.coordinator("other") == .groupAuthorizationFailed)
        }
    }

    @Test("a topic's id opens nothing that its name does not")
    func topicIDs() async throws {
        try await SecureListener.run({ $0.permissions = Self.permissions }) { listener in
            let client = try await listener.client()
            for (name, code) in [("plain", ErrorCode.none), ("hidden", .unknownTopicID)] {
                let partition = try #require(listener.log.partitions.first { $0.topicPartition.topic.text == name })
                let id = KafkaUUID(high: partition.topicID.high, low: partition.topicID.low)
                client.send(.metadata, 12, isFlexible: true) { body in
                    body.arrayLength(1)
                    body.uuid(id)
                    body.nullableString(nil)
                    body.emptyTaggedFields()
                    body.boolean(false)
                    body.boolean(false)
                    body.emptyTaggedFields()
                }
                var reader = try #require(try await client.response(isFlexible: true))
                _ = (try reader.int32(), try reader.unsignedVarint(), try reader.int32(), try reader.string())
                _ = (try reader.int32(), try reader.nullableString(), try reader.skipTaggedFields())
                _ = (try reader.nullableString(), try reader.int32(), try reader.unsignedVarint())
                #expect(try reader.error() == code)
            }
        }
    }

    @Test("a reload is for connections to come; those that are open keep what they have")
    func reload() async throws {
        try await SecureListener.run({ $0.users = SecureListener.users }) { listener in
            let old = try await listener.client()
            _ = try await old.plain("lena", SecureListener.password)
            let waiting = try await listener.client()
            _ = try await waiting.handshake("PLAIN")
            try listener.server.apply(tls: nil, users: KafkaUsers(), permissions: [])
            #expect(try await old.produce("plain") == Self.taken)
            #expect(
                try await waiting.authenticate("\0lena\0\(SecureListener.password)".utf8)?.errorCode == ErrorCode.none
            )
            #expect(try await waiting.topics().count == 5)
            let removed = try await listener.client()
            #expect(try await removed.plain("lena", SecureListener.password)?.errorCode == .saslAuthenticationFailed)
            try listener.server.apply(tls: nil, users: nil, permissions: Self.permissions)
            let new = try await listener.client()
            #expect(try await new.topics() == ["plain", "readings"])
        }
    }

    // MARK: Beyond loopback

    @Test(
        "an address beyond loopback needs credentials, or somebody who means it",
        arguments: [
            ("127.0.0.1:9092", true), ("127.8.0.1:9092", true), ("localhost:9092", true), ("[::1]:9092", true),
            ("0.0.0.0:9092", false), ("[::]:9092", false), ("192.168.1.5:9092", false), ("127.example.com:9092", false),
            ("127.0.0.1.nip.io:9092", false), ("box.local:9092", false), ("[::ffff:127.0.0.1]:9092", false),
        ]
    )
    func beyondLoopback(address: String, isLoopback: Bool) throws {
        var configuration = KafkaListenerConfiguration(listen: try SecureListener.address(address[...]))
        #expect((configuration.problem == nil) == isLoopback)
        configuration.isInsecure = true
        #expect(configuration.problem == nil)
        configuration.isInsecure = false
        configuration.users = KafkaUsers()
        #expect(configuration.problem == nil)
    }

    @Test("beyond loopback nothing is served without credentials, not after a reload either, and PLAIN needs TLS")
    func refusedListener() async throws {
        let everywhere = try SecureListener.address("0.0.0.0:0")
        await #expect(throws: KafkaServerError.self) {
            try await SecureListener.run({ $0.listen = everywhere }) { _ in }
        }
        let change: (inout KafkaListenerConfiguration) -> Void = { configuration in
            configuration.listen = everywhere
            configuration.users = SecureListener.users
        }
        try await SecureListener.run(change) { listener in
            #expect(throws: KafkaServerError.self) { try listener.server.apply(tls: nil, users: nil, permissions: nil) }
            let client = try await listener.client()
            let (errorCode, mechanisms) = try await client.handshake("PLAIN")
            #expect(errorCode == .unsupportedSASLMechanism)
            #expect(mechanisms == ["SCRAM-SHA-256", "SCRAM-SHA-512"])
            #expect(try await !client.isServed())
        }
    }
}
