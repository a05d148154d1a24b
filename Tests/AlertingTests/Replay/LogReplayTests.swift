// A replay that ends at a time knows what the daemon knew then, and no more.
import Alerting
import CommitLog
import EventModel
import Platform
import Rules
import Testing

@Suite("Replay up to a time")
struct LogReplayTests {
    private static let rule = freezerRule(holdFor: .seconds(60))

    /// Beyond from 10 on; fires at 70 by the tick of 75, and resolves at 90.
    private static let script: [ScriptStep] = [
        .start(0), .reading(1, -18), .tick(5), .reading(10, -10), .tick(15), .reading(20, -9), .tick(75),
        .reading(90, -18), .tick(95), .reading(100, -11), .reading(101, -12),
    ]

    private func harness() throws -> AlertingHarness {
        let harness = try AlertingHarness()
        for step in LogReplayTests.script { try harness.append(step) }
        return harness
    }

    private func standing(at time: Double, upTo end: Double?) throws -> LevelStanding? {
        let harness = try harness()
        let rules = try RuleSet([LogReplayTests.rule])
        let replay = try LogReplay(rules, over: harness.log, upTo: end.map(instant), seed: 5)
        try replay.run { _ in }
        return replay.standing(ofAlert: "FreezerTooWarm", device: "freezer-7", at: instant(time)).first
    }

    @Test(
        "stands where the daemon stood then",
        arguments: [
            (1, .ok, -18), (9.9, .ok, -18), (10, .pending, -10), (19, .pending, -10), (20, .pending, -9),
            (74, .pending, -9), (75, .firing, -9), (89, .firing, -9), (90, .ok, -18), (100, .pending, -11),
            (1000, .pending, -12),
        ] as [(Double, LevelStanding.Phase, Double)]
    )
    func standing(time: Double, phase: LevelStanding.Phase, value: Double) throws {
        let level = try #require(try standing(at: time, upTo: time))
        #expect(level.phase == phase && level.value == value)
    }

    @Test("ends inside of a batch, where the time is, and misses nothing before it", arguments: [(20, -10), (25, -9)])
    func insideBatch(time: Double, value: Double) throws {
        let harness = try AlertingHarness()
        try harness.append(.start(0))
        try harness.appendReadings([eventJSON(10, -18), eventJSON(20, -10), eventJSON(25, -9), eventJSON(30, -8)])
        try harness.append(.tick(35))
        let rules = try RuleSet([LogReplayTests.rule])
        let replay = try LogReplay(rules, over: harness.log, upTo: instant(time), seed: 5)
        try replay.run { _ in }
        let level = replay.standing(ofAlert: "FreezerTooWarm", device: "freezer-7", at: instant(time)).first
        #expect(level?.value == value && level?.phase == .pending && replay.skipped == 0)
    }

    @Test("before the first reading there is nothing")
    func nothing() throws {
        #expect(try standing(at: 0.5, upTo: 0.5) == nil)
        #expect(try standing(at: -100, upTo: -100) == nil)
    }

    @Test("says how much of `for` has run, and when it fires")
    func deadline() throws {
        let level = try #require(try standing(at: 30, upTo: 30))
        #expect(level.since == instant(10) && level.elapsed == .seconds(20) && level.holdFor == .seconds(60))
        #expect(level.deadline == instant(70) && level.firedAt == nil)
        let fired = try #require(try standing(at: 80, upTo: 80))
        #expect(fired.firedAt == instant(70) && fired.isShown && fired.hasFired)
    }

    @Test("a replay to the end of the log would be found")
    func planted() throws {
        let level = try standing(at: 30, upTo: nil)
        #expect(level?.value == -12 && level?.since == instant(100))
    }

    @Test("the observer is told where each event lies")
    func observer() throws {
        let harness = try harness()
        var offsets: [Int64] = []
        let replay = try LogReplay(.empty, over: harness.log, upTo: instant(95), seed: 5) { _, _, position in
            offsets.append(position.offset)
        }
        try replay.run { _ in }
        #expect(offsets == [0, 1, 2, 3])
    }
}

@Suite("Pictures of firings")
struct FiringPictureTests {
    private func firings(_ script: [ScriptStep]) throws -> (AlertingHarness, [Firing]) {
        let harness = try AlertingHarness()
        for step in script { try harness.append(step) }
        let rules = try RuleSet([freezerRule(holdFor: .zero)])
        return (harness, try RuleReplay.run(rules, over: harness.log, from: nil, seed: 1).firings)
    }

