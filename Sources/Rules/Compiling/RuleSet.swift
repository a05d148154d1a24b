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

    /// No rules at all.
    package static let empty = RuleSet(rules: [])

    private init(rules: [CompiledRule]) {
        self.rules = rules
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
        self.rules = rules
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
    /// Of each level.
    let thresholds: [Threshold]

    init(_ definition: RuleDefinition) throws(RuleProblems) {
        var problems = RuleCheck.problems(definition)
        self.definition = definition
        summary = CompiledRule.template(definition.summary, "summary", definition, &problems)
        description = CompiledRule.template(definition.description, "description", definition, &problems)
        conditionHash = ConditionHash.of(definition)
        match = CompiledMatch(definition.match)
        thresholds = definition.levels.map(Threshold.init)
        guard problems.isEmpty else { throw RuleProblems(problems: problems) }
    }

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
