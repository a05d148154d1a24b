// Records of alerts that no rule is behind; those of lost records, and of a box that takes nothing in.
package import CommitLog
internal import EventModel
package import Platform
internal import Rules

extension AlertRecord {
    /// In the place of a rule's hash: no rule is behind these, so nobody has to write one, and none ends them.
    private static let noRule = "0000000000000000"
    private static let damageName = "LogDamage"
    private static let readOnlyName = "LogReadOnly"

    package var isBuiltIn: Bool { ruleHash == AlertRecord.noRule }

    /// Fires once for each gap that is found; over with the next start of the daemon (`over`).
    package init(damage gap: OffsetGap, of partition: TopicPartition, at time: Timestamp, box: String) {
        self.init(
            builtIn: AlertRecord.damageName,
            metric: "lost_offsets.\(partition)",
            value: Double(max(0, gap.to - gap.from)),
            summary: "CRITICAL \(box): \(partition) has lost offsets \(gap.from) up to \(gap.to) to damage on the disk",
            at: time,
            box: box,
            cause: AlertCause(
                topic: partition.topic.description,
                partition: partition.partition.value,
                offset: gap.from.value
            )
        )
    }

    /// Fires while the daemon only reads: in no log, for none takes it then.
    package init(readOnly reason: String, at time: Timestamp, box: String) {
        self.init(
            builtIn: AlertRecord.readOnlyName,
            metric: "log_read_only",
            value: 1,
            summary: "CRITICAL \(box): \(reason)",
            at: time,
            box: box,
            cause: AlertCause(topic: "system", partition: 0, offset: 0)
        )
    }

    /// `at`: when it fires, and began.
    init(
        builtIn name: String,
        metric: String,
        value: Double,
        threshold: Double = 0,
        condition: String? = nil,
        severity: String = "critical",
        summary: String,
        at time: Timestamp,
        box: String,
        cause: AlertCause
    ) {
        self.init(
            alert: name,
            state: .firing,
            device: box,
            name: box,
            box: box,
            metric: metric,
            value: value,
            threshold: threshold,
            condition: condition ?? "\(metric) > 0",
            peak: value,
            severity: severity,
            at: time,
            breachedAt: time,
            firedAt: time,
            lastSeen: time,
            fingerprint: AlertFingerprint.of(alert: name, device: box, metric: metric),
            summary: summary,
            cause: cause,
            ruleHash: AlertRecord.noRule
        )
    }

    /// The record that ends this alert: the box has started anew.
    package func over(at time: Timestamp) -> AlertRecord { over(at: time, "\(alert) of an earlier run") }

    /// The record that ends this alert, and says so in these words.
    func over(at time: Timestamp, _ words: String) -> AlertRecord {
        var record = self
        record.state = .resolved
        record.at = max(time, at)
        record.resolvedAt = record.at
        record.summary = "RESOLVED \(box): \(words)"
        return record
    }
}
