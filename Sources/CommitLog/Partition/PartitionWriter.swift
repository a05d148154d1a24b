// The writing half of a partition: its active segment, its journal, and what one commit brings.
//
// One commit: `add` every batch, `stamp`, `write`, `sync`, then `publish`, or `undo` where the disk was full. Nothing
// before `publish` is visible to anybody else, and a failed commit leaves the numbers as they were. Batches that their
// producer has sent before, or out of order, are left out by `stamp` and say so themselves.
internal import Platform

/// Owned by the log-writer thread.
final class PartitionWriter {
    struct Active {
        var segment: Segment
        var file: any DiskFile
        /// CRC-32C of the file up to its durable end.
        var checksum: UInt32
    }

    let partition: Partition
    let disk: any Disk
    let clock: any Clock
    let journal: PartitionJournal
    private var segmentBytes: Int64
    private var active: Active
    /// Durable end of the active segment, as offset and as length.
    private var end: Offset
    private var length: Int64
    private var zeroTail: ZeroTail

    private let producers: PartitionProducers
    /// All that were added.
    private var pending: [SealedBatch] = []
    /// Those of them that are appended.
    private var admitted: [SealedBatch] = []
    private var vectors: [UnsafeRawBufferPointer] = []
    private(set) var pendingBytes: Int64 = 0
    /// The end once the pending batches are durable.
    private(set) var stampedEnd: Offset

    init(
        partition: Partition,
        disk: any Disk,
        clock: any Clock,
        journal: PartitionJournal,
        segmentBytes: ByteCount,
        active: Active,
        producers: PartitionProducers
    ) {
        self.partition = partition
        self.disk = disk
        self.clock = clock
        self.journal = journal
        self.segmentBytes = max(1, segmentBytes.value)
        self.active = active
        self.producers = producers
        let extent = active.segment.extent
        end = extent.end
        length = extent.length
        zeroTail = ZeroTail(end: extent.length)
        stampedEnd = extent.end
    }

    var isDirty: Bool { !pending.isEmpty }
    /// The file that `sync` must reach; called from a helper thread when several are dirty.
    var file: any DiskFile { active.file }
    /// Of the batches that are appended, as are `pendingBytes`; known once they are stamped.
    var batchCount: Int { admitted.count }
    var recordCount: Int { admitted.reduce(0) { $0 + $1.recordCount } }

    // MARK: - One commit

    func add(_ batch: SealedBatch) { pending.append(batch) }

    /// Closes the active segment first where the pending batches would pass its limit, then gives every batch that is
    /// appended its offset. Can be repeated.
    func stamp() throws(DiskError) {
        producers.rollBack()
        // What is left out below counts here: a segment may be closed a little early.
        let records = pending.reduce(0) { $0 + $1.recordCount }
        let newLength = pending.reduce(length) { $0 + Int64($1.byteCount) }
        let hasRoom = active.segment.index?.hasRoom(endingAt: end + records, length: newLength) ?? false
        if length > 0 && (newLength > segmentBytes || !hasRoom) { try roll() }
        try producers.prepare(for: pending, at: end)
        stampedEnd = end
        pendingBytes = 0
        admitted.removeAll(keepingCapacity: true)
        for batch in pending where producers.admit(batch, at: stampedEnd) {
            batch.stamp(stampedEnd)
            stampedEnd = stampedEnd + batch.recordCount
            pendingBytes += Int64(batch.byteCount)
            admitted.append(batch)
        }
    }

    /// One vectored write of all pending batches; in the page cache on return. `zeroesAhead`: whether a tail of zeros may
    /// follow them; that one finds no room is no failure.
    func write(zeroesAhead: Bool) throws(DiskError) {
        vectors.removeAll(keepingCapacity: true)
        for batch in admitted { vectors.append(batch.bytes) }
        try active.file.write(vectors, at: length)
        let end = length + pendingBytes
        guard zeroTail.grow(to: end, by: pendingBytes, segmentBytes: segmentBytes), zeroesAhead else { return }
        zeroTail.extend()
        do throws(DiskError) {
            try active.file.write(PartitionWriter.zeros, at: end)
        } catch {
            guard error.isRetriable else { throw error }
        }
    }

    private static let zeros = [UInt8](repeating: 0, count: Int(Limits.zeroTailBytes))

    /// Ends the file where the segment ends: durable on return.
    private func cutZeroTail() throws(DiskError) {
        guard zeroTail.end > length else { return }
        try cut()
    }

    private func cut() throws(DiskError) {
        try active.file.truncate(to: length)
        try active.file.sync()
        zeroTail.cut(to: length)
    }

