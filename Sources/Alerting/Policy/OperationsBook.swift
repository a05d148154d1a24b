// What people did about alerts: the fold of topic `operations`.
package import CommitLog
internal import Foundation
package import Platform
internal import Rules
internal import Synchronization

/// Any thread. Fed by the topic at the start, and by `OperationsDesk`, which is all that writes to it.
package final class OperationsBook: Sendable {
    private struct Fold {
        /// By id.
        var silences: [String: AlertSilence] = [:]
        /// By fingerprint.
        var acknowledgements: [String: Acknowledgement] = [:]
        var unreadable: UInt64 = 0
    }

    private let fold = Mutex(Fold())

    package init() {}

    /// The book of a log; empty where it has no topic `operations`. Blocks for the disk.
    package convenience init(reading log: CommitLog) throws(LogError) {
        self.init()
        guard let partition = log.partition(TopicPartition(topic: .operations, partition: .zero)) else { return }
        let end = log.snapshot().highWatermark(of: partition)
        let follower = PartitionFollower(partition: partition, log: log, position: partition.logStartOffset)
        _ = try follower.read(upTo: end, visible: end, countMax: .max) { record in
            guard let key = record.key else { return }
            take(String(decoding: key, as: UTF8.self), record.value)
        }
    }

    /// Takes in one record; a value that cannot be read is counted, and leaves what there was.
    func take(_ key: String, _ value: UnsafeRawBufferPointer?) {
        guard let value else { return remove(key) }
        if let record = OperationRecord(json: value), record.key == key {
            take(record)
        } else {
            fold.withLock { $0.unreadable += 1 }
        }
    }

    func take(_ record: OperationRecord) {
        fold.withLock { fold in
            switch record {
            case .silence(let silence): fold.silences[silence.id] = silence
            case .acknowledgement(let made): fold.acknowledgements[made.fingerprint] = made
            }
        }
    }

    func remove(_ key: String) {
        guard let slash = key.firstIndex(of: "/") else { return }
        let name = String(key[key.index(after: slash)...])
        fold.withLock { fold in
            switch key[..<slash] {
            case "silence": fold.silences[name] = nil
            case "ack": fold.acknowledgements[name] = nil
            default: break
            }
        }
    }

    /// Oldest first, also those that are over or have not begun.
    package var silences: [AlertSilence] {
        fold.withLock { Array($0.silences.values) }.sorted { ($0.at, $0.id) < ($1.at, $1.id) }
    }

    package var acknowledgements: [Acknowledgement] { fold.withLock { Array($0.acknowledgements.values) } }

    /// Records of the topic that are none of this version.
    package var unreadableCount: UInt64 { fold.withLock { $0.unreadable } }

    /// The active silence that matches and ends last; nil where none does.
    package func silence(of record: AlertRecord, at now: Timestamp) -> AlertSilence? {
        fold.withLock { $0.silences.isEmpty ? [] : $0.silences.values.filter { $0.isActive(at: now) } }
            .filter { $0.matchers.matches(record) }
            .max { ($0.endsAt, $0.id) < ($1.endsAt, $1.id) }
    }

    /// Of this very firing; nil where nobody has acknowledged it.
    package func acknowledgement(of record: AlertRecord) -> Acknowledgement? {
        guard let made = fold.withLock({ $0.acknowledgements[record.fingerprint] }), record.state == .firing,
            made.firedAt == record.firedAt
        else { return nil }
        return made
    }
}
