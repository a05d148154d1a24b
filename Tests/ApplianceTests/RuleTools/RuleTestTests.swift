// Files of tests of rules: what they say, what they find, and what is wrong with them.
import Appliance
import Foundation
import Testing

/// A directory with files of rules and tests, removed with the value's last use.
final class RuleTestBench {
    let directory = NSTemporaryDirectory() + "forebay-rules-\(UUID().uuidString)"

    init(_ files: [String: String]) throws {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        for (name, text) in files { try text.write(toFile: path(name), atomically: false, encoding: .utf8) }
    }

    deinit {
        try? FileManager.default.removeItem(atPath: directory)
    }

    func path(_ name: String) -> String { directory + "/" + name }

    /// The results of `test.yaml`.
    func results() throws -> [RuleTestResult] { try RulesTest.run([path("test.yaml")]) }

    /// What is wrong with `test.yaml`, a line each; without this directory.
    func problems() -> [String] {
        let failure = #expect(throws: CommandFailure.self) { try results() }
        #expect(failure?.status == ExitStatus.configuration)
        return (failure?.message ?? "").replacingOccurrences(of: directory + "/", with: "").split(separator: "\n")
            .map(String.init)
    }
}

@Suite("Tests of rules")
struct RuleTestTests {
    private static let rules = """
        rules:
          - alert: TooWarm
            match: { metric: t, device: "freezer-*", labels: { line: a } }
            above: -15
            clear_below: -17
            clear_for: 1m
            for: 2m
            severity: critical
          - { alert: Silent, match: { metric: t }, absent: 5m }
          - { alert: Stuck, match: { metric: t }, unchanged: 10m }
          - alert: Rising
            match: { metric: t }
            levels: [{ above: -12, severity: info }, { above: -5, severity: critical, for: 1m }]

        """

    /// One test over one series of `freezer-7`, 30 s apart, with expectations as flow mappings without alert and device.
    private func results(
        _ values: String,
        alert: String = "TooWarm",
        _ expect: [String],
        series: String = "labels: { line: a }, unit: C"
    ) throws -> [RuleTestResult] {
        let expectations = expect.map { "      - { alert: \(alert), device: freezer-7, \($0) }\n" }.joined()
        let bench = try RuleTestBench([
            "test.yaml": RuleTestTests.rules + """
                tests:
                  - name: one
                    series:
                      - { device: freezer-7, metric: t, every: 30s, values: "\(values)", \(series) }
                    expect:

                """ + expectations
        ])
        return try bench.results()
    }

    private func failures(_ values: String, alert: String = "TooWarm", _ expect: [String]) throws -> [String] {
        try results(values, alert: alert, expect).flatMap(\.failures).map { "\($0.at.dropFirst(11)): \($0.found.text)" }
    }

    @Test("an alert is ok, pending, firing, recovering and resolved when the daemon would have it so")
    func states() throws {
        // Warm from 1:00 to 5:00; cleared from 5:30 on.
        let expect = [
            "at: 0s, state: ok", "at: 30s, state: ok, value: -18", "at: 1m, state: pending, severity: critical",
            "at: 150s, state: pending", "at: 3m, state: firing, severity: critical, value: -10",
            "at: 330s, state: recovering", "at: 330s, state: firing", "at: 390s, state: resolved",
            "at: 390s, state: ok", "at: 2026-01-01T00:03:00Z, state: firing",
        ]
        #expect(try failures("-18x2 -10x9 -18x10", expect) == [])
    }

    @Test("each state but the right one fails", arguments: ["ok", "pending", "recovering", "resolved", "no_data"])
    func wrongStates(state: String) throws {
        #expect(try failures("-18x2 -10x9", ["at: 3m, state: \(state)"]).count == 1)
        #expect(try failures("-18x2 -10x9", ["at: 3m, state: firing"]).isEmpty)
    }