    /// Moves the durable end over the pending batches. The caller publishes the high watermark.
    func publish() {
        defer { clearPending() }
        guard !admitted.isEmpty else { return }
        producers.commit()
        let now = AppendTime.now(clock)
        for batch in admitted { active.checksum = CRC32C.checksum(batch.bytes, seed: active.checksum) }
        active.segment.update { [admitted, length, end, stampedEnd, pendingBytes] extent, index in
            var position = length
            var next = end
            for batch in admitted {
                next = next + batch.recordCount
                index?.add(
                    endOffset: next,
                    maxTimestamp: batch.maxTimestamp,
                    position: position,
                    byteCount: batch.byteCount
                )
                extent.maxTimestamp = max(extent.maxTimestamp ?? batch.maxTimestamp, batch.maxTimestamp)
                position += Int64(batch.byteCount)
            }
            extent.end = stampedEnd
            extent.length = length + pendingBytes
            if extent.firstAppend == nil { extent.firstAppend = now }
            extent.lastAppend = now
        }
        end = stampedEnd
        length += pendingBytes
    }

    /// Takes back what a full disk left half written: durable on return. The pending batches are the caller's again, to
    /// be added anew for the next attempt.
    func undo() throws(DiskError) {
        producers.rollBack()
        pending.removeAll(keepingCapacity: true)
        admitted.removeAll(keepingCapacity: true)
        pendingBytes = 0
        stampedEnd = end
        try cut()
    }

    /// Lets go of the pending batches after a failure that is final.
    func clearPending() {
        for batch in pending { batch.release() }
        pending.removeAll(keepingCapacity: true)
        admitted.removeAll(keepingCapacity: true)
        pendingBytes = 0
    }

    // MARK: - Segments

    /// Seals the active segment and opens the next. On a thrown error the active segment is still the old one and the
    /// call can be repeated.
    ///
    /// `makesRoom` rolls on a full disk too, so that what is sealed can be deleted: without the indexes, which are hints,
    /// and without the journal's entries, in place of which recovery takes the names of the files and their lengths.
    func roll(makesRoom: Bool = false) throws(DiskError) {
        let extent = active.segment.extent
        let files = active.segment.files
        guard let index = active.segment.index else { return }
        let now = AppendTime.now(clock)
        let next = SegmentFiles(directory: partition.directory, base: end)
        let last = extent.lastAppend ?? now
        let sealed = SealedSegment(
            base: files.base,
            end: end,
            length: ByteCount(length),
            checksum: active.checksum,
            maxTimestamp: extent.maxTimestamp ?? Timestamp(milliseconds: 0),
            firstAppend: extent.firstAppend ?? last,
            lastAppend: last
        )
        do {
            try cutZeroTail()
            let encoded = index.encoded()
            try disk.writeNew(files.offsetIndex, encoded.offsets)
            try disk.writeNew(files.timeIndex, encoded.times)
            try producers.snapshot(at: end)
            try record(sealed, now)
        } catch {
            guard makesRoom, error.isRetriable else { throw error }
        }
        if try disk.exists(next.log) { try disk.remove(next.log) }
        let file = try disk.open(next.log, .create)
        try disk.syncDirectory(partition.directory)
        try producers.prune()

        let opened = Segment(
            files: next,
            disk: disk,
            extent: .init(end: end, length: 0, isSealed: false, firstAppend: now),
            index: SegmentIndex(base: end)
        )
        partition.append(opened)
        active.segment.update { extent, index in
            extent.isSealed = true
            extent.firstAppend = sealed.firstAppend
            extent.lastAppend = sealed.lastAppend
            extent.checksum = sealed.checksum
            index = nil
        }
        active = Active(segment: opened, file: file, checksum: 0)
        length = 0
        zeroTail.cut(to: 0)
    }

    /// Puts the compacted file of a sealed segment, which is synced, in its place: renamed, then recorded. Between the two
    /// the journal is wrong about the length, which recovery knows of compacted topics.
    func replaceSealed(_ old: Segment, _ extent: Segment.Extent, _ index: SegmentIndex) throws(DiskError) {
        let files = old.files
        for path in [files.offsetIndex, files.timeIndex] where try disk.exists(path) { try disk.remove(path) }
        try disk.rename(files.cleaned, to: files.log)
        try disk.syncDirectory(partition.directory)
        partition.replace(old, with: Segment(files: files, disk: disk, extent: extent, index: nil))
        let unknown = AppendTime(timestamp: Timestamp(milliseconds: 0), isSynchronised: false)
        let sealed = SealedSegment(
            base: files.base,
            end: extent.end,
            length: ByteCount(extent.length),
            checksum: extent.checksum ?? 0,
            maxTimestamp: extent.maxTimestamp ?? unknown.timestamp,
            firstAppend: extent.firstAppend ?? unknown,
            lastAppend: extent.lastAppend ?? unknown
        )
        try journal.append([.segmentSealed(sealed)])
        let encoded = index.encoded()
        try disk.writeNew(files.offsetIndex, encoded.offsets)
        try disk.writeNew(files.timeIndex, encoded.times)
        try journal.rewriteIfLong(keeping: partition.segments.map(\.base))
    }

