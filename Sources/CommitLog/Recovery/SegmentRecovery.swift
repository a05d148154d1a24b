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
    /// Bytes after `validBytes`, without the zeros that end the file.
    var tornBytes: Int64 = 0
    /// Records that stood in them and were not torn but cannot be read: as many as their header says or, where that is
    /// gone too, one. nil where every byte could be read.
    var unreadableRecords: Int?
    var index: SegmentIndex
    var checksum: UInt32 = 0
    /// With those of the batches that are kept; nil where nobody asks.
    var producers: ProducerTable?

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

    /// Scans the whole file. `producers`: as they are known before it.
    func judge(producers: ProducerTable?) throws(DiskError) -> SegmentVerdict {
        var judgement = Judgement(base: base)
        judgement.verdict.producers = producers
        while !judgement.isComplete { _ = try advance(&judgement, upTo: Limits.upkeepSliceBytes) }
        return judgement.verdict
    }

    /// A verdict on its way.
    struct Judgement {
        fileprivate enum Phase {
            case batches
            /// The bytes from `position` on are no batch, and zeros up to here.
            case zeros(Int64)
            /// They are damage or a torn tail, and no batch was found up to here.
            case searching(Int64)
            /// They are a tail, and could be read up to here.
            case sounding(Int64)
            case complete
        }

        fileprivate(set) var verdict: SegmentVerdict
        fileprivate var position: Int64 = 0
        fileprivate var phase = Phase.batches

        init(base: Offset) {
            verdict = SegmentVerdict(end: base, index: SegmentIndex(base: base))
        }

        var isComplete: Bool {
            if case .complete = phase { return true }
            return false
        }
    }

    /// Scans on for about `bytesMax` bytes.
    ///
    /// - Returns: how many were looked at.
    func advance(_ judgement: inout Judgement, upTo bytesMax: Int64) throws(DiskError) -> Int64 {
        var done: Int64 = 0
        while done < bytesMax, !judgement.isComplete {
            let position = judgement.position
            let end = { (start: Int64) in min(scanner.length, start + (bytesMax - done)) }
            switch judgement.phase {
            case .batches:
                done += try takeBatch(&judgement)
            case .zeros(let start):
                let end = end(start)
                guard try scanner.isZero(from: start, upTo: end) else {
                    judgement.phase = .searching(position + 1)
                    continue
                }
                done += end - start
                judgement.phase = end < scanner.length ? .zeros(end) : .complete
            case .searching(let start):
                done += try search(&judgement, from: start, upTo: end(start))
            case .sounding(let start):
                let end = end(start)
                let isUnreadable = try scanner.isUnreadable(from: start, upTo: end)
                if isUnreadable { try noteUnreadable(&judgement) }
                done += end - start
                judgement.phase = isUnreadable || end == scanner.length ? .complete : .sounding(end)
            case .complete: break
            }
        }
        return done
    }

    private func takeBatch(_ judgement: inout Judgement) throws(DiskError) -> Int64 {
        let position = judgement.position
        guard let header = try scanner.batch(at: position) else {
            judgement.phase = position < scanner.length ? .zeros(position) : .complete
            return 0
        }
        guard let offset = try offset(of: header, at: position, after: judgement.verdict) else {
            judgement.phase = .searching(position + 1)
            return 0
        }
        try keep(header, at: position, as: offset, in: &judgement.verdict)
        judgement.position += Int64(header.totalBytes)
        return Int64(header.totalBytes)
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
        guard let next = try scanner.batch(at: position + Int64(header.totalBytes)) else { return nil }
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
        verdict.producers?.replay(header, at: offset)
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

    /// The bytes at the judgement's position are no batch. With a valid one after them this is damage; without, they are a
    /// torn tail.
    private func search(
        _ judgement: inout Judgement,
        from start: Int64,
        upTo end: Int64
    ) throws(DiskError) -> Int64 {
        let expected = judgement.verdict.end
        switch try scanner.search(from: start, upTo: end, expecting: expected) {
        case .unfinished(let reached):
            judgement.phase = .searching(reached)
            return reached - start
        case .none:
            judgement.verdict.tornBytes = try scanner.endWithoutZeros(from: judgement.position) - judgement.position
            judgement.phase = scanner.metUnreadable ? .sounding(judgement.position) : .complete
            return scanner.length - start
        case .found(let found, let header):
            if let limit, header.endOffset > limit {
                judgement.phase = .searching(found + 1)
                return found + 1 - start
            }
            let resumed = Offset(header.baseOffset)
            if resumed > expected && !judgement.verdict.isCovered(expected, resumed, by: knownGaps) {
                judgement.verdict.gaps.append(OffsetGap(from: expected, to: resumed, reason: .damage))
            }
            // With nothing missing the bytes in between were no records; the rewrite drops them.
            judgement.position = found
            judgement.phase = .batches
            return found - start
        }
    }

    private func noteUnreadable(_ judgement: inout Judgement) throws(DiskError) {
        let header = try scanner.header(at: judgement.position)
        let isHere = header.map { $0.isPlausible && Offset($0.baseOffset) == judgement.verdict.end } ?? false
        judgement.verdict.unreadableRecords = isHere ? header.map { Int($0.lastOffsetDelta) + 1 } : 1
    }
}
