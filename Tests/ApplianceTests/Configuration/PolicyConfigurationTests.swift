// What rules say of who is told when: read, shown again, and refused where it cannot work.
import Appliance
import Rules
import Testing

@Suite("Words of rules")
struct PolicyConfigurationTests {
    private static let hooks = """
        hooks:
          pager: { type: webhook, url: "http://x/" }
          manager: { type: webhook, url: "http://x/" }
          alive: { type: heartbeat, url: "http://x/" }

        """

    /// Three rules, the first with these words.
    private func text(_ words: String, second: String = "") -> String {
        PolicyConfigurationTests.hooks + """
            rules:
              - { alert: A, match: { metric: t }, above: 1, \(words) }
              - { alert: B, match: { metric: t }, above: 1\(second) }
              - { alert: C, match: { metric: t }, above: 1, inhibited_by: B }

            """
    }

    private func policy(_ words: String) throws -> RulePolicy {
        try #require(try configuration(text(words)).rules.first).policy
    }

    @Test("all of them are read")
    func values() throws {
        let policy = try policy(
            "repeat: 4h, mute: \"Mon 06:00-07:00 Europe/Berlin\", inhibited_by: [B, { alert: C, equal: [gateway] }], "
                + "escalate: { after: 15m, notify: [manager] }"
        )
        #expect(policy.repeatEvery == .seconds(4 * 3600))
        #expect(policy.mutes == [MuteWindow(days: [0], start: 360, end: 420, timeZone: "Europe/Berlin")])
        #expect(policy.inhibitors == [Inhibitor(alert: "B"), Inhibitor(alert: "C", equal: ["gateway"])])
        #expect(policy.escalation == Escalation(after: .seconds(900), notify: ["manager"]))
        #expect(try self.policy("inhibited_by: B").inhibitors == [Inhibitor(alert: "B")])
        let mapped = try self.policy("inhibited_by: { alert: B, equal: gateway }").inhibitors
        #expect(mapped == [Inhibitor(alert: "B", equal: ["gateway"])])
        #expect(try self.policy("severity: info") == RulePolicy())
    }

    @Test(
        "times of the week",
        arguments: [
            ("06:00-07:00", Set(0..<7), 360, 420, nil), ("Mon-Fri 22:00-06:00", Set(0..<5), 1320, 360, nil),
            ("mon,wed 00:00-24:00 UTC", [0, 2], 0, 1440, "UTC"), ("Fri-Mon 12:30-12:31", [4, 5, 6, 0], 750, 751, nil),
        ] as [(String, Set<Int>, Int, Int, String?)]
    )
    func mutes(text: String, days: Set<Int>, start: Int, end: Int, zone: String?) throws {
        let window = MuteWindow(days: days, start: start, end: end, timeZone: zone)
        #expect(try policy("mute: [\"\(text)\"]").mutes == [window])
    }

    @Test("they change no condition: an alert that fires goes on")
    func hash() throws {
        let plain = try RuleSet(try configuration(text("severity: info")).rules)
        let other = try RuleSet(
            try configuration(text("repeat: 4h, mute: \"06:00-07:00\", inhibited_by: B, severity: info")).rules
        )
        #expect(plain.rules.map(\.conditionHash) == other.rules.map(\.conditionHash))
    }

    @Test("a reload says what changed")
    func changes() throws {
        let old = try configuration(text("repeat: 4h, escalate: { after: 15m, notify: [manager] }"))
        let new = try configuration(text("repeat: 2h, mute: \"Mon-Wed 06:00-07:00\""))
        let changes = new.changes(from: old).map(\.description)
        #expect(changes.contains("`rules.A.repeat`: 4h -> 2h"), "\(changes)")
        #expect(changes.contains("`rules.A.mute`: [Mon,Tue,Wed 06:00-07:00], was not set"), "\(changes)")
        #expect(changes.contains("`rules.A.escalate.after`: no longer set, was 15m"), "\(changes)")
    }

    @Test(
        "what cannot work is an error where it stands",
        arguments: [
            ("repeat: 30s", "6:57: `repeat`: `30s` is out of range: 1m"),
            ("mute: Mon", "6:55: `mute`: expected a time of the week"),
            ("mute: \"Mun 06:00-07:00\"", "6:55: `mute`: expected days such as `Mon`"),
            ("mute: \"06:00-06:00\"", "6:55: `mute`: `06:00-06:00` is no stretch of time"),
            ("mute: \"06:00-25:00\"", "6:55: `mute`: expected a time of the week"),
            ("mute: \"06:00-07:00 Europe/Berlim\"", "6:55: `mute`: unknown time zone `Europe/Berlim`; did you mean"),
            ("inhibited_by: Bb", "6:63: rule `A` is inhibited by `Bb`, which is no rule; did you mean `B`?"),
            ("inhibited_by: [A]", "6:63: rule `A` inhibits itself"),
            ("inhibited_by: { equal: [x] }", "6:63: `inhibited_by` needs the name of a rule"),
            ("inhibited_by: { alert: B, equals: [x] }", "6:75: unknown key `rules.inhibited_by.equals`"),
            ("escalate: { notify: [manager] }", "6:59: `escalate` needs `after: ...`"),
            ("escalate: { after: 15m }", "6:59: `escalate` needs `notify: ...`"),
            ("escalate: { after: 15m, notify: [managr] }", "6:49: rule `A` escalates to hook `managr`"),
            ("escalate: { after: 15m, notify: [alive] }", "6:49: rule `A` escalates to hook `alive`"),
            (
                "notify: [manager], escalate: { after: 15m, notify: [manager] }",
                "6:68: rule `A` escalates to hook `manager`, which `notify` tells at once"
            ),
        ]
    )
    func wrong(words: String, expected: String) {
        let found = problems(text(words))
        #expect(found.count == 1, "\(found)")
        #expect(found.first?.hasPrefix("c.yaml:" + expected) == true, "\(found)")
    }

    @Test("rules that inhibit one another would silence all of them")
    func cycle() {
        let found = problems(text("inhibited_by: C", second: ", inhibited_by: A"))
        #expect(found.count == 3, "\(found)")
        #expect(found.allSatisfy { $0.contains("is inhibited by rules that it inhibits itself") })
    }
}
