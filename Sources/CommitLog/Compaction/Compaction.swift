// Compaction of all partitions that want it: one pass at a time, a slice between two commits.
internal import Platform

/// Owned by the log-writer thread.
final class Compaction {
    private let cleaners: [PartitionCleaner]
    private var sliceAt: MonotonicInstant?

    init(_ writers: [PartitionWriter], disk: any Disk) {
        cleaners = writers.filter { $0.partition.configuration.cleanup == .compact }
            .map { PartitionCleaner(writer: $0, disk: disk) }
    }

    var isActive: Bool { cleaners.contains(where: \.isActive) }

    /// Begins a pass where one is due and none is under way.
    func consider(at now: MonotonicInstant) throws(DiskError) {
        guard !isActive else { return }
        for cleaner in cleaners {
            try cleaner.considerPass(at: now)
            if cleaner.isActive { return }
        }
    }

    /// One slice of the pass under way: at once where the writer is idle, else no more often than
    /// `Limits.compactionInterval`. A full disk ends the pass.
    func slice(at now: MonotonicInstant, isIdle: Bool) throws(DiskError) {
        guard let cleaner = cleaners.first(where: \.isActive) else { return }
        if !isIdle, let sliceAt, now < sliceAt { return }
        sliceAt = now.advanced(by: Limits.compactionInterval)
        do {
            try cleaner.slice(at: now)
        } catch {
            guard error.isRetriable else { throw error }
            try cleaner.abandon()
        }
    }
}
