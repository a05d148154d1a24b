// The value of a record in topic `alerts`: one edge of one alert, as people and programs read it.
internal import EventModel
package import Platform
package import Rules

/// The record that caused an edge, as JSON has it.
package struct AlertCause: Hashable, Codable, Sendable {
    package var topic: String
    package var partition: Int32
    package var offset: Int64

    package init(topic: String, partition: Int32, offset: Int64) {
        self.topic = topic
        self.partition = partition
        self.offset = offset
    }

    package init(_ position: RecordPosition) {
        let topic =
            switch position.source {
            case .readings: "readings"
            case .system: "system"
            }
        self.init(topic: topic, partition: position.partition, offset: position.offset)
    }
}

/// What makes an edge the same edge, however often it is derived: alert, state and cause, under one condition of the rule;
/// and the reason, for an end by reason names the cause of the firing, as a change of level at that record does.
package struct AlertEdgeID: Hashable, Sendable {
    package var fingerprint: String
    package var state: AlertState
    package var cause: AlertCause
    package var ruleHash: String
    package var reason: ResolutionReason?
}

/// What was wrong, where that is not a value: how alerts speak of it.
package enum AlertWatch: String, Codable, Sendable {
    /// No reading has come.
    case absent
    /// Readings have come, and all were the same.
    case unchanged
    /// Several metrics together.
    case expression

    package init?(_ condition: RuleCondition) {
        switch condition {
        case .absent: self = .absent
        case .unchanged: self = .unchanged
        case .holds: self = .expression
        case .above, .below, .outside, .inside, .equals, .isState: return nil
        }
    }
}

/// All keys of CONTRACT section 4, topic `alerts`. Decoding is total: what is no such object throws.
package struct AlertRecord: Hashable, Sendable {
    package var alert: String
    package var state: AlertState
    package var device: String
    /// The device's display name, else its id.
    package var name: String
    package var location: String?
    package var box: String
    package var metric: String
    package var value: Double
    package var unit: String?
    package var threshold: Double
    package var condition: String
    package var peak: Double
    package var severity: String
    package var labels: [String: String]
    package var at: Timestamp
    /// `since` is the same instant.
    package var breachedAt: Timestamp
    package var firedAt: Timestamp
    package var resolvedAt: Timestamp?
    package var lastSeen: Timestamp
    package var fingerprint: String
    package var summary: String
    package var details: String?
    package var runbook: String?
    package var cause: AlertCause
    package var isStale: Bool
    /// nil where a value was beyond its limit.
    package var watch: AlertWatch?
    /// The metric is a state: `value` is 1 where it is the one of the condition, else 0.
    package var isMetricState: Bool
    /// Of a group's alert: the devices that count; nil: it is one device's.
    package var devices: [String]?
    /// Readings from the breach to this edge.
    package var samples: Int64
    /// Of a firing: how often it fired within the hour up to it, itself included; 1 for any other edge.
    package var flaps: Int
    package var reason: ResolutionReason?
    /// Names of the hooks it goes to; nil: all.
    package var notify: [String]?
    /// The rule's condition hash in 16 hexadecimal digits.
    package var ruleHash: String

    package init(
        alert: String,
        state: AlertState,
        device: String,
        name: String,
        location: String? = nil,
        box: String,
        metric: String,
        value: Double,
        unit: String? = nil,
        threshold: Double,
        condition: String,
        peak: Double,
        severity: String,
        labels: [String: String] = [:],
        at: Timestamp,
        breachedAt: Timestamp,
        firedAt: Timestamp,
        resolvedAt: Timestamp? = nil,
        lastSeen: Timestamp,
        fingerprint: String,
        summary: String = "",
        details: String? = nil,
        runbook: String? = nil,
        cause: AlertCause,
        isStale: Bool = false,
        watch: AlertWatch? = nil,
        isMetricState: Bool = false,
        devices: [String]? = nil,
        samples: Int64 = 1,
        flaps: Int = 1,
        reason: ResolutionReason? = nil,
        notify: [String]? = nil,
        ruleHash: String = ""
    ) {
        self.alert = alert
        self.state = state
        self.device = device
        self.name = name
        self.location = location
        self.box = box
        self.metric = metric
        self.value = value
        self.unit = unit
        self.threshold = threshold
        self.condition = condition
        self.peak = peak
        self.severity = severity
        self.labels = labels
        self.at = at
        self.breachedAt = breachedAt
        self.firedAt = firedAt
        self.resolvedAt = resolvedAt
        self.lastSeen = lastSeen
        self.fingerprint = fingerprint
        self.summary = summary
        self.details = details
        self.runbook = runbook
        self.cause = cause
        self.isStale = isStale
        self.watch = watch
        self.isMetricState = isMetricState
        self.devices = devices
        self.samples = samples
        self.flaps = flaps
        self.reason = reason
        self.notify = notify
        self.ruleHash = ruleHash
    }

    package var edgeID: AlertEdgeID {
        AlertEdgeID(fingerprint: fingerprint, state: state, cause: cause, ruleHash: ruleHash, reason: reason)
    }

    /// Whether a hook of this name gets it.
    package func goes(to hook: String) -> Bool { notify?.contains(hook) ?? true }
}

