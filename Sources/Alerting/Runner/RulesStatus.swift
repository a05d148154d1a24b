// How the rules thread stands, for anybody who asks.
package import CommitLog
package import Platform
package import Rules

/// Published about once a second.
package struct RulesStatus: Sendable {
    /// Records of `readings` that rules have not seen yet.
    package var lagRecords: Int = 0
    /// False while a start catches up with the log.
    package var isCaughtUp = false
    package var instances = 0
    package var pendingCount = 0
    package var firingCount = 0
    package var counters = RuleEngineCounters()
    /// The same as this start found them in the snapshot.
    var countersAtStart = RuleEngineCounters()
    /// Offsets that were gone before rules read them.
    package var skippedRecords: UInt64 = 0
    package var snapshotSavedAt: Timestamp?
    /// What failed last, in words; nil while all is well.
    package var problem: String?
    /// What waits for its `for`, up to `AlertingLimits.pendingShownMax`.
    var pending: [AlertTransition] = []
    var origin = AlertOrigin(box: "")

    /// What rules had no room or no use for since this start, as counts with the end of a sentence about readings; those
    /// above 0.
    package var leftOut: [(count: UInt64, words: String)] {
        let words: [(KeyPath<RuleEngineCounters, UInt64>, String)] = [
            (\.overflowing, "found no room among \(RuleLimits.instancesMax) watched series, and are not watched"),
            (\.foreign, "are in a unit that the limit's cannot be compared with, and are not judged"),
            (\.crowdedOut, "left their window early: it holds the newest \(RuleLimits.windowReadingsMax)"),
        ]
        return words.map { (counters[keyPath: $0.0] &- countersAtStart[keyPath: $0.0], $0.1) }.filter { $0.0 > 0 }
    }

    /// The same as records, with state `pending`; made for the asking.
    package func pendingAlerts() -> [AlertRecord] {
        pending.map { AlertRecord($0, origin: origin) }
    }
}

/// What one step of the runner came to.
package enum RulesStepOutcome: Sendable {
    /// Something was read, written or saved.
    case worked
    /// Nothing came within the time.
    case idle
    /// The disk or the log failed; the runner can be stepped again and goes on where it was.
    case failed(LogError)
    /// The log takes no more edges: it is closed or poisoned.
    case closed
}
