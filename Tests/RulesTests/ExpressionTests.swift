// Expressions over several metrics of a device: the grammar, three-valued truth, and the alerts that come of it.
import EventModel
import Platform
import Rules
import Testing

@Suite("Expressions")
struct ExpressionTests {
    private func rule(_ source: String, holdFor: Duration = .zero) throws -> RuleDefinition {
        RuleDefinition(
            alert: "Drift",
            match: RuleMatch(devices: ["freezer-*"]),
            levels: [RuleLevel(.holds(try RuleExpression(source)), holdFor: holdFor)]
        )
    }

    private func event(
        _ time: Double,
        _ readings: String,
        door: String? = nil,
        device: String = "freezer-7"
    ) -> ScriptStep {
        let states = door.map { #","states":{"door":"\#($0)"}"# } ?? ""
        return .event(
            #"{"device":"\#(device)","time":"\#(timeText(time))","received":"\#(timeText(time))","clock":"device","#
                + #""readings":{\#(readings)}\#(states),"quality":"good"}"#
        )
    }

    private func states(_ bench: borrowing RuleBench) -> [String] {
        bench.transitions.map { "\($0.state.rawValue) \(($0.at.milliseconds - epoch) / 1000)" }
    }

    @Test("door and drift: averages, a state, and nothing before all of it is known")
    func doorAndDrift() throws {
        var bench = try RuleBench([
            try rule("avg(temperature, 5m) - avg(setpoint, 5m) > 4 and door == false")
        ])
        bench.feed(event(0, #""temperature":-10,"setpoint":-18"#))
        #expect(states(bench) == [], "the door is not known")
        bench.feed(event(10, #""temperature":-10"#, door: "true"))
        #expect(states(bench) == [])
        bench.feed(event(20, #""humidity":40"#, door: "false"))
        #expect(states(bench) == ["firing 20"])
        let edge = bench.transitions[0]
        #expect(edge.value == 8 && edge.level.condition.limit(near: 0) == 4)
        #expect(edge.metric == "temperature" && edge.device == "freezer-7" && edge.unit == nil)
        bench.feed(event(30, #""temperature":-30,"setpoint":-18"#))
        #expect(states(bench) == ["firing 20", "resolved 30"], "-50/3 + 18 is below 4")
        #expect(bench.transitions[1].peak == 8)
    }

    @Test("an event is evaluated once, whole: no half of it makes an edge")
    func wholeEvents() throws {
        var bench = try RuleBench([try rule("a - b > 4")])
        bench.feed(event(0, #""a":0,"b":0"#))
        bench.feed(event(1, #""a":100,"b":100"#))
        bench.feed(event(2, #""b":0,"a":0"#))
        #expect(states(bench) == [])
        let counters = bench.engine.counters
        #expect(counters.evaluations == 3)
    }

    @Test("`for` runs on ticks, and a window that time empties is no longer known")
    func ticks() throws {
        var bench = try RuleBench([try rule("max(a, 1m) > 4", holdFor: .seconds(30))])
        bench.start(0)
        bench.feed(event(0, #""a":5"#))
        for time in stride(from: 10.0, through: 200, by: 10) { bench.tick(time) }
        #expect(states(bench) == ["firing 30"])
        bench.feed(event(210, #""a":1"#))
        #expect(states(bench) == ["firing 30", "resolved 210"])
    }

    @Test("devices are apart, and patterns of devices are heeded")
    func devices() throws {
        var bench = try RuleBench([try rule("a > 1 and b > 1")])
        bench.feed(event(0, #""a":2"#))
        bench.feed(event(1, #""b":2"#, device: "freezer-8"))
        bench.feed(event(2, #""a":2,"b":2"#, device: "oven"))
        #expect(states(bench) == [])
        bench.feed(event(3, #""b":2"#))
        #expect(bench.transitions.map(\.device) == ["freezer-7"])
    }

    @Test(
        "what an expression is worth, with a = 2, b = 3, c unknown, s = \"on\"",
        arguments: [
            ("a + b * 2 == 8", true), ("(a + b) * 2 == 10", true), ("a - b - 1 == -2", true), ("-a < 0", true),
            ("abs(a - b) >= 1", true), ("a / b > 1", false), ("a / (b - 3) > 1", nil), ("not a > b", true),
            ("a > 1 or c > 1", true), ("c > 1 or a > 1", true), ("a > 5 or c > 1", nil), ("a > 5 and c > 1", false),
            ("c > 1 and a > 5", false), ("a > 1 and c > 1", nil), ("not c > 1", nil), ("s == \"on\"", true),
            ("s != \"on\"", false), ("s == true", false), ("a != 2", false), ("a <= 2 and b <= 2.9", false),
            ("not (a == 2 and not b == 3)", true), ("`a` > 1e0", true), ("last(a, 10s) == 2", true),
            ("a > 1 and b > 1 or c > 1", true), ("a >= .5", true),
        ] as [(String, Bool?)]
    )
    func worth(source: String, wanted: Bool?) throws {
        var bench = try RuleBench(
            [try rule(source), try rule("not (\(source))")].enumerated().map { index, rule in
                var rule = rule
                rule.alert = index == 0 ? "Yes" : "No"
                return rule
            }
        )
        bench.feed(
            .event(
                #"{"device":"freezer-7","time":"\#(timeText(0))","received":"\#(timeText(0))","clock":"device","#
                    + #""readings":{"a":2,"b":3},"states":{"s":"on"},"quality":"good"}"#
            )
        )
        #expect(bench.transitions.map(\.rule.definition.alert) == (wanted.map { [$0 ? "Yes" : "No"] } ?? []))
    }

    @Test(
        "what is no expression is refused, with the place of the mistake",
        arguments: [
            ("", 0, "a number or a metric should stand here, not the end"),
            ("temperature", 0, "this is a number: compare it with one"), ("a >", 3, "a number or a metric"),
            ("1 > 2", 0, "this looks at no metric"), ("a > 1 b", 6, "`b` is left over"),
            ("a > 1 and 3", 10, "this is a number, no condition"), ("3 and a > 1", 2, "what stands before it"),
            ("not a", 4, "`not` stands before a condition"), ("a > 1 > 2", 6, "`>` is left over"),
            ("(a > 1) > 2", 8, "a condition is compared with nothing"),
            ("a + (b > 1) > 2", 2, "only numbers are calcul"),
            ("avg(a) > 1", 5, "`avg` needs the time it is taken over"), ("avg(a, 5) > 1", 7, "a duration from"),
            ("avg(a, 5x) > 1", 7, "`5x` is neither a number nor a duration"),
            ("avgg(a, 5m) > 1", 0, "`avgg` is no function"),
            ("avg(5m) > 1", 4, "`avg` takes the name of a metric"), ("avg(a, 0s) > 1", 7, "a duration from"),
            ("a == \"x", 5, "the quote is never closed"), ("a == \"\"", 5, "nothing stands between"),
            ("a > \"x\"", 4, "a state is compared with"), ("a + 1 == true", 0, "only a metric itself"),
            ("avg(a, 5m) == true", 0, "only a metric itself"), ("a > 1 # c", 6, "`#` belongs to no expression"),
            ("a > 9e999", 4, "`9e999` is no number"), ("a > 99999999999999999999d", 4, "is neither a number"),
            ("a > and", 4, "not `and`"), ("(a > 1", 6, "`)` should stand here, not the end"),
            ("a é > 1", 2, "is left over"),
        ] as [(String, Int, String)]
    )
    func refused(source: String, position: Int, message: String) throws {
        let error = #expect(throws: ExpressionError.self) { try RuleExpression(source) }
        #expect(error?.position == position && error?.message.contains(message) == true, "\(String(describing: error))")
    }

    @Test("depth, length and the number of terms are bounded")
    func bounded() throws {
        let deep = String(repeating: "(", count: 100_000) + "a" + String(repeating: ")", count: 100_000) + " > 1"
        #expect(throws: ExpressionError.self) { try RuleExpression(deep) }
        #expect(throws: ExpressionError.self) { try RuleExpression(String(repeating: "-", count: 100_000) + "a > 1") }
        #expect(throws: ExpressionError.self) {
            try RuleExpression((0..<17).map { "a\($0)" }.joined(separator: "+") + ">1")
        }
        #expect(throws: ExpressionError.self) { try RuleExpression("a" + String(repeating: "+a", count: 1000) + ">1") }
        let most = try RuleExpression((0..<16).map { "a\($0)" }.joined(separator: "+") + ">1")
        #expect(most.terms.count == 16)
    }

    @Test("an expression stands alone: no metric in `match`, no levels")
    func alone() throws {
        var definition = try rule("a > 1")
        definition.match.metrics = ["a"]
        definition.levels.append(definition.levels[0])
        let problems = #expect(throws: RuleProblems.self) { try RuleSet([definition]) }?.problems ?? []
        #expect(Set(problems.map(\.key)) == ["levels", "match"])
    }

    @Test("random texts never trap")
    func random() {
        var generator = SeededGenerator(seed: 5)
        let parts = [
            "a", "(", ")", "avg", ",", "5m", ">", "==", "true", "\"x\"", "and", "not", "-", "1.5", "`", " ", "é", "or",
            "abs",
        ]
        var valid = 0
        for _ in 0..<50_000 {
            let count = Int.random(in: 1...9, using: &generator)
            let text = (0..<count).map { _ in parts.randomElement(using: &generator) ?? "" }.joined(separator: " ")
            if (try? RuleExpression(text)) != nil { valid += 1 }
        }
        #expect(valid > 20)
    }
}
