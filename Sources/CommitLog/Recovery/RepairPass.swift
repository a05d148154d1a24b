// Repairs one segment in which damage was met, a slice between two commits: recovery's verdict and swap of files, while
// the log is open.
internal import Platform

/// Makes the segment at its base what is valid of it. Owned by the log-writer thread, which calls `slice` between commits
/// until it is done. A slice scans or copies about `Limits.upkeepSliceBytes` and syncs no more than that.
///
/// As at opening: gaps are in the journal before the damaged file leaves its place, the journal's word on the new file
/// comes last, and a crash anywhere leaves a file whose length disagrees with the journal, which is looked at again; a
/// crash before the swap leaves the old file. Readers that hold it go on in it up to the damage.
final class RepairPass {
    enum Outcome {
        case unfinished
        /// What was done; nil where nothing is wrong, nothing can be told, or retention took the segment.
        case done(DamageRepair?)
    }

    private enum Phase {
        case opening
        case judging(SegmentRecovery, SegmentRecovery.Judgement, file: any DiskFile)
        case copying(SegmentVerdict, SegmentCopy)
    }

    private let writer: PartitionWriter
    private let segment: Segment
    private var phase = Phase.opening

    private var partition: Partition { writer.partition }
    private var disk: any Disk { writer.disk }
    private var journal: PartitionJournal { writer.journal }

    /// nil where there is no such segment.
    init?(of base: Offset, in writer: PartitionWriter) {
        guard let segment = writer.partition.segments.first(where: { $0.base == base }) else { return nil }
        self.writer = writer
        self.segment = segment
    }

    /// Goes on. After an error the pass is over, but for `abandon`.
    func slice() throws(DiskError) -> Outcome {
        guard partition.segments.contains(where: { $0 === segment }) else {
            try abandon()
            return .done(nil)
        }
        var left = Limits.upkeepSliceBytes
        while left > 0 {
            switch phase {
            case .opening:
                guard let file = try open() else { return .done(try giveUp()) }
                // Where offsets may be missing, a wrong base offset cannot be told from a right one: readers step over
                // the damage.
                guard !partition.isSparse else { return .done(nil) }
                phase = .judging(try recovery(of: file), SegmentRecovery.Judgement(base: segment.base), file: file)
            case .judging(let recovery, var judgement, let file):
                left -= try recovery.advance(&judgement, upTo: left)
                phase = .judging(recovery, judgement, file: file)
                guard judgement.isComplete else { continue }
                if let outcome = try settle(judgement.verdict, file) { return outcome }
            case .copying(let verdict, var copy):
                left -= try copy.advance(upTo: left)
                phase = .copying(verdict, copy)
                try copy.target.sync()
                guard copy.isComplete else { continue }
                // Not before: a crash in the middle of the copy must leave a loss that is yet to be found and told.
                if !verdict.gaps.isEmpty { try journal.append(verdict.gaps.map { .gap($0) }) }
                try SegmentRemoval.removeIndexes(segment.files, disk: disk)
                let kept = try SegmentRepair.swap(segment.files, disk: disk)
                try serve(verdict)
                return .done(repair(verdict, keptFile: kept))
            }
        }
        return .unfinished
    }

    /// Takes away what is half copied.
    func abandon() throws(DiskError) {
        if case .copying = phase, try disk.exists(segment.files.cleaned) { try disk.remove(segment.files.cleaned) }
    }

    /// The file of the segment, sealed if it was active; nil where it is gone.
    private func open() throws(DiskError) -> (any DiskFile)? {
        if !segment.extent.isSealed { try writer.roll() }
        do { return try segment.openForReading() } catch {
            guard error.isNotFound else { throw error }
            return nil
        }
    }

    private func recovery(of file: any DiskFile) throws(DiskError) -> SegmentRecovery {
        let extent = segment.extent
        return SegmentRecovery(
            scanner: SegmentScanner(file: file, length: min(try file.size(), extent.length)),
            base: segment.base,
            limit: extent.end,
            knownGaps: journal.state.gaps,
            journalIsComplete: journal.isComplete,
            keepsPositions: false
        )
    }

    /// Acts on a whole verdict: nil where a copy has to be made first.
    private func settle(_ judged: SegmentVerdict, _ file: any DiskFile) throws(DiskError) -> Outcome? {
        var verdict = judged
        let extent = segment.extent
        if verdict.end < extent.end, !verdict.isCovered(verdict.end, extent.end, by: journal.state.gaps) {
            verdict.gaps.append(OffsetGap(from: verdict.end, to: extent.end, reason: .damage))
        }
        let size = try file.size()
        let isRewritten = verdict.needsRewrite || verdict.validBytes < size || !verdict.gaps.isEmpty
        let isKnown = extent.length == verdict.keptBytes && extent.checksum ?? verdict.checksum == verdict.checksum
        guard isRewritten || !isKnown else { return .done(nil) }
        guard isRewritten else {
            try serve(verdict)
            return .done(repair(verdict, keptFile: nil))
        }
        let cleaned = try SegmentRepair.create(segment.files, disk: disk)
        phase = .copying(verdict, SegmentCopy(verdict.kept, of: file, to: cleaned))
        return nil
    }

