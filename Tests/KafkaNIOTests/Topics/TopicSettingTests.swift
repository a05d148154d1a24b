// The settings of clients' topics: what is taken, kept and described, and what is refused.
import CommitLog
import KafkaNIO
import KafkaProtocol
import NIOCore
import Platform
import Testing

@Suite("Settings of topics at the Kafka listener", .serialized, .timeLimit(.minutes(2)))
struct TopicSettingTests {
    @Test("what conformance suites set is taken, described back, and gone when it is reset")
    func kept() async throws {
        try await SecureListener.run { listener in
            let client = try await listener.client()
            let made: [(String, String?)] = [("compression.type", "lz4"), ("delete.retention.ms", "900")]
            #expect(try await client.create("made", made) == ErrorCode.none)
            var settings = try await client.settings("made")
            #expect(settings["compression.type"] == DescribedSetting(value: "lz4", source: .topic))
            #expect(settings["delete.retention.ms"] == DescribedSetting(value: "900", source: .topic))
            #expect(settings["file.delete.delay.ms"] == DescribedSetting(value: "60000", source: .default))
            #expect(settings["segment.ms"] == DescribedSetting(value: "604800000", source: .default))

            let whole: [(String, String?)] = [("compression.type", "snappy"), ("file.delete.delay.ms", " 12345 ")]
            #expect(try await client.alter("made", whole) == ErrorCode.none)
            settings = try await client.settings("made")
            #expect(settings["compression.type"]?.value == "snappy")
            #expect(settings["file.delete.delay.ms"] == DescribedSetting(value: "12345", source: .topic))
            // AlterConfigs is the whole of it.
            #expect(settings["delete.retention.ms"] == DescribedSetting(value: "86400000", source: .default))

            let single: [(ConfigOperation, String, String?)] = [
                (.set, "flush.ms", "12345678"), (.set, "unclean.leader.election.enable", "TRUE"),
                (.delete, "compression.type", nil),
            ]
            #expect(try await client.alter("made", single) == ErrorCode.none)
            settings = try await client.settings("made")
            #expect(settings["flush.ms"]?.value == "12345678")
            #expect(settings["unclean.leader.election.enable"]?.value == "true")
            #expect(settings["compression.type"] == DescribedSetting(value: "producer", source: .default))
            #expect(settings["file.delete.delay.ms"]?.value == "12345")
        }
    }

    @Test(
        "unknown names, bad values and promises that are not kept are refused, and nothing is changed",
        arguments: [
            ("dummy.doesntexist", "x"), ("compression.type", "lzma"), ("compression.type", ""), ("flush.messages", "0"),
            ("flush.ms", "-1"), ("flush.ms", "9223372036854775808"), ("segment.ms", "0"), ("segment.ms", "soon"),
            ("index.interval.bytes", "2147483648"), ("min.cleanable.dirty.ratio", "1.5"),
            ("min.cleanable.dirty.ratio", "nan"), ("preallocate", "yes"), ("segment.index.bytes", "3"),
            ("compression.gzip.level", "0"), ("leader.replication.throttled.replicas", "0:a"),
            ("message.timestamp.type", "LogAppendTime"), ("min.insync.replicas", "2"), ("max.message.bytes", "2000000"),
            ("delete.retention.ms", "86400001"), ("remote.storage.enable", "true"), ("min.compaction.lag.ms", "1"),
            ("cleanup.policy", "compact,delete"), ("cleanup.policy", ""), ("retention.ms", "-2"),
            ("leader.replication.throttled.replicas", (0..<900).map { "\($0):0" }.joined(separator: ",")),
        ]
    )
    func refused(name: String, value: String) async throws {
        try await SecureListener.run { listener in
            let client = try await listener.client()
            for validateOnly in [true, false] {
                let code = try await client.create("bad", [(name, value)], validateOnly: validateOnly)
                #expect(code == .invalidConfig)
            }
            #expect(try await client.create("made", [("retention.ms", "7")]) == ErrorCode.none)
            let before = try await client.settings("made")
            for validateOnly in [true, false] {
                let code = try await client.alter("made", [(name, value)], validateOnly: validateOnly)
                #expect(code == .invalidConfig)
            }
            #expect(try await client.alter("made", [(.set, name, value)]) == .invalidConfig)
            #expect(try await client.settings("made") == before)
        }
    }

