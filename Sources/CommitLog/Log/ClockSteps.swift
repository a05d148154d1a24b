// Whether ages may be told from the wall clock: not while it is unsynchronised, and not right after it has stepped.
//
// A step shows as a change of wall time less monotonic time between two looks; slewing is too slow to. Across a restart
// the newest append time takes the place of the earlier look: there a step cannot be told from a long stop, and both
// suspend. Ten minutes are for a clock that is put right again, and for people to see the state before data goes.
internal import Platform

/// Whether segments are deleted by their age just now.
package enum AgeRetention: String, Sendable {
    case active
    /// The clock cannot be believed.
    case unsynchronised
    /// The clock has stepped by more than an hour, less than ten minutes ago; or it stands more than an hour off the newest
    /// record at start.
    case stepped
}

/// Owned by the log-writer thread, which looks at least every second.
struct ClockSteps {
    private(set) var state = AgeRetention.active
    /// Wall time less monotonic time at the last look.
    private var offset: Int64?
    private var suspendedUntil: MonotonicInstant?

    /// Looks at the clock; whether it has stepped since the last look. `newest` is the newest append time of the log, for
    /// the first look.
    mutating func look(at clock: any Clock, newest: () -> Timestamp?) -> Bool {
        let now = clock.monotonic()
        let wall = clock.now()
        let fresh = wall.milliseconds &- now.nanoseconds / 1_000_000
        let moved: Int64? =
            if let offset { fresh &- offset } else if let newest = newest() {
                wall.milliseconds &- newest.milliseconds
            } else { nil }
        offset = fresh
        let hasStepped = (moved ?? 0).magnitude > UInt64(Limits.clockStepMin.wholeMilliseconds)
        if hasStepped { suspendedUntil = now.advanced(by: Limits.clockStepSuspension) }
        if let until = suspendedUntil, now >= until { suspendedUntil = nil }
        state = clock.quality() == .unsynchronised ? .unsynchronised : suspendedUntil == nil ? .active : .stepped
        return hasStepped
    }
}
