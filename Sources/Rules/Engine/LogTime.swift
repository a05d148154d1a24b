// Log time: the time that the log itself saw pass, as ticks record it. Downtime is not part of it.

/// A daemon's start as topic `system` records it: from here on its ticks count.
package struct RunStart: Sendable {
    /// The run's identifier, new at each start.
    package var run: String
    /// Milliseconds since 1970.
    package var wall: Int64
    /// Milliseconds on the monotonic clock.
    package var monotonic: Int64

    package init(run: String, wall: Int64, monotonic: Int64) {
        self.run = run
        self.wall = wall
        self.monotonic = monotonic
    }
}

/// A tick: so much monotonic time has passed in this run.
package typealias RunTick = RunStart

/// The sum of the monotonic time between the ticks of each run, in milliseconds, and the anchor that places readings.
struct LogTime: Hashable, Sendable {
    private(set) var now: Int64 = 0
    var anchorWall: Int64 = 0
    var anchorMonotonic: Int64 = 0
    /// nil before the first start or tick.
    var run: String?

    init() {}

    init(now: Int64, anchorWall: Int64, anchorMonotonic: Int64, run: String?) {
        self.now = now
        self.anchorWall = anchorWall
        self.anchorMonotonic = anchorMonotonic
        self.run = run
    }

    /// A new run: nothing of the time since the last tick counts.
    mutating func start(_ start: RunStart) {
        anchorWall = start.wall
        anchorMonotonic = start.monotonic
        run = start.run
    }

    /// A tick of another run than the last record's (its start was lost) begins that run.
    mutating func advance(_ tick: RunTick) {
        if tick.run == run { now = now &+ max(0, tick.monotonic &- anchorMonotonic) }
        start(tick)
    }

    /// Where a reading that was received at this wall time lies: at most two ticks behind the anchor, so that a clock
    /// that steps moves no timer by more.
    @inline(__always)
    func place(received: Int64) -> Int64 {
        now &+ min(max(0, received &- anchorWall), 2 * RuleLimits.tickMilliseconds)
    }
}
