// When the next payload is due, and how to wait for it.
internal import CSimulator
import Glibc

/// Nanoseconds of the monotonic clock.
func monotonicNanoseconds() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
}

/// Whether SIGTERM or SIGINT has asked to end.
func isStopRequested() -> Bool {
    sim_stop_requested() != 0
}

/// Spreads readings evenly over time. What a stall of up to 100 ms held back is caught up; beyond that the schedule
/// moves, so that a suspended process does not flood when it wakes.
struct Pacer {
    private static let catchUpMax: Int64 = 100_000_000

    /// Readings per second; 0 is unlimited.
    private let rate: Double
    private var origin: Int64
    private var taken: Double = 0

    init(rate: Double, now: Int64 = monotonicNanoseconds()) {
        self.rate = rate
        origin = now
    }

    /// How many readings are due at `now` and not taken, at most `limit`.
    mutating func due(at now: Int64, limit: Int) -> Int {
        guard rate > 0 else { return limit }
        // The first reading is due at once.
        let earned = Double(now - origin) * rate / 1e9 + 1
        let behind = earned - taken
        let most = max(1, Double(Self.catchUpMax) * rate / 1e9)
        if behind > most + 1 {
            origin += Int64((behind - most) / rate * 1e9)
            return min(limit, Int(most))
        }
        return behind < 1 ? 0 : min(limit, Int(behind))
    }

    mutating func take(_ readings: Int) {
        taken += Double(readings)
    }

    /// Nanoseconds from `now` until one more reading is due; 0 where one is.
    func wait(from now: Int64) -> Int64 {
        guard rate > 0 else { return 0 }
        return max(0, origin + Int64((taken / rate * 1e9).rounded(.up)) - now)
    }

    /// Sleeps `nanoseconds`, or less where a signal comes in between.
    static func sleep(_ nanoseconds: Int64) {
        guard nanoseconds > 0 else { return }
        var length = timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
        nanosleep(&length, nil)
    }

    /// Sleeps until a reading is due, in parts of at most a quarter second, so that a stop is noticed at once. `step`
    /// is the shortest sleep: waking for every reading of a fast fleet would cost more than sending it.
    func sleepUntilDue(from now: Int64, step: Int64) {
        Self.sleep(min(max(wait(from: now), step), 250_000_000))
    }
}
