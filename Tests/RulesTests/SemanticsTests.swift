// The sentences of DESIGN section 8, each as a test.
import EventModel
import Platform
import Rules
import Testing

@Suite("Rule semantics")
struct SemanticsTests {
    @Test("without `for`, fires at the first reading strictly beyond the limit")
    func firesAtOnce() throws {
        var bench = try RuleBench([freezerRule(holdFor: .zero)])
        bench.reading(0, -15)
        #expect(bench.transitions.isEmpty, "the limit itself is not beyond it")
        bench.reading(30, -14.9)
        let edge = try #require(bench.transitions.first)
        #expect(bench.transitions.count == 1)
        #expect(edge.state == .firing && edge.at.milliseconds == instant(30) && edge.firedAt == edge.at)
        #expect(edge.value == -14.9 && edge.unit == "°C" && edge.breachedAt == edge.at)
        #expect(edge.labels == [AlertLabel(name: "line", value: "a")])
        #expect(edge.cause == RecordPosition(source: .readings, partition: 0, offset: 1))
    }

    @Test("a value that is beyond its limit from the first record on fires after `for`: level, not edge")
    func levelNotEdge() throws {
        var bench = try RuleBench([freezerRule()])
        for minute in 0...10 { bench.reading(Double(minute) * 60, -10) }
        #expect(bench.edges.map(\.at) == [instant(600)])
        #expect(bench.transitions[0].breachedAt.milliseconds == instant(0))
    }

    @Test("fires at the first reading that is still beyond with t - since at least `for`, at that reading's time")
    func firesByReading() throws {
        var bench = try RuleBench([freezerRule()])
        bench.reading(0, -10)
        bench.reading(599.999, -10)
        #expect(bench.transitions.isEmpty)
        bench.reading(640, -9)
        #expect(bench.edges.map(\.at) == [instant(640)])
        #expect(bench.transitions[0].peak == -9 && bench.transitions[0].samples == 3)
    }

    @Test("pending ends at the first reading not beyond the limit, whatever `clear_below` says")
    func pendingEndsAtTheLimit() throws {
        var bench = try RuleBench([freezerRule()])
        bench.reading(0, -10)
        bench.reading(300, -15)
        bench.reading(330, -10)
        bench.reading(600, -10)
        #expect(bench.transitions.isEmpty, "the second breach began at 330")
        bench.reading(930, -10)
        #expect(bench.edges.map(\.at) == [instant(930)])
    }

    @Test("a firing alert clears strictly beyond `clear_below`")
    func clearsStrictly() throws {
        var bench = try RuleBench([freezerRule(holdFor: .zero)])
        bench.reading(0, -10)
        bench.reading(30, -16)
        bench.reading(60, -17)
        #expect(bench.transitions.count == 1)
        bench.reading(90, -17.1)
        #expect(bench.transitions.count == 2)
        #expect(bench.transitions[1].state == .resolved && bench.transitions[1].at.milliseconds == instant(90))
        #expect(bench.transitions[1].peak == -10 && bench.transitions[1].samples == 4)
    }

    @Test("without `clear_*` a firing alert clears at the first reading not beyond the limit")
    func clearsAtTheLimit() throws {
        var bench = try RuleBench([freezerRule(clear: nil, holdFor: .zero)])
        bench.reading(0, -10)
        bench.reading(30, -15)
        #expect(bench.edges.map(\.state) == ["firing", "resolved"])
    }

    @Test("`below` is the mirror of `above`, with the lowest value as peak")
    func below() throws {
        let rule = RuleDefinition(
            alert: "TooCold",
            match: RuleMatch(metrics: ["temperature"]),
            levels: [RuleLevel(.below(limit: -30, clear: -28))]
        )
        var bench = try RuleBench([rule])
        for (index, value) in [-30, -31, -35, -29, -28, -27.9].enumerated() { bench.reading(Double(index) * 30, value) }
        #expect(bench.edges.map(\.state) == ["firing", "resolved"])
        #expect(bench.edges.map(\.at) == [instant(30), instant(150)])
        #expect(bench.transitions[1].peak == -35)
    }

