// Which readings a rule looks at.
import EventModel
import Rules
import Testing

@Suite("Rule match")
struct MatchTests {
    private func fires(_ match: RuleMatch, device: String, metric: String, labels: String) throws -> Bool {
        var bench = try RuleBench([freezerRule(holdFor: .zero, match: match)])
        bench.reading(0, 0, device: device, metric: metric, labels: labels)
        return !bench.transitions.isEmpty
    }

    @Test(
        "patterns of one kind are alternatives, kinds must all hold",
        arguments: [
            (RuleMatch(), true),
            (RuleMatch(metrics: ["temp*"]), true),
            (RuleMatch(metrics: ["humidity"]), false),
            (RuleMatch(metrics: ["humidity", "temperature"]), true),
            (RuleMatch(metrics: ["temperature"], devices: ["fridge-*"]), false),
            (RuleMatch(devices: ["fridge-*", "freezer-?"]), true),
            (RuleMatch(labels: ["line": ["a"]]), true),
            (RuleMatch(labels: ["line": ["b", "a*"]]), true),
            (RuleMatch(labels: ["line": ["b"]]), false),
            (RuleMatch(labels: ["site": ["*"]]), false),
            (RuleMatch(labels: ["line": ["a"], "site": ["*"]]), false),
            (RuleMatch(locations: ["kitch*"]), true),
            (RuleMatch(names: ["Walk-in *"]), true),
            (RuleMatch(profiles: ["x"]), false),
        ]
    )
    func patterns(match: RuleMatch, isMatch: Bool) throws {
        let labels = #""line":"ab","location":"kitchen","name":"Walk-in freezer""#.replacing("ab", with: "a")
        let fired = try fires(match, device: "freezer-7", metric: "temperature", labels: labels)
        #expect(fired == isMatch)
    }

    @Test("names with JSON escapes are compared as the text they stand for")
    func escapes() throws {
        let match = RuleMatch(metrics: ["tür\"1"], devices: ["käse"], labels: ["räum": ["ä/*"]])
        let fired = try fires(
            match,
            device: #"k\u00e4se"#,
            metric: #"t\u00fcr\"1"#,
            labels: #""r\u00e4um":"\u00e4\/b""#
        )
        #expect(fired)
    }

    @Test("labels are looked at event by event: a device that changes them changes what rules see")
    func changingLabels() throws {
        var bench = try RuleBench([
            freezerRule("A", clear: nil, holdFor: .zero, match: RuleMatch(labels: ["line": ["a"]])),
            freezerRule("Any", clear: nil, holdFor: .zero, match: RuleMatch()),
        ])
        bench.reading(0, 0, labels: #""line":"b""#)
        bench.reading(1, 0, labels: #""line":"a""#)
        bench.reading(2, -20, labels: "")
        bench.reading(3, -20, labels: #""line":"a""#)
        let edges = bench.edges.map { "\($0.state) \($0.alert) \($0.at - epoch)" }
        #expect(edges == ["firing Any 0", "firing A 1000", "resolved Any 2000", "resolved A 3000"])
    }

    @Test("labels beyond the limit still match, but are not kept")
    func oversizedLabels() throws {
        var bench = try RuleBench([freezerRule(holdFor: .zero, match: RuleMatch(labels: ["line": ["a"]]))])
        let long = String(repeating: "x", count: RuleLimits.labelBytesMax)
        bench.reading(0, 0, labels: #""line":"a","long":"\#(long)""#)
        #expect(bench.transitions.count == 1)
        #expect(bench.transitions.first?.labels == [])
    }

    @Test("an event of many metrics reaches the right instances")
    func manyMetrics() throws {
        var bench = try RuleBench([freezerRule(holdFor: .zero, match: RuleMatch(metrics: ["m1*"]))])
        let readings = (0..<300).map { #""m\#($0)":\#($0)"# }.joined(separator: ",")
        let time = timeText(0)
        bench.feed(.event(#"{"device":"d","time":"\#(time)","received":"\#(time)","readings":{\#(readings)}}"#))
        let expected = (0..<300).map { "m\($0)" }.filter { $0.hasPrefix("m1") }
        #expect(bench.transitions.map(\.metric) == expected)
        #expect(bench.transitions.map { "m\(Int($0.value))" } == expected)
    }
}
