// How alerts are asked for; an alert itself is the value of its newest record in the topic `alerts`.

/// Which alerts to list; globs over names, nil holds for everything.
package struct AlertQuery: Hashable, Sendable {
    /// `pending` or `firing`; nil: both.
    package var state: String?
    package var alert: String?
    package var device: String?
    package var severity: String?

    package init(state: String? = nil, alert: String? = nil, device: String? = nil, severity: String? = nil) {
        self.state = state
        self.alert = alert
        self.device = device
        self.severity = severity
    }
}

/// Which transitions of the past to send.
package struct AlertHistoryQuery: Hashable, Sendable {
    package var from: RecordPosition?
    package var to: RecordPosition?
    package var alert: String?
    package var device: String?
    package var fingerprint: String?
    package var count: Int?

    package init(
        from: RecordPosition? = nil,
        to: RecordPosition? = nil,
        alert: String? = nil,
        device: String? = nil,
        fingerprint: String? = nil,
        count: Int? = nil
    ) {
        self.from = from
        self.to = to
        self.alert = alert
        self.device = device
        self.fingerprint = fingerprint
        self.count = count
    }
}

/// The answer of `GET /api/v1/alerts`.
package struct AlertsDocument: Hashable, Codable, Sendable {
    package var alerts: [JSONDocument]

    package init(alerts: [JSONDocument]) {
        self.alerts = alerts
    }
}
