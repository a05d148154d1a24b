// A batch whose records and checksum are final: on its way from an input to the log writer.
internal import Synchronization
package import Platform

/// Lifecycle: *sealed* by `BatchBuilder.seal` or `ForeignBatch.sealed`, *stamped* with its base offset by the log writer,
/// *released* once durable or failed: then its memory is back in the pool and only its numbers remain.
///
/// Owner: the sealing thread until it is offered, then the log writer. After that the offering thread may read
/// `recordCount`, the timestamps, `baseOffset` and `appendOutcome`.
package final class SealedBatch: @unchecked Sendable {
    // Sendable: `buffer` is used by one thread at a time, handed over through the inbox's lock; the rest is immutable
    // or atomic.
    private var buffer: BatchBuffer?
    private let pool: BatchBufferPool
    package let byteCount: Int
    package let recordCount: Int
    package let baseTimestamp: Timestamp
    package let maxTimestamp: Timestamp
    /// nil where the producer does not want its batches recognised.
    package let producer: BatchProducer?
    /// An `AppendOutcome` as one number.
    private let outcome = Atomic<Int64>(AppendOutcome.unknown)

    init(
        buffer: BatchBuffer,
        pool: BatchBufferPool,
        byteCount: Int,
        recordCount: Int,
        baseTimestamp: Timestamp,
        maxTimestamp: Timestamp,
        producer: BatchProducer? = nil
    ) {
        self.buffer = buffer
        self.pool = pool
        self.byteCount = byteCount
        self.recordCount = recordCount
        self.baseTimestamp = baseTimestamp
        self.maxTimestamp = maxTimestamp
        self.producer = producer
    }

    deinit {
        release()
    }

    /// The offset of the first record, known from the moment the writer has stamped it; final when its ticket is
    /// durable. nil then: the partition was deleted, and the batch was not written.
    package var baseOffset: Offset? {
        guard case .appended(let offset)? = appendOutcome else { return nil }
        return offset
    }

    /// What the writer made of it, and for a batch without a producer always `appended`; nil before that. Final when its
    /// ticket is durable.
    package var appendOutcome: AppendOutcome? { AppendOutcome(code: outcome.load(ordering: .acquiring)) }

    /// Says why the batch is not appended. By the log writer, in place of `stamp`.
    func leaveOut(_ reason: AppendOutcome) { outcome.store(reason.code, ordering: .releasing) }

    /// The stored form, `byteCount` bytes; empty once released. Valid while this object lives and is not released.
    package var bytes: UnsafeRawBufferPointer {
        guard let buffer else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(rebasing: buffer.memory[..<byteCount])
    }

    /// Memory that this batch holds until it is released: what the inbox counts.
    var memoryBytes: Int { buffer?.capacity ?? 0 }

    /// Writes all of the header but the stamp, and the checksum. Once, by the builder.
    func writeHeader(codec: Compression) {
        guard let buffer, let base = buffer.memory.baseAddress else { return }
        base.setBigEndian(Int64(0), at: 0)
        base.setBigEndian(Int32(truncatingIfNeeded: byteCount - RecordBatchHeader.uncountedBytes), at: 8)
        base.setBigEndian(Int32(0), at: 12)
        base.setBigEndian(Int8(2), at: 16)
        base.setBigEndian(Int16(codec.rawValue), at: 21)
        base.setBigEndian(Int32(truncatingIfNeeded: recordCount - 1), at: 23)
        base.setBigEndian(baseTimestamp.milliseconds, at: 27)
        base.setBigEndian(maxTimestamp.milliseconds, at: 35)
        base.setBigEndian(Int64(-1), at: 43)
        base.setBigEndian(Int16(-1), at: 51)
        base.setBigEndian(Int32(-1), at: 53)
        base.setBigEndian(Int32(truncatingIfNeeded: recordCount), at: 57)
        let covered = UnsafeRawBufferPointer(rebasing: bytes[RecordBatchHeader.checksummedFrom...])
        base.setBigEndian(CRC32C.checksum(covered), at: 17)
    }

    /// Sets the base offset and leader epoch 0: bytes 0-7 and 12-15, which the checksum leaves out. By the log writer.
    func stamp(_ offset: Offset) {
        guard let buffer, let base = buffer.memory.baseAddress else { return }
        base.setBigEndian(offset.value, at: 0)
        base.setBigEndian(Int32(0), at: 12)
        outcome.store(AppendOutcome.appended(offset).code, ordering: .releasing)
    }

    /// Takes the stamp of an attempt back and gives the memory back: the batch is never written. By the log writer.
    func discard() {
        outcome.store(AppendOutcome.unknown, ordering: .releasing)
        release()
    }

    /// Gives the memory back. By the log writer, when the commit is over.
    func release() {
        guard let released = buffer else { return }
        buffer = nil
        pool.give(released)
    }
}
