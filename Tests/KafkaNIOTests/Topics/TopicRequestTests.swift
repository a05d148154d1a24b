// Requests about many topics, or about one many times; and those that only want to know.
import CommitLog
import KafkaNIO
import KafkaProtocol
import NIOCore
import Platform
import Testing

@Suite("Requests about topics at the Kafka listener", .serialized, .timeLimit(.minutes(1)))
struct TopicRequestTests {
    @Test("a topic that is named many times is answered once, and not changed")
    func repeated() async throws {
        try await SecureListener.run { listener in
            let client = try await listener.client()
            let twice = [TopicAnswer("made", .invalidRequest)]
            let many = [String](repeating: "made", count: 1000)
            client.sendCreate(many)
            #expect(try await client.answers() == twice)
            #expect(try await client.create("made") == ErrorCode.none)
            client.sendGrow(many, to: 2)
            #expect(try await client.answers() == twice)
            client.sendAlter(many, [("retention.ms", "7")])
            #expect(try await client.alterations() == twice)
            client.sendIncremental(many, [(.set, "retention.ms", "7")])
            #expect(try await client.alterations() == twice)
            let setting = ("retention.ms", "7" as String?)
            #expect(try await client.alter("made", [setting, setting]) == .invalidRequest)
            #expect(try await client.create("other", [setting, setting]) == .invalidRequest)
            client.send(.deleteTopics, 3) { writer in
                writer.arrayLength(many.count)
                for name in many { writer.string(name) }
                writer.int32(10_000)
            }
            var reader = try #require(try await client.response())
            _ = try reader.int32()
            #expect(try reader.int32() == 1)
            #expect(try reader.string() == "made")
            #expect(try reader.error() == .invalidRequest)

            #expect(try await client.describe(many).map(\.0) == [TopicAnswer("made", .none)])
            #expect(try await client.topics(many + ["plain"] + many) == [.none, .none])
            let topic = try #require(listener.log.topics.first { $0.name.text == "made" })
            #expect(topic.partitions.count == 1 && topic.configuration.retention == .seconds(7 * 86_400))
        }
    }

