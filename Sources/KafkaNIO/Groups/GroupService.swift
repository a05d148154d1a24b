// The coordinator's thread: hands it events, appends what it wants stored, answers who waits.
internal import CommitLog
internal import NIOCore
internal import Platform
internal import Synchronization

/// Runs one `GroupCoordinator` on a worker of its own over the topic `__consumer_offsets`. Any thread may call it.
final class GroupService: Sendable {
    /// Of one event; on the service's thread.
    typealias Answered<Value> = @Sendable (Value) -> Void

    /// Those that are being forgotten are what this forgets; those that are being made, whoever makes them.
    let names = TopicNames()
    private let log: CommitLog
    private let clock: any Clock
    /// Where timers run, and where commits wake `appends`.
    private let eventLoop: any EventLoop
    private let appends: AppendsInFlight
    private let worker = Worker(name: "kafka-groups")
    private let coordinator: Coordinator

    /// What belongs to the worker's thread.
    private final class Coordinator: @unchecked Sendable {
        // Sendable: touched by jobs of one worker only.
        var groups: GroupCoordinator
        var waiters: [Waiter: (GroupAnswer) -> Void] = [:]
        var lastWaiter: UInt64 = 0
        /// What the log is offered next, oldest first; each until a time.
        var unoffered = CircularBuffer<(append: GroupAppend, end: MonotonicInstant)>()
        var isPausing = false
        let builder: BatchBuilder
        /// When the timer that is set will call.
        var timer: MonotonicInstant?
        /// nil where the log has no topic for it; nothing can be stored then.
        let partition: Partition?

        init(groups: GroupCoordinator, builder: BatchBuilder, partition: Partition?) {
            self.groups = groups
            self.builder = builder
            self.partition = partition
        }
    }

    /// Reads the topic to its end. Blocks.
    init(log: CommitLog, clock: any Clock, eventLoop: any EventLoop, commits: CommitWaiters) throws(LogError) {
        self.log = log
        self.clock = clock
        self.eventLoop = eventLoop
        appends = AppendsInFlight(log: log, commits: commits, eventLoop: eventLoop)
        let topicPartition = TopicPartition(topic: .consumerOffsets, partition: .zero)
        let partition = log.partition(topicPartition)
        var load = GroupLoad(settings: GroupSettings())
        if let partition { try GroupService.read(partition, of: log, into: &load) }
        coordinator = Coordinator(
            groups: GroupCoordinator(load, at: GroupService.now(clock), makeIdentifier: UniqueIdentifier.random),
            builder: BatchBuilder(pool: log.pool),
            partition: partition
        )
        // Names are taken before anybody can make a topic with one of them.
        let gone = coordinator.groups.topicsWithOffsets.subtracting(log.topics.map(\.name.text))
        for topic in gone.sorted() where names.begin(.forgetting, topic) { forget(topic) {} }
        run { $0.expire() }
    }

    /// Takes in all records of the topic. Blocks.
    static func read(_ partition: Partition, of log: CommitLog, into load: inout GroupLoad) throws(LogError) {
        let reader = LogReader(log: log)
        let decoder = RecordDecoder()
        var buffer = ReadBuffer()
        var offset = partition.logStartOffset
        let end = partition.logEndOffset
        while offset < end {
            do {
                let result = try reader.read(partition, from: offset, upTo: end, maxBytes: 1 << 20, into: &buffer)
                guard !result.isEmpty else { return }
                offset = result.nextOffset
                var batches = buffer.batches
                while let batch = batches.next() { apply(batch, decoder, to: &load) }
            } catch {
                // What damage has taken is named by the log; what lies behind it still counts.
                guard let resumeAt = error.resumeAt, resumeAt > offset else { throw error }
                offset = resumeAt
            }
        }
    }

    /// What is no record takes the rest of its batch with it, which is counted; the batches behind it still count.
    private static func apply(_ batch: RecordBatchView, _ decoder: RecordDecoder, to load: inout GroupLoad) {
        var rest = batch.recordCount
        do {
            var records = try decoder.open(batch)
            while let record = try records.next() {
                load.apply(key: record.key, value: record.value)
                rest -= 1
            }
        } catch {
            load.noteUnreadable(max(1, rest))
        }
    }

    func stop() async { await worker.stop() }

    // MARK: Events

