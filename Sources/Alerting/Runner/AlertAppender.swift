// Appends edges to topic `alerts`: batches them, waits for room, and knows when all of them are durable.
internal import CommitLog
internal import EventModel
internal import Platform

/// Owned by the rules thread.
final class AlertAppender {
    private let log: CommitLog
    private let partition: Partition
    private let builder: BatchBuilder
    /// Sealed, not accepted yet: the inbox or the disk is full.
    private var waiting: [SealedBatch] = []
    private var lastTicket: CommitTicket?

    init(log: CommitLog, partition: Partition) {
        self.log = log
        self.partition = partition
        builder = BatchBuilder(pool: log.pool)
    }

    /// Nothing waits to be offered.
    var isEmpty: Bool { waiting.isEmpty && builder.recordCount == 0 }

    /// Adds one record to the open batch. A record beyond the largest batch cannot come of an alert's bounded texts.
    func append(_ record: AlertRecord) throws {
        let value = try record.encoded()
        let key = Array(record.fingerprint.utf8)
        if !put(key, value, at: record.at) {
            seal()
            _ = put(key, value, at: record.at)
        }
    }

    private func put(_ key: [UInt8], _ value: [UInt8], at time: Timestamp) -> Bool {
        key.withUnsafeBytes { key in
            value.withUnsafeBytes { value in
                builder.append(
                    timestamp: time,
                    key: key,
                    value: value,
                    headers: UnsafeRawBufferPointer(start: nil, count: 0),
                    headerCount: 0
                )
            }
        }
    }

    private func seal() {
        guard builder.recordCount > 0 else { return }
        waiting.append(builder.seal(compression: partition.configuration.compression))
    }

    enum FlushOutcome {
        case accepted
        /// Kept here; try again.
        case full
        /// The log takes nothing any more.
        case closed
    }

    /// Offers everything, in order.
    func flush() -> FlushOutcome {
        seal()
        while let batch = waiting.first {
            switch log.inbox.offer(batch, to: partition) {
            case .accepted(let ticket):
                lastTicket = ticket
                waiting.removeFirst()
            case .full: return .full
            case .closed: return .closed
            }
        }
        return .accepted
    }

    /// Whether all that was ever appended is durable; waits up to `timeout` for the last commit.
    func isDurable(within timeout: Duration) -> Bool {
        guard isEmpty else { return false }
        guard let lastTicket else { return true }
        return log.inbox.wait(for: lastTicket, timeout: timeout) == .durable
    }
}
