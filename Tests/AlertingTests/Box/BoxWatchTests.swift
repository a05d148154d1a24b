// The box's alerts about itself: when each fires and ends, and that neither happens twice.
import Alerting
import Platform
import Rules
import Testing

@Suite("Box watch")
struct BoxWatchTests {
    /// Something that is the matter with a box, with the time that it takes to fire and to end.
    struct Case: Sendable, CustomTestStringConvertible {
        var alert: BoxAlert
        var metric: String
        var severity = "warning"
        var words: String
        var holdFor: Duration
        var clearFor: Duration
        var harm: @Sendable (inout BoxObservation) -> Void
        var mend: @Sendable (inout BoxObservation) -> Void

        var testDescription: String { "\(alert.rawValue): \(words)" }
    }

    static let cases = [
        Case(
            alert: .inputStalled,
            metric: "input_stalled.lan",
            words: "input lan is not connected for 5 min: no route",
            holdFor: .seconds(300),
            clearFor: .seconds(60),
            harm: { now in
                now.inputs[0].isUp = false
                now.inputs[0].text = "no route"
            },
            mend: { $0.inputs[0].isUp = true }
        ),
        Case(
            alert: .diskSpaceLow,
            metric: "disk_free",
            severity: "critical",
            words: "1023 MiB are free, 1024 MiB shall be",
            holdFor: .seconds(300),
            clearFor: .seconds(300),
            harm: { $0.disk?.free = (1 << 30) - 1 },
            mend: { $0.disk?.free = 1 << 30 }
        ),
        Case(
            alert: .diskSpaceLow,
            metric: "disk_free",
            severity: "critical",
            words: "the disk is full: nothing new is acknowledged",
            holdFor: .seconds(60),
            clearFor: .seconds(300),
            harm: { $0.disk?.isFull = true },
            mend: { $0.disk?.isFull = false }
        ),
        Case(
            alert: .clockUnsynchronised,
            metric: "clock_unsynchronised",
            words: "the clock is not synchronised for 10 min",
            holdFor: .seconds(600),
            clearFor: .seconds(600),
            harm: { $0.clock = .unsynchronised },
            mend: { $0.clock = .synchronised }
        ),
    ]

    @Test(
        "fires when it has been so for long enough, and ends in the same way; once each",
        arguments: BoxWatchTests.cases
    )
    func holds(_ one: Case) throws {
        var box = BoxSketch()
        box.pass(.seconds(60))
        // The first observation that finds it begins the time.
        box.pass(one.holdFor, one.harm)
        #expect(box.story.isEmpty)
        box.pass(.seconds(5))
        try #require(box.story == ["\(one.alert.rawValue) firing"])
        let fired = box.edges[0]
        #expect(fired.metric == one.metric && fired.device == "edge-01" && fired.box == "edge-01")
        #expect(fired.severity == one.severity)
        #expect(fired.summary.hasPrefix("\(one.severity.uppercased()) edge-01: \(one.words)"), "\(fired.summary)")
        #expect(fired.fingerprint == AlertFingerprint.of(alert: fired.alert, device: "edge-01", metric: fired.metric))
        #expect(fired.isBuiltIn && fired.isOfBox && fired.goes(to: "pager"))
        #expect(fired.firedAt == box.now.wall && fired.firedAt.since(fired.breachedAt) == one.holdFor)
        box.pass(.seconds(7200))
        // Better for a moment is not over.
        box.pass(one.clearFor, one.mend)
        box.pass(.seconds(5), one.harm)
        box.pass(one.clearFor, one.mend)
        #expect(box.edges.count == 1)
        box.pass(.seconds(5))
        try #require(box.story == ["\(one.alert.rawValue) firing", "\(one.alert.rawValue) resolved"])
        let over = box.edges[1]
        #expect(over.fingerprint == fired.fingerprint && over.resolvedAt == box.now.wall)
        #expect(over.firedAt == fired.firedAt && over.summary.hasPrefix("RESOLVED edge-01: "))
        box.pass(.seconds(7200))
        #expect(box.edges.count == 2)
    }

    @Test("what comes and goes within its time never fires", arguments: BoxWatchTests.cases)
    func flaps(_ one: Case) {
        var box = BoxSketch()
        for _ in 0..<50 {
            box.pass(one.holdFor, one.harm)
            box.pass(.seconds(5), one.mend)
        }
        #expect(box.story.isEmpty)
    }

