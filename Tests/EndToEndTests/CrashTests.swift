// Kill -9 at random moments: what the broker saw acknowledged, and what a reader saw, is in the log, and one edge of an
// alert stands there once.
import Foundation
import Testing

extension EndToEndTests {
    @Suite("Kill -9")
    struct CrashTests {
        /// What a run of kills came to; printed as one line of JSON.
        struct Outcome: Encodable {
            var seed: UInt64
            var planned: Int
            var kills = 0
            /// Messages that the broker saw acknowledged, and those of them that are not in the log.
            var acknowledged = 0
            var missing = 0
            /// Records that a reader had seen before a kill, and those of them that were gone or others after it.
            var seen = 0
            var changed = 0
            /// Records of one device that stand behind later ones.
            var reordered = 0

            func report() throws {
                let encoder = JSONEncoder()
                encoder.outputFormatting = .sortedKeys
                print(String(decoding: try encoder.encode(self), as: UTF8.self))
            }
        }

        private static let rounds =
            ProcessInfo.processInfo.environment["FOREBAY_ROUNDS"].flatMap { Int($0) } ?? 20
        private static let plantedRounds = 10

        private func start(_ bench: Workbench, _ broker: Broker) throws -> Box {
            let port = try freePort(SOCK_DGRAM)
            try bench.write("port", "\(port)")
            return try Box(
                bench,
                configuration: """
                    inputs:
                      plant:
                        type: mqtt
                        url: mqtt://127.0.0.1:\(broker.port)
                        subscribe: ["plant/{device}"]
                        receive_maximum: 500
                      lan: { type: udp, listen: "127.0.0.1:\(port)", format: json, device_prefix: lan- }
                      mast: { type: serial, port: "\(bench.path("mast"))", format: json, device_prefix: mast- }
                    log: { topics: { readings: { retention_bytes: 64GiB } } }

                    """
            )
        }

        /// Fleets over all three inputs, until they are stopped.
        private func fleets(_ bench: Workbench, _ broker: Broker, seed: UInt64) throws -> [Child] {
            let common = ["--seed", "\(seed)", "--devices", "20"]
            let mqtt = [
                "mqtt", "--port", "\(broker.port)", "--topic", "plant/{device}", "--rate", "2000",
                "--acknowledged-file", bench.path("acknowledged"),
            ]
            let port = try String(contentsOfFile: bench.path("port"), encoding: .utf8)
            let udp = ["udp", "--port", port, "--rate", "1000"]
            let serial = ["serial", "--pty", bench.path("mast"), "--format", "json", "--rate", "300"]
            return try [("plant", mqtt), ("lan", udp), ("mast", serial)].map { name, arguments in
                try bench.simulate(name, arguments + common)
            }
        }

        /// Kills the daemon `rounds` times under load from all inputs; after each kill, everything that a reader had seen is
        /// there, and at the end every message that the broker took over. A power cut belongs to each kill: what was not
        /// synced is gone (`Tests/Shims/PowerCut`).
        private func run(_ bench: Workbench, mode: String, rounds: Int) async throws -> Outcome {
            var random = TestRandom()
            var outcome = Outcome(seed: random.seed, planned: rounds)
            let broker = try Broker(bench)
            _ = try await broker.start()
            let box = try start(bench, broker)
            let control = ControlSocket(path: "\(box.data)/control.sock")
            let shim = ["LD_PRELOAD": Workbench.shim("PowerCut"), "FOREBAY_POWER_CUT": mode]
            var daemon = try await box.start(environment: shim)
            // What is published before there is a subscription, the broker acknowledges and drops.
            try await eventually("the inputs are up") {
                try control.metric("forebay_input_up", "input=\"plant\"") == 1
                    && control.metric("forebay_input_up", "input=\"lan\"") == 1
            }
            let running = try fleets(bench, broker, seed: random.seed)
            var first = 0
            for _ in 0..<rounds {
                try await eventually("payloads come in over every input") {
                    for input in ["plant", "lan", "mast"] {
                        let count = try control.metric("forebay_input_appended_total", "input=\"\(input)\"")
                        guard let count, count > 0 else { return false }
                    }
                    return true
                }
                try await Task.sleep(for: .milliseconds(Int.random(in: 1...300, using: &random)))
                // What a reader has seen, last thing before the kill.
                let seen = try #require(try control.records("readings", from: first))
                daemon.kill(SIGKILL)
                outcome.kills += 1
                daemon = try await box.start(environment: shim)
                let found = try #require(try control.records("readings", from: first))
                outcome.seen += seen.count
                outcome.changed += seen.count { found[$0.key] != $0.value }
                first = (found.keys.max() ?? first - 1) + 1
            }
            for fleet in running { fleet.kill(SIGTERM) }
            for fleet in running { _ = try await fleet.exitCode() }
            try await settle(box)
            for input in ["plant", "lan", "mast"] { try await conserved(box, input) }
            daemon.kill(SIGTERM)
            #expect(try await daemon.exitCode() == 0)
            try verify(bench, box, into: &outcome)
            try outcome.report()
            return outcome
        }

