// The readings of some time, and what they amount to.
internal import Platform

/// One reading in a window. Plain bytes.
struct WindowReading: BitwiseCopyable {
    /// Milliseconds on the window's axis.
    var time: Int64
    var value: Double
}

/// The readings of one metric of one device within a rule's `over`, in the order of their times.
///
/// Its axis is the device's own time, or, where the box's clock gave the times, log time, which no step of that clock
/// moves. A device that changes from one to the other begins anew. A reading costs a step for each that is in it.
struct SeriesWindow {
    /// Those before `head` are gone.
    private var readings: [WindowReading] = []
    private var head = 0
    /// The values by size; kept for percentiles only.
    private var ordered: [Double] = []
    private(set) var isDeviceTime: Bool

    init(isDeviceTime: Bool = false) {
        self.isDeviceTime = isDeviceTime
    }

    var count: Int { readings.count - head }
    var contents: ArraySlice<WindowReading> { readings[head...] }

    /// Takes one more in, which becomes a part of `signal`.
    ///
    /// - Returns: whether the oldest had to go because there are too many.
    mutating func add(_ reading: WindowReading, isDeviceTime: Bool, signal: RuleSignal, mayGrow: Bool) -> Bool {
        if isDeviceTime != self.isDeviceTime { removeAll() }
        self.isDeviceTime = isDeviceTime
        if signal.aggregate == .last {
            guard readings.last.map({ $0.time <= reading.time }) ?? true else { return false }
            if count == 1 {
                readings[head].time = reading.time
                readings[head].value = reading.value + 0
                return false
            }
        }
        // A zero has no sign here: the order of a percentile would not know which of two to let go.
        let reading = WindowReading(time: reading.time, value: reading.value + 0)
        var place = readings.count
        while place > head, readings[place - 1].time > reading.time { place -= 1 }
        readings.insert(reading, at: place)
        if signal.aggregate.share != nil { ordered.insert(reading.value, at: rank(of: reading.value)) }
        guard count > RuleLimits.windowReadingsMax || (!mayGrow && count > 1) else { return false }
        removeFirst()
        return true
    }

    /// Lets go what is as old as the time that `signal` is over, or older.
    ///
    /// - Returns: whether anything went.
    mutating func advance(to now: Int64, signal: RuleSignal) -> Bool {
        guard let over = signal.over?.wholeMilliseconds else { return false }
        let before = count
        while let oldest = contents.first, oldest.time <= now &- over { removeFirst() }
        return count != before
    }

    /// What it amounts to; nil where that is not known: nothing is in it, a change has too little of its time, or the
    /// result is no finite number.
    func value(_ signal: RuleSignal) -> Double? {
        guard let oldest = contents.first, let newest = contents.last else {
            return signal.aggregate == .count || signal.aggregate == .sum ? 0 : nil
        }
        let result: Double
        switch signal.aggregate {
        case .last: result = newest.value
        case .count: result = Double(count)
        case .sum: result = sum
        case .avg: result = sum / Double(count)
        case .min: result = contents.reduce(oldest.value) { Swift.min($0, $1.value) }
        case .max: result = contents.reduce(oldest.value) { Swift.max($0, $1.value) }
        case .stddev: result = deviation
        case .p50, .p95, .p99: result = percentile(signal.aggregate.share ?? 0.5)
        case .delta, .rate:
            let span = newest.time &- oldest.time
            let over = signal.over?.wholeMilliseconds ?? 0
            guard span > 0, span >= over / 2 else { return nil }
            let change = newest.value - oldest.value
            let per = Double(signal.per.wholeMilliseconds)
            result = signal.aggregate == .delta ? change : change / Double(span) * per
        }
        return result.isFinite ? result : nil
    }

    private var sum: Double { contents.reduce(0) { $0 + $1.value } }

    private var deviation: Double {
        let mean = sum / Double(count)
        let squares = contents.reduce(0) { $0 + ($1.value - mean) * ($1.value - mean) }
        return (squares / Double(count)).squareRoot()
    }

    private func percentile(_ share: Double) -> Double {
        let rank = Int((share * Double(ordered.count)).rounded(.up))
        return ordered[Swift.min(Swift.max(rank, 1), ordered.count) - 1]
    }

    /// The first place among the ordered values that holds none below `value`.
    private func rank(of value: Double) -> Int {
        var (low, high) = (0, ordered.count)
        while low < high {
            let middle = (low + high) / 2
            if ordered[middle] < value { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private mutating func removeFirst() {
        if !ordered.isEmpty { ordered.remove(at: rank(of: readings[head].value)) }
        head += 1
        if head == readings.count {
            removeAll()
        } else if head > 64, head * 2 > readings.count {
            // A new buffer of the right size: one that a burst has filled is not kept for ever.
            readings = Array(readings[head...])
            head = 0
        }
    }

    private mutating func removeAll() {
        readings = []
        ordered = []
        head = 0
    }
}
