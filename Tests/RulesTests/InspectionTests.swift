// How a rule stands for a device, and what keeps it from watching one.
import Platform
import Rules
import Testing

@Suite("Standing of rules")
struct InspectionTests {
    private func rule(_ levels: [RuleLevel]) -> RuleDefinition {
        RuleDefinition(alert: "A", match: RuleMatch(metrics: ["t"]), levels: levels)
    }

    private func event(_ time: Double, _ value: Double, device: String = "d", metric: String = "t") -> ScriptStep {
        .event(eventJSON(time, value, device: device, metric: metric))
    }

    private func tick(_ time: Double) -> ScriptStep { .tick(mark(time)) }

    private func time(_ time: Double) -> Timestamp { Timestamp(milliseconds: instant(time)) }

    private func standing(_ levels: [RuleLevel], _ script: [ScriptStep], at second: Double) throws -> [LevelStanding] {
        var bench = try RuleBench([rule(levels)])
        for step in script { bench.feed(step) }
        return bench.engine.standing(ofAlert: "A", device: "d", at: time(second))
    }

    @Test("counts what has run by the log's time, where no reading comes")
    func elapsed() throws {
        let script = [tick(0), event(5, 2), tick(10), tick(20)]
        let level = try #require(
            try standing([RuleLevel(.above(limit: 1, clear: nil), holdFor: .seconds(60))], script, at: 25).first
        )
        #expect(level.phase == .pending && level.elapsed == .seconds(20) && level.holdFor == .seconds(60))
        #expect(level.deadline == time(65))
    }

    @Test("has one entry per level, and says whose the alert is")
    func levels() throws {
        let levels = [
            RuleLevel(.above(limit: 1, clear: nil)), RuleLevel(.above(limit: 5, clear: nil), holdFor: .seconds(60)),
        ]
        let found = try standing(levels, [tick(0), event(1, 7)], at: 2)
        #expect(found.map(\.phase) == [.firing, .pending] && found.map(\.isShown) == [true, false])
        #expect(found.map(\.value) == [7, 7])
    }

    @Test("a watch without a usual interval has no deadline, and one with it has")
    func watches() throws {
        let level = RuleLevel(.absent(.intervals(3)))
        let unknown = try #require(try standing([level], [tick(0), event(0, 1)], at: 5).first)
        #expect(unknown.phase == .watching && unknown.holdFor == nil && unknown.deadline == nil)
        let known = try #require(try standing([level], [tick(0), event(0, 1), event(30, 1)], at: 40).first)
        #expect(known.holdFor == .seconds(90) && known.deadline == time(120))
        #expect(known.interval == .seconds(30))
    }

    @Test("of other devices, metrics and alerts there is nothing")
    func others() throws {
        let level = [RuleLevel(.above(limit: 1, clear: nil))]
        #expect(try standing(level, [event(1, 7, device: "e"), event(1, 7, metric: "u")], at: 2).isEmpty)
        var bench = try RuleBench([rule(level)])
        bench.feed(event(1, 7))
        #expect(bench.engine.standing(ofAlert: "B", device: "d", at: time(0)).isEmpty)
    }

    @Test("names each kind of pattern that does not fit, with what the device has")
    func mismatches() {
        let match = RuleMatch(
            metrics: ["temp*"],
            devices: ["freezer-?", "fridge-*"],
            labels: ["line": ["a", "b"], "site": []],
            locations: ["cellar"]
        )
        let found = match.mismatches(
            device: "freezer-77",
            metrics: ["humidity", "battery"],
            labels: ["line": "c", "location": "attic"]
        )
        #expect(found.map(\.key) == ["metric", "device", "labels.line", "labels.site", "location"])
        #expect(found.map(\.patterns) == [["temp*"], ["freezer-?", "fridge-*"], ["a", "b"], ["*"], ["cellar"]])
        #expect(found.map(\.found) == [["humidity", "battery"], ["freezer-77"], ["c"], [], ["attic"]])
        let fitting = match.mismatches(
            device: "freezer-7",
            metrics: ["temperature"],
            labels: ["line": "b", "site": "x", "location": "cellar"]
        )
        #expect(fitting.isEmpty)
        #expect(RuleMatch().mismatches(device: "d", metrics: [], labels: [:]).isEmpty)
    }

    @Test(
        "a level is hidden by a worse one of the same limit that holds as early and clears as late",
        arguments: [
            (RuleLevel(.above(limit: 1, clear: nil)), RuleLevel(.above(limit: 1, clear: nil)), true),
            (RuleLevel(.above(limit: 1, clear: nil)), RuleLevel(.above(limit: 2, clear: nil)), false),
            (RuleLevel(.above(limit: 1, clear: 0)), RuleLevel(.above(limit: 1, clear: nil)), false),
            (RuleLevel(.above(limit: 1, clear: nil)), RuleLevel(.above(limit: 1, clear: 0)), true),
            (RuleLevel(.below(limit: 1, clear: 3)), RuleLevel(.below(limit: 1, clear: 2)), false),
            (
                RuleLevel(.above(limit: 1, clear: nil), holdFor: .seconds(9)), RuleLevel(.above(limit: 1, clear: nil)),
                true
            ),
            (
                RuleLevel(.above(limit: 1, clear: nil)), RuleLevel(.above(limit: 1, clear: nil), holdFor: .seconds(9)),
                false
            ),
            (
                RuleLevel(.above(limit: 1, clear: nil), clearFor: .seconds(9)), RuleLevel(.above(limit: 1, clear: nil)),
                false
            ),
            (RuleLevel(.absent(.intervals(3))), RuleLevel(.absent(.intervals(3))), true),
        ]
    )
    func hidden(milder: RuleLevel, worse: RuleLevel, isHidden: Bool) {
        #expect(worse.hides(milder) == isHidden)
    }
}
