// The rules thread's work: reads `readings` and `system` in their recorded order, feeds the engine, appends its edges.
package import CommitLog
package import EventModel
package import Platform
package import Rules
internal import Synchronization

/// Lifecycle: made where the log is open (restores the snapshot, folds `alerts`), then `step` in a loop by one thread, then
/// `finish` by the same. `apply` and `status` from any thread.
package final class RulesRunner: @unchecked Sendable {
    // Sendable: everything but `requests` and `published` is touched by one thread at a time: the one that makes it, then
    // the rules thread.

    /// Sees each event that rules see, once per run, in order; on the rules thread, during the call only.
    package typealias EventObserver = (_ event: borrowing StoredEvent, _ value: RawSpan, _ at: RecordPosition) -> Void

    let log: CommitLog
    let clock: any Clock
    let book: AlertBook
    let snapshotFile: RulesSnapshotFile
    let appender: AlertAppender
    let order: RecordedOrder
    var origin: AlertOrigin
    let alerts: PartitionFollower

    /// Edges that stand in the log and may be derived again, until the start has caught up.
    var knownEdges: Set<AlertEdgeID>
    /// Where the log ended at the start.
    private let startSnapshot: LogSnapshot
    /// The start had no usable snapshot, and alerts that the log does not explain have not been ended yet.
    var isStateLost: Bool
    private(set) var isCaughtUp = false
    private let countersAtStart: RuleEngineCounters

    private var transitions: [AlertTransition] = []
    private let gaps: ConsumerGaps
    var saveDue: MonotonicInstant
    var isSaveWanted = false
    var savedAt: Timestamp?
    /// What the next snapshot mends: a damaged one, an alert that could not be written.
    var problem: String?
    /// Why the last step failed.
    private var failure: String?
    private var publishDue: MonotonicInstant

    private struct Request {
        var rules: RuleSet
        var origin: AlertOrigin
    }

    private let requests = Mutex<Request?>(nil)
    let published = Mutex(RulesStatus())

    /// Restores the snapshot (or begins at the log's start where there is none), folds what `alerts` has beyond it into
    /// `book`, and resolves what fires for rules that are gone or changed. Blocks for the disk.
    ///
    /// - `dataDirectory`: absolute; the snapshot lies in `rules/` below it.
    /// - `book`: empty; followed from here on.
    /// - `seed`: of hashes; changes no outcome.
    /// - `observer`: see `EventObserver`.
    package init(
        log: CommitLog,
        dataDirectory: String,
        disk: any Disk,
        clock: any Clock,
        rules: RuleSet,
        origin: AlertOrigin,
        book: AlertBook,
        seed: UInt64,
        observer: EventObserver? = nil
    ) throws(LogError) {
        let parts = try RunnerStart(log: log, dataDirectory: dataDirectory, disk: disk)
        self.log = log
        self.clock = clock
        self.book = book
        self.origin = origin
        gaps = ConsumerGaps(log: log, clock: clock, consumer: "rules")
        snapshotFile = parts.file
        appender = AlertAppender(log: log, partition: parts.alerts)
        let readings = parts.readings.map {
            PartitionFollower(partition: $0, log: log, position: parts.position(of: $0), waitsForRepair: true)
        }
        let system = PartitionFollower(
            partition: parts.system,
            log: log,
            position: parts.position(of: parts.system),
            waitsForRepair: true
        )
        alerts = PartitionFollower(partition: parts.alerts, log: log, position: parts.alerts.logStartOffset)
        startSnapshot = log.snapshot()
        let now = clock.monotonic()
        saveDue = now.advanced(by: AlertingLimits.snapshotInterval)
        publishDue = now
        problem = parts.problem
        knownEdges = []
        let intake: RecordIntake
        if let saved = parts.snapshot, let restored = RuleEngine(restoring: saved.engine, rules: rules, seed: seed) {
            intake = RecordIntake(engine: restored, observer: observer)
            isStateLost = false
        } else {
            if parts.snapshot != nil {
                problem = "the snapshot of the rules is not of this version: the log is read from its start"
            }
            intake = RecordIntake(engine: RuleEngine(rules: rules, seed: seed), observer: observer)
            isStateLost = true
            for follower in readings + [system] { follower.rewind(to: follower.partition.logStartOffset) }
        }
        countersAtStart = intake.engine.counters
        order = RecordedOrder(intake: intake, readings: readings, system: system)
        try foldAlerts(parts)
        resolveOrphans(of: rules)
        publish()
    }

    /// Puts rules in force with the next step, which then saves a snapshot as soon as their edges are durable. Any thread.
    package func apply(_ rules: RuleSet, origin: AlertOrigin) {
        requests.withLock { $0 = Request(rules: rules, origin: origin) }
    }

    /// As of about a second ago. Any thread.
    package var status: RulesStatus { published.withLock { $0 } }

    /// One turn: evaluates what is there, up to a bound, and appends the edges. Waits up to `timeout` where nothing is.
    package func step(waitUpTo timeout: Duration) -> RulesStepOutcome {
        let generation = log.tail.generation
        do {
            try takeRequest()
            let snapshot = log.snapshot()
            var count = try followAlerts(snapshot)
            switch appender.flush() {
            case .accepted: break
            case .full:
                _ = log.tail.wait(after: generation, timeout: timeout)
                return .idle
            case .closed: return .closed
            }
            if appender.isEmpty {
                count += try order.advance(snapshot, countMax: AlertingLimits.recordsPerStepMax) {
                    drain()
                    return appender.isEmpty
                }
            }
            noteCatchUp()
            if case .closed = appender.flush() { return .closed }
            let worked = resolveLost() || saveIfDue()
            failure = nil
            publishIfDue()
            guard count == 0, !worked else { return .worked }
        } catch {
            failure = error.description
            publish()
            return .failed(error)
        }
        _ = log.tail.wait(after: generation, timeout: timeout)
        return .idle
    }

    /// Appends what is left, waits for it to be durable, and saves. Errors leave the old snapshot, which is only older.
    package func finish() {
        guard case .accepted = appender.flush() else { return }
        do { try save(waitUpTo: AlertingLimits.durableWait) } catch { failure = error.description }
        publish()
    }

    // MARK: Edges

    /// Appends the edges that the engine has made, less those that stand in the log already.
    func drain() {
        guard order.intake.engine.hasTransitions else { return }
        order.intake.engine.takeTransitions(into: &transitions)
        for edge in transitions { append(AlertRecord(edge, origin: origin)) }
        transitions.removeAll(keepingCapacity: true)
    }

    func append(_ record: AlertRecord) {
        if !knownEdges.isEmpty, knownEdges.contains(record.edgeID) { return }
        do { try appender.append(record) } catch {
            // JSON says every finite number, and the engine has no others.
            problem = "alert \(record.alert) of \(record.device) cannot be written: \(error)"
        }
    }

    // MARK: Around it

    /// New rules, and a snapshot at once: a restart must not evaluate under them what the old ones have seen.
    private func takeRequest() throws(LogError) {
        guard
            let request = requests.withLock({ request in
                defer { request = nil }
                return request
            })
        else { return }
        order.intake.engine.apply(request.rules)
        drain()
        origin = request.origin
        isSaveWanted = true
        if case .accepted = appender.flush() { try save(waitUpTo: AlertingLimits.durableWait) }
        publish()
    }

    func followAlerts(_ snapshot: LogSnapshot) throws(LogError) -> Int {
        try book.follow(alerts, upTo: snapshot.highWatermark(of: alerts.partition))
    }

    /// Once the log as it was at the start has been read, no edge can be derived twice.
    private func noteCatchUp() {
        guard !isCaughtUp else { return }
        let isThere = order.readings.allSatisfy { $0.position >= startSnapshot.highWatermark(of: $0.partition) }
        guard isThere, order.systemPosition >= startSnapshot.highWatermark(of: order.system.partition) else { return }
        isCaughtUp = true
        knownEdges.removeAll()
    }

    private func publishIfDue() {
        guard clock.monotonic() >= publishDue else { return }
        for follower in order.followers { gaps.note(follower.takeMissed(), of: follower.partition) }
        gaps.write(waitUpTo: .zero)
        publish()
    }

    func publish() {
        publishDue = clock.monotonic().advanced(by: .seconds(1))
        var status = RulesStatus()
        status.lagRecords = order.readings.reduce(0) { $0 + max(0, $1.partition.logEndOffset - $1.position) }
        status.isCaughtUp = isCaughtUp
        status.instances = order.intake.engine.instanceCount
        status.pendingCount = order.intake.engine.pendingCount
        status.firingCount = order.intake.engine.firingCount
        status.counters = order.intake.engine.counters
        status.countersAtStart = countersAtStart
        status.skippedRecords = order.readings.reduce(order.system.skipped) { $0 &+ $1.skipped }
        status.snapshotSavedAt = savedAt
        status.problem = failure ?? problem
        status.pending = order.intake.engine.pendingAlerts(upTo: AlertingLimits.pendingShownMax)
        status.origin = origin
        published.withLock { $0 = status }
    }
}