    @Test("a value holds until the next one: a freezer that reports -11 and then dies fires at a tick and says stale")
    func heldValueFires() throws {
        var bench = try RuleBench([freezerRule()])
        bench.start(0)
        bench.reading(1, -18)
        bench.reading(31, -18)
        for time in [40.0, 50, 60] { bench.tick(time) }
        bench.reading(61, -11)
        for time in stride(from: 70.0, through: 660, by: 10) { bench.tick(time) }
        #expect(bench.transitions.isEmpty)
        bench.tick(670)
        let edge = try #require(bench.transitions.first)
        #expect(edge.at.milliseconds == instant(661), "a timer edge's time is its deadline")
        #expect(edge.cause.source == .system && edge.isStale)
        #expect(edge.lastSeen.milliseconds == instant(61))
        for time in stride(from: 680.0, through: 7200, by: 10) { bench.tick(time) }
        #expect(bench.transitions.count == 1, "silence clears nothing")
    }

    @Test("a timer that runs out between two timely readings is not stale")
    func freshTimer() throws {
        var bench = try RuleBench([freezerRule(holdFor: .seconds(100))])
        bench.start(0)
        for time in stride(from: 1.0, through: 91, by: 30) { bench.reading(time, -11) }
        bench.tick(100)
        bench.tick(102)
        let edge = try #require(bench.transitions.first)
        #expect(edge.at.milliseconds == instant(101) && edge.cause.source == .system)
        #expect(!edge.isStale)
    }

    @Test("downtime is not silence: only the time between ticks of one run lets `for` run out")
    func downtimeIsNotSilence() throws {
        var bench = try RuleBench([freezerRule()])
        bench.start(0)
        bench.reading(0, -11)
        bench.tick(10)
        bench.start(36_000, run: "run-22")
        bench.tick(36_010, run: "run-22")
        #expect(bench.transitions.isEmpty)
        for time in stride(from: 36_020.0, to: 36_590, by: 10) { bench.tick(time, run: "run-22") }
        #expect(bench.transitions.isEmpty)
        bench.tick(36_590, run: "run-22")
        #expect(bench.edges.map(\.at) == [instant(600)])
    }

    @Test("a tick of a run whose start was lost begins that run and lets no time pass")
    func lostStart() throws {
        var bench = try RuleBench([freezerRule(holdFor: .seconds(15))])
        bench.start(0)
        bench.reading(0, -11)
        bench.tick(10)
        bench.tick(90_000, run: "run-22")
        #expect(bench.transitions.isEmpty)
        bench.tick(90_005, run: "run-22")
        #expect(bench.transitions.count == 1)
    }

    @Test("a wall clock that steps moves no timer: log time is monotonic, and a reading lies at most two ticks ahead")
    func clockStep() throws {
        var bench = try RuleBench([freezerRule(holdFor: .seconds(60))])
        bench.start(0)
        bench.reading(0, -11, received: 1_000_000)
        bench.tick(10)
        bench.feed(.tick(RunTick(run: "run-1", wall: epoch + 9_000_000_000, monotonic: mark(20).monotonic)))
        #expect(bench.transitions.isEmpty)
        for time in stride(from: 30.0, through: 70, by: 10) { bench.tick(time) }
        #expect(bench.transitions.isEmpty, "the reading counts as received 20 s after the start")
        bench.tick(80)
        #expect(bench.transitions.count == 1)
    }

    @Test("a box that gets its clock right, years forward, fires no alert before its `for` has passed")
    func clockStepsForward() throws {
        var bench = try RuleBench([freezerRule(holdFor: .seconds(60))])
        bench.start(0)
        bench.reading(receivedAt: 1, -11)
        bench.tick(10)
        let years = 100_000_000.0
        bench.reading(receivedAt: years, -11)
        bench.feed(.tick(RunTick(run: "run-1", wall: mark(years).wall, monotonic: mark(20).monotonic)))
        bench.reading(receivedAt: years + 1, -11)
        #expect(bench.transitions.isEmpty)
        bench.feed(.tick(RunTick(run: "run-1", wall: mark(years + 40).wall, monotonic: mark(60).monotonic)))
        bench.reading(receivedAt: years + 41, -11)
        #expect(bench.transitions.count == 1)
    }

    @Test("a box whose clock steps back goes on watching")
    func clockStepsBack() throws {
        var bench = try RuleBench([freezerRule(clear: nil, holdFor: .zero)])
        bench.start(100_000)
        bench.reading(receivedAt: 100_001, -10)
        bench.feed(.tick(RunTick(run: "run-1", wall: mark(0).wall, monotonic: mark(100_010).monotonic)))
        bench.reading(receivedAt: 1, -16)
        #expect(bench.edges.map(\.state) == ["firing", "resolved"])
        #expect(bench.engine.counters.late == 0)
    }

