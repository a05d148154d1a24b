// What the engine says: an alert began or ended. The edge's identity lies in it.
package import Platform

/// The record that caused an edge.
package struct RecordPosition: Hashable, Sendable, BitwiseCopyable {
    /// The topics that rules read.
    package enum Source: UInt8, Sendable, BitwiseCopyable {
        case readings, system
    }

    package var source: Source
    package var partition: Int32
    package var offset: Int64

    package init(source: Source, partition: Int32, offset: Int64) {
        self.source = source
        self.partition = partition
        self.offset = offset
    }
}

/// The states of an alert. Topic `alerts` holds firing and resolved; pending is shown while it lasts.
package enum AlertState: String, CaseIterable, Sendable, Codable {
    case pending, firing, resolved
}

/// Why an alert ended without a reading that cleared it.
package enum ResolutionReason: String, Sendable, Codable {
    case ruleRemoved = "rule_removed"
    case conditionChanged = "condition_changed"
    /// Another level of the rule took the alert over.
    case levelChanged = "level_changed"
    /// The rules' state was lost, and the log no longer holds the breach.
    case stateLost = "state_lost"
}

package struct AlertLabel: Hashable, Sendable {
    package var name: String
    package var value: String

    package init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

/// One edge of one alert; a pure function of the log, so that the same records give it again, bit for bit.
///
/// Identity of the alert: rule, device and metric. Identity of the edge: that, `state` and `cause`.
package struct AlertTransition: Sendable {
    package var rule: CompiledRule
    package var level: RuleLevel
    package var state: AlertState
    package var device: String
    package var metric: String
    /// The metric is a state, of which a value says only whether it is the one that the rule names.
    package var isMetricState: Bool
    /// Of a group's alert: the devices that count, in order, `RuleLimits.groupDevicesMax` at most; nil: of one device.
    package var devices: [String]?
    /// The newest value, in `unit`.
    package var value: Double
    package var unit: String?
    /// The value farthest past the limit since the breach.
    package var peak: Double
    /// Event time of the first reading beyond the limit.
    package var breachedAt: Timestamp
    package var firedAt: Timestamp
    /// The edge's own time: of its reading, or the deadline that ran out; never "now".
    package var at: Timestamp
    /// Event time of the newest reading.
    package var lastSeen: Timestamp
    /// Frozen at firing, in the order of the event.
    package var labels: [AlertLabel]
    /// Readings from the breach to this edge.
    package var samples: Int64
    /// Fired by a held value older than three expected intervals.
    package var isStale: Bool
    /// Of a firing: how often the alert fired within the hour up to it, itself included; else 0.
    package var flaps: Int32
    /// nil where a reading or a deadline made the edge.
    package var reason: ResolutionReason?
    /// For an edge by reason: the cause of the firing that it ends, so that it is the same however often it is derived.
    package var cause: RecordPosition
}
