// Reads what a rule compares with its limits: aggregates over time, gates, expressions and groups.
internal import EventModel
internal import Rules

extension ConfigurationDecoder {
    private static var window: ScalarType<Duration> { .duration(RuleLimits.windows) }

    /// `value`, `over` and `per`.
    func decodeSignal(_ reader: MappingReader) -> RuleSignal {
        let aggregate = reader.scalar("value", .choice("aggregate") as ScalarType<RuleAggregate>)
        let over = reader.scalar("over", ConfigurationDecoder.window)
        let per = reader.scalar("per", ConfigurationDecoder.window)
        if let aggregate, aggregate != .rate, reader.isGiven("per") {
            context.diagnostics.error(reader.place(of: "per"), "`per` is the time that a `value: rate` is for")
        }
        guard let aggregate else {
            for key in ["over", "per"] where reader.isGiven(key) && !reader.isGiven("value") {
                context.diagnostics.error(reader.place(of: key), "`\(key)` belongs to `value`, which is not there")
            }
            return .reading
        }
        var signal = RuleSignal(aggregate, over: over)
        if let per { signal.per = per }
        return signal
    }

    /// `only_if`.
    func decodeGate(_ rule: MappingReader) -> RuleGate? {
        guard let reader = rule.mapping("only_if") else { return nil }
        let metric = reader.scalar("metric", .text(bytesMax: 128))
        if metric == nil, !reader.isGiven("metric") {
            reader.error("`only_if` names a metric of the same device: `metric:`")
        }
        let limits = LimitReader(context)
        let condition = decodeCondition(reader, limits)
        let within = reader.scalar("within", ConfigurationDecoder.window)
        if let unit = limits.unit {
            context.diagnostics.error(
                reader.place,
                "`only_if` takes its limit in the metric's own unit: leave out `\(unit)`"
            )
        }
        reader.finish()
        guard let metric, let condition else { return nil }
        return RuleGate(metric: metric, condition: condition, within: within)
    }

    /// `at_least`, `within` and `by`.
    func decodeGroup(_ reader: MappingReader) -> RuleGroup? {
        let atLeast = reader.scalar("at_least", .integer(1...RuleLimits.groupMembersMax))
        let within = reader.scalar("within", ConfigurationDecoder.window)
        let by = reader.list("by", .text(bytesMax: 128), countMax: RuleLimits.groupLabelsMax)
        guard let atLeast else {
            for key in ["within", "by"] where reader.isGiven(key) && !reader.isGiven("at_least") {
                context.diagnostics.error(reader.place(of: key), "`\(key)` belongs to `at_least`, which is not there")
            }
            return nil
        }
        return RuleGroup(atLeast: atLeast, within: within, by: by ?? [])
    }
}

/// Reads limits, with or without a unit behind the number; all of one rule end in one unit.
final class LimitReader {
    private let context: ReadingContext
    /// Of the first limit that has one, in its canonical spelling.
    private(set) var unit: String?

    init(_ context: ReadingContext) {
        self.context = context
    }

    func limit(_ key: String, _ reader: MappingReader) -> Double? {
        reader.scalar(key, .limit).flatMap { number($0, at: reader.place(of: key), key) }
    }

    func range(_ key: String, _ reader: MappingReader) -> (low: Double, high: Double)? {
        guard let ends = reader.list(key, .limit, countMax: 2) else { return nil }
        let numbers = ends.compactMap { number($0, at: reader.place(of: key), key) }
        guard numbers.count == 2, numbers[0] <= numbers[1] else {
            context.diagnostics.error(reader.place(of: key), "`\(key)`: two numbers, the lower one first: `[2, 8]`")
            return nil
        }
        return (numbers[0], numbers[1])
    }

    /// A number, or a state: a word, or a Boolean.
    func equals(_ reader: MappingReader) -> RuleCondition? {
        guard let wanted = reader.scalar("equals", .wantedValue) else { return nil }
        switch wanted {
        case .state(let state): return .isState(state)
        case .limit(let limit): return number(limit, at: reader.place(of: "equals"), "equals").map { .equals($0) }
        }
    }

    private func number(_ limit: Limit, at place: ConfigurationPlace, _ key: String) -> Double? {
        guard let given = limit.unit else { return limit.value }
        guard let unit, unit != given else {
            unit = given
            return limit.value
        }
        guard let conversion = UnitConversion(from: given, to: unit) else {
            context.diagnostics.error(place, "`\(key)`: `\(given)` and `\(unit)` in one rule cannot be compared")
            return nil
        }
        return conversion.apply(limit.value)
    }
}

/// A number as a limit is written: `-15`, `-15 °C`.
struct Limit {
    var value: Double
    /// In its canonical spelling.
    var unit: String?
}

extension ScalarType where Value == Limit {
    static var limit: ScalarType {
        ScalarType { value throws(WrongValue) in
            let number = value.text.prefix { $0.isASCII && ($0.isNumber || "+-.eE".contains($0)) }
            let rest = value.text.dropFirst(number.count)
            let unit = rest.drop { $0 == " " }
            // `1,5` and `0x10` are no numbers with a unit behind them.
            let isUnit = unit.first.map { $0.isLetter || "%°[".contains($0) } ?? true
            let isApart = rest.first == " " || !rest.contains { $0.isASCII && $0.isNumber }
            guard !value.isText, let parsed = Double(number), parsed.isFinite, isUnit, isApart,
                unit.utf8.count <= UnitName.bytesMax, !ConfigurationText.hasControlCharacters(String(unit))
            else {
                throw WrongValue("expected a number, not `\(value.shown)`\(value.isText ? " in quotes" : "")")
            }
            return Limit(value: parsed, unit: unit.isEmpty ? nil : UnitName.canonical(String(unit)))
        }
    }
}

/// What `equals` may be.
enum WantedValue {
    case limit(Limit)
    case state(String)
}

extension ScalarType where Value == WantedValue {
    static var wantedValue: ScalarType {
        ScalarType { value throws(WrongValue) in
            if !value.isText, value.text.first.map({ $0.isASCII && ($0.isNumber || "+-.".contains($0)) }) ?? false {
                return .limit(try ScalarType<Limit>.limit.read(value))
            }
            guard (1...RuleLimits.stateBytesMax).contains(value.text.utf8.count),
                !ConfigurationText.hasControlCharacters(value.text)
            else {
                throw WrongValue(
                    "expected a number, `true`, `false` or a state of 1 to \(RuleLimits.stateBytesMax) bytes"
                )
            }
            return .state(value.text)
        }
    }
}

extension ScalarType where Value == RuleExpression {
    static var expression: ScalarType {
        ScalarType { value throws(WrongValue) in
            guard value.text.utf8.count <= RuleLimits.expressionBytesMax else {
                throw WrongValue("an expression has at most \(RuleLimits.expressionBytesMax) bytes")
            }
            do throws(ExpressionError) { return try RuleExpression(value.text) } catch {
                let name = value.text.dropFirst(error.position).prefix { $0.isLetter || $0.isNumber || $0 == "_" }
                let hint = error.validNames.isEmpty ? "" : NearestName.hint(for: String(name), among: error.validNames)
                throw WrongValue("at character \(error.position + 1): \(error.message)\(hint)")
            }
        }
    }
}
