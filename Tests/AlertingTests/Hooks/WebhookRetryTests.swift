// A receiver that fails: tried again, given up, or waited for; and nobody else waits with it.
import Alerting
import Platform
import Rules
import Testing

@Suite("Webhook retries", .timeLimit(.minutes(5)))
struct WebhookRetryTests {
    @Test(
        "what may work later is tried again, with the same key and body, until it works",
        arguments: [
            .status(500), .status(503), .status(408), .status(429), .status(302, headers: ["Location": "/elsewhere"]),
            .hangUp,
        ] as [ReceiverAnswer]
    )
    func retried(answer: ReceiverAnswer) async throws {
        let receiver = try HTTPReceiver { _, number in number <= 2 ? answer : .status(204) }
        let harness = try AlertingHarness()
        try await withHooks(harness, [webhook("pager", receiver)]) { dispatcher in
            try harness.appendAlerts([.sample()])
            try await eventually("the first is delivered") { dispatcher.status().delivered == 1 }
            #expect(dispatcher.status().failed == 2)
            #expect(dispatcher.status().refused == 0)
            #expect(dispatcher.status().lastError == nil)
            #expect(dispatcher.status().lastSuccess == harness.clock.now())
            try harness.appendAlerts([.sample(state: .resolved)])
            try await eventually("the second is delivered") { dispatcher.status().delivered == 2 }
        }
        let requests = receiver.requests(to: "/alert")
        #expect(requests.count == 4)
        #expect(Set(requests.prefix(3).compactMap(\.key)).count == 1)
        #expect(Set(requests.prefix(3).map(\.body)).count == 1)
        #expect(requests.last?.key != requests.first?.key)
        #expect(receiver.requests.count == requests.count, "no redirect is followed")
    }

    @Test("the waits between attempts grow")
    func backoff() async throws {
        let receiver = try HTTPReceiver { _, number in number == 4 ? .status(200) : .status(500) }
        let harness = try AlertingHarness()
        let retry = HookRetryPolicy(first: .milliseconds(80), longest: .milliseconds(320))
        try await withHooks(harness, [webhook("pager", receiver)], retry: retry) { dispatcher in
            try harness.appendAlerts([.sample()])
            try await eventually("it is delivered") { dispatcher.status().delivered == 1 }
        }
        let times = receiver.requests.map(\.at)
        try #require(times.count == 4)
        let waits = zip(times.dropFirst(), times).map { $0.since($1) }
        // Half to all of a ceiling that doubles; a timer is never early.
        #expect(waits[0] >= .milliseconds(40))
        #expect(waits[1] >= .milliseconds(80))
        #expect(waits[2] >= .milliseconds(160))
    }

    @Test(
        "what the receiver refuses for good goes to the dead letters, and the hook goes on",
        arguments: [400, 401, 404, 410]
    )
    func refused(status: Int) async throws {
        let receiver = try HTTPReceiver { _, number in
            number == 2 ? .status(200) : .status(status, body: "nobody of\nthat name")
        }
        let harness = try AlertingHarness()
        let alerts = [AlertRecord.sample("A"), .sample("B"), .sample("C")]
        try await withHooks(harness, [webhook("pager", receiver)]) { dispatcher in
            try harness.appendAlerts(alerts)
            try await eventually("all three are dealt with") {
                dispatcher.status().refused == 2 && dispatcher.status().delivered == 1
            }
            #expect(dispatcher.status().failed == 0)
            #expect(dispatcher.status().lastError?.contains("\(status)") == true)
            try await eventually("nothing is left") { dispatcher.status().lagRecords == 0 }
        }
        let keys = receiver.requests.compactMap(\.key)
        try #require(keys.count == 3)
        let letters = try DeadLetter.all(harness)
        #expect(letters.map(\.alerts) == [[alerts[0]], [alerts[2]]])
        #expect(letters.map(\.offsets) == [[0], [2]])
        #expect(letters.map(\.status) == [status, status])
        #expect(letters.map(\.key) == [keys[0], keys[2]])
        #expect(letters.allSatisfy { $0.error.contains("nobody of that name") })
        #expect(letters.map(\.at) == [timeText(0), timeText(0)])
    }

