// Kill -9 between a sync and its acknowledgement, again and again: what the broker then sends again is marked, all of it.
import Foundation
import Testing

extension EndToEndTests {
    @Suite("Duplicates")
    struct DuplicateTests {
        /// What a run of kills came to.
        private struct Outcome: CustomStringConvertible {
            var kills = 0
            /// Kills after which something came again.
            var hits = 0
            /// By the metric, over all runs.
            var counted = 0
            var largest = 0
            /// In the log: records of a (device, seq) that stood there before.
            var marked = 0
            var unmarked = 0
            /// Marked although nothing like them stood there.
            var wronglyMarked = 0
            var records = 0

            var description: String {
                "kills \(kills), of which \(hits) before an acknowledgement; recognised \(counted), at most \(largest) at once; "
                    + "in the log of \(records): marked \(marked), unmarked \(unmarked), wrongly marked \(wronglyMarked)"
            }
        }

        private static let rounds = 10
        private static let window = 500

        private func box(_ bench: Workbench, _ broker: Broker, input: String) throws -> Box {
            try Box(
                bench,
                configuration: """
                    inputs:
                      \(input):
                        type: mqtt
                        url: mqtt://127.0.0.1:\(broker.port)
                        subscribe: ["plant/{device}"]
                        client_id: forebay-bench
                        receive_maximum: \(DuplicateTests.window)
                    """
            )
        }

        /// The syncs of the daemon return 50 ms late, so that most kills fall between a sync and its acknowledgement.
        private func run(_ bench: Workbench, input: (Int) -> String) async throws -> Outcome {
            var random = TestRandom()
            print("seed \(random.seed): FOREBAY_SEED=\(random.seed) repeats the moments")
            let broker = try Broker(bench)
            _ = try await broker.start()
            let shim = ["LD_PRELOAD": Workbench.shim("PowerCut"), "FOREBAY_POWER_CUT": "late"]
            var outcome = Outcome()
            var fleet: Child?
            for round in 0...DuplicateTests.rounds {
                let box = try box(bench, broker, input: input(round))
                let daemon = try await box.start(environment: shim)
                try await eventually("the input is up") { try await box.metric("forebay_input_up") == 1 }
                if fleet == nil {
                    fleet = try bench.simulate(
                        "fleet",
                        [
                            "mqtt", "--port", "\(broker.port)", "--topic", "plant/{device}", "--devices", "20",
                            "--rate", "3000", "--seed", "\(random.seed)",
                        ]
                    )
                }
                // What comes again comes first: once more than that is durable, the count is final.
                let start = try await box.metric("forebay_log_end_offset", "readings")
                var duplicates = 0.0
                try await eventually("new messages are stored") {
                    duplicates = try await box.metric("forebay_input_duplicates_total")
                    return try await box.metric("forebay_log_end_offset", "readings") - start > duplicates
                }
                outcome.counted += Int(duplicates)
                outcome.largest = max(outcome.largest, Int(duplicates))
                outcome.hits += duplicates > 0 ? 1 : 0
                if round == DuplicateTests.rounds {
                    fleet?.kill(SIGTERM)
                    daemon.kill(SIGTERM)
                    #expect(try await daemon.exitCode() == 0)
                    try judge(try box.records("readings"), into: &outcome)
                } else {
                    try await Task.sleep(for: .milliseconds(Int.random(in: 1...100, using: &random)))
                    daemon.kill(SIGKILL)
                    outcome.kills += 1
                }
            }
            return outcome
        }

        private func judge(_ records: [[String: Any]], into outcome: inout Outcome) throws {
            var seen: Set<String> = []
            for record in records {
                let value = try #require(record["value"] as? [String: Any])
                let device = try #require(value["device"] as? String)
                let sequence = try #require(value["seq"] as? Int)
                let isMarked = value["duplicate"] as? Bool == true
                let isNew = seen.insert("\(device) \(sequence)").inserted
                outcome.records += 1
                switch (isNew, isMarked) {
                case (true, true): outcome.wronglyMarked += 1
                case (false, true): outcome.marked += 1
                case (false, false): outcome.unmarked += 1
                case (true, false): break
                }
            }
        }

        @Test("all duplicates are marked, as many as are counted, and never more at once than the window")
        func marked() async throws {
            try await Workbench.use { bench in
                let outcome = try await run(bench) { _ in "plant" }
                print(outcome)
                #expect(outcome.kills == DuplicateTests.rounds)
                #expect(outcome.hits >= DuplicateTests.rounds / 2)
                #expect(outcome.marked == outcome.counted)
                #expect(outcome.unmarked == 0 && outcome.wronglyMarked == 0)
                #expect(outcome.largest <= DuplicateTests.window)
            }
        }

        @Test("an input that recognises nothing, because its name is new each time, would be found")
        func plantedBug() async throws {
            try await Workbench.use { bench in
                let outcome = try await run(bench) { "plant-\($0)" }
                print(outcome)
                #expect(outcome.unmarked > 0)
                #expect(outcome.counted == 0)
            }
        }
    }
}
