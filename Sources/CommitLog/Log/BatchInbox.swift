// Hand-off 1: sealed batches on their way to the log writer, bounded in bytes, one lock per offer.
internal import Platform
internal import Synchronization

/// Names a commit to wait for. Tickets are durable in the order in which they were given.
package struct CommitTicket: Hashable, Comparable, Sendable, BitwiseCopyable {
    let sequence: UInt64

    package static func < (left: CommitTicket, right: CommitTicket) -> Bool {
        left.sequence < right.sequence
    }
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
    /// Never: the log is poisoned or was closed before.
    case failed
}

/// Any thread offers; the log-writer thread takes.
package final class BatchInbox: Sendable {
    struct Item {
        var partition: Partition
        var batch: SealedBatch
    }

    struct Deferred {
        var partition: Partition
        var build: @Sendable (CommitEnds) -> SealedBatch
    }

    /// What one commit takes.
    struct Group {
        var items: [Item] = []
        var deferred: [Deferred] = []
        var lastTicket: UInt64 = 0

        var isEmpty: Bool { items.isEmpty && deferred.isEmpty }
    }

    private struct Queue {
        var group = Group()
        /// Of everything offered and not finished yet, taken by the writer or not.
        var memoryBytes = 0
        var isClosed = false
        var isDiskFull = false
    }

    private struct Progress {
        var durable: UInt64 = 0
        var isFailed = false
    }

    private let bytesMax: Int
    private let queue = Condition(Queue())
    private let progress = Condition(Progress())
    private let durableTicket = Atomic<UInt64>(0)
    private let isFailed = Atomic<Bool>(false)
    private let isIdle = Atomic<Bool>(true)

    init(bytesMax: Int) {
        self.bytesMax = bytesMax
    }

    // MARK: - Offering

    /// Hands over one batch. Never blocks. After `.accepted` the batch belongs to the writer.
    package func offer(_ batch: SealedBatch, to partition: Partition) -> OfferResult {
        offer(memoryBytes: batch.memoryBytes, refuses: partition.configuration.onFull == .refuse) { group in
            group.items.append(Item(partition: partition, batch: batch))
        }
    }

    /// Hands over several batches, of several partitions too, that go into one commit, in this order. All or none.
    package func offer(_ batches: [(Partition, SealedBatch)]) -> OfferResult {
        let memoryBytes = batches.reduce(0) { $0 + $1.1.memoryBytes }
        let refuses = batches.contains { $0.0.configuration.onFull == .refuse }
        return offer(memoryBytes: memoryBytes, refuses: refuses) { group in
            for (partition, batch) in batches { group.items.append(Item(partition: partition, batch: batch)) }
        }
    }

    /// Has the writer build a batch when it has stamped all others of the commit, so that the batch can name where
    /// partitions end with that very commit. Deferred batches of one commit are built in the order of their offers.
    /// `build` is called once, on the log-writer thread, between taking and writing: quick, no lock, no disk; the batch
    /// must hold at least one record.
    package func offerDeferred(
        to partition: Partition,
        _ build: @escaping @Sendable (CommitEnds) -> SealedBatch
    ) -> OfferResult {
        offer(memoryBytes: 0, refuses: partition.configuration.onFull == .refuse) { group in
            group.deferred.append(Deferred(partition: partition, build: build))
        }
    }

    private func offer(memoryBytes: Int, refuses: Bool, _ add: (inout Group) -> Void) -> OfferResult {
        let result = queue.withLock { queue -> OfferResult in
            if queue.isClosed { return .closed }
            if queue.isDiskFull && refuses { return .full }
            // A batch larger than the whole bound passes alone, or it never would.
            guard queue.memoryBytes == 0 || queue.memoryBytes + memoryBytes <= bytesMax else { return .full }
            add(&queue.group)
            queue.memoryBytes += memoryBytes
            queue.group.lastTicket += 1
            return .accepted(CommitTicket(sequence: queue.group.lastTicket))
        }
        if case .accepted = result {
            isIdle.store(false, ordering: .releasing)
            queue.wakeAll()
        }
        return result
    }

    // MARK: - Waiting

    /// Blocks until the ticket's commit is durable or failed, or `timeout` is over. Never on the log-writer thread.
    package func wait(for ticket: CommitTicket, timeout: Duration) -> CommitOutcome {
        if isDurable(ticket) { return .durable }
        let outcome = progress.wait(upTo: timeout) { progress -> CommitOutcome? in
            if progress.durable >= ticket.sequence { return .durable }
            return progress.isFailed ? .failed : nil
        }
        return outcome ?? .pending
    }

    /// One atomic load.
    package func isDurable(_ ticket: CommitTicket) -> Bool {
        durableTicket.load(ordering: .acquiring) >= ticket.sequence
    }

    /// How it stands with a ticket, without waiting.
    package func outcome(of ticket: CommitTicket) -> CommitOutcome {
        if isDurable(ticket) { return .durable }
        guard isFailed.load(ordering: .acquiring) else { return .pending }
        return isDurable(ticket) ? .durable : .failed
    }

    /// Whether the writer has nothing to do: an input that asked for commit-now seals and offers then.
    package var writerIsIdle: Bool { isIdle.load(ordering: .acquiring) }

    /// Memory of the batches that are offered and not durable yet.
    package var waitingBytes: Int { queue.withLock { $0.memoryBytes } }

    // MARK: - For the log writer

    /// What `take` found.
    enum Taken {
        case group, nothing, closed
    }

    /// Moves everything that waits into `group`, waiting up to `timeout` for the first. Whoever was offered before
    /// `close` is still taken.
    func take(into group: inout Group, upTo timeout: Duration) -> Taken {
        let taken = queue.wait(upTo: timeout) { queue -> Taken? in
            guard queue.group.isEmpty else {
                // The writer's emptied arrays come back here, so that both keep their capacity.
                swap(&group, &queue.group)
                queue.group.lastTicket = group.lastTicket
                return .group
            }
            return queue.isClosed ? .closed : nil
        }
        return taken ?? .nothing
    }

    /// Sleeps up to `timeout`, less where the inbox closes.
    func pause(upTo timeout: Duration) {
        _ = queue.wait(upTo: timeout) { $0.isClosed ? true : nil }
    }

    /// All tickets up to `ticket` are durable; `memoryBytes` are free again.
    func complete(ticket: UInt64, memoryBytes: Int) {
        let isEmpty = queue.withLock { queue in
            queue.memoryBytes -= memoryBytes
            return queue.group.isEmpty
        }
        if isEmpty { isIdle.store(true, ordering: .releasing) }
        durableTicket.store(ticket, ordering: .releasing)
        progress.withLock { $0.durable = ticket }
        progress.wakeAll()
    }

    func setDiskFull(_ isFull: Bool) {
        queue.withLock { $0.isDiskFull = isFull }
    }

    /// Accepts no more. What was accepted is still taken.
    func close() {
        queue.withLock { $0.isClosed = true }
        queue.wakeAll()
    }

    /// Accepts no more, and every ticket that is not durable has failed.
    func fail() {
        queue.withLock { queue in
            queue.isClosed = true
            queue.group.items.removeAll()
            queue.group.deferred.removeAll()
            queue.memoryBytes = 0
        }
        queue.wakeAll()
        isFailed.store(true, ordering: .releasing)
        progress.withLock { $0.isFailed = true }
        progress.wakeAll()
    }
}
