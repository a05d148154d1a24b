// The call whose absence is the alarm: made while everything moves, and not a moment longer.
import Alerting
import Platform
import Rules
import Synchronization
import Testing

@Suite("Heartbeat hook", .timeLimit(.minutes(5)))
struct HeartbeatTests {
    /// A daemon whose log grows with every look, until a test says otherwise.
    private final class Daemon: Sendable {
        private struct State {
            var progress: Int64 = 0
            var grows = true
            var problem: String?
            var looks = 0
        }

        private let state = Mutex(State())

        var looks: Int { state.withLock { $0.looks } }

        func pulse() -> HookPulse {
            state.withLock { state in
                state.looks += 1
                if state.grows { state.progress += 1 }
                return HookPulse(progress: state.progress, problem: state.problem)
            }
        }

        func set(grows: Bool = true, problem: String? = nil) {
            state.withLock { state in
                state.grows = grows
                state.problem = problem
            }
        }
    }

    private func hook(_ receiver: HTTPReceiver) -> HookSettings {
        HookSettings(
            name: "alive",
            target: .heartbeat(url: receiver.url("/ping"), interval: .milliseconds(20)),
            timeout: .seconds(60)
        )
    }

    /// Calls that come once the daemon is as `change` makes it and a minute has passed, during twenty looks at it.
    private func calls(after change: (Daemon) -> Void) async throws -> (count: Int, status: HookStatus) {
        let receiver = try HTTPReceiver()
        let harness = try AlertingHarness()
        let daemon = Daemon()
        var count = 0
        var status = HookStatus(name: "alive", type: "none")
        try await withHooks(harness, [hook(receiver)], pulse: { daemon.pulse() }) { dispatcher in
            try await eventually("it calls") { receiver.requests.count >= 3 }
            change(daemon)
            let seen = daemon.looks
            try await eventually("it has looked since") { daemon.looks >= seen + 2 }
            harness.clock.advance(.seconds(60))
            let late = daemon.looks
            try await eventually("the time is noticed") { daemon.looks >= late + 2 }
            let before = receiver.requests.count
            let then = daemon.looks
            try await eventually("it has looked twenty times") { daemon.looks >= then + 20 }
            count = receiver.requests.count - before
            status = dispatcher.status("alive")
            daemon.set()
            let stopped = receiver.requests.count
            try await eventually("it calls again once all is well") { receiver.requests.count >= stopped + 3 }
            try await eventually("nothing is wrong any more") { dispatcher.status("alive").lastError == nil }
        }
        #expect(receiver.requests.allSatisfy { $0.method == "GET" && $0.path == "/ping" && $0.body.isEmpty })
        return (count, status)
    }

    @Test("no call is made while the log stands still, and it says why")
    func logStandsStill() async throws {
        let (count, status) = try await calls { $0.set(grows: false) }
        #expect(count <= 1, "one may have been on its way")
        #expect(status.lastError?.contains("nothing was written for 1 min") == true)
    }

    @Test("no call is made while a part of the daemon has a problem, though the log grows")
    func problem() async throws {
        let (count, status) = try await calls { $0.set(problem: "rules: disk failed") }
        #expect(count <= 1, "one may have been on its way")
        #expect(status.lastError == "no heartbeat is sent: rules: disk failed")
    }

    @Test("the planted bug: a daemon that seems to move is called alive, whatever the time")
    func moving() async throws {
        let (count, status) = try await calls { $0.set() }
        #expect(count >= 10)
        #expect(status.lastError == nil)
        #expect(status.delivered >= 13)
    }

    @Test("it gets no alerts, has no cursor and no lag; a failing receiver is called on and counted")
    func noAlerts() async throws {
        let receiver = try HTTPReceiver { _, _ in .status(500) }
        let harness = try AlertingHarness()
        let daemon = Daemon()
        try await withHooks(harness, [hook(receiver)], pulse: { daemon.pulse() }) { dispatcher in
            try harness.appendAlerts([.sample()])
            try await eventually("it is called on") { receiver.requests.count >= 5 }
            try await eventually("it is counted") { dispatcher.status("alive").failed >= 4 }
            #expect(dispatcher.status("alive").lagRecords == 0)
            #expect(dispatcher.status("alive").delivered == 0)
            receiver.follow { _, _ in .status(200) }
            let result = await dispatcher.test("alive")
            #expect(result?.delivered == true)
        }
        #expect(receiver.requests.allSatisfy { $0.body.isEmpty })
        #expect(try !harness.directory.exists("cursors/hook-alive"))
    }
}
