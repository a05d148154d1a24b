// Kill -9 at random moments: what the broker saw acknowledged is in the log, and one edge of an alert stands there once.
import Foundation
import Testing

extension EndToEndTests {
    @Suite("Kill -9")
    struct CrashTests {
        /// What a run of kills came to.
        struct Outcome {
            var kills = 0
            var acknowledged = 0
            var missing = 0
        }

        private static let rounds = 20

        /// Kills the daemon `rounds` times while a fleet publishes at QoS 1, then looks for every message that the broker
        /// took over. A power cut belongs to each kill: what was not synced is gone (`Tests/Shims/PowerCut`).
        private func run(_ bench: Workbench, mode: String, rounds: Int) async throws -> Outcome {
            var random = TestRandom()
            print("seed \(random.seed): FOREBAY_SEED=\(random.seed) repeats the moments")
            let broker = try Broker(bench)
            _ = try await broker.start()
            let box = try Box(
                bench,
                configuration: """
                    inputs:
                      plant:
                        type: mqtt
                        url: mqtt://127.0.0.1:\(broker.port)
                        subscribe: ["plant/{device}"]
                        receive_maximum: 500
                    """
            )
            let shim = ["LD_PRELOAD": Workbench.shim("PowerCut"), "FOREBAY_POWER_CUT": mode]
            var daemon = try await box.start(environment: shim)
            try await eventually("the input is up") { try await box.metric("forebay_input_up") == 1 }
            let fleet = try bench.simulate(
                "fleet",
                [
                    "mqtt", "--port", "\(broker.port)", "--topic", "plant/{device}", "--devices", "20", "--rate",
                    "3000",
                    "--acknowledged-file", bench.path("acknowledged"), "--seed", "\(random.seed)",
                ]
            )
            var outcome = Outcome()
            for _ in 0..<rounds {
                let before = try await box.metric("forebay_input_received_total")
                try await eventually("messages come in") {
                    try await box.metric("forebay_input_received_total") > before
                }
                try await Task.sleep(for: .milliseconds(Int.random(in: 1...300, using: &random)))
                daemon.kill(SIGKILL)
                outcome.kills += 1
                daemon = try await box.start(environment: shim)
                try await eventually("the input is up again") { try await box.metric("forebay_input_up") == 1 }
            }
            fleet.kill(SIGTERM)
            _ = try await fleet.exitCode()
            try await settle(box)
            daemon.kill(SIGTERM)
            #expect(try await daemon.exitCode() == 0)
            let found = try verify(bench, box)
            outcome.acknowledged = found.expected
            outcome.missing = found.missing
            return outcome
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

        private func verify(_ bench: Workbench, _ box: Box) throws -> (expected: Int, missing: Int) {
            let records = try box.command(["tail", "--from", "earliest", "-o", "ndjson", "--data", box.data])
            let run = try Command.run(
                "forebay-sim",
                ["verify", "--expect-acknowledged", bench.path("acknowledged")],
                input: Data(records.utf8)
            )
            let verdict = try #require(try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
            let acknowledged = try #require(verdict["acknowledged"] as? [String: Any])
            let missing = try #require(acknowledged["missing"] as? Int)
            #expect((run.status == 0) == (missing == 0))
            return (try #require(acknowledged["expected"] as? Int), missing)
        }

        @Test("everything that the broker saw acknowledged is in the log after 20 kills")
        func nothingAcknowledgedIsLost() async throws {
            try await Workbench.use { bench in
                let outcome = try await run(bench, mode: "true", rounds: CrashTests.rounds)
                print("kills \(outcome.kills), acknowledged \(outcome.acknowledged), missing \(outcome.missing)")
                #expect(outcome.kills == CrashTests.rounds)
                #expect(outcome.acknowledged > 1000)
                #expect(outcome.missing == 0)
            }
        }

        @Test("an acknowledgement before the sync would be found")
        func plantedBug() async throws {
            try await Workbench.use { bench in
                let outcome = try await run(bench, mode: "lie", rounds: CrashTests.rounds)
                print("kills \(outcome.kills), acknowledged \(outcome.acknowledged), missing \(outcome.missing)")
                #expect(outcome.missing > 0)
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
