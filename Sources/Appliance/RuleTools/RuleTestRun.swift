// Runs one test of rules: the daemon's engine over readings and ticks as the daemon would have recorded them.
internal import EventModel
internal import Platform
internal import Rules

/// One test; used once.
struct RuleTestRun: ~Copyable {
    /// A daemon's ticks, from the first instant on.
    private static let tickInterval = Duration.milliseconds(RuleLimits.tickMilliseconds)

    private let test: RuleTest
    private let file: String
    private let readings: RuleTestReadings
    private var engine: RuleEngine
    private var event = StoredEvent()
    private var offset: Int64 = 0
    private var nextTick: Timestamp
    private var transitions: [AlertTransition] = []
    private var witness: RuleTestWitness

    /// `readings`: those of the test.
    init(_ test: RuleTest, of fixture: RuleFixture, _ readings: RuleTestReadings, seed: UInt64) {
        self.test = test
        file = fixture.path
        self.readings = readings
        engine = RuleEngine(rules: fixture.rules, seed: seed)
        nextTick = readings.start.advanced(by: RuleTestRun.tickInterval)
        witness = RuleTestWitness(keys: readings.keys)
    }

    /// At one instant come first the readings, then the tick, then the expectations.
    ///
    /// - Throws: 78 where the test covers too much time; 66 where a file of its can no longer be read.
    mutating func run() throws(CommandFailure) -> RuleTestResult {
        var due: [(at: Timestamp, expectation: RuleExpectation)] = []
        for expectation in test.expectations {
            let at = instant(of: expectation)
            try requireWithinSpan(at, expectation.place)
            due.append((at, expectation))
        }
        due.sort { ($0.at, $0.expectation.place) < ($1.at, $1.expectation.place) }
        engine.start(RunStart(run: "test", wall: readings.start.milliseconds, monotonic: 0))
        var judged = 0
        while true {
            if let next = readings.next, judged == due.count || next.received <= due[judged].at {
                try requireWithinSpan(next.received, next.place)
                while nextTick < next.received { tick() }
                try observe(next.received)
            } else if judged < due.count {
                while nextTick <= due[judged].at { tick() }
                judge(due[judged].expectation, at: due[judged].at)
                judged += 1
            } else {
                break
            }
        }
        let failures = witness.failures.sorted { ($0.line, $0.column) < ($1.line, $1.column) }
        return RuleTestResult(
            file: file,
            line: test.place.line,
            test: test.name,
            passed: failures.isEmpty,
            expectations: due.count,
            failures: failures,
            omissions: readings.omissions
        )
    }

    private func instant(of expectation: RuleExpectation) -> Timestamp {
        switch expectation.at {
        case .after(let duration): readings.start.advanced(by: duration)
        case .at(let time): time
        }
    }

    private func requireWithinSpan(_ time: Timestamp, _ place: ConfigurationPlace) throws(CommandFailure) {
        guard time.since(readings.start) > RuleToolLimits.spanMax else { return }
        throw CommandFailure(ExitStatus.configuration, "\(place): \(RuleTest.tooLong)")
    }

    private mutating func tick() {
        let elapsed = nextTick.since(readings.start).wholeMilliseconds
        engine.tick(
            RunTick(run: "test", wall: nextTick.milliseconds, monotonic: elapsed),
            at: RecordPosition(source: .system, partition: 0, offset: offset)
        )
        offset += 1
        takeEdges(toldAt: nextTick)
        nextTick = nextTick.advanced(by: RuleTestRun.tickInterval)
    }

    private mutating func observe(_ received: Timestamp) throws(CommandFailure) {
        try readings.take { value, reading, key in
            // What `SeriesEvent` wrote is an event.
            guard event.decode(value) else { return }
            engine.observe(event, value, at: RecordPosition(source: .readings, partition: 0, offset: offset))
            offset += 1
            witness.take(reading, key: key)
        }
        takeEdges(toldAt: received)
    }

    private mutating func takeEdges(toldAt time: Timestamp) {
        guard engine.hasTransitions else { return }
        engine.takeTransitions(into: &transitions)
        for edge in transitions { witness.take(edge, toldAt: time) }
        transitions.removeAll(keepingCapacity: true)
    }

