// Which alerts somebody means: patterns over what identifies them.

/// Patterns over an alert; those that are given must all match.
package struct AlertMatchers: Hashable, Codable, Sendable {
    package var alert: String?
    package var device: String?
    package var metric: String?
    package var severity: String?
    /// Label name to the pattern of its value; a label that is absent never matches.
    package var labels: [String: String]

    package init(
        alert: String? = nil,
        device: String? = nil,
        metric: String? = nil,
        severity: String? = nil,
        labels: [String: String] = [:]
    ) {
        self.alert = alert
        self.device = device
        self.metric = metric
        self.severity = severity
        self.labels = labels
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        alert = try container.decodeIfPresent(String.self, forKey: .alert)
        device = try container.decodeIfPresent(String.self, forKey: .device)
        metric = try container.decodeIfPresent(String.self, forKey: .metric)
        severity = try container.decodeIfPresent(String.self, forKey: .severity)
        labels = try container.decodeIfPresent([String: String].self, forKey: .labels) ?? [:]
    }

    package enum CodingKeys: String, CodingKey, CaseIterable {
        case alert, device, metric, severity, labels
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(alert, forKey: .alert)
        try container.encodeIfPresent(device, forKey: .device)
        try container.encodeIfPresent(metric, forKey: .metric)
        try container.encodeIfPresent(severity, forKey: .severity)
        if !labels.isEmpty { try container.encode(labels, forKey: .labels) }
    }

    package var isEmpty: Bool { patterns.isEmpty && labels.isEmpty }

    /// Those of alert, device, metric and severity that are given.
    package var patterns: [String] { [alert, device, metric, severity].compactMap { $0 } }
}