    @Test("a wrong severity or value fails, too")
    func wrongDetails() throws {
        #expect(try failures("-18x2 -10x9", ["at: 3m, state: firing, severity: warning"]).count == 1)
        #expect(try failures("-18x2 -10x9", ["at: 3m, state: firing, value: -10.5"]).count == 1)
    }

    @Test("time passes in ticks: what runs out in silence shows with the next one")
    func ticks() throws {
        let rules = "rules: [{ alert: A, match: { metric: t }, above: 1, for: 15s }]\n"
        func states(_ expect: String) throws -> [Bool] {
            let bench = try RuleTestBench([
                "test.yaml": rules + """
                    tests:
                      - name: one
                        series: [{ device: d, metric: t, every: 1h, values: 2 }]
                        expect: [{ at: \(expect), alert: A, device: d, state: firing }]

                    """
            ])
            return try bench.results().map(\.passed)
        }
        #expect(try states("15s") == [false] && states("19s") == [false])
        #expect(try states("20s") == [true])
    }

    @Test("silence and sameness are seen, and end")
    func watches() throws {
        #expect(
            try failures(
                "1x2 _x12 2 3",
                alert: "Silent",
                ["at: 5m, state: ok", "at: 330s, state: firing", "at: 7m, state: resolved"]
            ) == []
        )
        #expect(
            try failures(
                "1x25 2",
                alert: "Stuck",
                ["at: 9m, state: ok", "at: 10m, state: firing", "at: 750s, state: resolved"]
            ) == []
        )
    }

    @Test("the alert is that of the worst level that holds")
    func levels() throws {
        #expect(
            try failures(
                "-20 -10x2 0x4 -10 -20",
                alert: "Rising",
                [
                    "at: 30s, state: firing, severity: info", "at: 2m, state: firing, severity: info",
                    "at: 150s, state: firing, severity: critical", "at: 210s, state: firing, severity: info",
                    "at: 4m, state: resolved",
                ]
            ) == []
        )
    }

    @Test("numbers repeat, ramps climb, silence is no reading")
    func grammar() throws {
        let expect = [
            "at: 0s, state: firing, value: 1.5", "at: 30s, state: firing, value: 1.5",
            "at: 1m, state: firing, value: 1.5", "at: 90s, state: firing, value: 1.5",
            "at: 2m, state: firing, value: -1e1", "at: 150s, state: firing, value: 0",
            "at: 3m, state: firing, value: 10", "at: 10m, state: firing, value: 7",
        ]
        let rules = "rules: [{ alert: Any, match: { metric: t }, above: -100 }]\n"
        let lines = expect.map { "      - { alert: Any, device: d, \($0) }\n" }.joined()
        let bench = try RuleTestBench([
            "test.yaml": rules + """
                tests:
                  - name: one
                    series: [{ device: d, metric: t, every: 30s, values: "1.5x2  _ _x1 -10..10x3 7" }]
                    expect:

                """ + lines
        ])
        #expect(try bench.results().flatMap(\.failures).map(\.found.text) == [])
    }

    @Test("no data is what no reading was watched of")
    func noData() throws {
        #expect(try failures("_x4 -18", ["at: 1m, state: no_data", "at: 2m, state: ok"]) == [])
        let unlabelled = try results("-18x4", ["at: 1m, state: no_data"], series: "labels: { line: b }")
        #expect(unlabelled.map(\.passed) == [true])
    }

    @Test("a failure shows what was expected, what was there, and the edges and readings around it")
    func failure() throws {
        let result = try #require(try results("-18x2 -10x9 -18x10", ["at: 2m, state: firing"]).first)
        #expect(!result.passed && result.expectations == 1)
        let lines = result.lines.map { $0.replacingOccurrences(of: result.file, with: "test.yaml") }
        #expect(
            lines == [
                "FAIL  one", "  test.yaml:19:9",
                "    expected  TooWarm of freezer-7 t: firing, at 2m (2026-01-01T00:02:00.000Z)",
                "    found     pending, severity critical, value -10, since 2026-01-01T00:01:00.000Z, 1m of 2m have run, "
                    + "fires at 2026-01-01T00:03:00.000Z",
                "    edges     2026-01-01T00:02:00.000Z  <- here",
                "              2026-01-01T00:03:00.000Z  firing critical, value -10",
                "              2026-01-01T00:06:30.000Z  resolved critical, value -18",
                "    readings  2026-01-01T00:00:00.000Z  -18", "              2026-01-01T00:00:30.000Z  -18",
                "              2026-01-01T00:01:00.000Z  -10", "              2026-01-01T00:01:30.000Z  -10",
                "              2026-01-01T00:02:00.000Z  -10", "              2026-01-01T00:02:00.000Z  <- here",
                "              2026-01-01T00:02:30.000Z  -10", "              2026-01-01T00:03:00.000Z  -10",
                "              2026-01-01T00:03:30.000Z  -10",
            ]
        )
    }

    @Test("series are merged by time, rows of files among them, and rows that are none are counted")
    func merged() throws {
        let bench = try RuleTestBench([
            "rules.yaml": "- { alert: Any, match: { device: \"*\" }, above: 0 }\n",
            "rows.csv": "when,v\n2026-01-01 01:01:00,1\nsoon,2\n2026-01-01 01:03:00,-1\n2026-01-01 01:02:00,5\n",
            "test.yaml": """
            rules: rules.yaml
            tests:
              - name: one
                series:
                  - device: a
                    metric: t
                    csv: { file: rows.csv, time_column: when, value_column: v, time_zone: Europe/Berlin }
                  - { device: b, metric: t, every: 1m, values: "-1x3 1x2" }
                expect:
                  - { at: 1m, alert: Any, device: a, state: firing }
                  - { at: 2m, alert: Any, device: a, state: firing, value: 1 }
                  - { at: 2m, alert: Any, device: b, state: ok }
                  - { at: 3m, alert: Any, device: b, state: firing }

            """,
        ])
        let result = try #require(try bench.results().first)
        // The last row goes back by a minute: it is late, and changes nothing.
        #expect(result.failures.map(\.found.text) == [])
        #expect(result.omissions.count == 1)
        #expect(result.omissions.first?.contains("1 of 4 rows were left out; the first: ") == true)
        #expect(result.omissions.first?.hasSuffix("rows.csv:3: no time in column when") == true)
    }

    @Test("a series of states, an expression over two series, and a group of two devices")
    func statesAndSeveralSeries() throws {
        let bench = try RuleTestBench([
            "test.yaml": """
            rules:
              - { alert: DoorOpen, match: { metric: door }, equals: open, for: 2m }
              - { alert: Drift, expr: 'avg(t, 1m) > -15 and door == "closed"' }
              - { alert: TwoWarm, match: { metric: t }, above: -15, at_least: 2 }
            tests:
              - name: one
                series:
                  - { device: a, metric: door, every: 30s, values: closedx4 openx6 closedx4 }
                  - { device: a, metric: t, every: 30s, values: -18x8 -10x6 }
                  - { device: b, metric: t, every: 30s, values: -18x10 -10x4 }
                expect:
                  - { at: 150s, alert: DoorOpen, device: a, state: pending }
                  - { at: 4m, alert: DoorOpen, device: a, state: firing, value: 1 }
                  - { at: 5m, alert: DoorOpen, device: a, state: resolved }
                  - { at: 270s, alert: Drift, device: a, state: ok }
                  - { at: 5m, alert: Drift, device: a, state: firing }
                  - { at: 270s, alert: TwoWarm, device: b, state: ok }
                  - { at: 5m, alert: TwoWarm, device: a, state: firing, value: 2 }
                  - { at: 6m, alert: DoorOpen, device: a, state: firing }

            """
        ])
        let result = try #require(try bench.results().first)
        #expect(result.failures.map { "\($0.alert) \($0.afterSeconds)" } == ["DoorOpen 360.0"])
        #expect(result.failures.first?.lines.contains { $0.contains("closed") } == true)
    }
}
