// A new set of rules for a running engine.
internal import Platform

extension RuleEngine {
    /// Puts `next` in force. A rule whose condition is the same (and whose words may differ) keeps its instances with
    /// all their state; those of a rule that is gone or whose condition changed are dropped, and their firing alerts
    /// end with a reason, in the order in which the instances were made.
    ///
    /// The edge by reason names the cause of the firing that it ends, and the last tick's wall time, or the instance's
    /// own if that is later.
    package mutating func apply(_ next: RuleSet) {
        var places: [Int32?] = []
        var reasons: [ResolutionReason] = []
        for rule in rules.rules {
            let place = next.rules.firstIndex { $0.definition.alert == rule.definition.alert }
            let isKept = place.map { next.rules[$0].conditionHash == rule.conditionHash } ?? false
            places.append(isKept ? place.map { Int32($0) } : nil)
            reasons.append(place == nil ? .ruleRemoved : .conditionChanged)
        }
        for index in instances.indices where instances[index].isShown {
            let rule = Int(instances[index].rule)
            guard places[rule] == nil else { continue }
            let at = max(instances[index].clock, logTime.anchorWall)
            end(index, reason: reasons[rule], at: at, instances[index].firedCause)
        }
        rules = next
        layOutThresholds()
        keepInstances(places)
        rebuildTables()
    }

    /// Drops the instances whose rule has no place in the next set and gives the others their rule's new one.
    private mutating func keepInstances(_ places: [Int32?]) {
        var kept: [RuleInstance] = []
        var keptContexts: [[UInt8]] = []
        var keptFirings: [[Int64]] = []
        timers.removeAll(keepingCapacity: true)
        for (index, instance) in instances.enumerated() {
            guard let place = places[Int(instance.rule)] else { continue }
            var moved = instance.moved(toRule: place, firstThreshold: firstThresholds[Int(place)])
            if moved.timerSlot >= 0 {
                moved.timerSlot = Int32(timers.count)
                timers.append(Int32(kept.count))
            }
            kept.append(moved)
            keptContexts.append(contexts[index])
            keptFirings.append(firings[index])
        }
        instances = kept
        contexts = keptContexts
        firings = keptFirings
    }
}
