// Rules over what was recorded: the engine of the daemon, with nobody told of what it finds.
package import CommitLog
internal import EventModel
package import Platform
package import Rules

/// One replay; one owner.
package struct RuleReplay: ~Copyable {
    private var engine: RuleEngine
    private var book = FiringBook()
    private var transitions: [AlertTransition] = []
    private var event = StoredEvent()
    private var count: Int64 = 0

    package init(_ rules: RuleSet, seed: UInt64) {
        engine = RuleEngine(rules: rules, seed: seed)
    }

    /// Evaluates one stored event (JSON) of a series that knows no other clock than its own times; false where the bytes are
    /// no event.
    package mutating func observe(_ value: RawSpan) -> Bool {
        guard event.decode(value) else { return false }
        engine.observe(event, value, at: RecordPosition(source: .readings, partition: 0, offset: count))
        count += 1
        guard engine.hasTransitions else { return true }
        engine.takeTransitions(into: &transitions)
        for edge in transitions { book.take(edge) }
        transitions.removeAll(keepingCapacity: true)
        return true
    }

    /// Every firing so far, in the order in which they fired.
    package consuming func firings() -> [Firing] {
        book.update(engine.firingAlerts())
        return book.firings
    }

    /// Every firing that `rules` find in a log, from the first record of `system` at or after `start` on, in the order that
    /// the daemon has; nil: from the log's start. Blocks for as long as reading takes.
    ///
    /// Returns also how many records could not be read, because they are damaged or retention took them meanwhile. Throws
    /// where the disk fails, or the log has no topic `system`.
    package static func run(
        _ rules: RuleSet,
        over log: CommitLog,
        from start: Timestamp?,
        seed: UInt64
    ) throws(LogError) -> (firings: [Firing], skipped: UInt64) {
        let replay = try LogReplay(rules, over: log, from: start, seed: seed)
        var book = FiringBook()
        try replay.run { book.take($0) }
        book.update(replay.firingAlerts())
        return (book.firings, replay.skipped)
    }
}