    @Test(
        "a receiver that does not answer in time is tried again",
        arguments: [.silence, .stall(500)] as [ReceiverAnswer]
    )
    func timeout(answer: ReceiverAnswer) async throws {
        let receiver = try HTTPReceiver { _, _ in answer }
        let harness = try AlertingHarness()
        let hook = webhook("pager", receiver, timeout: .milliseconds(500))
        try await withHooks(harness, [hook]) { dispatcher in
            try harness.appendAlerts([.sample()])
            try await eventually("two attempts have failed") { dispatcher.status().failed >= 2 }
            #expect(dispatcher.status().lastError != nil)
            #expect(dispatcher.status().delivered == 0)
            receiver.follow { _, _ in .status(200) }
            try await eventually("it is delivered") { dispatcher.status().delivered == 1 }
        }
        #expect(receiver.requests.count >= 3)
        #expect(Set(receiver.requests.compactMap(\.key)).count == 1)
    }

    @Test("a receiver that hangs blocks its own hook only")
    func hanging() async throws {
        let receiver = try HTTPReceiver { request, _ in request.path == "/hung" ? .silence : .status(200) }
        let harness = try AlertingHarness()
        let hooks = [
            webhook("hung", receiver, path: "/hung", timeout: .seconds(600)),
            webhook("pager", receiver, path: "/pager"),
        ]
        try await withHooks(harness, hooks) { dispatcher in
            try harness.appendAlerts([.sample("A")])
            try await eventually("the first hook hangs") { receiver.requests(to: "/hung").count == 1 }
            for alert in ["B", "C", "D"] { try harness.appendAlerts([.sample(alert)]) }
            try await eventually("the other one delivers all") {
                try receiver.devices(to: "/pager").count == 4 && dispatcher.status("pager").lagRecords == 0
            }
            #expect(dispatcher.status("hung").delivered == 0)
            #expect(receiver.requests(to: "/hung").count == 1)
        }
    }

    @Test("alerts count as lag until they are delivered, the delivery on its way included")
    func lag() async throws {
        let receiver = try HTTPReceiver { _, _ in .silence }
        let harness = try AlertingHarness()
        let hook = webhook("pager", receiver, timeout: .seconds(600))
        try await withHooks(harness, [hook]) { dispatcher in
            #expect(dispatcher.status().lagRecords == 0)
            try harness.appendAlerts([.sample("A")])
            try await eventually("the delivery is on its way") { receiver.requests.count == 1 }
            #expect(dispatcher.status().lagRecords == 1)
            try harness.appendAlerts([.sample("B"), .sample("C")])
            #expect(dispatcher.status().lagRecords == 3)
        }
    }

    @Test("a receiver that was down is served when it is back, though nothing new was appended")
    func unreachable() async throws {
        let harness = try AlertingHarness()
        var receiver: HTTPReceiver? = try HTTPReceiver { _, _ in .hangUp }
        let hook = webhook("pager", try #require(receiver), timeout: .seconds(10))
        try await withHooks(harness, [hook]) { dispatcher in
            try harness.appendAlerts([.sample()])
            try await eventually("it is tried") { dispatcher.status().failed >= 1 }
            receiver = nil
            let before = dispatcher.status().failed
            // Nobody listens on the port any more: connections are refused.
            try await eventually("it is tried further") { dispatcher.status().failed >= before + 2 }
            #expect(dispatcher.status().delivered == 0)
            #expect(dispatcher.status().lastError?.isEmpty == false)
        }
        let back = try HTTPReceiver()
        try await withHooks(harness, [webhook("pager", back)]) { dispatcher in
            try await eventually("it is delivered") { dispatcher.status().delivered == 1 }
        }
        #expect(try back.devices() == ["freezer-7"])
    }
}
