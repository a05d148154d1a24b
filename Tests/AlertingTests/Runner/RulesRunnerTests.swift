// From records of `readings` and `system` to edges in `alerts`: what fires, when, and why it says so.
import Alerting
import CommitLog
import EventModel
import Platform
import Rules
import Synchronization
import Testing

@Suite("Rules runner")
struct RulesRunnerTests {
    @Test("an alert fires and resolves: both edges are in the log, in the book and under the alert's fingerprint")
    func firesAndResolves() throws {
        let harness = try AlertingHarness()
        let book = AlertBook()
        let runner = try harness.runner([freezerRule(holdFor: .seconds(600))], book: book)
        for step: ScriptStep in [.start(0), .reading(0, -10), .reading(300, -9), .reading(600, -11)] {
            #expect(try harness.alerts().isEmpty)
            try harness.append(step)
            try harness.settle(runner)
        }
        let fired = try #require(try harness.alerts().first)
        #expect(Edge(fired) == Edge(.firing, at: 600, by: "readings", 2))
        #expect(fired.breachedAt == instant(0))
        #expect(fired.firedAt == instant(600))
        #expect(fired.lastSeen == instant(600))
        #expect(fired.resolvedAt == nil)
        #expect(fired.value == -11)
        #expect(fired.peak == -9)
        #expect(fired.threshold == -15)
        #expect(fired.unit == "°C")
        #expect(fired.samples == 3)
        #expect(fired.labels == ["line": "a"])
        #expect(fired.condition == "temperature > -15 °C for 10m")
        #expect(fired.severity == "critical")
        #expect(fired.box == "edge-01")
        #expect(book.firing.map(\.record) == [fired])
        #expect(book.firing.map(\.offset) == [Offset(0)])

        try harness.append(.reading(700, -18))
        try harness.settle(runner)
        let resolved = try #require(try harness.alerts().last)
        #expect(try harness.edges().count == 2)
        #expect(Edge(resolved) == Edge(.resolved, at: 700, by: "readings", 3))
        #expect(resolved.resolvedAt == instant(700))
        #expect(resolved.firedAt == instant(600))
        #expect(resolved.peak == -9)
        #expect(book.firingCount == 0)
        #expect(book.entry(fired.fingerprint)?.record == resolved)
        let stored = try harness.records(of: .alerts)
        #expect(stored.map(\.key) == [fired.fingerprint, fired.fingerprint])
        #expect(stored.map(\.timestamp) == [instant(600), instant(700)])
    }

