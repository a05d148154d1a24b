// The body of a webhook: Alertmanager's format, version 4.
internal import EventModel
internal import Foundation
internal import Platform
internal import Rules

/// The document as Alertmanager's receivers know it. Additions of ours stand inside `alerts` only.
struct WebhookBody: Encodable {
    struct Alert: Encodable {
        var status: String
        var labels: [String: String]
        var annotations: [String: String]
        var startsAt: String
        var endsAt: String
        var generatorURL: String
        var fingerprint: String
        var breachedAt: String
        var lastSeen: String
        var condition: String
        var peak: Double
        var stale: Bool
        var reason: String?
        /// Of the edge in topic `alerts`.
        var offset: Int64?
        /// Whole seconds from the edge to this attempt; left out where it is not late.
        var delayedSeconds: Int64?
        /// How often the receiver was told before that it fires; left out where this is the first time.
        var repeated: Int?
        /// Firings within the last hour; left out where there is one.
        var flaps: Int?

        enum CodingKeys: String, CodingKey {
            case status, labels, annotations, startsAt, endsAt, generatorURL, fingerprint
            case breachedAt, lastSeen, condition, peak, stale, reason, offset, repeated, flaps
            case delayedSeconds = "delayed_s"
        }
    }

    var version = "4"
    var groupKey: String
    var truncatedAlerts = 0
    var status: String
    var receiver: String
    var groupLabels: [String: String]
    var commonLabels: [String: String]
    var commonAnnotations: [String: String]
    var externalURL: String
    var alerts: [Alert]

    init(_ payload: HookPayload) {
        let edges = payload.alerts
        let name = edges.first?.record.alert ?? ""
        externalURL = payload.origin.externalURL ?? ""
        alerts = edges.map { [externalURL] in Alert($0, externalURL: externalURL) }
        groupLabels = ["alertname": name]
        groupKey = "{}:{alertname=\(WebhookBody.quoted(name))}"
        status = edges.contains { $0.record.state == .firing } ? "firing" : "resolved"
        receiver = payload.receiver
        commonLabels = WebhookBody.common(alerts.map(\.labels))
        commonAnnotations = WebhookBody.common(alerts.map(\.annotations))
    }

    private static func common(_ maps: [[String: String]]) -> [String: String] {
        guard let first = maps.first else { return [:] }
        return first.filter { entry in maps.allSatisfy { $0[entry.key] == entry.value } }
    }

    private static func quoted(_ text: String) -> String {
        let escaped = text.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "\"", with: "\\\"")
        return "\"\(escaped)\""
    }
}

extension WebhookBody.Alert {
    /// While an alert fires, Go's zero time stands where its end will.
    private static let noEnd = "0001-01-01T00:00:00Z"

    init(_ edge: HookAlert, externalURL: String) {
        let record = edge.record
        status = record.state == .resolved ? "resolved" : "firing"
        // Forebay's own labels are the identity; an event's label of the same name does not hide them.
        labels = record.labels.merging(
            [
                "alertname": record.alert, "device": record.device, "metric": record.metric,
                "severity": record.severity, "box": record.box,
            ],
            uniquingKeysWith: { _, own in own }
        )
        annotations = [
            "summary": record.summary,
            "description": record.details ?? record.condition,
            "value": RuleText.number(record.value),
            "unit": record.unit ?? "",
            "threshold": RuleText.number(record.threshold),
            "runbook_url": record.runbook ?? "",
        ]
        startsAt = TimestampText.string(record.firedAt)
        endsAt = record.resolvedAt.map { TimestampText.string($0) } ?? Self.noEnd
        generatorURL = externalURL.isEmpty ? "" : "\(externalURL)/api/v1/alerts/\(record.fingerprint)"
        fingerprint = record.fingerprint
        breachedAt = TimestampText.string(record.breachedAt)
        lastSeen = TimestampText.string(record.lastSeen)
        condition = record.condition
        peak = record.peak
        stale = record.isStale
        reason = record.reason?.rawValue
        offset = edge.offset
        delayedSeconds = edge.delayed.map { $0.wholeMilliseconds / 1000 }
        repeated = edge.repeated
        flaps = record.flaps > 1 ? record.flaps : nil
    }
}
