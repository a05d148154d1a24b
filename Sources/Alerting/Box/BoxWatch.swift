// The alerts of a box about itself: from what it observes every few seconds to the edges that are appended.
internal import Platform
internal import Rules

/// Which they are; the raw value is the alert's name.
package enum BoxAlert: String, CaseIterable, Sendable {
    case inputStalled = "InputStalled"
    case kernelDrops = "KernelDrops"
    case diskSpaceLow = "DiskSpaceLow"
    case hookFailing = "HookFailing"
    case clockUnsynchronised = "ClockUnsynchronised"

    var severity: String { self == .diskSpaceLow ? "critical" : "warning" }
}

/// How long something must be so before an alert fires, and be over before it resolves: so that nothing flaps.
package struct BoxHolding: Hashable, Sendable {
    package var notConnected = AlertingLimits.notConnectedMax
    package var connected = AlertingLimits.connectedMin
    package var silence = AlertingLimits.silenceMin
    package var noDrops = AlertingLimits.noDropsMin
    package var lowSpace = AlertingLimits.lowSpaceMax
    package var fullDisk = AlertingLimits.fullDiskMax
    package var enoughSpace = AlertingLimits.enoughSpaceMin
    package var failing = AlertingLimits.failingMax
    package var unsynchronised = AlertingLimits.unsynchronisedMax
    package var steady = AlertingLimits.steadyMin

    package init() {}
}

/// A pure state machine, by the monotonic clock. Each alert of each thing that it is about fires once and resolves once.
///
/// What an earlier run left firing goes on firing until this one has seen that it is over.
package struct BoxWatch: Sendable {
    /// What one observation says of one thing.
    struct Finding {
        enum Verdict {
            /// Fires when it has been so for this long, the time before this observation included.
            case wrong(for: Duration)
            /// Resolves when it has been so for this long.
            case right(for: Duration)
            /// Changes nothing, and begins either time anew.
            case unknown
        }

        var alert: BoxAlert
        /// Unique for alert and thing.
        var metric: String
        var verdict: Verdict
        var value: Double = 0
        var unit: String?
        var threshold: Double = 0
        var condition = ""
        /// What is wrong, or that it is over.
        var words = ""
        /// Since when it has been wrong, where that is longer than it was observed.
        var wrongFor = Duration.zero
        var watch: AlertWatch?
        /// nil: every hook.
        var notify: [String]?
    }

    /// One thing that an alert may be about.
    private struct Watched {
        var firing: AlertRecord?
        /// Since when the observations speak for the other state than the one that holds.
        var otherSince: MonotonicInstant?
    }

    let holding: BoxHolding
    private var watched: [String: Watched]
    /// By name.
    var inputs: [String: InputTrack] = [:]
    /// Wall time less monotonic time, in milliseconds, while the clock was synchronised; nil before.
    var wallOffset: Int64?

    /// - Parameters:
    ///   - firing: what fires by the log, in which others may be.
    ///   - holding: the default is the one of production.
    package init(continuing firing: [AlertRecord] = [], holding: BoxHolding = BoxHolding()) {
        self.holding = holding
        watched = Dictionary(
            firing.filter { $0.isOfBox && $0.state == .firing }.map { ($0.metric, Watched(firing: $0)) },
            uniquingKeysWith: { _, last in last }
        )
    }

    /// The edges that follow from this observation; each must be appended, and in this order.
    package mutating func observe(_ now: BoxObservation) -> [AlertRecord] {
        var edges: [AlertRecord] = []
        var next: [String: Watched] = [:]
        for finding in findings(now) {
            var one = watched[finding.metric] ?? Watched()
            if let edge = BoxWatch.edge(&one, finding, now) { edges.append(edge) }
            next[finding.metric] = one
        }
        let gone = watched.filter { next[$0.key] == nil }.sorted { $0.key < $1.key }
        for (_, old) in gone {
            if let record = old.firing { edges.append(record.over("\(record.metric): not configured any more", now)) }
        }
        watched = next
        return edges
    }

    /// nil where nothing fires.
    func firing(_ metric: String) -> AlertRecord? { watched[metric]?.firing }

    private static func edge(_ one: inout Watched, _ finding: Finding, _ now: BoxObservation) -> AlertRecord? {
        let holding: Duration
        switch (finding.verdict, one.firing) {
        case (.wrong(let time), nil), (.right(let time), .some): holding = time
        case (.wrong, .some), (.right, nil), (.unknown, _):
            one.otherSince = nil
            return nil
        }
        let since = one.otherSince ?? now.monotonic
        one.otherSince = since
        let held = now.monotonic.since(since)
        guard held >= holding else { return nil }
        one.otherSince = nil
        if let record = one.firing {
            one.firing = nil
            return record.over(finding.words, now, value: finding.value)
        }
        let record = AlertRecord(finding, now, wrongFor: max(held, finding.wrongFor))
        one.firing = record
        return record
    }
}

extension AlertRecord {
    /// Whether a `BoxWatch` raises and ends it.
    package var isOfBox: Bool { isBuiltIn && BoxAlert(rawValue: alert) != nil }

    fileprivate init(_ finding: BoxWatch.Finding, _ now: BoxObservation, wrongFor: Duration) {
        let severity = finding.alert.severity
        self.init(
            builtIn: finding.alert.rawValue,
            metric: finding.metric,
            value: finding.value,
            threshold: finding.threshold,
            condition: finding.condition,
            severity: severity,
            summary: "\(severity.uppercased()) \(now.box): \(finding.words)",
            at: now.wall,
            box: now.box,
            cause: AlertCause(topic: "system", partition: 0, offset: now.systemEnd)
        )
        unit = finding.unit
        breachedAt = now.wall.advanced(by: .zero - wrongFor)
        watch = finding.watch
        notify = finding.notify
    }

    fileprivate func over(_ words: String, _ now: BoxObservation, value: Double? = nil) -> AlertRecord {
        var record = over(at: now.wall, words)
        if let value { record.value = value }
        record.lastSeen = record.at
        record.cause = AlertCause(topic: "system", partition: 0, offset: now.systemEnd)
        return record
    }
}