    @Test("an alert about silence, or about a value that does not move, says so, and says when it is over")
    func watchWords() throws {
        let harness = try AlertingHarness()
        let rules = [("Silent", RuleCondition.absent(.duration(.seconds(60)))), ("Stuck", .unchanged(.seconds(20)))].map
        {
            RuleDefinition(alert: $0.0, match: RuleMatch(), levels: [RuleLevel($0.1, severity: "critical")])
        }
        let runner = try harness.runner(rules)
        let ticks = stride(from: 20.0, through: 70, by: 10).map { ScriptStep.tick($0) }
        for step in [.start(0), .reading(0, -18), .reading(10, -18)] + ticks + [.reading(130, -19)] {
            try harness.append(step)
            try harness.settle(runner)
        }
        let alerts = try harness.alerts()
        #expect(alerts.map(\.watch) == [.unchanged, .absent, .absent, .unchanged])
        let summaries = alerts.map { $0.summary.split(separator: ", ").first.map(String.init) ?? "" }
        #expect(
            summaries == [
                "CRITICAL freezer-7: temperature has been -18 °C for 20 s",
                "CRITICAL freezer-7: no temperature for 1 min",
                "RESOLVED after 1 min: freezer-7: temperature is back: -19 °C",
                "RESOLVED after 1 min 50 s: freezer-7: temperature moves again: -19 °C",
            ]
        )
        #expect(alerts.map(\.condition).prefix(2) == ["temperature unchanged for 20s", "temperature absent for 1m"])
        #expect(alerts.map(\.threshold) == [20, 60, 60, 20])
        let stored = try #require(try harness.records(of: .alerts).first)
        #expect(stored.value.withUnsafeBytes { AlertRecord(json: $0) } == alerts.first)
    }

    @Test("between the limit and `clear_below` a firing alert stays, and a pending one ends")
    func hysteresis() throws {
        let harness = try AlertingHarness()
        let runner = try harness.runner([freezerRule(holdFor: .seconds(10))])
        let steps: [ScriptStep] = [
            .start(0), .reading(1, -10), .reading(5, -16), .reading(9, -10), .reading(12, -10), .reading(19, -10),
            .reading(30, -16), .reading(40, -17), .reading(50, -17.1),
        ]
        for step in steps { try harness.append(step) }
        try harness.settle(runner)
        #expect(
            try harness.edges() == [
                Edge(.firing, at: 19, by: "readings", 4), Edge(.resolved, at: 50, by: "readings", 7),
            ]
        )
    }

    @Test(
        "a tick fires a `for` that ran out in silence, at its deadline; an old value is called stale",
        arguments: [([5.0], false), ([5.0, 8.0], true)]
    )
    func firedByTick(readings: [Double], isStale: Bool) throws {
        let harness = try AlertingHarness()
        let runner = try harness.runner([freezerRule()])
        try harness.append(.start(0))
        for time in readings { try harness.append(.reading(time, -10)) }
        for time in stride(from: 10.0, through: 60, by: 10) {
            try harness.append(.tick(time))
            try harness.settle(runner)
        }
        #expect(try harness.edges() == [])
        try harness.append(.tick(70))
        try harness.settle(runner)
        let alert = try #require(try harness.alerts().first)
        // Record 7 of `system`: the start, then ticks at 10 to 70 seconds.
        #expect(Edge(alert) == Edge(.firing, at: 65, by: "system", 7))
        #expect(alert.firedAt == instant(65))
        #expect(alert.breachedAt == instant(5))
        #expect(alert.lastSeen == instant(readings.last ?? 0))
        #expect(alert.isStale == isStale)
        #expect(try harness.alerts().count == 1)
    }

    @Test("readings stand before a tick or behind it as the log recorded it, however late rules read them")
    func recordedOrder() throws {
        let harness = try AlertingHarness()
        try harness.startForTheFirstTime()
        let steps: [ScriptStep] = [.start(0), .reading(5, -10), .tick(40), .tick(70), .reading(66, -20)]
        for step in steps { try harness.append(step) }
        let runner = try harness.runner([freezerRule()])
        try harness.settle(runner)
        let expected = [Edge(.firing, at: 65, by: "system", 2), Edge(.resolved, at: 66, by: "readings", 1)]
        #expect(try harness.edges() == expected)
    }

    @Test("a reading recorded before the tick ends a `for` that the tick would have fired")
    func recordedBefore() throws {
        let harness = try AlertingHarness()
        let steps: [ScriptStep] = [.start(0), .reading(5, -10), .tick(40), .reading(66, -20), .tick(70)]
        for step in steps { try harness.append(step) }
        let runner = try harness.runner([freezerRule()])
        try harness.settle(runner)
        #expect(try harness.edges() == [])
    }

    @Test("the time between two runs of the daemon is no part of a `for`")
    func downtime() throws {
        let harness = try AlertingHarness()
        var runner = try harness.runner([freezerRule()])
        for step: ScriptStep in [.start(0), .reading(5, -10), .tick(10), .tick(20), .tick(30)] {
            try harness.append(step)
            try harness.settle(runner)
        }
        try harness.crash()
        runner = try harness.runner([freezerRule()])
        // 30 seconds passed in the first run: 25 of them since the breach. 35 more are missing.
        for time in [1000.0, 1010, 1020, 1030] {
            try harness.append(time == 1000 ? .start(time, run: "second-run") : .tick(time, run: "second-run"))
            try harness.settle(runner)
        }
        #expect(try harness.edges() == [])
        try harness.append(.tick(1040, run: "second-run"))
        try harness.settle(runner)
        #expect(try harness.edges() == [Edge(.firing, at: 65, by: "system", 8)])
    }

    @Test("retained events are skipped entirely", arguments: [true, false])
    func retained(isRetained: Bool) throws {
        let harness = try AlertingHarness()
        let runner = try harness.runner([freezerRule(holdFor: .zero)])
        try harness.append(.start(0))
        try harness.appendReadings([eventJSON(1, -10, extra: isRetained ? #","retained":true"# : "")])
        try harness.settle(runner)
        // The twin without the mark shows that the reading would have fired.
        #expect(try harness.edges() == (isRetained ? [] : [Edge(.firing, at: 1, by: "readings", 0)]))
        harness.clock.advance(.seconds(2))
        try harness.settle(runner)
        #expect(runner.status.counters.evaluations == (isRetained ? 0 : 1))
    }

    @Test("the observer sees every event once, in order, and what is no event not at all")
    func observer() throws {
        let harness = try AlertingHarness()
        let seen = Mutex<[Int64]>([])
        let runner = try harness.runner(
            [freezerRule()],
            observer: { event, _, _ in
                let time = event.time
                seen.withLock { $0.append(time) }
            }
        )
        try harness.append(.start(0))
        try harness.appendReadings([eventJSON(1, -20), "no event", eventJSON(2, -20)])
        try harness.settle(runner)
        try harness.append(.tick(10))
        try harness.appendReadings([eventJSON(12, -20)])
        try harness.settle(runner)
        #expect(seen.withLock { $0 } == [instant(1), instant(2), instant(12)].map(\.milliseconds))
    }

    @Test("bytes that are no alert are counted by the book and stepped over")
    func junk() throws {
        let harness = try AlertingHarness()
        try harness.startForTheFirstTime()
        try harness.appendJunkAlert("{}")
        try harness.appendAlerts([.sample("Door")])
        let book = AlertBook()
        let runner = try harness.runner([freezerRule(holdFor: .zero)], book: book)
        #expect(book.unreadableCount == 1)
        for step: ScriptStep in [.start(0), .reading(1, -10)] { try harness.append(step) }
        try harness.settle(runner)
        // The rule of the alert that stood there is not in force any more.
        #expect(book.firing.map(\.record.alert) == ["FreezerTooWarm"])
        #expect(book.entry(AlertRecord.sample("Door").fingerprint)?.record.reason == .ruleRemoved)
    }

    @Test("the status says what fires, what waits, and that nothing is left to read")
    func status() throws {
        let harness = try AlertingHarness()
        for step: ScriptStep in [.start(0), .reading(1, -10), .reading(2, -10, device: "freezer-8")] {
            try harness.append(step)
        }
        let runner = try harness.runner([freezerRule("AtOnce", holdFor: .zero), freezerRule(holdFor: .seconds(60))])
        #expect(!runner.status.isCaughtUp)
        #expect(runner.status.lagRecords == 2)
        try harness.settle(runner)
        harness.clock.advance(.seconds(2))
        try harness.settle(runner)
        #expect(runner.status.isCaughtUp)
        #expect(runner.status.lagRecords == 0)
        #expect(runner.status.firingCount == 2)
        #expect(runner.status.pendingCount == 2)
        #expect(runner.status.instances == 4)
        #expect(runner.status.problem == nil)
        #expect(Set(runner.status.pendingAlerts().map(\.device)) == ["freezer-7", "freezer-8"])
        #expect(runner.status.pendingAlerts().allSatisfy { $0.state == .pending })
    }
}
