// A descriptor that another thread can make readable, to wake a thread that sleeps in poll.
internal import CPlatform
internal import Glibc

/// An `eventfd`. `signal()` from any thread; `descriptor` goes into one thread's poll set; that thread calls `drain()`.
package final class EventFD: Sendable {
    /// Readable while signalled and not drained; owned by this object.
    package let descriptor: Int32

    package init() throws(DiskError) {
        descriptor = forebay_eventfd()
        guard descriptor >= 0 else { throw DiskError(operation: .open, path: "eventfd", errno: errno) }
    }

    deinit {
        close(descriptor)
    }

    /// Makes the descriptor readable. Never blocks.
    package func signal() {
        var one: UInt64 = 1
        // A full counter is already readable, so a refused write loses nothing.
        _ = write(descriptor, &one, 8)
    }

    /// Makes it unreadable again, however often it was signalled. Never blocks.
    package func drain() {
        var count: UInt64 = 0
        _ = read(descriptor, &count, 8)
    }
}
