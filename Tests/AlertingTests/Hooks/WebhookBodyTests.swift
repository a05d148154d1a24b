// What a webhook's receiver gets: Alertmanager's document, version 4, and which alerts share one.
import Alerting
import Platform
import Rules
import Testing

@Suite("Webhook body", .timeLimit(.minutes(5)))
struct WebhookBodyTests {
    /// The keys of the document, and no others: additions stand inside of `alerts` only.
    private static let keys: Set = [
        "version", "groupKey", "status", "receiver", "groupLabels", "commonLabels", "commonAnnotations", "externalURL",
        "truncatedAlerts", "alerts",
    ]

    /// The requests that come of these alerts, appended as one batch; all of them are answered with 200.
    private func deliveries(
        of alerts: [AlertRecord],
        count: Int,
        hook: (HTTPReceiver) -> HookSettings = { webhook("pager", $0) },
        origin: AlertOrigin = AlertingHarness.origin
    ) async throws -> [ReceivedRequest] {
        let receiver = try HTTPReceiver()
        let harness = try AlertingHarness()
        try await withHooks(harness, [hook(receiver)], origin: origin) { dispatcher in
            try harness.appendAlerts(alerts)
            try await eventually("all is delivered") { dispatcher.status().delivered == UInt64(count) }
        }
        #expect(receiver.requests.count == count)
        return receiver.requests
    }

