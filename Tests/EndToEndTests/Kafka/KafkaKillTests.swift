// Kill -9 of the daemon while Kafka's clients write and read: what was acknowledged is there, once or at least once.
import Foundation
import Testing

extension EndToEndTests {
    @Suite("Kafka under kill -9")
    struct KafkaKillTests {
        private static let rounds = ProcessInfo.processInfo.environment["FOREBAY_ROUNDS"].flatMap { Int($0) } ?? 12
        private static let plantedRounds = 12
        private static let writers = ["confluent-kafka", "kafka-python", "aiokafka", "at-least-once"]
        /// Records of every writer that are acknowledged between two kills.
        private static let progress = 20
        private static let standstill = "every writer goes on"

        /// How a run ended: the kills there were, the script's status, and what it reported or said last.
        private struct Outcome {
            var seed: UInt64
            var kills = 0
            var status: Int32 = 0
            var report: [String: Any] = [:]
            var output = ""
        }

        private func acknowledged(_ script: Child) -> [String: Int] {
            (KafkaScript.report(script.output)?["acknowledged"] as? [String: Int]) ?? [:]
        }

        /// Waits until every writer has gone on since `before`; false where the script has ended.
        private func goesOn(_ script: Child, since before: [String: Int]) async throws -> Bool {
            try await eventually("\(Self.standstill): \(before), \(script.output.suffix(300))", within: 120) {
                guard script.isRunning else { return true }
                let now = acknowledged(script)
                return Self.writers.allSatisfy { now[$0, default: 0] > before[$0, default: 0] + Self.progress }
            }
            return script.isRunning
        }

        /// Kills the daemon `rounds` times under load, or until the script finds something. A power cut belongs to each
        /// kill: what was not synced is gone (`Tests/Shims/PowerCut`).
        private func run(
            _ bench: Workbench,
            mode: String,
            rounds: Int,
            _ more: [String] = []
        ) async throws -> Outcome {
            var random = TestRandom()
            var outcome = Outcome(seed: random.seed)
            let box = try Box(bench, configuration: "inputs: {}\n")
            let shim = ["LD_PRELOAD": Workbench.shim("PowerCut"), "FOREBAY_POWER_CUT": mode]
            var daemon = try await box.start(environment: shim)
            let script = try KafkaScript.start(bench, "kills", [box.brokers] + more)
            var before: [String: Int] = [:]
            while outcome.kills < rounds, try await goesOn(script, since: before) {
                try await Task.sleep(for: .milliseconds(Int.random(in: 1...300, using: &random)))
                daemon.kill(SIGKILL)
                outcome.kills += 1
                before = acknowledged(script)
                daemon = try await box.start(environment: shim)
            }
            _ = try await goesOn(script, since: before)
            script.kill(SIGTERM)
            try await eventually("the script ends: \(script.output.suffix(300))", within: 400) { !script.isRunning }
            outcome.status = script.status
            outcome.report = KafkaScript.report(script.output) ?? [:]
            outcome.output = String(script.output.suffix(1000))
            daemon.kill(SIGTERM)
            #expect(try await daemon.exitCode() == 0)
            if mode == "true" { _ = try box.command(["log", "verify", "--data", box.data]) }
            print("kills \(outcome.kills), seed \(outcome.seed), \(outcome.report)")
            return outcome
        }

        @Test("what was acknowledged is there, of idempotent producers once, in order; commits stay")
        func nothingIsLost() async throws {
            try await Workbench.use { bench in
                let outcome = try await run(bench, mode: "true", rounds: Self.rounds)
                try #require(outcome.status == 0, "\(outcome.output)")
                #expect(outcome.kills == Self.rounds)
                let counts = try #require(outcome.report["acknowledged"] as? [String: Int])
                for writer in Self.writers {
                    #expect(counts[writer, default: 0] > Self.progress * (Self.rounds + 1), "\(writer)")
                }
                #expect((outcome.report["reader_kills"] as? Int ?? 0) > 0)
                let twice = try #require(outcome.report["twice"] as? [String: Int])
                #expect(twice.filter { $0.key != "at-least-once" }.values.allSatisfy { $0 == 0 })
            }
        }

        @Test("records that nobody waited for would be found missing")
        func withoutAcknowledgements() async throws {
            try await Workbench.use { bench in
                let outcome = try await run(bench, mode: "true", rounds: Self.plantedRounds, ["--acks", "0"])
                #expect(outcome.status == 1)
                #expect(outcome.output.contains("were acknowledged and are not there"), "\(outcome.output)")
            }
        }

        @Test("an acknowledgement before the sync would be found")
        func acknowledgedTooEarly() async throws {
            try await Workbench.use { bench in
                do {
                    let outcome = try await run(bench, mode: "lie", rounds: Self.plantedRounds)
                    #expect(outcome.status == 1, "\(outcome.output)")
                } catch let error as WorkbenchError where error.description.contains(Self.standstill) {
                    // A producer whose batches are gone may be kept from going on before anybody misses them.
                }
            }
        }
    }
}