    @Test("event time is monotone per instance: an out-of-order reading is evaluated now, at the newest time")
    func monotoneTime() throws {
        var bench = try RuleBench([freezerRule(clear: nil, holdFor: .zero)])
        bench.reading(100, -10)
        bench.reading(80, -16)
        #expect(bench.edges.map(\.at) == [instant(100), instant(100)])
    }

    @Test("a reading later than 30 s is counted and changes nothing", arguments: [(69.999, 1), (70.0, 2)])
    func lateReading(time: Double, edges: Int) throws {
        var bench = try RuleBench([freezerRule(clear: nil, holdFor: .zero)])
        bench.reading(100, -10)
        bench.reading(time, -16)
        #expect(bench.transitions.count == edges)
        #expect(bench.engine.counters.late == (edges == 1 ? 1 : 0))
    }

    @Test("no edge lies before a deadline that has fired")
    func edgesStayInOrder() throws {
        var bench = try RuleBench([freezerRule(clear: nil, holdFor: .seconds(20))])
        bench.start(0)
        bench.reading(0, -10)
        bench.tick(10)
        bench.tick(25)
        bench.reading(15, -16, received: 26)
        #expect(bench.edges.map(\.at) == [instant(20), instant(20)])
        #expect(bench.edges.map(\.state) == ["firing", "resolved"])
    }

    @Test("retained events are skipped entirely; suspect readings count; bad values are no readings")
    func quality() throws {
        var bench = try RuleBench([freezerRule(holdFor: .zero)])
        bench.reading(0, -10, extra: #","retained":true"#)
        #expect(bench.engine.instanceCount == 0)
        bench.feed(
            .event(
                #"{"device":"freezer-7","time":"\#(timeText(1))","received":"\#(timeText(1))","clock":"device","#
                    + #""bad":{"temperature":{"value":"85","reason":"sentinel"}},"quality":"bad"}"#
            )
        )
        #expect(bench.engine.instanceCount == 0)
        bench.reading(2, -10, extra: #","suspect":{"temperature":"above_max"}"#)
        #expect(bench.edges.map(\.state) == ["firing"])
    }

    @Test("labels are those of the event at firing, and stay so until it is resolved")
    func frozenLabels() throws {
        var bench = try RuleBench([freezerRule(clear: nil, holdFor: .seconds(60))])
        bench.reading(0, -10, labels: #""line":"a""#)
        bench.reading(60, -10, labels: #""line":"b","room":"caf\u00e9 \"x\"""#)
        bench.reading(90, -20, labels: #""line":"c""#)
        let expected = [AlertLabel(name: "line", value: "b"), AlertLabel(name: "room", value: "café \"x\"")]
        #expect(bench.transitions.map(\.labels) == [expected, expected])
    }

    @Test("edges of one tick come in the order of their deadlines")
    func orderOfDeadlines() throws {
        var bench = try RuleBench([freezerRule(holdFor: .seconds(5))])
        bench.start(0)
        for (index, device) in ["freezer-c", "freezer-a", "freezer-b"].enumerated() {
            bench.reading(Double(3 - index), -10, device: device)
        }
        bench.tick(10)
        #expect(bench.edges.map(\.device) == ["freezer-b", "freezer-a", "freezer-c"])
    }

    @Test("identity is rule, device and metric: two rules on one reading, one rule on two devices")
    func identity() throws {
        var bench = try RuleBench([
            freezerRule("Warm", holdFor: .zero), freezerRule("Hot", above: 0, clear: nil, holdFor: .zero),
        ])
        bench.reading(0, -10, device: "freezer-1")
        bench.reading(0, 5, device: "freezer-2")
        #expect(
            bench.edges.map { "\($0.alert) \($0.device)" } == ["Warm freezer-1", "Warm freezer-2", "Hot freezer-2"]
        )
        #expect(bench.engine.instanceCount == 4)
    }

    @Test("instances are bounded; what finds no room is counted")
    func instanceLimit() throws {
        var bench = try RuleBench([freezerRule(holdFor: .zero)], instancesMax: 2)
        for index in 0..<5 { bench.reading(0, -10, device: "freezer-\(index)") }
        #expect(bench.transitions.count == 2)
        #expect(bench.engine.counters.overflowing == 3)
        bench.reading(30, -20, device: "freezer-1")
        #expect(bench.transitions.count == 3)
    }
}