    @Test("show the series from a bit before the breach to a bit after the end")
    func picture() throws {
        // Each 10 s: low before, up to the peak and down again; the breach is from 100 to 180.
        let values = [
            -30, -30, -30, -30, -30, -30, -30, -30, -18, -18, -14, -12, -10, -8, -8, -10, -12, -14, -18, -18, -30,
        ]
        let readings = values.enumerated().map { ScriptStep.reading(Double($0.offset) * 10, Double($0.element)) }
        let (harness, found) = try firings([.start(0)] + readings)
        #expect(found.count == 1)
        let pictures = try FiringPictures.over(harness.log, from: nil, found)
        let picture = try #require(pictures.first)
        #expect(picture.count == 16 && !picture.contains(" "))
        #expect(picture.first == "▁" && picture.last == "▁" && picture.contains("█"))
        let rise = picture.prefix(8).map(\.unicodeScalars.first!.value)
        #expect(rise == rise.sorted())
    }

    @Test("a firing that goes on is drawn to its newest reading, and one value is a line")
    func flat() throws {
        let (harness, found) = try firings([.start(0), .reading(0, -10), .reading(60, -10), .reading(120, -10)])
        #expect(found.first?.resolvedAt == nil && found.first?.lastSeen == instant(120))
        let picture = try #require(try FiringPictures.over(harness.log, from: nil, found).first)
        #expect(picture.hasPrefix("  ") && Set(picture) == [" ", "▅"])
    }

    @Test("no firing, no picture, and no second pass")
    func none() throws {
        let (harness, found) = try firings([.start(0), .reading(0, -30)])
        #expect(try FiringPictures.over(harness.log, from: nil, found) == [])
    }
}

@Suite("Differences of firings")
struct FiringDifferenceTests {
    private func rule(_ condition: RuleCondition, severity: String = "warning", alert: String = "A") -> RuleDefinition {
        RuleDefinition(
            alert: alert,
            match: RuleMatch(metrics: ["temperature"]),
            levels: [RuleLevel(condition, severity: severity)]
        )
    }

    private func above(_ limit: Double) -> RuleDefinition { rule(.above(limit: limit, clear: nil)) }

    /// What two rules find in the same readings (second, value), in short: the instants of the old firing and of the new one.
    private func lines(_ readings: [(Double, Double)], _ old: RuleDefinition, _ new: RuleDefinition) throws -> [String]
    {
        let harness = try AlertingHarness()
        try harness.append(.start(0))
        for (time, value) in readings { try harness.append(.reading(time, value)) }
        func text(_ firing: Firing?) -> String {
            guard let firing else { return "-" }
            func seconds(_ time: Timestamp) -> String { String((time.milliseconds - epoch) / 1000) }
            return seconds(firing.firedAt) + ".." + (firing.resolvedAt.map(seconds) ?? "")
        }
        func found(_ rule: RuleDefinition) throws -> [Firing] {
            try RuleReplay.run(try RuleSet([rule]), over: harness.log, from: nil, seed: 1).firings
        }
        return FiringDifference.all(old: try found(old), new: try found(new))
            .map { "\($0.change) \($0.alert) \(text($0.old)) \(text($0.new))" }
    }

    @Test("what fires at the same instants is kept, at others changed; the rest is gained or lost")
    func changes() throws {
        let readings: [(Double, Double)] = [
            (0, 10), (10, -10), (20, 3), (25, 10), (30, -10), (40, 3), (50, -10), (70, 10),
        ]
        #expect(
            try lines(readings, above(0), above(5)) == [
                "kept A 0..10 0..10", "changed A 20..30 25..30", "lost A 40..50 -", "kept A 70.. 70..",
            ]
        )
        #expect(
            try lines(readings, above(5), above(0)) == [
                "kept A 0..10 0..10", "changed A 25..30 20..30", "gained A - 40..50", "kept A 70.. 70..",
            ]
        )
    }

    @Test("alerts of other names have nothing to do with one another")
    func names() throws {
        let other = rule(.above(limit: 0, clear: nil), alert: "B")
        #expect(try lines([(0, 10), (10, -10)], above(0), other) == ["lost A 0..10 -", "gained B - 0..10"])
    }

    @Test("one that falls apart is changed once, and what is left of it is gained; ends that touch do not overlap")
    func apart() throws {
        let readings: [(Double, Double)] = [(0, 10), (40, 3), (60, 10), (100, -10)]
        #expect(try lines(readings, above(0), above(5)) == ["changed A 0..100 0..40", "gained A - 60..100"])
        #expect(try lines(readings, above(5), above(0)) == ["changed A 0..40 0..100", "lost A 60..100 -"])
        let below = rule(.below(limit: 0, clear: nil))
        #expect(
            try lines([(0, 10), (10, -10), (20, 10)], above(0), below)
                == ["lost A 0..10 -", "gained A - 10..20", "lost A 20.. -"]
        )
    }

    @Test("another severity is a change")
    func severity() throws {
        let critical = rule(.above(limit: 0, clear: nil), severity: "critical")
        #expect(try lines([(0, 10), (10, -10)], above(0), critical) == ["changed A 0..10 0..10"])
    }
}
