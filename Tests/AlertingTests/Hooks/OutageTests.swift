// A receiver that is down for two days of simulated time, and what it hears when it is back.
import Alerting
import CommitLog
import Platform
import Rules
import Testing

@Suite("A long outage", .timeLimit(.minutes(5)))
struct OutageTests {
    /// What was told after the outage, and in how many deliveries.
    private struct Outcome {
        var told: [String]
        var deliveries: Int
        var lost: UInt64
    }

    /// Every hour of two days one freezer fires, and most of them resolve within it; the receiver fails until then.
    ///
    /// `knows`: without, the hook does not know what is over.
    private func outage(knows: Bool) async throws -> Outcome {
        let bench = try PolicyBench([])
        bench.receiver.follow { _, _ in .status(503) }
        var outcome = Outcome(told: [], deliveries: 0, lost: 0)
        try await withHooks(
            bench.harness,
            [bench.hook()],
            book: knows ? bench.book : AlertBook()
        ) { dispatcher in
            for hour in 0..<48 {
                try bench.fire("FreezerTooWarm", ["freezer-\(hour)"])
                bench.harness.clock.advance(.seconds(1800))
                if hour % 6 != 0 { try bench.resolve("FreezerTooWarm", ["freezer-\(hour)"]) }
                bench.harness.clock.advance(.seconds(1800))
            }
            let tried = dispatcher.status().failed
            try await eventually("it is tried with all of it there") { dispatcher.status().failed >= tried + 2 }
            let before = bench.receiver.requests.count
            bench.receiver.follow { _, _ in .status(200) }
            try await eventually("nothing is left") { dispatcher.status().lagRecords == 0 }
            let status = dispatcher.status()
            // A last attempt of the outage may have been counted after the look.
            let requests = bench.receiver.requests.dropFirst(before).suffix(Int(status.delivered))
            outcome.told = try requests.flatMap { request in
                try WebhookDocument(request.body).alerts.map { "\($0.status) \($0.labels["device"] ?? "")" }
            }
            outcome.deliveries = requests.count
            outcome.lost = status.expired + status.refused + status.skippedRecords
        }
        return outcome
    }

    @Test("each alert is told once, what is over by its end alone, in order, and without a storm")
    func once() async throws {
        let outcome = try await outage(knows: true)
        let expected = (0..<48).map { $0 % 6 == 0 ? "firing freezer-\($0)" : "resolved freezer-\($0)" }
        #expect(outcome.told == expected)
        #expect(outcome.deliveries == 16)
        #expect(outcome.lost == 0)
    }

    @Test("the planted bug: a hook that does not know what is over tells of each twice")
    func storm() async throws {
        let outcome = try await outage(knows: false)
        #expect(outcome.told.count == 48 + 40)
    }
}
