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
        for index in pending {
            let instance = instances[Int(index)]
            let holdFor = thresholds[Int(instance.rule)].holdFor
            guard logTime.now &- instance.sinceLogTime >= holdFor else { continue }
            due.append(
                DueTimer(
                    deadline: instance.since &+ holdFor,
                    device: deviceNames.string(of: instance.device),
                    metric: metricNames.string(of: instance.metric),
                    rule: instance.rule,
                    index: Int(index)
                )
            )
        }
        for timer in due.sorted() { fireByTimer(timer.index, deadline: timer.deadline, position) }
    }

    /// What waits for its `for` to run out, as it stands: at most `count`, in the order in which they were made.
    package func pendingAlerts(upTo count: Int) -> [AlertTransition] {
        pending.sorted().prefix(count).map { index in
            let instance = instances[Int(index)]
            return transition(
                instance,
                Int(index),
                rules.rules[Int(instance.rule)],
                .pending,
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
            instance.rule == rule && instance.phase == .firing && deviceNames.string(of: instance.device) == device
                && metricNames.string(of: instance.metric) == metric
        }
    }

    /// Wall time of the last start or tick; 1970 before the first.
    package var lastTickTime: Timestamp { Timestamp(milliseconds: logTime.anchorWall) }

    private mutating func fireByTimer(_ index: Int, deadline: Int64, _ position: RecordPosition) {
        var instance = instances[index]
        let holdFor = thresholds[Int(instance.rule)].holdFor
        let heldFor = instance.sinceLogTime &+ holdFor &- instance.lastLogTime
        let isStale = instance.interval > 0 && heldFor > instance.interval &* 3
        leavePending(&instance)
        // From here on no edge of this instance lies before the deadline, whatever late readings say.
        instance.clock = max(instance.clock, deadline)
        fire(&instance, index, at: deadline, isStale: isStale, position)
        instances[index] = instance
    }

    mutating func fire(
        _ instance: inout RuleInstance,
        _ index: Int,
        at: Int64,
        isStale: Bool,
        _ position: RecordPosition
    ) {
        instance.phase = .firing
        instance.firedAt = at
        instance.firedCause = position
        instance.transitions &+= 1
        transitions.append(
            transition(
                instance,
                index,
                rules.rules[Int(instance.rule)],
                .firing,
                at: at,
                isStale: isStale,
                cause: position
            )
        )
    }

    /// Ends a firing alert; the instance is as before its breach.
    mutating func resolve(
        _ instance: inout RuleInstance,
        _ index: Int,
        reason: ResolutionReason?,
        _ position: RecordPosition
    ) {
        instance.phase = .ok
        instance.transitions &+= 1
        var edge = transition(
            instance,
            index,
            rules.rules[Int(instance.rule)],
            .resolved,
            at: instance.clock,
            isStale: false,
            cause: position
        )
        edge.reason = reason
        transitions.append(edge)
        contexts[index].removeAll(keepingCapacity: true)
    }

    private func transition(
        _ instance: RuleInstance,
        _ index: Int,
        _ rule: CompiledRule,
        _ state: AlertState,
        at: Int64,
        isStale: Bool,
        cause: RecordPosition
    ) -> AlertTransition {
        AlertTransition(
            rule: rule,
            state: state,
            device: deviceNames.string(of: instance.device),
            metric: metricNames.string(of: instance.metric),
            value: instance.value,
            unit: BreachContext.unit(contexts[index]),
            peak: instance.peak,
            breachedAt: Timestamp(milliseconds: instance.since),
            firedAt: Timestamp(milliseconds: instance.firedAt),
            at: Timestamp(milliseconds: at),
            lastSeen: Timestamp(milliseconds: instance.newest),
            labels: BreachContext.labels(contexts[index]),
            samples: instance.samples,
            isStale: isStale,
            reason: nil,
            cause: cause
        )
    }

    // MARK: The list of running timers

    mutating func enterPending(_ instance: inout RuleInstance, _ index: Int) {
        instance.phase = .pending
        instance.pendingSlot = Int32(pending.count)
        pending.append(Int32(index))
    }

    /// Takes the instance off the list: the last one takes its place.
    mutating func leavePending(_ instance: inout RuleInstance) {
        let slot = Int(instance.pendingSlot)
        instance.pendingSlot = -1
        let last = pending.removeLast()
        guard slot < pending.count else { return }
        pending[slot] = last
        instances[Int(last)].pendingSlot = Int32(slot)
    }
}

/// A timer that ran out. The order is one of names, so that it does not depend on how partitions were interleaved.
private struct DueTimer: Comparable {
    let deadline: Int64
    let device: String
    let metric: String
    let rule: Int32
    let index: Int

    static func < (left: DueTimer, right: DueTimer) -> Bool {
        (left.deadline, left.device, left.metric, left.rule) < (right.deadline, right.device, right.metric, right.rule)
    }
}