        private func conserved(_ box: Box, _ input: String) async throws {
            func count(_ name: String) async throws -> Int {
                Int(try await box.metric("forebay_input_\(name)_total", "input=\"\(input)\""))
            }
            let received = try await count("received")
            let sum = try await count("appended") + count("rejected") + count("dropped")
            #expect(received == sum, "\(input)")
        }

        /// Waits until the log has not grown for a second: the broker has nothing left.
        private func settle(_ box: Box) async throws {
            var last = -1.0
            var since = Date()
            try await eventually("the log comes to rest", within: 60) {
                let end = try await box.metric("forebay_log_end_offset", "readings")
                if end != last { (last, since) = (end, Date()) }
                return Date().timeIntervalSince(since) > 1
            }
        }

        private func verify(_ bench: Workbench, _ box: Box, into outcome: inout Outcome) throws {
            let binaries = Workbench.binaries.path
            // Piped: the records of a long run are larger than memory.
            let run = try Command.run(
                "/bin/sh",
                [
                    "-c",
                    "\(binaries)/forebay tail --from earliest -o ndjson --data \(box.data)"
                        + " | \(binaries)/forebay-sim verify --expect-acknowledged \(bench.path("acknowledged"))",
                ]
            )
            let verdict = try #require(
                try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any],
                "\(run.error)"
            )
            let acknowledged = try #require(verdict["acknowledged"] as? [String: Any])
            outcome.acknowledged = try #require(acknowledged["expected"] as? Int)
            outcome.missing = try #require(acknowledged["missing"] as? Int)
            let total = try #require(verdict["total"] as? [String: Any])
            outcome.reordered = try #require(total["reordered"] as? Int)
            #expect((run.status == 0) == (outcome.missing == 0))
        }

        @Test("nothing acknowledged or seen is lost by kills under load over all inputs")
        func nothingIsLost() async throws {
            try await Workbench.use { bench in
                let outcome = try await run(bench, mode: "true", rounds: CrashTests.rounds)
                #expect(outcome.kills == CrashTests.rounds)
                #expect(outcome.acknowledged > 20 * CrashTests.rounds)
                #expect(outcome.seen > 20 * CrashTests.rounds)
                #expect(outcome.missing == 0)
                #expect(outcome.changed == 0)
                #expect(outcome.reordered == 0)
            }
        }

        @Test("an acknowledgement before the sync would be found")
        func plantedBug() async throws {
            try await Workbench.use { bench in
                let outcome = try await run(bench, mode: "lie", rounds: CrashTests.plantedRounds)
                #expect(outcome.missing > 0)
                #expect(outcome.changed > 0)
            }
        }

        @Test("an alert that is killed in the middle of its `for` fires once, at the moment that the readings tell")
        func killedInTheMiddleOfFor() async throws {
            try await Workbench.use { bench in
                let port = try freePort(SOCK_DGRAM)
                let box = try Box(
                    bench,
                    configuration: """
                        inputs:
                          lan: { type: udp, listen: "127.0.0.1:\(port)", format: json }
                        rules:
                          - alert: FreezerTooWarm
                            match: { metric: temperature, device: "freezer-*" }
                            above: -15
                            for: 5m
                        """
                )
                var daemon = try await box.start()
                let socket = try DatagramSocket(port: port)
                // Device times, so that nothing hangs on how long a restart takes.
                let base = (Int(Date().timeIntervalSince1970) - 3600) * 1000
                var sent = 0.0
                func say(_ temperature: Double, after milliseconds: Int) async throws {
                    let time = base + milliseconds
                    try socket.send(#"{"device":"freezer-7","temperature":\#(temperature),"time":\#(time)}"#)
                    sent += 1
                    try await eventually("the reading is stored") {
                        try await box.metric("forebay_log_end_offset", "readings") == sent
                    }
                }
                try await say(-20, after: 0)
                try await say(-11, after: 1000)
                for minute in 1...4 {
                    try await eventually("the alert is pending") {
                        try await box.metric("forebay_alerts", "pending") == 1
                    }
                    daemon.kill(SIGKILL)
                    daemon = try await box.start()
                    try await say(-11.5, after: minute * 60_000)
                }
                try await say(-11, after: 300_999)
                #expect(try await box.metric("forebay_alerts", "firing") == 0)
                try await say(-10.5, after: 301_000)
                try await eventually("the alert fires") { try box.records("alerts").count == 1 }
                daemon.kill(SIGKILL)
                daemon = try await box.start()
                try await say(-20, after: 310_000)
                try await eventually("the alert resolves") { try box.records("alerts").count >= 2 }
                let edges = try box.records("alerts").compactMap { $0["value"] as? [String: Any] }
                #expect(edges.map { $0["state"] as? String } == ["firing", "resolved"])
                #expect(edges.allSatisfy { $0["breached_at"] as? String == timestamp(base + 1000) })
                #expect(edges.first?["fired_at"] as? String == timestamp(base + 301_000))
                #expect(edges.last?["resolved_at"] as? String == timestamp(base + 310_000))
                #expect(edges.last?["peak"] as? Double == -10.5)
            }
        }

        /// As records write it.
        private func timestamp(_ milliseconds: Int) -> String {
            let date = Date(timeIntervalSince1970: Double(milliseconds) / 1000)
            return date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        }
    }
}
