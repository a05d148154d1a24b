// Memory of records on their way to clients, used again.
internal import NIOCore
internal import Synchronization

/// Large buffers come from the kernel and go back to it each time, page by page; a consumer at full speed would spend as
/// much time on that as on its records. A few are kept. One leaf lock.
final class RecordBuffers: Sendable {
    private static let keptMax = 4
    /// Below, memory comes from the allocator's own stock.
    private static let largeBytes = 64 << 10

    private let idle = Mutex<[ByteBuffer]>([])

    /// A buffer that holds a copy of `bytes`.
    func copy(_ bytes: UnsafeRawBufferPointer) -> ByteBuffer {
        guard bytes.count >= RecordBuffers.largeBytes, var buffer = idle.withLock({ $0.popLast() }) else {
            return ByteBuffer(bytes: bytes)
        }
        buffer.clear(minimumCapacity: bytes.count)
        buffer.writeBytes(bytes)
        return buffer
    }

    /// Takes back what nobody uses any more.
    func give(_ buffer: ByteBuffer) {
        guard buffer.capacity >= RecordBuffers.largeBytes else { return }
        idle.withLock { if $0.count < RecordBuffers.keptMax { $0.append(buffer) } }
    }
}
