// A hook that was away for so long that retention has passed its cursor.
import Alerting
import CommitLog
import Foundation
import Platform
import Testing

@Suite("Overtaken hook", .timeLimit(.minutes(5)))
struct OvertakenHookTests {
    private struct Gap: Decodable, Equatable {
        var kind: String
        var consumer: String
        var partition: String
        var from: Int64
        var to: Int64
        var count: Int
    }

    @Test(
        "what retention removed before the hook read it is counted and stands in topic gaps, once",
        arguments: [0, 3]
    )
    func overtaken(lost: Int) async throws {
        let receiver = try HTTPReceiver { _, _ in .status(204) }
        let harness = try AlertingHarness(alertsRetention: .seconds(3600))
        // The hook gets its cursor, at the beginning of the topic.
        try await withHooks(harness, [webhook("pager", receiver)]) { _ in }
        for number in 0..<lost { try harness.appendAlerts([.sample(cause: Int64(number))]) }
        harness.clock.advance(.seconds(7200))
        for _ in 0..<5 { _ = harness.writer.step(waitUpTo: .zero) }
        try harness.appendAlerts([.sample(cause: 99)])
        for _ in 0..<2 {
            try await withHooks(harness, [webhook("pager", receiver)]) { dispatcher in
                try await eventually("the rest is delivered") {
                    _ = harness.writer.step(waitUpTo: .zero)
                    return dispatcher.status().lagRecords == 0 && !receiver.requests.isEmpty
                }
            }
        }
        #expect(receiver.requests.count == 1)
        let decoder = JSONDecoder()
        let gaps = try harness.records(of: .gaps).map { try decoder.decode(Gap.self, from: Data($0.value)) }
        let whole = Gap(
            kind: "retention",
            consumer: "hook-pager",
            partition: "alerts-0",
            from: 0,
            to: Int64(lost) - 1,
            count: lost
        )
        #expect(gaps == (lost == 0 ? [] : [whole]))
    }
}