    @Test("the planted bug: without a holding time each of these fires at once", arguments: BoxWatchTests.cases)
    func withoutHolding(_ one: Case) {
        var holding = BoxHolding()
        holding.notConnected = .zero
        holding.lowSpace = .zero
        holding.fullDisk = .zero
        holding.unsynchronised = .zero
        var box = BoxSketch()
        box.watch = BoxWatch(holding: holding)
        box.pass(.seconds(5), one.harm)
        #expect(box.story == ["\(one.alert.rawValue) firing"])
    }

    @Test("a restart continues what is so, and ends what is over", arguments: BoxWatchTests.cases)
    func restart(_ one: Case) throws {
        var first = BoxSketch()
        first.pass(one.holdFor + .seconds(10), one.harm)
        let firing = first.edges
        try #require(firing.count == 1)
        var still = BoxSketch(continuing: firing)
        still.pass(.seconds(7200), one.harm)
        #expect(still.story.isEmpty)
        var over = BoxSketch(continuing: firing)
        over.pass(one.clearFor + .seconds(5))
        #expect(over.story == ["\(one.alert.rawValue) resolved"])
        #expect(over.edges.first?.fingerprint == firing[0].fingerprint)
    }

    @Test("what an alert was about and is not there any more ends it")
    func removed() throws {
        var box = BoxSketch()
        box.pass(.seconds(400)) { $0.inputs[0].isUp = false }
        box.pass(.seconds(5)) { $0.inputs = [] }
        #expect(box.story == ["InputStalled firing", "InputStalled resolved"])
        var later = BoxSketch(continuing: [box.edges[0]], input: "other")
        later.pass(.seconds(5))
        #expect(later.story == ["InputStalled resolved"])
    }

    @Test("what is not the box's own is left alone at a restart")
    func others() {
        let lost = AlertRecord(readOnly: "the disk has failed", at: instant(0), box: "edge-01")
        var box = BoxSketch(continuing: [lost, .sample()])
        box.pass(.seconds(60))
        #expect(box.story.isEmpty)
    }

    // MARK: Silence

    @Test("an input that pauses as it is used to is not silent; one that pauses far longer is, until a payload comes")
    func silence() throws {
        var box = BoxSketch()
        box.receive(every: .seconds(300), for: .seconds(3600))
        box.pass(.seconds(895))
        #expect(box.story.isEmpty)
        box.pass(.seconds(5))
        try #require(box.story == ["InputStalled firing"])
        let fired = box.edges[0]
        #expect(fired.watch == .absent && fired.value == 900 && fired.threshold == 900 && fired.unit == "s")
        #expect(fired.firedAt.since(fired.breachedAt) == .seconds(900))
        let words = "input lan: no payload for 15 min, where pauses were of 5 min at most"
        #expect(fired.summary == "WARNING edge-01: \(words)")
        // That the broker goes too is no further alert, and that it is back is no payload.
        box.pass(.seconds(600)) { $0.inputs[0].isUp = false }
        box.pass(.seconds(600)) { $0.inputs[0].isUp = true }
        #expect(box.edges.count == 1)
        box.pass(.seconds(5)) { $0.inputs[0].received += 1 }
        #expect(box.story == ["InputStalled firing", "InputStalled resolved"])
    }

    @Test("no silence is shorter than ten minutes, and none is called so before there were pauses to compare it with")
    func shortSilence() {
        var busy = BoxSketch()
        busy.receive(every: .seconds(5), for: .seconds(600))
        busy.pass(.seconds(595))
        #expect(busy.story.isEmpty)
        busy.pass(.seconds(5))
        #expect(busy.story == ["InputStalled firing"])
        var fresh = BoxSketch()
        fresh.receive(every: .seconds(300), for: .seconds(900))
        fresh.pass(.seconds(86_400 * 3))
        #expect(fresh.story.isEmpty)
    }

    @Test("silence counts from the connection: what was away could not be heard")
    func silenceAfterConnection() {
        var box = BoxSketch()
        box.receive(every: .seconds(60), for: .seconds(3600))
        box.pass(.seconds(290)) { $0.inputs[0].isUp = false }
        box.pass(.seconds(600)) { $0.inputs[0].isUp = true }
        #expect(box.story.isEmpty)
        box.pass(.seconds(5))
        #expect(box.story == ["InputStalled firing"])
    }

    @Test("an input that sleeps every night is told of once")
    func nights() {
        var box = BoxSketch()
        for _ in 0..<5 {
            box.receive(every: .seconds(60), for: .seconds(16 * 3600))
            box.pass(.seconds(8 * 3600))
        }
        box.pass(.seconds(5)) { $0.inputs[0].received += 1 }
        #expect(box.story == ["InputStalled firing", "InputStalled resolved"])
    }

