// What a hook is told of an edge, and when: a function of the rules' words, of what people did, and of what else fires.
internal import EventModel
package import Platform
package import Rules

/// Why a firing alert is not told yet.
package enum HoldReason: String, CaseIterable, Sendable {
    /// A silence of an operator matches it.
    case silenced
    /// A `mute` of its rule is open.
    case muted
    /// Another alert fires that speaks for it, or did so a moment ago, or may do so in a moment.
    case inhibited
    /// It has fired too often within an hour, and not lasted.
    case flapping
}

package enum PolicyVerdict: Hashable, Sendable {
    case tell
    case hold(HoldReason)
}

/// What a hook is to an alert.
package enum HookRole: Hashable, Sendable {
    /// Nobody speaks of it there.
    case none
    /// It is told when the alert fires.
    case direct
    /// It is told when the alert has fired for so long and nobody has acknowledged it.
    case escalation(after: Duration)
}

/// The words of the rules in force. A record of a rule that is gone is told as it is.
package struct AlertPolicies: Hashable, Sendable {
    /// Rules that say nothing are not in it.
    private let rules: [String: RulePolicy]
    private let timeZone: String

    package static let none = AlertPolicies([], timeZone: "UTC")

    /// `timeZone`: identifier of the box's, for windows that name none.
    package init(_ definitions: [RuleDefinition], timeZone: String) {
        rules = Dictionary(
            definitions.filter { $0.policy != RulePolicy() }.map { ($0.alert, $0.policy) },
            uniquingKeysWith: { first, _ in first }
        )
        self.timeZone = timeZone
    }

    package func role(of hook: String, for record: AlertRecord) -> HookRole {
        if let escalation = rules[record.alert]?.escalation, escalation.notify.contains(hook) {
            return .escalation(after: escalation.after)
        }
        return record.goes(to: hook) ? .direct : .none
    }

    package func escalates(_ alert: String, to hook: String) -> Bool {
        rules[alert]?.escalation?.notify.contains(hook) ?? false
    }

    /// How long after it was told an alert of this rule is told again; nil: never.
    package func repeatInterval(of alert: String) -> Duration? { rules[alert]?.repeatEvery }

    /// Whether a firing alert, which has fired for `age`, may be told now.
    ///
    /// `now`: by the wall clock, for silences and mutes are of people's time.
    package func verdict(
        _ record: AlertRecord,
        firingFor age: Duration,
        at now: Timestamp,
        operations: OperationsBook,
        book: AlertBook
    ) -> PolicyVerdict {
        if operations.silence(of: record, at: now) != nil { return .hold(.silenced) }
        if let policy = rules[record.alert] {
            if policy.mutes.contains(where: { $0.isOpen(at: now, boxZone: timeZone) }) { return .hold(.muted) }
            if isInhibited(record, policy.inhibitors, age, now, book) { return .hold(.inhibited) }
        }
        if record.flaps >= AlertingLimits.flapsMin, age < AlertingLimits.flapSettleTime { return .hold(.flapping) }
        return .tell
    }

    private func isInhibited(
        _ record: AlertRecord,
        _ inhibitors: [Inhibitor],
        _ age: Duration,
        _ now: Timestamp,
        _ book: AlertBook
    ) -> Bool {
        guard !inhibitors.isEmpty else { return false }
        // What fell silent together does not fire together.
        if age < AlertingLimits.inhibitionLead { return true }
        return inhibitors.contains { inhibitor in
            book.hasEntry(of: inhibitor.alert) { other in
                guard other.fingerprint != record.fingerprint else { return false }
                let isSpeaking =
                    other.state == .firing
                    || other.resolvedAt.map { now.since($0).magnitude < AlertingLimits.inhibitionTrail } ?? false
                return isSpeaking && inhibitor.equal.allSatisfy { AlertPolicies.agree($0, record, other) }
            }
        }
    }

    /// A label that one of them does not have is not equal, also where neither has it.
    private static func agree(_ label: String, _ one: AlertRecord, _ other: AlertRecord) -> Bool {
        switch label {
        case "device": one.device == other.device
        case "metric": one.metric == other.metric
        default: one.labels[label].map { $0 == other.labels[label] } ?? false
        }
    }
}

extension Duration {
    fileprivate var magnitude: Duration { self < .zero ? .zero - self : self }
}
