// How fast datagrams come in, and how long the thread may sleep so that more of them wait for it.
package import Platform

/// Fewer wake-ups are the largest lever on the cost of a datagram: from 3 to 100 of them per wake-up it falls by 40 %. At
/// low rates a nap gains nothing and costs latency, so there is none. A pure state machine.
package struct ArrivalPace {
    /// From here on naps pay (measured: none at 50,000/s with 5 ms commits and short calls, much at 200,000/s).
    private static let densePerSecond: Int64 = 20_000
    private static let window = Duration.milliseconds(50)
    private static let napMax = Duration.milliseconds(1)
    /// Kernel memory of a small datagram, its header and bookkeeping included, as the receive buffer is charged.
    private static let bytesPerDatagram: Int64 = 1024

    private let longestNap: Duration
    /// A quarter of the receive buffer may fill while the thread sleeps.
    private var datagramsPerNapMax: Int64 = 0
    private var windowStart = MonotonicInstant(nanoseconds: 0)
    private var inWindow: Int64 = 0
    /// Of the last whole window.
    package private(set) var perSecond: Int64 = 0

    /// - Parameter commitInterval: a nap is at most a fifth of it.
    package init(commitInterval: Duration) {
        longestNap = min(ArrivalPace.napMax, commitInterval / 5)
    }

    /// Begins anew with a socket just opened.
    ///
    /// `grantedBytes`: of the receive buffer, as the kernel says.
    package mutating func begin(grantedBytes: Int, now: MonotonicInstant) {
        datagramsPerNapMax = Int64(clamping: grantedBytes) / 4 / ArrivalPace.bytesPerDatagram
        windowStart = now
        inWindow = 0
        perSecond = 0
    }

    /// Counts datagrams that one call brought.
    package mutating func note(_ count: Int, now: MonotonicInstant) {
        inWindow &+= Int64(clamping: count)
        let elapsed = now.since(windowStart)
        guard elapsed >= ArrivalPace.window else { return }
        perSecond = inWindow &* 1000 / max(1, elapsed.wholeMilliseconds)
        inWindow = 0
        windowStart = now
    }

    /// How long to sleep after a call that did not fill all slots; zero at low rates.
    package var nap: Duration {
        guard perSecond >= ArrivalPace.densePerSecond else { return .zero }
        return min(longestNap, .nanoseconds(datagramsPerNapMax &* 1_000_000_000 / perSecond))
    }
}
