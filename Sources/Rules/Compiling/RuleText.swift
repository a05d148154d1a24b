// Numbers and durations as rules and alerts write them, and the condition's sentence.
internal import EventModel
internal import Platform

package enum RuleText {
    /// The shortest text that reads back the same; with `digits`, exactly so many behind the point.
    package static func number(_ value: Double, digits: Int? = nil) -> String {
        guard let digits, let fixed = fixed(value, digits: digits) else {
            var builder = ByteBuilder(capacity: 64)
            builder.append(number: value)
            return String(decoding: builder.bytes, as: UTF8.self)
        }
        return fixed
    }

    /// `10m`, `1h30m`, `250ms`: as the configuration writes durations.
    package static func duration(milliseconds: Int64) -> String {
        var rest = max(0, milliseconds)
        var text = ""
        for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)]
            as [(String, Int64)]
        where rest >= size {
            text += "\(rest / size)\(unit)"
            rest %= size
        }
        return text.isEmpty ? "0s" : text
    }

    /// nil where so many digits cannot be said exactly.
    private static func fixed(_ value: Double, digits: Int) -> String? {
        guard (0...9).contains(digits), value.isFinite else { return nil }
        let power = (0..<digits).reduce(Int64(1)) { product, _ in product * 10 }
        guard let scaled = Int64(exactly: (value * Double(power)).rounded()), scaled.magnitude < 1 << 53 else {
            return nil
        }
        let sign = scaled < 0 ? "-" : ""
        let whole = "\(sign)\(scaled.magnitude / power.magnitude)"
        guard digits > 0 else { return whole }
        let fraction = String(scaled.magnitude % power.magnitude)
        return whole + "." + String(repeating: "0", count: digits - fraction.count) + fraction
    }
}

extension RuleCondition {
    /// The limit that `value` is past: of a range, the end that is nearer; of a duration, its seconds; else a number of
    /// intervals.
    package func limit(near value: Double) -> Double {
        switch self {
        case .above(let limit, _), .below(let limit, _), .equals(let limit): limit
        case .outside(let low, let high), .inside(let low, let high):
            (value - low).magnitude <= (value - high).magnitude ? low : high
        case .absent(.duration(let duration)), .unchanged(let duration): Double(duration.wholeMilliseconds) / 1000
        case .absent(.intervals(let count)): Double(count)
        case .isState: 1
        case .holds(let expression): expression.shown.limit
        }
    }

    fileprivate var words: String {
        switch self {
        case .above(let limit, _): "> \(RuleText.number(limit))"
        case .below(let limit, _): "< \(RuleText.number(limit))"
        case .outside(let low, let high): "outside \(RuleText.number(low)) to \(RuleText.number(high))"
        case .inside(let low, let high): "inside \(RuleText.number(low)) to \(RuleText.number(high))"
        case .equals(let value): "= \(RuleText.number(value))"
        case .isState(let state): "= \(state)"
        case .holds(let expression): expression.source
        case .absent(.duration(let duration)):
            "absent for \(RuleText.duration(milliseconds: duration.wholeMilliseconds))"
        case .absent(.intervals(let count)): "absent for \(count) intervals"
        case .unchanged(let duration): "unchanged for \(RuleText.duration(milliseconds: duration.wholeMilliseconds))"
        }
    }
}

extension RuleDefinition {
    /// `temperature > -15 °C for 10m`, of one of its levels. `unit`: what the limits are in.
    package func text(of level: RuleLevel, metric: String, unit: String?) -> String {
        let condition = level.condition
        var text = condition.expression?.source ?? "\(signal.text(of: metric)) \(condition.words)"
        if let unit, !unit.isEmpty, condition.hasLimits { text += " \(unit)" }
        if let group {
            let within = group.within.map { " within \(RuleText.duration(milliseconds: $0.wholeMilliseconds))" } ?? ""
            text = "\(group.atLeast) of: \(text)\(within)"
        }
        if level.holdFor > .zero { text += " for \(RuleText.duration(milliseconds: level.holdFor.wholeMilliseconds))" }
        if let gate = onlyIf { text += " only if \(gate.metric) \(gate.condition.words)" }
        return text
    }
}
