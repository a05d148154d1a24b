// What keeps a rule's numbers from being used.
internal import Platform

enum RuleCheck {
    /// Longest name of an alert, in bytes.
    private static let alertBytesMax = 256

    static func problems(_ definition: RuleDefinition) -> [RuleProblem] {
        func problem(_ key: String, _ message: String) -> RuleProblem {
            RuleProblem(alert: definition.alert, key: key, message: message)
        }
        var problems: [RuleProblem] = []
        if !(1...alertBytesMax).contains(definition.alert.utf8.count) {
            problems.append(problem("alert", "a name has 1 to \(alertBytesMax) bytes"))
        }
        if !(1...RuleLimits.levelsMax).contains(definition.levels.count) {
            problems.append(problem("levels", "a rule has 1 to \(RuleLimits.levelsMax) levels"))
        }
        for level in definition.levels {
            if let (key, message) = numberProblem(level.condition) { problems.append(problem(key, message)) }
            if level.holdFor < .zero { problems.append(problem("for", "a duration is not negative")) }
            if level.clearFor < .zero { problems.append(problem("clear_for", "a duration is not negative")) }
            guard level.condition.isWatch else { continue }
            for (key, duration) in [("for", level.holdFor), ("clear_for", level.clearFor)] where duration > .zero {
                problems.append(problem(key, "`absent` and `unchanged` have their own duration, and end at once"))
            }
        }
        problems += SignalCheck.problems(definition)
        for (lower, upper) in zip(definition.levels, definition.levels.dropFirst())
        where !upper.condition.liesWithin(lower.condition) {
            let message =
                "the levels go from the mildest to the worst: each holds only where the one before it holds, too"
            problems.append(problem("levels", message))
            break
        }
        return problems
    }

    static func numberProblem(_ condition: RuleCondition) -> (key: String, message: String)? {
        let noNumber = "the limit is no finite number"
        switch condition {
        case .above(let limit, let clear):
            if !limit.isFinite { return ("above", noNumber) }
            guard let clear else { return nil }
            if !clear.isFinite { return ("clear_below", noNumber) }
            return clear > limit ? ("clear_below", early("above")) : nil
        case .below(let limit, let clear):
            if !limit.isFinite { return ("below", noNumber) }
            guard let clear else { return nil }
            if !clear.isFinite { return ("clear_above", noNumber) }
            return clear < limit ? ("clear_above", early("below")) : nil
        case .outside(let low, let high):
            return low.isFinite && high.isFinite && low <= high ? nil : ("outside", "[low, high]: two numbers in order")
        case .inside(let low, let high):
            return low.isFinite && high.isFinite && low <= high ? nil : ("inside", "[low, high]: two numbers in order")
        case .equals(let value):
            return value.isFinite ? nil : ("equals", noNumber)
        case .isState(let state):
            return state.isEmpty ? ("equals", "a state is no empty text") : nil
        case .holds: return nil
        case .absent(.duration(let duration)):
            return duration > .zero ? nil : ("absent", "a duration, larger than nothing")
        case .absent(.intervals(let count)):
            return (1...RuleLimits.intervalsMax).contains(count)
                ? nil : ("absent", "1x to \(RuleLimits.intervalsMax)x of the usual interval")
        case .unchanged(let duration):
            return duration > .zero ? nil : ("unchanged", "a duration, larger than nothing")
        }
    }

    private static func early(_ key: String) -> String {
        "it lies beyond `\(key)`: the alert would clear while it is still due"
    }
}

extension RuleCondition {
    /// Whether every value at which this holds is one at which `other`, of the same kind, holds.
    package func liesWithin(_ other: RuleCondition) -> Bool {
        switch (self, other) {
        case (.above(let limit, _), .above(let outer, _)): limit >= outer
        case (.below(let limit, _), .below(let outer, _)): limit <= outer
        case (.outside(let low, let high), .outside(let outerLow, let outerHigh)): low <= outerLow && high >= outerHigh
        case (.inside(let low, let high), .inside(let outerLow, let outerHigh)): low >= outerLow && high <= outerHigh
        case (.absent(.duration(let silence)), .absent(.duration(let shorter))): silence >= shorter
        case (.absent(.intervals(let count)), .absent(.intervals(let fewer))): count >= fewer
        case (.unchanged(let duration), .unchanged(let shorter)): duration >= shorter
        default: false
        }
    }
}

extension RuleLevel {
    /// Whether this level holds whenever `milder`, a level before it, does, from as early on to as late.
    package func hides(_ milder: RuleLevel) -> Bool {
        milder.condition.liesWithin(condition) && condition.liesWithin(milder.condition)
            && condition.clearsOnlyWithin(milder.condition) && holdFor <= milder.holdFor && clearFor >= milder.clearFor
    }
}

extension RuleCondition {
    /// Whether every value at which this clears is one at which `other`, with the same limit, does.
    fileprivate func clearsOnlyWithin(_ other: RuleCondition) -> Bool {
        switch (self, other) {
        case (.above(_, let clear), .above(_, let outer?)): clear.map { $0 <= outer } ?? false
        case (.below(_, let clear), .below(_, let outer?)): clear.map { $0 >= outer } ?? false
        default: true
        }
    }
}
