// `rules check`, `test`, `diff` and `explain` of the built program: their exit codes, and what they say.
import Foundation
import Testing

extension EndToEndTests {
    @Suite("Tools for rules")
    struct RuleToolTests {
        private static let rules = "rules: [{ alert: A, match: { metric: t }, above: 1, for: 1m }]\n"

        private func test(_ name: String, expecting state: String) -> String {
            """
              - name: \(name)
                series: [{ device: d, metric: t, every: 30s, values: 0x2 2x8 }]
                expect: [{ at: 3m, alert: A, device: d, state: \(state) }]

            """
        }

        private func objects(_ text: String) throws -> [[String: Any]] {
            try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String: Any]])
        }

        @Test("the tests that the documentation shows pass, and would fail with other rules")
        func documented() async throws {
            try await Workbench.use { bench in
                let page = try String(contentsOfFile: Workbench.repository("docs/rules-testing.md"), encoding: .utf8)
                let blocks = page.components(separatedBy: "```yaml\n").dropFirst()
                    .compactMap { $0.components(separatedBy: "```").first }
                #expect(blocks.count == 2)
                let (rules, tests) = (try #require(blocks.first), try #require(blocks.last))
                try bench.write("freezers.yaml", rules)
                try bench.write("freezers-test.yaml", tests)
                let arguments = ["rules", "test", bench.path("freezers-test.yaml"), "-o", "table"]
                let run = try Command.run("forebay", arguments)
                #expect(run.status == 0 && run.error.isEmpty, "\(run.output)\(run.error)")
                #expect(run.output.hasSuffix("3 tests, 0 failed\n"))
                try bench.write("freezers.yaml", rules.replacingOccurrences(of: "for: 10m", with: "for: 1m"))
                let other = try Command.run("forebay", arguments)
                #expect(other.status == 1 && other.output.hasSuffix("3 tests, 1 failed\n"), "\(other.output)")
            }
        }

        @Test("a test that fails, a wrong file and one that is not there have their exit codes")
        func exitCodes() async throws {
            try await Workbench.use { bench in
                func run(
                    _ text: String,
                    _ format: String = "json"
                ) throws -> (status: Int32, output: String, error: String) {
                    try bench.write("t.yaml", text)
                    return try Command.run("forebay", ["rules", "test", bench.path("t.yaml"), "-o", format])
                }
                let head = RuleToolTests.rules + "tests:\n"
                let passed = try run(head + test("one", expecting: "firing"))
                #expect(passed.status == 0 && passed.error.isEmpty)
                #expect(try objects(passed.output).map { $0["passed"] as? Bool } == [true])
                let failed = try run(head + test("one", expecting: "firing") + test("two", expecting: "ok"))
                #expect(failed.status == 1)
                #expect(try objects(failed.output).map { $0["passed"] as? Bool } == [true, false])
                let failure = try #require((try objects(failed.output).last?["failures"] as? [[String: Any]])?.first)
                #expect((failure["found"] as? [String: Any])?["state"] as? String == "firing")
                #expect(failure["at"] as? String == "2026-01-01T00:03:00.000Z")
                let table = try run(head + test("two", expecting: "ok"), "table")
                #expect(table.status == 1 && table.output.hasPrefix("FAIL  two\n  \(bench.path("t.yaml")):5:"))
                let wrong = try run(head + test("one", expecting: "fireing"))
                #expect(wrong.status == 78 && wrong.output.isEmpty)
                #expect(wrong.error.contains("t.yaml:5:") && wrong.error.contains("did you mean `firing`?"))
                #expect(try Command.run("forebay", ["rules", "test", bench.path("none.yaml")]).status == 66)
                #expect(try Command.run("forebay", ["rules", "test"]).status == 64)
                let garbage = try run(String(repeating: "\u{0}\u{FFFD}[{&*", count: 1000))
                #expect(garbage.status == 78)
            }
        }

        @Test("JUnit XML is well-formed, whatever tests are called")
        func junit() async throws {
            try await Workbench.use { bench in
                let names = ["plain", #"a < b & "c" > 'd'"#, "]]> \u{1F9CA} é"]
                let tests = names.enumerated().map { index, name in
                    let quoted = "'" + name.replacingOccurrences(of: "'", with: "''") + "'"
                    return test(quoted, expecting: index == 1 ? "ok" : "firing")
                }
                try bench.write("t & u.yaml", RuleToolTests.rules + "tests:\n" + tests.joined())
                let report = bench.path("report.xml")
                let run = try Command.run("forebay", ["rules", "test", bench.path("t & u.yaml"), "--junit", report])
                #expect(run.status == 1, "\(run.error)")
                let script = """
                    import sys, json, xml.etree.ElementTree as tree
                    root = tree.parse(sys.argv[1]).getroot()
                    cases = [[c.get("name"), len(c.findall("failure"))] for c in root.iter("testcase")]
                    suite = root.find("testsuite")
                    print(json.dumps([root.tag, suite.get("tests"), suite.get("failures"), suite.get("name"), cases]))
                    """
                let parsed = try Command.run("/usr/bin/python3", ["-c", script, report])
                #expect(parsed.status == 0, "\(parsed.error)")
                let found = try #require(
                    try JSONSerialization.jsonObject(with: Data(parsed.output.utf8)) as? [Any]
                )
                #expect(
                    found.prefix(4).compactMap { $0 as? String } == ["testsuites", "3", "1", bench.path("t & u.yaml")]
                )
                let cases = try #require(found.last as? [[Any]])
                #expect(cases.map { $0.first as? String } == names && cases.map { $0.last as? Int } == [0, 1, 0])
                let unwritable = ["rules", "test", bench.path("t & u.yaml"), "--junit", bench.path("none/report.xml")]
                #expect(try Command.run("forebay", unwritable).status == 73)
            }
        }

        // MARK: On a box

        /// A box that has stored three readings of `freezer-7`, the last of which fires.
        private func prepared(_ bench: Workbench) async throws -> Box {
            let port = try freePort(SOCK_DGRAM)
            let box = try Box(
                bench,
                configuration: """
                    inputs: { lan: { type: udp, listen: "127.0.0.1:\(port)", format: json } }
                    hooks: { siren: { type: exec, command: [/bin/true] } }
                    rules:
                      - { alert: TooWarm, match: { metric: temperature, device: "freezer-*" }, above: -15, severity: critical }
                      - { alert: LineA, match: { metric: temperature, labels: { line: a } }, above: -15, for: 1h }
                      - { alert: Slow, match: { metric: temperature }, above: -15, for: 1h }

                    """
            )
            let daemon = try await box.start()
            let socket = try DatagramSocket(port: port)
            for value in ["-18", "-17.5", "-11.5"] {
                try socket.send(#"{"device":"freezer-7","temperature":\#(value),"unit":"C"}"#)
                let wanted = Double(["-18", "-17.5", "-11.5"].firstIndex(of: value) ?? 0) + 1
                try await eventually("it is stored") { try await box.metric("forebay_input_appended_total") == wanted }
            }
            try await eventually("it fires, and the device is registered") {
                let devices = try box.command(["devices", "list", "-o", "ndjson", "--data", box.data])
                return try await box.metric("forebay_alerts", "firing") == 1 && devices.contains("freezer-7")
            }
            daemon.kill(SIGTERM)
            #expect(try await daemon.exitCode() == 0)
            return box
        }

        private func explain(_ box: Box, _ alert: String, _ more: [String] = []) throws -> [[String: Any]] {
            let arguments = ["rules", "explain", alert, "--at", "2099-01-01T00:00:00Z", "-o", "json"]
            let config = ["--config", box.bench.path("forebay.yaml")]
            return try objects(try box.command(arguments + ["--device", "freezer-7"] + more + config))
        }

        @Test("explain says what was read, what holds since when, and what does not fit")
        func explanations() async throws {
            try await Workbench.use { bench in
                let box = try await prepared(bench)
                let firing = try #require(try explain(box, "TooWarm").first)
                #expect(firing["state"] as? String == "firing" && firing["severity"] as? String == "critical")
                let reading = try #require(firing["reading"] as? [String: Any])
                #expect(reading["value"] as? Double == -11.5 && reading["unit"] as? String == "°C")
                #expect(reading["offset"] as? Int == 2 && reading["partition"] as? Int == 0)
                #expect(firing["skipped"] as? Int == 0)
                let pending = try #require(try explain(box, "Slow", ["--metric", "temperature"]).first)
                #expect(pending["state"] as? String == "pending")
                let level = try #require((pending["levels"] as? [[String: Any]])?.first)
                #expect(level["for_s"] as? Double == 3600 && level["since"] as? String == reading["time"] as? String)
                #expect(level["condition"] as? String == "temperature > -15 °C for 1h")
                let missed = try #require(try explain(box, "LineA").first)
                #expect(missed["state"] as? String == "not_watched")
                let mismatch = try #require((missed["mismatches"] as? [[String: Any]])?.first)
                #expect(mismatch["key"] as? String == "labels.line")
                #expect(mismatch["patterns"] as? [String] == ["a"] && mismatch["found"] as? [String] == [])
                let config = ["--config", bench.path("forebay.yaml")]
                func run(_ arguments: [String]) throws -> (status: Int32, output: String, error: String) {
                    try Command.run("forebay", ["rules", "explain"] + arguments + config)
                }
                let early = try run(["TooWarm", "--device", "freezer-7", "--at", "2020-01-01T00:00:00Z", "-o", "table"])
                #expect(early.status == 0 && early.output.contains("no_data"), "\(early.output)\(early.error)")
                let device = try run(["TooWarm", "--device", "freezer-8", "--at", "2099-01-01T00:00:00Z"])
                #expect(device.status == 66 && device.error.contains("did you mean `freezer-7`?"), "\(device.error)")
                let alert = try run(["TooWram", "--device", "freezer-7", "--at", "2099-01-01T00:00:00Z"])
                #expect(alert.status == 66 && alert.error.contains("did you mean `TooWarm`?"), "\(alert.error)")
                #expect(try run(["TooWarm", "--device", "freezer-7", "--at", "noon"]).status == 64)
            }
        }

        @Test("diff tells what a change of rules changes in the log, and replay draws what fired")
        func differences() async throws {
            try await Workbench.use { bench in
                let box = try await prepared(bench)
                func rules(_ limit: String, _ name: String) throws -> String {
                    let text = "- { alert: A, match: { metric: temperature }, above: \(limit) }\n"
                    try bench.write(name, text)
                    return bench.path(name)
                }
                func changes(_ old: String, _ new: String) throws -> [[String: Any]] {
                    let arguments = ["rules", "diff", try rules(old, "old.yaml"), try rules(new, "new.yaml")]
                    return try objects(try box.command(arguments + ["--data", box.data, "-o", "json"]))
                }
                func words(_ old: String, _ new: String) throws -> [String] {
                    try changes(old, new).compactMap { $0["change"] as? String }
                }
                #expect(try words("-15", "-12") == ["kept"])
                #expect(try words("-15", "-17.9") == ["changed"])
                #expect(try words("-15", "5") == ["lost"])
                #expect(try words("5", "-15") == ["gained"])
                #expect(try words("5", "6") == [])
                let gained = try #require(try changes("5", "-15").first)
                #expect(gained["old"] is NSNull && (gained["new"] as? [String: Any])?["peak"] as? Double == -11.5)
                let missing = ["rules", "diff", bench.path("none.yaml"), bench.path("new.yaml"), "--data", box.data]
                #expect(try Command.run("forebay", missing).status == 66)
                let table = try box.command(
                    ["rules", "replay", try rules("-17.9", "new.yaml"), "--data", box.data, "-o", "table"]
                )
                #expect(table.contains("SERIES") && table.contains("█"), "\(table)")
                let csv = try box.command(
                    ["rules", "replay", try rules("-17.9", "new.yaml"), "--data", box.data, "-o", "csv"]
                )
                #expect(!csv.contains("SERIES"))
            }
        }

        @Test("check says what is wrong with rules, and what they look for in vain")
        func check() async throws {
            try await Workbench.use { bench in
                let box = try await prepared(bench)
                let config = ["--config", bench.path("forebay.yaml")]
                func check(_ rules: String?) throws -> (status: Int32, output: String, error: String) {
                    if let rules { try bench.write("r.yaml", rules) }
                    return try Command.run(
                        "forebay",
                        ["rules", "check"] + (rules == nil ? [] : [bench.path("r.yaml")]) + config
                    )
                }
                let own = try check(nil)
                #expect(own.status == 0 && own.output.hasSuffix(": 3 rules: ok\n"), "\(own.output)\(own.error)")
                let warned = try check(
                    """
                    - { alert: A, match: { metric: temprature }, above: 1 }
                    - { alert: B, match: { device: [freezer-7, freezer-8] }, above: 1 }
                    - alert: C
                      match: { metric: temperature }
                      levels: [{ above: 1, severity: info }, { above: 1, severity: critical }]

                    """
                )
                #expect(warned.status == 0)
                let file = bench.path("r.yaml")
                let expected = [
                    "\(file):1:32: warning: rule `A`: no device of the registry has a metric `temprature`; did you mean `temperature`?",
                    "\(file):2:32: warning: rule `B`: there is no device in the registry that is `freezer-8`; did you mean",
                    "\(file):5:11: warning: rule `C`: level `info` can never be reached",
                ]
                for line in expected { #expect(warned.output.contains(line), "\(warned.output)") }
                let refused = try check(
                    """
                    - { alert: A, match: { metric: temperature }, above: 1, notify: [sirene] }
                    - { alert: A, match: { metric: temperature }, above: 1, clear_above: 0 }

                    """
                )
                #expect(refused.status == 78 && !refused.output.contains("ok\n"))
                #expect(refused.output.contains("r.yaml:1:") && refused.output.contains("did you mean `siren`?"))
                #expect(
                    refused.output.contains("r.yaml:2:") && refused.output.contains("`clear_above` belongs to `below`")
                )
                #expect(try Command.run("forebay", ["rules", "check", bench.path("none.yaml")] + config).status == 66)
                _ = box
            }
        }

        @Test("check of the configuration's rules says nothing of its other sections")
        func otherSections() async throws {
            try await Workbench.use { bench in
                let path = bench.path("forebay.yaml")
                func check(_ text: String) throws -> (status: Int32, output: String, error: String) {
                    try bench.write("forebay.yaml", "data: \(bench.path("data"))\n" + text)
                    return try Command.run("forebay", ["rules", "check", "--config", path])
                }
                let inputs = "inputs: { lan: { type: upd } }\nhooks: { siren: { type: exec, command: [/bin/true] } }\n"
                let right = try check(inputs + "rules: [{ alert: A, match: { metric: t }, above: 1 }]\n")
                #expect(right.status == 0 && !right.output.contains("upd"), "\(right.output)")
                let wrong = try check(inputs + "rules: [{ alert: A, match: { metric: t }, abvoe: 1 }]\n")
                #expect(wrong.status == 78 && wrong.output.contains("forebay.yaml:4:") && !wrong.output.contains("upd"))
            }
        }
    }
}
