// What comes late says so, and what comes too late is given up: by the clock, and only where the clock can be believed.
import Alerting
import Platform
import Rules
import Testing

@Suite("Hook expiry", .timeLimit(.minutes(5)))
struct ExpiryTests {
    /// A failing receiver, one alert, and an hour later: how the hook stands after three more attempts or the end of them.
    private func anHourLater(retryFor: Duration) async throws -> (status: HookStatus, letters: [DeadLetter]) {
        let receiver = try HTTPReceiver { _, _ in .status(500) }
        let harness = try AlertingHarness()
        harness.clock.advance(.seconds(600))
        var status = HookStatus(name: "pager", type: "none")
        try await withHooks(harness, [webhook("pager", receiver, retryFor: retryFor)]) { dispatcher in
            try harness.appendAlerts([.sample()])
            try await eventually("it is tried") { dispatcher.status().failed >= 2 }
            harness.clock.advance(.seconds(3599))
            let before = dispatcher.status().failed
            try await eventually("it is tried further") { dispatcher.status().failed >= before + 3 }
            #expect(dispatcher.status().expired == 0)
            harness.clock.advance(.seconds(1))
            let then = dispatcher.status().failed
            try await eventually("it is given up, or tried further") {
                dispatcher.status().expired > 0 || dispatcher.status().failed >= then + 3
            }
            receiver.follow { _, _ in .status(200) }
            try harness.appendAlerts([.sample("Door", device: "door-1")])
            try await eventually("the hook goes on") { try receiver.devices().last == "door-1" }
            try await eventually("nothing is left") { dispatcher.status().lagRecords == 0 }
            status = dispatcher.status()
        }
        return (status, try DeadLetter.all(harness))
    }

    @Test("a delivery that has failed for as long as `retry_for` is a dead letter, and the hook goes on")
    func expired() async throws {
        let (status, letters) = try await anHourLater(retryFor: .seconds(3600))
        #expect(status.expired == 1)
        #expect(status.refused == 0)
        #expect(status.delivered == 1)
        #expect(status.deliveriesByResult.first { $0.result == "expired" }?.count == 1)
        let letter = try #require(letters.first)
        #expect(letters.count == 1)
        #expect(letter.alerts == [.sample()])
        #expect(letter.offsets == [0])
        #expect(letter.status == 500)
        #expect(letter.error.contains("too late"))
        #expect(letter.error.contains("HTTP 500"))
    }

    @Test("the planted bug: without the limit the same delivery is tried on, and delivered in the end")
    func unlimited() async throws {
        let (status, letters) = try await anHourLater(retryFor: .seconds(365 * 86_400))
        #expect(status.expired == 0)
        #expect(status.delivered == 2)
        #expect(letters.isEmpty)
    }

    /// An alert that waited while the box was off for two hours, under a hook that gives up after one.
    ///
    /// `quality`: of the clock after that time.
    private func afterAnOutage(
        _ answer: ReceiverAnswer,
        quality: ClockQuality = .synchronised
    ) async throws -> (status: HookStatus, requests: [ReceivedRequest]) {
        let receiver = try HTTPReceiver { _, _ in answer }
        let harness = try AlertingHarness()
        let hooks = [webhook("pager", receiver, retryFor: .seconds(3600))]
        try await withHooks(harness, hooks) { _ in }
        try harness.appendAlerts([.sample(device: "freezer-1"), .sample("Door", device: "door-1")])
        try harness.crash()
        harness.clock.step(.seconds(600 + 7200), quality: quality)
        var status = HookStatus(name: "pager", type: "none")
        try await withHooks(harness, hooks) { dispatcher in
            try await eventually("both are dealt with, or tried several times") {
                let status = dispatcher.status()
                return status.delivered + status.expired == 2 || status.failed >= 5
            }
            status = dispatcher.status()
        }
        return (status, receiver.requests)
    }

    @Test("what became too late while the box was off gets one attempt, and is given up where that fails")
    func overAnOutage() async throws {
        let (status, requests) = try await afterAnOutage(.status(500))
        #expect(status.expired == 2)
        #expect(try requests.flatMap { try WebhookDocument($0.body).devices } == ["freezer-1", "door-1"])
    }

    @Test("the one attempt may succeed")
    func lateSuccess() async throws {
        let (status, requests) = try await afterAnOutage(.status(200))
        #expect(status.delivered == 2)
        #expect(status.expired == 0)
        let alerts = try requests.flatMap { try WebhookDocument($0.body).alerts }
        #expect(alerts.map(\.delayedSeconds) == [7200, 7200])
    }

    @Test("a wall clock that nobody has set lets nothing expire, and says of nothing that it is late")
    func unbelievableClock() async throws {
        let (failing, _) = try await afterAnOutage(.status(500), quality: .unsynchronised)
        #expect(failing.expired == 0)
        #expect(failing.failed >= 5)
        let (_, requests) = try await afterAnOutage(.status(200), quality: .unsynchronised)
        let alerts = try requests.flatMap { try WebhookDocument($0.body).alerts }
        #expect(alerts.map(\.delayedSeconds) == [nil, nil])
    }

    @Test("what is delivered a minute or more after its edge says how late it is, within `alerts` and nowhere else")
    func delayed() async throws {
        let receiver = try HTTPReceiver { _, _ in .status(500) }
        let harness = try AlertingHarness()
        harness.clock.advance(.seconds(600 + 59))
        try await withHooks(harness, [webhook("pager", receiver)]) { dispatcher in
            try harness.appendAlerts([.sample()])
            try await eventually("it is tried") { dispatcher.status().failed >= 2 }
            harness.clock.advance(.seconds(1))
            let before = receiver.requests.count
            try await eventually("it is tried further") { receiver.requests.count >= before + 2 }
            harness.clock.advance(.seconds(3600))
            receiver.follow { _, _ in .status(200) }
            try await eventually("it is delivered") { dispatcher.status().delivered == 1 }
        }
        let first = try #require(receiver.requests.first)
        let last = try #require(receiver.requests.last)
        #expect(try WebhookDocument(first.body).alerts.map(\.delayedSeconds) == [nil])
        #expect(try WebhookDocument(last.body).alerts.map(\.delayedSeconds) == [3660])
        let seen = try receiver.requests.flatMap { try WebhookDocument($0.body).alerts }.map(\.delayedSeconds)
        #expect(seen.contains(60))
        #expect(try keysOfJSON(first.body) == keysOfJSON(last.body))
        #expect(Set(receiver.requests.map(\.key)).count == 1, "a retry carries the same key")
    }
}
