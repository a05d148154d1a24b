// A replay over the log finds what the daemon found: the same firings, by the same readings and ticks.
import Alerting
import CommitLog
import EventModel
import Platform
import Rules
import Testing

@Suite("Rule replay")
struct RuleReplayTests {
    private static let rules = [
        freezerRule(holdFor: .seconds(60)),
        RuleDefinition(
            alert: "Levels",
            match: RuleMatch(metrics: ["temperature"]),
            levels: [
                RuleLevel(.above(limit: -12, clear: nil), severity: "warning"),
                RuleLevel(.above(limit: -8, clear: nil), holdFor: .seconds(20), severity: "critical"),
            ]
        ),
    ]

    /// A breach that ends, one that a tick makes fire in silence, and one that still fires at the end.
    private static let script: [ScriptStep] = [
        .start(0), .reading(1, -18), .reading(10, -10), .reading(40, -5), .tick(50), .reading(75, -6),
        .reading(90, -18),
        .tick(100), .reading(101, -10), .tick(200), .reading(210, -20), .reading(300, -4),
    ]

    /// What is told of a firing, in one line.
    private func line(_ firing: Firing) -> String {
        let resolved = firing.resolvedAt.map { "\($0.milliseconds)" } ?? "-"
        return "\(firing.alert) \(firing.severity) \(firing.device) \(firing.metric) \(firing.breachedAt.milliseconds)"
            + " \(firing.firedAt.milliseconds) \(resolved)"
    }

    /// The same of the daemon's alerts.
    private func told(_ alerts: [AlertRecord]) -> [String] {
        alerts.enumerated().filter { $0.element.state == .firing }.map { index, alert in
            let end = alerts[(index + 1)...].first { $0.fingerprint == alert.fingerprint }
            let resolved = end.map { "\($0.at.milliseconds)" } ?? "-"
            return "\(alert.alert) \(alert.severity) \(alert.device) \(alert.metric) \(alert.breachedAt.milliseconds)"
                + " \(alert.firedAt.milliseconds) \(resolved)"
        }
    }

    private func harness() throws -> AlertingHarness {
        let harness = try AlertingHarness()
        let runner = try harness.runner(RuleReplayTests.rules)
        for step in RuleReplayTests.script {
            try harness.append(step)
            try harness.settle(runner)
        }
        return harness
    }

    private func replay(_ harness: AlertingHarness, from start: Double? = nil) throws -> [Firing] {
        let rules = try RuleSet(RuleReplayTests.rules)
        return try RuleReplay.run(rules, over: harness.log, from: start.map(instant), seed: 5).firings
    }

    @Test("over the log gives the firings that the daemon had")
    func sameAsDaemon() throws {
        let harness = try harness()
        let expected = told(try harness.alerts())
        #expect(expected.count >= 5)
        let firings = try replay(harness)
        #expect(firings.map(line) == expected)
        let resolved = try harness.alerts().filter { $0.state == .resolved }
        #expect(firings.filter { $0.resolvedAt != nil }.map(\.peak).sorted() == resolved.map(\.peak).sorted())
        #expect(firings.filter { $0.resolvedAt != nil }.map(\.samples).sorted() == resolved.map(\.samples).sorted())
    }

    @Test("a replay that sees no ticks would be found")
    func planted() throws {
        let harness = try harness()
        let rules = try RuleSet(RuleReplayTests.rules)
        var blind = RuleReplay(rules, seed: 5)
        for record in try harness.records(of: .readings) {
            let isEvent = blind.observe(record.value.span.bytes)
            #expect(isEvent)
        }
        let firings = blind.firings().map(line)
        let expected = told(try harness.alerts())
        #expect(firings != expected && !firings.isEmpty)
    }

    @Test("from a time on, what came before is not known")
    func fromTime() throws {
        let harness = try harness()
        let late = try replay(harness, from: 199)
        #expect(late.allSatisfy { $0.breachedAt >= instant(101) } && !late.isEmpty)
        #expect(try replay(harness, from: 100_000).isEmpty)
        #expect(try replay(harness, from: -5) == replay(harness))
    }
}
