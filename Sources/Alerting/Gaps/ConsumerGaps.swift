// What a consumer of the log did not get to read, on its way to topic `gaps`.
internal import CommitLog
internal import EventModel
internal import Platform

/// Offsets that were gone when their consumer came to them.
struct MissedOffsets: Hashable {
    /// `retention` or `damage`.
    var kind: GapKind
    var from: Offset
    /// The first offset after them.
    var to: Offset
    /// Fewer than lie in between where only some are missing.
    var count: UInt64
}

/// One consumer's losses. One thread (or actor) at a time. Written before the consumer's cursor moves past them, so that a
/// crash in between writes them twice rather than never; while the log takes nothing they wait in memory.
final class ConsumerGaps {
    /// Beyond it the newest records wait no longer; what they stand for is in the consumer's counter.
    private static let waitingMax = 256

    private let log: CommitLog
    private let clock: any Clock
    private let consumer: String
    /// Nil in a log without the topic.
    private let partition: Partition?
    private var waiting: [GapRecord] = []

    /// `consumer`: `rules` or `hook-NAME`.
    init(log: CommitLog, clock: any Clock, consumer: String) {
        self.log = log
        self.clock = clock
        self.consumer = consumer
        partition = log.partition(TopicPartition(topic: .gaps, partition: .zero))
    }

    func note(_ missed: [MissedOffsets], of partition: Partition) {
        guard !missed.isEmpty else { return }
        let now = clock.now()
        for range in missed where waiting.count < ConsumerGaps.waitingMax {
            var record = GapRecord(kind: range.kind, count: range.count, first: now, last: now)
            record.consumer = consumer
            record.partition = partition.topicPartition.description
            record.from = range.from.value
            record.to = range.to.value - 1
            waiting.append(record)
        }
    }

    /// Offers what waits, and waits up to `timeout` for it to be durable.
    func write(waitUpTo timeout: Duration) {
        guard let partition, !waiting.isEmpty else { return }
        let builder = BatchBuilder(pool: log.pool)
        for record in waiting {
            record.key.withUnsafeBytes { key in
                record.encode().withUnsafeBytes { value in
                    _ = builder.append(
                        timestamp: record.last,
                        key: key,
                        value: value,
                        headers: UnsafeRawBufferPointer(start: nil, count: 0),
                        headerCount: 0
                    )
                }
            }
        }
        let batch = builder.seal(compression: partition.configuration.compression)
        guard case .accepted(let ticket) = log.inbox.offer(batch, to: partition) else { return }
        waiting.removeAll()
        _ = log.inbox.wait(for: ticket, timeout: timeout)
    }
}
