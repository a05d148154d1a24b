// Alerts over MQTT, from the daemon through Debian's mosquitto to a subscriber that comes later.
import Foundation
import Testing

extension EndToEndTests {
    @Suite("Alerts over MQTT")
    struct MQTTAlertTests {
        /// What the broker keeps, by topic.
        private func retained(_ bench: Workbench, _ broker: Broker) async throws -> [String: String] {
            let port = "\(broker.port)"
            let subscriber = try bench.start(
                "subscriber",
                "/usr/bin/mosquitto_sub",
                ["-p", port, "-t", "forebay/#", "--retained-only", "-F", "%t %p"]
            )
            // It ends with the first message that is not retained, before which all retained ones come.
            try await eventually("the subscriber has seen all") {
                let sent = try Command.run("/usr/bin/mosquitto_pub", ["-p", port, "-t", "forebay/end", "-m", "end"])
                #expect(sent.status == 0, "\(sent.error)")
                return !subscriber.isRunning
            }
            return Dictionary(
                subscriber.output.split(separator: "\n").map { line in
                    let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
                    return (parts[0], parts.count > 1 ? parts[1] : "")
                },
                uniquingKeysWith: { _, last in last }
            )
        }

        private func state(_ text: String?) throws -> String? {
            let object = try JSONSerialization.jsonObject(with: Data((text ?? "{}").utf8)) as? [String: Any]
            return object?["state"] as? String
        }

        @Test("a late subscriber sees what holds, and after a kill -9 that the box is offline")
        func retained() async throws {
            try await Workbench.use { bench in
                let broker = try Broker(bench)
                _ = try await broker.start()
                let port = try freePort(SOCK_DGRAM)
                let box = try Box(
                    bench,
                    configuration: """
                        inputs: { lan: { type: udp, listen: "127.0.0.1:\(port)", format: json } }
                        rules: [{ alert: TooWarm, match: { metric: temperature }, above: 5 }]
                        hooks: { bus: { type: mqtt, url: "mqtt://127.0.0.1:\(broker.port)" } }
                        """
                )
                var daemon = try await box.start()
                let socket = try DatagramSocket(port: port)
                let topic = "forebay/alerts/bench/TooWarm/freezer-7/temperature"
                try socket.send(#"{"device":"freezer-7","temperature":6}"#)
                try await eventually("the alert is there") {
                    try state(await retained(bench, broker)[topic]) == "firing"
                }
                daemon.kill(SIGKILL)
                _ = try await daemon.exitCode()
                try await eventually("the broker says that the box is gone") {
                    try await retained(bench, broker)["forebay/alerts/bench/status"] == "offline"
                }
                daemon = try await box.start()
                try socket.send(#"{"device":"freezer-7","temperature":4}"#)
                try await eventually("the alert is over") {
                    let present = try await retained(bench, broker)
                    return try state(present[topic]) == "resolved" && present["forebay/alerts/bench/status"] == "online"
                }
                daemon.kill(SIGTERM)
                #expect(try await daemon.exitCode() == 0)
                #expect(try await retained(bench, broker)["forebay/alerts/bench/status"] == "offline")
            }
        }
    }
}
