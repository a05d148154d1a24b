// Walks the records of a batch that somebody else made and finds everything that is wrong with them. Total on any bytes.
//
// Bounds: `at` and `end` enclose what is left of one block, and of one record inside; every length is compared with what is
// left before it is used. Each turn takes at least one byte, so the work is bounded by the block, whatever the counts say.

/// Stricter than `RecordCursor`, which also reads what compaction has left: what is found right here is read by it, and by
/// clients whose integers have 32 bits.
struct RecordCheck {
    private let header: RecordBatchHeader
    private let requiresKeys: Bool
    /// The largest of the records that were checked.
    private(set) var maxTimestamp = Int64.min
    private var refusals: [RecordRefusal] = []

    /// `requiresKeys`: a record without a key is refused.
    init(_ header: RecordBatchHeader, requiresKeys: Bool) {
        self.header = header
        self.requiresKeys = requiresKeys
    }

    /// Checks all records of `block`, which is not compressed.
    mutating func check(_ block: UnsafeRawBufferPointer) throws(BatchRefusal) {
        var index: Int32 = 0
        if var at = block.baseAddress {
            let end = at + block.count
            while index < header.recordCount, refusals.count < Limits.recordRefusalsMax {
                guard let recordEnd = RecordCheck.recordEnd(&at, end: end) else { break }
                if let fault = fault(from: at, to: recordEnd, index: index) {
                    refusals.append(RecordRefusal(index: index, fault: fault))
                }
                at = recordEnd
                index += 1
            }
            if index == header.recordCount, at != end, refusals.isEmpty { throw .invalid(.trailingBytes) }
        }
        // After a record whose length is wrong nobody knows where the next one begins.
        if index < header.recordCount, refusals.count < Limits.recordRefusalsMax {
            refusals.append(RecordRefusal(index: index, fault: .length))
        }
        guard refusals.isEmpty else { throw .invalidRecords(refusals) }
    }

    /// Where the record ends whose length stands at `at`, which is moved behind it.
    @inline(__always)
    private static func recordEnd(_ at: inout UnsafeRawPointer, end: UnsafeRawPointer) -> UnsafeRawPointer? {
        guard let length = Varint.read32(&at, end: end), length > 0, Int(length) <= end - at else { return nil }
        return at + Int(length)
    }

    /// What is wrong with the record from `start`, after its length, to `end`.
    @inline(__always)
    private mutating func fault(
        from start: UnsafeRawPointer,
        to end: UnsafeRawPointer,
        index: Int32
    ) -> RecordRefusal.Fault? {
        // The attributes: reserved, unused by Kafka.
        var at = start + 1
        guard let timestampDelta = Varint.read(&at, end: end) else { return .timestamp }
        let (timestamp, overflow) = header.baseTimestamp.addingReportingOverflow(timestampDelta)
        guard !overflow else { return .timestamp }
        guard let offsetDelta = Varint.read32(&at, end: end), offsetDelta == index else { return .offsetDelta }
        guard let keyLength = RecordCheck.skipField(&at, end: end), RecordCheck.skipField(&at, end: end) != nil else {
            return .field
        }
        guard let headerCount = Varint.read32(&at, end: end), headerCount >= 0 else { return .headers }
        for _ in 0..<headerCount {
            guard let length = RecordCheck.skipField(&at, end: end), length >= 0,
                RecordCheck.skipField(&at, end: end) != nil
            else { return .headers }
        }
        guard at == end else { return .headers }
        if timestamp > maxTimestamp { maxTimestamp = timestamp }
        return requiresKeys && keyLength < 0 ? .noKey : nil
    }

    /// Moves `at` behind a length and that many bytes; the length, -1 for no field, or nil where they are not there.
    @inline(__always)
    private static func skipField(_ at: inout UnsafeRawPointer, end: UnsafeRawPointer) -> Int32? {
        guard let length = Varint.read32(&at, end: end), length >= -1, Int(length) <= end - at else { return nil }
        if length > 0 { at += Int(length) }
        return length
    }
}
