// Rules as they are loaded: templates, texts, problems and the hash of a condition.
import EventModel
import Platform
import Rules
import Testing

@Suite("Compiling rules")
struct CompilingTests {
    @Test("a template is filled with what its placeholders stand for")
    func template() throws {
        let template = try RuleTemplate("{{device}} {{ value|1 }} {{unit}}, limit {{threshold}}: {{labels.line}}}")
        let text = template.filled { placeholder, digits in
            switch placeholder {
            case .device: "freezer-7"
            case .value: RuleText.number(-11.849, digits: digits)
            case .unit: "°C"
            case .label(let name): "<\(name)>"
            default: "?"
            }
        }
        #expect(text == "freezer-7 -11.8 °C, limit ?: <line>}")
    }

    @Test("an unknown placeholder is an error at its position, with all valid names")
    func unknownPlaceholder() {
        let error = #expect(throws: TemplateError.self) { try RuleTemplate("Gefrierschrank äöü {{devise}}") }
        #expect(error?.position == 19)
        #expect(error?.unknownName == "devise")
        #expect(error?.validNames.contains("device") == true && error?.validNames.contains("labels.NAME") == true)
    }

    @Test(
        "a template that is malformed says where",
        arguments: [
            ("ab {{device", 3), ("{{device|1}}", 0), ("{{value|x}}", 0), ("{{value|10}}", 0), ("{{}}", 0),
            ("{{labels.}}", 0),
        ]
    )
    func malformedTemplate(source: String, position: Int) {
        let error = #expect(throws: TemplateError.self) { try RuleTemplate(source) }
        #expect(error?.position == position)
    }

