// Reads a segment file batch by batch and says what stands at each position: the one rule of validity, used by
// recovery, verification and readers that met damage.
internal import Platform

/// One window of memory over one file. One thread at a time.
final class SegmentScanner {
    enum Finding {
        /// A whole batch whose fields are plausible and whose checksum matches.
        case batch(RecordBatchHeader)
        /// Nothing but zeros from here on: a tail written ahead. Or the end itself.
        case end
        case invalid
    }

    private let file: any DiskFile
    /// Bytes of the file that may be looked at.
    let length: Int64
    private let window: UnsafeMutableRawBufferPointer
    private var windowStart: Int64 = 0
    private var windowCount = 0
    /// Whether the device could not read some of what was looked at.
    private(set) var metUnreadable = false

    init(file: any DiskFile, length: Int64) {
        self.file = file
        self.length = length
        window = .allocate(byteCount: Int(min(Int64(Limits.scanWindowBytes), max(length, 64))), alignment: 16)
    }

    deinit {
        window.deallocate()
    }

    /// What stands at `position`. The base offset of a batch lies outside its checksum and is for the caller to judge.
    func finding(at position: Int64) throws(DiskError) -> Finding {
        if let header = try batch(at: position) { return .batch(header) }
        return try isZero(from: position, upTo: length) ? .end : .invalid
    }

    /// As `finding`, where only a batch is of interest.
    func batch(at position: Int64) throws(DiskError) -> RecordBatchHeader? {
        guard position < length else { return nil }
        let head = try bytes(at: position, count: RecordBatchHeader.byteCount)
        guard let header = RecordBatchHeader(head), header.isPlausible,
            header.matchesChecksum(of: try bytes(at: position, count: header.totalBytes))
        else { return nil }
        return header
    }

    /// The header that stands at `position`, unchecked; nil where the file ends before it does.
    func header(at position: Int64) throws(DiskError) -> RecordBatchHeader? {
        RecordBatchHeader(try bytes(at: position, count: RecordBatchHeader.byteCount))
    }

    /// Whether the device cannot read some of the bytes from `position` up to `end`, and a window beyond.
    func isUnreadable(from position: Int64, upTo end: Int64) throws(DiskError) -> Bool {
        guard metUnreadable else { return false }
        defer { metUnreadable = true }
        metUnreadable = false
        windowCount = 0
        var at = position
        while at < end, !metUnreadable { at += Int64(max(1, try bytes(at: at, count: window.count).count)) }
        return metUnreadable
    }

    /// The bytes of the batch that `finding` saw at `position`; valid until the next call.
    func batchBytes(at position: Int64, _ header: RecordBatchHeader) throws(DiskError) -> UnsafeRawBufferPointer {
        try bytes(at: position, count: header.totalBytes)
    }

    /// What a search for a batch came to.
    enum Search {
        case found(position: Int64, header: RecordBatchHeader)
        /// Nothing up to here, and more to look at.
        case unfinished(Int64)
        case none
    }

    /// The first valid batch after `position` whose offsets could follow `expected`; nil where there is none.
    func nextBatch(
        after position: Int64,
        expecting expected: Offset
    ) throws(DiskError) -> (position: Int64, header: RecordBatchHeader)? {
        guard case .found(let found, let header) = try search(from: position + 1, upTo: length, expecting: expected)
        else {
            return nil
        }
        return (found, header)
    }

    /// Looks for the first valid batch from `start` on whose offsets could follow `expected`, up to about `end`.
    ///
    /// A candidate must lie beyond `expected` by no more records than the bytes in between could hold, so that bytes
    /// inside a record, made to look like a batch, are not taken for one.
    func search(from start: Int64, upTo end: Int64, expecting expected: Offset) throws(DiskError) -> Search {
        var at = start
        while at + Int64(RecordBatchHeader.byteCount) <= length {
            guard at < end else { return .unfinished(at) }
            let searched = try lookahead(at: at)
            guard searched.count >= RecordBatchHeader.byteCount else { return .none }
            guard let skip = SegmentScanner.candidate(in: searched) else {
                at += Int64(max(1, searched.count - RecordBatchHeader.byteCount + 1))
                continue
            }
            at += Int64(skip)
            let head = try bytes(at: at, count: RecordBatchHeader.byteCount)
            if let header = RecordBatchHeader(head), header.isPlausible,
                header.baseOffset >= expected.value,
                Offset(header.baseOffset) - expected <= Int(clamping: at) + Limits.inflatedBytesMax,
                header.matchesChecksum(of: try bytes(at: at, count: header.totalBytes))
            {
                return .found(position: at, header: header)
            }
            at += 1
        }
        return .none
    }

    /// The first place in `bytes` where the magic and the zero bytes of a header stand right.
    private static func candidate(in bytes: UnsafeRawBufferPointer) -> Int? {
        var at = 0
        while at + RecordBatchHeader.byteCount <= bytes.count {
            // Magic 2; a length below 16 MiB has a zero first byte, attributes a zero first byte.
            if bytes[at + 16] == 2 && bytes[at + 8] == 0 && bytes[at + 21] == 0 { return at }
            at += 1
        }
        return nil
    }

    /// What the window holds from `at`, refilled where that is less than a header.
    private func lookahead(at position: Int64) throws(DiskError) -> UnsafeRawBufferPointer {
        let held = windowStart + Int64(windowCount) - position
        if position >= windowStart, held >= Int64(RecordBatchHeader.byteCount) {
            return try bytes(at: position, count: Int(held))
        }
        return try bytes(at: position, count: window.count)
    }

    /// Whether all bytes from `position` up to `end` are zeros.
    func isZero(from position: Int64, upTo end: Int64) throws(DiskError) -> Bool {
        var at = position
        while at < end {
            let chunk = try bytes(at: at, count: min(window.count, Int(clamping: end - at)))
            guard !chunk.isEmpty, chunk.allSatisfy({ $0 == 0 }) else { return false }
            at += Int64(chunk.count)
        }
        return true
    }

    /// Where the last byte from `position` on that is no zero ends; `position` where there is none.
    func endWithoutZeros(from position: Int64) throws(DiskError) -> Int64 {
        var at = position
        var end = position
        while at < length {
            let chunk = try bytes(at: at, count: window.count)
            guard !chunk.isEmpty else { break }
            if let last = chunk.lastIndex(where: { $0 != 0 }) { end = at + Int64(last) + 1 }
            at += Int64(chunk.count)
        }
        return end
    }

    /// Up to `count` bytes from `position`, fewer at the end of the file; valid until the next call.
    private func bytes(at position: Int64, count: Int) throws(DiskError) -> UnsafeRawBufferPointer {
        let wanted = min(count, window.count, Int(clamping: max(0, length - position)))
        if position < windowStart || position + Int64(wanted) > windowStart + Int64(windowCount) {
            let room = min(window.count, Int(clamping: length - position))
            windowCount = 0
            let target = UnsafeMutableRawBufferPointer(rebasing: window[..<room])
            let found = try file.salvage(into: target, at: position)
            windowCount = found.count
            if !found.isWhole { metUnreadable = true }
            windowStart = position
        }
        let start = Int(position - windowStart)
        let end = min(windowCount, start + wanted)
        return UnsafeRawBufferPointer(rebasing: window[min(start, end)..<end])
    }
}