    private mutating func judge(_ expectation: RuleExpectation, at time: Timestamp) {
        // Names were resolved when the file was read.
        guard let rule = engine.rules.rule(named: expectation.alert)?.definition else { return }
        let levels = engine.standing(ofAlert: expectation.alert, device: expectation.device, at: time)
        let standing = AlertStanding(levels.filter { $0.metric == expectation.metric }, rule)
        let value = standing.level?.value
        guard
            !standing.state.satisfies(expectation.state)
                || expectation.severity.map({ $0 != standing.severity }) ?? false
                || expectation.value.map({ $0 != value }) ?? false
        else { return }
        let isPending = standing.state == .pending
        let seconds = { (duration: Duration) in Double(duration.wholeMilliseconds) / 1000 }
        let failure = RuleTestResult.Failure(
            line: expectation.place.line,
            column: expectation.place.column,
            at: time.rfc3339,
            afterSeconds: seconds(time.since(readings.start)),
            alert: expectation.alert,
            device: expectation.device,
            metric: expectation.metric,
            expected: RuleTestResult.Standing(
                state: expectation.state.rawValue,
                severity: expectation.severity,
                value: expectation.value
            ),
            found: RuleTestResult.Standing(
                state: standing.state.rawValue,
                severity: standing.severity,
                value: value,
                since: standing.level?.since?.rfc3339,
                elapsedSeconds: isPending ? standing.level.map { seconds($0.elapsed) } : nil,
                forSeconds: isPending ? standing.level?.holdFor.map(seconds) : nil,
                firesAt: isPending ? standing.level?.deadline?.rfc3339 : nil
            )
        )
        witness.take(failure)
    }
}

/// Remembers a little of what went by, so that a failed expectation can show what lies around it: as much for each as
/// `RuleToolLimits` says, however long the test is.
private struct RuleTestWitness {
    private struct Alert: Hashable {
        var alert: String
        var device: String
        var metric: String
    }

    private let keys: [(device: String, metric: String)]
    private(set) var failures: [RuleTestResult.Failure] = []
    /// By key.
    private var readings: [[RuleTestResult.Reading]]
    private var edges: [Alert: [RuleTestResult.Edge]] = [:]
    /// Places of failures that have not seen all of what comes after them, with how much they have.
    private var awaitingReadings: [(failure: Int, seen: Int)] = []
    private var awaitingEdges: [(failure: Int, seen: Int)] = []

    init(keys: [(device: String, metric: String)]) {
        self.keys = keys
        readings = Array(repeating: [], count: keys.count)
    }

    mutating func take(_ reading: RuleTestResult.Reading, key: Int) {
        readings[key].append(reading)
        if readings[key].count > RuleToolLimits.readingsBefore { readings[key].removeFirst() }
        guard !awaitingReadings.isEmpty else { return }
        for index in awaitingReadings.indices where isOf(failures[awaitingReadings[index].failure], key) {
            failures[awaitingReadings[index].failure].readings.append(reading)
            awaitingReadings[index].seen += 1
        }
        awaitingReadings.removeAll { $0.seen == RuleToolLimits.readingsAfter }
    }

    mutating func take(_ edge: AlertTransition, toldAt time: Timestamp) {
        let alert = Alert(alert: edge.rule.definition.alert, device: edge.device, metric: edge.metric)
        let shown = RuleTestResult.Edge(
            state: edge.state.rawValue,
            severity: edge.level.severity,
            at: edge.at.rfc3339,
            toldAt: time.rfc3339,
            value: edge.value
        )
        edges[alert, default: []].append(shown)
        if edges[alert, default: []].count > RuleToolLimits.edgesBefore { edges[alert]?.removeFirst() }
        for index in awaitingEdges.indices {
            let place = awaitingEdges[index].failure
            let failure = failures[place]
            guard failure.alert == alert.alert, failure.device == alert.device, failure.metric == alert.metric else {
                continue
            }
            failures[place].edges.append(shown)
            awaitingEdges[index].seen += 1
        }
        awaitingEdges.removeAll { $0.seen == RuleToolLimits.edgesAfter }
    }

    mutating func take(_ failure: RuleTestResult.Failure) {
        var failure = failure
        for key in keys.indices where isOf(failure, key) { failure.readings = readings[key] }
        if let metric = failure.metric {
            failure.edges = edges[Alert(alert: failure.alert, device: failure.device, metric: metric)] ?? []
        }
        awaitingReadings.append((failures.count, 0))
        awaitingEdges.append((failures.count, 0))
        failures.append(failure)
    }

    private func isOf(_ failure: RuleTestResult.Failure, _ key: Int) -> Bool {
        keys[key].device == failure.device && keys[key].metric == failure.metric
    }
}
