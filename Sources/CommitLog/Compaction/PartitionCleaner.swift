// Compaction of one partition: of each key the newest record stays, a tombstone (a key without a value) for a day more.
//
// A pass: note the newest offset of every key from where the last pass ended up to the active segment, or until the map is
// full; then go through every sealed segment below that point and rewrite those that hold records which are superseded.
// Offsets never change. A segment is rewritten beside itself (`.log.cleaned`, synced slice by slice) and renamed over the
// original, in one step that a crash does not divide; the journal then says its new length.
//
// A tombstone goes a day after a pass has taken away everything that it hid: until then a reader that saw the old value
// can still see that it is gone. The day is one of monotonic time, and begins anew with each start.
internal import Platform

/// Owned by the log-writer thread, which calls `slice` between commits. A slice reads or writes about
/// `Limits.upkeepSliceBytes` and syncs no more than that, or renames one file: a few milliseconds.
final class PartitionCleaner {
    private struct Walk {
        var segment: Segment
        var scanner: SegmentScanner
        var position: Int64 = 0
    }

    private struct Output {
        var file: any DiskFile
        var length: Int64 = 0
        var checksum: UInt32 = 0
        var index: SegmentIndex
        var maxTimestamp: Timestamp?
    }

    private enum Phase {
        case idle
        /// Noting keys.
        case mapping(Walk)
        /// Looking for a record that may go.
        case judging(Walk)
        case writing(Walk, Output)
    }

    private let writer: PartitionWriter
    private let disk: any Disk
    private let damage: DamageList
    private let filter = BatchFilter()
    private var phase = Phase.idle
    private var newest = NewestOffsets()
    /// Of the pass under way: sealed segments still to be gone through, the next one last.
    private var waiting: [Segment] = []
    /// Up to here every key was noted, by this pass or an earlier one.
    private var mappedEnd = Offset.zero
    /// What the pass under way will make of `mappedEnd`.
    private var mapLimit = Offset.zero
    /// Nothing that should have gone had to stay.
    private var isComplete = true
    /// When each segment had been gone through completely for the first time, by base offset.
    private var cleanedAt: [Offset: MonotonicInstant] = [:]
    private var hasTombstones = false
    private var passedAt: MonotonicInstant?

    init(writer: PartitionWriter, disk: any Disk, damage: DamageList) {
        self.writer = writer
        self.disk = disk
        self.damage = damage
    }

    var isActive: Bool {
        if case .idle = phase { return false }
        return true
    }

    var slot: Int { partition.slot }

    private var partition: Partition { writer.partition }

    // MARK: - A pass

    /// Begins a pass where at least half of the sealed bytes are new since the last one, or tombstones may have become
    /// old enough.
    func considerPass(at now: MonotonicInstant) throws(DiskError) {
        guard !isActive else { return }
        let sealed = partition.segments.filter(\.extent.isSealed)
        let total = sealed.reduce(0) { $0 + $1.extent.length }
        let dirty = sealed.filter { $0.extent.end > mappedEnd }.reduce(0) { $0 + $1.extent.length }
        let isOld = passedAt.map { now.since($0) >= Limits.tombstoneRetention } ?? false
        guard dirty > 0 && dirty * 2 >= total || hasTombstones && isOld else { return }
        newest.removeAll()
        mapLimit = mappedEnd
        waiting = sealed.filter { $0.extent.end > mappedEnd }.reversed()
        try mapNext(at: now)
    }

    /// Gives the pass up; the next one begins where this one did.
    func abandon() throws(DiskError) {
        if case .writing(let walk, _) = phase, try disk.exists(walk.segment.files.cleaned) {
            try disk.remove(walk.segment.files.cleaned)
        }
        phase = .idle
        waiting = []
        newest.removeAll()
    }

    /// One slice of the pass.
    func slice(at now: MonotonicInstant) throws(DiskError) {
        switch phase {
        case .idle: return
        case .mapping(let walk): try map(walk, now)
        case .judging(let walk): try judge(walk, now)
        case .writing(let walk, let output): try write(walk, output, now)
        }
    }

    private func walk(_ segment: Segment) throws(DiskError) -> Walk {
        do {
            let file = try segment.openForReading()
            return Walk(segment: segment, scanner: SegmentScanner(file: file, length: segment.extent.length))
        } catch {
            if error.isNotFound { damage.note(.init(slot: partition.slot, base: segment.base)) }
            throw error
        }
    }

    // MARK: - Noting keys

    private func mapNext(at now: MonotonicInstant) throws(DiskError) {
        if let segment = waiting.popLast() {
            phase = .mapping(try walk(segment))
            return
        }
        waiting = partition.segments.filter { $0.extent.isSealed && $0.base < mapLimit }.reversed()
        isComplete = true
        hasTombstones = false
        try judgeNext(at: now)
    }

    private func map(_ start: Walk, _ now: MonotonicInstant) throws(DiskError) {
        var walk = start
        while walk.position < start.position + Limits.upkeepSliceBytes {
            switch try walk.scanner.finding(at: walk.position) {
            case .batch(let header):
                if newest.isFull {
                    waiting = []
                    return try mapNext(at: now)
                }
                if header.endOffset > mappedEnd {
                    let bytes = try walk.scanner.batchBytes(at: walk.position, header)
                    // What cannot be read keeps what came before it.
                    _ = filter.forEachRecord(in: bytes) { newest.note($0) }
                    mapLimit = max(mapLimit, header.endOffset)
                }
                walk.position += Int64(header.totalBytes)
            case .invalid:
                guard let next = try walk.scanner.nextBatch(after: walk.position, expecting: walk.segment.base) else {
                    return try endMapping(walk, now)
                }
                walk.position = next.position
            case .end:
                return try endMapping(walk, now)
            }
        }
        phase = .mapping(walk)
    }

