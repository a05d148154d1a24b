// Topics that commands make, change and delete while no daemon runs.
import Appliance
import CommitLog
import Foundation
import HTTPAPI
import Platform
import Testing

@Suite("Topics without a daemon")
struct OfflineTopicTests {
    /// A data directory with a log that a daemon has left; removed when the last reference goes.
    private final class LeftLog {
        let directory = FileManager.default.temporaryDirectory.path + "/forebay-topics-\(UUID().uuidString.prefix(8))"

        init() throws {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
            let log = try CommitLog.open(
                LogConfiguration(directory: directory, topics: [.readings: TopicConfiguration()]),
                disk: PosixDisk(),
                clock: SystemClock(),
                access: .readWrite
            )
            log.makeWriter().close()
        }

        deinit { try? FileManager.default.removeItem(atPath: directory) }

        /// As one command does, with the box of its own.
        func command<Value>(_ body: (BoxAccess) async throws -> Value) async throws -> Value {
            let box = try BoxAccess(data: directory)
            do {
                let value = try await body(box)
                await box.close()
                return value
            } catch {
                await box.close()
                throw error
            }
        }

        /// Exit code and words of a command that must be refused.
        func refusal(_ body: (BoxAccess) async throws -> TopicDocument) async throws -> CommandFailure {
            do {
                let document = try await command(body)
                Issue.record("not refused: \(document)")
                return CommandFailure(0, "")
            } catch let failure as CommandFailure {
                return failure
            }
        }

        func names() async throws -> [String] {
            try await command { try await $0.topics().topics.map(\.topic) }
        }
    }

