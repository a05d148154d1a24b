// Every request of groups and topics: denied without a permission, whether or not there is what it names, and served with one.
import KafkaNIO
import KafkaProtocol
import NIOCore
import Testing

/// A request about one topic or group, and where in its response the code stands.
struct NamedRequest: Sendable, CustomTestStringConvertible {
    var key: APIKey
    var version: Int16
    var denied: ErrorCode
    /// What stands in front of the code: `i` an int32, `l` an int64, `b` an int8, `s` a string.
    var path: String
    var body: @Sendable (inout WireWriter, String) -> Void

    var testDescription: String { "\(key)" }

    /// About a topic, which stands in an array of one element.
    static func topic(
        _ key: APIKey,
        _ version: Int16,
        _ path: String,
        _ body: @escaping @Sendable (inout WireWriter, String) -> Void
    ) -> NamedRequest {
        NamedRequest(key: key, version: version, denied: .topicAuthorizationFailed, path: path) { writer, name in
            writer.arrayLength(1)
            body(&writer, name)
        }
    }

    static func group(
        _ key: APIKey,
        _ version: Int16,
        _ path: String,
        _ body: @escaping @Sendable (inout WireWriter) -> Void
    ) -> NamedRequest {
        NamedRequest(key: key, version: version, denied: .groupAuthorizationFailed, path: path) { writer, name in
            if key == .describeGroups || key == .deleteGroups { writer.arrayLength(1) }
            writer.string(name)
            body(&writer)
        }
    }

    static let all: [NamedRequest] = [
        .group(.joinGroup, 2, "i") { writer in
            writer.int32(10_000)
            writer.int32(10_000)
            writer.string("")
            writer.string("consumer")
            writer.arrayLength(1)
            writer.string("range")
            writer.bytes(ByteBuffer())
        },
        .group(.syncGroup, 1, "i") { writer in
            writer.int32(1)
            writer.string("member")
            writer.arrayLength(0)
        },
        .group(.heartbeat, 1, "i") { writer in
            writer.int32(1)
            writer.string("member")
        },
        .group(.leaveGroup, 1, "i") { $0.string("member") },
        .group(.offsetCommit, 2, "isii") { writer in
            writer.int32(-1)
            writer.string("")
            writer.int64(-1)
            writer.arrayLength(1)
            writer.string("plain")
            writer.arrayLength(1)
            writer.int32(0)
            writer.int64(0)
            writer.nullableString(nil)
        },
        .group(.offsetFetch, 2, "i") { $0.arrayLength(0) },
        .group(.describeGroups, 0, "i") { _ in },
        .group(.deleteGroups, 0, "iis") { _ in },
        .group(.offsetDelete, 0, "") { $0.arrayLength(0) },
        .topic(.createTopics, 2, "iis") { writer, name in
            writer.string(name)
            writer.int32(1)
            writer.int16(1)
            writer.arrayLength(0)
            writer.arrayLength(0)
            writer.int32(10_000)
            writer.boolean(true)
        },
        .topic(.createPartitions, 0, "iis") { writer, name in
            writer.string(name)
            writer.int32(5)
            writer.arrayLength(0)
            writer.int32(10_000)
            writer.boolean(true)
        },
        .topic(.deleteRecords, 0, "iisiil") { writer, name in
            writer.string(name)
            writer.arrayLength(1)
            writer.int32(0)
            writer.int64(0)
            writer.int32(10_000)
        },
        .topic(.describeConfigs, 1, "ii") { writer, name in
            writer.int8(2)
            writer.string(name)
            writer.int32(-1)
            writer.boolean(false)
        },
        .topic(.alterConfigs, 0, "ii") { writer, name in
            writer.int8(2)
            writer.string(name)
            writer.arrayLength(0)
            writer.boolean(true)
        },
        .topic(.incrementalAlterConfigs, 0, "ii") { writer, name in
            writer.int8(2)
            writer.string(name)
            writer.arrayLength(0)
            writer.boolean(true)
        },
        .topic(.deleteTopics, 1, "iis") { writer, name in
            writer.string(name)
            writer.int32(10_000)
        },
    ]
}

extension FrameClient {
    func code(_ request: NamedRequest, _ name: String) async throws -> ErrorCode {
        send(request.key, request.version) { request.body(&$0, name) }
        var reader = try #require(try await response())
        for step in request.path {
            switch step {
            case "i": _ = try reader.int32()
            case "l": _ = try reader.int64()
            default: _ = try reader.string()
            }
        }
        return try reader.error()
    }
}

@Suite("Denied requests at the Kafka listener", .serialized, .timeLimit(.minutes(3)))
struct DeniedRequestTests {
    private static let everything = KafkaPermission(
        user: "*",
        topics: ["*"],
        groups: ["*"],
        allow: Set(KafkaOperation.allCases)
    )

    /// A listener with a topic `made` of clients' own.
    private static func listener(_ body: (SecureListener) async throws -> Void) async throws {
        try await SecureListener.run { listener in
            let maker = try await listener.client()
            maker.send(.createTopics, 2) { writer in
                writer.arrayLength(1)
                writer.string("made")
                writer.int32(1)
                writer.int16(1)
                writer.arrayLength(0)
                writer.arrayLength(0)
                writer.int32(10_000)
                writer.boolean(false)
            }
            #expect(try await maker.response() != nil)
            try await body(listener)
        }
    }

    @Test(
        "a name without a permission is denied, and the answer does not tell whether it is there",
        arguments: NamedRequest.all
    )
    func denied(request: NamedRequest) async throws {
        try await Self.listener { listener in
            let other = KafkaPermission(
                user: "*",
                topics: ["other"],
                groups: ["other"],
                allow: Set(KafkaOperation.allCases)
            )
            try listener.server.apply(tls: nil, users: nil, permissions: [other])
            let client = try await listener.client()
            for name in ["made", "plain", "readings", "absent"] {
                #expect(try await client.code(request, name) == request.denied, "\(name)")
            }
            try listener.server.apply(tls: nil, users: nil, permissions: [Self.everything])
            let allowed = try await listener.client()
            #expect(try await allowed.code(request, "made") != request.denied)
        }
    }

    @Test("who may only read does not change anything", arguments: NamedRequest.all)
    func readOnly(request: NamedRequest) async throws {
        try await Self.listener { listener in
            let read = KafkaPermission(user: "*", topics: ["*"], groups: ["*"], allow: [.read])
            try listener.server.apply(tls: nil, users: nil, permissions: [read])
            let client = try await listener.client()
            let changes: [APIKey] = [
                .deleteGroups, .offsetDelete, .createPartitions, .deleteRecords, .alterConfigs,
                .incrementalAlterConfigs,
                .deleteTopics,
            ]
            #expect(try await (client.code(request, "made") == request.denied) == changes.contains(request.key))
            // Forebay's own are not theirs, whatever the permissions say; the codes tell why.
            try listener.server.apply(tls: nil, users: nil, permissions: [Self.everything])
            let all = try await listener.client()
            if request.denied == .topicAuthorizationFailed, request.key != .describeConfigs {
                for name in ["alerts", "readings"] { #expect(try await all.code(request, name) != .none, "\(name)") }
            }
            let client2 = try await listener.client()
            #expect(try await client2.topics().filter { $0 != "made" }.count >= 5)
        }
    }
}
