// The producers of one partition while it is written to: who may append, and the snapshots that make it known after a restart.
internal import Platform

/// Owned by the log-writer thread.
final class PartitionProducers {
    /// So many snapshots are kept: where the newest is damaged, the one before it costs reading one segment.
    private static let snapshotsMax = 2

    private let disk: any Disk
    private let clock: any Clock
    private let directory: String
    private let journal: PartitionJournal
    private var table: ProducerTable
    /// Offsets of those that lie there, ascending.
    private var snapshots: [Offset]

    init(
        table: ProducerTable,
        snapshots: [Offset],
        directory: String,
        journal: PartitionJournal,
        disk: any Disk,
        clock: any Clock
    ) {
        self.table = table
        self.snapshots = snapshots
        self.directory = directory
        self.journal = journal
        self.disk = disk
        self.clock = clock
    }

    // MARK: - One commit

    /// Before the first batch ever that names its producer: records that there are such, without which recovery looks for
    /// none, and that there were none below `offset`, the durable end, so that it need not look there.
    func prepare(for batches: [SealedBatch], at offset: Offset) throws(DiskError) {
        guard !journal.state.hasProducers, batches.contains(where: { $0.producer != nil }) else { return }
        try write(at: offset)
        try disk.syncDirectory(directory)
        try journal.append([.producers])
    }

    /// Whether `batch` is to be appended, at `offset`; where not, it says itself what became of it.
    func admit(_ batch: SealedBatch, at offset: Offset) -> Bool {
        guard let producer = batch.producer else { return true }
        let count = Int32(clamping: batch.recordCount)
        switch table.judge(producer, count: count) {
        case .append:
            table.append(producer, count: count, at: offset, AppendTime.now(clock))
            return true
        case .duplicate(let original): batch.leaveOut(.duplicate(original))
        case .outOfOrder: batch.leaveOut(.outOfOrderSequence)
        case .fenced: batch.leaveOut(.fencedEpoch)
        }
        return false
    }

    /// The admitted batches are durable.
    func commit() { table.commit() }

    /// Forgets the batches that were admitted since the last commit.
    func rollBack() { table.rollBack() }

    // MARK: - Upkeep

    /// Forgets those that have been idle for too long. `now`: as retention has it. Between two commits.
    func expire(at now: AppendTime) { table.expire(at: now) }

    /// Writes down what is known below `offset`, the durable end. The caller syncs the directory, then calls `prune`.
    func snapshot(at offset: Offset) throws(DiskError) {
        guard journal.state.hasProducers else { return }
        try write(at: offset)
    }

    private func write(at offset: Offset) throws(DiskError) {
        guard let topicID = journal.state.topicID else { return }
        try ProducerSnapshot.write(table, at: offset, topicID: topicID, in: directory, disk: disk)
        if snapshots.last != offset { snapshots.append(offset) }
    }

    /// The same at the end of writing: durable on return.
    func finish(at offset: Offset) throws(DiskError) {
        guard journal.state.hasProducers, snapshots.last ?? Offset(-1) < offset else { return }
        try snapshot(at: offset)
        try disk.syncDirectory(directory)
        try prune()
    }

    /// Removes all but the newest snapshots.
    func prune() throws(DiskError) {
        while snapshots.count > PartitionProducers.snapshotsMax {
            try ProducerSnapshot.remove(at: snapshots[0], in: directory, disk: disk)
            snapshots.removeFirst()
        }
    }
}