    @Test("a topic is deleted by its name or by its id, not by both")
    func deleted() async throws {
        try await SecureListener.run { listener in
            let client = try await listener.client()
            for name in ["made", "other"] { #expect(try await client.create(name) == ErrorCode.none) }
            let ids = listener.log.topics.reduce(into: [:]) { ids, topic in
                ids[topic.name.text] = KafkaUUID(high: topic.id.high, low: topic.id.low)
            }
            func delete(_ topics: [(name: String?, id: KafkaUUID)]) async throws -> [ErrorCode] {
                client.send(.deleteTopics, 6, isFlexible: true) { writer in
                    writer.arrayLength(topics.count)
                    for topic in topics {
                        writer.nullableString(topic.name)
                        writer.uuid(topic.id)
                        writer.emptyTaggedFields()
                    }
                    writer.int32(10_000)
                    writer.emptyTaggedFields()
                }
                var reader = try #require(try await client.response(isFlexible: true))
                _ = try reader.int32()
                return try (1..<reader.unsignedVarint()).map { _ in
                    _ = (try reader.nullableString(), try reader.uuid())
                    let code = try reader.error()
                    _ = (try reader.nullableString(), try reader.skipTaggedFields())
                    return code
                }
            }
            let id = try #require(ids["made"])
            #expect(try await delete([("made", id), (nil, .zero)]) == [.invalidRequest, .invalidRequest])
            let both = try await delete([("made", .zero), (nil, id), ("other", .zero)])
            #expect(both == [.invalidRequest, .invalidRequest, .none])
            #expect(try await delete([(nil, id), (nil, id)]) == [.invalidRequest])
            #expect(try await delete([(nil, id), ("other", .zero)]) == [.none, .unknownTopicOrPartition])
        }
    }

    @Test("who only wants to know is told what who wants it done is told, and nothing is done")
    func validateOnly() async throws {
        try await SecureListener.run { listener in
            let client = try await listener.client()
            #expect(try await client.create("made") == ErrorCode.none)
            let epoch = listener.log.topicsEpoch
            for validateOnly in [true, false] {
                let many = try await client.create("many", partitions: 101, validateOnly: validateOnly)
                #expect(many == .policyViolation)
                #expect(try await client.create("made", validateOnly: validateOnly) == .topicAlreadyExists)
                let grown: [(String, Int32, ErrorCode)] = [
                    ("plain", 5, .policyViolation), ("made", 102, .policyViolation), ("made", 1, .invalidPartitions),
                    ("made", -1, .invalidPartitions), ("absent", 2, .unknownTopicOrPartition),
                ]
                for (name, count, code) in grown {
                    #expect(try await client.grow(name, to: count, validateOnly: validateOnly) == code, "\(name)")
                }
                let code = try await client.alter("plain", [("retention.ms", "1")], validateOnly: validateOnly)
                #expect(code == .policyViolation)
            }
            #expect(try await client.create("other", validateOnly: true) == ErrorCode.none)
            #expect(try await client.grow("made", to: 2, validateOnly: true) == ErrorCode.none)
            #expect(try await client.alter("made", [("retention.ms", "1")], validateOnly: true) == ErrorCode.none)
            // No answer describes more topics than could be made.
            client.sendCreate((0..<300).map { "other-\($0)" }, validateOnly: true)
            let codes = try await client.answers().map(\.code)
            #expect(codes.prefix(256).allSatisfy { $0 == .none })
            #expect(codes.dropFirst(256).allSatisfy { $0 == .throttlingQuotaExceeded } && codes.count == 300)
            #expect(listener.log.topicsEpoch == epoch)
        }
    }

    @Test("as many topics as a request may name are answered, each")
    func many() async throws {
        try await SecureListener.run { listener in
            let client = try await listener.client()
            let names = (0..<19_000).map { "/\($0)" }
            client.sendCreate(names)
            let answers = try await client.answers()
            #expect(answers.count == names.count && answers.allSatisfy { $0.code == .invalidTopicException })
            #expect(try await client.topics((0..<19_000).map { "absent-\($0)" }).count == names.count)
        }
    }

    @Test("what a user may do is said as bits, to who asks")
    func operations() async throws {
        func cluster(_ client: FrameClient, asks: Bool) async throws -> Int32 {
            client.send(.describeCluster, 0, isFlexible: true) { writer in
                writer.boolean(asks)
                writer.emptyTaggedFields()
            }
            var reader = try #require(try await client.response(isFlexible: true))
            _ = (try reader.int32(), try reader.int16(), try reader.nullableString(), try reader.string())
            _ = (try reader.int32(), try reader.unsignedVarint(), try reader.int32(), try reader.string())
            _ = (try reader.int32(), try reader.nullableString(), try reader.skipTaggedFields())
            return try reader.int32()
        }
        /// Of a topic, and of the cluster.
        func metadata(_ client: FrameClient, _ name: String, asks: Bool) async throws -> [Int32] {
            client.send(.metadata, 8) { writer in
                writer.arrayLength(1)
                writer.string(name)
                for flag in [false, asks, asks] { writer.boolean(flag) }
            }
            var reader = try #require(try await client.response())
            for _ in 0..<3 { _ = try reader.int32() }
            _ = (try reader.string(), try reader.int32(), try reader.nullableString(), try reader.nullableString())
            _ = (try reader.int32(), try reader.int32(), try reader.int16(), try reader.string(), try reader.boolean())
            for _ in 0..<(try reader.int32()) {
                _ = (try reader.int16(), try reader.int32(), try reader.int32(), try reader.int32())
                for _ in 0..<3 {
                    for _ in 0..<(try reader.int32()) { _ = try reader.int32() }
                }
            }
            return [try reader.int32(), try reader.int32()]
        }
        func bits(_ numbers: [Int32]) -> Int32 { numbers.reduce(0) { $0 | 1 << $1 } }
        try await SecureListener.run { listener in
            let client = try await listener.client()
            #expect(try await client.create("made") == ErrorCode.none)
            #expect(try await cluster(client, asks: false) == .min)
            #expect(try await cluster(client, asks: true) == bits([5, 8, 10, 12]))
            #expect(try await metadata(client, "made", asks: false) == [.min, .min])
            let all = [bits([3, 4, 5, 6, 7, 8, 10, 11]), bits([5, 8, 10, 12])]
            #expect(try await metadata(client, "made", asks: true) == all)
            // The configuration file has it.
            #expect(try await metadata(client, "plain", asks: true).first == bits([3, 4, 5, 8, 10]))
            let read = KafkaPermission(user: "*", topics: ["made"], allow: [.read])
            try listener.server.apply(tls: nil, users: nil, permissions: [read])
            let reader = try await listener.client()
            #expect(try await metadata(reader, "made", asks: true) == [bits([3, 8, 10]), bits([8, 10, 12])])
            #expect(try await metadata(reader, "plain", asks: true).first == .min)
        }
    }
}
