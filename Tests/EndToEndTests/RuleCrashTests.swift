// The real daemon, killed at every 50th event of a scripted series, against one that nobody disturbs.
import Foundation
import Testing

extension EndToEndTests {
    @Suite("Rules across kills")
    struct RuleCrashTests {
        private static let events = 1000
        private static let killEvery = 50

        /// Limits with levels and ways back, windows, a gate, an expression and a group: edges of all kinds, by readings alone.
        private static let rules = """
            rules:
              - alert: TooWarm
                match: { metric: temperature }
                for: 30s
                clear_for: 20s
                levels:
                  - { severity: warning, above: -15 °C, clear_below: -16 °C }
                  - { severity: critical, above: -12 °C, clear_below: -13 °C }
              - alert: WarmOnAverage
                match: { metric: temperature }
                value: p95
                over: 2m
                above: -12.5
              - alert: WarmWithDoorShut
                match: { metric: temperature }
                above: -14
                only_if: { metric: door, equals: shut, within: 5m }
              - alert: Drift
                expr: avg(temperature, 1m) - setpoint > 4 and door == "open"
              - alert: TwoWarm
                match: { metric: temperature }
                above: -14
                at_least: 2
            """

        /// Three devices in turn, ten seconds apart, over the limits and back again with some noise.
        private static func payload(_ index: Int, base: Int) -> String {
            let device = "freezer-\(index % 3)"
            let wave = sin(Double(index) / 23 + Double(index % 3)) * 4
            let noise = Double((index * 7919) % 100) / 100
            let temperature = ((-15 + wave + noise) * 10).rounded() / 10
            let door = index % 4 == 0 ? #","door":"\#(index / 40 % 2 == 0 ? "open" : "shut")""# : ""
            let setpoint = index % 10 == 0 ? #","setpoint":-18"# : ""
            return
                #"{"device":"\#(device)","time":\#(base + index * 10_000),"temperature":\#(temperature)\#(door)\#(setpoint)}"#
        }

        /// What happens to the daemon during the series.
        private enum Disturbance {
            case none
            /// Killed at every 50th event; rules are saved now and then, so that starts go on from a snapshot.
            case kills
            /// The same, and in the middle topic `alerts` is gone: the planted bug, an edge that the rules take for written.
            case killsAndLoss
        }

        /// The values of topic `alerts` after `count` events of the series.
        private func alerts(base: Int, count: Int, _ disturbance: Disturbance) async throws -> [String] {
            var values: [String] = []
            try await Workbench.use { bench in
                let port = try freePort(SOCK_DGRAM)
                let inputs = "inputs:\n  lan: { type: udp, listen: \"127.0.0.1:\(port)\", format: json }\n"
                let box = try Box(bench, configuration: inputs + RuleCrashTests.rules + "\n")
                let control = ControlSocket(path: "\(box.data)/control.sock")
                let socket = try DatagramSocket(port: port)
                var daemon = try await box.start()
                for index in 0..<count {
                    try socket.send(RuleCrashTests.payload(index, base: base))
                    try await eventually("event \(index) is stored") {
                        try control.metric("forebay_log_end_offset", "readings") == Double(index + 1)
                    }
                    if case .none = disturbance { continue }
                    if index % 130 == 129 { _ = try box.command(["reload", "--config", bench.path("forebay.yaml")]) }
                    guard index % RuleCrashTests.killEvery == RuleCrashTests.killEvery - 1 else { continue }
                    daemon.kill(SIGKILL)
                    if case .killsAndLoss = disturbance, index == count / 2 - 1 {
                        _ = try await daemon.exitCode()
                        try FileManager.default.removeItem(atPath: "\(box.data)/log/alerts-0")
                    }
                    daemon = try await box.start()
                }
                // Edges that a stop came before are the next start's.
                for _ in 0..<2 {
                    daemon.kill(SIGTERM)
                    #expect(try await daemon.exitCode() == 0)
                    daemon = try await box.start()
                }
                daemon.kill(SIGTERM)
                #expect(try await daemon.exitCode() == 0)
                values = try box.records("alerts").map { record in
                    let value = try #require(record["value"])
                    let data = try JSONSerialization.data(withJSONObject: value, options: .sortedKeys)
                    return String(decoding: data, as: UTF8.self)
                }
            }
            return values
        }

        private static var base: Int { (Int(Date().timeIntervalSince1970) - 20_000) * 1000 }

        @Test("killed -9 at every 50th event of a series, the daemon writes the same alerts as undisturbed")
        func sameAlerts() async throws {
            let base = RuleCrashTests.base
            let undisturbed = try await alerts(base: base, count: RuleCrashTests.events, .none)
            let disturbed = try await alerts(base: base, count: RuleCrashTests.events, .kills)
            #expect(disturbed == undisturbed)
            #expect(undisturbed.count > 50, "the series makes edges: \(undisturbed.count)")
            for alert in ["TooWarm", "WarmOnAverage", "WarmWithDoorShut", "Drift", "TwoWarm"] {
                #expect(undisturbed.contains { $0.contains("\"alert\":\"\(alert)\"") }, "\(alert) fires")
            }
        }

        @Test("rules that take lost edges for written would be found")
        func plantedBug() async throws {
            let base = RuleCrashTests.base
            let undisturbed = try await alerts(base: base, count: 400, .none)
            let disturbed = try await alerts(base: base, count: 400, .killsAndLoss)
            #expect(disturbed != undisturbed)
        }
    }
}
