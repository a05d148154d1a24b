// Losses that nobody has to look for: each is a record in topic `gaps`, and damage and a read-only start are alerts.
import Foundation
import Testing

extension EndToEndTests {
    @Suite("Losses are told")
    struct LossTests {
        private func configuration(_ port: UInt16, _ more: String = "") -> String {
            """
            log: { segment_bytes: 64KiB, topics: { readings: { compression: none } } }
            inputs: { lan: { type: udp, listen: "127.0.0.1:\(port)", format: json } }
            \(more)

            """
        }

        private func hook(_ receiver: WebhookReceiver) -> String {
            "hooks: { pager: { type: webhook, url: \"\(receiver.url("/ok"))\" } }"
        }

        /// Sends datagrams with one reading each until topic readings has `count` closed segments; their paths.
        private func fill(_ box: Box, _ port: UInt16, segments count: Int) async throws -> [String] {
            let socket = try DatagramSocket(port: port)
            let state = String(repeating: "x", count: 60)
            let states = (0..<50).map { "\"s\($0)\":\"\(state)\"" }.joined(separator: ",")
            let directory = box.data + "/log/readings-0"
            var sent = 0
            while true {
                let names = try FileManager.default.contentsOfDirectory(atPath: directory)
                let logs = names.filter { $0.hasSuffix(".log") }.sorted()
                if logs.count > count { return logs.prefix(count).map { "\(directory)/\($0)" } }
                try socket.send("{\"device\":\"d\",\"temperature\":\(sent),\(states)}")
                sent += 1
                let expected = Double(sent)
                try await eventually("datagram \(sent) is stored") {
                    try await box.metric("forebay_input_appended_total") == expected
                }
            }
        }

        private func gaps(_ box: Box, kind: String, consumer: String?) throws -> [[String: Any]] {
            try box.records("gaps").compactMap { $0["value"] as? [String: Any] }.filter {
                $0["kind"] as? String == kind && $0["consumer"] as? String == consumer
            }
        }

        /// Whether a start over a log of which one byte was turned, or none, tells of damage in every way that it has.
        private func tellsOfDamage(_ bench: Workbench, turning: Bool) async throws -> Bool {
            let receiver = try await WebhookReceiver(bench)
            let port = try freePort(SOCK_DGRAM)
            let box = try Box(bench, configuration: configuration(port, hook(receiver)))
            let first = try await box.start()
            let path = try await fill(box, port, segments: 2)[0]
            first.kill(SIGTERM)
            #expect(try await first.exitCode() == 0)
            let stored = try box.records("readings").count
            if turning {
                var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
                bytes[bytes.count / 2] ^= 0x10
                try bytes.write(to: URL(fileURLWithPath: path))
            }

            let second = try await box.start()
            // A reader meets it.
            let served = try box.records("readings").count
            guard turning else {
                // The daemon looks for repairs every five seconds: by then a false one would be told.
                try await Task.sleep(for: .seconds(6))
                #expect(served == stored)
                return try !box.records("alerts").isEmpty || !receiver.requests("/ok").isEmpty
            }
            #expect(served == stored - 1)
            try await eventually("the pager is told") { try receiver.requests("/ok").count == 1 }
            let alert = try #require(try receiver.requests("/ok")[0].alerts.first)
            #expect((alert["labels"] as? [String: String])?["alertname"] == "LogDamage")
            let record = try #require(try box.records("alerts").first?["value"] as? [String: Any])
            #expect(record["alert"] as? String == "LogDamage" && record["state"] as? String == "firing")
            let gap = try #require(try gaps(box, kind: "damage", consumer: nil).first)
            #expect(gap["partition"] as? String == "readings-0" && gap["count"] as? Int == 1)
            let summary = try #require(record["summary"] as? String)
            let from = try #require(gap["from"] as? Int)
            #expect(gap["to"] as? Int == from && summary.contains("offsets \(from) up to \(from + 1)"))
            #expect(try await box.metric("forebay_log_lost_offsets_total") == 1)
            #expect(try await box.get("/api/v1/alerts").contains("LogDamage"))
            second.kill(SIGTERM)
            #expect(try await second.exitCode() == 0)

            _ = try await box.start()
            try await eventually("the next start ends it") {
                try receiver.requests("/ok").map(\.status) == ["firing", "resolved"]
            }
            return true
        }

        @Test("a turned byte in a closed segment is an alert, a gap with its offset, a count, and a call of the hook")
        func damage() async throws {
            try await Workbench.use { bench in
                let told = try await tellsOfDamage(bench, turning: true)
                #expect(told)
            }
        }

        @Test("a whole log tells of no damage")
        func noDamage() async throws {
            try await Workbench.use { bench in
                let told = try await tellsOfDamage(bench, turning: false)
                #expect(!told)
            }
        }

