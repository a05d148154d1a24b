// Finds the batch that contains an offset and takes whole checked batches from there.
internal import Platform

/// One read within one segment.
struct SegmentWalk {
    let partition: Partition
    let segment: Segment
    /// As it is at the start of the read; what the writer adds meanwhile is for the next one.
    let extent: Segment.Extent
    /// The offset that the first batch returned contains, or lies behind.
    let from: Offset
    /// Batches that end beyond it are not returned.
    let limit: Offset
    let maxBytes: Int
    /// Whether the first batch may be larger than that.
    let mayPass: Bool
    /// Whether bytes were met that are no batch, where one should be.
    private(set) var metDamage = false

    init(partition: Partition, segment: Segment, from: Offset, limit: Offset, maxBytes: Int, mayPass: Bool) {
        self.partition = partition
        self.segment = segment
        self.from = from
        self.limit = limit
        self.maxBytes = maxBytes
        self.mayPass = mayPass
        extent = segment.extent
    }

    struct Found {
        var nextOffset: Offset
        /// Where in the file the next batch starts.
        var position: Int64
        var byteCount: Int
        /// Where the offsets of the segment end, where no batch is left in it.
        var end: Offset?
        /// How long the next batch is, where it is met and has no room in what was asked for.
        var nextByteCount: Int?
    }

    /// How much is read at least: a small read costs as much as this one.
    private static let readBytesMin = 16 << 10

    /// What one buffer of bytes held.
    private struct Step {
        /// Bytes of the buffer that were walked over.
        var walked = 0
        /// The batches to return.
        var taken: Range<Int>?
        /// The base offset of the next batch, but for a known gap.
        var expected: Offset
        var stop: Stop?

        enum Stop {
            /// The next batch ends beyond the limit.
            case enough
            /// The next batch, of so many bytes, would pass the bytes asked for.
            case tooLarge(Int)
            /// A whole batch of so many bytes begins where the walk stands, and the buffer ends inside it.
            case cut(Int)
            case invalid
        }
    }

    /// Reads from `start`, the beginning of a batch at or before the one that contains `from`, whose base offset is
    /// `first` or lies beyond a known gap. Damage between `start` and `from` is stepped over; damage where `from` should
    /// be is thrown.
    mutating func fill(
        _ buffer: inout ReadBuffer,
        file: any DiskFile,
        position start: Int64,
        expecting first: Offset
    ) throws(LogError) -> Found {
        var wanted = max(SegmentWalk.readBytesMin, min(maxBytes, Limits.readBytesMax))
        var position = start
        var expected = first
        while position < extent.length {
            buffer.reserve(wanted)
            let room = min(wanted, Int(clamping: extent.length - position))
            let memory = UnsafeMutableRawBufferPointer(rebasing: buffer.memory[..<room])
            let count = try diskCall { () throws(DiskError) in try file.salvage(into: memory, at: position).count }
            let held = UnsafeRawBufferPointer(rebasing: memory[..<count])
            let step = walk(held, fileRemaining: extent.length - position, expected)
            expected = step.expected
            if let taken = step.taken {
                buffer.keep(taken)
                let next = position + Int64(taken.upperBound)
                var found = Found(nextOffset: expected, position: next, byteCount: taken.count)
                if case .tooLarge(let byteCount) = step.stop { found.nextByteCount = byteCount }
                return found
            }
            position += Int64(step.walked)
            switch step.stop {
            case .none:
                // The file is shorter than it was when its batches became durable.
                guard count > 0 else { throw try damage(file, at: position, max(expected, from)) }
            case .enough:
                return Found(nextOffset: from, position: position, byteCount: 0)
            case .tooLarge(let byteCount):
                return Found(nextOffset: from, position: position, byteCount: 0, nextByteCount: byteCount)
            case .cut(let total):
                // A batch larger than what was asked for is read whole, alone.
                guard step.walked > 0 || wanted < total else {
                    throw try damage(file, at: position, max(expected, from))
                }
                wanted = max(wanted, total)
            case .invalid:
                metDamage = true
                let next = try nextBatch(file, after: position, expected)
                guard let next, Offset(next.header.baseOffset) <= from else {
                    throw try damage(file, at: position, max(expected, from))
                }
                position = next.position
                expected = Offset(next.header.baseOffset)
            }
        }
        return Found(nextOffset: from, position: position, byteCount: 0, end: extent.end)
    }

