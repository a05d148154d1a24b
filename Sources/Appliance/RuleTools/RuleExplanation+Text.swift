// The explanation of a rule in words.
internal import Platform
internal import Rules

extension RuleExplanation {
    static func seconds(_ duration: Duration) -> Double { Double(duration.wholeMilliseconds) / 1000 }

    static func list(_ names: [String]) -> String { names.map { "`\($0)`" }.joined(separator: ", ") }

    /// For people.
    package var lines: [String] {
        var lines = ["\(alert) for \(device)\(metric.map { " " + $0 } ?? ""), at \(at)", "  state      \(stateText)"]
        if let reading {
            let unit = reading.unit.map { " " + $0 } ?? ""
            lines.append(
                "  reading    \(RuleText.number(reading.value))\(unit), of \(reading.time) (readings-\(reading.partition), "
                    + "offset \(reading.offset))"
            )
        }
        for input in inputs {
            let value = input.value.map { RuleText.number($0) } ?? input.state ?? "not known"
            lines.append("  input      \(input.what): \(value), of \(input.readings) readings")
        }
        if let intervalSeconds {
            lines.append(
                "  interval   \(RuleText.duration(milliseconds: Int64((intervalSeconds * 1000).rounded()))) between readings, as a rule"
            )
        }
        for label in labels.sorted(by: { $0.key < $1.key }) { lines.append("  label      \(label.key)=\(label.value)") }
        for level in levels { lines.append("  condition  \(level.severity): \(level.condition)") }
        if let lastEdge {
            let value = RuleText.number(lastEdge.value)
            lines.append("  last edge  \(lastEdge.state) \(lastEdge.severity) at \(lastEdge.at), value \(value)")
        }
        for (index, sentence) in why.enumerated() {
            lines.append((index == 0 ? "  why        " : "             ") + sentence)
        }
        if skipped > 0 { lines.append("  skipped    \(skipped) records are damaged or gone, and were not seen") }
        return lines
    }

    private var stateText: String { severity.map { "\(state), severity \($0)" } ?? state }
}

extension RuleExplanation.Level {
    init(_ standing: LevelStanding, _ level: RuleLevel, of rule: RuleDefinition, metric: String, unit: String?) {
        let runs = standing.phase != .ok
        let holdFor = level.condition.isWatch || level.holdFor > .zero ? standing.holdFor : nil
        self.init(
            severity: level.severity,
            condition: rule.text(of: level, metric: metric, unit: unit),
            state: standing.phase.rawValue,
            since: standing.since?.rfc3339,
            elapsedSeconds: runs ? RuleExplanation.seconds(standing.elapsed) : nil,
            forSeconds: holdFor.map(RuleExplanation.seconds),
            firesAt: standing.deadline?.rfc3339,
            firedAt: standing.firedAt?.rfc3339,
            clearedAt: standing.clearedAt?.rfc3339
        )
    }
}

extension LevelStanding {
    /// Why this level holds or does not, in one sentence.
    func reason(_ definition: RuleLevel, of rule: RuleDefinition, metric: String, unit: String?) -> String {
        let value = RuleText.number(value) + (unit.map { " " + $0 } ?? "")
        let condition = rule.text(of: definition, metric: metric, unit: unit)
        let begun = since?.rfc3339 ?? ""
        let run = RuleText.duration(milliseconds: elapsed.wholeMilliseconds)
        let whole = holdFor.map { RuleText.duration(milliseconds: $0.wholeMilliseconds) }
        switch phase {
        case .ok:
            let isNumber = !isState && definition.condition.expression == nil
            return isNumber ? "\(value) does not meet `\(condition)`" : "`\(condition)` does not hold"
        case .pending:
            let due = deadline.map { ": it fires at \($0.rfc3339), if no reading ends it before" } ?? ""
            return "`\(condition)` holds since \(begun); \(run) of \(whole ?? "") have run\(due)"
        case .watching:
            guard let whole, let deadline else {
                return "`\(condition)`: the usual interval is not known before there are two readings"
            }
            return "`\(condition)`: \(run) of \(whole) have run since \(begun): it fires at \(deadline.rfc3339), if no "
                + "reading ends it before"
        case .firing where !isShown:
            return "`\(condition)` holds since \(begun); a worse level has the alert"
        case .firing:
            return "`\(condition)` holds since \(begun), and fires since \(firedAt?.rfc3339 ?? "")"
        case .recovering:
            let clearFor = RuleText.duration(milliseconds: definition.clearFor.wholeMilliseconds)
            return
                "values are cleared since \(clearedAt?.rfc3339 ?? ""); the alert ends with the first one that comes when "
                + "they have been for \(clearFor)"
        }
    }
}