    @Test("an input that was silent before a restart is so until a payload comes")
    func silentOverRestart() throws {
        var first = BoxSketch()
        first.receive(every: .seconds(60), for: .seconds(3600))
        first.pass(.seconds(700))
        try #require(first.story == ["InputStalled firing"])
        var second = BoxSketch(continuing: first.edges)
        second.pass(.seconds(3600))
        #expect(second.story.isEmpty)
        second.pass(.seconds(5)) { $0.inputs[0].received += 1 }
        #expect(second.story == ["InputStalled resolved"])
    }

    // MARK: Drops

    @Test("a drop of the kernel fires at once, and ten minutes without one end it")
    func drops() throws {
        var box = BoxSketch()
        box.pass(.seconds(5)) { $0.inputs[0].kernelDrops = 40 }
        try #require(box.story == ["KernelDrops firing"])
        #expect(box.edges[0].value == 40 && box.edges[0].summary.contains("the kernel dropped 40 datagrams"))
        for _ in 0..<5 { box.pass(.seconds(590)) { $0.inputs[0].kernelDrops += 1 } }
        let dropped = box.now.inputs[0].kernelDrops
        box.pass(.seconds(600))
        #expect(box.edges.count == 1)
        box.pass(.seconds(5))
        try #require(box.story == ["KernelDrops firing", "KernelDrops resolved"])
        #expect(box.edges[1].value == Double(dropped))
        box.pass(.seconds(5)) { $0.inputs[0].kernelDrops += 3 }
        #expect(box.edges.last?.value == 3, "those that were told are not told again")
    }

    // MARK: Hooks

    @Test("a hook that fails for ten minutes is told to the others, and over with its next success")
    func hooks() throws {
        var box = BoxSketch()
        box.setHook(failingFor: nil, name: "mail")
        box.setHook(failingFor: .seconds(590))
        box.pass(.seconds(5))
        #expect(box.story.isEmpty)
        box.pass(.seconds(5))
        try #require(box.story == ["HookFailing firing"])
        #expect(box.edges[0].notify == ["mail"])
        #expect(box.edges[0].summary == "WARNING edge-01: hook pager has not delivered for 10 min: HTTP 500")
        // After a reload it has not tried yet.
        box.now.hooks[0] = BoxObservation.Hook(HookStatus(name: "pager", type: "webhook"))
        box.pass(.seconds(3600))
        #expect(box.edges.count == 1)
        box.setHook(failingFor: nil)
        box.pass(.seconds(5))
        #expect(box.story == ["HookFailing firing", "HookFailing resolved"])
        #expect(box.edges[1].notify == ["mail"])
    }

    // MARK: Clock

    @Test("a synchronised clock that is moved is told of, and ten steady minutes end it", arguments: [3600, -3600])
    func steps(seconds: Int) throws {
        var box = BoxSketch()
        box.pass(.seconds(60))
        box.now.wall = box.now.wall.advanced(by: .seconds(seconds))
        box.pass(.seconds(5))
        try #require(box.story == ["ClockUnsynchronised firing"])
        #expect(box.edges[0].summary.hasSuffix("the clock was moved \(seconds < 0 ? "back" : "forward") by 1 h"))
        #expect(box.edges[0].value == Double(seconds))
        box.pass(.seconds(600))
        #expect(box.edges.count == 1)
        box.pass(.seconds(5))
        #expect(box.story == ["ClockUnsynchronised firing", "ClockUnsynchronised resolved"])
    }

    @Test("a clock that gets its time, is slewed, or that the configuration trusts is none that steps")
    func noSteps() {
        var box = BoxSketch()
        box.pass(.seconds(60)) { $0.clock = .unsynchronised }
        box.now.wall = box.now.wall.advanced(by: .seconds(86_400 * 20_000))
        box.pass(.seconds(5)) { $0.clock = .synchronised }
        for _ in 0..<100 {
            box.now.wall = box.now.wall.advanced(by: .seconds(59))
            box.pass(.seconds(5))
        }
        box.now.watchesSteps = false
        box.now.wall = box.now.wall.advanced(by: .seconds(-86_400 * 400))
        box.pass(.seconds(5))
        #expect(box.story.isEmpty)
    }

    @Test("wild numbers are no trap")
    func extremes() {
        var box = BoxSketch()
        for wall in [Int64.min, .max, 0, .max, .min] {
            box.now.wall = Timestamp(milliseconds: wall)
            box.now.monotonic = MonotonicInstant(nanoseconds: wall)
            box.now.inputs[0].received = UInt64(bitPattern: wall)
            box.now.inputs[0].kernelDrops = UInt64(bitPattern: wall)
            box.now.disk = BoxObservation.Disk(free: wall, keepFree: .max, isFull: false)
            _ = box.watch.observe(box.now)
        }
    }
}
