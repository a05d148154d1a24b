// What Kafka's clients write, read, ask and change, against the daemon.
import Foundation
import Testing

extension EndToEndTests {
    @Suite("Kafka clients")
    struct KafkaClientTests {
        private func stop(_ daemon: Child) async throws {
            daemon.kill(SIGTERM)
            #expect(try await daemon.exitCode() == 0)
        }

        /// The segments of the topics whose names begin so, by topic.
        private func segments(_ box: Box, _ prefix: String) throws -> [String: [String]] {
            let root = URL(fileURLWithPath: box.data).appendingPathComponent("log")
            let directories = try FileManager.default.contentsOfDirectory(at: root, includingPropertiesForKeys: nil)
            var found: [String: [String]] = [:]
            for directory in directories where directory.lastPathComponent.hasPrefix(prefix) {
                let files = try FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)
                found[directory.lastPathComponent] = files.filter { $0.pathExtension == "log" }.map(\.path).sorted()
            }
            return found
        }

        @Test("every client, codec and kind of acknowledgement: read back byte for byte by every client and by tail")
        func codecs() async throws {
            try await Workbench.use { bench in
                let box = try Box(bench, configuration: "inputs: {}\n" + KafkaScript.automaticTopics)
                let daemon = try await box.start()
                let forebay = Workbench.binaries.appendingPathComponent("forebay").path
                let seen = try KafkaScript.run("codecs", [box.brokers, "--tail", forebay, box.data])
                #expect(seen["topics"] as? Int == 12)
                #expect(seen["readers"] as? Int == 4)
                try await stop(daemon)
                _ = try box.command(["log", "verify", "--data", box.data])
                // The codecs were not only asked for: they are in the files.
                let topics = try segments(box, "codecs-")
                #expect(topics.count == 12)
                for (topic, files) in topics {
                    let run = try Command.run(Workbench.python, [Workbench.script("read_segments.py")] + files)
                    try #require(run.status == 0, "\(run.error)")
                    var codecs: Set<Int> = []
                    for line in run.output.split(separator: "\n") {
                        let file = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
                        codecs.formUnion(try #require(file?["codecs"] as? [Int]))
                    }
                    #expect(codecs == [0, 1, 2, 3, 4], "\(topic)")
                }
            }
        }

        @Test("offsets for times, ends, seeking, and what comes beyond the end")
        func positions() async throws {
            try await Workbench.use { bench in
                let box = try Box(bench, configuration: "inputs: {}\n")
                let daemon = try await box.start()
                let seen = try KafkaScript.run("offsets", [box.brokers])
                #expect((seen["answers"] as? [String: Int])?.count == 4)
                try await stop(daemon)
            }
        }

        @Test("topics are made, altered, grown, cut and deleted; Forebay's own ones are safe")
        func administration() async throws {
            try await Workbench.use { bench in
                let box = try Box(bench, configuration: "inputs: {}\n")
                let daemon = try await box.start()
                let seen = try KafkaScript.run("admin", [box.brokers])
                // Six topics that no client may write, and four clients.
                #expect(seen["writes"] as? Int == 24)
                try await stop(daemon)
                _ = try box.command(["log", "verify", "--data", box.data])
            }
        }

        @Test("large batches and many partitions")
        func large() async throws {
            try await Workbench.use { bench in
                let box = try Box(bench, configuration: "inputs: {}\n" + KafkaScript.automaticTopics)
                let daemon = try await box.start()
                let seen = try KafkaScript.run("load", [box.brokers, "large", "partitions"])
                #expect((seen["large"] as? [String: Int])?["read"] == 80)
                try await stop(daemon)
                _ = try box.command(["log", "verify", "--data", box.data])
            }
        }

        @Test("a consumer that reads nothing is let go, one that reads slowly is not, and others notice neither")
        func slow() async throws {
            try await Workbench.use { bench in
                let box = try Box(bench, configuration: "inputs: {}\n" + KafkaScript.automaticTopics)
                let daemon = try await box.start()
                let seen = try KafkaScript.run("load", [box.brokers, "slow"])
                let slow = try #require(seen["slow"] as? [String: Int])
                #expect((slow["rounds of others"] ?? 0) > 2)
                try await stop(daemon)
            }
        }

        @Test("readings arrive as they come, in order and once, at every client")
        func live() async throws {
            try await Workbench.use { bench in
                let port = try freePort(SOCK_DGRAM)
                let box = try Box(
                    bench,
                    configuration: "inputs: { lan: { type: udp, listen: \"127.0.0.1:\(port)\", format: json } }\n"
                )
                let daemon = try await box.start()
                let seen = try KafkaScript.run("live", [box.brokers, "\(port)", "4000"])
                #expect(seen["readings"] as? Int == 4000)
                try await stop(daemon)
            }
        }
    }
}
