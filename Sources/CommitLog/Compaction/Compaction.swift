// Compaction of all partitions that want it: one pass at a time, a slice between two commits.
internal import Platform

/// Owned by the log-writer thread.
final class Compaction {
    private let disk: any Disk
    private let damage: DamageList
    private var cleaners: [PartitionCleaner] = []
    private var sliceAt: MonotonicInstant?

    init(_ writers: PartitionWriters, disk: any Disk, damage: DamageList) {
        self.disk = disk
        self.damage = damage
        for writer in writers.all { follow(writer) }
    }

    /// Takes note of a partition that is new, or whose configuration is; no pass is under way in one that is not compacted
    /// any more.
    func follow(_ writer: PartitionWriter) {
        let slot = writer.partition.slot
        let isFollowed = cleaners.contains { $0.slot == slot }
        switch writer.partition.configuration.cleanup {
        case .compact where !isFollowed:
            cleaners.append(PartitionCleaner(writer: writer, disk: disk, damage: damage))
        case .compact: break
        case .delete: forget(slot)
        }
    }

    /// Lets go of a partition that is gone.
    func forget(_ slot: Int) {
        cleaners.removeAll { $0.slot == slot }
    }

    /// Gives the pass up that is under way in a partition: its segments are about to change.
    func abandon(_ slot: Int) throws(DiskError) {
        if let cleaner = cleaners.first(where: { $0.slot == slot }) { try cleaner.abandon() }
    }

    var isActive: Bool { cleaners.contains(where: \.isActive) }

    /// Begins a pass where one is due and none is under way. Whoever has had one waits for all others.
    func consider(at now: MonotonicInstant) throws(DiskError) {
        guard !isActive else { return }
        for (index, cleaner) in cleaners.enumerated() {
            _ = try turn(cleaner) { () throws(DiskError) in try cleaner.considerPass(at: now) }
            guard cleaner.isActive else { continue }
            cleaners.append(cleaners.remove(at: index))
            return
        }
    }

    /// One slice of the pass under way: at once where the writer is idle, else no more often than
    /// `Limits.upkeepInterval`.
    func slice(at now: MonotonicInstant, isIdle: Bool) throws(DiskError) {
        guard let cleaner = cleaners.first(where: \.isActive) else { return }
        if !isIdle, let sliceAt, now < sliceAt { return }
        sliceAt = now.advanced(by: Limits.upkeepInterval)
        let isDone = try turn(cleaner) { () throws(DiskError) in try cleaner.slice(at: now) }
        if isDone { try consider(at: now) }
    }

    /// A full disk ends the pass, and so does a segment whose file is gone, which is noted as damage: false.
    private func turn(_ cleaner: PartitionCleaner, _ body: () throws(DiskError) -> Void) throws(DiskError) -> Bool {
        do {
            try body()
            return true
        } catch {
            guard error.isRetriable || (error.operation == .open && error.isNotFound) else { throw error }
            try cleaner.abandon()
            return false
        }
    }
}
