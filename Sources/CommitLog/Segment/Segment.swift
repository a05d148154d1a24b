// One segment as everybody sees it: its name, how far it reaches, and how to open it for reading.
internal import Platform
internal import Synchronization

/// Shared between the log writer, which moves its end, and readers. The lock is leaf-level and never held across a call
/// to the disk.
final class Segment: Sendable {
    /// How far the segment reaches, and what retention needs to know of it.
    struct Extent: Sendable {
        /// The offset after the last durable record.
        var end: Offset
        /// Bytes of durable batches.
        var length: Int64
        var isSealed: Bool
        /// nil where no record was seen or the journal does not say.
        var maxTimestamp: Timestamp?
        var firstAppend: AppendTime?
        var lastAppend: AppendTime?
        /// CRC-32C of the file; nil where the journal does not say.
        var checksum: UInt32?
    }

    private struct State {
        var extent: Extent
        /// In memory while the segment is active; nil once it is sealed and its index files are written.
        var index: SegmentIndex?
        weak var file: (any DiskFile)?
    }

    let files: SegmentFiles
    private let disk: any Disk
    private let state: Mutex<State>

    var base: Offset { files.base }

    init(files: SegmentFiles, disk: any Disk, extent: Extent, index: SegmentIndex?) {
        self.files = files
        self.disk = disk
        state = Mutex(State(extent: extent, index: index))
    }

    var extent: Extent { state.withLock { $0.extent } }

    /// The in-memory index while the segment is active.
    var index: SegmentIndex? { state.withLock { $0.index } }

    /// Whether retention gives the whole segment up where the log begins at `logStart`.
    func isDeleted(below logStart: Offset) -> Bool {
        let extent = extent
        return extent.isSealed && extent.end <= logStart
    }

    /// Changes the extent and the in-memory index together; by the log writer only.
    func update(_ change: (inout Extent, inout SegmentIndex?) -> Void) {
        state.withLock { state in change(&state.extent, &state.index) }
    }

    /// The file, opened for reading; shared by all readers and closed when the last lets go of it.
    func openForReading() throws(DiskError) -> any DiskFile {
        if let open = state.withLock({ $0.file }) { return open }
        let opened = try disk.open(files.log, .read)
        state.withLock { $0.file = opened }
        return opened
    }

    /// Where to begin reading for `offset`: at or before the batch that holds it, and the base offset that must stand
    /// there. For a sealed segment this reads the index file.
    ///
    /// A base offset lies outside its batch's checksum, so a batch that does not end where the index says is no place to
    /// begin: from the segment's start every offset can be told.
    func start(for offset: Offset, in partition: Partition) throws(DiskError) -> (position: Int64, expected: Offset) {
        let entry: SegmentIndex.OffsetEntry?
        if let held = state.withLock({ $0.index.map { $0.entry(for: offset) } }) {
            entry = held
        } else {
            entry = try storedIndex(in: partition).entry(for: offset)
        }
        guard let entry, let header = try header(at: Int64(entry.position)), names(entry, header) else {
            return (0, base)
        }
        return (Int64(entry.position), Offset(header.baseOffset))
    }

    /// An offset before which no record of this segment has a timestamp of `timestamp` or later.
    func offset(before timestamp: Timestamp, in partition: Partition) throws(DiskError) -> Offset {
        if let held = state.withLock({ $0.index.map { $0.timeEntry(before: timestamp) } }) {
            return held.map { base + Int($0.offset) } ?? base
        }
        let index = try storedIndex(in: partition)
        guard let entry = index.timeEntry(before: timestamp), try agrees(entry, in: index) else { return base }
        return base + Int(entry.offset)
    }

    /// Whether the batch that `entry` names is there and brought that timestamp: its checksum covers both.
    private func agrees(_ entry: SegmentIndex.TimeEntry, in index: SegmentIndex) throws(DiskError) -> Bool {
        let wanted = base + Int(entry.offset)
        let scanner = SegmentScanner(file: try openForReading(), length: extent.length)
        var position = Int64(index.entry(for: wanted)?.position ?? 0)
        while case .batch(let header) = try scanner.finding(at: position), header.lastOffset <= wanted {
            if header.lastOffset == wanted { return header.maxTimestamp == entry.timestamp }
            position += Int64(header.totalBytes)
        }
        return false
    }

    /// The index of a sealed segment from its files; from the log itself where they are missing, cannot be read or cannot be
    /// right.
    private func storedIndex(in partition: Partition) throws(DiskError) -> SegmentIndex {
        let length = extent.length
        if let offsets = contents(of: files.offsetIndex), let times = contents(of: files.timeIndex) {
            let index = offsets.withUnsafeBytes { offsetBytes in
                times.withUnsafeBytes { timeBytes in
                    SegmentIndex(base: base, offsetBytes: offsetBytes, timeBytes: timeBytes, length: length)
                }
            }
            if let index, try agrees(index) { return index }
        }
        return try rebuiltIndex(in: partition)
    }

    /// Whether the last entry of `index` names a batch that is there: a stale index is rarely right about its end.
    private func agrees(_ index: SegmentIndex) throws(DiskError) -> Bool {
        guard let last = index.offsets.last else { return true }
        let scanner = SegmentScanner(file: try openForReading(), length: extent.length)
        guard case .batch(let header) = try scanner.finding(at: Int64(last.position)) else { return false }
        return names(last, header)
    }

    private func names(_ entry: SegmentIndex.OffsetEntry, _ header: RecordBatchHeader) -> Bool {
        header.lastOffset == base + Int(entry.lastOffset)
    }

    /// The header that stands at `position`, unchecked; nil where the file ends before it does.
    private func header(at position: Int64) throws(DiskError) -> RecordBatchHeader? {
        let file = try openForReading()
        let result = withUnsafeTemporaryAllocation(byteCount: RecordBatchHeader.byteCount, alignment: 8) { buffer in
            Result { () throws(DiskError) in
                let count = try file.salvage(into: buffer, at: position).count
                return RecordBatchHeader(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            }
        }
        return try result.get()
    }

    private func contents(of path: String) -> [UInt8]? {
        try? disk.wholeFile(path, bytesMax: (Limits.indexEntriesMax + 1) * SegmentIndex.TimeEntry.byteCount)
    }

    /// The index as a scan of the log gives it; batches after damage are found and indexed. A batch whose base offset
    /// does not belong where it stands is damage too: the index stays in order, and no reader is led to it.
    private func rebuiltIndex(in partition: Partition) throws(DiskError) -> SegmentIndex {
        let extent = extent
        let scanner = SegmentScanner(file: try openForReading(), length: extent.length)
        var index = SegmentIndex(base: base)
        var position: Int64 = 0
        var expected = base
        while position < extent.length {
            switch try scanner.finding(at: position) {
            case .batch(let header)
            where header.endOffset <= extent.end && partition.continues(expected, at: Offset(header.baseOffset)):
                index.add(
                    endOffset: header.endOffset,
                    maxTimestamp: Timestamp(milliseconds: header.maxTimestamp),
                    position: position,
                    byteCount: header.totalBytes
                )
                position += Int64(header.totalBytes)
                expected = header.endOffset
            case .end:
                return index
            case .batch, .invalid:
                guard let next = try scanner.nextBatch(after: position, expecting: expected) else { return index }
                position = next.position
                expected = Offset(next.header.baseOffset)
            }
        }
        return index
    }
}
