// The watchdog's question: did every thread's step() return within its limit?
internal import Synchronization

/// One thread's mark. The thread brackets each `step()` with `begin` and `end`: two atomic stores per step.
package final class Heartbeat: Sendable {
    package let name: String
    /// The longest that one step may take before the thread counts as stuck.
    package let limit: Duration
    /// Nanoseconds on the monotonic clock at which the running step began; 0 between steps.
    private let began = Atomic<Int64>(0)

    fileprivate init(name: String, limit: Duration) {
        self.name = name
        self.limit = limit
    }

    /// A step begins.
    package func begin(at now: MonotonicInstant) {
        began.store(max(1, now.nanoseconds), ordering: .releasing)
    }

    /// The step has returned.
    package func end() {
        began.store(0, ordering: .releasing)
    }

    /// How long the running step has taken; nil between steps.
    package func running(at now: MonotonicInstant) -> Duration? {
        let start = began.load(ordering: .acquiring)
        return start == 0 ? nil : now.since(MonotonicInstant(nanoseconds: start))
    }
}

/// All threads that promise to return from their steps. Any thread.
package final class ThreadWatch: Sendable {
    private let heartbeats = Mutex<[Heartbeat]>([])

    package init() {}

    /// The mark that a thread keeps; it is watched until `remove`.
    package func add(name: String, limit: Duration) -> Heartbeat {
        let heartbeat = Heartbeat(name: name, limit: limit)
        heartbeats.withLock { $0.append(heartbeat) }
        return heartbeat
    }

    /// Stops watching a thread that has ended.
    package func remove(_ heartbeat: Heartbeat) {
        heartbeats.withLock { $0.removeAll { $0 === heartbeat } }
    }

    /// Threads whose running step is over its limit, with the time it has taken so far. Empty is health.
    package func overdue(at now: MonotonicInstant) -> [(name: String, running: Duration)] {
        heartbeats.withLock { all in
            all.compactMap { heartbeat in
                guard let running = heartbeat.running(at: now), running > heartbeat.limit else { return nil }
                return (heartbeat.name, running)
            }
        }
    }
}
