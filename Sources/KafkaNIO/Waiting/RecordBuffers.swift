// Memory of records on their way to clients, used again.
internal import CommitLog
internal import NIOCore
internal import Synchronization

/// Buffers with room for one read of the log. Memory of that size comes from the kernel and goes back to it each time, page by
/// page; a consumer at full speed would spend as much time on that as on its records. So they are kept as long as others are
/// in use. One leaf lock.
final class RecordBuffers: Sendable {
    /// What an answer and the one after it are made of.
    private static let keptMax = 2 * Limits.fetchBytesMax / Limits.fetchReadBytesMax

    private struct Stock {
        var idle: [ByteBuffer] = []
        var inUse = 0
    }

    private let stock = Mutex(Stock())

    /// Runs `read` with memory to read into.
    ///
    /// - Returns: what it returned, and the bytes that it read: where they are many in that very memory (`isLent`), which `give`
    ///   takes back, and where they are few copied, so that few bytes hold little memory.
    func fill(
        _ read: (inout ReadBuffer) throws(LogError) -> ReadResult
    ) throws(LogError) -> (result: ReadResult, bytes: ByteBuffer, isLent: Bool) {
        var buffer = take()
        let outcome = buffer.withUnsafeMutableWritableBytes { memory in
            Result { () throws(LogError) in
                var readBuffer = ReadBuffer(lent: memory)
                let result = try read(&readBuffer)
                let range = readBuffer.lentRange ?? 0..<0
                let isMuch = range.count >= memory.count / 2
                return (result: result, range: range, copy: isMuch ? nil : ByteBuffer(bytes: readBuffer.bytes))
            }
        }
        guard case .success((let result, let range, nil)) = outcome else {
            give(buffer)
            let few = try outcome.get()
            return (few.result, few.copy ?? ByteBuffer(), false)
        }
        buffer.moveWriterIndex(to: range.upperBound)
        buffer.moveReaderIndex(to: range.lowerBound)
        return (result, buffer, true)
    }

    private func take() -> ByteBuffer {
        var buffer = stock.withLock { stock in
            stock.inUse += 1
            return stock.idle.popLast() ?? ByteBuffer()
        }
        buffer.clear(minimumCapacity: Limits.fetchReadBytesMax)
        return buffer
    }

    /// Takes back what was lent and nobody uses any more.
    func give(_ buffer: ByteBuffer) {
        stock.withLock { stock in
            stock.inUse -= 1
            stock.idle.append(buffer)
            let surplus = stock.idle.count - (stock.inUse == 0 ? Limits.workers : RecordBuffers.keptMax)
            if surplus > 0 { stock.idle.removeLast(surplus) }
        }
    }
}
