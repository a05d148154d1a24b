// What a replay tells of one alert, from its firing to its resolution.
internal import EventModel
package import Platform
internal import Rules

/// Keys as `rules replay` prints them.
package struct Firing: Hashable, Sendable, Encodable {
    package var alert: String
    package var device: String
    package var metric: String
    package var severity: String
    package var breachedAt: Timestamp
    package var firedAt: Timestamp
    /// nil while it fires.
    package var resolvedAt: Timestamp?
    /// The value farthest past the limit.
    package var peak: Double
    /// Readings from the breach to the resolution, or to the newest.
    package var samples: Int64
    /// Event time of the newest of them. Not printed.
    package var lastSeen: Timestamp

    private enum CodingKeys: String, CodingKey {
        case alert, device, metric, severity, peak, samples
        case breachedAt = "breached_at"
        case firedAt = "fired_at"
        case resolvedAt = "resolved_at"
        case duration = "duration_s"
    }

    /// From the firing to the resolution, in seconds; nil while it fires.
    package var durationSeconds: Double? {
        resolvedAt.map { Double($0.since(firedAt).wholeMilliseconds) / 1000 }
    }

    /// Every key is there, with null where there is nothing to say.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(alert, forKey: .alert)
        try container.encode(device, forKey: .device)
        try container.encode(metric, forKey: .metric)
        try container.encode(severity, forKey: .severity)
        try container.encode(TimestampText.string(breachedAt), forKey: .breachedAt)
        try container.encode(TimestampText.string(firedAt), forKey: .firedAt)
        try container.encode(resolvedAt.map(TimestampText.string), forKey: .resolvedAt)
        try container.encode(durationSeconds, forKey: .duration)
        try container.encode(peak, forKey: .peak)
        try container.encode(samples, forKey: .samples)
    }
}

/// Edges put together to firings, in the order in which they fired.
struct FiringBook {
    private struct Identity: Hashable {
        var alert: String
        var device: String
        var metric: String

        init(_ edge: AlertTransition) {
            alert = edge.rule.definition.alert
            device = edge.device
            metric = edge.metric
        }
    }

    private(set) var firings: [Firing] = []
    private var open: [Identity: Int] = [:]

    mutating func take(_ edge: AlertTransition) {
        switch edge.state {
        case .pending: break
        case .firing:
            open[Identity(edge)] = firings.count
            firings.append(
                Firing(
                    alert: edge.rule.definition.alert,
                    device: edge.device,
                    metric: edge.metric,
                    severity: edge.level.severity,
                    breachedAt: edge.breachedAt,
                    firedAt: edge.firedAt,
                    resolvedAt: nil,
                    peak: edge.peak,
                    samples: edge.samples,
                    lastSeen: edge.lastSeen
                )
            )
        case .resolved:
            guard let index = open.removeValue(forKey: Identity(edge)) else { return }
            firings[index].resolvedAt = edge.at
            update(index, edge)
        }
    }

    /// What still fires, as it stands at the end.
    mutating func update(_ standing: [AlertTransition]) {
        for edge in standing {
            if let index = open[Identity(edge)] { update(index, edge) }
        }
    }

    private mutating func update(_ index: Int, _ edge: AlertTransition) {
        firings[index].peak = edge.peak
        firings[index].samples = edge.samples
        firings[index].lastSeen = edge.lastSeen
    }
}
