// Files of tests that are wrong: every problem with its place, and no memory or time for what is too much.
import Appliance
import Foundation
import Testing

@Suite("Files of tests that are wrong")
struct RuleTestProblemTests {
    private static let rules = "rules: [{ alert: A, match: { metric: t }, above: 1 }]\n"
    private static let series = "{ device: d, metric: t, every: 30s, values: 2x3 }"
    private static let expect = "{ at: 1m, alert: A, device: d, state: firing }"

    private func problems(_ text: String, rules: String = RuleTestProblemTests.rules) throws -> [String] {
        try RuleTestBench(["test.yaml": rules + text]).problems()
    }

    private func test(
        series: String = RuleTestProblemTests.series,
        expect: String = RuleTestProblemTests.expect
    ) -> String {
        "tests:\n- name: one\n  series: [\(series)]\n  expect: [\(expect)]\n"
    }

    @Test("the file that the others are made of is right")
    func right() throws {
        let bench = try RuleTestBench(["test.yaml": RuleTestProblemTests.rules + test()])
        #expect(try bench.results().map(\.passed) == [true])
    }

    @Test(
        "series",
        arguments: [
            ("{ metric: t, every: 1s, values: 1 }", "4:12: `device` is missing"),
            ("{ device: d, metric: t, values: 1 }", "4:44: `values` need `every`"),
            ("{ device: d, metric: t, every: 1s }", "4:12: a series needs its `values`, or a `csv` file"),
            ("{ device: d, metric: t, every: 0s, values: 1 }", "4:43: `every`: `0s` is out of range"),
            ("{ device: d, metric: t, every: 1s, values: 1, vales: 2 }", "4:58: unknown key `tests.series.vales`"),
            (
                "{ device: d, metric: t, every: 1s, values: 1 warm }",
                "4:55: `values`: a series has numbers or states, not both"
            ),
            ("{ device: d, metric: t, every: 1s, values: \"\" }", "4:55: `values`: the text must not be empty"),
            ("{ device: d, metric: t, every: 1s, values: \"1 -x3\" }", "4:55: `values`: `-x3` is no value"),
            ("{ device: d, metric: t, every: 1s, values: 1x0 }", "4:55: `values`: `1x0`: expected 1 or more"),
            ("{ device: d, metric: t, every: 1s, values: 1x-3 }", "4:55: `values`: `1x-3` is no value"),
            ("{ device: d, metric: t, every: 1s, values: 1..5 }", "4:55: `values`: `1..5`: a ramp says in how many"),
            ("{ device: d, metric: t, every: 1s, values: 1...5x3 }", "4:55: `values`: `1...5x3` is no value"),
            ("{ device: d, metric: t, every: 1s, values: 1e999 }", "4:55: `values`: `1e999` is no value"),
            ("{ device: d, metric: t, every: 1s, values: openx0 }", "4:55: `values`: `openx0`: expected 1 or more"),
            (
                "{ device: d, metric: t, every: 1s, values: -18x999999999999 }",
                "4:55: `values`: `-18x999999999999`: more than 1000000 readings"
            ),
            (
                "{ device: d, metric: t, every: 1s, values: 1x99999999999999999999999 }",
                "4:55: `values`: `1x99999999999999999999999`: more than 1000000 readings"
            ),
            (
                "{ device: d, metric: t, every: 1s, values: 1x600000 2x600000 }",
                "4:55: `values`: `2x600000`: more than 1000000 readings"
            ),
            ("{ device: d, metric: t, every: 1d, values: 1x800 }", "4:55: `values`: a test covers at most 732 days"),
            ("{ device: d, metric: t, every: 1s, start: noon, values: 1 }", "4:54: `start`: expected a time such as"),
            ("{ device: d, metric: t, every: 1s, start: 2026-13-01T00:00:00Z, values: 1 }", "4:54: `start`: expected"),
            ("{ device: d, metric: t, every: 1s, csv: { file: a } }", "4:43: with `csv`, there is no `every`"),
            ("{ device: d, metric: t, csv: { file: a, time_column: b } }", "4:41: `value_column` is missing"),
            ("{ device: d, metric: t, unit: [1], every: 1s, values: 1 }", "4:42: `unit`: expected a single value"),
            ("{ device: [d], metric: t, every: 1s, values: 1 }", "4:22: `device`: expected a single value, not a list"),
        ]
    )
    func series(text: String, expected: String) throws {
        let found = try problems(test(series: text))
        #expect(found.first?.hasPrefix("test.yaml:" + expected) == true, "\(found)")
    }

