// The clock seam: wall time, monotonic time, and whether the kernel trusts the wall clock.
internal import CPlatform
internal import Glibc

/// A point on the monotonic clock of this boot; never steps, does not survive a reboot.
public struct MonotonicInstant: Hashable, Comparable, Sendable, BitwiseCopyable {
    /// Since a moment of this boot that nobody knows.
    public var nanoseconds: Int64

    /// An instant that a clock gave, or one put together from it.
    @inlinable
    public init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    /// Earlier before later.
    @inlinable
    public static func < (left: MonotonicInstant, right: MonotonicInstant) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    package func advanced(by duration: Duration) -> MonotonicInstant {
        MonotonicInstant(nanoseconds: nanoseconds &+ duration.wholeNanoseconds)
    }

    package func since(_ earlier: MonotonicInstant) -> Duration {
        .nanoseconds(nanoseconds &- earlier.nanoseconds)
    }
}

/// How far the wall clock can be believed (DESIGN: time, honestly).
package enum ClockQuality: String, Sendable {
    /// The kernel says that the clock is disciplined, or the configuration says to trust it; and it stands at a time at
    /// which this program existed.
    case synchronised
    /// Nobody has set the clock since boot, or it stands before this program was built.
    case unsynchronised = "unsynced"
}

/// Every instant that Forebay sees comes through here, so that a test can advance time by hand.
///
/// Implementations may be called from any thread and never block.
package protocol Clock: Sendable {
    func now() -> Timestamp
    func monotonic() -> MonotonicInstant
    func quality() -> ClockQuality
    /// The kernel's identifier of this boot (`/proc/sys/kernel/random/boot_id`), 36 characters.
    var bootID: String { get }
}

/// The clocks of the machine.
package struct SystemClock: Clock {
    package let bootID: String
    private let trustsWallClock: Bool

    /// - Parameter trustsWallClock: `clock: trust` of the configuration, for containers whose kernel cannot tell.
    package init(trustsWallClock: Bool = false) {
        self.trustsWallClock = trustsWallClock
        self.bootID = BootIdentifier.read()
    }

    package func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(milliseconds: Int64(time.tv_sec) &* 1000 &+ Int64(time.tv_nsec) / 1_000_000)
    }

    package func monotonic() -> MonotonicInstant {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return MonotonicInstant(nanoseconds: Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec))
    }

    package func quality() -> ClockQuality {
        guard now() >= SystemClock.earliestBelievable else { return .unsynchronised }
        return trustsWallClock || forebay_clock_is_synchronised() == 1 ? .synchronised : .unsynchronised
    }

    /// 2026-01-01: no clock that stands before this can be right, for this program did not exist.
    package static let earliestBelievable = Timestamp(milliseconds: 1_767_225_600_000)
}

private enum BootIdentifier {
    /// Reads the identifier; where `/proc` is not mounted, all zeros.
    static func read() -> String {
        let unknown = "00000000-0000-0000-0000-000000000000"
        let descriptor = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return unknown }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 36)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        return count == 36 ? String(decoding: bytes, as: UTF8.self) : unknown
    }
}