        @Test("a start that only reads is an alert, and the hooks are told")
        func readOnly() async throws {
            try await Workbench.use { bench in
                let receiver = try await WebhookReceiver(bench)
                let port = try freePort(SOCK_DGRAM)
                let box = try Box(bench, configuration: configuration(port, hook(receiver)))
                let first = try await box.start()
                first.kill(SIGTERM)
                #expect(try await first.exitCode() == 0)
                let now = Int(Date().timeIntervalSince1970 * 1000)
                let lines = (0..<3).map { "\(now - $0 * 1000) sync x: Input/output error (errno 5)\n" }.joined()
                try Data(lines.utf8).write(to: URL(fileURLWithPath: box.data + "/disk-failures"))
                _ = try await box.start(ready: false)
                try await eventually("the pager is told") { try receiver.requests("/ok").count == 1 }
                let alert = try #require(try receiver.requests("/ok")[0].alerts.first)
                #expect((alert["labels"] as? [String: String])?["alertname"] == "LogReadOnly")
                let summary = (alert["annotations"] as? [String: String])?["summary"] ?? ""
                #expect(summary.contains("disk-failures"), "\(summary)")
                try await eventually("the API shows it") {
                    (try? await box.get("/api/v1/alerts"))?.contains("LogReadOnly") == true
                }
            }
        }

        @Test("readings that retention took before rules had read them are a gap of the rules")
        func retentionBeforeRules() async throws {
            try await Workbench.use { bench in
                let port = try freePort(SOCK_DGRAM)
                let box = try Box(
                    bench,
                    configuration: configuration(
                        port,
                        "rules: [ { alert: TooWarm, match: { metric: temperature }, above: 1000000 } ]"
                    )
                )
                // The rules' state is saved where nothing has been read.
                let first = try await box.start()
                first.kill(SIGTERM)
                #expect(try await first.exitCode() == 0)
                // Killed, they have not saved another one.
                let second = try await box.start()
                let paths = try await fill(box, port, segments: 3)
                second.kill(SIGKILL)
                _ = try await second.exitCode()
                // As retention leaves segments on a disk that is full to the last byte: emptied, without indexes.
                for path in paths.prefix(2) {
                    let stem = path.dropLast(".log".count)
                    for ending in [".index", ".timeindex"] { try FileManager.default.removeItem(atPath: stem + ending) }
                    try Data().write(to: URL(fileURLWithPath: path))
                }
                let name = try #require(paths[2].split(separator: "/").last)
                let end = try #require(Int(name.dropLast(".log".count)))

                _ = try await box.start()
                #expect(try await box.metric("forebay_log_start_offset", "readings") == Double(end))
                try await eventually("the gap is written") {
                    try !gaps(box, kind: "retention", consumer: "rules").isEmpty
                }
                let gap = try #require(try gaps(box, kind: "retention", consumer: "rules").first)
                #expect(gap["partition"] as? String == "readings-0")
                #expect(gap["from"] as? Int == 0 && gap["to"] as? Int == end - 1 && gap["count"] as? Int == end)
            }
        }

        @Test("messages that the broker drops, for whichever client, are a gap of the input")
        func brokerDropped() async throws {
            try await Workbench.use { bench in
                let broker = try Broker(bench, more: "max_queued_messages 5\nsys_interval 1")
                _ = try await broker.start()
                let box = try Box(
                    bench,
                    configuration: """
                        inputs:
                          plant: { type: mqtt, url: "mqtt://127.0.0.1:\(broker.port)", subscribe: ["plant/{device}"] }
                        """
                )
                _ = try await box.start()
                try await eventually("the input has heard how many there were") {
                    try await box.get("/api/v1/status").contains("broker_dropped")
                }
                // A client with a session that is away: the broker keeps five messages for it.
                let port = "\(broker.port)"
                let away = try Command.run(
                    "/usr/bin/mosquitto_sub",
                    ["-p", port, "-i", "away", "-c", "-q", "1", "-t", "elsewhere", "-E"]
                )
                #expect(away.status == 0, "\(away.error)")
                let messages = (0..<50).map { "\($0)\n" }.joined()
                let sent = try Command.run(
                    "/usr/bin/mosquitto_pub",
                    ["-p", port, "-q", "1", "-t", "elsewhere", "-l"],
                    input: Data(messages.utf8)
                )
                #expect(sent.status == 0, "\(sent.error)")
                func count() throws -> Int {
                    try gaps(box, kind: "broker_dropped", consumer: nil).compactMap { $0["count"] as? Int }
                        .reduce(0, +)
                }
                try await eventually("what the broker dropped is in topic gaps") { try count() == 45 }
                #expect(try await box.metric("forebay_input_gaps_total", "broker_dropped") == 45)
                #expect(
                    try gaps(box, kind: "broker_dropped", consumer: nil).allSatisfy {
                        $0["input"] as? String == "plant"
                    }
                )
                // Other clients' messages are no payloads of ours.
                #expect(try await box.metric("forebay_input_received_total") == 0)
            }
        }
    }
}
