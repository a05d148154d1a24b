// Compaction of all partitions that want it: one pass at a time, a slice between two commits.
internal import Platform

/// Owned by the log-writer thread.
final class Compaction {
    private let cleaners: [PartitionCleaner]
    private var sliceAt: MonotonicInstant?

    init(_ writers: [PartitionWriter], disk: any Disk, damage: DamageList) {
        cleaners = writers.filter { $0.partition.configuration.cleanup == .compact }
            .map { PartitionCleaner(writer: $0, disk: disk, damage: damage) }
    }

    var isActive: Bool { cleaners.contains(where: \.isActive) }

    /// Begins a pass where one is due and none is under way.
    func consider(at now: MonotonicInstant) throws(DiskError) {
        guard !isActive else { return }
        for cleaner in cleaners {
            try turn(cleaner) { () throws(DiskError) in try cleaner.considerPass(at: now) }
            if cleaner.isActive { return }
        }
    }

    /// One slice of the pass under way: at once where the writer is idle, else no more often than
    /// `Limits.upkeepInterval`.
    func slice(at now: MonotonicInstant, isIdle: Bool) throws(DiskError) {
        guard let cleaner = cleaners.first(where: \.isActive) else { return }
        if !isIdle, let sliceAt, now < sliceAt { return }
        sliceAt = now.advanced(by: Limits.upkeepInterval)
        try turn(cleaner) { () throws(DiskError) in try cleaner.slice(at: now) }
    }

    /// A full disk ends the pass, and so does a segment whose file is gone, which is noted as damage.
    private func turn(_ cleaner: PartitionCleaner, _ body: () throws(DiskError) -> Void) throws(DiskError) {
        do {
            try body()
        } catch {
            guard error.isRetriable || (error.operation == .open && error.isNotFound) else { throw error }
            try cleaner.abandon()
        }
    }
}
