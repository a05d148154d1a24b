// A rule as the configuration states it, before it is compiled.

/// What a rule watches and when it speaks. Values are in the unit of the metric they are compared with.
package struct RuleDefinition: Hashable, Sendable {
    /// Unique among the rules; part of an alert's identity.
    package var alert: String
    package var match: RuleMatch
    /// In the order of their severity, the least first; at least one. Of those that hold, the last one is the alert's.
    package var levels: [RuleLevel]
    /// What of the metric's readings is compared.
    package var signal = RuleSignal.reading
    /// The unit of the limits, and of all that alerts say; readings in another one are converted. nil: the readings' own.
    package var unit: String?
    /// What else must hold for the rule to begin to.
    package var onlyIf: RuleGate?
    /// nil: each device and metric has an alert of its own.
    package var group: RuleGroup?
    /// Template of the summary; nil: the default one of CONTRACT section 5.
    package var summary: String?
    package var description: String?
    package var runbook: String?
    /// Names of hooks; nil: every hook.
    package var notify: [String]?
    package var policy: RulePolicy

    package init(
        alert: String,
        match: RuleMatch,
        levels: [RuleLevel],
        summary: String? = nil,
        description: String? = nil,
        runbook: String? = nil,
        notify: [String]? = nil,
        policy: RulePolicy = RulePolicy()
    ) {
        self.alert = alert
        self.match = match
        self.levels = levels
        self.summary = summary
        self.description = description
        self.runbook = runbook
        self.notify = notify
        self.policy = policy
    }
}

/// A condition with what is said of it.
package struct RuleLevel: Hashable, Sendable {
    package var condition: RuleCondition
    /// How long the condition must hold before the alert fires; zero: at once.
    package var holdFor: Duration
    /// How long a value must be cleared before the alert resolves; zero: at once.
    package var clearFor: Duration
    package var severity: String

    package init(
        _ condition: RuleCondition,
        holdFor: Duration = .zero,
        clearFor: Duration = .zero,
        severity: String = "warning"
    ) {
        self.condition = condition
        self.holdFor = holdFor
        self.clearFor = clearFor
        self.severity = severity
    }
}

/// Which readings a rule looks at. Several patterns of one kind are alternatives; the kinds must all hold; an
/// empty list holds for everything. Patterns are globs: `*` any text, `?` one character.
package struct RuleMatch: Hashable, Sendable {
    package var metrics: [String]
    package var devices: [String]
    /// Label name to patterns of its value; a label that is absent never matches.
    package var labels: [String: [String]]
    /// Patterns of the device's display name, profile and location, as stamped at ingest into the labels
    /// `name`, `profile` and `location` of the registry.
    package var names: [String]
    package var profiles: [String]
    package var locations: [String]

    package init(
        metrics: [String] = [],
        devices: [String] = [],
        labels: [String: [String]] = [:],
        names: [String] = [],
        profiles: [String] = [],
        locations: [String] = []
    ) {
        self.metrics = metrics
        self.devices = devices
        self.labels = labels
        self.names = names
        self.profiles = profiles
        self.locations = locations
    }
}

/// What a value must be for a rule to hold.
package enum RuleCondition: Hashable, Sendable {
    /// Beyond at a value strictly above `limit`; clears strictly below `clear`, or, without one, at the first value
    /// that is not above the limit.
    case above(limit: Double, clear: Double?)
    /// Beyond at a value strictly below `limit`; clears strictly above `clear`, or, without one, at the first value
    /// that is not below the limit.
    case below(limit: Double, clear: Double?)
    /// Beyond at a value strictly below `low` or strictly above `high`; clears at the first one that is not.
    case outside(low: Double, high: Double)
    /// Beyond at a value from `low` to `high`, both included; clears at the first one that is not.
    case inside(low: Double, high: Double)
    /// Beyond at this value; clears at the first other one.
    case equals(Double)
    /// Beyond in this state; clears at the first other one. Booleans are the states `true` and `false`.
    case isState(String)
    /// Beyond where this is true; clears where it is false. What is not known changes nothing.
    case holds(RuleExpression)
    /// Beyond when no reading has come for so long; clears at the next one.
    case absent(Silence)
    /// Beyond when every reading for so long has had the same value; clears at the first other one.
    case unchanged(Duration)

    /// Whether silence makes the condition hold.
    package var isAbsence: Bool {
        if case .absent = self { return true }
        return false
    }

    /// Whether it is time that makes the condition hold, and a reading that ends it.
    package var isWatch: Bool {
        switch self {
        case .absent, .unchanged: true
        case .above, .below, .outside, .inside, .equals, .isState, .holds: false
        }
    }

    /// Whether it compares numbers with limits.
    package var hasLimits: Bool {
        switch self {
        case .above, .below, .outside, .inside, .equals: true
        case .isState, .holds, .absent, .unchanged: false
        }
    }

    package var expression: RuleExpression? {
        if case .holds(let expression) = self { return expression }
        return nil
    }
}

/// How long is too long.
package enum Silence: Hashable, Sendable {
    case duration(Duration)
    /// So many of the device's usual intervals, as its readings have them.
    case intervals(Int)
}
