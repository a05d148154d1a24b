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
    let threshold: Threshold

    init(_ definition: RuleDefinition) throws(RuleProblems) {
        var problems = CompiledRule.numberProblems(definition)
        self.definition = definition
        summary = CompiledRule.template(definition.summary, "summary", definition, &problems)
        description = CompiledRule.template(definition.description, "description", definition, &problems)
        conditionHash = ConditionHash.of(definition)
        match = CompiledMatch(definition.match)
        threshold = Threshold(definition.condition, holdFor: definition.holdFor.wholeMilliseconds)
        guard problems.isEmpty else { throw RuleProblems(problems: problems) }
    }

    /// Longest name of an alert, in bytes.
    private static let alertBytesMax = 256

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

    private static func numberProblems(_ definition: RuleDefinition) -> [RuleProblem] {
        func problem(_ key: String, _ message: String) -> RuleProblem {
            RuleProblem(alert: definition.alert, key: key, message: message)
        }
        let (key, clearKey) =
            switch definition.condition {
            case .above: ("above", "clear_below")
            case .below: ("below", "clear_above")
            }
        var problems: [RuleProblem] = []
        if !definition.condition.limit.isFinite { problems.append(problem(key, "the limit is no finite number")) }
        if let clear = definition.condition.clear {
            let threshold = Threshold(definition.condition, holdFor: 0)
            if !clear.isFinite {
                problems.append(problem(clearKey, "the value is no finite number"))
            } else if threshold.clear > threshold.limit {
                problems.append(
                    problem(clearKey, "it lies beyond `\(key)`: the alert would clear while it is still due")
                )
            }
        }
        if !(1...alertBytesMax).contains(definition.alert.utf8.count) {
            problems.append(problem("alert", "a name has 1 to \(alertBytesMax) bytes"))
        }
        if definition.holdFor < .zero { problems.append(problem("for", "a duration is not negative")) }
        return problems
    }
}

/// A threshold condition with its direction folded in: after multiplication by `sign`, beyond is always greater.
struct Threshold: BitwiseCopyable {
    let sign: Double
    let limit: Double
    let clear: Double
    let hasClear: Bool
    /// Milliseconds.
    let holdFor: Int64

    init(_ condition: RuleCondition, holdFor: Int64) {
        switch condition {
        case .above: sign = 1
        case .below: sign = -1
        }
        limit = condition.limit * sign
        clear = (condition.clear ?? condition.limit) * sign
        hasClear = condition.clear != nil
        self.holdFor = holdFor
    }

    @inline(__always)
    func isBeyond(_ scaled: Double) -> Bool { scaled > limit }

    /// Whether a firing alert ends: strictly beyond `clear_*`, or, without one, at a value not beyond the limit.
    @inline(__always)
    func isCleared(_ scaled: Double) -> Bool { hasClear ? scaled < clear : !(scaled > limit) }
}

/// FNV-1a over the condition's parts, each with its length, so that no two conditions run together.
private struct ConditionHash {
    private var state: UInt64 = 0xCBF2_9CE4_8422_2325

    static func of(_ definition: RuleDefinition) -> UInt64 {
        var hash = ConditionHash()
        switch definition.condition {
        case .above: hash.add("above")
        case .below: hash.add("below")
        }
        hash.add(definition.condition.limit.bitPattern)
        hash.add(definition.condition.clear.map { [$0.bitPattern] } ?? [])
        hash.add(UInt64(bitPattern: definition.holdFor.wholeMilliseconds))
        let match = definition.match
        for patterns in [match.metrics, match.devices, match.names, match.profiles, match.locations] {
            hash.add(patterns)
        }
        for label in match.labels.sorted(by: { $0.key < $1.key }) {
            hash.add(label.key)
            hash.add(label.value)
        }
        return hash.state
    }

    private mutating func add(_ text: String) {
        add(UInt64(text.utf8.count))
        for byte in text.utf8 { add(byte) }
    }

    private mutating func add(_ texts: [String]) {
        add(UInt64(texts.count))
        for text in texts { add(text) }
    }

    private mutating func add(_ numbers: [UInt64]) {
        add(UInt64(numbers.count))
        for number in numbers { add(number) }
    }

    private mutating func add(_ number: UInt64) {
        for shift in stride(from: 0, to: 64, by: 8) { add(UInt8(truncatingIfNeeded: number >> UInt64(shift))) }
    }

    private mutating func add(_ byte: UInt8) {
        state = (state ^ UInt64(byte)) &* 0x100_0000_01B3
    }
}
