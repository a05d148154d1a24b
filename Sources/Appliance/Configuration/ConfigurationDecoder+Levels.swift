// Reads the conditions of a rule: its own, or those of its `levels`.
internal import Rules

extension ConfigurationDecoder {
    private static let conditionKeys = [
        "above", "below", "outside", "inside", "equals", "absent", "unchanged", "expr",
    ]

    /// Ticks come every ten seconds, so less cannot be told.
    fileprivate static var watchTime: ScalarType<Duration> { .duration(.seconds(10)...(.days(366))) }

    /// What a level takes from its rule where it says nothing itself.
    private struct LevelDefaults {
        var holdFor = Duration.zero
        var clearFor = Duration.zero
        var severity = "warning"
    }

    /// nil where something is wrong, which is reported. `unit`: becomes that of the limits, where any of them has one.
    func decodeLevels(_ rule: MappingReader, unit: inout String?) -> [RuleLevel]? {
        let defaults = decodeDefaults(rule, LevelDefaults())
        let limits = LimitReader(context)
        defer { unit = limits.unit }
        guard let node = rule.node("levels") else { return decodeLevel(rule, defaults, limits).map { [$0] } }
        for key in ConfigurationDecoder.conditionKeys + ["clear_below", "clear_above"] where rule.isGiven(key) {
            context.diagnostics.error(rule.place(of: key), "with `levels`, `\(key)` stands in each of them")
        }
        guard case .sequence(let elements) = node.content else {
            context.diagnostics.error(node.place, "`levels`: expected a list of levels, not \(node.kind)")
            return nil
        }
        var levels: [RuleLevel] = []
        var isWhole = true
        for element in elements.prefix(RuleLimits.levelsMax) {
            let reader = rule.mapping(element, named: "levels")
            let level = reader.flatMap { reader in
                decodeLevel(reader, decodeDefaults(reader, defaults), limits)
            }
            reader?.finish()
            if let level { levels.append(level) } else { isWhole = false }
        }
        if !(1...RuleLimits.levelsMax).contains(elements.count) {
            context.diagnostics.error(node.place, "`levels`: 1 to \(RuleLimits.levelsMax) of them")
            isWhole = false
        }
        return isWhole ? levels : nil
    }

    private func decodeDefaults(_ reader: MappingReader, _ outer: LevelDefaults) -> LevelDefaults {
        var defaults = outer
        reader.read("for", .duration(.zero...(.days(366))), into: &defaults.holdFor)
        reader.read("clear_for", .duration(.zero...(.days(366))), into: &defaults.clearFor)
        reader.read("severity", .text(bytesMax: 32), into: &defaults.severity)
        if reader.isGiven("severity") { question(defaults.severity, at: reader.place(of: "severity")) }
        return defaults
    }

    private func decodeLevel(
        _ reader: MappingReader,
        _ defaults: LevelDefaults,
        _ limits: LimitReader
    ) -> RuleLevel? {
        guard let condition = decodeCondition(reader, limits) else { return nil }
        return RuleLevel(
            condition,
            holdFor: defaults.holdFor,
            clearFor: defaults.clearFor,
            severity: defaults.severity
        )
    }

    /// What a rule, a level, or `only_if` demands of a value.
    func decodeCondition(_ reader: MappingReader, _ limits: LimitReader) -> RuleCondition? {
        let given = ConfigurationDecoder.conditionKeys.filter(reader.isGiven)
        guard let kind = given.first else {
            let keys = ConfigurationDecoder.conditionKeys.map { "`\($0):`" }.joined(separator: ", ")
            reader.error("a condition is missing: one of \(keys)")
            return nil
        }
        for other in given.dropFirst() {
            context.diagnostics.error(
                reader.place(of: other),
                "a rule has one condition, `\(kind)` or `\(other)`: make two rules of it"
            )
        }
        for (key, owner) in [("clear_below", "above"), ("clear_above", "below")]
        where reader.isGiven(key) && kind != owner {
            let right = ["above": "; `above` has `clear_below`", "below": "; `below` has `clear_above`"][kind] ?? ""
            context.diagnostics.error(reader.place(of: key), "`\(key)` belongs to `\(owner)`\(right)")
        }
        guard given.count == 1 else { return nil }
        switch kind {
        case "above":
            guard let limit = limits.limit("above", reader) else { return nil }
            let clearBelow = limits.limit("clear_below", reader)
            if let clearBelow, clearBelow > limit { refuseEarly("clear_below", kind, "high", reader) }
            return .above(limit: limit, clear: clearBelow)
        case "below":
            guard let limit = limits.limit("below", reader) else { return nil }
            let clearAbove = limits.limit("clear_above", reader)
            if let clearAbove, clearAbove < limit { refuseEarly("clear_above", kind, "low", reader) }
            return .below(limit: limit, clear: clearAbove)
        case "outside": return limits.range("outside", reader).map { .outside(low: $0.low, high: $0.high) }
        case "inside": return limits.range("inside", reader).map { .inside(low: $0.low, high: $0.high) }
        case "equals": return limits.equals(reader)
        case "absent": return reader.scalar("absent", .silence).map { .absent($0) }
        case "expr": return reader.scalar("expr", .expression).map { .holds($0) }
        default: return reader.scalar("unchanged", ConfigurationDecoder.watchTime).map { .unchanged($0) }
        }
    }

    private func refuseEarly(_ key: String, _ kind: String, _ still: String, _ reader: MappingReader) {
        context.diagnostics.error(
            reader.place(of: key),
            "`\(key)` lies beyond `\(kind)`: the alert would clear while it is still too \(still)"
        )
    }
}

extension ScalarType where Value == Silence {
    /// `30m`, or `3x`: three of the device's usual intervals.
    fileprivate static var silence: ScalarType {
        ScalarType { value throws(WrongValue) in
            guard value.text.hasSuffix("x") else {
                return .duration(try ConfigurationDecoder.watchTime.read(value))
            }
            guard let count = Int(value.text.dropLast()), (1...RuleLimits.intervalsMax).contains(count) else {
                throw WrongValue(
                    "expected `1x` to `\(RuleLimits.intervalsMax)x` of the usual interval, or a duration, not `\(value.shown)`"
                )
            }
            return .intervals(count)
        }
    }
}
