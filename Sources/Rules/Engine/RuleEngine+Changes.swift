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

    /// Drops the instances whose rule has no place in the next set, with all that belongs to them, and gives the others
    /// their rule's new one.
    private mutating func keepInstances(_ places: [Int32?]) {
        var kept: [RuleInstance] = []
        var keptContexts: [[UInt8]] = []
        var keptWindows: [SeriesWindow] = []
        var moves = [Int32](repeating: -1, count: instances.count)
        var keptFirings: [[Int64]] = []
        timers.removeAll(keepingCapacity: true)
        for (index, instance) in instances.enumerated() {
            guard let place = places[Int(instance.rule)] else { continue }
            var moved = instance.moved(toRule: place, firstThreshold: firstThresholds[Int(place)])
            if moved.timerSlot >= 0 {
                moved.timerSlot = Int32(timers.count)
                timers.append(Int32(kept.count))
            }
            if moved.window >= 0 {
                if moved.level == 0 { keptWindows.append(windows[Int(moved.window)]) }
                moved.window = Int32(keptWindows.count - 1)
            }
            moves[index] = Int32(kept.count)
            kept.append(moved)
            keptContexts.append(contexts[index])
            keptFirings.append(firings[index])
        }
        instances = kept
        contexts = keptContexts
        termSets = termSets.compactMap { set in
            guard let place = places[Int(set.rule)] else { return nil }
            var moved = set
            moved.rule = place
            moved.first = Int32(keptWindows.count)
            moved.instance = set.instance < 0 ? -1 : moves[Int(set.instance)]
            let count = rules.rules[Int(place)].terms.count
            keptWindows += windows[Int(set.first)..<Int(set.first) + count]
            return moved
        }
        windows = keptWindows
        windowedReadings = windows.reduce(0) { $0 + $1.count }
        members = members.compactMap { member in
            guard let place = places[Int(member.rule)] else { return nil }
            var moved = member
            moved.rule = place
            moved.group = member.group < 0 ? -1 : moves[Int(member.group)]
            return moved
        }
        firings = keptFirings
    }
}
