// Levels, ranges, and the way back: what the manual says of them, each as a test.
import EventModel
import Platform
import Rules
import Testing

@Suite("Levels and ranges")
struct LevelTests {
    private func rule(_ levels: [RuleLevel]) -> RuleDefinition {
        RuleDefinition(alert: "Pump", match: RuleMatch(metrics: ["temperature"]), levels: levels)
    }

    private func conditionText(_ edge: AlertTransition) -> String {
        edge.rule.definition.text(of: edge.level, metric: edge.metric, unit: edge.unit)
    }

    private func words(_ bench: borrowing RuleBench) -> [String] {
        bench.transitions.map { "\($0.state.rawValue) \($0.level.severity) \(($0.at.milliseconds - epoch) / 1000)" }
    }

    private static let two = [
        RuleLevel(.above(limit: 30, clear: 27), holdFor: .seconds(10), severity: "warning"),
        RuleLevel(.above(limit: 45, clear: 40), holdFor: .seconds(10), severity: "critical"),
    ]

    @Test("a level change resolves the one alert and fires it anew; the way down does the same")
    func upAndDown() throws {
        var bench = try RuleBench([rule(LevelTests.two)])
        let values: [Double] = [31, 31, 50, 50, 39, 39, 26]
        for (index, value) in values.enumerated() { bench.reading(Double(index) * 10, value) }
        #expect(
            words(bench) == [
                "firing warning 10", "resolved warning 30", "firing critical 30", "resolved critical 40",
                "firing warning 40", "resolved warning 60",
            ]
        )
        #expect(bench.transitions.map(\.reason) == [nil, .levelChanged, nil, .levelChanged, nil, nil])
        #expect(bench.transitions[4].breachedAt.milliseconds == instant(0))
        #expect(bench.transitions[4].firedAt.milliseconds == instant(40))
        #expect(bench.transitions[5].peak == 50)
        let states = Set(bench.transitions.map { "\($0.state) \($0.cause.offset)" })
        #expect(states.count == bench.transitions.count, "no two edges have one identity")
    }

    @Test("a value that is beyond both limits at once fires the worst level only, by reading and by tick")
    func straightToTheTop() throws {
        var bench = try RuleBench([rule(LevelTests.two)])
        bench.start(0)
        bench.reading(0, 60)
        bench.reading(10, 60)
        #expect(words(bench) == ["firing critical 10"])
        bench = try RuleBench([rule(LevelTests.two)])
        bench.start(0)
        bench.reading(0, 60)
        bench.tick(20)
        #expect(words(bench) == ["firing critical 10"])
        let edge = try #require(bench.transitions.first)
        #expect(edge.cause.source == .system && edge.level.severity == "critical")
    }

    @Test(
        "with `clear_for` an alert resolves when every value has been cleared for so long, and silence clears nothing"
    )
    func clearFor() throws {
        let level = RuleLevel(.above(limit: -15, clear: -17), clearFor: .seconds(60))
        var bench = try RuleBench([rule([level])])
        bench.start(0)
        for (time, value) in [(0, -10.0), (30, -18), (60, -16), (90, -18), (120, -18)] {
            bench.reading(Double(time), value)
        }
        bench.tick(1000)
        #expect(words(bench) == ["firing warning 0"], "cleared at 30, not at 60, cleared again at 90, and then silence")
        bench.reading(1010, -18)
        #expect(words(bench) == ["firing warning 0", "resolved warning 1010"])
    }

    @Test("`outside` and `inside`: the ends belong to the range, and the alert names the end that is nearer")
    func ranges() throws {
        var bench = try RuleBench([rule([RuleLevel(.outside(low: 2, high: 8))])])
        for (index, value) in [2.0, 8, 8.5, 11, 8, 1, 2].enumerated() { bench.reading(Double(index), value) }
        #expect(words(bench) == ["firing warning 2", "resolved warning 4", "firing warning 5", "resolved warning 6"])
        let limits = bench.transitions.map { $0.level.condition.limit(near: $0.peak) }
        #expect(limits == [8, 8, 2, 2])
        #expect(bench.transitions[1].peak == 11)
        #expect(conditionText(bench.transitions[0]) == "temperature outside 2 to 8 °C")
        bench = try RuleBench([rule([RuleLevel(.inside(low: 2, high: 8))])])
        for (index, value) in [1.0, 2, 5, 8, 9].enumerated() { bench.reading(Double(index), value) }
        #expect(words(bench) == ["firing warning 1", "resolved warning 4"])
        #expect(bench.transitions[1].peak == 5, "the deepest inside")
    }

    @Test("`equals` holds at one value")
    func equals() throws {
        var bench = try RuleBench([rule([RuleLevel(.equals(3))])])
        for (index, value) in [2.0, 3, 3, 3.1].enumerated() { bench.reading(Double(index), value) }
        #expect(words(bench) == ["firing warning 1", "resolved warning 3"])
    }

    @Test("levels that do not go from the mildest to the worst, and ranges the wrong way round, are refused")
    func refused() {
        func keys(_ levels: [RuleLevel]) -> [String] {
            do {
                _ = try RuleSet([rule(levels)])
                return []
            } catch { return error.problems.map(\.key) }
        }
        #expect(keys(LevelTests.two) == [])
        #expect(keys(LevelTests.two.reversed()) == ["levels"])
        #expect(keys([RuleLevel(.above(limit: 1, clear: nil)), RuleLevel(.below(limit: 0, clear: nil))]) == ["levels"])
        #expect(keys([]) == ["levels"])
        #expect(keys(Array(repeating: LevelTests.two[0], count: 9)) == ["levels"])
        #expect(keys([RuleLevel(.outside(low: 8, high: 2))]) == ["outside"])
        #expect(keys([RuleLevel(.inside(low: .nan, high: 2))]) == ["inside"])
        #expect(keys([RuleLevel(.equals(.infinity))]) == ["equals"])
        #expect(keys([RuleLevel(.equals(1), clearFor: .seconds(-1))]) == ["clear_for"])
    }

    @Test("an alert of many levels takes as many places, all or none")
    func instances() throws {
        var bench = try RuleBench([rule(LevelTests.two)], instancesMax: 3)
        bench.reading(0, 50, device: "a")
        bench.reading(0, 50, device: "b")
        let (count, overflowing) = (bench.engine.instanceCount, bench.engine.counters.overflowing)
        #expect(count == 2 && overflowing == 1)
    }

    @Test("a removed rule resolves the level that is shown, once")
    func removed() throws {
        var bench = try RuleBench([rule(LevelTests.two)])
        for time in [0.0, 10] { bench.reading(time, 60) }
        bench.transitions.removeAll()
        bench.engine.apply(.empty)
        bench.engine.takeTransitions(into: &bench.transitions)
        #expect(bench.transitions.map(\.level.severity) == ["critical"])
        #expect(bench.transitions.map(\.reason) == [.ruleRemoved])
    }
}