    private func repair(_ verdict: SegmentVerdict, keptFile: String?) -> DamageRepair {
        DamageRepair(topicPartition: partition.topicPartition, gaps: verdict.gaps, keptFile: keptFile)
    }

    /// Puts the repaired segment in the place of the old one, for readers and in the journal, with its indexes.
    private func serve(_ verdict: SegmentVerdict) throws(DiskError) {
        var extent = segment.extent
        let old = extent
        extent.length = verdict.keptBytes
        extent.checksum = verdict.checksum
        let repaired = Segment(files: segment.files, disk: disk, extent: extent, index: nil)
        partition.replace(segment, with: repaired, gaps: journal.state.gaps)
        let known = journal.state.sealed[segment.base]
        let now = AppendTime.now(writer.clock)
        let sealed = SealedSegment(
            base: segment.base,
            end: extent.end,
            length: ByteCount(extent.length),
            checksum: verdict.checksum,
            maxTimestamp: known?.maxTimestamp ?? verdict.index.latest?.timestamp ?? Timestamp(milliseconds: 0),
            firstAppend: known?.firstAppend ?? old.firstAppend ?? now,
            lastAppend: known?.lastAppend ?? old.lastAppend ?? now
        )
        try journal.append([.segmentSealed(sealed)])
        let encoded = verdict.index.encoded()
        try disk.writeNew(segment.files.offsetIndex, encoded.offsets)
        try disk.writeNew(segment.files.timeIndex, encoded.times)
        try disk.syncDirectory(partition.directory)
    }

    /// The file is gone: so are its offsets.
    private func giveUp() throws(DiskError) -> DamageRepair {
        let gap = OffsetGap(from: segment.base, to: segment.extent.end, reason: .missingSegment)
        try journal.append([.gap(gap)])
        partition.replace(segment, with: nil, gaps: journal.state.gaps)
        return DamageRepair(topicPartition: partition.topicPartition, gaps: [gap], keptFile: nil)
    }
}

/// Takes the noted segments one after the other. Owned by the log-writer thread.
final class DamageRepairs {
    private let writers: PartitionWriters
    private let damage: DamageList
    private var current: (item: DamageList.Item, pass: RepairPass)?
    private var sliceAt: MonotonicInstant?

    init(_ writers: PartitionWriters, damage: DamageList) {
        self.writers = writers
        self.damage = damage
    }

    var isActive: Bool { current != nil }

    /// One slice of the repair under way, or the first of the next: at once where the writer is idle, else no more often
    /// than `Limits.upkeepInterval`.
    ///
    /// - Returns: what was done, where one was finished.
    func slice(at now: MonotonicInstant, isIdle: Bool) throws(DiskError) -> DamageRepair? {
        if current == nil {
            guard let item = damage.take() else { return nil }
            guard let writer = writers[item.slot] else {
                // The partition was deleted.
                damage.release(item)
                return nil
            }
            guard let pass = RepairPass(of: item.base, in: writer) else {
                damage.settle(item)
                return nil
            }
            current = (item, pass)
        } else if !isIdle, let sliceAt, now < sliceAt {
            return nil
        }
        guard let (item, pass) = current else { return nil }
        sliceAt = now.advanced(by: Limits.upkeepInterval)
        do {
            guard case .done(let repair) = try pass.slice() else { return nil }
            current = nil
            if repair == nil { damage.settle(item) } else { damage.release(item) }
            return repair
        } catch {
            try abandon()
            // No room for the cleaned file: tried again when a reader meets the damage again.
            if error.isRetriable { return nil }
            guard error.isReading else { throw error }
            damage.settle(item)
            return nil
        }
    }

    /// Lets go of a partition that is gone, and of its files.
    func forget(_ slot: Int) {
        if current?.item.slot == slot { current = nil }
        damage.forget(slot)
    }

    /// Gives the repair up that is under way in one partition.
    func abandon(_ slot: Int) throws(DiskError) {
        if current?.item.slot == slot { try abandon() }
    }

    /// Gives the repair under way up; it begins anew when a reader meets the damage again.
    func abandon() throws(DiskError) {
        guard let (item, pass) = current else { return }
        current = nil
        damage.postpone(item)
        try pass.abandon()
    }
}