    @Test(
        "expectations",
        arguments: [
            ("{ alert: A, device: d, state: ok }", "5:12: `at` is missing"),
            ("{ at: 10, alert: A, device: d, state: ok }", "5:18: `at`: expected a duration such as"),
            ("{ at: 900d, alert: A, device: d, state: ok }", "5:18: `at`: `900d` is out of range: 0s to 732d"),
            ("{ at: 2026-01-01, alert: A, device: d, state: ok }", "5:18: `at`: expected a duration"),
            ("{ at: 25:00, alert: A, device: d, state: ok }", "5:18: `at`: expected a time such as"),
            ("{ at: 1m, alert: a, device: d, state: ok }", "5:29: `alert`: there is no rule `a`; did you mean `A`?"),
            ("{ at: 1m, alert: A, device: e, state: ok }", "5:40: `device`: there is no series of device `e`"),
            (
                "{ at: 1m, alert: A, device: d, metric: u, state: ok }",
                "5:51: `metric`: there is no series of device `d`"
            ),
            ("{ at: 1m, alert: A, device: d, state: fireing }", "5:50: `state`: unknown state `fireing`; did you mean"),
            ("{ at: 1m, alert: A, device: d, state: ok, value: warm }", "5:61: `value`: expected a number"),
            ("{ at: 1m, alert: A, device: d, state: ok, sverity: a }", "5:54: unknown key `tests.expect.sverity`"),
            ("1m", "5:12: `expect`: expected a mapping of keys"),
            ("", "5:11: `expect`: the list is empty"),
        ]
    )
    func expectations(text: String, expected: String) throws {
        let found = try problems(test(expect: text))
        #expect(found.count == 1, "\(found)")
        #expect(found.first?.hasPrefix("test.yaml:" + expected) == true, "\(found)")
    }

    @Test(
        "files",
        arguments: [
            ("", "test.yaml:1:1: `tests` is missing: a list"),
            ("tests: 3\n", "test.yaml:2:8: `tests`: expected a list"),
            ("tests: []\n", "test.yaml:2:8: `tests`: the list is empty"),
            ("tests: [\n", "test.yaml:3:1: not YAML"), ("\u{1}", "test.yaml:2:1: not YAML"),
            ("test: []\n", "test.yaml:1:1: `tests` is missing"),
        ]
    )
    func files(text: String, expected: String) throws {
        let found = try problems(text)
        #expect(found.first?.hasPrefix(expected) == true, "\(found)")
    }

    @Test("rules are a path or a list, and what is wrong with them stands where they stand")
    func rules() throws {
        #expect(
            try problems(test(), rules: "").first == "test.yaml:1:1: `rules` is missing: the path of a file, or a list"
        )
        let absent = try problems(test(), rules: "rules: none.yaml\n")
        #expect(absent == ["test.yaml:1:8: `rules`: there is no file none.yaml"])
        let wrong = try problems(test(), rules: "rules: [{ alert: A, abve: 1 }]\n")
        #expect(wrong.contains { $0.hasPrefix("test.yaml:1:21: unknown key `rules.abve`") }, "\(wrong)")
        let bench = try RuleTestBench([
            "r.yaml": "- { alert: A, above: x }\n", "test.yaml": "rules: r.yaml\n" + test(),
        ])
        #expect(bench.problems().contains { $0.hasPrefix("r.yaml:1:22: `above`: expected a number") })
    }

    @Test("a metric must be named where a rule watches several of the device")
    func ambiguous() throws {
        let series = "{ device: d, metric: t, every: 1s, values: 1 }, { device: d, metric: u, every: 1s, values: 1 }"
        let rules = "rules: [{ alert: A, above: 1 }]\n"
        let found = try problems(test(series: series), rules: rules)
        #expect(found == ["test.yaml:5:12: `metric` is missing: rule `A` watches `t`, `u` of device `d`"])
        let bench = try RuleTestBench([
            "test.yaml": RuleTestProblemTests.rules
                + test(series: series, expect: "{ at: 0s, alert: A, device: d, state: ok }")
        ])
        #expect(try bench.results().map(\.passed) == [true])
    }

    @Test("a name is given once")
    func twice() throws {
        let one = test().dropFirst("tests:\n".count)
        let found = try problems("tests:\n" + one + one)
        #expect(found == ["test.yaml:6:9: test `one` is given twice: it stands at test.yaml:3:9 already"])
    }

    @Test("years between series, or up to an expectation, are an error and no loop")
    func years() throws {
        let apart =
            "{ device: d, metric: t, every: 1s, values: 1 }, "
            + "{ device: d, metric: t, start: 2099-01-01T00:00:00Z, every: 1s, values: 1 }"
        #expect(try problems(test(series: apart)) == ["test.yaml:4:60: a test covers at most 732 days"])
        let late = "{ at: 9999-01-01T00:00:00Z, alert: A, device: d, state: ok }"
        #expect(try problems(test(expect: late)) == ["test.yaml:5:12: a test covers at most 732 days"])
    }

    @Test("two years of ticks and a million readings are done, with the few readings around a failure in memory")
    func much() throws {
        let bench = try RuleTestBench([
            "test.yaml": RuleTestProblemTests.rules
                + test(
                    series: "{ device: d, metric: t, every: 1m, values: 0x1000000 }",
                    expect: "{ at: 694d, alert: A, device: d, state: firing }"
                )
        ])
        let failure = try #require(try bench.results().first?.failures.first)
        #expect(failure.readings.count == 9 && failure.edges.isEmpty)
    }

    @Test("a file that is not there has its exit code, and every file is read before a test runs")
    func absent() throws {
        let bench = try RuleTestBench(["test.yaml": "rules: 1\n"])
        let failure = #expect(throws: CommandFailure.self) {
            try RulesTest.run([bench.path("none.yaml"), bench.path("test.yaml")])
        }
        #expect(failure?.status == ExitStatus.noInput)
        #expect(failure?.message.contains("there is no file of tests") == true)
        #expect(failure?.message.contains("test.yaml:1:") == true)
    }
}
