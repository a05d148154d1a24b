// Decides what of an active segment is valid: the torn tail to cut, damage to step over, offsets to put right.
internal import Platform

/// The verdict on one segment file. Nothing has been changed yet.
struct SegmentVerdict {
    /// A run of bytes to keep; `restamp` carries the base offset that a single batch should have had.
    struct Extent: Hashable {
        var position: Int64
        var length: Int64
        var restamp: Offset?
    }

    var kept: [Extent] = []
    var end: Offset
    /// Where the last valid batch ends in the file as it is.
    var validBytes: Int64 = 0
    var gaps: [OffsetGap] = []
    var restamped = 0
    /// Bytes after `validBytes` that are not zeros.
    var tornBytes: Int64 = 0
    /// Records that stood in them and were not torn but cannot be read: as many as their header says or, where that is
    /// gone too, one. nil where every byte could be read.
    var unreadableRecords: Int?
    var index: SegmentIndex
    var checksum: UInt32 = 0

    /// Whether the file must be rewritten: what is kept is not simply its beginning.
    var needsRewrite: Bool { restamped > 0 || kept.count > 1 || (kept.first?.position ?? 0) != 0 }
    var keptBytes: Int64 { kept.reduce(0) { $0 + $1.length } }

    /// Whether one gap, of those found here or of `known`, explains that these offsets are missing.
    func isCovered(_ from: Offset, _ to: Offset, by known: [OffsetGap]) -> Bool {
        (known + gaps).contains { $0.from <= from && $0.to >= to }
    }
}

struct SegmentRecovery {
    let scanner: SegmentScanner
    let base: Offset
    /// Where a sealed segment ends: no batch of it can reach further. nil for the active one.
    var limit: Offset?
    /// Gaps that the journal knows.
    let knownGaps: [OffsetGap]
    /// Whether the journal is complete: undamaged to its last byte, not begun anew since it was lost, and not so full of
    /// gaps that it had to forget some. If it is, every real gap is in it, and a batch with a valid checksum whose base
    /// offset disagrees with its place has a damaged base offset, the only field outside the checksum that matters.
    let journalIsComplete: Bool
    /// Whether index positions are those of the file as it is (reading only) or of what the repair writes.
    let keepsPositions: Bool

    /// Scans the whole file.
    func judge() throws(DiskError) -> SegmentVerdict {
        var verdict = SegmentVerdict(end: base, index: SegmentIndex(base: base))
        var position: Int64 = 0
        while true {
            switch try scanner.finding(at: position) {
            case .end:
                return verdict
            case .batch(let header):
                if let offset = try offset(of: header, at: position, after: verdict) {
                    try keep(header, at: position, as: offset, in: &verdict)
                    position += Int64(header.totalBytes)
                    continue
                }
                position = try stepOverDamage(at: position, in: &verdict) ?? scanner.length
            case .invalid:
                position = try stepOverDamage(at: position, in: &verdict) ?? scanner.length
            }
        }
    }

    /// The offset that a batch with a valid checksum has; nil where nothing proves one.
    private func offset(
        of header: RecordBatchHeader,
        at position: Int64,
        after verdict: SegmentVerdict
    ) throws(DiskError) -> Offset? {
        let stored = Offset(header.baseOffset)
        let expected = verdict.end
        let count = Int(header.lastOffsetDelta) + 1
        let isHere = { (gap: OffsetGap) in gap.from == expected && gap.to > expected }
        let known = verdict.gaps.last(where: isHere) ?? knownGaps.last(where: isHere)
        let wanted = known?.to ?? expected
        if let limit, wanted + count > limit { return nil }
        if stored == wanted || stored == expected { return stored }
        if journalIsComplete { return wanted }
        // The neighbour testifies: it continues either what should stand here or what does.
        guard case .batch(let next) = try scanner.finding(at: position + Int64(header.totalBytes)) else {
            return nil
        }
        if Offset(next.baseOffset) == wanted + count { return wanted }
        if stored > expected && stored + count <= limit ?? Offset(.max) && Offset(next.baseOffset) == stored + count {
            return stored
        }
        return nil
    }

    private func keep(
        _ header: RecordBatchHeader,
        at position: Int64,
        as offset: Offset,
        in verdict: inout SegmentVerdict
    ) throws(DiskError) {
        let isRestamped = offset.value != header.baseOffset
        if offset > verdict.end && !verdict.isCovered(verdict.end, offset, by: knownGaps) {
            verdict.gaps.append(OffsetGap(from: verdict.end, to: offset, reason: .unrecorded))
        }
        let end = offset + Int(header.lastOffsetDelta) + 1
        let total = Int64(header.totalBytes)
        verdict.index.add(
            endOffset: end,
            maxTimestamp: Timestamp(milliseconds: header.maxTimestamp),
            position: keepsPositions ? position : verdict.keptBytes,
            byteCount: header.totalBytes
        )
        let bytes = try scanner.batchBytes(at: position, header)
        if isRestamped {
            verdict.restamped += 1
            var stamp = offset.value.bigEndian
            let stamped = withUnsafeBytes(of: &stamp) { CRC32C.checksum($0, seed: verdict.checksum) }
            verdict.checksum = CRC32C.checksum(UnsafeRawBufferPointer(rebasing: bytes[8...]), seed: stamped)
        } else {
            verdict.checksum = CRC32C.checksum(bytes, seed: verdict.checksum)
        }
        if !isRestamped, let last = verdict.kept.last, last.restamp == nil, last.position + last.length == position {
            verdict.kept[verdict.kept.count - 1].length += total
        } else {
            verdict.kept.append(.init(position: position, length: total, restamp: isRestamped ? offset : nil))
        }
        verdict.end = end
        verdict.validBytes = position + total
    }

    /// Bytes at `position` are no batch. With a valid one after them this is damage, and its position is returned;
    /// without, they are a torn tail.
    private func stepOverDamage(at position: Int64, in verdict: inout SegmentVerdict) throws(DiskError) -> Int64? {
        var found = try scanner.nextBatch(after: position, expecting: verdict.end)
        while let limit, let beyond = found, beyond.header.endOffset > limit {
            found = try scanner.nextBatch(after: beyond.position, expecting: verdict.end)
        }
        guard let next = found else {
            verdict.tornBytes = scanner.length - position
            if try scanner.isUnreadable(from: position) {
                let header = try scanner.header(at: position)
                let isHere = header.map { $0.isPlausible && Offset($0.baseOffset) == verdict.end } ?? false
                verdict.unreadableRecords = isHere ? header.map { Int($0.lastOffsetDelta) + 1 } : 1
            }
            return nil
        }
        let resumed = Offset(next.header.baseOffset)
        if resumed > verdict.end && !verdict.isCovered(verdict.end, resumed, by: knownGaps) {
            verdict.gaps.append(OffsetGap(from: verdict.end, to: resumed, reason: .damage))
        }
        // With nothing missing the bytes in between were no records; the rewrite drops them.
        return next.position
    }
}