    @Test("a firing alert is a POST of Alertmanager's version 4, with all of its keys")
    func firing() async throws {
        var record = AlertRecord.sample()
        record.runbook = "https://wiki.example/freezers"
        record.details = "The compressor may be off."
        let requests = try await deliveries(of: [record], count: 1)
        let request = try #require(requests.first)
        #expect(request.method == "POST")
        #expect(request.path == "/alert")
        #expect(request.headers["content-type"] == "application/json")
        #expect(request.key?.isEmpty == false)
        #expect(try keysOfJSON(request.body) == WebhookBodyTests.keys)

        let document = try WebhookDocument(request.body)
        #expect(document.version == "4")
        #expect(document.status == "firing")
        #expect(document.receiver == "pager")
        #expect(document.externalURL == "http://edge-01:8470")
        #expect(document.truncatedAlerts == 0)
        #expect(document.groupKey == #"{}:{alertname="FreezerTooWarm"}"#)
        #expect(document.groupLabels == ["alertname": "FreezerTooWarm"])
        let alert = try #require(document.alerts.first)
        #expect(document.alerts.count == 1)
        #expect(document.commonLabels == alert.labels)
        #expect(document.commonAnnotations == alert.annotations)
        #expect(alert.status == "firing")
        #expect(
            alert.labels == [
                "alertname": "FreezerTooWarm", "device": "freezer-7", "metric": "temperature", "severity": "critical",
                "box": "edge-01", "line": "a",
            ]
        )
        #expect(
            alert.annotations == [
                "summary": "Walk-in freezer is at -11.8 °C", "description": "The compressor may be off.",
                "value": "-11.8", "unit": "°C", "threshold": "-15", "runbook_url": "https://wiki.example/freezers",
            ]
        )
        #expect(alert.startsAt == timeText(600))
        #expect(alert.endsAt == "0001-01-01T00:00:00Z")
        #expect(alert.generatorURL.hasPrefix("http://edge-01:8470/"))
        #expect(alert.fingerprint == record.fingerprint)
    }

    @Test("a resolved alert says when it began and when it ended")
    func resolved() async throws {
        let requests = try await deliveries(of: [.sample(state: .resolved)], count: 1)
        let request = try #require(requests.first)
        let document = try WebhookDocument(request.body)
        #expect(document.status == "resolved")
        #expect(document.alerts.map(\.status) == ["resolved"])
        #expect(document.alerts.map(\.startsAt) == [timeText(600)])
        #expect(document.alerts.map(\.endsAt) == [timeText(3120)])
    }

    @Test("a label of the event does not hide one of Forebay's own, and what is unknown is empty")
    func ownLabels() async throws {
        var record = AlertRecord.sample()
        record.labels = ["device": "another", "alertname": "x", "line": "a"]
        record.unit = nil
        let requests = try await deliveries(of: [record], count: 1, origin: AlertOrigin(box: "edge-01"))
        let request = try #require(requests.first)
        let document = try WebhookDocument(request.body)
        let alert = try #require(document.alerts.first)
        #expect(document.externalURL == "")
        #expect(alert.generatorURL == "")
        #expect(alert.labels["device"] == "freezer-7")
        #expect(alert.labels["alertname"] == "FreezerTooWarm")
        #expect(alert.annotations["unit"] == "")
        #expect(alert.annotations["runbook_url"] == "")
        #expect(alert.annotations["description"] == record.condition)
    }

    @Test("headers of the configuration are sent, but for those that are the delivery's own")
    func headers() async throws {
        let requests = try await deliveries(
            of: [.sample()],
            count: 1,
            hook: { webhook("pager", $0, headers: ["Authorization": "Bearer 7", "Idempotency-Key": "mine"]) }
        )
        #expect(requests.map { $0.headers["authorization"] } == ["Bearer 7"])
        #expect(requests.map(\.key) != ["mine"])
    }

    @Test("alerts of one rule that change together go together; another state or rule is another delivery")
    func groups() async throws {
        let requests = try await deliveries(
            of: [
                .sample(device: "freezer-7"), .sample(device: "freezer-8"),
                .sample(device: "freezer-7", state: .resolved), .sample("Door", device: "door-1"),
                .sample("Door", device: "door-1", cause: 2000), .sample("Door", device: "door-2"),
            ],
            count: 4
        )
        let documents = try requests.map { try WebhookDocument($0.body) }
        #expect(documents.map(\.status) == ["firing", "resolved", "firing", "firing"])
        #expect(
            documents.map(\.devices) == [["freezer-7", "freezer-8"], ["freezer-7"], ["door-1"], ["door-1", "door-2"]]
        )
        #expect(documents.last?.groupLabels == ["alertname": "Door"])
        let first = try #require(documents.first)
        #expect(first.commonLabels["line"] == "a")
        #expect(first.commonLabels["device"] == nil)
        #expect(Set(requests.compactMap(\.key)).count == 4)
    }

    @Test("a delivery has its bound: one alert more begins the next", arguments: [0, 1])
    func bound(beyond: Int) async throws {
        let most = AlertingLimits.alertsPerDeliveryMax
        let alerts = (0..<most + beyond).map { AlertRecord.sample(device: "freezer-\($0)") }
        let requests = try await deliveries(of: alerts, count: 1 + beyond)
        let documents = try requests.map { try WebhookDocument($0.body) }
        #expect(documents.map(\.alerts.count) == (beyond == 0 ? [most] : [most, beyond]))
        #expect(documents.flatMap(\.devices) == alerts.map(\.device))
    }

    @Test("`hooks test` sends one marked alert beside the queue")
    func test() async throws {
        let receiver = try HTTPReceiver()
        let harness = try AlertingHarness()
        try await withHooks(harness, [webhook("pager", receiver)]) { dispatcher in
            let tested = await dispatcher.test("pager")
            let result = try #require(tested)
            #expect(result.delivered)
            #expect(result.status == 200)
            #expect(result.error == nil)
            let unknown = await dispatcher.test("nobody")
            #expect(unknown == nil)
            #expect(dispatcher.status().delivered == 0)
        }
        let request = try #require(receiver.requests.first)
        let document = try WebhookDocument(request.body)
        #expect(document.alerts.first?.labels["test"] == "true")
        #expect(document.alerts.first?.annotations["summary"]?.hasPrefix("TEST") == true)
        #expect(receiver.requests.count == 1)
        #expect(try harness.alerts().isEmpty)
    }

    @Test("from a reading to the receiver: the alert that fires is the alert that arrives")
    func wholeLine() async throws {
        let receiver = try HTTPReceiver()
        let harness = try AlertingHarness()
        let runner = try harness.runner([freezerRule(holdFor: .zero)])
        try await withHooks(harness, [webhook("pager", receiver)]) { dispatcher in
            for step: ScriptStep in [.start(0), .reading(1, -10), .reading(2, -18)] {
                try harness.append(step)
                try harness.settle(runner)
            }
            try await eventually("both edges are delivered") { dispatcher.status().delivered == 2 }
        }
        let stored = try harness.alerts()
        let sent = try receiver.requests.flatMap { try WebhookDocument($0.body).alerts }
        #expect(sent.map(\.status) == ["firing", "resolved"])
        #expect(sent.map(\.fingerprint) == stored.map(\.fingerprint))
        #expect(sent.compactMap { $0.annotations["summary"] } == stored.map(\.summary))
        #expect(sent.map(\.startsAt) == [timeText(1), timeText(1)])
        #expect(sent.map(\.endsAt) == ["0001-01-01T00:00:00Z", timeText(2)])
    }
}