    private func endMapping(_ walk: Walk, _ now: MonotonicInstant) throws(DiskError) {
        mapLimit = max(mapLimit, walk.segment.extent.end)
        try mapNext(at: now)
    }

    // MARK: - Judging and writing

    private func judgeNext(at now: MonotonicInstant) throws(DiskError) {
        if let segment = waiting.popLast() {
            phase = .judging(try walk(segment))
            return
        }
        if isComplete {
            for segment in partition.segments where segment.extent.isSealed && segment.extent.end <= mapLimit {
                if cleanedAt[segment.base] == nil { cleanedAt[segment.base] = now }
            }
        }
        mappedEnd = mapLimit
        passedAt = now
        phase = .idle
        newest.removeAll()
    }

    private func isRemovable(_ record: Record, in segment: Segment, at now: MonotonicInstant) -> Bool {
        if newest.supersedes(record) { return true }
        guard record.key != nil, record.value == nil else { return false }
        if let cleaned = cleanedAt[segment.base], now.since(cleaned) >= Limits.tombstoneRetention { return true }
        hasTombstones = true
        return false
    }

    private func judge(_ start: Walk, _ now: MonotonicInstant) throws(DiskError) {
        var walk = start
        while walk.position < start.position + Limits.upkeepSliceBytes {
            switch try walk.scanner.finding(at: walk.position) {
            case .batch(let header):
                let bytes = try walk.scanner.batchBytes(at: walk.position, header)
                switch filter.filter(bytes, removing: { isRemovable($0, in: walk.segment, at: now) }) {
                case .unchanged: break
                case .stuck: isComplete = false
                case .empty, .filtered: return try beginWriting(walk.segment)
                }
                walk.position += Int64(header.totalBytes)
            case .invalid:
                // Damage is not for compaction to repair, nor to make unrecognisable.
                isComplete = false
                return try judgeNext(at: now)
            case .end:
                return try judgeNext(at: now)
            }
        }
        phase = .judging(walk)
    }

    private func beginWriting(_ segment: Segment) throws(DiskError) {
        if try disk.exists(segment.files.cleaned) { try disk.remove(segment.files.cleaned) }
        let file = try disk.open(segment.files.cleaned, .create)
        phase = .writing(try walk(segment), Output(file: file, index: SegmentIndex(base: segment.base)))
    }

    private func write(_ start: Walk, _ written: Output, _ now: MonotonicInstant) throws(DiskError) {
        var walk = start
        var output = written
        while walk.position < start.position + Limits.upkeepSliceBytes {
            switch try walk.scanner.finding(at: walk.position) {
            case .batch(let header):
                let bytes = try walk.scanner.batchBytes(at: walk.position, header)
                switch filter.filter(bytes, removing: { isRemovable($0, in: walk.segment, at: now) }) {
                case .empty: break
                case .filtered(let kept):
                    try kept.withUnsafeBytesThrowing { (bytes) throws(DiskError) in
                        try append(bytes, header, to: &output)
                    }
                case .stuck:
                    isComplete = false
                    try append(bytes, header, to: &output)
                case .unchanged: try append(bytes, header, to: &output)
                }
                walk.position += Int64(header.totalBytes)
            case .invalid:
                isComplete = false
                try disk.remove(walk.segment.files.cleaned)
                return try judgeNext(at: now)
            case .end:
                try output.file.sync()
                try swap(walk.segment, output)
                return try judgeNext(at: now)
            }
        }
        try output.file.sync()
        phase = .writing(walk, output)
    }

    private func append(
        _ bytes: UnsafeRawBufferPointer,
        _ header: RecordBatchHeader,
        to output: inout Output
    ) throws(DiskError) {
        try output.file.write([bytes], at: output.length)
        output.checksum = CRC32C.checksum(bytes, seed: output.checksum)
        let latest = Timestamp(milliseconds: header.maxTimestamp)
        output.index.add(
            endOffset: header.endOffset,
            maxTimestamp: latest,
            position: output.length,
            byteCount: bytes.count
        )
        output.maxTimestamp = max(output.maxTimestamp ?? latest, latest)
        output.length += Int64(bytes.count)
    }

    private func swap(_ segment: Segment, _ output: Output) throws(DiskError) {
        var extent = segment.extent
        extent.length = output.length
        extent.checksum = output.checksum
        extent.maxTimestamp = output.maxTimestamp ?? extent.maxTimestamp
        try writer.replaceSealed(segment, extent, output.index)
    }
}

extension [UInt8] {
    /// `withUnsafeBytes` that keeps the error's type.
    fileprivate func withUnsafeBytesThrowing(
        _ body: (UnsafeRawBufferPointer) throws(DiskError) -> Void
    ) throws(DiskError) {
        let result: Result<Void, DiskError> = withUnsafeBytes { bytes in
            Result { () throws(DiskError) in try body(bytes) }
        }
        try result.get()
    }
}