    /// Walks over the batches in `held`, which begins with one.
    private func walk(
        _ held: UnsafeRawBufferPointer,
        fileRemaining: Int64,
        _ expected: Offset
    ) -> Step {
        var step = Step(expected: expected)
        while step.walked < held.count {
            let rest = UnsafeRawBufferPointer(rebasing: held[step.walked...])
            switch check(rest, fileRemaining: fileRemaining - Int64(step.walked), step.expected) {
            case .batch(let header):
                let end = step.walked + header.totalBytes
                if header.endOffset > limit {
                    step.stop = .enough
                    return step
                }
                if isTooLarge(header, step) {
                    step.stop = .tooLarge(header.totalBytes)
                    return step
                }
                if header.endOffset > from { step.taken = (step.taken?.lowerBound ?? step.walked)..<end }
                step.expected = header.endOffset
                step.walked = end
            case .cut(let total, let header):
                let isTooLarge = header.map { self.isTooLarge($0, step) } ?? false
                step.stop = isTooLarge ? .tooLarge(total) : .cut(total)
                return step
            case .invalid:
                step.stop = .invalid
                return step
            }
        }
        return step
    }

    /// Whether a batch has no room behind those that are taken, or alone where the first may not pass.
    private func isTooLarge(_ header: RecordBatchHeader, _ step: Step) -> Bool {
        guard header.endOffset > from else { return false }
        guard let taken = step.taken else { return !mayPass && header.totalBytes > maxBytes }
        return taken.count + header.totalBytes > maxBytes
    }

    private enum Check {
        case batch(RecordBatchHeader)
        /// A plausible batch of so many bytes, or a header, does not lie whole in the buffer.
        case cut(Int, RecordBatchHeader?)
        case invalid
    }

    private func check(_ held: UnsafeRawBufferPointer, fileRemaining: Int64, _ expected: Offset) -> Check {
        guard let header = RecordBatchHeader(held) else {
            let isCut = fileRemaining >= Int64(RecordBatchHeader.byteCount)
            return isCut ? .cut(RecordBatchHeader.byteCount, nil) : .invalid
        }
        guard header.isPlausible, Int64(header.totalBytes) <= fileRemaining, header.endOffset <= extent.end,
            partition.continues(expected, at: Offset(header.baseOffset))
        else { return .invalid }
        guard header.totalBytes <= held.count else { return .cut(header.totalBytes, header) }
        let batch = UnsafeRawBufferPointer(rebasing: held[..<header.totalBytes])
        return header.matchesChecksum(of: batch) ? .batch(header) : .invalid
    }

    /// The error for bytes at `position` that are no batch, with where reading can go on.
    private mutating func damage(
        _ file: any DiskFile,
        at position: Int64,
        _ expected: Offset
    ) throws(LogError) -> LogError {
        metDamage = true
        let next = try nextBatch(file, after: position, expected)
        let resumeAt: Offset?
        if let next, Offset(next.header.baseOffset) > expected {
            resumeAt = Offset(next.header.baseOffset)
        } else {
            resumeAt = partition.segments.first { $0.base > segment.base }?.base
        }
        return LogError(
            .damaged,
            "no valid batch at byte \(position)",
            path: segment.files.log,
            offset: expected,
            resumeAt: resumeAt
        )
    }

    private func nextBatch(
        _ file: any DiskFile,
        after position: Int64,
        _ expected: Offset
    ) throws(LogError) -> (position: Int64, header: RecordBatchHeader)? {
        try diskCall { () throws(DiskError) in
            try SegmentScanner(file: file, length: extent.length).nextBatch(after: position, expecting: expected)
        }
    }
}
