// Windows, units, states, gates and groups: what the manual says of them, each as a test.
import EventModel
import Platform
import Rules
import Testing

private func rule(
    _ condition: RuleCondition,
    _ signal: RuleSignal = .reading,
    holdFor: Duration = .zero,
    clearFor: Duration = .zero
) -> RuleDefinition {
    var rule = RuleDefinition(
        alert: "Signal",
        match: RuleMatch(metrics: ["temperature"]),
        levels: [RuleLevel(condition, holdFor: holdFor, clearFor: clearFor)]
    )
    rule.signal = signal
    return rule
}

/// `firing 30`: states and their times in seconds.
private func words(_ bench: borrowing RuleBench) -> [String] {
    bench.transitions.map { "\($0.state.rawValue) \(Double($0.at.milliseconds - epoch) / 1000)" }
}

@Suite("Windows")
struct WindowTests {
    /// Ten readings, a second apart; what each aggregate of the last 4 s is at the last of them: 7, 8, 9, 20.
    @Test(
        "each aggregate is that of the readings of the last `over`, the oldest instant not among them",
        arguments: [
            (.avg, 11), (.min, 7), (.max, 20), (.sum, 44), (.count, 4), (.p50, 8), (.p95, 20), (.p99, 20),
            (.delta, 13), (.rate, 13.0 / 3 * 60), (.stddev, 5.244044240850758),
        ] as [(RuleAggregate, Double)]
    )
    func aggregates(aggregate: RuleAggregate, wanted: Double) throws {
        let signal = RuleSignal(aggregate, over: .seconds(4), per: .seconds(60))
        var bench = try RuleBench([rule(.above(limit: -1000, clear: nil), signal)])
        for (index, value) in [100.0, 1, 2, 3, 4, 5, 7, 8, 9, 20].enumerated() { bench.reading(Double(index), value) }
        bench.engine.apply(.empty)
        bench.engine.takeTransitions(into: &bench.transitions)
        let value = try #require(bench.transitions.last?.value)
        #expect((value - wanted).magnitude < 1e-12, "\(value)")
    }

    @Test("a rate is known once the readings span half of `over`: the first two of a noisy sensor say nothing")
    func rateNeedsSpan() throws {
        let signal = RuleSignal(.rate, over: .seconds(900), per: .seconds(3600))
        var bench = try RuleBench([rule(.above(limit: 6, clear: nil), signal)])
        bench.reading(0, -20)
        bench.reading(1, -19)
        bench.reading(449, -19)
        #expect(words(bench) == [], "1 °C in 1 s is no 3600 °C/h")
        bench.reading(450, -19)
        #expect(words(bench) == ["firing 450.0"])
        #expect((bench.transitions[0].value - 8).magnitude < 1e-9 && bench.transitions[0].unit == "°C/h")
    }

