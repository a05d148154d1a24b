// The log of one data directory: its partitions, its inbox, its tail, and what may be known of them from any thread.
internal import Platform
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
    /// All partitions, those of topics that nobody configured included; by topic and number.
    package let partitions: [Partition]
    package let inbox: BatchInbox
    package let tail: LogTail
    /// Where builders take their buffers.
    package let pool: BatchBufferPool

    /// Segments in which damage was met.
    let damage = DamageList()
    let disk: any Disk
    let clock: any Clock
    let slots: [TopicPartition: Int]

    private struct Shared {
        var snapshot: LogSnapshot
        var state = LogState.serving
        var metrics = LogMetrics()
        var writers: WriterSeed?
    }

    /// The writing halves until `makeWriter` takes them.
    struct WriterSeed: @unchecked Sendable {
        // Sendable: made by the opening thread, taken once by the writer's.
        var writers: [PartitionWriter]
        var reserve: SpaceReserve
    }

    private let shared: Mutex<Shared>

    init(
        configuration: LogConfiguration,
        disk: any Disk,
        clock: any Clock,
        access: Access,
        openings: [PartitionOpening],
        reserve: SpaceReserve,
        report: RecoveryReport
    ) {
        self.configuration = configuration
        self.disk = disk
        self.clock = clock
        self.access = access
        recoveryReport = report
        partitions = openings.map(\.partition)
        slots = Dictionary(uniqueKeysWithValues: openings.map { ($0.partition.topicPartition, $0.partition.slot) })
        inbox = BatchInbox(bytesMax: configuration.inboxBytesMax, clock: clock)
        tail = LogTail()
        pool = BatchBufferPool()
        let snapshot = LogSnapshot(generation: 0, ends: openings.map(\.partition.logEndOffset))
        let seed = WriterSeed(writers: openings.compactMap(\.writer), reserve: reserve)
        shared = Mutex(
            Shared(
                snapshot: snapshot,
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

    /// The partition, or nil where the log has none of that name.
    package func partition(_ topicPartition: TopicPartition) -> Partition? {
        slots[topicPartition].map { partitions[$0] }
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
        return LogWriter(log: self, writers: seed.writers, reserve: seed.reserve, syncHelpersMax: syncHelpersMax)
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

    /// Makes a commit visible: all of it at once.
    func publish(_ ends: [(partition: Partition, end: Offset)], metrics change: (inout LogMetrics) -> Void) {
        shared.withLock { shared in
            shared.snapshot = shared.snapshot.moved { offsets in
                for (partition, end) in ends { offsets[partition.slot] = end }
            }
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
