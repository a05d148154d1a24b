// What a connection reads the log with: records for its fetches, and the places of times.
internal import CommitLog
internal import NIOCore
internal import Platform

/// Whole batches of a partition as they are stored, on their way to a client. Their bytes are taken from `fetchMemory`.
struct StoredBatches: Sendable {
    let partition: Partition
    /// Where they were asked for: in their first batch, or in a gap before it.
    let from: Offset
    let nextOffset: Offset
    /// See `ReadResult`.
    let nextByteCount: Int?
    let bytes: ByteBuffer
    /// They lie in memory of `RecordBuffers`.
    let isLent: Bool
}

/// On its worker's thread only, but for the last reference to it.
final class ConnectionReader: @unchecked Sendable {
    // Sendable: made with the connection, and from then on used by jobs of one worker.
    private let reader: LogReader
    private let memory: WorkerMemory
    private let recordBuffers: RecordBuffers

    init(log: CommitLog, memory: WorkerMemory, recordBuffers: RecordBuffers) {
        reader = LogReader(log: log)
        self.memory = memory
        self.recordBuffers = recordBuffers
    }

    // MARK: Records

    /// Whole batches from `offset` on, see `LogReader.read`. That their bytes are taken from `fetchMemory` is the caller's
    /// business.
    func batches(
        of partition: Partition,
        from offset: Offset,
        maxBytes: Int,
        mayPass: Bool
    ) throws(LogError) -> StoredBatches {
        let end = partition.logEndOffset
        let (result, bytes, isLent) = try recordBuffers.fill { buffer throws(LogError) in
            try reader.read(partition, from: offset, upTo: end, maxBytes: maxBytes, mayPass: mayPass, into: &buffer)
        }
        return StoredBatches(
            partition: partition,
            from: offset,
            nextOffset: result.nextOffset,
            nextByteCount: result.nextByteCount,
            bytes: bytes,
            isLent: isLent
        )
    }

    // MARK: Places

    /// The first record at or after `timestamp`, or the one with the largest timestamp where that is nil.
    func record(
        _ partition: Partition,
        atOrAfter timestamp: Timestamp?
    ) throws(LogError) -> (offset: Offset, timestamp: Timestamp)? {
        let end = partition.logEndOffset
        guard let timestamp else {
            return try reader.largestTimestamp(
                in: partition,
                upTo: end,
                buffer: &memory.buffer,
                decoder: memory.decoder
            )
        }
        return try reader.firstRecord(
            atOrAfter: timestamp,
            in: partition,
            upTo: end,
            buffer: &memory.buffer,
            decoder: memory.decoder
        )
    }
}
