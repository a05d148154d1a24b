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

/// Opens batches for walking; owns the memory into which compressed ones are inflated. One thread at a time.
public final class RecordDecoder {
    private let lz4 = LZ4Codec()
    private let zstandard = ZstandardCodec()
    private let inflated = InflatedBytes()

    package init() {}

    /// The records of `batch`. Valid until the next call of `open` and while the batch's bytes are.
    ///
    /// Throws `unsupportedCompression` for a codec that this version does not read, `damaged` for a block that does not
    /// inflate within `Limits.inflatedBytesMax`.
    package func open(_ batch: RecordBatchView) throws(LogError) -> RecordCursor {
        let isInflated: Bool
        switch batch.header.codec {
        case Int16(Compression.none.rawValue):
            return RecordCursor(block: batch.block, header: batch.header)
        case Int16(Compression.lz4.rawValue):
            isInflated = lz4.decompress(batch.block, into: inflated)
        case Int16(Compression.zstd.rawValue):
            isInflated = zstandard.decompress(batch.block, into: inflated)
        default:
            throw LogError(.unsupportedCompression, "codec \(batch.header.codec)", offset: batch.baseOffset)
        }
        guard isInflated else {
            throw LogError(
                .damaged,
                "the compressed block does not inflate",
                offset: batch.baseOffset,
                resumeAt: batch.endOffset
            )
        }
        return RecordCursor(block: inflated.bytes, header: batch.header)
    }
}
