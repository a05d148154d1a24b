// Tells consumers that a commit happened: one wake-up per commit, never per record.
internal import Platform
internal import Synchronization

/// Any thread.
package final class LogTail: Sendable {
    /// Names a listener, to remove it.
    package struct ListenerID: Hashable, Sendable {
        fileprivate let value: UInt64
    }

    private struct Listeners {
        var next: UInt64 = 0
        var all: [(id: UInt64, call: @Sendable () -> Void)] = []
    }

    private let commits = Condition<UInt64>(0)
    private let listeners = Mutex(Listeners())

    init() {}

    /// Commits so far; also counts the end of the log (poisoned, closed), so that waiters see it.
    package var generation: UInt64 { commits.withLock { $0 } }

    /// Blocks until the generation is beyond `generation` or `timeout` is over; returns the generation then.
    package func wait(after generation: UInt64, timeout: Duration) -> UInt64 {
        commits.wait(upTo: timeout) { $0 > generation ? $0 : nil } ?? self.generation
    }

    /// Calls `listener` once per commit, on the log-writer thread: it must return at once (signal something) and not
    /// offer.
    package func addListener(_ listener: @escaping @Sendable () -> Void) -> ListenerID {
        listeners.withLock { listeners in
            listeners.next &+= 1
            listeners.all.append((listeners.next, listener))
            return ListenerID(value: listeners.next)
        }
    }

    /// A call that is under way when this returns may still come.
    package func removeListener(_ id: ListenerID) {
        listeners.withLock { $0.all.removeAll { $0.id == id.value } }
    }

    /// By the log writer, after publishing.
    func advance() {
        commits.withLock { $0 &+= 1 }
        commits.wakeAll()
        for listener in listeners.withLock({ $0.all }) { listener.call() }
    }
}