    /// Has the coordinator handle an event whose answer comes later; `answered` gets it once.
    func handle<Value>(
        _ event: @escaping @Sendable (GroupCoordinator, Waiter, GroupInstant) -> [GroupAction],
        _ value: @escaping @Sendable (GroupAnswer) -> Value?,
        _ answered: @escaping Answered<Value>
    ) {
        run { service in
            let coordinator = service.coordinator
            coordinator.lastWaiter += 1
            let waiter = Waiter(coordinator.lastWaiter)
            coordinator.waiters[waiter] = { answer in
                guard let value = value(answer) else { preconditionFailure("an event is answered in its own kind") }
                answered(value)
            }
            service.perform(event(coordinator.groups, waiter, GroupService.now(service.clock)))
        }
    }

    /// Has the coordinator say something at once.
    func ask<Value>(
        _ question: @escaping @Sendable (GroupCoordinator, GroupInstant) -> (Value, [GroupAction]),
        _ answered: @escaping Answered<Value>
    ) {
        run { service in
            let (value, actions) = question(service.coordinator.groups, GroupService.now(service.clock))
            answered(value)
            service.perform(actions)
        }
    }

    /// Forgets what was committed for a topic that is no more, whose name was taken for that (`names`) and is free when
    /// it is for good. `done` is called then, or after `patience`; once, on any thread.
    func forget(topic: String, within patience: Duration, _ done: @escaping @Sendable () -> Void) {
        let first = FirstCall(done)
        let timer = eventLoop.scheduleTask(in: TimeAmount(patience)) { first() }
        forget(topic) {
            timer.cancel()
            first()
        }
    }

    private func forget(_ topic: String, _ isForGood: @escaping @Sendable () -> Void) {
        handle(
            { $0.removeOffsets(ofTopic: topic, waiter: $1, at: $2) },
            { answer -> Bool? in answer == .forgotten ? true : nil },
            { [names] _ in
                names.end(topic)
                isForGood()
            }
        )
    }

    private func run(_ job: @escaping @Sendable (GroupService) -> Void) {
        worker.run { [weak self] in
            if let self { job(self) }
        }
    }

    private static func now(_ clock: any Clock) -> GroupInstant {
        GroupInstant(monotonic: clock.monotonic(), wall: clock.now())
    }

    // MARK: Actions

    private func perform(_ actions: [GroupAction]) {
        for action in actions {
            switch action {
            case .answer(let waiter, let answer): coordinator.waiters.removeValue(forKey: waiter)?(answer)
            case .append(let append): begin(append)
            }
        }
        setTimer()
    }

    private func begin(_ append: GroupAppend) {
        let end = clock.monotonic().advanced(by: GroupLimits.appendPatience)
        coordinator.unoffered.append((append, end))
        offerWhatWaits()
    }

    /// Where the log has enough to do for the moment, it is offered the rest a little later.
    private func offerWhatWaits() {
        while !coordinator.isPausing, let (append, end) = coordinator.unoffered.first {
            switch offer(append) {
            case .accepted(let ticket):
                follow(append, ticket)
            case .full where isMomentary && clock.monotonic() < end:
                coordinator.isPausing = true
                eventLoop.scheduleTask(in: TimeAmount(GroupLimits.inboxPause)) { [weak self] in
                    self?.run { service in
                        service.coordinator.isPausing = false
                        service.offerWhatWaits()
                    }
                }
                return
            case .full, .closed, nil:
                eventLoop.scheduleTask(in: TimeAmount(GroupLimits.refusalPause)) { [weak self] in
                    self?.run { $0.end(append, .refused) }
                }
            }
            coordinator.unoffered.removeFirst()
        }
    }

    /// The log has no room because producers are fast, not because the disk has none.
    private var isMomentary: Bool {
        if case .full = log.state { return false }
        return true
    }

    /// Tells the coordinator how it ends.
    private func follow(_ append: GroupAppend, _ ticket: CommitTicket) {
        eventLoop.execute { [appends, weak self] in
            appends.add(
                ticket,
                late: {
                    self?.run { $0.perform($0.coordinator.groups.late(append.ticket, at: GroupService.now($0.clock))) }
                },
                ended: { outcome in
                    self?.run { $0.end(append, outcome) }
                }
            )
        }
    }

    private func end(_ append: GroupAppend, _ outcome: AppendOutcome) {
        perform(coordinator.groups.appended(append.ticket, outcome, at: GroupService.now(clock)))
    }

