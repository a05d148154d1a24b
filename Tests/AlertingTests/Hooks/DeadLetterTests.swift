// What was given up: kept line by line, listed, and sent again so that the receiver ends with what holds.
import Alerting
import Platform
import Rules
import Testing

@Suite("Dead letters", .timeLimit(.minutes(5)))
struct DeadLetterTests {
    /// Appends the alerts one by one to a hook whose receiver refuses all of them.
    private func refuse(_ alerts: [AlertRecord], _ harness: AlertingHarness, _ dispatcher: HookDispatcher) async throws
    {
        for (count, alert) in alerts.enumerated() {
            try harness.appendAlerts([alert])
            try await eventually("it is refused") {
                dispatcher.status().refused == UInt64(count + 1) && dispatcher.status().lagRecords == 0
            }
        }
    }

    @Test("each is tried once more in its order, with its own key; what gets through is taken out")
    func resend() async throws {
        let receiver = try HTTPReceiver { _, _ in .status(400, body: "no") }
        let harness = try AlertingHarness()
        try await withHooks(harness, [webhook("pager", receiver)]) { dispatcher in
            try await refuse(["A", "B", "C"].map { .sample($0) }, harness, dispatcher)
            let keys = receiver.requests.map(\.key)
            receiver.follow { request, _ in
                String(decoding: request.body, as: UTF8.self).contains(#""alertname":"B""#)
                    ? .status(404, body: "not B") : .status(200)
            }
            let listed = try await dispatcher.deadLetters("pager")
            #expect(listed?.count == 3)
            let asked = await dispatcher.resendDeadLetters("pager")
            let result = try #require(asked)
            #expect((result.delivered, result.left) == (2, 1))
            #expect(result.error?.contains("not B") == true)
            #expect(receiver.requests.suffix(3).map(\.key) == keys)
            #expect(try DeadLetter.all(harness).flatMap { $0.alerts.map(\.alert) } == ["B"])
            #expect(dispatcher.status().delivered == 2)
            receiver.follow { _, _ in .status(200) }
            let again = await dispatcher.resendDeadLetters("pager")
            #expect((again?.delivered, again?.left, again?.error) == (1, 0, nil))
            #expect(try DeadLetter.all(harness).isEmpty)
            let unknown = await dispatcher.resendDeadLetters("nobody")
            #expect(unknown == nil)
        }
        #expect(receiver.requests.count == 7)
    }

    @Test("a receiver that is down ends the run at the first, and nothing is lost")
    func receiverIsDown() async throws {
        let receiver = try HTTPReceiver { _, _ in .status(400) }
        let harness = try AlertingHarness()
        try await withHooks(harness, [webhook("pager", receiver)]) { dispatcher in
            try await refuse(["A", "B"].map { .sample($0) }, harness, dispatcher)
            receiver.follow { _, _ in .status(503) }
            let result = await dispatcher.resendDeadLetters("pager")
            #expect(result?.delivered == 0)
            #expect(result?.left == 2)
            #expect(result?.error?.contains("503") == true)
        }
        #expect(receiver.requests.count == 3)
        #expect(try DeadLetter.all(harness).count == 2)
    }

    @Test("stopped in the middle, a run ends at once, and nothing is lost")
    func stopped() async throws {
        let receiver = try HTTPReceiver { _, _ in .status(400) }
        let harness = try AlertingHarness()
        let hook = webhook("pager", receiver, timeout: .seconds(600))
        var run: Task<DeadLetterResend?, Never>?
        try await withHooks(harness, [hook]) { dispatcher in
            try await refuse([.sample("A")], harness, dispatcher)
            receiver.follow { _, _ in .silence }
            run = Task { await dispatcher.resendDeadLetters("pager") }
            try await eventually("it is on its way") { receiver.requests.count == 2 }
            // It waits for the run, and the end waits for neither.
            try harness.appendAlerts([.sample("B")])
        }
        let result = await run?.value
        #expect(result?.delivered == 0)
        #expect(try DeadLetter.all(harness).count == 1)
    }

    @Test("while a delivery waits for its receiver, dead letters wait behind it")
    func behindADelivery() async throws {
        let receiver = try HTTPReceiver { _, _ in .status(400) }
        let harness = try AlertingHarness()
        try await withHooks(harness, [webhook("pager", receiver)]) { dispatcher in
            try await refuse([.sample("A")], harness, dispatcher)
            receiver.follow { _, _ in .status(503) }
            try harness.appendAlerts([.sample("B")])
            try await eventually("it is tried") { dispatcher.status().failed >= 2 }
            let result = await dispatcher.resendDeadLetters("pager")
            #expect(result?.delivered == 0)
            #expect(result?.left == 1)
            #expect(result?.error?.contains("comes first") == true)
        }
        let alerts = try receiver.requests.dropFirst().flatMap { try WebhookDocument($0.body).alerts }
        #expect(alerts.allSatisfy { $0.labels["alertname"] == "B" })
    }

    /// What a receiver is told, where it refused an alert's firing, took its end, and gets the first once more.
    ///
    /// `knowsTheEnd`: whether the hook's book has it.
    private func statesTold(knowsTheEnd: Bool) async throws -> [String] {
        let receiver = try HTTPReceiver { _, _ in .status(400) }
        let harness = try AlertingHarness()
        let hooks = [webhook("pager", receiver)]
        try await withHooks(harness, hooks) { dispatcher in
            try await refuse([.sample()], harness, dispatcher)
            receiver.follow { _, _ in .status(200) }
            try harness.appendAlerts([.sample(state: .resolved)])
            try await eventually("its end is delivered") { dispatcher.status().delivered == 1 }
        }
        let book = knowsTheEnd ? try AlertBook(reading: harness.log) : AlertBook()
        try await withHooks(harness, hooks, book: book) { dispatcher in
            let result = await dispatcher.resendDeadLetters("pager")
            #expect((result?.delivered, result?.left, result?.error) == (1, 0, nil))
        }
        return try receiver.requests.dropFirst().map { try WebhookDocument($0.body).status }
    }

    @Test("a receiver that was told of a later edge is told of it again, and ends with what holds")
    func laterEdge() async throws {
        #expect(try await statesTold(knowsTheEnd: true) == ["resolved", "firing", "resolved"])
    }

    @Test("the planted bug: without the later edge the receiver would take the alert to fire")
    func laterEdgeForgotten() async throws {
        #expect(try await statesTold(knowsTheEnd: false) == ["resolved", "firing"])
    }

    /// A file whose last line a crash cut off; how many letters there are after the next one was buried.
    private func lettersAfterACut(repairs: Bool) async throws -> Int {
        let receiver = try HTTPReceiver { _, _ in .status(400) }
        let harness = try AlertingHarness()
        let path = harness.directory.path + "/hooks/pager.dead-letters"
        try await withHooks(harness, [webhook("pager", receiver)]) { dispatcher in
            try await refuse([.sample("A"), .sample("B")], harness, dispatcher)
        }
        let whole = try contents(of: path)
        try write(Array(whole.dropLast(20)), to: path)
        try await withHooks(harness, [webhook("pager", receiver)]) { dispatcher in
            try await refuse([.sample("C")], harness, dispatcher)
            if !repairs {
                let lines = try contents(of: path).split(separator: 0x0A).map { Array($0) }
                try write(lines[0] + [0x0A] + lines[1] + lines[2] + [0x0A], to: path)
            }
        }
        var count = 0
        try await withHooks(harness, [webhook("pager", receiver)]) { dispatcher in
            count = try await dispatcher.deadLetters("pager")?.count ?? 0
            receiver.follow { _, _ in .status(200) }
            let result = await dispatcher.resendDeadLetters("pager")
            #expect(result?.delivered == count)
            #expect(result?.left == 1, "the line that was cut off stays for people")
        }
        return count
    }

    @Test("a line that a crash cut off takes no other with it")
    func cutOff() async throws {
        #expect(try await lettersAfterACut(repairs: true) == 2)
    }

    @Test("the planted bug: appended to the cut line, the next letter would be lost, and be noticed")
    func cutOffUnrepaired() async throws {
        #expect(try await lettersAfterACut(repairs: false) == 1)
    }
}
