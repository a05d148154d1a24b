// The ends of waits, put together.
internal import NIOCore
internal import Platform

/// Ends waits, those that end at about the same time together: a thousand idle consumers would otherwise wake the loop one by
/// one. No wait ends early, and none later by more than 2 % or 1 ms. Belongs to one event loop.
final class WaitTimeouts {
    private let eventLoop: any EventLoop
    private var ends: [NIODeadline: [ObjectIdentifier: () -> Void]] = [:]

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    /// Has `end` called when `wait` is over, unless `remove` is called before with what is returned here.
    func add(_ waiter: AnyObject, in wait: Duration, _ end: @escaping () -> Void) -> NIODeadline {
        let step = max(1_000_000, wait.wholeNanoseconds / 50)
        let exact = (NIODeadline.now() + TimeAmount(wait)).uptimeNanoseconds
        let rounded = exact.addingReportingOverflow(UInt64(step) - 1).partialValue
        let deadline = NIODeadline.uptimeNanoseconds(rounded - rounded % UInt64(step))
        if ends[deadline] == nil {
            eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { self.end(deadline) }
        }
        ends[deadline, default: [:]][ObjectIdentifier(waiter)] = end
        return deadline
    }

    func remove(_ waiter: AnyObject, at deadline: NIODeadline) {
        ends[deadline]?[ObjectIdentifier(waiter)] = nil
    }

    private func end(_ deadline: NIODeadline) {
        for end in (ends.removeValue(forKey: deadline) ?? [:]).values { end() }
    }
}