    @Test("are made with defaults and settings, changed and deleted, each by a command of its own")
    func changes() async throws {
        let left = try LeftLog()
        let made = try await left.command { try await $0.createTopic("plain", TopicSettings()) }
        #expect(made.partitions.count == 1)
        #expect(made.configuration["retention"] == "7d" && made.configuration["cleanup"] == "delete")
        let settings = TopicSettings(
            partitions: 3,
            retention: "90m",
            retentionBytes: "1GiB",
            compression: "zstd",
            onFull: "drop_oldest"
        )
        _ = try await left.command { try await $0.createTopic("orders", settings) }
        let orders = try await left.command { try await $0.topic("orders") }
        #expect(orders.partitions.map(\.partition) == [0, 1, 2])
        #expect(
            orders.configuration == [
                "partitions": "3", "retention": "1h30m", "retention_bytes": "1GiB", "compression": "zstd",
                "cleanup": "delete", "on_full": "drop_oldest", "configured": "false",
            ]
        )
        _ = try await left.command {
            try await $0.alterTopic("orders", TopicSettings(partitions: 4, retention: "none", onFull: "refuse"))
        }
        let altered = try await left.command { try await $0.topic("orders") }
        #expect(altered.partitions.count == 4)
        #expect(altered.configuration["retention"] == nil && altered.configuration["on_full"] == "refuse")
        #expect(altered.configuration["retention_bytes"] == "1GiB" && altered.configuration["compression"] == "zstd")
        let deleted = try await left.command { try await $0.deleteTopic("orders") }
        #expect(deleted.partitions.count == 4)
        #expect(try await left.names() == ["plain", "readings"])
        let logs = try FileManager.default.contentsOfDirectory(atPath: left.directory + "/log").sorted()
        #expect(logs.filter { !$0.hasPrefix("orders") } == logs, "\(logs)")
    }

    @Test(
        "of the configuration are refused with where they stand",
        arguments: ["readings", "alerts", "rejected", "system", "gaps", "operations"]
    )
    func configured(topic: String) async throws {
        let left = try LeftLog()
        var refusals = [try await left.refusal { try await $0.createTopic(topic, TopicSettings()) }]
        if topic == "readings" {
            refusals.append(try await left.refusal { try await $0.alterTopic(topic, TopicSettings(retention: "1d")) })
            refusals.append(try await left.refusal { try await $0.deleteTopic(topic) })
        }
        for refusal in refusals {
            #expect(refusal.status == ExitStatus.usage)
            #expect(refusal.description.contains("log.topics.\(topic)"), "\(refusal)")
        }
        #expect(try await left.names() == ["readings"])
    }

    @Test(
        "are not made with what cannot be, and the sentence says what",
        arguments: [
            (TopicSettings(partitions: 0), "one partition or more"), (TopicSettings(partitions: 1001), "partitions"),
            (TopicSettings(partitions: .max), "partitions"),
            (TopicSettings(retention: "7"), "its unit is missing"), (TopicSettings(retention: "1s"), "out of range"),
            (TopicSettings(retentionBytes: "1GB"), "expected a size"), (TopicSettings(cleanup: "compct"), "compact"),
            (TopicSettings(compression: "gzip"), "unknown compression"), (TopicSettings(onFull: "drop"), "drop"),
            (TopicSettings(retention: "1d", cleanup: "compact"), "`retention` is not for a topic"),
            (TopicSettings(cleanup: "compact", onFull: "drop_oldest"), "is not for a topic"),
        ]
    )
    func badSettings(settings: TopicSettings, words: String) async throws {
        let left = try LeftLog()
        let refusal = try await left.refusal { try await $0.createTopic("orders", settings) }
        #expect(refusal.status == ExitStatus.usage)
        #expect(refusal.description.contains(words), "\(refusal)")
        #expect(try await left.names() == ["readings"])
    }

    @Test("have names that are safe, are made once, are known, and only grow")
    func refusals() async throws {
        let left = try LeftLog()
        for name in ["", "..", "a/b", String(repeating: "x", count: 250)] {
            #expect(try await left.refusal { try await $0.createTopic(name, TopicSettings()) }.status == 64)
        }
        _ = try await left.command { try await $0.createTopic("orders", TopicSettings(partitions: 2)) }
        let again = try await left.refusal { try await $0.createTopic("orders", TopicSettings()) }
        #expect(again.status == 64 && again.description.contains("exists"), "\(again)")
        let fewer = try await left.refusal { try await $0.alterTopic("orders", TopicSettings(partitions: 1)) }
        #expect(fewer.status == 64 && fewer.description.contains("only grow"), "\(fewer)")
        #expect(try await left.refusal { try await $0.alterTopic("nobody", TopicSettings()) }.status == 66)
        #expect(try await left.refusal { try await $0.deleteTopic("nobody") }.status == 66)
        #expect(try await left.command { try await $0.topic("orders") }.partitions.count == 2)
    }

    @Test("are not changed past somebody who has the directory")
    func locked() async throws {
        let left = try LeftLog()
        let box = try BoxAccess(data: left.directory)
        let lock = try DirectoryLock(dataDirectory: left.directory)
        let failure = await #expect(throws: CommandFailure.self) {
            try await box.createTopic("orders", TopicSettings())
        }
        #expect(failure?.status == ExitStatus.cannotCreate)
        withExtendedLifetime(lock) {}
        await box.close()
    }

    @Test("are not made where there is no log yet, whose format the daemon decides")
    func empty() async throws {
        let left = try LeftLog()
        try FileManager.default.removeItem(atPath: left.directory + "/log")
        try FileManager.default.removeItem(atPath: left.directory + "/FORMAT")
        #expect(try await left.refusal { try await $0.createTopic("orders", TopicSettings()) }.status == 66)
        #expect(!FileManager.default.fileExists(atPath: left.directory + "/log"))
    }

    @Test("groups are read from the log, and changed by a daemon only")
    func groups() async throws {
        let left = try LeftLog()
        #expect(try await left.command { try await $0.groups() }.isEmpty)
        let unknown = await #expect(throws: CommandFailure.self) {
            try await left.command { try await $0.group("nobody") }
        }
        #expect(unknown?.status == ExitStatus.noInput)
        let reset = await #expect(throws: CommandFailure.self) {
            let request = GroupResetRequest(topic: "readings", to: "earliest")
            return try await left.command { try await $0.resetGroup("g", request) }
        }
        #expect(reset?.status == ExitStatus.unavailable)
        let deletion = await #expect(throws: CommandFailure.self) {
            try await left.command { try await $0.deleteGroup("g") }
        }
        #expect(deletion?.status == ExitStatus.unavailable)
    }
}
