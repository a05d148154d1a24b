// Rules compiled: patterns, templates and the hash that tells a changed condition from changed words.
internal import Platform

/// Something in a rule that keeps it from being used.
package struct RuleProblem: Error, Hashable, Sendable {
    package var alert: String
    /// The key of the rule it stands in, e.g. `summary`.
    package var key: String
    package var message: String
    /// Characters from the start of the key's text; nil where the whole of it is meant.
    package var position: Int?
    /// What could stand there instead; empty where that is no list.
    package var validNames: [String] = []
}

/// All that is wrong with a set of rules, at once.
package struct RuleProblems: Error, Hashable, Sendable {
    package var problems: [RuleProblem]
}

/// The rules in force. Immutable; compiled once per load.
package struct RuleSet: Sendable {
    package let rules: [CompiledRule]
    /// Whether any of them looks at states, at further series, or at units: what most sets spare the inner loop.
    let readsStates: Bool
    let hasTerms: Bool
    let convertsUnits: Bool
    /// Rules that make one alert of several devices.
    let groupCount: Int

    /// No rules at all.
    package static let empty = RuleSet(rules: [])

    private init(rules: [CompiledRule]) {
        self.rules = rules
        readsStates = rules.contains { $0.role.contains(.states) || $0.terms.contains(where: \.isState) }
        hasTerms = rules.contains { !$0.terms.isEmpty }
        groupCount = rules.count { $0.memberThreshold != nil }
        convertsUnits = rules.contains { $0.definition.unit != nil }
    }

    package init(_ definitions: [RuleDefinition]) throws(RuleProblems) {
        var problems: [RuleProblem] = []
        var names: Set<String> = []
        var rules: [CompiledRule] = []
        for definition in definitions {
            if !names.insert(definition.alert).inserted {
                problems.append(RuleProblem(alert: definition.alert, key: "alert", message: "the name is given twice"))
            }
            do { rules.append(try CompiledRule(definition)) } catch { problems += error.problems }
        }
        guard problems.isEmpty else { throw RuleProblems(problems: problems) }
        self.init(rules: rules)
    }

    package func rule(named alert: String) -> CompiledRule? {
        rules.first { $0.definition.alert == alert }
    }
}

/// One rule, ready to be evaluated and written about.
package final class CompiledRule: Sendable {
    package let definition: RuleDefinition
    package let summary: RuleTemplate?
    package let description: RuleTemplate?
    /// Of everything that decides when the rule fires: condition, `for` and match, but no words. Stored in snapshots and
    /// alerts, so it is the same in every version of this program.
    package let conditionHash: UInt64
    let match: CompiledMatch
    /// Of each level; of a group, for the count of its devices.
    let thresholds: [Threshold]
    /// Of a group, for the reading of one device.
    let memberThreshold: Threshold?
    /// Of a group, in milliseconds: how long a device counts; nil: until its next reading.
    let groupWithin: Int64?
    /// What the rule reads of the series that it watches.
    let role: SeriesRole
    /// Further series of the same device: those of an expression, or the one of `only_if`.
    let terms: [ExpressionTerm]
    let gate: Threshold?
    let expression: RuleExpression?

    init(_ definition: RuleDefinition) throws(RuleProblems) {
        var problems = RuleCheck.problems(definition)
        self.definition = definition
        summary = CompiledRule.template(definition.summary, "summary", definition, &problems)
        description = CompiledRule.template(definition.description, "description", definition, &problems)
        conditionHash = ConditionHash.of(definition)
        match = CompiledMatch(definition.match)
        thresholds = definition.levels.map { level in
            let enough = definition.group.map { RuleCondition.above(limit: Double($0.atLeast) - 0.5, clear: nil) }
            return Threshold(enough ?? level.condition, holdFor: level.holdFor, clearFor: level.clearFor)
        }
        memberThreshold = definition.group.flatMap { _ in definition.levels.first }.map {
            Threshold($0.condition, holdFor: .zero, clearFor: .zero)
        }
        groupWithin = definition.group?.within?.wholeMilliseconds
        expression = definition.levels.first?.condition.expression
        role = SeriesRole(watching: definition)
        gate = definition.onlyIf.map { Threshold($0.condition, holdFor: .zero, clearFor: .zero) }
        terms = expression?.terms ?? definition.onlyIf.map { [ExpressionTerm($0)] } ?? []
        guard problems.isEmpty else { throw RuleProblems(problems: problems) }
    }

    /// The unit of its values, where the readings have `unit`.
    func unit(of unit: String?) -> String? {
        if definition.group != nil { return nil }
        return expression == nil ? definition.signal.unit(of: definition.unit ?? unit) : nil
    }

    /// Whether its value can change, or be lost, with time alone.
    var movesWithTime: Bool { !definition.signal.isReading || expression != nil || definition.group != nil }

    private static func template(
        _ source: String?,
        _ key: String,
        _ definition: RuleDefinition,
        _ problems: inout [RuleProblem]
    ) -> RuleTemplate? {
        guard let source else { return nil }
        do { return try RuleTemplate(source) } catch {
            problems.append(
                RuleProblem(
                    alert: definition.alert,
                    key: key,
                    message: error.message,
                    position: error.position,
                    validNames: error.validNames
                )
            )
            return nil
        }
    }
}

/// What of a series a rule looks at, and what for. Plain bytes, for the inner loop.
struct SeriesRole: OptionSet, BitwiseCopyable {
    let rawValue: UInt8

    /// It watches the numbers, or the states.
    static let numbers = SeriesRole(rawValue: 1)
    static let states = SeriesRole(rawValue: 2)
    /// They are a term of it.
    static let numberTerm = SeriesRole(rawValue: 4)
    static let stateTerm = SeriesRole(rawValue: 8)

    /// Watched, it is one of a group.
    static let member = SeriesRole(rawValue: 16)

    init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Silence and standing still concern numbers and states alike.
    init(watching definition: RuleDefinition) {
        switch definition.levels.first?.condition {
        case .isState: self = .states
        case .absent, .unchanged: self = [.numbers, .states]
        case .holds: self = []
        case .above, .below, .outside, .inside, .equals, nil: self = .numbers
        }
    }
}

extension ExpressionTerm {
    /// The series that a gate looks at.
    init(_ gate: RuleGate) {
        let role: Bool
        if case .isState = gate.condition { role = true } else { role = false }
        self.init(metric: gate.metric, signal: RuleSignal(.last, over: gate.within), isState: role)
    }
}
