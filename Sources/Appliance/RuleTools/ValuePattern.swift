// `-18x20 -10 _x5 -18..-10x9`, `closedx20 open`: the values of a series in a test of rules.
internal import Foundation
internal import Rules

/// Runs of values, kept as they are written: how often one repeats costs no memory.
struct ValuePattern: Hashable, Sendable {
    /// `count` steps from `first` to `last`, which are the same for a value that repeats; nil: silence.
    struct Run: Hashable, Sendable {
        var first: Double?
        var last: Double
        var count: Int64
        var isState = false

        /// `index`: from 0, below `count`.
        func value(_ index: Int64) -> Double? {
            guard let first, count > 1 else { return first }
            return index == count - 1 ? last : first + (last - first) * (Double(index) / Double(count - 1))
        }
    }

    let runs: [Run]
    /// The states that its values stand for, by their place; empty: they are numbers.
    let states: [String]
    /// Steps, silent ones among them; at most `RuleToolLimits.readingsMax`.
    let count: Int64

    init(_ text: String) throws(WrongValue) {
        var runs: [Run] = []
        var states: [String] = []
        var count: Int64 = 0
        for word in text.split(whereSeparator: \.isWhitespace) {
            let run: Run
            if let state = try ValuePattern.state(word, &states) {
                run = state
            } else {
                run = try ValuePattern.run(word)
            }
            count += run.count
            guard count <= RuleToolLimits.readingsMax else { throw ValuePattern.tooMany(word) }
            runs.append(run)
        }
        guard !runs.isEmpty else { throw WrongValue("no value; expected such as `-18x20 -10 _x5`") }
        let isMixed = !states.isEmpty && runs.contains { $0.first != nil && !$0.isState }
        guard !isMixed else { throw WrongValue("a series has numbers or states, not both") }
        self.runs = runs
        self.states = states
        self.count = count
    }

    /// A word that begins with a letter is a state; nil: it is none. An `x` with digits behind it, at its end, says how often.
    private static func state(_ word: Substring, _ states: inout [String]) throws(WrongValue) -> Run? {
        guard word.first?.isLetter ?? false else { return nil }
        var (state, count) = (word, Int64(1))
        if let mark = word.lastIndex(of: "x"), mark > word.startIndex {
            let digits = word[word.index(after: mark)...]
            if !digits.isEmpty, digits.utf8.allSatisfy(ConfigurationText.isDigit) {
                (state, count) = (word[..<mark], try times(digits, word))
            }
        }
        guard state.utf8.count <= RuleLimits.stateBytesMax else { throw malformed(word) }
        let place = states.firstIndex(of: String(state)) ?? states.count
        if place == states.count { states.append(String(state)) }
        return Run(first: Double(place), last: Double(place), count: count, isState: true)
    }

    private static func times(_ digits: Substring, _ word: Substring) throws(WrongValue) -> Int64 {
        guard let times = Int64(digits), times <= RuleToolLimits.readingsMax else { throw tooMany(word) }
        guard times > 0 else { throw WrongValue("`\(word)`: expected 1 or more behind the `x`") }
        return times
    }

    private static func run(_ word: Substring) throws(WrongValue) -> Run {
        let parts = word.split(separator: "x", maxSplits: 1, omittingEmptySubsequences: false)
        var count: Int64 = 1
        if parts.count == 2 {
            guard !parts[1].isEmpty, parts[1].utf8.allSatisfy(ConfigurationText.isDigit) else { throw malformed(word) }
            count = try times(parts[1], word)
        }
        if parts[0] == "_" { return Run(first: nil, last: 0, count: count) }
        if let value = number(parts[0]) { return Run(first: value, last: value, count: count) }
        guard let (first, last) = ends(parts[0]) else { throw malformed(word) }
        guard count > 1 else { throw WrongValue("`\(word)`: a ramp says in how many steps, such as `\(parts[0])x10`") }
        return Run(first: first, last: last, count: count)
    }

    /// `A..B`
    private static func ends(_ text: Substring) -> (Double, Double)? {
        guard let dots = text.range(of: "..") else { return nil }
        guard let first = number(text[..<dots.lowerBound]), let last = number(text[dots.upperBound...]) else {
            return nil
        }
        return (first, last)
    }

    /// Digits at both ends, so that no dot of a ramp is taken for a point.
    private static func number(_ text: Substring) -> Double? {
        let digits = text.first == "-" || text.first == "+" ? text.dropFirst() : text
        guard let first = digits.utf8.first, let last = digits.utf8.last, ConfigurationText.isDigit(first),
            ConfigurationText.isDigit(last),
            digits.utf8.allSatisfy({ ConfigurationText.isDigit($0) || "+-.eE".utf8.contains($0) }),
            let value = Double(text), value.isFinite
        else { return nil }
        return value
    }

    private static func malformed(_ word: Substring) -> WrongValue {
        WrongValue(
            "`\(word.prefix(40))` is no value: expected a number, a state, `_` for silence, or `FROM..TO`, and how often, such as `-18x20`"
        )
    }

    private static func tooMany(_ word: Substring) -> WrongValue {
        WrongValue("`\(word.prefix(40))`: more than \(RuleToolLimits.readingsMax) readings in one series")
    }
}

extension ScalarType where Value == ValuePattern {
    static var pattern: ScalarType {
        ScalarType<String>.paragraph(bytesMax: RuleToolLimits.patternBytesMax).refined { text throws(WrongValue) in
            try ValuePattern(text)
        }
    }
}
