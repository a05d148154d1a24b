// Requests that Kafka refuses in its own way: the codes that clients' administrators look at.
import KafkaNIO
import KafkaProtocol
import NIOCore
import Testing

@Suite("Refused requests", .serialized, .timeLimit(.minutes(1)))
struct RefusedRequestTests {
    @Test("a setting without a value is no setting, but for one that is deleted")
    func withoutValue() async throws {
        try await SecureListener.run { listener in
            let client = try await listener.client()
            #expect(try await client.create("bad", [("retention.ms", nil)]) == .invalidConfig)
            #expect(try await client.create("made") == ErrorCode.none)
            #expect(try await client.alter("made", [("retention.ms", nil)]) == .invalidRequest)
            let list = "leader.replication.throttled.replicas"
            for operation in [ConfigOperation.set, .append, .subtract] {
                #expect(try await client.alter("made", [(operation, list, nil)]) == .invalidRequest)
            }
            #expect(try await client.alter("made", [(.delete, list, nil)]) == ErrorCode.none)
        }
    }

    @Test("records are not deleted from a compacted topic")
    func compacted() async throws {
        try await SecureListener.run { listener in
            let client = try await listener.client()
            #expect(try await client.create("compacted", [("cleanup.policy", "compact")]) == ErrorCode.none)
            for (topic, code) in [
                ("compacted", ErrorCode.policyViolation), ("plain", .none), ("x", .unknownTopicOrPartition),
            ] {
                client.send(.deleteRecords, 1) { body in
                    body.arrayLength(1)
                    body.string(topic)
                    body.arrayLength(1)
                    body.int32(0)
                    body.int64(-1)
                    body.int32(10_000)
                }
                var reader = try #require(try await client.response())
                _ = (try reader.int32(), try reader.int32(), try reader.string(), try reader.int32())
                _ = (try reader.int32(), try reader.int64())
                #expect(try reader.error() == code, "\(topic)")
            }
        }
    }

    @Test("the largest timestamp is for clients of its version")
    func oldListOffsets() async throws {
        try await SecureListener.run { listener in
            let client = try await listener.client()
            for (timestamp, code) in [(-1 as Int64, ErrorCode.none), (-3, .unsupportedVersion)] {
                client.send(.listOffsets, 1) { body in
                    body.int32(-1)
                    body.arrayLength(1)
                    body.string("plain")
                    body.arrayLength(1)
                    body.int32(0)
                    body.int64(timestamp)
                }
                var reader = try #require(try await client.response())
                _ = (try reader.int32(), try reader.string(), try reader.int32(), try reader.int32())
                #expect(try reader.error() == code, "\(timestamp)")
            }
        }
    }

    @Test("offsets are deleted of partitions that are there")
    func offsetsOfMissingTopics() async throws {
        try await GroupListener.run(in: ScratchDirectory()) { listener in
            let client = try await listener.client()
            #expect(try await client.commit("g", "plain", 5) == .none)
            client.send(.offsetDelete, 0) { body in
                body.string("g")
                body.arrayLength(2)
                for topic in ["missing", "plain"] {
                    body.string(topic)
                    body.arrayLength(2)
                    for partition: Int32 in [0, 1] { body.int32(partition) }
                }
            }
            var reader = try #require(try await client.response())
            #expect(try reader.error() == .none)
            _ = (try reader.int32(), try reader.int32())
            var codes: [ErrorCode] = []
            for _ in 0..<2 {
                _ = (try reader.string(), try reader.int32())
                for _ in 0..<2 {
                    _ = try reader.int32()
                    codes.append(try reader.error())
                }
            }
            let missing = ErrorCode.unknownTopicOrPartition
            #expect(codes == [missing, missing, .none, missing])
            #expect(try await client.offset("g", "plain") == -1)
        }
    }

    @Test("a group's operations are told to who asks for them")
    func operations() async throws {
        try await SecureListener.run { listener in
            let client = try await listener.client()
            for asks in [false, true] {
                client.send(.describeGroups, 3) { body in
                    body.arrayLength(1)
                    body.string("nobody")
                    body.boolean(asks)
                }
                var reader = try #require(try await client.response())
                _ = (try reader.int32(), try reader.int32(), try reader.int16(), try reader.string())
                #expect(try reader.string() == "Dead")
                _ = (try reader.string(), try reader.string(), try reader.int32())
                // Read, delete and describe.
                #expect(try reader.int32() == (asks ? 1 << 3 | 1 << 6 | 1 << 8 : .min))
            }
        }
    }

    @Test("all brokers' defaults are none, and another broker's settings are nobody's")
    func brokerSettings() async throws {
        try await SecureListener.run { listener in
            let client = try await listener.client()
            for (name, code) in [("", ErrorCode.none), ("0", .none), ("1", .invalidRequest)] {
                client.send(.describeConfigs, 1) { body in
                    body.arrayLength(1)
                    body.int8(ConfigResourceType.broker.rawValue)
                    body.string(name)
                    body.arrayLength(-1)
                    body.boolean(false)
                }
                var reader = try #require(try await client.response())
                _ = (try reader.int32(), try reader.int32())
                #expect(try reader.error() == code)
                _ = (try reader.nullableString(), try reader.int8(), try reader.string())
                #expect(try (reader.int32() > 0) == (name == "0"))
            }
        }
    }
}
