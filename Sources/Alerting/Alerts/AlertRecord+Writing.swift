// From an edge of the engine to the record that is appended, and its bytes.
internal import Crypto
internal import EventModel
internal import Foundation
package import Platform
package import Rules

/// Whose alerts they are, for the record and for people's eyes.
package struct AlertOrigin: Hashable, Sendable {
    /// `name` of the configuration.
    package var box: String
    /// Identifier of the time zone in which summaries speak, e.g. `Europe/Berlin`; an unknown one is UTC.
    package var timeZone: String
    /// Where this box's pages are found; nil where nobody said.
    package var externalURL: String?

    package init(box: String, timeZone: String = "UTC", externalURL: String? = nil) {
        self.box = box
        self.timeZone = timeZone
        self.externalURL = externalURL
    }
}

/// First 16 hexadecimal digits of SHA-256 over alert, device and metric, joined by NUL.
package enum AlertFingerprint {
    package static func of(alert: String, device: String, metric: String) -> String {
        let text = Array("\(alert)\u{0}\(device)\u{0}\(metric)".utf8)
        return SHA256.hash(data: text).prefix(8).map { hex(UInt64($0), digits: 2) }.joined()
    }

    static func hex(_ value: UInt64, digits: Int) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}

extension AlertRecord {
    /// Labels of an event that have keys of their own in an alert.
    private static let ownNames: Set = ["name", "location"]

    package init(_ edge: AlertTransition, origin: AlertOrigin) {
        let definition = edge.rule.definition
        func label(_ name: String) -> String? { edge.labels.first { $0.name == name }?.value }
        self.init(
            alert: definition.alert,
            state: edge.state,
            device: edge.device,
            name: label("name") ?? edge.device,
            location: label("location"),
            box: origin.box,
            metric: edge.metric,
            value: edge.value,
            unit: edge.unit,
            threshold: definition.group.map { Double($0.atLeast) } ?? edge.level.condition.limit(near: edge.peak),
            condition: definition.text(of: edge.level, metric: edge.metric, unit: edge.unit),
            peak: edge.peak,
            severity: edge.level.severity,
            labels: Dictionary(
                edge.labels.filter { !AlertRecord.ownNames.contains($0.name) }.map { ($0.name, $0.value) },
                uniquingKeysWith: { _, last in last }
            ),
            at: edge.at,
            breachedAt: edge.breachedAt,
            firedAt: edge.firedAt,
            resolvedAt: edge.state == .resolved ? edge.at : nil,
            lastSeen: edge.lastSeen,
            fingerprint: AlertFingerprint.of(alert: definition.alert, device: edge.device, metric: edge.metric),
            runbook: definition.runbook,
            cause: AlertCause(edge.cause),
            isStale: edge.isStale,
            watch: AlertWatch(edge.level.condition),
            isMetricState: edge.isMetricState,
            devices: edge.devices,
            samples: edge.samples,
            flaps: max(1, Int(edge.flaps)),
            reason: edge.reason,
            notify: definition.notify,
            ruleHash: AlertFingerprint.hex(edge.rule.conditionHash, digits: 16)
        )
        let writer = AlertSummary(record: self, origin: origin)
        details = edge.rule.description.map { writer.filled($0, holdFor: edge.level.holdFor) }
        let own = edge.rule.summary.map { writer.filled($0, holdFor: edge.level.holdFor) }
        summary = own.map { ([$0] + writer.flapping).joined(separator: "; ") } ?? writer.standard
    }

    /// The record that ends this firing alert without a reading: same cause, so that it is the same edge each time.
    package func resolved(_ reason: ResolutionReason, at: Timestamp, origin: AlertOrigin) -> AlertRecord {
        var record = self
        record.state = .resolved
        record.reason = reason
        record.at = max(at, self.at)
        record.resolvedAt = record.at
        record.isStale = false
        record.flaps = 1
        record.summary = AlertSummary(record: record, origin: origin).standard
        return record
    }

    /// JSON, as the topic stores it. Numbers that JSON cannot say do not come out of the engine.
    package func encoded() throws -> [UInt8] {
        let encoder = JSONEncoder()
        // The same edge is the same bytes, whenever it is derived.
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(self))
    }

    /// nil where the bytes are no alert record.
    package init?(json bytes: UnsafeRawBufferPointer) {
        guard let record = try? JSONDecoder().decode(AlertRecord.self, from: Data(bytes)) else { return nil }
        self = record
    }
}
