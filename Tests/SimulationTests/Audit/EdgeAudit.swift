// The alerts of a run: one edge stands once, and an engine without memory that is fed the whole log comes to the same.
import Alerting
import CommitLog
import Platform
import Rules

enum EdgeAudit {
    /// Fingerprint, state, cause and reason, and the condition that made it.
    static func identity(of value: UnsafeRawBufferPointer, at offset: Offset) throws -> String {
        guard let record = AlertRecord(json: value) else { throw Violation("alerts \(offset): no alert") }
        let cause = record.cause
        return
            "\(record.fingerprint) \(record.state) \(cause.topic) \(cause.offset) \(record.ruleHash) \(record.reason?.rawValue ?? "-")"
    }

    /// Each edge once; those that were lost with a damaged batch may have been derived again.
    static func expectOnce(_ edges: [Int64: String]) throws {
        var offsets: [String: Int64] = [:]
        for (offset, edge) in edges.sorted(by: { $0.key < $1.key }) {
            if let before = offsets.updateValue(offset, forKey: edge) {
                throw Violation("alerts \(offset): the edge of \(before) stands there again: \(edge)")
            }
        }
    }

    /// Forgets the snapshot, and lets a new runner read the log from its start: it must come to no edge that is not there.
    static func runAnew(
        _ log: CommitLog,
        writer: LogWriter,
        _ settings: BoxSettings,
        disk: SimulatedDisk,
        clock: SimulatedClock
    ) throws {
        try disk.remove("\(BoxSettings.directory)/rules/snapshot")
        let runner = try RulesRunner(
            log: log,
            dataDirectory: BoxSettings.directory,
            disk: disk,
            clock: clock,
            rules: settings.rules,
            origin: AlertOrigin(box: "edge-01"),
            book: AlertBook(),
            seed: settings.hashSeed ^ 1
        )
        for _ in 0..<64 {
            // It says about once a second how it stands.
            clock.advance(milliseconds: 1000)
            let outcome = runner.step(waitUpTo: .zero)
            if writer.step(waitUpTo: .zero) == .idle, runner.status.isCaughtUp, case .idle = outcome { return }
        }
        throw Violation("rules that read the log anew never come to its end")
    }

    /// A cursor that is stored is never ahead of what arrived: each alert below it that is in the log, or was not lost to
    /// damage, was delivered.
    static func expectEffects(
        of cursor: ConsumerCursor,
        in log: CommitLog,
        _ edges: [Int64: String],
        _ deliveries: Deliveries
    ) throws {
        guard let alerts = log.partitions.first(where: { $0.topicPartition.topic == .alerts }) else { return }
        for offset in edges.keys where offset < cursor.position && offset != cursor.delivery {
            let isLost = alerts.gaps.contains { $0.from.value <= offset && offset < $0.to.value }
            guard offset >= alerts.logStartOffset.value, !isLost else { continue }
            guard deliveries.counts[offset] != nil else {
                throw Violation("the cursor stands at \(cursor.position), and alert \(offset) was never delivered")
            }
        }
    }
}
