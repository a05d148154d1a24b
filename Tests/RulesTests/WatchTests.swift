// `absent` and `unchanged`: what time makes wrong, and a reading ends.
import EventModel
import Platform
import Rules
import Testing

@Suite("Absent and unchanged")
struct WatchTests {
    private func rule(_ conditions: RuleCondition...) -> RuleDefinition {
        RuleDefinition(
            alert: "Silent",
            match: RuleMatch(metrics: ["temperature"]),
            levels: conditions.enumerated().map { RuleLevel($0.element, severity: "level-\($0.offset)") }
        )
    }

    private func words(_ bench: borrowing RuleBench) -> [String] {
        bench.transitions.map { "\($0.state.rawValue) \($0.level.severity) \(($0.at.milliseconds - epoch) / 1000)" }
    }

    /// Ticks as the daemon makes them, every ten seconds.
    private func tick(_ bench: inout RuleBench, _ from: Double, _ to: Double) {
        for time in stride(from: from, through: to, by: 10) { bench.tick(time) }
    }

    @Test("a device that falls silent fires at its deadline, by a tick, and resolves with its next reading")
    func absent() throws {
        var bench = try RuleBench([rule(.absent(.duration(.seconds(60))))])
        bench.start(0)
        bench.reading(0, -18)
        tick(&bench, 10, 50)
        bench.reading(50, -19)
        tick(&bench, 60, 100)
        let count = bench.transitions.count
        #expect(count == 0)
        bench.tick(110)
        #expect(words(bench) == ["firing level-0 110"])
        let fired = try #require(bench.transitions.first)
        #expect(fired.breachedAt.milliseconds == instant(50) && fired.lastSeen == fired.breachedAt)
        #expect(fired.value == -19 && !fired.isStale && fired.cause.source == .system)
        tick(&bench, 120, 600)
        bench.reading(600, -20)
        #expect(words(bench) == ["firing level-0 110", "resolved level-0 600"])
        tick(&bench, 610, 650)
        let later = bench.transitions.count
        #expect(later == 2)
        bench.tick(660)
        #expect(words(bench).last == "firing level-0 660", "the reading that ended it began it anew")
    }

    @Test("downtime is not silence: only the time that the log saw counts")
    func downtime() throws {
        var bench = try RuleBench([rule(.absent(.duration(.seconds(60))))])
        bench.start(0)
        bench.reading(0, -18)
        bench.tick(30)
        bench.start(10_000, run: "run-22")
        bench.tick(10_020, run: "run-22")
        #expect(bench.transitions.isEmpty)
        bench.tick(10_030, run: "run-22")
        #expect(words(bench) == ["firing level-0 60"])
    }

    @Test("`3x` counts the device's usual intervals, and says nothing before there is one")
    func intervals() throws {
        var bench = try RuleBench([rule(.absent(.intervals(3)))])
        bench.start(0)
        bench.reading(0, -18)
        bench.tick(5000)
        #expect(bench.transitions.isEmpty, "one reading has no interval")
        // The first gap of 5,000 s is unlearned little by little.
        for time in stride(from: 5000.0, through: 9000, by: 20) {
            bench.reading(time, -18)
            tick(&bench, time, time + 10)
        }
        bench.transitions.removeAll()
        tick(&bench, 9020, 9060)
        let early = bench.transitions.count
        #expect(early == 0)
        bench.tick(9070)
        #expect(bench.edges.map(\.state) == ["firing"])
    }

    @Test(
        "`unchanged` fires when every reading for so long was the same, by a reading or by a tick, and ends with another"
    )
    func unchanged() throws {
        var bench = try RuleBench([rule(.unchanged(.seconds(60)))])
        bench.start(0)
        for time in [0.0, 30] { bench.reading(time, 20) }
        bench.reading(40, 21)
        for time in [60.0, 90] { bench.reading(time, 21) }
        #expect(bench.transitions.isEmpty)
        bench.reading(100, 21)
        #expect(words(bench) == ["firing level-0 100"])
        #expect(bench.transitions[0].samples == 4)
        bench.reading(130, 21)
        tick(&bench, 110, 140)
        bench.reading(140, 22)
        #expect(words(bench) == ["firing level-0 100", "resolved level-0 140"])
        tick(&bench, 150, 190)
        let count = bench.transitions.count
        #expect(count == 2)
        bench.tick(200)
        #expect(words(bench).last == "firing level-0 200")
    }

