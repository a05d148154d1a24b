// One level of a rule, as the inner loop compares with it.
internal import Platform

/// Plain bytes; what a value is to one condition.
struct Threshold: BitwiseCopyable {
    private enum Kind: UInt8, BitwiseCopyable {
        case above, below, outside, inside, equals
    }

    private let kind: Kind
    private let low: Double
    private let high: Double
    /// Where `above` and `below` clear.
    private let clear: Double
    private let hasClear: Bool
    /// Milliseconds.
    let holdFor: Int64
    let clearFor: Int64

    init(_ level: RuleLevel) {
        var bounds = (low: 0.0, high: 0.0)
        var clear: Double?
        switch level.condition {
        case .above(let limit, let end): (kind, bounds, clear) = (.above, (limit, limit), end)
        case .below(let limit, let end): (kind, bounds, clear) = (.below, (limit, limit), end)
        case .outside(let low, let high): (kind, bounds) = (.outside, (low, high))
        case .inside(let low, let high): (kind, bounds) = (.inside, (low, high))
        case .equals(let value): (kind, bounds) = (.equals, (value, value))
        }
        (low, high) = bounds
        self.clear = clear ?? 0
        hasClear = clear != nil
        holdFor = level.holdFor.wholeMilliseconds
        clearFor = level.clearFor.wholeMilliseconds
    }

    @inline(__always)
    func isBeyond(_ value: Double) -> Bool {
        switch kind {
        case .above: value > high
        case .below: value < low
        case .outside: value < low || value > high
        case .inside: value >= low && value <= high
        case .equals: value == low
        }
    }

    /// Whether a firing alert may end: strictly beyond `clear_*`, or, without one, at a value that is not beyond.
    @inline(__always)
    func isCleared(_ value: Double) -> Bool {
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
        case .equals: 0
        }
    }
}