    @Test("time alone empties a window: at the next tick a count falls, and the alert fires for it")
    func ticksEmptyIt() throws {
        let signal = RuleSignal(.count, over: .seconds(60))
        var bench = try RuleBench([rule(.below(limit: 2, clear: nil), signal, holdFor: .seconds(25))])
        bench.start(0)
        for time in stride(from: 0.0, through: 120, by: 10) {
            if time > 0 { bench.tick(time) }
            if [0, 20, 40].contains(time) { bench.reading(time, 1) }
            if time == 70 { #expect(words(bench) == [], "one reading was too few for less than `for`") }
        }
        #expect(words(bench) == ["firing 105.0"], "one is left at 80")
        let edge = bench.transitions[0]
        #expect(edge.cause.source == .system && edge.value == 0 && edge.unit == nil && edge.labels.count == 1)
    }

    @Test("nothing in a window is neither above nor below: an average that is gone clears nothing")
    func unknown() throws {
        let signal = RuleSignal(.avg, over: .seconds(30))
        var bench = try RuleBench([rule(.above(limit: 0, clear: nil), signal)])
        bench.start(0)
        bench.reading(0, 5)
        bench.tick(60)
        bench.tick(120)
        #expect(words(bench) == ["firing 0.0"])
        bench.reading(130, -5)
        #expect(words(bench) == ["firing 0.0", "resolved 130.0"])
    }

    @Test("readings up to 30 s late stand where they belong, later ones nowhere")
    func late() throws {
        let signal = RuleSignal(.delta, over: .seconds(100))
        var bench = try RuleBench([rule(.above(limit: 7, clear: nil), signal)])
        bench.reading(0, 0)
        bench.reading(60, 5)
        bench.reading(40, 9, received: 61)
        #expect(words(bench) == [], "9 at 40 is not the newest")
        bench.reading(20, 100, received: 62)
        bench.reading(61, 8)
        #expect(words(bench) == ["firing 61.0"])
        let counters = bench.engine.counters
        #expect(counters.late == 1)
    }

    @Test("a window without device times is one of log time, which no step of the box's clock moves")
    func logTimeAxis() throws {
        let signal = RuleSignal(.count, over: .seconds(60))
        var bench = try RuleBench([rule(.above(limit: 2, clear: nil), signal)])
        bench.start(0)
        bench.reading(receivedAt: 1, 1)
        bench.reading(receivedAt: 2, 1)
        bench.feed(.tick(RunTick(run: "run-1", wall: epoch - 86_400_000, monotonic: 5_000_000 + 3000)))
        bench.reading(receivedAt: -86_400 + 1, 1)
        #expect(bench.transitions.map(\.state) == [.firing], "a day back on the wall, and two seconds later")
    }

    @Test("a window holds its newest 4,096 readings, and the rest is counted")
    func crowded() throws {
        let signal = RuleSignal(.count, over: .seconds(86_400))
        var bench = try RuleBench([rule(.above(limit: 4096, clear: nil), signal)])
        for index in 0..<4100 { bench.reading(Double(index), 1) }
        let counters = bench.engine.counters
        #expect(counters.crowdedOut == 4 && bench.transitions.isEmpty)
    }

    @Test("levels share one window")
    func levels() throws {
        var rule = rule(.above(limit: 1, clear: nil), RuleSignal(.avg, over: .seconds(10)))
        rule.levels.append(RuleLevel(.above(limit: 3, clear: nil), severity: "critical"))
        var bench = try RuleBench([rule])
        for (index, value) in [0.0, 4, 8, 8, 0, 0].enumerated() { bench.reading(Double(index) * 4, value) }
        let severities = ["warning", "warning", "critical", "critical", "warning"]
        #expect(bench.transitions.map(\.level.severity) == severities)
        #expect(bench.transitions.map(\.value) == [2, 4, 4, 8.0 / 3, 8.0 / 3])
    }
}

@Suite("Units, states and gates")
struct SeriesTests {
    @Test("a reading in another unit is converted to the limit's; one of another kind is left out and counted")
    func units() throws {
        var definition = rule(.above(limit: -15, clear: nil))
        definition.unit = "°C"
        var bench = try RuleBench([definition])
        func reading(_ time: Double, _ value: Double, _ unit: String) -> String {
            eventJSON(time, value).replacing(#""temperature":"°C""#, with: #""temperature":"\#(unit)""#)
        }
        bench.feed(.event(reading(0, 4, "°F")))
        #expect(bench.transitions.isEmpty)
        bench.feed(.event(reading(1, 100, "%")))
        bench.feed(.event(reading(2, 14, "°F")))
        bench.feed(.event(reading(3, 260, "K")))
        let counters = bench.engine.counters
        #expect(counters.foreign == 1 && counters.evaluations == 3)
        #expect(bench.transitions.map(\.value) == [-10] && bench.transitions[0].unit == "°C")
        bench.feed(.event(reading(4, 250, "K")))
        #expect(bench.transitions.map(\.value) == [-10, -23.15])
    }

    @Test("a number that no number of the limit's unit can say is left out, and the state can be saved and read")
    func infinite() throws {
        var definition = rule(.above(limit: 500, clear: nil), RuleSignal(.max, over: .seconds(3600)))
        definition.unit = "W"
        var bench = try RuleBench([definition])
        for (time, value) in [(0, 1e306), (1, 0.6)] {
            let event = eventJSON(Double(time), value).replacing(#""temperature":"°C""#, with: #""temperature":"kW""#)
            bench.feed(.event(event))
        }
        let counters = bench.engine.counters
        #expect(counters.foreign == 1)
        #expect(bench.transitions.map(\.value) == [600])
        let snapshot = bench.engine.encodeSnapshot()
        let again = try restored(snapshot, try RuleSet([definition])).encodeSnapshot()
        #expect(again == snapshot)
    }

    @Test("a percentile of zeros with either sign is the same after a restart")
    func zeros() throws {
        let definition = rule(.above(limit: -1, clear: nil), RuleSignal(.p50, over: .seconds(3)))
        var bench = try RuleBench([definition])
        for (time, value) in [(0, 0.0), (1, -0.0), (2, 0.0), (3, -0.0), (4, -0.0)] {
            bench.reading(Double(time), value)
        }
        let snapshot = bench.engine.encodeSnapshot()
        var other = RuleBench(engine: try restored(snapshot, try RuleSet([definition])), offset: 5)
        for time in [5.0, 6] {
            bench.reading(time, 0)
            other.reading(time, 0)
        }
        let (live, later) = (bench.engine.encodeSnapshot(), other.engine.encodeSnapshot())
        #expect(live == later)
    }

    private func state(_ time: Double, _ door: String, device: String = "freezer-7") -> ScriptStep {
        .event(
            #"{"device":"\#(device)","time":"\#(timeText(time))","received":"\#(timeText(time))","clock":"device","#
                + #""states":{"door":"\#(door)"},"quality":"good"}"#
        )
    }

    @Test("a state fires while it is the one that is named, whatever the others are, with escapes and all")
    func states() throws {
        var definition = rule(.isState("half \"open\""), holdFor: .seconds(10))
        definition.match = RuleMatch(metrics: ["door"])
        var bench = try RuleBench([definition])
        for (time, door) in [(0, "open"), (10, #"half \"open\""#), (20, #"half \"open\""#), (30, "open")] {
            bench.feed(state(Double(time), door))
        }
        #expect(words(bench) == ["firing 20.0", "resolved 30.0"])
        #expect(bench.transitions.map(\.value) == [1, 0] && bench.transitions[0].isMetricState)
        bench.reading(40, 1, metric: "door")
        #expect(bench.transitions.count == 2, "a number is no state")
    }

    @Test("silence and standing still concern states too")
    func watchedStates() throws {
        var definition = rule(.unchanged(.seconds(60)))
        definition.match = RuleMatch(metrics: ["door"])
        var bench = try RuleBench([definition])
        for (time, door) in [(0, "open"), (30, "open"), (70, "open"), (80, "closed")] {
            bench.feed(state(Double(time), door))
        }
        #expect(words(bench) == ["firing 70.0", "resolved 80.0"])
    }

    private func gated(_ gate: RuleGate) -> RuleDefinition {
        var definition = rule(.above(limit: 1, clear: nil))
        definition.onlyIf = gate
        return definition
    }

    @Test("`only_if` guards the beginning: what fires ends by its own value")
    func gate() throws {
        let gate = RuleGate(metric: "current", condition: .above(limit: 0.5, clear: nil), within: .seconds(10))
        var bench = try RuleBench([gated(gate)])
        bench.reading(0, 5)
        bench.reading(1, 0.4, metric: "current")
        bench.reading(2, 5)
        #expect(words(bench) == [], "unknown, and then not so")
        bench.reading(3, 0.6, metric: "current", labels: "")
        bench.reading(14, 5)
        #expect(words(bench) == [], "too old")
        bench.reading(15, 0.6, device: "freezer-8", metric: "current")
        bench.reading(16, 5)
        #expect(words(bench) == [], "another device's")
        bench.reading(17, 0.6, metric: "current")
        bench.reading(26, 5)
        bench.reading(27, 0, metric: "current")
        bench.reading(28, 5)
        #expect(words(bench) == ["firing 26.0"])
        bench.reading(29, 0)
        #expect(words(bench) == ["firing 26.0", "resolved 29.0"])
    }

    @Test("a gate in the same event counts, wherever in it it stands")
    func gateInOneEvent() throws {
        var bench = try RuleBench([gated(RuleGate(metric: "door", condition: .isState("closed")))])
        bench.reading(0, 5, extra: #","states":{"door":"open"}"#)
        bench.reading(1, 5, extra: #","states":{"door":"closed"}"#)
        #expect(words(bench) == ["firing 1.0"])
    }
}

@Suite("Groups of devices")
struct GroupTests {
    private func smoke(within: Duration?, by: [String] = [], atLeast: Int = 2) -> RuleDefinition {
        var definition = rule(.above(limit: 0.2, clear: 0.1))
        definition.group = RuleGroup(atLeast: atLeast, within: within, by: by)
        return definition
    }

    @Test("so many devices within so much time are one alert, which names them and ends when time takes one away")
    func within() throws {
        var bench = try RuleBench([smoke(within: .seconds(60))])
        bench.start(0)
        bench.reading(0, 0.3, device: "a")
        bench.reading(10, 0, device: "a")
        bench.reading(50, 0.3, device: "b")
        #expect(words(bench) == ["firing 50.0"])
        let edge = bench.transitions[0]
        #expect(edge.devices == ["a", "b"] && edge.value == 2 && edge.device == "*" && edge.unit == nil)
        bench.tick(55)
        #expect(bench.transitions.count == 1)
        bench.tick(65)
        #expect(bench.transitions.map(\.state) == [.firing, .resolved])
        #expect(bench.transitions[1].devices == ["b"] && bench.transitions[1].cause.source == .system)
    }

    @Test("without `within` the newest readings count, with the way back of `clear_below`; one device is never two")
    func newest() throws {
        var bench = try RuleBench([smoke(within: nil)])
        for time in [0.0, 1, 2] { bench.reading(time, 0.3, device: "a") }
        #expect(words(bench) == [])
        bench.reading(3, 0.3, device: "b")
        bench.reading(4, 0.15, device: "a")
        #expect(words(bench) == ["firing 3.0"], "0.15 is not cleared")
        bench.reading(5, 0.05, device: "a")
        #expect(words(bench) == ["firing 3.0", "resolved 5.0"])
    }

    @Test("`by` makes a group for each value of a label, and a device that moves counts where it is")
    func by() throws {
        var bench = try RuleBench([smoke(within: nil, by: ["room"])])
        bench.reading(0, 0.3, device: "a", labels: #""room":"1""#)
        bench.reading(1, 0.3, device: "b", labels: #""room":"2""#)
        #expect(words(bench) == [])
        bench.reading(2, 0.3, device: "c", labels: #""room":"1","x":"y""#)
        #expect(words(bench) == ["firing 2.0"])
        #expect(bench.transitions[0].device == "room=1")
        #expect(bench.transitions[0].labels == [AlertLabel(name: "room", value: "1")])
        bench.reading(3, 0.3, device: "c", labels: #""room":"2""#)
        #expect(
            bench.transitions.map { "\($0.state) \($0.device)" } == [
                "firing room=1", "resolved room=1", "firing room=2",
            ]
        )
    }

    @Test("a label whose text looks like two is one, and groups come to be with a breach only, so many at most")
    func namesAndNumber() throws {
        var bench = try RuleBench([smoke(within: nil, by: ["a", "b"], atLeast: 1)])
        bench.reading(0, 0.3, device: "x", labels: #""a":"1, b=2""#)
        bench.reading(1, 0.3, device: "y", labels: #""a":"1","b":"2""#)
        #expect(bench.transitions.map(\.device) == [#"a="1, b=2""#, "a=1, b=2"])
        let before = bench.engine.instanceCount
        for room in 0..<100 { bench.reading(2 + Double(room), 0, device: "x", labels: #""a":"\#(room)""#) }
        let after = bench.engine.instanceCount
        #expect(after == before, "it was beyond before, and is no longer")
        for room in 0..<RuleLimits.groupsMax + 50 {
            bench.reading(200 + Double(room), 0, device: "z", labels: #""a":"z\#(room)""#)
        }
        let quiet = bench.engine.instanceCount
        #expect(quiet == after, "nothing of z was ever beyond")
        for room in 0..<RuleLimits.groupsMax + 50 {
            bench.reading(20_000 + Double(room), 1, device: "z", labels: #""a":"z\#(room)""#)
        }
        let (most, overflowing) = (bench.engine.instanceCount, bench.engine.counters.overflowing)
        #expect(most == RuleLimits.groupsMax && overflowing > 0)
    }

    @Test("rules that cannot work are refused with the key that is wrong")
    func refused() {
        func keys(_ change: (inout RuleDefinition) -> Void) -> [String] {
            var definition = rule(.above(limit: 1, clear: nil))
            change(&definition)
            do {
                _ = try RuleSet([definition])
                return []
            } catch { return error.problems.map(\.key) }
        }
        #expect(keys { _ in } == [])
        #expect(keys { $0.signal = RuleSignal(.avg) } == ["value"])
        #expect(keys { $0.signal = RuleSignal(.avg, over: .milliseconds(10)) } == ["over"])
        #expect(keys { $0.signal = RuleSignal(.last, over: .seconds(10)) } == ["over"])
        #expect(
            keys {
                $0.signal = RuleSignal(.count, over: .seconds(10)); $0.unit = "°C"
            } == ["value"]
        )
        #expect(
            keys {
                $0.signal = RuleSignal(.avg, over: .seconds(9)); $0.levels[0].condition = .isState("x")
            } == ["value"]
        )
        #expect(keys { $0.group = RuleGroup(atLeast: 0) } == ["at_least"])
        #expect(
            keys {
                $0.group = RuleGroup(atLeast: 2); $0.signal = RuleSignal(.avg, over: .seconds(9))
            } == ["at_least"]
        )
        #expect(
            keys {
                $0.group = RuleGroup(atLeast: 2); $0.levels[0].condition = .absent(.intervals(3))
            } == ["at_least"]
        )
        #expect(keys { $0.onlyIf = RuleGate(metric: "", condition: .equals(1)) } == ["only_if"])
        #expect(keys { $0.onlyIf = RuleGate(metric: "a", condition: .unchanged(.seconds(9))) } == ["only_if"])
    }
}
