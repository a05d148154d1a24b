// Compression of sealed batches, over reused memory.

/// Compresses the records of one batch at a time. One thread at a time; kept by the pool between batches.
final class BatchCompressor: @unchecked Sendable {
    // Sendable: taken from the pool by one thread and given back through its lock.
    private let lz4 = LZ4Codec()
    private let zstandard = ZstandardCodec()
    private var scratch = UnsafeMutableRawBufferPointer(start: nil, count: 0)

    deinit {
        scratch.deallocate()
    }

    /// The compressed block, valid until the next call; nil where the codec is none or the library refuses.
    func compress(_ records: UnsafeRawBufferPointer, _ codec: Compression) -> UnsafeRawBufferPointer? {
        let count: Int?
        switch codec {
        case .none:
            count = nil
        case .lz4:
            reserve(LZ4Codec.bound(records.count))
            count = lz4.compress(records, into: scratch)
        case .zstd:
            reserve(ZstandardCodec.bound(records.count))
            count = zstandard.compress(records, into: scratch)
        }
        return count.map { UnsafeRawBufferPointer(rebasing: scratch[..<$0]) }
    }

    private func reserve(_ count: Int) {
        guard scratch.count < count else { return }
        scratch.deallocate()
        scratch = .allocate(byteCount: count, alignment: 16)
    }
}
