// Compression of sealed batches and inflation of stored ones, over reused memory.

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

/// Memory that inflated records are written to: grows by doubling up to `Limits.inflatedBytesMax`, then refuses.
final class InflatedBytes {
    private static let firstBytes = 64 << 10
    /// What is kept between batches; an honest batch of ours inflates to less.
    private static let keptBytes = 1 << 20

    private var memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private var count = 0

    deinit {
        memory.deallocate()
    }

    /// What has been written, valid until the next `removeAll`.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[..<count]) }

    func removeAll() {
        count = 0
        guard memory.count > InflatedBytes.keptBytes else { return }
        memory.deallocate()
        memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    }

    /// Free memory after what is written, at least one byte; nil at the limit.
    func room() -> UnsafeMutableRawBufferPointer? {
        if count == memory.count {
            guard memory.count < Limits.inflatedBytesMax else { return nil }
            let larger = min(Limits.inflatedBytesMax, max(InflatedBytes.firstBytes, memory.count * 2))
            let grown = UnsafeMutableRawBufferPointer.allocate(byteCount: larger, alignment: 16)
            grown.copyMemory(from: bytes)
            memory.deallocate()
            memory = grown
        }
        return UnsafeMutableRawBufferPointer(rebasing: memory[count...])
    }

    func advance(by written: Int) {
        count = min(memory.count, count + max(0, written))
    }
}
