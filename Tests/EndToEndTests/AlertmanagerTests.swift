// A real Alertmanager, asked by its own amtool: an alert stands there for as long as it fires here, and no longer.
import Foundation
import Platform
import Testing

extension EndToEndTests {
    @Suite("Alertmanager")
    struct AlertmanagerTests {
        /// Debian's Alertmanager, which forgets what it was not told for eight seconds.
        private func startAlertmanager(_ bench: Workbench) async throws -> String {
            let port = try freePort()
            try bench.write(
                "alertmanager.yml",
                "global: { resolve_timeout: 8s }\nroute: { receiver: none }\nreceivers: [{ name: none }]\n"
            )
            let child = try bench.start(
                "alertmanager",
                "/usr/bin/prometheus-alertmanager",
                [
                    "--config.file=\(bench.path("alertmanager.yml"))", "--storage.path=\(bench.path("alertmanager"))",
                    "--web.listen-address=127.0.0.1:\(port)", "--cluster.listen-address=",
                ]
            )
            try await eventually("Alertmanager listens") {
                guard child.isRunning else { throw WorkbenchError(description: child.output) }
                return TCP.accepts(port)
            }
            return "http://127.0.0.1:\(port)"
        }

        /// The devices of the alerts that `amtool alert` lists.
        private func listed(_ url: String) throws -> [String] {
            let run = try Command.run("/usr/bin/amtool", ["alert", "query", "--alertmanager.url=\(url)", "-o", "json"])
            guard run.status == 0 else { throw WorkbenchError(description: run.error) }
            let alerts = try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [[String: Any]] ?? []
            return alerts.compactMap { ($0["labels"] as? [String: String])?["device"] }
        }

        /// Has a freezer fail and then recover; whether it stood in Alertmanager all the time until it recovered.
        private func stands(resendInterval: String) async throws -> Bool {
            try await Workbench.use { bench in
                let url = try await startAlertmanager(bench)
                let port = try freePort(SOCK_DGRAM)
                let box = try Box(
                    bench,
                    configuration: """
                        inputs:
                          lan: { type: udp, listen: "127.0.0.1:\(port)", format: json, required: true }
                        rules:
                          - alert: FreezerTooWarm
                            match: { metric: temperature }
                            above: -15
                            severity: critical
                        hooks:
                          am: { type: alertmanager, url: "\(url)", resend_interval: \(resendInterval) }
                        """
                )
                let daemon = try await box.start()
                let socket = try DatagramSocket(port: port)
                try socket.send(#"{"device":"freezer-7","temperature":-11.8,"unit":"C"}"#)
                try await eventually("the alert fires") { try await box.metric("forebay_alerts", "firing") == 1 }
                try await eventually("amtool lists the alert") { try listed(url) == ["freezer-7"] }
                // Twice as long as Alertmanager believes what it was told once.
                let clock = SystemClock()
                let end = clock.monotonic().advanced(by: .seconds(16))
                var isListed = true
                try await eventually("the time is over, or the alert has gone") {
                    isListed = try listed(url) == ["freezer-7"]
                    return !isListed || clock.monotonic() >= end
                }
                try socket.send(#"{"device":"freezer-7","temperature":-18,"unit":"C"}"#)
                try await eventually("the recovery is delivered") {
                    try await box.metric("forebay_hook_deliveries_total", #"result="delivered""#) == 2
                }
                try await eventually("amtool lists nothing") { try listed(url).isEmpty }
                daemon.kill(SIGTERM)
                #expect(try await daemon.exitCode() == 0)
                return isListed
            }
        }

        @Test("an alert stands in Alertmanager for as long as it fires, longer than `resolve_timeout`")
        func keptAlive() async throws {
            #expect(try await stands(resendInterval: "1s"))
        }

        @Test("the planted bug: told once, the alert is forgotten there while it fires here")
        func toldOnce() async throws {
            #expect(try await !stands(resendInterval: "1h"))
        }
    }
}
