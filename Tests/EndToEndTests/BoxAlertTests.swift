// The daemon's alerts about itself: fired by the kernel's real drops, kept over a restart, and ended by a reload.
import Foundation
import Testing

extension EndToEndTests {
    @Suite("Alerts about the box")
    struct BoxAlertTests {
        private func configuration(_ receiver: WebhookReceiver, input: String, port: UInt16) -> String {
            """
            inputs:
              \(input): { type: udp, listen: "127.0.0.1:\(port)", format: json, receive_buffer_bytes: 64KiB }
            hooks: { pager: { type: webhook, url: "\(receiver.url("/ok"))" } }

            """
        }

        /// The states of alert KernelDrops in the topic, in order.
        private func edges(_ box: Box) throws -> [String] {
            try box.records("alerts").compactMap { $0["value"] as? [String: Any] }
                .filter { $0["alert"] as? String == "KernelDrops" }.compactMap { $0["state"] as? String }
        }

        private func told(_ receiver: WebhookReceiver) throws -> [String] {
            try receiver.requests("/ok").filter { request in
                (request.alerts.first?["labels"] as? [String: String])?["alertname"] == "KernelDrops"
            }.compactMap(\.status)
        }

        @Test("drops of the kernel fire once, a kill -9 and a restart go on with it, and it ends with its input")
        func kernelDrops() async throws {
            try await Workbench.use { bench in
                let receiver = try await WebhookReceiver(bench)
                let port = try freePort(SOCK_DGRAM)
                let box = try Box(bench, configuration: configuration(receiver, input: "lan", port: port))
                var daemon = try await box.start()
                // Stopped, the daemon reads nothing: what does not fit the buffer is dropped for sure.
                daemon.kill(SIGSTOP)
                _ = try bench.simulated(["udp", "--port", "\(port)", "--rate", "0", "--count", "5000"])
                daemon.kill(SIGCONT)
                try await eventually("the drops are counted") {
                    try await box.metric("forebay_input_dropped_total") > 0
                }
                try await eventually("the pager is told") { try told(receiver) == ["firing"] }
                let alert = try #require(try receiver.requests("/ok").first?.alerts.first)
                let labels = try #require(alert["labels"] as? [String: String])
                #expect(labels["metric"] == "kernel_drops.lan" && labels["severity"] == "warning")
                #expect(labels["device"] == "bench")

                daemon.kill(SIGKILL)
                _ = try await daemon.exitCode()
                daemon = try await box.start()
                // A beat of the daemon, and one more: by then it has looked at itself.
                try await Task.sleep(for: .seconds(6))
                #expect(try edges(box) == ["firing"])
                #expect(try await box.get("/api/v1/alerts").contains("KernelDrops"))
                let lines = try box.command([
                    "tail", "alerts", "--from", "earliest", "-o", "ndjson", "--data", box.data,
                ])
                let verdict = try Command.run(
                    Workbench.python,
                    [Workbench.script("validate_records.py"), Workbench.repository("docs/schema")],
                    input: Data(lines.utf8)
                )
                #expect(verdict.status == 0, "\(verdict.error)")

                let text = try String(contentsOfFile: bench.path("forebay.yaml"), encoding: .utf8)
                try bench.write("forebay.yaml", text.replacingOccurrences(of: "  lan:", with: "  hall:"))
                daemon.kill(SIGHUP)
                try await eventually("its end is told") { try told(receiver) == ["firing", "resolved"] }
                #expect(try edges(box) == ["firing", "resolved"])
                daemon.kill(SIGTERM)
                #expect(try await daemon.exitCode() == 0)
            }
        }

        @Test("a box that has nothing the matter tells of nothing")
        func nothing() async throws {
            try await Workbench.use { bench in
                let receiver = try await WebhookReceiver(bench)
                let port = try freePort(SOCK_DGRAM)
                let box = try Box(bench, configuration: configuration(receiver, input: "lan", port: port))
                let daemon = try await box.start()
                _ = try bench.simulated(["udp", "--port", "\(port)", "--rate", "100", "--count", "100"])
                try await Task.sleep(for: .seconds(6))
                #expect(try box.records("alerts").isEmpty)
                #expect(try receiver.requests("/ok").isEmpty)
                daemon.kill(SIGTERM)
                #expect(try await daemon.exitCode() == 0)
            }
        }
    }
}
