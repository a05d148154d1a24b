// What befalls one seed and when, in events of the script: at least the faults that every seed has, and some more.

struct Agenda {
    private var entries: [(at: Int, fault: Fault)] = []
    /// Power cuts in the middle of a recovery that are still to come.
    private var extraCuts = 2

    /// Plans a seed; the disk counts what was planned.
    init(_ dice: inout Dice, isFlipping: Bool, _ disk: SimulatedDisk) {
        var faults = [Fault](repeating: .powerCut, count: Simulation.cutsMin + dice.below(2))
        if dice.chance(2, in: 3) { faults.append(.kill) }
        if dice.chance(1, in: 3) { faults.append(.writeError) }
        if dice.chance(1, in: 3) { faults.append(.syncErrorClean) }
        if dice.chance(1, in: 3) { faults.append(.syncErrorReverted) }
        if dice.chance(1, in: 2) { faults.append(.clockStep) }
        if dice.chance(1, in: 3) { faults.append(.diskFull) }
        if dice.chance(1, in: 3) { faults.append(.clockUnsynced) }
        if isFlipping { faults.append(.bitFlip) }
        for fault in faults {
            // A bit at rest needs something that rests.
            let at = dice.within((fault == .bitFlip ? 700 : 100)...Simulation.eventsMin - 100)
            disk.plan(fault)
            entries.append((at, fault))
            // The doubt ends; a full disk ends by time, for nothing is sent while it lasts.
            if fault == .clockUnsynced { entries.append((at + dice.within(1...60), fault)) }
        }
        entries.sort { ($0.at, $0.fault.rawValue) < ($1.at, $1.fault.rawValue) }
    }

    var isEmpty: Bool { entries.isEmpty }

    /// The next fault that is due when so many events were sent.
    mutating func next(at events: Int) -> Fault? {
        guard let first = entries.first, first.at <= events else { return nil }
        return entries.removeFirst().fault
    }

    /// Whether another cut may strike a recovery.
    mutating func takeExtraCut() -> Bool {
        guard extraCuts > 0 else { return false }
        extraCuts -= 1
        return true
    }
}
