// What is firing: the fold of topic `alerts`.
package import CommitLog
internal import Rules
internal import Synchronization

/// One alert as its newest record has it.
package struct AlertEntry: Hashable, Sendable {
    package var record: AlertRecord
    /// The record's value, as it is stored.
    package var json: [UInt8]
    package var offset: Offset
}

/// What a snapshot keeps of a book, so that the next one need not read all of topic `alerts`.
struct AlertBookState: Hashable {
    struct Firing: Hashable {
        var offset: Offset
        /// The record's value, as it is stored.
        var json: [UInt8]
    }

    /// Where to read on: from here on the topic has the alerts that resolved last, and the edges of all others.
    var position: Offset
    /// Alerts that fire by a record before `position`, in the order of their offsets.
    var firing: [Firing]
}

/// Any thread. Fed in offset order by the rules thread; one short lock per record and per question.
package final class AlertBook: Sendable {
    private struct Fold {
        var entries: [String: AlertEntry] = [:]
        /// Fingerprints of the entries, by the name of their alert.
        var fingerprints: [String: Set<String>] = [:]
        /// Resolved alerts, oldest first; those that fired again stay in it until they pass.
        var resolved: [(fingerprint: String, offset: Offset)] = []
        var firingCount = 0
        var unreadable: UInt64 = 0
    }

    private let fold = Mutex(Fold())

    package init() {}

    /// The book of a log that nobody writes to; empty where it has no topic `alerts`. Blocks for the disk.
    package convenience init(reading log: CommitLog) throws(LogError) {
        self.init()
        guard let alerts = log.partition(TopicPartition(topic: .alerts, partition: .zero)) else { return }
        try read(alerts, of: log, upTo: log.snapshot().highWatermark(of: alerts))
    }

    /// Takes in all of topic `alerts` before `end`. Blocks for the disk.
    func read(_ alerts: Partition, of log: CommitLog, upTo end: Offset) throws(LogError) {
        try follow(PartitionFollower(partition: alerts, log: log, position: alerts.logStartOffset), upTo: end)
    }

    /// Takes in what `alerts` has up to `end`, a high watermark; `body` sees each record that is an edge.
    ///
    /// - Returns: how many records were read. Throws where the disk fails.
    @discardableResult
    func follow(
        _ alerts: PartitionFollower,
        upTo end: Offset,
        _ body: (AlertRecord, Offset) -> Void = { _, _ in }
    ) throws(LogError) -> Int {
        try alerts.read(upTo: end, visible: end, countMax: .max) { record in
            guard let value = record.value, let edge = take(value, at: record.offset) else { return }
            body(edge, record.offset)
        }
    }

    /// Takes in the value of a record of topic `alerts`; one that is no edge of an alert is counted and left out.
    ///
    /// - Returns: the record, where it is one.
    @discardableResult
    package func take(_ value: UnsafeRawBufferPointer, at offset: Offset) -> AlertRecord? {
        // What waits for its `for` is shown as pending and never stored.
        guard let record = AlertRecord(json: value), record.state != .pending else {
            fold.withLock { $0.unreadable += 1 }
            return nil
        }
        let entry = AlertEntry(record: record, json: Array(value), offset: offset)
        fold.withLock { fold in
            if fold.entries[record.fingerprint]?.record.state == .firing { fold.firingCount -= 1 }
            fold.entries[record.fingerprint] = entry
            fold.fingerprints[record.alert, default: []].insert(record.fingerprint)
            if record.state == .firing {
                fold.firingCount += 1
            } else {
                fold.resolved.append((record.fingerprint, offset))
                AlertBook.forgetOldest(&fold)
            }
        }
        return record
    }

    private static func forgetOldest(_ fold: inout Fold) {
        guard fold.resolved.count > 2 * AlertingLimits.resolvedAlertsMax else { return }
        let old = fold.resolved.prefix(AlertingLimits.resolvedAlertsMax).map(\.fingerprint)
        let kept = Set(fold.resolved.dropFirst(AlertingLimits.resolvedAlertsMax).map(\.fingerprint))
        for fingerprint in old where !kept.contains(fingerprint) && fold.entries[fingerprint]?.record.state == .resolved
        {
            guard let alert = fold.entries.removeValue(forKey: fingerprint)?.record.alert else { continue }
            fold.fingerprints[alert]?.remove(fingerprint)
            if fold.fingerprints[alert]?.isEmpty ?? false { fold.fingerprints[alert] = nil }
        }
        fold.resolved.removeFirst(AlertingLimits.resolvedAlertsMax)
    }

    /// What fires, oldest first.
    package var firing: [AlertEntry] {
        fold.withLock { fold in fold.entries.values.filter { $0.record.state == .firing } }
            .sorted { ($0.record.firedAt, $0.offset) < ($1.record.firedAt, $1.offset) }
    }

    package var firingCount: Int { fold.withLock { $0.firingCount } }

    /// Records of the topic that are no edges of alerts.
    package var unreadableCount: UInt64 { fold.withLock { $0.unreadable } }

    package func entry(_ fingerprint: String) -> AlertEntry? {
        fold.withLock { $0.entries[fingerprint] }
    }

    /// Whether an alert of this name, firing or resolved lately, is as `condition` wants it. It is called under the lock and
    /// must be short.
    func hasEntry(of alert: String, where condition: (AlertRecord) -> Bool) -> Bool {
        fold.withLock { fold in
            fold.fingerprints[alert]?.contains { fold.entries[$0].map { condition($0.record) } ?? false } ?? false
        }
    }

    /// Alerts whose fingerprint begins so: an operator types the first digits.
    package func entries(fingerprintPrefix prefix: String) -> [AlertEntry] {
        fold.withLock { fold in fold.entries.values.filter { $0.record.fingerprint.hasPrefix(prefix) } }
            .sorted { $0.record.fingerprint < $1.record.fingerprint }
    }

    /// What a snapshot keeps of this book, which has taken in everything before `position`.
    func state(upTo position: Offset) -> AlertBookState {
        fold.withLock { fold in
            let position = fold.resolved.first?.offset ?? position
            let firing = fold.entries.values.filter { $0.record.state == .firing && $0.offset < position }
                .sorted { $0.offset < $1.offset }
                .map { AlertBookState.Firing(offset: $0.offset, json: $0.json) }
            return AlertBookState(position: position, firing: firing)
        }
    }

    func isFiring(_ fingerprint: String) -> Bool {
        fold.withLock { $0.entries[fingerprint]?.record.state == .firing }
    }
}
