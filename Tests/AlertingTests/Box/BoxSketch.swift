// A box as a test has it look at itself: seconds pass, and something is the matter or is not.
import Alerting
import Platform
import Rules

/// Observations of one box, and the edges that followed.
struct BoxSketch {
    var now: BoxObservation
    var watch: BoxWatch
    private(set) var edges: [AlertRecord] = []

    /// A sound box with an input and a hook, at the test's second 0.
    init(continuing firing: [AlertRecord] = [], input: String = "lan") {
        now = BoxObservation(
            box: "edge-01",
            wall: instant(0),
            monotonic: MonotonicInstant(nanoseconds: 5_000_000_000),
            clock: .synchronised,
            watchesSteps: true,
            inputs: [
                BoxObservation.Input(name: input, isUp: true, text: "listening", received: 0, kernelDrops: 0)
            ],
            hooks: [BoxObservation.Hook(HookStatus(name: "pager", type: "webhook"))],
            disk: BoxObservation.Disk(free: 5 << 30, keepFree: 1 << 30, isFull: false),
            systemEnd: 7
        )
        watch = BoxWatch(continuing: firing)
    }

    /// Lets this time pass, by steps of five seconds as the daemon does, and looks after each.
    mutating func pass(_ time: Duration, _ change: (inout BoxObservation) -> Void = { _ in }) {
        var left = time
        while left > .zero {
            let step = min(left, .seconds(5))
            left -= step
            now.wall = now.wall.advanced(by: step)
            now.monotonic = now.monotonic.advanced(by: step)
            change(&now)
            edges += watch.observe(now)
        }
    }

    /// A payload every so often, for so long.
    mutating func receive(every pause: Duration, for time: Duration) {
        var left = time
        while left > .zero {
            let step = min(pause, left)
            pass(step - .seconds(5))
            pass(.seconds(5)) { $0.inputs[0].received += 1 }
            left -= step
        }
    }

    mutating func setHook(failingFor time: Duration?, error: String = "HTTP 500", name: String = "pager") {
        var status = HookStatus(name: name, type: "webhook")
        if let time {
            status.failingSince = now.monotonic.advanced(by: .zero - time)
            status.lastError = error
        } else {
            status.lastSuccess = now.wall
        }
        now.hooks = [BoxObservation.Hook(status)] + now.hooks.filter { $0.name != name }
    }

    /// `InputStalled firing` and so on, in order.
    var story: [String] { edges.map { "\($0.alert) \($0.state.rawValue)" } }
}
