// What a connection reads the log with: records for its fetches, one fetch ahead, and the places of times.
internal import CommitLog
internal import NIOCore
internal import Platform

/// Whole batches of a partition as they are stored, on their way to a client. Their bytes are taken from `fetchMemory`.
struct StoredBatches: Sendable {
    let partition: Partition
    /// Where they were asked for: in their first batch, or in a gap before it.
    let from: Offset
    let nextOffset: Offset
    let bytes: ByteBuffer
}

/// On its worker's thread only, but for the last reference to it.
final class ConnectionReader: @unchecked Sendable {
    // Sendable: made with the connection, and from then on used by jobs of one worker.
    private let reader: LogReader
    private let memory: WorkerMemory
    private let fetchMemory: ByteBudget
    private let recordBuffers: RecordBuffers
    /// What the next fetch will most likely ask for, read while the client takes the answer to the last one.
    private var ahead: [StoredBatches] = []

    init(log: CommitLog, memory: WorkerMemory, fetchMemory: ByteBudget, recordBuffers: RecordBuffers) {
        reader = LogReader(log: log)
        self.memory = memory
        self.fetchMemory = fetchMemory
        self.recordBuffers = recordBuffers
    }

    deinit {
        forgetAhead()
    }

    // MARK: Records

    /// Whole batches from `offset` on, see `LogReader.read`; what was read ahead where it is that. Whose bytes are taken from
    /// `fetchMemory`, and when, is the caller's business.
    func batches(
        of partition: Partition,
        from offset: Offset,
        maxBytes: Int,
        mayPass: Bool
    ) throws(LogError) -> StoredBatches {
        if let found = takeAhead(of: partition, from: offset, maxBytes: maxBytes) { return found }
        let end = partition.logEndOffset
        let (result, bytes) = try recordBuffers.fill { buffer throws(LogError) in
            try reader.read(partition, from: offset, upTo: end, maxBytes: maxBytes, mayPass: mayPass, into: &buffer)
        }
        return StoredBatches(partition: partition, from: offset, nextOffset: result.nextOffset, bytes: bytes)
    }

    /// Keeps what was read for the next fetch, in place of what is there.
    func keepAhead(_ batches: [StoredBatches]) {
        forgetAhead()
        ahead = batches
    }

    private func takeAhead(of partition: Partition, from offset: Offset, maxBytes: Int) -> StoredBatches? {
        let index = ahead.firstIndex { $0.partition === partition && $0.from == offset }
        guard let index, ahead[index].bytes.readableBytes <= maxBytes else { return nil }
        let found = ahead.remove(at: index)
        fetchMemory.give(found.bytes.readableBytes)
        return found
    }

    /// Whatever was read ahead is not asked for.
    func forgetAhead() {
        for batches in ahead {
            fetchMemory.give(batches.bytes.readableBytes)
            recordBuffers.give(batches.bytes)
        }
        ahead = []
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
