// One partition's open batch, as one input fills it.
internal import CommitLog
internal import Platform

/// Holds a batch builder, and what is sealed but not yet taken by the inbox. Owned by one input's thread.
final class BatchAccumulator {
    let partition: Partition
    private let compression: Compression
    private let builder: BatchBuilder
    /// When the first record of the open batch was appended; nil where none is open.
    private(set) var openedAt: MonotonicInstant?
    /// Payloads that had been accepted when the open batch began: none of them has a record in it.
    private(set) var acceptedBefore: UInt64 = 0

    init(partition: Partition, compression: Compression, pool: BatchBufferPool) {
        self.partition = partition
        self.compression = compression
        builder = BatchBuilder(pool: pool)
    }

    var openBytes: Int { builder.recordCount == 0 ? 0 : builder.byteCount }

    /// False where the record does not fit any more: seal first. `acceptedBefore`: payloads accepted so far.
    @inline(__always)
    func append(
        _ record: PendingRecord,
        acceptedBefore: UInt64,
        now: @autoclosure () -> MonotonicInstant
    ) -> Bool {
        guard
            builder.append(
                timestamp: record.timestamp,
                key: record.key,
                value: record.value,
                headers: record.headers,
                headerCount: record.headerCount
            )
        else { return false }
        if openedAt == nil {
            openedAt = now()
            self.acceptedBefore = acceptedBefore
        }
        return true
    }

    /// The open batch, finished; nil where it is empty.
    func seal() -> SealedBatch? {
        guard builder.recordCount > 0 else { return nil }
        openedAt = nil
        return builder.seal(compression: compression)
    }
}

/// One record before it is encoded. The pointers are valid during the call that it is passed to.
struct PendingRecord {
    var timestamp: Timestamp
    var key: UnsafeRawBufferPointer
    var value: UnsafeRawBufferPointer
    var headers: UnsafeRawBufferPointer
    var headerCount: Int

    var byteCount: Int { key.count + value.count + headers.count }
}
