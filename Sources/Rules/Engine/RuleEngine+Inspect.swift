// How a rule stands for a device: for people who ask why it fires or does not, and for tests of rules.
internal import EventModel
package import Platform

/// One level of a rule for one metric of one device, as the records so far have it.
package struct LevelStanding: Hashable, Sendable {
    package enum Phase: String, Sendable {
        case ok, pending, firing, recovering
        /// Of `absent` and `unchanged`: the time runs in which nothing may come, or nothing change.
        case watching
    }

    package var metric: String
    /// Its place among the rule's levels.
    package var level: Int
    package var phase: Phase
    /// Whether the alert is this level's.
    package var isShown: Bool
    /// Whether there was an edge of it.
    package var hasFired: Bool
    /// The newest one, as it is compared, and its event time; of a state, 1 where it is the one that the rule names.
    package var value: Double
    package var isState: Bool
    package var newest: Timestamp
    /// Typical event time between two readings; nil before there were two.
    package var interval: Duration?
    /// The first reading of the breach, or of the watch; nil in `ok`.
    package var since: Timestamp?
    /// How much of `holdFor` has run; zero in `ok`.
    package var elapsed: Duration
    /// How long the condition must hold; nil where it counts usual intervals, and none is known.
    package var holdFor: Duration?
    /// nil where the alert is not this level's.
    package var firedAt: Timestamp?
    /// The first reading that was cleared; nil but in `recovering`.
    package var clearedAt: Timestamp?
    /// Of the breach, as an alert would have them.
    package var peak: Double
    package var samples: Int64

    /// When the alert fires, or would have, if nothing ends it; nil in `ok`, and where no time runs out.
    package var deadline: Timestamp? {
        guard let since, let holdFor else { return nil }
        return since.advanced(by: holdFor)
    }
}

/// A series that a rule looks at, and what its readings amount to.
package struct SignalStanding: Hashable, Sendable {
    /// `avg(temperature, 5m)`
    package var text: String
    package var metric: String
    /// nil where it is not known, and of a state.
    package var value: Double?
    package var isState: Bool
    /// Of which it is made.
    package var readings: Int
}

extension RuleEngine {
    /// The levels of the rule of that name for a device, those of one metric side by side and in order; empty where none of
    /// its readings was watched.
    ///
    /// For a device of a group, the standing of its group. `time`: of the box, at or after the last record; what is running
    /// has run until then.
    package func standing(ofAlert alert: String, device: String, at time: Timestamp) -> [LevelStanding] {
        guard let rule = rules.rules.firstIndex(where: { $0.definition.alert == alert }) else { return [] }
        let found = instances.indices.filter { index in
            Int(instances[index].rule) == rule
                && (deviceNames.string(of: instances[index].device) == device || isMember(device, ofGroup: index))
        }
        guard found.isEmpty else { return found.map { standing(instances[$0], at: time) } }
        // A device that counts in no group stands as one that was never wrong.
        return members.filter { Int($0.rule) == rule && deviceNames.string(of: $0.device) == device }.map { member in
            var instance = RuleInstance(
                rule: member.rule,
                level: 0,
                threshold: firstThresholds[rule],
                device: member.device,
                metric: member.metric,
                movesWithTime: true
            )
            instance.newest = member.newest
            return standing(instance, at: time)
        }
    }

    private func isMember(_ device: String, ofGroup index: Int) -> Bool {
        members.contains { $0.group == Int32(index) && deviceNames.string(of: $0.device) == device }
    }

    /// What the rule of that name compares for a device beside a reading as it comes: its window of `metric`, and its terms.
    package func signals(ofAlert alert: String, device: String, metric: String) -> [SignalStanding] {
        guard let place = rules.rules.firstIndex(where: { $0.definition.alert == alert }) else { return [] }
        let rule = rules.rules[place]
        let signal = rule.definition.signal
        let own = instances.filter { instance in
            Int(instance.rule) == place && instance.level == 0 && instance.window >= 0
                && deviceNames.string(of: instance.device) == device
                && metricNames.string(of: instance.metric) == metric
        }.map { instance in
            standing(windows[Int(instance.window)], ExpressionTerm(metric: metric, signal: signal, isState: false))
        }
        let terms = termSets.filter { Int($0.rule) == place && deviceNames.string(of: $0.device) == device }
            .flatMap { set in
                rule.terms.enumerated().map { standing(windows[Int(set.first) + $0.offset], $0.element) }
            }
        return own + terms
    }

    private func standing(_ window: SeriesWindow, _ term: ExpressionTerm) -> SignalStanding {
        SignalStanding(
            text: term.signal.text(of: term.metric),
            metric: term.metric,
            value: term.isState ? nil : window.value(term.signal),
            isState: term.isState,
            readings: window.count
        )
    }

    private func standing(_ instance: RuleInstance, at time: Timestamp) -> LevelStanding {
        let threshold = thresholds[Int(instance.threshold)]
        let holdFor = threshold.holdFor(interval: instance.interval)
        let isOver = instance.phase == .ok
        let inLogTime = logTime.place(received: time.milliseconds) &- instance.sinceLogTime
        let elapsed = max(0, inLogTime, instance.clock &- instance.since)
        return LevelStanding(
            metric: metricNames.string(of: instance.metric),
            level: Int(instance.level),
            phase: LevelStanding.Phase(instance.phase),
            isShown: instance.isShown,
            hasFired: instance.transitions > 0,
            value: instance.isState ? (threshold.isBeyond(instance.value, allows: true) ? 1 : 0) : instance.value,
            isState: instance.isState,
            newest: Timestamp(milliseconds: instance.newest),
            interval: instance.interval > 0 ? .milliseconds(instance.interval) : nil,
            since: isOver ? nil : Timestamp(milliseconds: instance.since),
            elapsed: isOver ? .zero : .milliseconds(elapsed),
            holdFor: holdFor == .max ? nil : .milliseconds(holdFor),
            firedAt: instance.isShown ? Timestamp(milliseconds: instance.firedAt) : nil,
            clearedAt: instance.phase == .recovering ? Timestamp(milliseconds: instance.clearedAt) : nil,
            peak: instance.peak,
            samples: instance.samples
        )
    }
}

extension LevelStanding.Phase {
    fileprivate init(_ phase: RuleInstance.Phase) {
        switch phase {
        case .ok: self = .ok
        case .pending: self = .pending
        case .firing: self = .firing
        case .recovering: self = .recovering
        case .watching: self = .watching
        }
    }
}
