// Opens stored batches, whoever compressed them, within bounded memory.

/// Opens batches for walking; owns the memory into which compressed ones are inflated, and the contexts of the libraries.
/// One thread at a time.
///
/// For plain batches it holds nothing. Each codec takes its context with the first batch that needs it and keeps it: 48
/// KiB for gzip, 160 KiB for zstd, up to 8.2 MiB for lz4 where a producer used blocks of 4 MiB, nothing for snappy. All
/// inflate into the same memory, of which 1 MiB stays and `Limits.inflatedBytesMax` is the most, for as long as such a
/// batch is open.
package final class RecordDecoder: @unchecked Sendable {
    // Sendable: each thread has one of its own, or takes it from the pool and gives it back through its lock.

    /// Kafka's codec numbers; 5 to 7 mean nothing.
    private enum Codec: Int16 {
        case none = 0
        case gzip = 1
        case snappy = 2
        case lz4 = 3
        case zstd = 4
    }

    private let inflatedBytesMax: Int
    private lazy var gzip = GzipCodec()
    private lazy var lz4 = LZ4Codec()
    private lazy var zstandard = ZstandardCodec()
    private lazy var inflated = InflatedBytes(limit: inflatedBytesMax)

    /// - Parameter inflatedBytesMax: the most that the records of one batch inflate to.
    package init(inflatedBytesMax: Int = Limits.inflatedBytesMax) {
        self.inflatedBytesMax = inflatedBytesMax
    }

    /// The records of `batch`. Valid until the next call of `open` and while the batch's bytes are.
    ///
    /// Throws `unsupportedCompression` for a number that is no codec, `damaged` for a block that does not inflate within
    /// the bound.
    package func open(_ batch: RecordBatchView) throws(LogError) -> RecordCursor {
        RecordCursor(block: try records(of: batch), header: batch.header)
    }

    /// The bytes of the records of `batch`, inflated where they are compressed. Valid and throws as for `open`.
    func records(of batch: RecordBatchView) throws(LogError) -> UnsafeRawBufferPointer {
        guard let codec = Codec(rawValue: batch.header.codec) else {
            throw LogError(.unsupportedCompression, "codec \(batch.header.codec)", offset: batch.baseOffset)
        }
        guard codec != .none else { return batch.block }
        let records = inflated.fill { output in
            switch codec {
            case .none: nil
            case .gzip: gzip.decompress(batch.block, into: output)
            case .snappy: SnappyCodec.decompress(batch.block, into: output)
            case .lz4: lz4.decompress(batch.block, into: output)
            case .zstd: zstandard.decompress(batch.block, into: output)
            }
        }
        guard let records else {
            throw LogError(
                .damaged,
                "the compressed block does not inflate",
                offset: batch.baseOffset,
                resumeAt: batch.endOffset
            )
        }
        return records
    }

    /// Gives the memory of the last batch back, but for what always stays; its records are gone.
    func trim() { inflated.giveBack() }
}
