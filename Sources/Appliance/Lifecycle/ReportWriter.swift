// Appends what the daemon reports of itself: edges of alerts that no rule is behind, and losses.
internal import Alerting
internal import CommitLog
internal import EventModel
internal import Platform

/// On a log that takes writes. Any thread; nothing here waits. Both topics go on from the reserve on a full disk.
struct ReportWriter: Sendable {
    /// Alerts of one batch, which has room for some three hundred.
    static let edgesMax = 100

    let log: CommitLog
    private let alerts: Partition
    private let gaps: Partition

    /// nil where the log has not both topics.
    init?(log: CommitLog) {
        let alerts = log.partition(TopicPartition(topic: .alerts, partition: .zero))
        let gaps = log.partition(TopicPartition(topic: .gaps, partition: .zero))
        guard let alerts, let gaps else { return nil }
        self.log = log
        self.alerts = alerts
        self.gaps = gaps
    }

    /// In one commit, or in none: a log that is closed or whose reserve is used up takes neither, and `status` still says it.
    ///
    /// `edges`: `edgesMax` at most. Returns nil where nothing was taken.
    func append(_ edges: [AlertRecord], _ losses: [GapRecord] = []) -> CommitTicket? {
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
