// A hook whose receiver fails, told of through another one: real receivers, a real log, and a clock set by hand.
import Alerting
import Platform
import Rules
import Testing

@Suite("Failing hooks", .timeLimit(.minutes(5)))
struct FailingHookTests {
    private func observation(_ harness: AlertingHarness, _ dispatcher: HookDispatcher) -> BoxObservation {
        BoxObservation(
            box: "edge-01",
            wall: harness.clock.now(),
            monotonic: harness.clock.monotonic(),
            clock: .synchronised,
            watchesSteps: true,
            inputs: [],
            hooks: dispatcher.statuses.map { BoxObservation.Hook($0) },
            disk: nil,
            systemEnd: 0
        )
    }

    private func names(_ receiver: HTTPReceiver) throws -> [String] {
        try receiver.requests.map { request in
            let document = try WebhookDocument(request.body)
            return "\(document.groupLabels["alertname"] ?? "") \(document.status)"
        }
    }

    @Test(
        "is told to the other hook after ten minutes, once, and over when it delivers again",
        arguments: [500, 404]
    )
    func toldToOthers(status: Int) async throws {
        let failing = try HTTPReceiver { _, _ in .status(status) }
        let working = try HTTPReceiver()
        let harness = try AlertingHarness()
        let hooks = [webhook("pager", failing), webhook("mail", working)]
        try await withHooks(harness, hooks) { dispatcher in
            var watch = BoxWatch()
            try harness.appendAlerts([.sample(notify: ["pager"])])
            try await eventually("the first attempt has failed") { dispatcher.status().failingSince != nil }
            #expect(watch.observe(observation(harness, dispatcher)).isEmpty)
            harness.clock.advance(.seconds(599))
            #expect(watch.observe(observation(harness, dispatcher)).isEmpty)
            harness.clock.advance(.seconds(1))
            let firing = watch.observe(observation(harness, dispatcher))
            #expect(firing.map(\.alert) == ["HookFailing"] && firing.map(\.notify) == [["mail"]])
            try harness.appendAlerts(firing)
            try await eventually("the other hook is told") { try names(working) == ["HookFailing firing"] }
            #expect(watch.observe(observation(harness, dispatcher)).isEmpty)

            failing.follow { _, _ in .status(200) }
            // What was refused is not sent again: it takes something new.
            try harness.appendAlerts([.sample("Other", notify: ["pager"])])
            try await eventually("it delivers again") { dispatcher.status().failingSince == nil }
            let over = watch.observe(observation(harness, dispatcher))
            #expect(over.map(\.state) == [.resolved])
            try harness.appendAlerts(over)
            try await eventually("the other hook is told of it") {
                try names(working) == ["HookFailing firing", "HookFailing resolved"]
            }
            try await eventually("both are done") { dispatcher.statuses.allSatisfy { $0.lagRecords == 0 } }
        }
        #expect(try !names(failing).contains { $0.hasPrefix("HookFailing") })
        #expect(try harness.alerts().count { $0.alert == "HookFailing" } == 2)
    }
}
