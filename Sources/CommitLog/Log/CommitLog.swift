// The log of one data directory: its partitions, its inbox, its tail, and what may be known of them from any thread.
package import Platform
internal import Synchronization

/// How the log stands.
package enum LogState: Sendable {
    case serving
    /// The disk is full; accepted batches wait and are tried again, readers are served.
    case full
    /// A write or sync failed. Final: nothing is retried, every ticket that waited has failed, the process should exit
    /// 74.
    case poisoned(LogError)
    case closed
}

/// Lifecycle: `open`, one `makeWriter()` whose owner calls `step()` until it calls `close()`; readers and offers from
/// any thread in between. Locks here and below are leaf-level and never held across a call to the disk.
package final class CommitLog: Sendable {
    /// What the opener may do with the log.
    package enum Access: Sendable {
        case readWrite
        /// Changes nothing on disk and presents the log as recovery would; for commands while no daemon runs.
        case readOnly
    }

    package let configuration: LogConfiguration
    package let access: Access
    package let recoveryReport: RecoveryReport
    package let inbox: BatchInbox
    package let tail: LogTail
    /// Where builders take their buffers.
    package let pool: BatchBufferPool

    /// Segments in which damage was met.
    let damage = DamageList()
    let disk: any Disk
    let clock: any Clock

    private struct Shared {
        var snapshot: LogSnapshot
        var catalogue: TopicCatalogue
        var state = LogState.serving
        var metrics = LogMetrics()
        var writers: WriterSeed?
    }

    /// The writing halves until `makeWriter` takes them.
    struct WriterSeed: @unchecked Sendable {
        // Sendable: made by the opening thread, taken once by the writer's.
        var writers: [PartitionWriter]
        var reserve: SpaceReserve
        /// Where segments of topics that say nothing are closed.
        var segmentBytes: ByteCount
        /// The first that no partition has.
        var nextSlot: Int
    }

    private let shared: Mutex<Shared>
    private let epoch = Atomic<UInt64>(0)

    init(
        configuration: LogConfiguration,
        disk: any Disk,
        clock: any Clock,
        access: Access,
        openings: [PartitionOpening],
        reserve: SpaceReserve,
        segmentBytes: ByteCount,
        report: RecoveryReport
    ) {
        self.configuration = configuration
        self.disk = disk
        self.clock = clock
        self.access = access
        recoveryReport = report
        inbox = BatchInbox(bytesMax: configuration.inboxBytesMax, clock: clock)
        tail = LogTail()
        pool = BatchBufferPool()
        let seed = WriterSeed(
            writers: openings.compactMap(\.writer),
            reserve: reserve,
            segmentBytes: segmentBytes,
            nextSlot: openings.count
        )
        shared = Mutex(
            Shared(
                snapshot: LogSnapshot(openings.map(\.partition)),
                catalogue: TopicCatalogue(openings.map(\.partition)),
                metrics: LogMetrics(lostOffsets: report.lostOffsets),
                writers: access == .readWrite ? seed : nil
            )
        )
        if access == .readOnly { inbox.close() }
        for opening in openings {
            damage.addUntold(opening.writer?.journal.state.untoldGaps ?? [], of: opening.partition.topicPartition)
            for base in opening.suspects { damage.note(.init(slot: opening.partition.slot, base: base)) }
        }
    }

    /// All partitions, those of topics that nobody configured included; by topic and number. One short lock.
    package var partitions: [Partition] { catalogue.partitions }

    /// All topics by name, each as it is at the moment. One short lock.
    package var topics: [TopicDescription] { catalogue.topics }

    /// The topic as it is at the moment, or nil where there is none of that name. One short lock.
    package func topic(_ name: TopicName) -> TopicDescription? { catalogue.topic(name) }

    /// The same by its id.
    package func topic(_ id: UniqueIdentifier) -> TopicDescription? { catalogue.topic(id) }

    /// Another number whenever `topics` are others; one atomic load. Ask before `topics`, which are never older.
    package var topicsEpoch: UInt64 { epoch.load(ordering: .acquiring) }

    /// The partition, or nil where the log has none of that name.
    package func partition(_ topicPartition: TopicPartition) -> Partition? { catalogue.partition(topicPartition) }

    /// Has the log-writer thread do a change between two commits. Never blocks; any thread.
    ///
    /// `completion` is called once, on the log-writer thread, when the change is done and durable, or refused, or has
    /// failed; it must return at once. Where too many changes wait (`busy`), and where the log is closed, poisoned or open
    /// for reading only (`closed`), it is called before this returns. A change that waits when the log closes fails. After
    /// a failure that is no refusal (`disk`) the log is poisoned, and the next open decides whether the change was done.
    package func change(
        _ change: TopicChange,
        completion: @escaping @Sendable (Result<Void, LogError>) -> Void
    ) {
        let refusal = inbox.submit(.init(change: change, completion: completion))
        if let refusal { completion(.failure(refusal)) }
    }

    /// What the change would be refused with if it were done now, a full disk and a log that takes no changes aside; nil for
    /// nothing. Never blocks; any thread.
    package func refusal(of change: TopicChange) -> LogError? {
        do throws(LogError) {
            try catalogue.check(change)
            return nil
        } catch {
            return error
        }
    }

    /// The writing half. Once, for a log that is open for writing; the calling thread hands it to the log-writer
    /// thread.
    ///
    /// `syncHelpersMax`: threads that sync beside the writer's own; 0 where everything runs on one thread.
    package func makeWriter(syncHelpersMax: Int = Limits.syncHelpersMax) -> LogWriter {
        let seed = shared.withLock { shared -> WriterSeed? in
            let taken = shared.writers
            shared.writers = nil
            return taken
        }
        guard let seed else { preconditionFailure("a log has one writer, and none when it is open for reading only") }
        return LogWriter(log: self, seed: seed, syncHelpersMax: syncHelpersMax)
    }

    /// Producer ids for this log's clients. Once; reads a file.
    package func makeProducerIDs() throws(LogError) -> ProducerIDs {
        try ProducerIDs(dataDirectory: configuration.directory, disk: disk)
    }

    /// The high watermarks of all partitions as one commit left them. One short lock.
    package func snapshot() -> LogSnapshot {
        shared.withLock { $0.snapshot }
    }

    package var state: LogState { shared.withLock { $0.state } }

    package var metrics: LogMetrics { shared.withLock { $0.metrics } }

    /// What was done about damage that was met since the log was opened, oldest first; the last `Limits.repairsMax`.
    package var repairs: [DamageRepair] { damage.repairs }

    /// Whether the log writer is about to repair the segment that holds `offset`, in which damage was met: a batch whose
    /// offset alone was wrong can be read after it.
    package func isUnderRepair(_ partition: Partition, at offset: Offset) -> Bool {
        guard access == .readWrite, case .serving = state, let segment = partition.segment(at: offset) else {
            return false
        }
        return damage.isAwaited(.init(slot: partition.slot, base: segment.base))
    }

    /// Offsets lost to damage of which nobody has durably been told, by this process or one before it.
    package var untoldGaps: [LostOffsets] { damage.untold }

    /// Takes note that the gaps are durably told of. Best effort: after a crash within a second they are untold again.
    package func markTold(_ gaps: [LostOffsets]) { damage.markTold(gaps) }

    // MARK: - For the log writer

    var catalogue: TopicCatalogue { shared.withLock { $0.catalogue } }

    /// Shows these partitions and no others from here on, with their configurations as they are.
    func show(_ partitions: [Partition]) {
        let catalogue = TopicCatalogue(partitions)
        shared.withLock { shared in
            shared.catalogue = catalogue
            shared.snapshot = shared.snapshot.of(partitions)
            epoch.add(1, ordering: .acquiringAndReleasing)
        }
    }

    /// Makes a commit visible: all of it at once.
    func publish(_ ends: [(partition: Partition, end: Offset)], metrics change: (inout LogMetrics) -> Void) {
        shared.withLock { shared in
            shared.snapshot = shared.snapshot.moved(ends)
            for (partition, end) in ends { partition.setHighWatermark(end) }
            change(&shared.metrics)
        }
    }

    func note(_ change: (inout LogMetrics) -> Void) {
        shared.withLock { change(&$0.metrics) }
    }

    /// Poisoned is final; closed wins over everything but that.
    func setState(_ state: LogState) {
        shared.withLock { shared in
            if case .poisoned = shared.state { return }
            shared.state = state
        }
    }
}
