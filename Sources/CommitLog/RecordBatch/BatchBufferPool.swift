// Memory for batches: taken by whoever makes them, given back when the batch is durable, so that a steady load allocates nothing.
internal import Synchronization

/// One block of memory, freed by `deinit`; moves between one owner at a time.
final class BatchBuffer: @unchecked Sendable {
    // Sendable: whoever holds it (builder, sealed batch, pool) is its only user; hand-overs go through a lock.
    let memory: UnsafeMutableRawBufferPointer

    init(capacity: Int) {
        memory = .allocate(byteCount: capacity, alignment: 16)
    }

    deinit {
        memory.deallocate()
    }

    var capacity: Int { memory.count }
}

/// Free buffers by size class, and free compressors and decoders. One per log; any thread, one short lock per batch.
///
/// What is outstanding is bounded elsewhere: by the inbox (`Limits.inboxBytesMax`) and one buffer per builder. What is
/// idle is bounded here: to what a burst leaves behind, and after a while to what an idle box may hold.
package final class BatchBufferPool: Sendable {
    /// Each class holds four times the one below; the last takes the largest batch.
    private static let classes = [4 << 10, 16 << 10, 64 << 10, 256 << 10, Limits.batchBytesMax]

    private struct Idle {
        var buffers: [[BatchBuffer]] = Array(repeating: [], count: BatchBufferPool.classes.count)
        /// The fewest of each class since the last trim: so many were of no use.
        var fewest = [Int](repeating: 0, count: BatchBufferPool.classes.count)
        var bytes = 0
        var compressors: [BatchCompressor] = []
        var decoders: [RecordDecoder] = []
    }

    private let idle = Mutex(Idle())

    package init() {}

    /// A buffer of the smallest class that holds `count` bytes, at most `Limits.batchBytesMax`.
    func take(atLeast count: Int) -> BatchBuffer {
        let index = BatchBufferPool.classes.firstIndex { $0 >= count } ?? BatchBufferPool.classes.count - 1
        let capacity = BatchBufferPool.classes[index]
        precondition(count <= capacity, "no batch is larger than the largest buffer class")
        let reused = idle.withLock { idle -> BatchBuffer? in
            guard let buffer = idle.buffers[index].popLast() else { return nil }
            idle.fewest[index] = min(idle.fewest[index], idle.buffers[index].count)
            idle.bytes -= capacity
            return buffer
        }
        return reused ?? BatchBuffer(capacity: capacity)
    }

    /// Keeps the buffer for the next taker, or frees it where enough is idle.
    func give(_ buffer: BatchBuffer) {
        idle.withLock { idle in
            guard idle.bytes + buffer.capacity <= Limits.poolBytesMax,
                let index = BatchBufferPool.classes.firstIndex(of: buffer.capacity)
            else { return }
            idle.buffers[index].append(buffer)
            idle.bytes += buffer.capacity
        }
    }

    /// Frees what nobody has needed since the last call, down to `Limits.poolIdleBytesMax`. By the log writer, on its
    /// maintenance cadence.
    package func trim() {
        // Freed when this array goes, after the lock.
        var freed: [ArraySlice<BatchBuffer>] = []
        idle.withLock { idle in
            for (index, capacity) in BatchBufferPool.classes.enumerated().reversed() {
                let excess = max(0, idle.bytes - Limits.poolIdleBytesMax)
                let count = min(idle.fewest[index], (excess + capacity - 1) / capacity)
                freed.append(idle.buffers[index].prefix(count))
                idle.buffers[index].removeFirst(count)
                idle.bytes -= count * capacity
                idle.fewest[index] = idle.buffers[index].count
            }
        }
    }

    /// Memory that nobody uses at this moment.
    package var idleBytes: Int { idle.withLock { $0.bytes } }

    func takeCompressor() -> BatchCompressor {
        idle.withLock { $0.compressors.popLast() } ?? BatchCompressor()
    }

    func give(_ compressor: BatchCompressor) {
        // Two are busy at once only where two inputs seal at the same instant; more are not worth their memory.
        idle.withLock { if $0.compressors.count < 2 { $0.compressors.append(compressor) } }
    }

    func takeDecoder() -> RecordDecoder {
        idle.withLock { $0.decoders.popLast() } ?? RecordDecoder()
    }

    func give(_ decoder: RecordDecoder) {
        decoder.trim()
        // What one keeps of memory stands there; as for compressors.
        idle.withLock { if $0.decoders.count < 2 { $0.decoders.append(decoder) } }
    }
}
