// The state of one rule for one metric of one device.

/// All of it is plain bytes; names, unit and labels lie beside it. Times are milliseconds, event times since 1970.
struct RuleInstance: BitwiseCopyable {
    enum Phase: UInt8, BitwiseCopyable {
        case ok, pending, firing
    }

    private(set) var rule: Int32
    var device: Int32
    var metric: Int32
    var phase = Phase.ok
    /// Place in the list of pending instances; -1 outside.
    var pendingSlot: Int32 = -1
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
    var firedCause = RecordPosition(source: .readings, partition: 0, offset: 0)

    init(rule: Int32, device: Int32, metric: Int32) {
        self.rule = rule
        self.device = device
        self.metric = metric
    }

    /// The same state under the rule's place in another set.
    func moved(toRule place: Int32) -> RuleInstance {
        var moved = self
        moved.rule = place
        return moved
    }

    /// Takes in one more reading's time and value.
    ///
    /// The interval follows the gaps by an eighth of the difference, and no gap counts for more than four of it: one
    /// night's silence does not teach a sensor to be slow.
    @inline(__always)
    mutating func note(time: Int64, logTime: Int64, value: Double) {
        if newest == .min {
            newest = time
        } else if time > newest {
            let gap = time &- newest
            interval = interval == 0 ? gap : interval &+ (min(gap, interval &* 4) &- interval) / 8
            newest = time
        }
        clock = max(clock, time)
        lastLogTime = max(lastLogTime, logTime)
        self.value = value
    }
}
