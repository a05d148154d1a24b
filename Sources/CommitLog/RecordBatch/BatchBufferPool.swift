// Memory for batches: taken by builders, given back when the batch is durable, so that a steady load allocates nothing.
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

/// Free buffers by size class, and free compressors. One per log; any thread, one short lock per batch.
///
/// What is outstanding is bounded elsewhere: by the inbox (`Limits.inboxBytesMax`) and one buffer per builder. What is
/// idle is bounded here.
package final class BatchBufferPool: Sendable {
    /// Each class holds four times the one below; the last takes the largest batch.
    private static let classes = [4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20]

    private struct Idle {
        var buffers: [[BatchBuffer]] = Array(repeating: [], count: BatchBufferPool.classes.count)
        var bytes = 0
        var compressors: [BatchCompressor] = []
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
            idle.bytes -= capacity
            return buffer
        }
        return reused ?? BatchBuffer(capacity: capacity)
    }

    /// Keeps the buffer for the next taker, or frees it where enough is idle.
    func give(_ buffer: BatchBuffer) {
        idle.withLock { idle in
            guard idle.bytes + buffer.capacity <= Limits.poolIdleBytesMax,
                let index = BatchBufferPool.classes.firstIndex(of: buffer.capacity)
            else { return }
            idle.buffers[index].append(buffer)
            idle.bytes += buffer.capacity
        }
    }

    func takeCompressor() -> BatchCompressor {
        idle.withLock { $0.compressors.popLast() } ?? BatchCompressor()
    }

    func give(_ compressor: BatchCompressor) {
        // Two are busy at once only where two inputs seal at the same instant; more are not worth their memory.
        idle.withLock { if $0.compressors.count < 2 { $0.compressors.append(compressor) } }
    }
}
