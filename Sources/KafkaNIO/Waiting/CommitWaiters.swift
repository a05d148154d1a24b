// Requests that wait for the log: a fetch for records, a produce request for its commit.
internal import CommitLog
internal import NIOCore
internal import Synchronization

/// Something that a commit may finish. Belongs to one event loop.
protocol CommitWaiter: AnyObject {
    /// Looks at the log; true where it is done and wants to be called no more. Quick: it is called for every commit.
    func isDoneAfterCommit() -> Bool
}

/// Those of one event loop. A commit costs one task on each loop that has any, whatever their number.
final class CommitWaiters: Sendable {
    private let eventLoop: any EventLoop
    private let waiters: NIOLoopBoundBox<[ObjectIdentifier: any CommitWaiter]>
    private let ends: NIOLoopBoundBox<WaitTimeouts>
    private let hasAny = Atomic(false)
    /// A look at them is on its way.
    private let isAwake = Atomic(false)

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        waiters = .makeBoxSendingValue([:], eventLoop: eventLoop)
        ends = .makeBoxSendingValue(WaitTimeouts(eventLoop: eventLoop), eventLoop: eventLoop)
    }

    /// For those of them that do not wait for ever. On the event loop.
    var timeouts: WaitTimeouts { ends.value }

    /// On the event loop. What was committed before this call wakes nobody: the caller looks once more afterwards.
    func add(_ waiter: any CommitWaiter) {
        waiters.value[ObjectIdentifier(waiter)] = waiter
        hasAny.store(true, ordering: .sequentiallyConsistent)
    }

    /// On the event loop.
    func remove(_ waiter: any CommitWaiter) {
        waiters.value[ObjectIdentifier(waiter)] = nil
        if waiters.value.isEmpty { hasAny.store(false, ordering: .sequentiallyConsistent) }
    }

    /// From the log writer's thread, after each commit.
    func wake() {
        guard hasAny.load(ordering: .sequentiallyConsistent), !isAwake.exchange(true, ordering: .sequentiallyConsistent)
        else { return }
        eventLoop.execute { [self] in
            isAwake.store(false, ordering: .sequentiallyConsistent)
            look()
        }
    }

    /// In no order.
    private func look() {
        for waiter in waiters.value.values where waiter.isDoneAfterCommit() { remove(waiter) }
    }
}
