// Hooks of services: what each is sent, in the words of its own interface, and with text that it cannot mistake for markup.
import Alerting
import Foundation
import Platform
import Rules
import Testing

@Suite("Service hooks", .timeLimit(.minutes(5)))
struct ServiceHookTests {
    /// A hook of that type, which delivers to this receiver.
    private func hook(_ type: String, _ receiver: HTTPReceiver) throws -> HookSettings {
        let target: HookTarget? =
            switch type {
            case "ntfy": .ntfy(url: receiver.url("/"), topic: "cold-store", headers: ["Authorization": "Bearer 7"])
            case "slack": .slack(url: receiver.url("/services/T0/B0/x"))
            case "pagerduty": .pagerduty(url: receiver.url("/v2/enqueue"), routingKey: "0123456789abcdef")
            case "alertmanager":
                .alertmanager(url: receiver.url("/am/"), headers: ["X-Scope": "a"], resendInterval: .seconds(3600))
            default: nil
            }
        return HookSettings(name: "service", target: try #require(target), timeout: .seconds(60))
    }

    /// The requests that come of these alerts, appended as one batch.
    private func deliveries(
        of alerts: [AlertRecord],
        to type: String,
        count: Int = 1,
        status: Int = 200,
        advance: Duration = .zero
    ) async throws -> [ReceivedRequest] {
        let receiver = try HTTPReceiver { _, _ in .status(status) }
        let harness = try AlertingHarness()
        harness.clock.advance(advance)
        try await withHooks(harness, [try hook(type, receiver)]) { dispatcher in
            #expect(dispatcher.status("service").type == type)
            try harness.appendAlerts(alerts)
            try await eventually("all is delivered") { dispatcher.status("service").delivered == UInt64(count) }
        }
        #expect(receiver.requests.count == count)
        #expect(receiver.requests.allSatisfy { $0.method == "POST" })
        #expect(receiver.requests.allSatisfy { $0.headers["content-type"] == "application/json" })
        #expect(Set(receiver.requests.compactMap(\.key)).count == count)
        return receiver.requests
    }

    private func json(_ request: ReceivedRequest?) throws -> [String: Any] {
        let value = try JSONSerialization.jsonObject(with: Data(try #require(request).body))
        return try #require(value as? [String: Any])
    }

    /// What a device may call itself.
    private static let hostile = "<!channel> *bold* & <https://evil.example|Click> \u{7}\u{1B}[31m"

    // MARK: ntfy

    @Test("ntfy: a message for the topic, its priority by severity, its text as it is")
    func ntfy() async throws {
        let request = try await deliveries(of: [.sample(summary: ServiceHookTests.hostile)], to: "ntfy").first
        #expect(request?.path == "/")
        #expect(request?.headers["authorization"] == "Bearer 7")
        let message = try json(request)
        #expect(message["topic"] as? String == "cold-store")
        #expect(message["title"] as? String == "FreezerTooWarm firing")
        #expect(message["message"] as? String == "<!channel> *bold* & <https://evil.example|Click>   [31m")
        #expect(message["priority"] as? Int == 5)
        #expect(message["tags"] as? [String] == ["rotating_light"])
        #expect(message["click"] as? String == "http://edge-01:8470")
        let over = try json(try await deliveries(of: [.sample(state: .resolved)], to: "ntfy").first)
        #expect(over["title"] as? String == "FreezerTooWarm resolved")
        #expect(over["priority"] as? Int == 3)
        #expect(over["tags"] as? [String] == ["white_check_mark"])
    }

    @Test(
        "a message has a bound, whole characters, and says how many alerts it leaves out",
        arguments: ["ntfy", "slack"]
    )
    func bounded(type: String) async throws {
        let words = String(repeating: "zu warm \u{2744}\u{FE0F} ", count: 40)
        let alerts = (0..<40).map { AlertRecord.sample(device: "freezer-\($0)", summary: "\($0) \(words)") }
        let message = try json(try await deliveries(of: alerts, to: type).first)
        let text = try #require((message["message"] ?? message["text"]) as? String)
        #expect(text.utf8.count < 4096)
        let shown = text.split(separator: "\n").filter { $0.hasSuffix("\u{2744}\u{FE0F} ") }.count
        #expect((1..<40).contains(shown))
        #expect(text.hasSuffix("… and \(40 - shown) more"))
        let endless = AlertRecord.sample(summary: String(repeating: "\u{2744}\u{FE0F}", count: 4000))
        let cut = try json(try await deliveries(of: [endless], to: type).first)
        let rest = try #require((cut["message"] ?? cut["text"]) as? String)
        #expect((3000..<4096).contains(rest.utf8.count))
        #expect(rest.hasSuffix("\u{2744}\u{FE0F}…"))
    }

    @Test("a message that comes late says how late", arguments: ["ntfy", "slack"])
    func late(type: String) async throws {
        let late = try json(try await deliveries(of: [.sample()], to: type, advance: .seconds(600 + 7200)).first)
        let text = try #require((late["message"] ?? late["text"]) as? String)
        #expect(text.hasSuffix("Walk-in freezer is at -11.8 °C (told 2 h late)"))
        let prompt = try json(try await deliveries(of: [.sample()], to: type, advance: .seconds(610)).first)
        #expect(((prompt["message"] ?? prompt["text"]) as? String)?.contains("late") == false)
    }

    // MARK: Slack

    @Test("slack: text without markup, its three special characters escaped")
    func slack() async throws {
        let alerts = [AlertRecord.sample(summary: ServiceHookTests.hostile), .sample(device: "freezer-8")]
        let request = try await deliveries(of: alerts, to: "slack").first
        #expect(request?.path == "/services/T0/B0/x")
        let message = try json(request)
        #expect(Set(message.keys) == ["text", "mrkdwn"])
        #expect(message["mrkdwn"] as? Bool == false)
        #expect(
            message["text"] as? String == """
                FreezerTooWarm firing: 2 alerts
                &lt;!channel&gt; *bold* &amp; &lt;https://evil.example|Click&gt;   [31m
                Walk-in freezer is at -11.8 °C
                """
        )
    }

    // MARK: PagerDuty

    @Test("pagerduty: one event per alert; firing triggers, resolving resolves the same key")
    func pagerDuty() async throws {
        let requests = try await deliveries(
            of: [.sample(), .sample(device: "freezer-8"), .sample(state: .resolved)],
            to: "pagerduty",
            count: 3,
            status: 202
        )
        let events = try requests.map { try json($0) }
        let fingerprint = AlertRecord.sample().fingerprint
        #expect(requests.allSatisfy { $0.path == "/v2/enqueue" })
        #expect(events.allSatisfy { $0["routing_key"] as? String == "0123456789abcdef" })
        #expect(events.map { $0["event_action"] as? String } == ["trigger", "trigger", "resolve"])
        #expect(events[0]["dedup_key"] as? String == "edge-01:\(fingerprint)")
        #expect(events[0]["dedup_key"] as? String == events[2]["dedup_key"] as? String)
        #expect(events[0]["dedup_key"] as? String != events[1]["dedup_key"] as? String)
        #expect(events[2]["payload"] == nil)
        let payload = try #require(events[0]["payload"] as? [String: Any])
        #expect(payload["summary"] as? String == "Walk-in freezer is at -11.8 °C")
        #expect(payload["source"] as? String == "edge-01")
        #expect(payload["severity"] as? String == "critical")
        #expect(payload["timestamp"] as? String == timeText(600))
        #expect(payload["component"] as? String == "freezer-7")
        #expect(payload["group"] as? String == "kitchen")
        #expect(payload["class"] as? String == "temperature")
        let details = try #require(payload["custom_details"] as? [String: String])
        #expect(details["line"] == "a")
        #expect(details["value"] == "-11.8")
        #expect(details["delayed_s"] == nil)
    }

    @Test("pagerduty: a severity that it does not know is a warning, a long summary is cut, lateness is a detail")
    func pagerDutyBounds() async throws {
        var record = AlertRecord.sample(summary: String(repeating: "é", count: 2000))
        record.severity = "page"
        let requests = try await deliveries(of: [record], to: "pagerduty", status: 202, advance: .seconds(700))
        let payload = try #require(try json(requests.first)["payload"] as? [String: Any])
        #expect(payload["severity"] as? String == "warning")
        let summary = try #require(payload["summary"] as? String)
        #expect((1000...1024).contains(summary.utf8.count))
        #expect((payload["custom_details"] as? [String: String])?["delayed_s"] == "100")
    }

    // MARK: Alertmanager

    private func alerts(_ request: ReceivedRequest?) throws -> [[String: Any]] {
        let value = try JSONSerialization.jsonObject(with: Data(try #require(request).body))
        return try #require(value as? [[String: Any]])
    }

    @Test("alertmanager: its own list of alerts, without an end while they fire, with label names that it takes")
    func alertmanager() async throws {
        var record = AlertRecord.sample()
        record.labels = ["line": "a", "hall no": "b", "2nd": "c", "a-b": "d", "a_b": "e", "empty": ""]
        var over = record
        over.state = .resolved
        over.at = instant(3120)
        over.resolvedAt = instant(3120)
        let requests = try await deliveries(of: [record, over], to: "alertmanager", count: 2)
        #expect(requests.allSatisfy { $0.path == "/am/api/v2/alerts" && $0.headers["x-scope"] == "a" })
        let firing = try #require(try alerts(requests[0]).first)
        #expect(
            firing["labels"] as? [String: String] == [
                "alertname": "FreezerTooWarm", "device": "freezer-7", "metric": "temperature", "severity": "critical",
                "box": "edge-01", "line": "a", "hall_no": "b", "_2nd": "c", "a_b": "e",
            ]
        )
        #expect(firing["startsAt"] as? String == timeText(600))
        #expect(firing["endsAt"] == nil)
        #expect((firing["generatorURL"] as? String)?.hasPrefix("http://edge-01:8470/") == true)
        let annotations = try #require(firing["annotations"] as? [String: String])
        #expect(annotations["summary"] == "Walk-in freezer is at -11.8 °C")
        #expect(annotations["runbook_url"] == nil)
        let resolved = try #require(try alerts(requests[1]).first)
        #expect(resolved["labels"] as? [String: String] == firing["labels"] as? [String: String])
        #expect(resolved["endsAt"] as? String == timeText(3120))
    }

    /// Devices of what a hook sends that repeats every 50 ms, after its deliveries: of three requests, or, where none is
    /// expected, of those within half a second.
    ///
    /// `known`: so many of the edges are in the hook's book. `restarts`: it is started anew after its deliveries.
    private func resent(
        _ edges: [AlertRecord],
        known: Int,
        restarts: Bool,
        expectsNone: Bool = false
    ) async throws -> [String] {
        let receiver = try HTTPReceiver()
        let harness = try AlertingHarness()
        let target = HookTarget.alertmanager(
            url: receiver.url("/am"),
            headers: [:],
            resendInterval: .milliseconds(50)
        )
        let hooks = [HookSettings(name: "service", target: target)]
        try await withHooks(harness, hooks) { _ in }
        for edge in edges.prefix(known) { try harness.appendAlerts([edge]) }
        let book = try AlertBook(reading: harness.log)
        for edge in edges.dropFirst(known) { try harness.appendAlerts([edge]) }
        var before = 0
        func observe(_ dispatcher: HookDispatcher) async throws {
            before = receiver.requests.count
            let clock = SystemClock()
            let end = clock.monotonic().advanced(by: .milliseconds(500))
            try await eventually("it repeats what fires") {
                receiver.requests.count >= before + 3 || (expectsNone && clock.monotonic() >= end)
            }
        }
        try await withHooks(harness, hooks, book: book) { dispatcher in
            try await eventually("all is delivered") { dispatcher.status("service").delivered == UInt64(edges.count) }
            try await eventually("nothing is left") { dispatcher.status("service").lagRecords == 0 }
            if !restarts { try await observe(dispatcher) }
        }
        if restarts { try await withHooks(harness, hooks, book: book) { try await observe($0) } }
        return try receiver.requests.dropFirst(before).flatMap { request in
            try alerts(request).compactMap { ($0["labels"] as? [String: String])?["device"] }
        }
    }

    @Test(
        "alertmanager: what fires is told again and again, also after a restart; what is over is not",
        arguments: [true, false]
    )
    func keptAlive(restarts: Bool) async throws {
        let edges = [
            AlertRecord.sample(device: "freezer-1"), .sample("Door", device: "door-1", notify: ["another", "service"]),
            .sample(device: "freezer-1", state: .resolved),
        ]
        let devices = try await resent(edges, known: 3, restarts: restarts)
        #expect(devices.count >= 3)
        #expect(Set(devices) == ["door-1"])
    }

    @Test("alertmanager: what was told to be over is not told to fire, though the book has not heard of it yet")
    func bookLags() async throws {
        let edges = [AlertRecord.sample(device: "freezer-1"), .sample(device: "freezer-1", state: .resolved)]
        #expect(try await resent(edges, known: 1, restarts: false, expectsNone: true).isEmpty)
    }

    @Test("the planted bug: a hook that does not remember what it told would have it fire again")
    func bookLagsForgetful() async throws {
        let edges = [AlertRecord.sample(device: "freezer-1"), .sample(device: "freezer-1", state: .resolved)]
        #expect(try await resent(edges, known: 1, restarts: true).contains("freezer-1"))
    }

    // MARK: All of them

    private static let types = ["ntfy", "slack", "pagerduty", "alertmanager"]

    @Test("each is tried again with its key where the service is down, and gives up what it refuses", arguments: types)
    func failures(type: String) async throws {
        let receiver = try HTTPReceiver { _, number in
            switch number {
            case 1: .status(503)
            case 2: .status(429, headers: ["Retry-After": "0"])
            case 3: .status(200)
            default: .status(400, body: "no such thing")
            }
        }
        let harness = try AlertingHarness()
        try await withHooks(harness, [try hook(type, receiver)]) { dispatcher in
            try harness.appendAlerts([.sample("A")])
            try await eventually("it is delivered") { dispatcher.status("service").delivered == 1 }
            #expect(dispatcher.status("service").failed == 2)
            try harness.appendAlerts([.sample("B")])
            try await eventually("it is refused") { dispatcher.status("service").refused == 1 }
        }
        #expect(Set(receiver.requests.prefix(3).map(\.key)).count == 1)
        #expect(Set(receiver.requests.prefix(3).map(\.body)).count == 1)
        let letters = try DeadLetter.all(harness, of: "service")
        #expect(letters.map { $0.alerts.map(\.alert) } == [["B"]])
        #expect(letters.first?.error.contains("no such thing") == true)
    }

    @Test("each takes a test", arguments: types)
    func test(type: String) async throws {
        let receiver = try HTTPReceiver()
        let harness = try AlertingHarness()
        try await withHooks(harness, [try hook(type, receiver)]) { dispatcher in
            let result = await dispatcher.test("service")
            #expect(result?.delivered == true)
        }
        #expect(receiver.requests.count == 1)
        #expect(String(decoding: try #require(receiver.requests.first).body, as: UTF8.self).contains("ForebayTest"))
    }
}
