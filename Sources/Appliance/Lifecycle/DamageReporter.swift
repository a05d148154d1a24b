// Tells of records that were lost to damage: an alert that no rule has to ask for, and a record in topic `gaps`.
internal import Alerting
internal import CommitLog
internal import EventModel
internal import Platform

/// On a log that takes writes. Any thread; nothing here waits. Both topics go on from the reserve on a full disk.
struct DamageReporter: Sendable {
    private let log: CommitLog
    private let alerts: Partition
    private let gaps: Partition
    private let clock: any Clock
    private let box: String

    /// nil where the log has not both topics.
    init?(log: CommitLog, clock: any Clock, box: String) {
        let alerts = log.partition(TopicPartition(topic: .alerts, partition: .zero))
        let gaps = log.partition(TopicPartition(topic: .gaps, partition: .zero))
        guard let alerts, let gaps else { return nil }
        self.log = log
        self.alerts = alerts
        self.gaps = gaps
        self.clock = clock
        self.box = box
    }

    /// Once, at the start: what an earlier run has raised is over, and what this start found missing is told.
    func begin(_ book: AlertBook) {
        let now = clock.now()
        append(book.firing.map(\.record).filter(\.isBuiltIn).map { $0.over(at: now) }, [])
        for partition in log.recoveryReport.partitions { report(partition.gaps, of: partition.topicPartition) }
    }

    func report(_ lost: [OffsetGap], of partition: TopicPartition) {
        let now = clock.now()
        let records = lost.map { gap in
            var record = GapRecord(kind: .damage, count: UInt64(max(0, gap.to - gap.from)), first: now, last: now)
            record.partition = partition.description
            record.from = gap.from.value
            record.to = gap.to.value - 1
            return record
        }
        append(lost.map { AlertRecord(damage: $0, of: partition, at: now, box: box) }, records)
    }

    /// In one commit, or in none: a log that is closed or whose reserve is used up takes neither, and `status` still says it.
    private func append(_ edges: [AlertRecord], _ losses: [GapRecord]) {
        let alertBuilder = BatchBuilder(pool: log.pool)
        let gapBuilder = BatchBuilder(pool: log.pool)
        for edge in edges {
            guard let value = try? edge.encoded() else { continue }
            put(Array(edge.fingerprint.utf8), value, at: edge.at, into: alertBuilder)
        }
        for loss in losses { put(loss.key, loss.encode(), at: loss.last, into: gapBuilder) }
        let batches = [(alerts, alertBuilder), (gaps, gapBuilder)].filter { $0.1.recordCount > 0 }
            .map { ($0.0, $0.1.seal(compression: $0.0.configuration.compression)) }
        if !batches.isEmpty { _ = log.inbox.offer(batches) }
    }

    private func put(_ key: [UInt8], _ value: [UInt8], at time: Timestamp, into builder: BatchBuilder) {
        key.withUnsafeBytes { key in
            value.withUnsafeBytes { value in
                _ = builder.append(
                    timestamp: time,
                    key: key,
                    value: value,
                    headers: UnsafeRawBufferPointer(start: nil, count: 0),
                    headerCount: 0
                )
            }
        }
    }
}