    @Test("a burst after an outage, or two first readings close together, make no rhythm of milliseconds")
    func bursts() throws {
        var bench = try RuleBench([rule(.absent(.intervals(3)))])
        bench.start(0)
        bench.reading(0, -18)
        bench.reading(0.001, -18)
        for time in stride(from: 60.0, through: 1200, by: 60) {
            tick(&bench, time - 50, time)
            bench.reading(time, -18)
        }
        for number in 1...50 { bench.reading(1200 + Double(number) / 100, -18) }
        bench.transitions.removeAll()
        for time in stride(from: 1260.0, through: 2400, by: 60) {
            tick(&bench, time - 50, time)
            bench.reading(time, -18)
        }
        let words = words(bench)
        #expect(words.isEmpty)
        tick(&bench, 2410, 2700)
        #expect(bench.edges.map(\.state) == ["firing"])
    }

    @Test("a device whose clock goes back an hour lives: its readings are late, and end the silence all the same")
    func clockBack() throws {
        var bench = try RuleBench([rule(.absent(.duration(.seconds(60))))])
        bench.start(0)
        bench.reading(4000, -18, received: 0)
        for time in stride(from: 10.0, through: 300, by: 10) {
            bench.tick(time)
            bench.reading(400 + time, -18, received: time)
        }
        let words = words(bench)
        #expect(words.isEmpty)
        tick(&bench, 310, 370)
        #expect(bench.edges.map(\.state) == ["firing"])
        bench.reading(800, -18, received: 375)
        #expect(bench.edges.map(\.state) == ["firing", "resolved"])
    }

    @Test("what is watched is not pending: nobody is shown every device that may yet fall silent")
    func notPending() throws {
        var bench = try RuleBench([rule(.absent(.duration(.seconds(60)))), freezerRule(above: -30, clear: nil)])
        bench.start(0)
        bench.reading(0, -18)
        let (count, shown) = (
            bench.engine.pendingCount, bench.engine.pendingAlerts(upTo: 10).map(\.rule.definition.alert)
        )
        #expect(count == 1 && shown == ["FreezerTooWarm"])
    }

    @Test("longer silence is another level of the same alert")
    func levels() throws {
        let short = RuleCondition.absent(.duration(.seconds(60)))
        let long = RuleCondition.absent(.duration(.seconds(600)))
        var bench = try RuleBench([rule(short, long)])
        bench.start(0)
        bench.reading(0, -18)
        bench.tick(60)
        bench.tick(600)
        bench.reading(700, -18)
        #expect(
            words(bench) == ["firing level-0 60", "resolved level-0 600", "firing level-1 600", "resolved level-1 700"]
        )
        #expect(throws: RuleProblems.self) { try RuleSet([rule(long, short)]) }
    }

    @Test("state after a restart is the same, bit for bit, and so is what follows", arguments: 0..<12)
    func restart(cut: Int) throws {
        let definitions = [rule(.absent(.duration(.seconds(25)))), freezerRule("Stuck")].map { definition in
            var definition = definition
            if definition.alert == "Stuck" { definition.levels = [RuleLevel(.unchanged(.seconds(20)))] }
            return definition
        }
        let steps: [ScriptStep] = [
            .start(mark(0)), .event(eventJSON(1, -18)), .event(eventJSON(11, -18)), .event(eventJSON(22, -18)),
            .tick(mark(30)), .tick(mark(50)), .event(eventJSON(55, -18)), .event(eventJSON(60, -17)), .tick(mark(70)),
            .tick(mark(90)), .start(mark(95, run: "run-22")), .tick(mark(120, run: "run-22")),
        ]
        var whole = try RuleBench(definitions)
        for step in steps { whole.feed(step) }
        #expect(whole.transitions.count >= 4)
        var first = try RuleBench(definitions)
        for step in steps[..<cut] { first.feed(step) }
        let snapshot = first.engine.encodeSnapshot()
        var second = RuleBench(engine: try restored(snapshot, try RuleSet(definitions)), offset: Int64(cut))
        second.transitions = first.transitions
        for step in steps[cut...] { second.feed(step) }
        #expect(second.edges == whole.edges)
        #expect(second.engine.encodeSnapshot() == whole.engine.encodeSnapshot())
    }

    @Test("what they cannot have is refused")
    func refused() {
        func keys(_ level: RuleLevel) -> [String] {
            do {
                _ = try RuleSet([RuleDefinition(alert: "A", match: RuleMatch(), levels: [level])])
                return []
            } catch { return error.problems.map(\.key) }
        }
        #expect(keys(RuleLevel(.absent(.duration(.seconds(60))))) == [])
        #expect(keys(RuleLevel(.absent(.duration(.zero)))) == ["absent"])
        #expect(keys(RuleLevel(.absent(.intervals(0)))) == ["absent"])
        #expect(keys(RuleLevel(.unchanged(.zero))) == ["unchanged"])
        #expect(keys(RuleLevel(.unchanged(.seconds(60)), holdFor: .seconds(1))) == ["for"])
        #expect(keys(RuleLevel(.absent(.intervals(3)), clearFor: .seconds(1))) == ["clear_for"])
    }
}