    @Test("every name in the list of placeholders is one")
    func placeholderNames() throws {
        for entry in TemplatePlaceholder.names {
            #expect(
                try RuleTemplate("{{\(entry.name)}}").filled { placeholder, _ in "\(placeholder == entry.placeholder)" }
                    == "true"
            )
        }
    }

    @Test(
        "numbers are written short, or with the digits asked for",
        arguments: [
            (-15.0, nil, "-15"), (-11.8, nil, "-11.8"), (-11.85, 1, "-11.9"), (0.0, 2, "0.00"), (-0.04, 1, "0.0"),
            (1234.5, 0, "1235"), (2.5, 3, "2.500"), (1e300, 1, "1e+300"),
        ] as [(Double, Int?, String)]
    )
    func numbers(value: Double, digits: Int?, text: String) {
        #expect(RuleText.number(value, digits: digits) == text)
    }

    @Test(
        "durations are written as the configuration writes them",
        arguments: [
            (0, "0s"), (250, "250ms"), (90_000, "1m30s"), (600_000, "10m"), (5_400_000, "1h30m"), (86_400_000, "1d"),
        ] as [(Int64, String)]
    )
    func durations(milliseconds: Int64, text: String) {
        #expect(RuleText.duration(milliseconds: milliseconds) == text)
    }

    @Test("a condition is said in one line")
    func conditionText() {
        func text(
            _ level: RuleLevel,
            _ metric: String,
            _ unit: String? = nil,
            _ change: (inout RuleDefinition) -> Void = { _ in }
        ) -> String {
            var rule = RuleDefinition(alert: "A", match: RuleMatch(), levels: [level])
            change(&rule)
            return rule.text(of: level, metric: metric, unit: unit)
        }
        let above = RuleLevel(.above(limit: -15, clear: -17), holdFor: .seconds(600))
        #expect(text(above, "temperature", "°C") == "temperature > -15 °C for 10m")
        #expect(text(RuleLevel(.below(limit: 0.5, clear: nil)), "flow") == "flow < 0.5")
        #expect(text(RuleLevel(.equals(3)), "state", "") == "state = 3")
        #expect(text(RuleLevel(.isState("open")), "door") == "door = open")
        let rate = text(RuleLevel(.above(limit: 6, clear: nil)), "t", "°C/h") {
            $0.signal = RuleSignal(.rate, over: .seconds(900), per: .seconds(3600))
            $0.onlyIf = RuleGate(metric: "door", condition: .isState("closed"))
        }
        #expect(rate == "rate(t, 15m) > 6 °C/h only if door = closed")
        let group = text(RuleLevel(.above(limit: 0.2, clear: nil)), "smoke") {
            $0.group = RuleGroup(atLeast: 2, within: .seconds(60))
        }
        #expect(group == "2 of: smoke > 0.2 within 1m")
    }

    @Test("all problems are said at once: a name twice, a clear beyond its limit, a template")
    func problems() {
        var first = freezerRule(clear: -10)
        first.summary = "{{nope}}"
        let problems = #expect(throws: RuleProblems.self) { try RuleSet([first, freezerRule()]) }?.problems ?? []
        #expect(problems.map(\.key).sorted() == ["alert", "clear_below", "summary"])
        #expect(problems.first { $0.key == "summary" }?.position == 0)
        let infinite = #expect(throws: RuleProblems.self) { try RuleSet([freezerRule(above: .infinity, clear: nil)]) }
        #expect(infinite?.problems.map(\.key) == ["above"])
    }

    @Test("the condition hash changes with anything that decides when a rule fires, and with no words")
    func conditionHash() throws {
        func hash(_ definition: RuleDefinition) throws -> UInt64? {
            try RuleSet([definition]).rules.first?.conditionHash
        }
        var words = freezerRule()
        words.summary = "other"
        words.levels[0].severity = "critical"
        words.notify = ["pager"]
        #expect(try hash(words) == hash(freezerRule()))
        let first = RuleLevel(.above(limit: -15, clear: -17), holdFor: .seconds(600))
        var cleared = first
        cleared.clearFor = .seconds(1)
        let conditions: [[RuleLevel]] = [
            [cleared], [first, first], [first, cleared], [RuleLevel(.outside(low: -15, high: -17 + 10))],
            [RuleLevel(.inside(low: -15, high: -17 + 10))], [RuleLevel(.equals(-15))],
        ]
        let expression = try RuleExpression("temperature > -15")
        let signals =
            [
                { $0.unit = "°C" }, { $0.signal = RuleSignal(.avg, over: .seconds(60)) },
                { $0.signal = RuleSignal(.max, over: .seconds(60)) },
                { $0.signal = RuleSignal(.rate, over: .seconds(60)) },
                { $0.signal = RuleSignal(.rate, over: .seconds(60), per: .seconds(60)) },
                { $0.onlyIf = RuleGate(metric: "door", condition: .isState("open")) },
                { $0.onlyIf = RuleGate(metric: "door", condition: .isState("open"), within: .seconds(9)) },
                { $0.group = RuleGroup(atLeast: 2) }, { $0.group = RuleGroup(atLeast: 2, by: ["room"]) },
                {
                    $0.levels = [RuleLevel(.holds(expression))]
                    $0.match.metrics = []
                }, { $0.levels = [RuleLevel(.isState("-15"))] },
            ].map { (change: (inout RuleDefinition) -> Void) in
                var rule = freezerRule()
                change(&rule)
                return rule
            }
        let others =
            [
                freezerRule(above: -14), freezerRule(clear: nil), freezerRule(clear: -18),
                freezerRule(holdFor: .seconds(601)),
                freezerRule(match: RuleMatch(metrics: ["temperature"], devices: ["freezer-"])),
                freezerRule(match: RuleMatch(metrics: ["temperature", "freezer-*"])),
                RuleDefinition(
                    alert: "FreezerTooWarm",
                    match: RuleMatch(metrics: ["temperature"], devices: ["freezer-*"]),
                    levels: [RuleLevel(.below(limit: -15, clear: -13), holdFor: .seconds(600))]
                ),
            ] + conditions.map { RuleDefinition(alert: "FreezerTooWarm", match: freezerRule().match, levels: $0) }
            + signals
        let hashes = try Set(others.map { try hash($0) })
        #expect(try hashes.count == others.count && !hashes.contains(hash(freezerRule())))
    }

    @Test("the condition hash is the same in every version, for it stands in snapshots and alerts")
    func stableHash() throws {
        #expect(try RuleSet([freezerRule()]).rules.first?.conditionHash == 0xDDD8D2C3FE40EF5F)
    }
}