    @Test("items are added to lists and taken from them, and of nothing else")
    func lists() async throws {
        try await SecureListener.run { listener in
            let client = try await listener.client()
            #expect(try await client.create("made", [("cleanup.policy", "compact")]) == ErrorCode.none)
            func policy() async throws -> String? { try await client.settings("made")["cleanup.policy"]?.value }
            let policies: [(ConfigOperation, String, ErrorCode)] = [
                (.append, "compact", .none), (.subtract, "delete", .none), (.append, "delete", .invalidConfig),
                (.subtract, "compact", .invalidConfig), (.set, "compact, compact", .none),
            ]
            for (operation, value, code) in policies {
                #expect(try await client.alter("made", [(operation, "cleanup.policy", value)]) == code)
                #expect(try await policy() == "compact")
            }
            let replicas = "follower.replication.throttled.replicas"
            let lists: [(ConfigOperation, String, String)] = [
                (.append, "0:1", "0:1"), (.append, "1:2,0:1", "0:1,1:2"), (.subtract, "0:1,7:7", "1:2"),
                (.subtract, "1:2", ""),
            ]
            for (operation, value, list) in lists {
                #expect(try await client.alter("made", [(operation, replicas, value)]) == ErrorCode.none)
                #expect(try await client.settings("made")[replicas]?.value == list)
            }
            for operation in [ConfigOperation.append, .subtract] {
                for name in ["retention.ms", "compression.type", "nothing"] {
                    #expect(try await client.alter("made", [(operation, name, "1")]) == .invalidConfig)
                }
            }
        }
    }

    @Test("an empty list of names asks for all settings, as none does, and a name for one")
    func names() async throws {
        try await SecureListener.run { listener in
            let client = try await listener.client()
            let all = try #require(try await client.describe(["plain"]).first).1
            #expect(all.count > 30)
            #expect(try #require(try await client.describe(["plain"], keys: []).first).1 == all)
            let one = try #require(try await client.describe(["plain"], keys: ["retention.ms", "nothing"]).first).1
            #expect(Array(one.keys) == ["retention.ms"])
        }
    }

    @Test("what Kafka has no setting for stays as it was when all settings are replaced")
    func replaced() async throws {
        try await SecureListener.run { listener in
            let client = try await listener.client()
            let name = try #require(TopicName("made"))
            let made = TopicConfiguration(partitions: 2, compression: .zstd, onFull: .dropOldest)
            let code: LogError.Code? = await withCheckedContinuation { answer in
                listener.log.change(.create(name, made, id: .random())) { result in
                    if case .failure(let error) = result { answer.resume(returning: error.code) }
                    if case .success = result { answer.resume(returning: nil) }
                }
            }
            #expect(code == nil)
            #expect(try await client.alter("made", [("segment.ms", "7")]) == ErrorCode.none)
            var wanted = made
            wanted.retention = .seconds(7 * 86_400)
            wanted.inertSettings = ["segment.ms": "7"]
            #expect(listener.log.topic(name)?.configuration == wanted)
        }
    }

    @Test("each of more partitions keeps as much as one did before")
    func growth() async throws {
        try await SecureListener.run { listener in
            let client = try await listener.client()
            #expect(try await client.create("made", [("retention.bytes", "1000")], partitions: 2) == ErrorCode.none)
            for count: Int32 in [3, 7] {
                #expect(try await client.grow("made", to: count) == ErrorCode.none)
                #expect(try await client.settings("made")["retention.bytes"]?.value == "1000")
                let topic = try #require(listener.log.topics.first { $0.name.text == "made" })
                #expect(topic.configuration.retentionBytes?.value == 1000 * Int64(count))
            }
        }
    }

    @Test("changes that overlap all count, whatever was in force when they were asked for")
    func overlap() async throws {
        try await SecureListener.run { listener in
            let client = try await listener.client()
            #expect(try await client.create("made", [("retention.ms", "1000")]) == ErrorCode.none)
            // Sent without waiting for answers: the log is at the first when the others are planned.
            client.sendGrow(["made"], to: 20)
            client.sendIncremental(["made"], [(.set, "retention.ms", "2000")])
            client.sendIncremental(["made"], [(.set, "segment.bytes", "1048576")])
            #expect(try await client.answers() == [TopicAnswer("made", .none)])
            for _ in 0..<2 { #expect(try await client.alterations() == [TopicAnswer("made", .none)]) }
            var settings = try await client.settings("made")
            #expect(settings["retention.ms"]?.value == "2000" && settings["segment.bytes"]?.value == "1048576")
            #expect(listener.log.topics.first { $0.name.text == "made" }?.partitions.count == 20)

            client.sendGrow(["made"], to: 40)
            client.sendAlter(["made"], [("retention.bytes", "500")])
            #expect(try await client.answers() == [TopicAnswer("made", .none)])
            #expect(try await client.alterations() == [TopicAnswer("made", .none)])
            settings = try await client.settings("made")
            #expect(settings["retention.bytes"]?.value == "500" && settings["retention.ms"]?.source == .default)
        }
    }
}