extension AlertRecord: Codable {
    enum CodingKeys: String, CodingKey {
        case alert, state, device, name, location, box, metric, value, unit, threshold, condition, peak, severity,
            labels
        case since, at, fingerprint, summary, runbook, cause, stale, watch, devices, samples, flaps, reason, notify,
            rule
        case breachedAt = "breached_at"
        case firedAt = "fired_at"
        case resolvedAt = "resolved_at"
        case lastSeen = "last_seen"
        case isMetricState = "metric_is_state"
        case details = "description"
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        func text(_ key: CodingKeys) throws -> String { try container.decode(String.self, forKey: key) }
        func time(_ key: CodingKeys) throws -> Timestamp {
            try container.decode(JSONTimestamp.self, forKey: key).timestamp
        }
        func number(_ key: CodingKeys) throws -> Double { try container.decode(Double.self, forKey: key) }
        let device = try text(.device)
        self.init(
            alert: try text(.alert),
            state: try container.decode(AlertState.self, forKey: .state),
            device: device,
            name: try container.decodeIfPresent(String.self, forKey: .name) ?? device,
            location: try container.decodeIfPresent(String.self, forKey: .location),
            box: try text(.box),
            metric: try text(.metric),
            value: try number(.value),
            unit: try container.decodeIfPresent(String.self, forKey: .unit),
            threshold: try number(.threshold),
            condition: try text(.condition),
            peak: try number(.peak),
            severity: try text(.severity),
            labels: try container.decodeIfPresent([String: String].self, forKey: .labels) ?? [:],
            at: try time(.at),
            breachedAt: try time(.breachedAt),
            firedAt: try time(.firedAt),
            resolvedAt: try container.decodeIfPresent(JSONTimestamp.self, forKey: .resolvedAt)?.timestamp,
            lastSeen: try time(.lastSeen),
            fingerprint: try text(.fingerprint),
            summary: try text(.summary),
            details: try container.decodeIfPresent(String.self, forKey: .details),
            runbook: try container.decodeIfPresent(String.self, forKey: .runbook),
            cause: try container.decode(AlertCause.self, forKey: .cause),
            isStale: try container.decodeIfPresent(Bool.self, forKey: .stale) ?? false,
            watch: try container.decodeIfPresent(AlertWatch.self, forKey: .watch),
            isMetricState: try container.decodeIfPresent(Bool.self, forKey: .isMetricState) ?? false,
            devices: try container.decodeIfPresent([String].self, forKey: .devices),
            samples: try container.decodeIfPresent(Int64.self, forKey: .samples) ?? 1,
            flaps: try container.decodeIfPresent(Int.self, forKey: .flaps) ?? 1,
            reason: try container.decodeIfPresent(ResolutionReason.self, forKey: .reason),
            notify: try container.decodeIfPresent([String].self, forKey: .notify),
            ruleHash: try container.decodeIfPresent(String.self, forKey: .rule) ?? ""
        )
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(alert, forKey: .alert)
        try container.encode(state, forKey: .state)
        try container.encode(device, forKey: .device)
        try container.encode(name, forKey: .name)
        try container.encode(location, forKey: .location)
        try container.encode(box, forKey: .box)
        try container.encode(metric, forKey: .metric)
        try container.encode(value, forKey: .value)
        try container.encode(unit, forKey: .unit)
        try container.encode(threshold, forKey: .threshold)
        try container.encode(condition, forKey: .condition)
        try container.encode(peak, forKey: .peak)
        try container.encode(severity, forKey: .severity)
        try container.encode(labels, forKey: .labels)
        try container.encode(JSONTimestamp(breachedAt), forKey: .since)
        try container.encode(JSONTimestamp(at), forKey: .at)
        try container.encode(JSONTimestamp(breachedAt), forKey: .breachedAt)
        try container.encode(JSONTimestamp(firedAt), forKey: .firedAt)
        try container.encode(resolvedAt.map { JSONTimestamp($0) }, forKey: .resolvedAt)
        try container.encode(JSONTimestamp(lastSeen), forKey: .lastSeen)
        try container.encode(fingerprint, forKey: .fingerprint)
        try container.encode(summary, forKey: .summary)
        try container.encodeIfPresent(details, forKey: .details)
        try container.encode(runbook, forKey: .runbook)
        try container.encode(cause, forKey: .cause)
        if isStale { try container.encode(true, forKey: .stale) }
        try container.encodeIfPresent(watch, forKey: .watch)
        if isMetricState { try container.encode(true, forKey: .isMetricState) }
        try container.encodeIfPresent(devices, forKey: .devices)
        try container.encode(samples, forKey: .samples)
        if flaps > 1 { try container.encode(flaps, forKey: .flaps) }
        try container.encodeIfPresent(reason, forKey: .reason)
        try container.encodeIfPresent(notify, forKey: .notify)
        try container.encode(ruleHash, forKey: .rule)
    }
}
