// Hand-off 1: sealed batches on their way to the log writer, bounded in bytes, one lock per offer; and changes of topics.
internal import Platform
internal import Synchronization

/// Names a commit to wait for. Tickets of one lane are durable in the order in which they were given.
package struct CommitTicket: Hashable, Sendable, BitwiseCopyable {
    let lane: BatchInbox.Lane
    let sequence: UInt64
}

/// What became of batches that were offered to the log.
package enum OfferResult: Hashable, Sendable {
    case accepted(CommitTicket)
    /// The inbox or, for a topic that refuses then, the disk is full. The batches are still the caller's: keep and try
    /// again.
    case full
    /// The log is poisoned, closed or open for reading only.
    case closed
}

/// How far the commit behind a ticket is.
package enum CommitOutcome: Hashable, Sendable {
    case durable
    /// Not yet: the time was over first.
    case pending
    /// Never: the log is poisoned, or was stopped before.
    case failed
}

/// Any thread offers; the log-writer thread takes.
///
/// Batches wait in two lanes, so that on a full disk alerts do not stand behind readings: what may use the reserve has
/// a lane of its own, with bounds and tickets of its own. While there is room one commit takes both.
package final class BatchInbox: Sendable {
    enum Lane: Int, Sendable, BitwiseCopyable {
        case ordinary = 0
        /// Every batch of the offer is for a topic that may use the reserve.
        case reserved = 1

        static let all: [Lane] = [.ordinary, .reserved]
    }

    struct Item {
        var partition: Partition
        var batch: SealedBatch
        var offered: MonotonicInstant
    }

    struct Deferred {
        var partition: Partition
        var build: @Sendable (CommitEnds) -> SealedBatch
        var offered: MonotonicInstant
    }

    /// What one commit takes of one lane.
    struct Group {
        var items: [Item] = []
        var deferred: [Deferred] = []
        var lastTicket: UInt64 = 0
        /// As the inbox counts it: without batches that the writer builds.
        var memoryBytes = 0

        var isEmpty: Bool { items.isEmpty && deferred.isEmpty }
        var byteCount: Int64 { items.reduce(0) { $0 + Int64($1.batch.byteCount) } }

        func addLatencies(to histogram: inout LatencyHistogram, at now: MonotonicInstant) {
            for item in items { histogram.add(now.since(item.offered)) }
            for deferred in deferred { histogram.add(now.since(deferred.offered)) }
        }

        mutating func removeAll() {
            items.removeAll(keepingCapacity: true)
            deferred.removeAll(keepingCapacity: true)
            memoryBytes = 0
        }
    }

    private struct LaneQueue {
        var group = Group()
        /// Of everything offered and not finished yet, taken by the writer or not.
        var memoryBytes = 0
        var bytesMax: Int
        /// The disk has no room for this lane.
        var isDiskFull = false
        var isClosed = false

        mutating func take(
            _ lane: Lane,
            memoryBytes added: Int,
            refuses: Bool,
            _ add: (inout Group) -> Void
        ) -> OfferResult {
            if isClosed { return .closed }
            if isDiskFull && refuses { return .full }
            // A batch larger than the whole bound passes alone, or it never would.
            guard memoryBytes == 0 || memoryBytes + added <= bytesMax else { return .full }
            add(&group)
            memoryBytes += added
            group.memoryBytes += added
            group.lastTicket += 1
            return .accepted(CommitTicket(lane: lane, sequence: group.lastTicket))
        }
    }

    struct WaitingChange {
        var change: TopicChange
        var completion: @Sendable (Result<Void, LogError>) -> Void
    }

    private struct Queue {
        var lanes: [LaneQueue]
        /// At most `Limits.topicChangesMax`.
        var changes: [WaitingChange] = []
        var isClosed = false

        var isEmpty: Bool { lanes.allSatisfy(\.group.isEmpty) }
    }

    private let clock: any Clock
    private let queue: Condition<Queue>
    /// Who waits for a commit; what they wait for stands in the atomics below.
    private let progress = Condition(())
    private let ordinaryDurable = Atomic<UInt64>(0)
    private let reservedDurable = Atomic<UInt64>(0)
    /// A bit for each lane.
    private let failedLanes = Atomic<UInt8>(0)
    private let isIdle = Atomic<Bool>(true)

    init(bytesMax: Int, clock: any Clock) {
        self.clock = clock
        queue = Condition(
            Queue(lanes: [
                LaneQueue(bytesMax: bytesMax),
                LaneQueue(bytesMax: min(bytesMax, Limits.reservedInboxBytesMax)),
            ])
        )
    }

    // MARK: - Offering

    /// Hands over one batch. Never blocks. After `.accepted` the batch belongs to the writer. One whose partition is
    /// deleted is not written: its ticket becomes durable like others, and its `baseOffset` is nil then.
    package func offer(_ batch: SealedBatch, to partition: Partition) -> OfferResult {
        let refuses = partition.configuration.onFull == .refuse
        return offer(lane(of: partition), memoryBytes: batch.memoryBytes, refuses: refuses) { group, now in
            group.items.append(Item(partition: partition, batch: batch, offered: now))
        }
    }

    /// Hands over several batches, of several partitions too, that go into one commit, in this order. All or none.
    package func offer(_ batches: [(Partition, SealedBatch)]) -> OfferResult {
        let memoryBytes = batches.reduce(0) { $0 + $1.1.memoryBytes }
        let refuses = batches.contains { $0.0.configuration.onFull == .refuse }
        let lane: Lane = batches.allSatisfy { self.lane(of: $0.0) == .reserved } ? .reserved : .ordinary
        return offer(lane, memoryBytes: memoryBytes, refuses: refuses) { group, now in
            for (partition, batch) in batches {
                group.items.append(Item(partition: partition, batch: batch, offered: now))
            }
        }
    }

    /// Has the writer build a batch when it has stamped all others of the commit, so that the batch can name where
    /// partitions end with that very commit. Deferred batches of one commit and lane are built in the order of their
    /// offers. `build` is called on the log-writer thread between taking and writing, and again where a full disk made the
    /// writer try again: quick, no lock, no disk, nothing remembered; the batch must hold at least one record.
    package func offerDeferred(
        to partition: Partition,
        _ build: @escaping @Sendable (CommitEnds) -> SealedBatch
    ) -> OfferResult {
        let refuses = partition.configuration.onFull == .refuse
        return offer(lane(of: partition), memoryBytes: 0, refuses: refuses) { group, now in
            group.deferred.append(Deferred(partition: partition, build: build, offered: now))
        }
    }

    private func lane(of partition: Partition) -> Lane {
        partition.topicPartition.topic.usesReserve ? .reserved : .ordinary
    }

    private func offer(
        _ lane: Lane,
        memoryBytes: Int,
        refuses: Bool,
        _ add: (inout Group, MonotonicInstant) -> Void
    ) -> OfferResult {
        let now = clock.monotonic()
        let result = queue.withLock { queue -> OfferResult in
            if queue.isClosed { return .closed }
            return queue.lanes[lane.rawValue].take(lane, memoryBytes: memoryBytes, refuses: refuses) { add(&$0, now) }
        }
        if case .accepted = result {
            isIdle.store(false, ordering: .releasing)
            queue.wakeAll()
        }
        return result
    }

    /// Has the writer change a topic.
    ///
    /// - Returns: why it does not; nil where the completion will be called.
    func submit(_ change: WaitingChange) -> LogError? {
        let refusal = queue.withLock { queue -> LogError? in
            if queue.isClosed { return LogError(.closed, "the log takes no changes") }
            guard queue.changes.count < Limits.topicChangesMax else {
                return LogError(.busy, "\(queue.changes.count) changes wait already")
            }
            queue.changes.append(change)
            return nil
        }
        if refusal == nil { queue.wakeAll() }
        return refusal
    }

    // MARK: - Waiting

    /// Blocks until the ticket's commit is durable or failed, or `timeout` is over. Never on the log-writer thread.
    package func wait(for ticket: CommitTicket, timeout: Duration) -> CommitOutcome {
        if isDurable(ticket) { return .durable }
        let outcome = progress.wait(upTo: timeout) { _ -> CommitOutcome? in
            if isDurable(ticket) { return .durable }
            return hasFailed(ticket.lane) ? .failed : nil
        }
        return outcome ?? .pending
    }

    /// One atomic load.
    package func isDurable(_ ticket: CommitTicket) -> Bool {
        switch ticket.lane {
        case .ordinary: ordinaryDurable.load(ordering: .acquiring) >= ticket.sequence
        case .reserved: reservedDurable.load(ordering: .acquiring) >= ticket.sequence
        }
    }

    /// How it stands with a ticket, without waiting.
    package func outcome(of ticket: CommitTicket) -> CommitOutcome {
        if isDurable(ticket) { return .durable }
        guard hasFailed(ticket.lane) else { return .pending }
        return isDurable(ticket) ? .durable : .failed
    }

    private func hasFailed(_ lane: Lane) -> Bool {
        failedLanes.load(ordering: .acquiring) & (1 << lane.rawValue) != 0
    }

    /// Whether the writer has nothing to do: an input that asked for commit-now seals and offers then.
    package var writerIsIdle: Bool { isIdle.load(ordering: .acquiring) }

    /// Memory of the batches that are offered and not durable yet.
    package var waitingBytes: Int { queue.withLock { $0.lanes.reduce(0) { $0 + $1.memoryBytes } } }

    // MARK: - For the log writer

    /// What `take` found.
    enum Taken {
        case group, nothing, closed
    }

    /// Moves what waits in `lanes` into `groups`, whose entries for these lanes are empty, waiting up to `timeout` for the
    /// first, and no longer than until there is a change to do. Whoever was offered before `close` is still taken.
    func take(_ lanes: [Lane], into groups: inout [Group], upTo timeout: Duration) -> Taken {
        let taken = queue.wait(upTo: timeout) { queue -> Taken? in
            var found = false
            for index in lanes.map(\.rawValue) where !queue.lanes[index].group.isEmpty {
                // The writer's emptied arrays come back here, so that both keep their capacity.
                swap(&groups[index], &queue.lanes[index].group)
                queue.lanes[index].group.lastTicket = groups[index].lastTicket
                found = true
            }
            if found { return .group }
            guard queue.changes.isEmpty else { return .nothing }
            return queue.isClosed ? .closed : nil
        }
        return taken ?? .nothing
    }

    /// The oldest change that waits.
    func takeChange() -> WaitingChange? {
        queue.withLock { $0.changes.isEmpty ? nil : $0.changes.removeFirst() }
    }

    /// Sleeps up to `timeout`, less where the inbox closes or there is a change to do.
    func pause(upTo timeout: Duration) {
        _ = queue.wait(upTo: timeout) { $0.isClosed || !$0.changes.isEmpty ? true : nil }
    }

    /// All tickets of `lane` up to `ticket` are durable; `memoryBytes` are free again.
    func complete(_ lane: Lane, ticket: UInt64, memoryBytes: Int) {
        let isEmpty = queue.withLock { queue in
            queue.lanes[lane.rawValue].memoryBytes -= memoryBytes
            return queue.isEmpty
        }
        if isEmpty { isIdle.store(true, ordering: .releasing) }
        progress.withLock { _ in
            switch lane {
            case .ordinary: ordinaryDurable.store(ticket, ordering: .releasing)
            case .reserved: reservedDurable.store(ticket, ordering: .releasing)
            }
        }
        progress.wakeAll()
    }

    func setDiskFull(_ isFull: Bool, _ lane: Lane) {
        queue.withLock { $0.lanes[lane.rawValue].isDiskFull = isFull }
    }

    func isDiskFull(_ lane: Lane) -> Bool {
        queue.withLock { $0.lanes[lane.rawValue].isDiskFull }
    }

    /// Accepts no more. What was accepted is still taken.
    func close() {
        queue.withLock { $0.isClosed = true }
        queue.wakeAll()
    }

    /// Accepts no more, and every ticket that is not durable has failed.
    func fail() {
        close()
        for lane in Lane.all { fail(lane) }
    }

    /// The same for one lane; the other goes on.
    func fail(_ lane: Lane) {
        queue.withLock { queue in
            queue.lanes[lane.rawValue].isClosed = true
            queue.lanes[lane.rawValue].group.removeAll()
            queue.lanes[lane.rawValue].memoryBytes = 0
        }
        progress.withLock { _ in
            _ = failedLanes.bitwiseOr(1 << UInt8(lane.rawValue), ordering: .acquiringAndReleasing)
        }
        progress.wakeAll()
    }
}
