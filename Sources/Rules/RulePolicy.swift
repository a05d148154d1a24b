// What hooks are told of a rule's alerts, and when: words, which decide nothing about whether it fires.

/// Empty where a rule says nothing of it: its edges are told, each once.
package struct RulePolicy: Hashable, Sendable {
    /// How long after it was told last a firing alert is told again; nil: never.
    package var repeatEvery: Duration?
    package var mutes: [MuteWindow]
    package var inhibitors: [Inhibitor]
    package var escalation: Escalation?

    package init(
        repeatEvery: Duration? = nil,
        mutes: [MuteWindow] = [],
        inhibitors: [Inhibitor] = [],
        escalation: Escalation? = nil
    ) {
        self.repeatEvery = repeatEvery
        self.mutes = mutes
        self.inhibitors = inhibitors
        self.escalation = escalation
    }
}

/// A time of the week in which nothing is told: from `start` up to `end` in local time, over midnight where `end` is not
/// after `start`.
package struct MuteWindow: Hashable, Sendable {
    /// Days on which it begins, Monday is 0; never empty.
    package var days: Set<Int>
    /// Minutes after midnight, 0 to 1439; as `end` also 1440, the end of the day.
    package var start: Int
    package var end: Int
    /// Identifier of a time zone; nil: the box's.
    package var timeZone: String?

    package init(days: Set<Int>, start: Int, end: Int, timeZone: String? = nil) {
        self.days = days
        self.start = start
        self.end = end
        self.timeZone = timeZone
    }
}

/// An alert that speaks for others while it fires.
package struct Inhibitor: Hashable, Sendable {
    /// Name of its rule.
    package var alert: String
    /// Labels that both alerts must have, with the same value; empty: it speaks for the whole box. `device` and `metric` are
    /// the alert's own.
    package var equal: [String]

    package init(alert: String, equal: [String] = []) {
        self.alert = alert
        self.equal = equal
    }
}

/// Who is told, once, of an alert that has fired for so long and that nobody has acknowledged.
package struct Escalation: Hashable, Sendable {
    package var after: Duration
    /// Names of hooks; they are told nothing before.
    package var notify: [String]

    package init(after: Duration, notify: [String]) {
        self.after = after
        self.notify = notify
    }
}
