// One level of a rule, as the inner loop compares with it.
internal import Platform

/// Plain bytes; what a value is to one condition.
struct Threshold: BitwiseCopyable {
    private enum Kind: UInt8, BitwiseCopyable {
        case above, below, outside, inside, equals, holds, absent, unchanged
    }

    private let kind: Kind
    private let low: Double
    private let high: Double
    /// Where `above` and `below` clear.
    private let clear: Double
    private let hasClear: Bool
    /// Of an expression: whether a smaller value is a worse one.
    private let isLow: Bool
    /// How many usual intervals of a device count in place of `holdFor`; 0: none.
    private let intervals: Int64
    /// Milliseconds, where no usual interval counts.
    let holdFor: Int64
    let clearFor: Int64

    init(_ condition: RuleCondition, holdFor: Duration, clearFor: Duration) {
        var bounds = (low: 0.0, high: 0.0)
        var clear: Double?
        var isLow = false
        var (hold, intervals) = (holdFor, Int64(0))
        switch condition {
        case .above(let limit, let end): (kind, bounds, clear) = (.above, (limit, limit), end)
        case .below(let limit, let end): (kind, bounds, clear) = (.below, (limit, limit), end)
        case .outside(let low, let high): (kind, bounds) = (.outside, (low, high))
        case .inside(let low, let high): (kind, bounds) = (.inside, (low, high))
        case .equals(let value): (kind, bounds) = (.equals, (value, value))
        case .isState(let state):
            let value = StateValue.of(state)
            (kind, bounds) = (.equals, (value, value))
        case .holds(let expression):
            let limit = expression.shown.limit
            (kind, bounds, isLow) = (.holds, (limit, limit), expression.shown.isLow)
        case .absent(.duration(let duration)): (kind, hold) = (.absent, duration)
        case .absent(.intervals(let count)): (kind, intervals) = (.absent, Int64(clamping: count))
        case .unchanged(let duration): (kind, hold) = (.unchanged, duration)
        }
        (low, high) = bounds
        self.clear = clear ?? 0
        hasClear = clear != nil
        self.isLow = isLow
        self.intervals = intervals
        self.holdFor = hold.wholeMilliseconds
        self.clearFor = clearFor.wholeMilliseconds
    }

    /// Whether time makes the condition hold, and a reading ends it.
    @inline(__always)
    var isWatch: Bool { kind == .absent || kind == .unchanged }

    /// Whether any reading ends it, however late it comes.
    @inline(__always)
    var isAbsence: Bool { kind == .absent }

    /// Whether its value only illustrates it.
    @inline(__always)
    var isExpression: Bool { kind == .holds }

    /// Of a watch: whether it goes on at a reading.
    func goesOn(from previous: Double, to value: Double) -> Bool { kind == .unchanged && value == previous }

    /// How long the condition must hold, of a device with this usual interval: for ever where that is not known yet.
    @inline(__always)
    func holdFor(interval: Int64) -> Int64 {
        guard intervals > 0 else { return holdFor }
        guard interval > 0 else { return .max }
        let (product, overflow) = interval.multipliedReportingOverflow(by: intervals)
        return overflow ? .max : max(RuleLimits.absentMin, product)
    }

    /// Whether nothing begins at this value, whatever else the rule asks for.
    @inline(__always)
    func isQuiet(_ value: Double) -> Bool { !isWatch && !isBeyond(value) }

    /// `allows`: whether the rule may begin to hold; of an expression, whether it holds.
    @inline(__always)
    func isBeyond(_ value: Double, allows: Bool) -> Bool { allows && isBeyond(value) }

    @inline(__always)
    private func isBeyond(_ value: Double) -> Bool {
        switch kind {
        case .above: value > high
        case .below: value < low
        case .outside: value < low || value > high
        case .inside: value >= low && value <= high
        case .equals: value == low
        case .holds: true
        case .absent, .unchanged: false
        }
    }

    /// Whether a firing alert may end: strictly beyond `clear_*`, or, without one, at a value that is not beyond. What has
    /// begun ends by its value, whatever else was needed to begin.
    @inline(__always)
    func isCleared(_ value: Double, allows: Bool) -> Bool {
        guard kind != .holds else { return !allows }
        guard hasClear else { return !isBeyond(value) }
        return kind == .above ? value < clear : value > clear
    }

    /// Whether `value` lies farther past the limit than `peak`.
    @inline(__always)
    func isWorse(_ value: Double, than peak: Double) -> Bool { excess(value) > excess(peak) }

    private func excess(_ value: Double) -> Double {
        switch kind {
        case .above: value - high
        case .below: low - value
        case .outside: max(low - value, value - high)
        case .inside: min(value - low, high - value)
        case .holds: isLow ? low - value : value - high
        case .equals, .absent, .unchanged: 0
        }
    }
}
