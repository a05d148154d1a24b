// The clock seam, moved by the scheduler: it drifts, steps, is doubted, and starts anew with every boot.
import Platform

/// One seed's clock, of one thread.
final class SimulatedClock: Clock, @unchecked Sendable {
    private(set) var bootID = ""
    private var boots = 0
    private var wall: Int64 = 1_800_000_000_000_000
    private var elapsed: Int64 = 0
    private var isSynchronised = true
    /// Parts in a million that the wall clock is fast.
    private let drift: Int64

    /// `drift`: parts in a million by which the wall clock is fast.
    init(drift: Int) {
        self.drift = Int64(drift)
        boot(at: 1)
    }

    /// A power cut: the monotonic clock begins somewhere else under another boot's name.
    func boot(at seconds: Int) {
        boots += 1
        elapsed = Int64(seconds) * 1_000_000_000
        let digits = String(boots)
        bootID = "6d4b3f0a-0000-4000-8000-" + String(repeating: "0", count: 12 - digits.count) + digits
    }

    func advance(milliseconds: Int) {
        elapsed += Int64(milliseconds) * 1_000_000
        wall += Int64(milliseconds) * (1_000_000 + drift) / 1000
    }

    func step(seconds: Int) { wall += Int64(seconds) * 1_000_000 }

    func doubt(_ isDoubted: Bool) { isSynchronised = !isDoubted }

    func now() -> Timestamp { Timestamp(milliseconds: wall / 1000) }
    func monotonic() -> MonotonicInstant { MonotonicInstant(nanoseconds: elapsed) }
    func quality() -> ClockQuality { isSynchronised ? .synchronised : .unsynchronised }
}