    /// nil where the log has no topic for it.
    private func offer(_ append: GroupAppend) -> OfferResult? {
        guard let partition = coordinator.partition else { return nil }
        var batches: [(Partition, SealedBatch)] = []
        func seal() {
            guard coordinator.builder.recordCount > 0 else { return }
            batches.append((partition, coordinator.builder.seal(compression: partition.configuration.compression)))
        }
        for record in append.records where !add(record, at: append.timestamp) {
            seal()
            // Every record of the coordinator fits into an empty batch: `GroupLimits.recordBytesMax`.
            guard add(record, at: append.timestamp) else { return nil }
        }
        seal()
        return log.inbox.offer(batches)
    }

    /// False where the batch that is being built has no room for it.
    private func add(_ record: GroupRecord, at timestamp: Timestamp) -> Bool {
        record.key.withUnsafeBytes { key in
            (record.value ?? []).withUnsafeBytes { value in
                coordinator.builder.append(
                    timestamp: timestamp,
                    key: key,
                    value: record.value == nil ? nil : value,
                    headers: UnsafeRawBufferPointer(start: nil, count: 0),
                    headerCount: 0
                )
            }
        }
    }

    // MARK: Time

    private func setTimer() {
        guard let deadline = coordinator.groups.nextDeadline else { return }
        if let timer = coordinator.timer, timer <= deadline { return }
        coordinator.timer = deadline
        let wait = max(.zero, deadline.since(clock.monotonic()))
        eventLoop.scheduleTask(in: TimeAmount(wait)) { [weak self] in
            self?.run { service in
                if service.coordinator.timer == deadline { service.coordinator.timer = nil }
                service.perform(service.coordinator.groups.tick(at: GroupService.now(service.clock)))
            }
        }
    }

    /// Looks for offsets that nobody asked for in a long time, now and every hour.
    private func expire() {
        // A clock that nobody has set may stand in a year in which all of them are old.
        if clock.quality() == .synchronised {
            perform(coordinator.groups.expireOffsets(at: GroupService.now(clock)))
        }
        eventLoop.scheduleTask(in: .hours(1)) { [weak self] in
            self?.run { $0.expire() }
        }
    }
}

/// Calls through the first time only. Any thread.
private final class FirstCall: Sendable {
    private let wasCalled = Atomic(false)
    private let function: @Sendable () -> Void

    init(_ function: @escaping @Sendable () -> Void) {
        self.function = function
    }

    func callAsFunction() {
        if !wasCalled.exchange(true, ordering: .relaxed) { function() }
    }
}

/// Records of the coordinator on their way to the disk, oldest first: their ends are told in that order, since the last
/// one told is what counts. On an event loop.
private final class AppendsInFlight: CommitWaiter, @unchecked Sendable {
    // Sendable: after `init` used on one event loop only.
    private struct Append {
        let ticket: CommitTicket
        let deadline: NIODeadline
        let late: () -> Void
        let ended: (AppendOutcome) -> Void
    }

    private let log: CommitLog
    private let commits: CommitWaiters
    private let eventLoop: any EventLoop
    private var appends = CircularBuffer<Append>()
    /// Of the oldest ones: they are known to be late.
    private var lateCount = 0
    private var isWatching = false

    init(log: CommitLog, commits: CommitWaiters, eventLoop: any EventLoop) {
        self.log = log
        self.commits = commits
        self.eventLoop = eventLoop
    }

    /// `ended` is called once, when what was added before has ended, too; before it `late`, where it takes its time.
    func add(_ ticket: CommitTicket, late: @escaping () -> Void, ended: @escaping (AppendOutcome) -> Void) {
        let deadline = NIODeadline.now() + TimeAmount(GroupLimits.appendPatience)
        appends.append(Append(ticket: ticket, deadline: deadline, late: late, ended: ended))
        commits.add(self)
        if isDoneAfterCommit() { commits.remove(self) }
        watch()
    }

    func isDoneAfterCommit() -> Bool {
        while let oldest = appends.first {
            let outcome = log.inbox.outcome(of: oldest.ticket)
            guard outcome != .pending else { return false }
            appends.removeFirst()
            lateCount = max(0, lateCount - 1)
            oldest.ended(outcome == .durable ? .durable : .refused)
        }
        return true
    }

    /// Waits for the first one that is not late yet. One timer serves all that come meanwhile.
    private func watch() {
        guard !isWatching, lateCount < appends.count else { return }
        isWatching = true
        let deadline = appends[appends.index(appends.startIndex, offsetBy: lateCount)].deadline
        eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [self] in
            isWatching = false
            let now = NIODeadline.now()
            let late = appends.dropFirst(lateCount).prefix { $0.deadline <= now }
            lateCount += late.count
            for append in late { append.late() }
            watch()
        }
    }
}
