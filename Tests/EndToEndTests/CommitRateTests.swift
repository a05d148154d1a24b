// How often the disk is asked to sync: as `commit_interval` says, whatever the input.
import Foundation
import Testing

extension EndToEndTests {
    @Suite("Commits a second")
    struct CommitRateTests {
        /// The syncs of the log while a hundred QoS 1 messages came at 20 a second, and how many intervals that took.
        private func syncs(interval milliseconds: Int) async throws -> (count: Double, intervals: Double) {
            try await Workbench.use { bench in
                let broker = try Broker(bench)
                _ = try await broker.start()
                let box = try Box(
                    bench,
                    configuration: """
                        log: { commit_interval: \(milliseconds)ms }
                        inputs:
                          plant: { type: mqtt, url: "mqtt://127.0.0.1:\(broker.port)", subscribe: ["plant/{device}"] }
                        """
                )
                _ = try await box.start()
                try await eventually("the input is up") { try await box.metric("forebay_input_up") == 1 }
                let before = try await box.metric("forebay_commit_sync_seconds_count")
                let begin = Date()
                _ = try bench.simulated([
                    "mqtt", "--port", "\(broker.port)", "--topic", "plant/{device}", "--rate", "20", "--count", "100",
                ])
                try await eventually("all is stored") { try await box.metric("forebay_input_appended_total") == 100 }
                let after = try await box.metric("forebay_commit_sync_seconds_count")
                return (after - before, Date().timeIntervalSince(begin) * 1000 / Double(milliseconds))
            }
        }

        @Test("messages at QoS 1 share the commits that the interval allows; a tick and an alert may add one each")
        func intervalBounds() async throws {
            let slow = try await syncs(interval: 1000)
            #expect(slow.count <= slow.intervals + 3)
        }

        @Test("its planted bug, an interval that is shorter than the pauses, is a commit for each message")
        func shortInterval() async throws {
            #expect(try await syncs(interval: 1).count >= 90)
        }
    }
}
