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

/// Any thread. Fed in offset order by the rules thread; one short lock per record and per question.
package final class AlertBook: Sendable {
    private struct Fold {
        var entries: [String: AlertEntry] = [:]
        /// Fingerprints of resolved alerts, oldest first; entries of alerts that fired again stay in it until they pass.
        var resolved: [String] = []
        var firingCount = 0
        var unreadable: UInt64 = 0
    }

    private let fold = Mutex(Fold())

    package init() {}

    /// Takes in the value of a record of topic `alerts`; one that is no alert is counted and left out.
    ///
    /// - Returns: the record, where it is one.
    @discardableResult
    package func take(_ value: UnsafeRawBufferPointer, at offset: Offset) -> AlertRecord? {
        guard let record = AlertRecord(json: value) else {
            fold.withLock { $0.unreadable += 1 }
            return nil
        }
        let entry = AlertEntry(record: record, json: Array(value), offset: offset)
        fold.withLock { fold in
            if fold.entries[record.fingerprint]?.record.state == .firing { fold.firingCount -= 1 }
            fold.entries[record.fingerprint] = entry
            switch record.state {
            case .firing, .pending: fold.firingCount += 1
            case .resolved:
                fold.resolved.append(record.fingerprint)
                AlertBook.forgetOldest(&fold)
            }
        }
        return record
    }

    private static func forgetOldest(_ fold: inout Fold) {
        guard fold.resolved.count > 2 * AlertingLimits.resolvedAlertsMax else { return }
        let old = fold.resolved.prefix(AlertingLimits.resolvedAlertsMax)
        let kept = Set(fold.resolved.dropFirst(AlertingLimits.resolvedAlertsMax))
        for fingerprint in old where !kept.contains(fingerprint) && fold.entries[fingerprint]?.record.state == .resolved
        {
            fold.entries[fingerprint] = nil
        }
        fold.resolved.removeFirst(AlertingLimits.resolvedAlertsMax)
    }

    /// What fires, oldest first.
    package var firing: [AlertEntry] {
        fold.withLock { fold in fold.entries.values.filter { $0.record.state == .firing } }
            .sorted { ($0.record.firedAt, $0.offset) < ($1.record.firedAt, $1.offset) }
    }

    package var firingCount: Int { fold.withLock { $0.firingCount } }

    /// Records of the topic that are no alerts.
    package var unreadableCount: UInt64 { fold.withLock { $0.unreadable } }

    package func entry(_ fingerprint: String) -> AlertEntry? {
        fold.withLock { $0.entries[fingerprint] }
    }

    /// Alerts whose fingerprint begins so: an operator types the first digits.
    package func entries(fingerprintPrefix prefix: String) -> [AlertEntry] {
        fold.withLock { fold in fold.entries.values.filter { $0.record.fingerprint.hasPrefix(prefix) } }
            .sorted { $0.record.fingerprint < $1.record.fingerprint }
    }

    func isFiring(_ fingerprint: String) -> Bool {
        fold.withLock { $0.entries[fingerprint]?.record.state == .firing }
    }
}
