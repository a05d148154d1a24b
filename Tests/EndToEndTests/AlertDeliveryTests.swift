// An alert's way out: webhook and program, a hook that fails or hangs, and what is delivered after a kill.
import Foundation
import Testing

extension EndToEndTests {
    @Suite("Alerts and hooks")
    struct AlertDeliveryTests {
        private func box(_ bench: Workbench, _ port: UInt16, hooks: String) throws -> Box {
            try Box(
                bench,
                configuration: """
                    inputs:
                      lan: { type: udp, listen: "127.0.0.1:\(port)", format: json, required: true }
                    rules:
                      - alert: FreezerTooWarm
                        match: { metric: temperature, device: "freezer-*" }
                        above: -15
                        clear_below: -17
                        severity: critical
                        summary: "{{name}} is at {{value}} {{unit}}"
                    hooks:
                    \(hooks)
                    """
            )
        }

        @Test("one freezer fails and recovers: every hook is told twice, a dead one delays nobody")
        func deadHookDelaysNobody() async throws {
            try await Workbench.use { bench in
                let receiver = try await WebhookReceiver(bench)
                let port = try freePort(SOCK_DGRAM)
                let dead = try freePort()
                try bench.write("siren.py", "import sys\nopen(sys.argv[1], 'a').write(sys.stdin.read() + '\\n')\n")
                let box = try box(
                    bench,
                    port,
                    hooks: """
                          pager: { type: webhook, url: "\(receiver.url("/ok"))" }
                          failing: { type: webhook, url: "\(receiver.url("/fail"))" }
                          hanging: { type: webhook, url: "\(receiver.url("/hang"))", timeout: 2s }
                          refusing: { type: webhook, url: "\(receiver.url("/refuse"))" }
                          dead: { type: webhook, url: "http://127.0.0.1:\(dead)/" }
                          siren: { type: exec, command: ["/usr/bin/python3", "\(bench.path("siren.py"))", "\(bench.path("siren $(id).out"))"] }
                        """
                )
                let daemon = try await box.start()
                let socket = try DatagramSocket(port: port)
                try socket.send(#"{"device":"freezer-7","temperature":-11.8,"unit":"C"}"#)
                try await eventually("the pager is told that it fires") { try receiver.requests("/ok").count == 1 }
                try socket.send(#"{"device":"freezer-7","temperature":-18,"unit":"C"}"#)
                try await eventually("the pager is told that it resolved") { try receiver.requests("/ok").count == 2 }
                let requests = try receiver.requests("/ok")
                #expect(requests.map(\.status) == ["firing", "resolved"])
                let alert = try #require(requests[0].alerts.first)
                let labels = try #require(alert["labels"] as? [String: String])
                #expect(labels["alertname"] == "FreezerTooWarm")
                #expect(labels["device"] == "freezer-7")
                #expect(labels["severity"] == "critical")
                #expect(labels["box"] == "bench")
                let annotations = try #require(alert["annotations"] as? [String: String])
                #expect(annotations["summary"] == "freezer-7 is at -11.8 °C")
                #expect(alert["endsAt"] as? String == "0001-01-01T00:00:00Z")
                #expect(Set(requests.compactMap { $0.headers["idempotency-key"] }).count == 2)
                try await eventually("the failing hook passes over what is over, and repeats its end") {
                    let last = try receiver.requests("/fail").suffix(2)
                    let keys = Set(last.compactMap { $0.headers["idempotency-key"] })
                    return last.map(\.status) == ["resolved", "resolved"] && keys.count == 1
                }
                try await eventually("the program has both bodies") {
                    let text = try? String(contentsOfFile: bench.path("siren $(id).out"), encoding: .utf8)
                    return text?.split(separator: "\n").count == 2
                }
                try await eventually("what is refused for good is not tried again") {
                    try receiver.requests("/refuse").count == 2
                }
                try await eventually("the dead hooks lag, and the others do not") {
                    let pager = try await box.metric("forebay_hook_lag_records", "\"pager\"")
                    let failing = try await box.metric("forebay_hook_lag_records", "\"failing\"")
                    let unreachable = try await box.metric("forebay_hook_lag_records", "\"dead\"")
                    return pager == 0 && failing == 1 && unreachable == 1
                }
                for hook in ["failing", "dead"] {
                    let collapsed = #"hook="\#(hook)",result="collapsed""#
                    #expect(try await box.metric("forebay_hook_deliveries_total", collapsed) == 1)
                }
                daemon.kill(SIGTERM)
                #expect(try await daemon.exitCode() == 0)
            }
        }

        @Test("the daemon calls somebody while it works, past the first ticks of its log")
        func heartbeat() async throws {
            try await Workbench.use { bench in
                let receiver = try await WebhookReceiver(bench)
                let port = try freePort(SOCK_DGRAM)
                let url = receiver.url("/ping")
                let box = try box(bench, port, hooks: "  alive: { type: heartbeat, url: \"\(url)\", interval: 1s }")
                let daemon = try await box.start()
                let start = Date()
                // Longer than the log may stand still.
                try await eventually("it calls for 40 s", within: 60) {
                    try receiver.requests("/ping").count >= 30 && Date().timeIntervalSince(start) > 40
                }
                #expect(try await box.metric("forebay_hook_deliveries_total", #"result="delivered""#) >= 30)
                daemon.kill(SIGTERM)
                #expect(try await daemon.exitCode() == 0)
            }
        }

        @Test("what was refused or came too late is listed, and sent again when somebody says so")
        func deadLetters() async throws {
            try await Workbench.use { bench in
                let receiver = try await WebhookReceiver(bench)
                let port = try freePort(SOCK_DGRAM)
                func hooks(_ refusing: String, _ failing: String) -> String {
                    """
                      pager: { type: webhook, url: "\(receiver.url(refusing))" }
                      slow: { type: webhook, url: "\(receiver.url(failing))", retry_for: 1s }
                    """
                }
                func letters(_ box: Box, _ hook: String) throws -> [[String: Any]] {
                    let text = try box.command(["hooks", "dead-letters", hook, "--data", box.data, "-o", "json"])
                    return try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String: Any]] ?? []
                }
                var box = try box(bench, port, hooks: hooks("/refuse", "/fail"))
                var daemon = try await box.start()
                #expect(try letters(box, "pager").isEmpty)
                #expect(try Command.run("forebay", ["hooks", "dead-letters", "none", "--data", box.data]).status == 66)
                let socket = try DatagramSocket(port: port)
                try socket.send(#"{"device":"freezer-1","temperature":-10}"#)
                try await eventually("both have given up") {
                    let metric = "forebay_hook_deliveries_total"
                    let refused = try await box.metric(metric, #"hook="pager",result="dead_letter""#)
                    let expired = try await box.metric(metric, #"hook="slow",result="expired""#)
                    return refused == 1 && expired == 1
                }
                #expect(try letters(box, "pager").map { $0["status"] as? Int } == [404])
                #expect(try letters(box, "slow").map { $0["status"] as? Int } == [500])
                let resend = ["hooks", "dead-letters", "pager", "--resend", "--data", box.data, "-o", "json"]
                let refused = try Command.run("forebay", resend)
                #expect(refused.status == 1)
                #expect(refused.output.contains("HTTP 404"))
                #expect(try letters(box, "pager").count == 1)
                daemon.kill(SIGTERM)
                #expect(try await daemon.exitCode() == 0)
                #expect(try letters(box, "slow").count == 1, "without a daemon")
                #expect(try Command.run("forebay", resend).status == 69)
                box = try self.box(bench, port, hooks: hooks("/ok", "/ok"))
                daemon = try await box.start()
                for hook in ["pager", "slow"] {
                    _ = try box.command(["hooks", "dead-letters", hook, "--resend", "--data", box.data])
                    #expect(try letters(box, hook).isEmpty)
                }
                let delivered = try receiver.requests("/ok")
                #expect(delivered.map(\.status) == ["firing", "firing"])
                let keys = try (receiver.requests("/refuse") + receiver.requests("/fail"))
                    .compactMap { $0.headers["idempotency-key"] }
                #expect(Set(delivered.compactMap { $0.headers["idempotency-key"] }) == Set(keys))
                daemon.kill(SIGTERM)
                #expect(try await daemon.exitCode() == 0)
            }
        }

        @Test("an alert is acknowledged and silenced from the command line, under a name, and over kill -9")
        func operations() async throws {
            try await Workbench.use { bench in
                let receiver = try await WebhookReceiver(bench)
                let port = try freePort(SOCK_DGRAM)
                let box = try box(bench, port, hooks: "  pager: { type: webhook, url: \"\(receiver.url("/ok"))\" }")
                var daemon = try await box.start()
                func alerts(_ arguments: String..., expecting status: Int32 = 0) throws -> [[String: Any]] {
                    let command = ["alerts"] + arguments + ["--data", box.data, "-o", "json"]
                    let text = try box.command(command, expecting: status)
                    return try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String: Any]] ?? []
                }
                func refused(_ arguments: [String]) throws -> Int32 {
                    try Command.run("forebay", ["alerts"] + arguments + ["--data", box.data]).status
                }
                let hold = ["silence", "--device", "freezer-2", "--for", "1h"]
                let made = try box.command(["alerts"] + hold + ["--data", box.data, "-o", "ndjson", "--author", "eve"])
                let socket = try DatagramSocket(port: port)
                try socket.send(#"{"device":"freezer-2","temperature":-10}"#)
                try socket.send(#"{"device":"freezer-1","temperature":-10}"#)
                try await eventually("the one that is not silenced is told") { try !receiver.requests("/ok").isEmpty }
                let told = try #require(try receiver.requests("/ok").first?.alerts.first)
                let fingerprint = try #require(told["fingerprint"] as? String)
                #expect((told["labels"] as? [String: String])?["device"] == "freezer-1")
                let acknowledged = try alerts(
                    "ack",
                    String(fingerprint.prefix(8)),
                    "--author",
                    "adam",
                    "--comment",
                    "mine"
                )
                #expect(acknowledged.map { $0["id"] as? String } == [fingerprint])
                #expect(try refused(["ack", "ffffffff"]) == 66)
                #expect(try refused(["silence", "--for", "1h"]) == 64)
                #expect(
                    try refused(["silence", "--device", "a", "--for", "1h", "--until", "2030-01-01T00:00:00Z"]) == 64
                )
                #expect(try refused(["unsilence", "00000000"]) == 66)
                #expect(try await box.metric("forebay_alerts", "acknowledged") == 1)
                #expect(try await box.metric("forebay_alerts", "silenced") == 1)
                daemon.kill(SIGKILL)
                _ = try await daemon.exitCode()
                for isRunning in [false, true] {
                    if isRunning { daemon = try await box.start() }
                    let firing = try alerts("list")
                    #expect(Set(firing.compactMap { $0["acknowledged_by"] as? String }) == ["adam"])
                    #expect(Set(firing.compactMap { $0["silenced_by"] as? String }) == ["eve"])
                    #expect(try alerts("list", "--silences").map { $0["state"] as? String } == ["active"])
                    if !isRunning { #expect(try refused(["ack", fingerprint]) == 69) }
                }
                let id = try #require(try alerts("list", "--silences").first?["id"] as? String)
                #expect(made.contains(id))
                _ = try alerts("unsilence", id)
                try await eventually("what was silenced is told") { try receiver.requests("/ok").count == 2 }
                #expect(try alerts("list", "--silences").isEmpty)
                let lines = try box.command([
                    "tail", "operations", "--from", "earliest", "-o", "ndjson", "--data", box.data,
                ])
                let valued = lines.split(separator: "\n").filter { !$0.contains(#""value":null"#) }
                #expect(valued.count == 2)
                let verdict = try Command.run(
                    Workbench.python,
                    [Workbench.script("validate_records.py"), Workbench.repository("docs/schema")],
                    input: Data(valued.joined(separator: "\n").utf8)
                )
                #expect(verdict.status == 0, "\(verdict.error)")
                daemon.kill(SIGTERM)
                #expect(try await daemon.exitCode() == 0)
            }
        }

        @Test("a hook that was unreachable is told after kill -9 what it missed, and nothing twice that it had")
        func afterAKill() async throws {
            try await Workbench.use { bench in
                let receiver = try await WebhookReceiver(bench)
                let port = try freePort(SOCK_DGRAM)
                func hooks(_ path: String) -> String { "  pager: { type: webhook, url: \"\(receiver.url(path))\" }" }
                var box = try box(bench, port, hooks: hooks("/ok"))
                var daemon = try await box.start()
                let socket = try DatagramSocket(port: port)
                try socket.send(#"{"device":"freezer-1","temperature":-10}"#)
                try await eventually("delivered") {
                    try await box.metric("forebay_hook_lag_records") == 0 && receiver.requests("/ok").count == 1
                }
                try socket.send(#"{"device":"freezer-1","temperature":-20}"#)
                try await eventually("delivered") {
                    try await box.metric("forebay_hook_lag_records") == 0 && receiver.requests("/ok").count == 2
                }
                daemon.kill(SIGKILL)
                box = try self.box(bench, port, hooks: hooks("/fail"))
                daemon = try await box.start()
                for number in 2...4 { try socket.send(#"{"device":"freezer-\#(number)","temperature":-10}"#) }
                try await eventually("three more fire") { try await box.metric("forebay_alerts", "firing") == 3 }
                try await eventually("it is tried") { try !receiver.requests("/fail").isEmpty }
                daemon.kill(SIGKILL)
                box = try self.box(bench, port, hooks: hooks("/ok"))
                daemon = try await box.start()
                func devices() throws -> [String] {
                    try receiver.requests("/ok").flatMap(\.alerts).compactMap {
                        ($0["labels"] as? [String: String])?["device"]
                    }
                }
                try await eventually("all are delivered") { try devices().count >= 5 }
                #expect(try devices() == ["freezer-1", "freezer-1", "freezer-2", "freezer-3", "freezer-4"])
            }
        }
    }
}
