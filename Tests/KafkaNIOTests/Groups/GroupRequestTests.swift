// Requests about groups over the wire: what is named many times, codes that end a client's attempts, and permissions.
import KafkaNIO
import KafkaProtocol
import NIOCore
import Testing

@Suite("Requests about groups", .serialized, .timeLimit(.minutes(3)))
struct GroupRequestTests {
    private static func listener(_ body: (GroupListener) async throws -> Void) async throws {
        try await GroupListener.run(in: ScratchDirectory()) { listener in
            let client = try await listener.client()
            for topic in ["plain", "hidden"] {
                let metadata = String(repeating: "m", count: 4096)
                #expect(try await client.commit("g", topic, 5, metadata: metadata) == .none)
            }
            try await body(listener)
        }
    }

    // MARK: Repetitions

    /// A request that names one thing many times; the number of things stands behind the first four bytes of the answer.
    struct Repetition: Sendable, CustomTestStringConvertible {
        var key: APIKey
        var version: Int16
        var isFlexible = false
        var body: @Sendable (inout WireWriter) -> Void

        var testDescription: String { "\(key)" }

        static let count = 2_600

        static let all = [
            Repetition(key: .describeGroups, version: 1) { body in
                body.arrayLength(count)
                for _ in 0..<count { body.string("g") }
            },
            Repetition(key: .deleteGroups, version: 0) { body in
                body.arrayLength(count)
                for _ in 0..<count { body.string("unknown") }
            },
            Repetition(key: .offsetFetch, version: 8, isFlexible: true) { body in
                body.arrayLength(count)
                for _ in 0..<count {
                    body.string("g")
                    body.unsignedVarint(0)
                    body.emptyTaggedFields()
                }
                body.boolean(false)
                body.emptyTaggedFields()
            },
            Repetition(key: .findCoordinator, version: 4, isFlexible: true) { body in
                body.int8(0)
                body.arrayLength(count)
                for _ in 0..<count { body.string("g") }
                body.emptyTaggedFields()
            },
        ]
    }

    @Test("what is named many times is answered once", arguments: Repetition.all)
    func repetitions(_ repetition: Repetition) async throws {
        try await Self.listener { listener in
            let client = try await listener.client()
            client.send(repetition.key, repetition.version, isFlexible: repetition.isFlexible, repetition.body)
            var reader = try #require(try await client.response(isFlexible: repetition.isFlexible))
            _ = try reader.int32()
            let count = try repetition.isFlexible ? Int(reader.unsignedVarint()) - 1 : Int(reader.int32())
            #expect(count == 1)
        }
    }

    @Test("a partition whose offset is asked for many times is answered once")
    func repeatedPartitions() async throws {
        try await Self.listener { listener in
            let client = try await listener.client()
            let many = [Int32](repeating: 0, count: 2_600)
            let found = try await client.offsets("g", [("plain", many), ("hidden", [1]), ("plain", many + [1])])
            #expect(found.map(\.topic) == ["plain", "hidden", "plain"])
            #expect(found.map(\.partition) == [0, 1, 1] && found.map(\.offset) == [5, -1, -1])
        }
    }

    // MARK: Coordinators

    @Test("transactions have no coordinator: a code at which clients give up")
    func coordinators() async throws {
        try await Self.listener { listener in
            let client = try await listener.client()
            let expected: [(String, Int8, ErrorCode)] = [
                ("g", 0, .none), ("", 0, .none), ("t", 1, .transactionalIDAuthorizationFailed),
                ("s", 2, .invalidRequest),
            ]
            for (key, type, code) in expected {
                client.send(.findCoordinator, 1) { body in
                    body.string(key)
                    body.int8(type)
                }
                var reader = try #require(try await client.response())
                _ = try reader.int32()
                #expect(try reader.error() == code, "\(key)")
            }
        }
    }

    // MARK: Permissions

    @Test("offsets in topics that a user may do nothing with are denied where they are named, and left out of all")
    func permissions() async throws {
        try await Self.listener { listener in
            let read = KafkaPermission(user: "*", topics: ["plain"], groups: ["g"], allow: [.read])
            try listener.server.apply(tls: nil, users: nil, permissions: [read])
            let client = try await listener.client()
            let all = try await client.offsets("g", nil)
            #expect(all == [FrameClient.FetchedOffset(topic: "plain", partition: 0, offset: 5)])
            let named = try await client.offsets("g", [("hidden", [0, 1]), ("plain", [0, 1])])
            let denied = ErrorCode.topicAuthorizationFailed
            #expect(
                named == [
                    FrameClient.FetchedOffset(topic: "plain", partition: 0, offset: 5),
                    FrameClient.FetchedOffset(topic: "plain", partition: 1, offset: -1),
                    FrameClient.FetchedOffset(topic: "hidden", partition: 0, offset: -1, errorCode: denied),
                    FrameClient.FetchedOffset(topic: "hidden", partition: 1, offset: -1, errorCode: denied),
                ]
            )
        }
    }
}
