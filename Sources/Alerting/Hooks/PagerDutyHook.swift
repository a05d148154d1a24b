// Hook type `pagerduty`: an event of the Events API v2; one alert is one incident, opened and resolved by its key.
internal import Foundation
internal import Rules

struct PagerDutyHook: Hook {
    private struct Event: Encodable {
        struct Payload: Encodable {
            var summary: String
            var source: String
            var severity: String
            var timestamp: String
            var component: String
            var group: String?
            var `class`: String
            var customDetails: [String: String]

            enum CodingKeys: String, CodingKey {
                case summary, source, severity, timestamp, component, group, `class`
                case customDetails = "custom_details"
            }
        }

        var routingKey: String
        var action: String
        var dedupKey: String
        var payload: Payload?
        var client = "Forebay"
        var clientURL: String?

        enum CodingKeys: String, CodingKey {
            case payload, client
            case routingKey = "routing_key"
            case action = "event_action"
            case dedupKey = "dedup_key"
            case clientURL = "client_url"
        }
    }

    /// The API's bound of a summary, in characters.
    private static let summaryBytesMax = 1024

    private let routingKey: String
    private let post: HookPost

    /// The API takes one event per request.
    let alertsPerDeliveryMax = 1

    init?(_ settings: HookSettings, client: HookClient) {
        guard case .pagerduty(let url, let routingKey) = settings.target else { return nil }
        self.routingKey = routingKey
        post = HookPost(url: url, timeout: settings.timeout, client: client)
    }

    func deliver(_ payload: HookPayload) async -> HookOutcome {
        guard let alert = payload.alerts.first else { return .refused(status: nil, "there is no alert in it") }
        let record = alert.record
        let event = Event(
            routingKey: routingKey,
            action: record.state == .resolved ? "resolve" : "trigger",
            // A fingerprint is the same on every box that has this rule and this device.
            dedupKey: "\(record.box):\(record.fingerprint)",
            payload: record.state == .resolved ? nil : details(alert, payload.origin),
            clientURL: payload.origin.externalURL
        )
        return await post.send(json: event, key: payload.idempotencyKey)
    }

    private func details(_ alert: HookAlert, _ origin: AlertOrigin) -> Event.Payload {
        let record = alert.record
        let shown = WebhookBody.Alert(alert, externalURL: origin.externalURL ?? "")
        var details = shown.labels.merging(shown.annotations) { label, _ in label }.filter { !$0.value.isEmpty }
        details["condition"] = shown.condition
        details["delayed_s"] = shown.delayedSeconds.map { String($0) }
        return Event.Payload(
            summary: HookText.cut(HookText.plain(record.summary), bytesMax: PagerDutyHook.summaryBytesMax),
            source: record.box,
            severity: ["critical", "error", "warning", "info"].first { $0 == record.severity } ?? "warning",
            timestamp: shown.startsAt,
            component: record.device,
            group: record.location,
            class: record.metric,
            customDetails: details
        )
    }
}
