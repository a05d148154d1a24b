// Tells of records that were lost to damage: an alert that no rule has to ask for, and a record in topic `gaps`.
internal import Alerting
internal import CommitLog
internal import EventModel
internal import Platform

/// On a log that takes writes. Any thread; nothing here waits. Both topics go on from the reserve on a full disk.
struct DamageReporter: Sendable {
    /// Gaps whose telling is on its way to the disk.
    struct Telling {
        fileprivate var ticket: CommitTicket
        fileprivate var gaps: [LostOffsets]
    }

    /// Alerts of one batch, which has room for some three hundred.
    private static let edgesMax = 100

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

    /// Once, at the start: what an earlier run has raised is over.
    func begin(_ book: AlertBook) {
        let now = clock.now()
        let over = book.firing.map(\.record).filter(\.isBuiltIn).map { $0.over(at: now) }
        for start in stride(from: 0, to: over.count, by: DamageReporter.edgesMax) {
            _ = append(Array(over[start...].prefix(DamageReporter.edgesMax)), [])
        }
    }

    /// Again and again, by one caller: tells of what nobody has been told of, by this run or one before it. Only what is
    /// durably told counts, so that a crash in between means that the next start tells it.
    func tell(_ telling: inout Telling?) {
        settle(&telling)
        let untold = Array(log.untoldGaps.prefix(DamageReporter.edgesMax))
        guard telling == nil, !untold.isEmpty else { return }
        let now = clock.now()
        let records = untold.map { lost in
            let gap = lost.gap
            var record = GapRecord(kind: .damage, count: UInt64(max(0, gap.to - gap.from)), first: now, last: now)
            record.partition = lost.topicPartition.description
            record.from = gap.from.value
            record.to = gap.to.value - 1
            return record
        }
        let edges = untold.map { AlertRecord(damage: $0.gap, of: $0.topicPartition, at: now, box: box) }
        telling = append(edges, records).map { Telling(ticket: $0, gaps: untold) }
    }

    /// Takes note of what is durably told by now; also at the end, while the log is still open.
    func settle(_ telling: inout Telling?) {
        guard let current = telling else { return }
        switch log.inbox.outcome(of: current.ticket) {
        case .pending: return
        case .durable: log.markTold(current.gaps)
        case .failed: break
        }
        telling = nil
    }

    /// In one commit, or in none: a log that is closed or whose reserve is used up takes neither, and `status` still says it.
    ///
    /// - Returns: nil where nothing was taken.
    private func append(_ edges: [AlertRecord], _ losses: [GapRecord]) -> CommitTicket? {
        let alertBuilder = BatchBuilder(pool: log.pool)
        let gapBuilder = BatchBuilder(pool: log.pool)
        for edge in edges {
            guard let value = try? edge.encoded() else { continue }
            put(Array(edge.fingerprint.utf8), value, at: edge.at, into: alertBuilder)
        }
        for loss in losses { put(loss.key, loss.encode(), at: loss.last, into: gapBuilder) }
        let batches = [(alerts, alertBuilder), (gaps, gapBuilder)].filter { $0.1.recordCount > 0 }
            .map { ($0.0, $0.1.seal(compression: $0.0.configuration.compression)) }
        guard !batches.isEmpty, case .accepted(let ticket) = log.inbox.offer(batches) else { return nil }
        return ticket
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
