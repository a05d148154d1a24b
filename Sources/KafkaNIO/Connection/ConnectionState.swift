// What one connection is: who is at the other end, and what it may do.
internal import CommitLog
internal import KafkaProtocol
internal import NIOCore
internal import Platform

/// Where a client reaches this broker.
struct ClientAddress: Sendable {
    var host: String
    var port: Int32
}

/// Belongs to the connection's event loop, but for `reader`.
final class ConnectionState {
    let broker: Broker
    let worker: Worker
    /// The broker's address as this client knows it.
    let address: ClientAddress
    let peer: String
    /// Of the requests that are in work, in the order of their arrival.
    private var requestMemory: [Int] = []
    let reader: ConnectionReader

    init(broker: Broker, worker: Worker, address: ClientAddress, peer: String) {
        self.broker = broker
        self.worker = worker
        self.address = address
        self.peer = peer
        reader = ConnectionReader(log: broker.log)
    }

    var frameBytesMax: Int { Limits.requestBytesMax }

    /// The next request holds so many bytes of the budget of all connections.
    func takeOver(_ bytes: Int) { requestMemory.append(bytes) }

    /// The oldest request that is not answered yet is.
    func giveBackOldest() {
        guard !requestMemory.isEmpty else { return }
        broker.requestMemory.give(requestMemory.removeFirst())
    }

    func giveBackAll() {
        for bytes in requestMemory { broker.requestMemory.give(bytes) }
        requestMemory.removeAll()
    }
}

/// What a connection reads the log with; on its worker's thread only.
final class ConnectionReader: @unchecked Sendable {
    // Sendable: made with the connection, and from then on used by jobs of one worker.
    private let reader: LogReader
    private let decoder = RecordDecoder()
    private var buffer = ReadBuffer()

    init(log: CommitLog) {
        reader = LogReader(log: log)
    }

    /// Whole batches from `offset` on, see `LogReader.read`.
    func read(_ partition: Partition, from offset: Offset, maxBytes: Int) throws(LogError) -> ReadResult {
        try reader.read(partition, from: offset, upTo: partition.logEndOffset, maxBytes: maxBytes, into: &buffer)
    }

    /// What was read last.
    func copy() -> ByteBuffer { ByteBuffer(bytes: buffer.bytes) }

    /// The first record at or after `timestamp`, or the one with the largest timestamp where that is nil.
    func record(
        _ partition: Partition,
        atOrAfter timestamp: Timestamp?
    ) throws(LogError) -> (offset: Offset, timestamp: Timestamp)? {
        guard let timestamp else { return nil }
        return try reader.firstRecord(
            atOrAfter: timestamp,
            in: partition,
            upTo: partition.logEndOffset,
            buffer: &buffer,
            decoder: decoder
        )
    }
}
