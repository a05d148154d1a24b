// Edges of alerts, and the timers that make some of them.
internal import EventModel
package import Platform

extension RuleEngine {
    /// A daemon's start: its readings are placed from here; the time since the last tick does not count.
    package mutating func start(_ start: RunStart) {
        logTime.start(start)
    }

    /// Lets time pass and fires the alerts whose `for` has run out on it, in the order of their deadlines.
    ///
    /// `position`: the tick's record, the cause of those edges.
    package mutating func tick(_ tick: RunTick, at position: RecordPosition) {
        logTime.advance(tick)
        var due: [DueTimer] = []
        for index in timers {
            let instance = instances[Int(index)]
            let threshold = thresholds[Int(instance.threshold)]
            let holdFor = threshold.holdFor(interval: instance.interval)
            guard logTime.now &- instance.sinceLogTime >= holdFor else { continue }
            due.append(
                DueTimer(
                    deadline: instance.since &+ holdFor,
                    device: deviceNames.string(of: instance.device),
                    metric: metricNames.string(of: instance.metric),
                    threshold: instance.threshold,
                    index: Int(index),
                    isStale: !threshold.isWatch && instance.isStale(heldTo: instance.sinceLogTime &+ holdFor)
                )
            )
        }
        due.sort()
        // Levels of one alert whose timers run out on the same tick make one edge: that of the last.
        var last: [Int: Int] = [:]
        for (place, timer) in due.enumerated() {
            fireByTimer(timer)
            last[timer.index - Int(instances[timer.index].level)] = place
        }
        for (place, timer) in due.enumerated() {
            let first = timer.index - Int(instances[timer.index].level)
            guard last[first] == place else { continue }
            let levels = levelCount(ofRule: instances[first].rule)
            show(first, levels, at: timer.deadline, isStale: timer.isStale, position)
        }
        moveWindows(to: position)
    }

    /// What waits for its `for` to run out, as it stands: at most `count`, in the order in which they were made.
    package func pendingAlerts(upTo count: Int) -> [AlertTransition] {
        timers.filter { instances[Int($0)].phase == .pending }.sorted().prefix(count).map { index in
            let instance = instances[Int(index)]
            return transition(
                instance,
                Int(index),
                .pending,
                at: instance.clock,
                isStale: false,
                cause: instance.firedCause
            )
        }
    }

    /// What fires, as it stands, in the order in which it was made.
    package func firingAlerts() -> [AlertTransition] {
        instances.indices.filter { instances[$0].isShown }.map { index in
            let instance = instances[index]
            return transition(
                instance,
                index,
                .firing,
                at: instance.clock,
                isStale: false,
                cause: instance.firedCause
            )
        }
    }

    /// Whether the rule of that name fires for a metric of a device.
    package func isFiring(alert: String, device: String, metric: String) -> Bool {
        guard let rule = rules.rules.firstIndex(where: { $0.definition.alert == alert }) else { return false }
        return instances.contains { instance in
            instance.rule == rule && instance.isShown && deviceNames.string(of: instance.device) == device
                && metricNames.string(of: instance.metric) == metric
        }
    }

    /// Wall time of the last start or tick; 1970 before the first.
    package var lastTickTime: Timestamp { Timestamp(milliseconds: logTime.anchorWall) }

    private mutating func fireByTimer(_ timer: DueTimer) {
        var instance = instances[timer.index]
        leaveTimers(&instance)
        instance.phase = .firing
        instances[timer.index] = instance
        // From here on no edge of this alert lies before the deadline, whatever late readings say.
        let first = timer.index - Int(instance.level)
        for index in first..<first + levelCount(ofRule: instance.rule) {
            instances[index].clock = max(instances[index].clock, timer.deadline)
        }
    }

