// Alerts of rules that are gone or are not what they were: resolved with a reason, once, at a reload as at a restart.
import Alerting
import CommitLog
import Platform
import Rules
import Testing

@Suite("Changed rules and lost state")
struct RuleChangeTests {
    /// How the rules change while `FreezerTooWarm` fires.
    enum Change: CaseIterable, Sendable {
        case removed, otherLimit, otherFor

        var rules: [RuleDefinition] {
            switch self {
            case .removed: [freezerRule("Other")]
            case .otherLimit: [freezerRule(above: -5, clear: -6), freezerRule("Other")]
            case .otherFor: [freezerRule(holdFor: .seconds(61)), freezerRule("Other")]
            }
        }

        var reason: ResolutionReason { self == .removed ? .ruleRemoved : .conditionChanged }
    }

    static let rules = [freezerRule(), freezerRule("Other")]

    /// Both rules fire by a reading; a tick has come since.
    private func firing(_ harness: AlertingHarness) throws -> RulesRunner {
        let runner = try harness.runner(RuleChangeTests.rules)
        for step: ScriptStep in [.start(0), .reading(5, -10), .reading(65, -11), .tick(70)] {
            try harness.append(step)
            try harness.settle(runner)
        }
        #expect(
            try harness.edges() == [
                Edge(.firing, at: 65, by: "readings", 1), Edge(.firing, "Other", at: 65, by: "readings", 1),
            ]
        )
        return runner
    }

    /// The edge by reason: of the last tick, caused by what caused the firing.
    private func ending(_ reason: ResolutionReason) -> Edge {
        Edge(.resolved, at: 70, by: "readings", 1, reason: reason)
    }

    @Test(
        "a reload resolves what fires for a rule that is gone or changed, and saves its state",
        arguments: Change.allCases
    )
    func reload(change: Change) throws {
        let harness = try AlertingHarness()
        var runner = try firing(harness)
        let before = try contents(of: harness.snapshotPath)
        runner.apply(try RuleSet(change.rules), origin: AlertingHarness.origin)
        try harness.settle(runner)
        #expect(try Array(harness.edges().dropFirst(2)) == [ending(change.reason)])
        #expect(try contents(of: harness.snapshotPath) != before)

        let saved = try harness.alerts()
        try harness.crash()
        runner = try harness.runner(change.rules, seed: 2)
        try harness.settle(runner)
        try harness.append(.tick(80))
        try harness.settle(runner)
        #expect(try harness.alerts() == saved)
    }

    @Test("a restart with other rules does the same, once, however often it happens", arguments: Change.allCases)
    func restart(change: Change) throws {
        let harness = try AlertingHarness()
        let book = AlertBook()
        try firing(harness).finish()
        for seed in UInt64(2)...4 {
            try harness.crash()
            let runner = try harness.runner(change.rules, book: seed == 4 ? book : AlertBook(), seed: seed)
            try harness.settle(runner)
            #expect(try Array(harness.edges().dropFirst(2)) == [ending(change.reason)])
        }
        #expect(book.firing.map(\.record.alert) == ["Other"])
        let resolved = try #require(try harness.alerts().last)
        #expect(resolved.resolvedAt == instant(70))
        #expect(resolved.firedAt == instant(65))
        #expect(resolved.labels == ["line": "a"])
    }

    @Test("an alert that had changed its level ends with its rule, though both ends name one record")
    func removedAfterLevelChange() throws {
        let harness = try AlertingHarness()
        try harness.startForTheFirstTime()
        var rule = freezerRule(clear: nil, holdFor: .zero)
        rule.levels.append(RuleLevel(.above(limit: -5, clear: nil), severity: "emergency"))
        let runner = try harness.runner([rule])
        for step: ScriptStep in [.start(0), .reading(5, -10), .reading(65, -3), .tick(70)] {
            try harness.append(step)
            try harness.settle(runner)
        }
        try harness.crash()
        let book = AlertBook()
        let next = try harness.runner([freezerRule("Other")], book: book, seed: 2)
        try harness.settle(next)
        let told = try harness.alerts().filter { $0.alert == "FreezerTooWarm" }
        #expect(told.map(\.reason) == [nil, .levelChanged, nil, .ruleRemoved])
        #expect(book.firing.allSatisfy { $0.record.alert == "Other" })
        let saved = try harness.alerts()
        try harness.crash()
        try harness.settle(try harness.runner([freezerRule("Other")], seed: 3))
        #expect(try harness.alerts() == saved)
    }

    @Test("a restart with other rules that dies before its edges are durable makes them again")
    func restartThatDies() throws {
        let harness = try AlertingHarness()
        try firing(harness).finish()
        try harness.crash()
        var runner = try harness.runner(Change.removed.rules, seed: 2)
        _ = runner.step(waitUpTo: .zero)
        try harness.crash()
        #expect(try harness.edges().count == 2)
        runner = try harness.runner(Change.removed.rules, seed: 3)
        try harness.settle(runner)
        #expect(try Array(harness.edges().dropFirst(2)) == [ending(.ruleRemoved)])
    }

    @Test("changed words resolve nothing and are used from the next edge on", arguments: [true, false])
    func words(isReload: Bool) throws {
        let harness = try AlertingHarness()
        var runner = try firing(harness)
        let rules = [freezerRule(summary: "{{name}} is at {{value}} {{unit}}"), freezerRule("Other")]
        if isReload {
            runner.apply(try RuleSet(rules), origin: AlertingHarness.origin)
        } else {
            runner.finish()
            try harness.crash()
            runner = try harness.runner(rules, seed: 2)
        }
        try harness.settle(runner)
        #expect(try harness.edges().count == 2)
        try harness.append(.reading(75, -18))
        try harness.settle(runner)
        #expect(try harness.edges().map(\.state) == [.firing, .firing, .resolved, .resolved])
        #expect(try harness.alerts().dropFirst(2).first?.summary == "freezer-7 is at -18 °C")
    }

    // MARK: Lost state

    /// The firing edge of a rule, as the log would hold it after its readings are gone.
    private func orphan() throws -> AlertRecord {
        let harness = try AlertingHarness()
        _ = try firing(harness)
        return try #require(try harness.alerts().first)
    }

    @Test("without a snapshot, an alert that the log does not explain any more resolves: its state was lost")
    func lostState() throws {
        let orphan = try self.orphan()
        let harness = try AlertingHarness()
        try harness.appendAlerts([orphan])
        for seed in UInt64(1)...3 {
            let runner = try harness.runner(RuleChangeTests.rules, seed: seed)
            try harness.settle(runner)
            #expect(try harness.edges().map(\.state) == [.firing, .resolved])
            try harness.crash()
        }
        let resolved = try #require(try harness.alerts().last)
        #expect(resolved.reason == .stateLost)
        #expect(resolved.cause == orphan.cause)
        #expect(resolved.at >= orphan.at)
    }

    @Test("without a snapshot, an alert that the log still explains goes on firing")
    func explained() throws {
        let harness = try AlertingHarness()
        _ = try firing(harness)
        let before = try harness.alerts()
        try harness.crash()
        try PosixDisk().remove(harness.snapshotPath)
        let runner = try harness.runner(RuleChangeTests.rules, seed: 2)
        try harness.settle(runner)
        #expect(try harness.alerts() == before)
    }

    @Test("without a snapshot, an alert whose clearing reading is still to be read resolves once, by that reading")
    func resolvedOnceAfterLoss() throws {
        let harness = try AlertingHarness()
        _ = try firing(harness)
        try harness.append(.reading(75, -18))
        try harness.crash()
        try PosixDisk().remove(harness.snapshotPath)
        let runner = try harness.runner(RuleChangeTests.rules, seed: 2)
        try harness.settle(runner)
        let expected = [
            Edge(.resolved, at: 75, by: "readings", 2), Edge(.resolved, "Other", at: 75, by: "readings", 2),
        ]
        #expect(try Array(harness.edges().dropFirst(2)) == expected)
    }

    @Test("without a snapshot, the alert of a removed rule resolves once, for that reason")
    func removedAfterLoss() throws {
        let orphan = try self.orphan()
        let harness = try AlertingHarness()
        try harness.appendAlerts([orphan])
        let runner = try harness.runner([freezerRule("Other")])
        try harness.settle(runner)
        #expect(try harness.alerts().dropFirst().map(\.reason) == [.ruleRemoved])
    }
}