    /// Once: a roll that a full disk stopped after this point is repeated.
    private func record(_ sealed: SealedSegment, _ now: AppendTime) throws(DiskError) {
        guard journal.state.sealed[sealed.base] != sealed || journal.state.opened[sealed.end] == nil else { return }
        let boot = UniqueIdentifier(text: clock.bootID) ?? UniqueIdentifier(high: 0, low: 0)
        try journal.append([.segmentSealed(sealed), .segmentOpened(base: sealed.end, at: now, bootID: boot)])
    }

    // MARK: - Upkeep

    /// Gives up everything below `logStart`: recorded durably, then invisible, then removed.
    ///
    /// A disk that is full to the last byte has no room for the entry either. Then the segments are emptied first, oldest
    /// first, and keep their names until the entry is written into the room that this made: recovery takes empty segments
    /// in front for deleted ones, while names that are gone without an entry would be reported as a loss. Journal space
    /// kept ready instead would not be sure to help, since a file system that copies on write needs room for every write.
    ///
    /// `atOnce` empties the files first, so that the space is there whoever still reads them.
    func delete(below logStart: Offset, atOnce: Bool) throws(DiskError) {
        let doomed = partition.segments.filter { $0.isDeleted(below: logStart) }
        guard !doomed.isEmpty else { return }
        do {
            try journal.append([.retention(logStart: logStart)])
            partition.removeSegments(below: logStart)
            if atOnce { for segment in doomed { try SegmentRemoval.empty(segment.files, disk: disk) } }
        } catch {
            guard error.isRetriable else { throw error }
            partition.removeSegments(below: logStart)
            for segment in doomed { try SegmentRemoval.empty(segment.files, disk: disk) }
            try journal.append([.retention(logStart: logStart)])
        }
        for segment in doomed { try SegmentRemoval.remove(segment.files, disk: disk) }
        try disk.syncDirectory(partition.directory)
        try journal.rewriteIfLong(keeping: partition.segments.map(\.base))
    }

    /// Deletes by hand what lies below `logStart`, which is above the log's start and not above its end. Durable on return;
    /// on a thrown error of a full disk nothing or all of it is done.
    func deleteRecords(below logStart: Offset) throws(DiskError) {
        if logStart >= end && length > 0 {
            // So that the file can go. Where there is no room for the next one it stays, unseen.
            do { try roll(makesRoom: true) } catch { guard error.isRetriable else { throw error } }
        }
        guard !partition.segments.contains(where: { $0.isDeleted(below: logStart) }) else {
            return try delete(below: logStart, atOnce: true)
        }
        try journal.append([.retention(logStart: logStart)])
        partition.removeSegments(below: logStart)
        try journal.rewriteIfLong(keeping: partition.segments.map(\.base))
    }

    /// Records another configuration of the topic. Durable on return, and not in force.
    func record(_ configuration: TopicConfiguration) throws(DiskError) {
        try journal.append([.partition(topicID: partition.topicID, configuration: configuration)])
        try journal.rewriteIfLong(keeping: partition.segments.map(\.base))
    }

    /// Puts it in force.
    func apply(_ configuration: TopicConfiguration, segmentBytes bytes: ByteCount) {
        partition.setConfiguration(configuration)
        segmentBytes = max(1, bytes.value)
    }

    /// For the end of writing: the active file holds nothing but its batches, and all of them were synced.
    func finish() throws(DiskError) {
        try cutZeroTail()
        try writeRecoveryPoint()
        try producers.finish(at: end)
    }

    /// Forgets producers that have been idle for too long. Between two commits.
    func expireProducers(at now: AppendTime) { producers.expire(at: now) }

    /// Records that everything up to the durable end was synced.
    func writeRecoveryPoint() throws(DiskError) {
        guard journal.state.recoveryPoint < end else { return }
        try journal.append([.recoveryPoint(end, lastAppend: active.segment.extent.lastAppend)])
        try journal.rewriteIfLong(keeping: partition.segments.map(\.base))
    }
}
