// Stored batches as a reader sees them: one after the other in a buffer, each with its records.

/// One whole stored batch whose header is plausible. `bytes` lie in the caller's buffer.
public struct RecordBatchView {
    package let header: RecordBatchHeader
    package let bytes: UnsafeRawBufferPointer

    /// The batch at the start of `buffer`; nil where no whole plausible batch stands there. The checksum is not
    /// computed.
    package init?(_ buffer: UnsafeRawBufferPointer) {
        guard let header = RecordBatchHeader(buffer), header.isPlausible, header.totalBytes <= buffer.count else {
            return nil
        }
        self.header = header
        bytes = UnsafeRawBufferPointer(rebasing: buffer[..<header.totalBytes])
    }

    /// The offset of the first record.
    public var baseOffset: Offset { Offset(header.baseOffset) }
    /// The offset after the last record.
    public var endOffset: Offset { header.endOffset }
    /// Records in the batch; fewer than the offsets it spans where it was compacted.
    public var recordCount: Int { Int(header.recordCount) }

    /// The records as they are stored: plain, or one compressed block.
    package var block: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[RecordBatchHeader.byteCount...])
    }
}

/// Walks whole batches in a buffer that a `LogReader` filled. `for`-free: call `next()` until nil.
public struct RecordBatchIterator {
    private var rest: UnsafeRawBufferPointer

    /// - Parameter bytes: whole batches, back to back; must outlive the iterator.
    package init(_ bytes: UnsafeRawBufferPointer) {
        rest = bytes
    }

    /// The next batch; nil at the end, or where the bytes are no batch.
    public mutating func next() -> RecordBatchView? {
        guard let batch = RecordBatchView(rest) else { return nil }
        rest = UnsafeRawBufferPointer(rebasing: rest[batch.bytes.count...])
        return batch
    }
}