    /// Makes the alert that of the last level which is active, with the edges of it.
    mutating func show(_ first: Int, _ levels: Int, at: Int64, isStale: Bool, _ cause: RecordPosition) {
        let range = first..<first &+ levels
        let shown = range.first { instances[$0].isShown }
        let next = range.last { instances[$0].isActive }
        if shown != next {
            if let shown { end(shown, reason: next == nil ? nil : .levelChanged, at: at, cause) }
            if let next { begin(next, at: at, isStale: isStale, cause) }
        }
        for index in range where instances[index].phase == .ok && !instances[index].movesWithTime {
            contexts[index].removeAll(keepingCapacity: true)
        }
    }

    private mutating func begin(_ index: Int, at: Int64, isStale: Bool, _ cause: RecordPosition) {
        instances[index].isShown = true
        instances[index].firedAt = at
        instances[index].firedCause = cause
        instances[index].transitions &+= 1
        var edge = transition(instances[index], index, .firing, at: at, isStale: isStale, cause: cause)
        edge.flaps = countFiring(index - Int(instances[index].level), at: at)
        transitions.append(edge)
    }

    /// Notes a firing of the alert whose first level is at `first`; how many there were in the hour up to it.
    private mutating func countFiring(_ first: Int, at: Int64) -> Int32 {
        firings[first].removeAll { $0 <= at &- RuleLimits.flapWindow }
        if firings[first].count >= RuleLimits.flapsMax { firings[first].removeFirst() }
        firings[first].append(at)
        return Int32(firings[first].count)
    }

    mutating func end(_ index: Int, reason: ResolutionReason?, at: Int64, _ cause: RecordPosition) {
        instances[index].isShown = false
        instances[index].transitions &+= 1
        var edge = transition(instances[index], index, .resolved, at: at, isStale: false, cause: cause)
        edge.reason = reason
        transitions.append(edge)
    }

    private func transition(
        _ instance: RuleInstance,
        _ index: Int,
        _ state: AlertState,
        at: Int64,
        isStale: Bool,
        cause: RecordPosition
    ) -> AlertTransition {
        let rule = rules.rules[Int(instance.rule)]
        let threshold = thresholds[Int(instance.threshold)]
        /// A state has no value: 1 where it is the one that is waited for.
        func number(_ value: Double) -> Double {
            guard instance.isState else { return value }
            return threshold.isBeyond(value, allows: true) ? 1 : 0
        }
        return AlertTransition(
            rule: rule,
            level: rule.definition.levels[Int(instance.level)],
            state: state,
            device: deviceNames.string(of: instance.device),
            metric: metricNames.string(of: instance.metric),
            isMetricState: instance.isState,
            devices: devices(ofGroup: index),
            value: number(instance.value),
            unit: instance.isState ? nil : rule.unit(of: BreachContext.unit(contexts[index])),
            peak: number(instance.peak),
            breachedAt: Timestamp(milliseconds: instance.since),
            firedAt: Timestamp(milliseconds: instance.firedAt),
            at: Timestamp(milliseconds: at),
            lastSeen: Timestamp(milliseconds: instance.newest),
            labels: BreachContext.labels(contexts[index]),
            samples: instance.samples,
            isStale: isStale,
            flaps: 0,
            reason: nil,
            cause: cause
        )
    }

    // MARK: The list of running timers

    mutating func enterTimers(_ instance: inout RuleInstance, _ index: Int, _ phase: RuleInstance.Phase) {
        instance.phase = phase
        instance.timerSlot = Int32(timers.count)
        timers.append(Int32(index))
    }

    /// Takes the instance off the list: the last one takes its place.
    mutating func leaveTimers(_ instance: inout RuleInstance) {
        let slot = Int(instance.timerSlot)
        instance.timerSlot = -1
        let last = timers.removeLast()
        guard slot < timers.count else { return }
        timers[slot] = last
        instances[Int(last)].timerSlot = Int32(slot)
    }
}

/// A timer that ran out. The order is one of names, so that it does not depend on how partitions were interleaved.
private struct DueTimer: Comparable {
    let deadline: Int64
    let device: String
    let metric: String
    let threshold: Int32
    let index: Int
    let isStale: Bool

    static func < (left: DueTimer, right: DueTimer) -> Bool {
        (left.deadline, left.device, left.metric, left.threshold)
            < (right.deadline, right.device, right.metric, right.threshold)
    }
}
