// `-18x20 -10 _x5 -18..-10x9`: the values of a series in a test of rules.
internal import Foundation

/// Runs of values, kept as they are written: how often one repeats costs no memory.
struct ValuePattern: Hashable, Sendable {
    /// `count` steps from `first` to `last`, which are the same for a value that repeats; nil: silence.
    struct Run: Hashable, Sendable {
        var first: Double?
        var last: Double
        var count: Int64

        /// `index`: from 0, below `count`.
        func value(_ index: Int64) -> Double? {
            guard let first, count > 1 else { return first }
            return index == count - 1 ? last : first + (last - first) * (Double(index) / Double(count - 1))
        }
    }

    let runs: [Run]
    /// Steps, silent ones among them; at most `RuleToolLimits.readingsMax`.
    let count: Int64

    init(_ text: String) throws(WrongValue) {
        var runs: [Run] = []
        var count: Int64 = 0
        for word in text.split(whereSeparator: \.isWhitespace) {
            let run = try ValuePattern.run(word)
            count += run.count
            guard count <= RuleToolLimits.readingsMax else { throw ValuePattern.tooMany(word) }
            runs.append(run)
        }
        guard !runs.isEmpty else { throw WrongValue("no value; expected such as `-18x20 -10 _x5`") }
        self.runs = runs
        self.count = count
    }

    private static func run(_ word: Substring) throws(WrongValue) -> Run {
        let parts = word.split(separator: "x", maxSplits: 1, omittingEmptySubsequences: false)
        var count: Int64 = 1
        if parts.count == 2 {
            guard !parts[1].isEmpty, parts[1].utf8.allSatisfy(ConfigurationText.isDigit) else { throw malformed(word) }
            guard let times = Int64(parts[1]), times <= RuleToolLimits.readingsMax else { throw tooMany(word) }
            guard times > 0 else { throw WrongValue("`\(word)`: expected 1 or more behind the `x`") }
            count = times
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
            "`\(word.prefix(40))` is no value: expected a number, `_` for silence, or `FROM..TO`, and how often, such as `-18x20`"
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
