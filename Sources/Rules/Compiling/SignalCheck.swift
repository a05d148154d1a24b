// What keeps windows, gates, expressions and groups of a rule from being used together.
internal import Platform

enum SignalCheck {
    static func problems(_ definition: RuleDefinition) -> [RuleProblem] {
        let found =
            signalProblems(definition) + unitProblems(definition) + gateProblems(definition)
            + expressionProblems(definition) + groupProblems(definition)
        return found.map { RuleProblem(alert: definition.alert, key: $0.key, message: $0.message) }
    }

    private typealias Problem = (key: String, message: String)

    private static func signalProblems(_ definition: RuleDefinition) -> [Problem] {
        let signal = definition.signal
        guard !signal.isReading else { return [] }
        var problems: [Problem] = []
        if let over = signal.over {
            if !RuleLimits.windows.contains(over) { problems.append(("over", "from 1s to 31d")) }
        } else {
            problems.append(
                ("value", "`value: \(signal.aggregate.rawValue)` needs the time it is taken over: `over: 5m`")
            )
        }
        if signal.aggregate == .last {
            problems.append(("over", "`value: last` is the newest reading: it is over no time"))
        }
        if signal.per <= .zero { problems.append(("per", "a duration, larger than nothing")) }
        if definition.levels.contains(where: { !$0.condition.hasLimits }) {
            let message = "`value` is compared with numbers: `above`, `below`, `outside`, `inside` or `equals`"
            problems.append(("value", message))
        }
        return problems
    }

    private static func unitProblems(_ definition: RuleDefinition) -> [Problem] {
        guard definition.unit != nil else { return [] }
        guard definition.signal.aggregate == .count else { return [] }
        return [("value", "a count has no unit")]
    }

    private static func gateProblems(_ definition: RuleDefinition) -> [Problem] {
        guard let gate = definition.onlyIf else { return [] }
        var problems: [Problem] = []
        if gate.metric.isEmpty { problems.append(("only_if", "`metric` names what is looked at")) }
        if let within = gate.within, !RuleLimits.windows.contains(within) {
            problems.append(("only_if", "`within`: from 1s to 31d"))
        }
        if let (_, message) = RuleCheck.numberProblem(gate.condition) { problems.append(("only_if", message)) }
        if gate.condition.isWatch || gate.condition.expression != nil {
            problems.append(("only_if", "it looks at a value: `above`, `below`, `outside`, `inside` or `equals`"))
        }
        if definition.levels.contains(where: { $0.condition.isWatch || $0.condition.expression != nil }) {
            problems.append(("only_if", "it stands beside a limit: with `expr`, say it with `and`"))
        }
        return problems
    }

    private static func expressionProblems(_ definition: RuleDefinition) -> [Problem] {
        guard definition.levels.contains(where: { $0.condition.expression != nil }) else { return [] }
        var problems: [Problem] = []
        if definition.levels.count > 1 {
            problems.append(("levels", "an expression has one level: make two rules of it"))
        }
        if !definition.match.metrics.isEmpty {
            problems.append(("match", "an expression names its metrics itself; `match` says of which devices"))
        }
        return problems
    }

    private static func groupProblems(_ definition: RuleDefinition) -> [Problem] {
        guard let group = definition.group else { return [] }
        var problems: [Problem] = []
        if group.atLeast < 1 { problems.append(("at_least", "at least 1")) }
        if let within = group.within, !RuleLimits.windows.contains(within) {
            problems.append(("within", "from 1s to 31d"))
        }
        let isPlain = definition.levels.allSatisfy { level in
            switch level.condition {
            case .isState: true
            default: level.condition.hasLimits
            }
        }
        if !isPlain || definition.levels.count > 1 || !definition.signal.isReading {
            let message = "it counts devices by their newest readings: one limit, no `value`, `expr`, `levels` or watch"
            problems.append(("at_least", message))
        }
        return problems
    }
}
