// How often an alert fired within the hour is said with each firing, whatever restarts lie in between.
import EventModel
import Platform
import Rules
import Testing

@Suite("Flapping")
struct FlapTests {
    private static let rules = [freezerRule(holdFor: .zero)]

    /// Minutes at which a freezer is too warm; a minute later it is well again.
    private static let minutes: [Double] = [0, 10, 20, 30, 70, 71.5, 200]

    private func feed(_ minute: Double, to bench: inout RuleBench, device: String = "freezer-7") {
        bench.reading(minute * 60, -10, device: device)
        bench.reading(minute * 60 + 60, -20, device: device)
    }

    private func flaps(_ bench: borrowing RuleBench) -> [Int32] {
        bench.transitions.filter { $0.state == .firing }.map(\.flaps)
    }

    @Test("each firing counts those of the hour up to it, of this device alone; other edges count nothing")
    func counted() throws {
        var bench = try RuleBench(FlapTests.rules)
        for minute in FlapTests.minutes {
            feed(minute, to: &bench)
            if minute < 30 { feed(minute, to: &bench, device: "freezer-8") }
        }
        let own = bench.transitions.filter { $0.state == .firing && $0.device == "freezer-7" }.map(\.flaps)
        // At minute 70 that of minute 10 is an hour old.
        #expect(own == [1, 2, 3, 4, 3, 4, 1])
        #expect(bench.transitions.filter { $0.state == .resolved }.allSatisfy { $0.flaps == 0 })
    }

    @Test("a restart at any point changes no count")
    func restarted() throws {
        var whole = try RuleBench(FlapTests.rules)
        for minute in FlapTests.minutes { feed(minute, to: &whole) }
        let expected = flaps(whole)
        for cut in FlapTests.minutes.indices {
            var first = try RuleBench(FlapTests.rules)
            for minute in FlapTests.minutes[..<cut] { feed(minute, to: &first) }
            let engine = RuleEngine(
                restoring: first.engine.encodeSnapshot(),
                rules: try RuleSet(FlapTests.rules),
                seed: 3
            )
            guard let engine else { throw Unrestored() }
            var rest = RuleBench(engine: engine, offset: Int64(2 * cut))
            for minute in FlapTests.minutes[cut...] { feed(minute, to: &rest) }
            #expect(flaps(first) + flaps(rest) == expected)
        }
    }

    @Test("a change of the rule's words keeps the count, one of its condition begins anew")
    func changedRule() throws {
        var words = FlapTests.rules
        words[0].summary = "other words"
        words[0].policy.repeatEvery = .seconds(3600)
        var bench = try RuleBench(FlapTests.rules)
        feed(0, to: &bench)
        bench.engine.apply(try RuleSet(words))
        feed(2, to: &bench)
        words[0].levels[0].condition = .above(limit: -16, clear: nil)
        bench.engine.apply(try RuleSet(words))
        feed(4, to: &bench)
        #expect(flaps(bench) == [1, 2, 1])
    }

    @Test("the count has an end, and so has its memory")
    func bounded() throws {
        var bench = try RuleBench(FlapTests.rules)
        for second in stride(from: 0.0, to: 600, by: 2) {
            bench.reading(second, -10)
            bench.reading(second + 1, -20)
        }
        #expect(flaps(bench).max() == Int32(RuleLimits.flapsMax))
        #expect(bench.engine.encodeSnapshot().count < 4096)
    }

    private struct Unrestored: Error {}
}
