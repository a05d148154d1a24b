// One hook at work: a consumer of `alerts` with a durable cursor, in offset order, at least once.
internal import CommitLog
internal import EventModel
internal import Logging
internal import Platform
internal import Rules

/// What a worker needs of the process.
struct HookSurroundings: Sendable {
    let log: CommitLog
    let alerts: Partition
    /// What fires, for hooks that have to repeat it; fed by somebody else.
    let book: AlertBook
    /// What people did about it.
    let operations: OperationsBook
    /// How the daemon is, for hooks that tell; any thread.
    let pulse: @Sendable () -> HookPulse
    let dataDirectory: String
    let disk: any Disk
    let clock: any Platform.Clock
    let origin: AlertOrigin
    let retry: HookRetryPolicy
    let logger: Logger
}

/// How long a hook waits between attempts: half to all of a doubling ceiling.
package struct HookRetryPolicy: Hashable, Sendable {
    package var first: Duration
    package var longest: Duration

    package init(first: Duration = .seconds(1), longest: Duration = .seconds(300)) {
        self.first = first
        self.longest = longest
    }
}

/// One alert of a delivery, as topic `alerts` has it.
struct StoredAlert {
    var record: AlertRecord
    var offset: Int64
}

/// Lifecycle: `start`, then `run` until its task is cancelled. Blocking reads and syncs happen on `executor`'s thread; the
/// delivery itself is awaited, so that a receiver that hangs holds up no other hook.
actor HookWorker {
    nonisolated let settings: HookSettings
    nonisolated let state: HookStatusBox
    nonisolated private let executor: ThreadExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    let hook: any Hook
    let around: HookSurroundings
    let letters: DeadLetters
    /// The dead letters, sent again; nil where nobody has asked.
    var resending: Task<DeadLetterResend, Never>?
    var isStopping = false
    var policies: AlertPolicies
    /// nil where it has to be opened: at first, and after it or the ledger has failed.
    var cursorFile: CursorFile?
    /// As it was stored last, but for alerts that are none of this hook's; and for a delivery that is over, where that could
    /// not be stored: it is before anything else is done.
    var cursor: HookCursor
    let ledgerFile: HookLedgerFile
    /// As it was stored last, but where it says that it has changed.
    var ledger = HookLedger()
    /// Wakes the worker while the ledger says something.
    var timer: Task<Void, Never>?
    /// When repeats may be tried again; nil: at once.
    var repeatPause: MonotonicInstant?
    /// nil until the cursor was read.
    private var follower: PartitionFollower?
    private let gaps: ConsumerGaps
    private var goneFromDeliveries: UInt64 = 0
    /// Why it waits, where the log or the cursor has failed.
    private var noted: String?
    var backoff: Backoff
    private let jitterSeed: UInt64
    /// A receiver that forgets is told soon after it is back.
    private let longestPause: Duration
    private var isResendDue = true
    /// What was in `alerts` when the last failed attempt ended.
    private var unreachableUpTo = Offset.zero
    /// Edges dealt with that the book may not have yet, by fingerprint; kept by hooks that repeat what fires.
    private var settledEdges: [String: Int64] = [:]

    init(
        settings: HookSettings,
        type: String,
        hook: any Hook,
        policies: AlertPolicies,
        around: HookSurroundings,
        executor: ThreadExecutor,
        seed: UInt64
    ) {
        self.settings = settings
        self.hook = hook
        self.policies = policies
        self.around = around
        self.executor = executor
        state = HookStatusBox(HookStatus(name: settings.name, type: type))
        letters = DeadLetters(dataDirectory: around.dataDirectory, name: settings.name, disk: around.disk)
        ledgerFile = HookLedgerFile(dataDirectory: around.dataDirectory, name: settings.name, disk: around.disk)
        gaps = ConsumerGaps(log: around.log, clock: around.clock, consumer: "hook-\(settings.name)")
        jitterSeed = seed
        longestPause = hook.resendInterval.map { min($0, around.retry.longest) } ?? around.retry.longest
        cursor = HookCursor(position: around.log.snapshot().highWatermark(of: around.alerts))
        backoff = Backoff(first: around.retry.first, longest: longestPause, seed: seed)
    }

    /// Opens the cursor's file; where that fails it is said, and `run` tries again.
    func start() {
        do { try open() } catch { note(error) }
    }

    /// Finds the place to go on: the stored one; for a new hook the log's end when it was made; where the cursor is damaged,
    /// the oldest alert that still fires.
    ///
    /// After a failure the file is opened anew and gets the cursor as it is by now: a delivery that is over is not repeated.
    private func open() throws(LogError) {
        let file = try CursorFile(dataDirectory: around.dataDirectory, name: "hook-\(settings.name)", disk: around.disk)
        let contents = try file.load()
        if follower == nil {
            let end = around.log.snapshot().highWatermark(of: around.alerts)
            switch contents {
            case .missing:
                try clearLedger()
                try file.store(cursor.encoded())
            case .value(let bytes):
                if let stored = HookCursor(bytes), let ledger = try loadLedger() {
                    cursor = stored
                    cursor.position = min(cursor.position, end)
                    self.ledger = ledger
                    self.ledger.cut(at: end.value)
                } else {
                    try beginAnew(file, at: end)
                }
            case .damaged: try beginAnew(file, at: end)
            }
            follower = PartitionFollower(
                partition: around.alerts,
                log: around.log,
                position: cursor.position,
                waitsForRepair: true
            )
        } else {
            try storeLedger()
            try file.store(cursor.encoded())
        }
        cursorFile = file
        publishPlace()
    }

    /// nil where it is damaged.
    private func loadLedger() throws(LogError) -> HookLedger? {
        do { return try ledgerFile.load() } catch { throw LogError(.disk, underlying: error) }
    }

    private func clearLedger() throws(LogError) {
        do { try ledgerFile.clear() } catch { throw LogError(.disk, "the hook's ledger cannot be stored: \(error)") }
        ledger = HookLedger()
    }

    /// Durable on return. After an error the cursor in memory stands, and the file has to be opened again.
    func store(_ cursor: HookCursor) throws(LogError) {
        do { try cursorFile?.store(cursor.encoded()) } catch {
            cursorFile = nil
            throw error
        }
    }

    /// Goes on with the oldest alert that still fires: what fires is told, perhaps again; what is over is not. What the ledger
    /// had is told, or held, anew.
    private func beginAnew(_ file: CursorFile, at end: Offset) throws(LogError) {
        let book = AlertBook()
        try book.read(around.alerts, of: around.log, upTo: end)
        let start = book.firing.map(\.offset).min() ?? end
        try clearLedger()
        let fresh = HookCursor(position: start)
        try file.store(fresh.encoded())
        cursor = fresh
        let words = "the cursor or the ledger was damaged: alerts up to offset \(start) may not have been delivered"
        state.change { $0.lastError = words }
        around.logger.error("hook cursor damaged", metadata: ["hook": "\(settings.name)", "offset": "\(end)"])
    }

    /// Delivers whenever `wakes` says that something was appended, until it ends or the task is cancelled.
    ///
    /// `wake`: has `wakes` say so.
    func run(_ wakes: AsyncStream<Void>, _ wake: AsyncStream<Void>.Continuation) async {
        for await _ in wakes {
            var pauses = Backoff(first: around.retry.first, longest: around.retry.longest, seed: jitterSeed)
            while !Task.isCancelled {
                do {
                    forgetNote()
                    if cursorFile == nil { try open() }
                    try await deliverAll()
                    try await tellAgain()
                    await resend()
                    arm(wake)
                    break
                } catch {
                    // The log or the cursor failed. Without a durable cursor nothing is delivered, or it would be for ever.
                    note(error)
                    do { try await Task.sleep(for: pauses.next()) } catch { return }
                }
            }
            if Task.isCancelled { return }
        }
    }

    /// Says why the hook waits.
    private func note(_ error: any Error) {
        let words = String(describing: error)
        noted = words
        state.change { $0.lastError = words }
        around.logger.error("hook waits", metadata: ["hook": "\(settings.name)", "error": "\(words)"])
    }

    /// Takes back what was noted, before another attempt.
    private func forgetNote() {
        guard let words = noted else { return }
        noted = nil
        state.change { if $0.lastError == words { $0.lastError = nil } }
    }

    private func deliverAll() async throws {
        while !Task.isCancelled {
            _ = await resending?.value
            if cursor.delivery.isEmpty, try !takeNext(), try !takeHeld() { return }
            let records = try read(cursor.delivery)
            noteMissing(of: records.count)
            if !records.isEmpty { guard await deliver(records) else { return } }
            if hook.resendInterval != nil {
                for alert in records { settledEdges[alert.record.fingerprint] = alert.offset }
            }
            settle(records)
            cursor.delivery = []
            try storeLedger()
            try store(cursor)
            publishPlace()
        }
    }

    // MARK: The log

    /// Moves to the next alerts for this hook and stores them as the delivery; false where there are none.
    ///
    /// Those that follow one another, of one rule and one state and of different devices or metrics, go together.
    private func takeNext() throws(LogError) -> Bool {
        guard let follower else { return false }
        let end = around.log.snapshot().highWatermark(of: around.alerts)
        while cursor.position < end {
            follower.rewind(to: cursor.position)
            var group = DeliveryGroup(countMax: hook.alertsPerDeliveryMax)
            var next = cursor.position
            _ = try follower.read(upTo: end, visible: end, countMax: AlertingLimits.alertsPerDeliveryMax) { record in
                if group.isClosed { return }
                group.take(record) { decide($0, $1) }
                if !group.isClosed { next = record.offset + 1 }
            }
            noteMissed(follower.takeMissed())
            let taken = HookCursor(position: group.isClosed ? next : follower.position, delivery: group.offsets)
            state.change { status in
                status.skippedRecords = follower.skipped &+ goneFromDeliveries
                status.collapsed &+= group.collapsed
            }
            try storeLedger()
            // What comes next is being repaired: the commit after that wakes this hook.
            if taken.delivery.isEmpty, taken.position == cursor.position { break }
            // Nothing for this hook among as many as are read at once: on to the next, which the next delivery stores.
            if !taken.delivery.isEmpty { try store(taken) }
            cursor = taken
            publishPlace()
            if !taken.delivery.isEmpty { return true }
        }
        try sweepLedger()
        publishPlace()
        return false
    }

    /// The records of a delivery; those that retention took meanwhile are not there.
    func read(_ offsets: [Offset]) throws(LogError) -> [StoredAlert] {
        guard let first = offsets.first, let last = offsets.last else { return [] }
        let reader = PartitionFollower(partition: around.alerts, log: around.log, position: first)
        let visible = around.log.snapshot().highWatermark(of: around.alerts)
        var found: [StoredAlert] = []
        _ = try reader.read(upTo: min(last + 1, visible), visible: visible, countMax: .max) { record in
            guard offsets.contains(record.offset), let value = record.value, let alert = AlertRecord(json: value) else {
                return
            }
            found.append(StoredAlert(record: alert, offset: record.offset.value))
        }
        return found
    }

    /// Alerts of the delivery in work that are gone.
    private func noteMissing(of found: Int) {
        guard found < cursor.delivery.count, let first = cursor.delivery.first, let last = cursor.delivery.last else {
            return
        }
        let count = UInt64(cursor.delivery.count - found)
        noteMissed([MissedOffsets(kind: .retention, from: first, to: last + 1, count: count)])
        goneFromDeliveries &+= count
        state.change { $0.skippedRecords &+= count }
    }

    private func noteMissed(_ missed: [MissedOffsets]) {
        guard !missed.isEmpty else { return }
        gaps.note(missed, of: around.alerts)
        gaps.write(waitUpTo: AlertingLimits.durableWait)
    }

    /// A delivery is on its way, or waits for its next attempt.
    var isDelivering: Bool { !cursor.delivery.isEmpty }

    /// Everything before it was dealt with.
    var settledEnd: Offset { isReleasing ? cursor.position : cursor.delivery.first ?? cursor.position }

    func publishPlace() {
        state.setSettled(settledEnd)
    }

    // MARK: Delivering

    /// Tries until the delivery is over; false where the task was cancelled first.
    private func deliver(_ alerts: [StoredAlert]) async -> Bool {
        let key = "\(settings.name):" + cursor.delivery.map(\.description).joined(separator: ",")
        let began = around.clock.monotonic()
        while true {
            let edges = alerts.map { hookAlert($0) }
            let outcome = await hook.deliver(payload(edges, key: key))
            if Task.isCancelled, outcome.verdict != .delivered { return false }
            switch outcome.verdict {
            case .delivered:
                noteSuccess()
                return true
            case .refused:
                backoff.reset()
                bury(alerts, key: key, outcome)
                return true
            case .retry:
                unreachableUpTo = around.log.snapshot().highWatermark(of: around.alerts)
                if alerts.allSatisfy({ isOver($0.record, Offset($0.offset)) }) {
                    state.change { $0.collapsed &+= UInt64(alerts.count) }
                    return true
                }
                if isTooLate(alerts, triedSince: began) {
                    bury(alerts, key: key, outcome)
                    return true
                }
                noteFailure(outcome)
                let wanted = outcome.retryAfter?.pause(at: around.clock.now()) ?? .zero
                do { try await Task.sleep(for: max(backoff.next(), wanted)) } catch { return false }
            }
        }
    }

    func payload(_ alerts: [HookAlert], key: String) -> HookPayload {
        HookPayload(alerts: alerts, receiver: settings.name, origin: around.origin, idempotencyKey: key)
    }

    func noteFailure(_ outcome: HookOutcome) {
        noteFailure(outcome.error) { $0.failed += 1 }
    }

    func noteSuccess() {
        backoff.reset()
        noteAnswer { $0.delivered += 1 }
    }

    /// The receiver has taken something; `count` counts it.
    private func noteAnswer(_ count: (inout HookStatus) -> Void) {
        let now = around.clock.now()
        state.change { status in
            count(&status)
            status.lastSuccess = now
            status.lastError = nil
            status.failingSince = nil
        }
    }

    /// An attempt has failed; `count` counts it.
    func noteFailure(_ error: String?, _ count: (inout HookStatus) -> Void) {
        let now = around.clock.monotonic()
        state.change { status in
            count(&status)
            status.lastError = error
            if status.failingSince == nil { status.failingSince = now }
        }
    }

    /// Whether this firing ended while the receiver could not be told of either: then its end, which says from when to when
    /// and how bad it was, is all that is told.
    ///
    /// Safe also where an attempt timed out, and may have arrived: the end is told in any case.
    func isOver(_ record: AlertRecord, _ offset: Offset) -> Bool {
        guard record.state == .firing, offset < unreachableUpTo, let newest = around.book.entry(record.fingerprint)
        else {
            return false
        }
        // Firing and resolved take turns: whatever came after it ended it.
        return newest.offset > offset && newest.offset < unreachableUpTo
    }

    /// Asked after an attempt that failed, so that nothing is given up untried, however long the box was off.
    ///
    /// By the monotonic clock for the attempts of this run, and by the wall clock, where that can be believed, for those of
    /// earlier ones and for what waited behind another delivery.
    private func isTooLate(_ alerts: [StoredAlert], triedSince began: MonotonicInstant) -> Bool {
        if around.clock.monotonic().since(began) >= settings.retryFor { return true }
        // What was held is as old as what held it.
        guard !isReleasing else { return false }
        return alerts.allSatisfy { alert in
            HookAlert.age(of: alert.record, at: around.clock).map { $0 >= settings.retryFor } ?? false
        }
    }

    /// To the dead letters: what was refused, and what failed for too long.
    func bury(_ alerts: [StoredAlert], key: String, _ outcome: HookOutcome) {
        let isExpired = outcome.verdict == .retry
        var error = outcome.error ?? "refused"
        if isExpired { error = "given up as too late; the last attempt: \(error)" }
        noteFailure(error) { status in
            if isExpired { status.expired += 1 } else { status.refused += 1 }
        }
        let letter = DeadLetter(
            at: TimestampText.string(around.clock.now()),
            key: key,
            offsets: alerts.map(\.offset),
            status: outcome.status,
            error: error,
            alerts: alerts.map(\.record)
        )
        var isKept = false
        do { isKept = try letters.append(letter) } catch {
            around.logger.error("dead letter not written", metadata: ["hook": "\(settings.name)", "error": "\(error)"])
        }
        around.logger.error(
            isExpired ? "alert not delivered in time" : "alert refused by its receiver",
            metadata: ["hook": "\(settings.name)", "delivery": "\(key)", "error": "\(error)", "kept": "\(isKept)"]
        )
    }

    // MARK: Keeping alive

    /// The time has come to tell again what fires; done when `run` is woken next.
    func resendIsDue() {
        isResendDue = true
    }

    /// Tells again what fires and was dealt with, at the end of what there was to deliver; the first failure ends it until the
    /// next time.
    private func resend() async {
        guard hook.resendInterval != nil, isResendDue, !Task.isCancelled else { return }
        isResendDue = false
        var firing: [HookAlert] = []
        for entry in around.book.firing where entry.offset < cursor.position && isTold(entry) {
            // The book lags behind where the rules thread does: what is known to be over stays over.
            if let settled = settledEdges[entry.record.fingerprint], settled > entry.offset.value { continue }
            firing.append(HookAlert(entry.record, offset: entry.offset.value, at: around.clock))
        }
        settledEdges = settledEdges.filter { fingerprint, offset in
            around.book.entry(fingerprint).map { $0.offset.value < offset } ?? false
        }
        let size = hook.alertsPerDeliveryMax
        for start in stride(from: 0, to: firing.count, by: size) {
            let alerts = Array(firing[start..<min(start + size, firing.count)])
            let key = "\(settings.name):firing-\(around.clock.now().milliseconds)-\(start)"
            let outcome = await hook.deliver(payload(alerts, key: key))
            if Task.isCancelled { return }
            guard outcome.verdict == .delivered else { return noteFailure(outcome) }
            noteAnswer { _ in }
        }
    }

    /// One marked alert, once, past the cursor.
    func test() async -> HookTestResult {
        let payload = TestAlert.payload(hook: settings.name, clock: around.clock, origin: around.origin)
        let started = around.clock.monotonic()
        let outcome = await hook.deliver(payload)
        return HookTestResult(
            delivered: outcome.verdict == .delivered,
            status: outcome.status,
            latency: around.clock.monotonic().since(started),
            error: outcome.error
        )
    }
}
