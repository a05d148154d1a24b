// The state of one level of a rule for one metric of one device.

/// All of it is plain bytes; names, unit and labels lie beside it. Times are milliseconds, event times since 1970.
struct RuleInstance: BitwiseCopyable {
    enum Phase: UInt8, BitwiseCopyable {
        case ok, pending, firing
        /// Firing, with a value that is cleared and has not been for `clear_for` yet.
        case recovering
        /// Of a watch: the time runs in which nothing may come, or nothing change.
        case watching
    }

    private(set) var rule: Int32
    /// Of the rule; the instances of its levels stand side by side, in order.
    let level: Int32
    /// Place of the level's threshold in the engine's list.
    private(set) var threshold: Int32
    var device: Int32
    var metric: Int32
    var phase = Phase.ok
    /// Whether the alert is this level's: at most one of them.
    var isShown = false
    /// Its value stands for a state.
    var isState = false
    /// Place of the window that the alert's value comes from, the same for all levels; -1: a reading as it comes.
    var window: Int32 = -1
    /// Its value changes with time alone, which finds no event to take a context from: it is kept at every reading.
    let movesWithTime: Bool
    /// Place in the list of running timers; -1 outside.
    var timerSlot: Int32 = -1
    /// Edges so far.
    var transitions: Int32 = 0
    /// Largest event time of any reading; `Int64.min` before the first.
    var newest = Int64.min
    /// t of DESIGN section 8: monotone, and never behind a deadline that fired.
    var clock = Int64.min
    /// Log time at which the newest reading was received.
    var lastLogTime: Int64 = 0
    /// Typical event time between two readings; 0 before there were two.
    var interval: Int64 = 0
    var value = 0.0

    // Of the breach; meaningless in `ok`.
    var since: Int64 = 0
    var sinceLogTime: Int64 = 0
    var firedAt: Int64 = 0
    var peak = 0.0
    var samples: Int64 = 0
    /// Of the recovery; meaningless in other phases.
    var clearedAt: Int64 = 0
    var clearedLogTime: Int64 = 0
    var firedCause = RecordPosition(source: .readings, partition: 0, offset: 0)

    init(rule: Int32, level: Int32, threshold: Int32, device: Int32, metric: Int32, movesWithTime: Bool) {
        self.rule = rule
        self.level = level
        self.threshold = threshold
        self.device = device
        self.metric = metric
        self.movesWithTime = movesWithTime
    }

    /// The interval follows the gaps by an eighth of the difference, and no gap counts for more than four of it: one night's
    /// silence does not teach a sensor to be slow. A burst, as after an outage, hardly counts. An interval below a second
    /// is no rhythm yet. A gap of hours that the box did not see pass is a device's clock being set.
    private mutating func learn(_ gap: Int64, logGap: Int64) {
        guard gap > 0, gap <= RuleLimits.unseenGapMax || gap / 4 <= logGap else { return }
        if interval < 1000 {
            interval = gap
        } else if gap < interval / 10, logGap < 1000 {
            interval &-= interval / 64
        } else {
            interval &+= (min(gap, interval &* 4) &- interval) / 8
        }
    }

    /// Whether the newest value, held to this log time, is older than three expected intervals.
    func isStale(heldTo logTime: Int64) -> Bool { interval > 0 && logTime &- lastLogTime > interval &* 3 }

    /// Whether the condition of this level has held for its `for` and has not been cleared.
    var isActive: Bool { phase == .firing || phase == .recovering }

    /// The same state under the rule's place in another set, where its first threshold stands.
    func moved(toRule place: Int32, firstThreshold: Int32) -> RuleInstance {
        var moved = self
        moved.rule = place
        moved.threshold = firstThreshold &+ level
        return moved
    }

    /// Takes in one more reading's time.
    @inline(__always)
    mutating func note(_ moment: ReadingMoment) {
        let (time, logTime) = (moment.time, moment.logTime)
        if newest == .min {
            newest = time
        } else if time > newest {
            let logGap = max(0, logTime &- lastLogTime)
            let gap = time.subtractingReportingOverflow(newest).partialValue
            learn(moment.isDeviceTime ? gap : logGap, logGap: logGap)
            newest = time
        }
        clock = max(clock, time)
        lastLogTime = max(lastLogTime, logTime)
    }
}
