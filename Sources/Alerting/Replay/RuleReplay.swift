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
        guard let system = log.partition(TopicPartition(topic: .system, partition: .zero)) else {
            throw LogError(.closed, "rules need the topic `system`")
        }
        let snapshot = log.snapshot()
        var place: (offset: Offset, before: SystemRecord?)?
        if let start {
            place = try RuleReplay.place(start, system, log, snapshot)
            if place == nil { return ([], 0) }
        }
        var engine = RuleEngine(rules: rules, seed: seed)
        if let mark = place?.before {
            let monotonic = mark.monotonicMilliseconds
            engine.start(RunStart(run: mark.run, wall: mark.wall.milliseconds, monotonic: monotonic))
        }
        let order = RecordedOrder(
            intake: RecordIntake(engine: engine, observer: nil),
            readings: log.partitions.filter { $0.topicPartition.topic == .readings }.map { partition in
                let end = place?.before?.ends[partition.topicPartition.description].map { Offset($0) }
                let position = max(end ?? .zero, partition.logStartOffset)
                return PartitionFollower(partition: partition, log: log, position: position)
            },
            system: PartitionFollower(partition: system, log: log, position: place?.offset ?? system.logStartOffset)
        )
        var book = FiringBook()
        var transitions: [AlertTransition] = []
        while true {
            let read = try order.advance(snapshot, countMax: AlertingLimits.recordsPerStepMax) {
                order.intake.engine.takeTransitions(into: &transitions)
                return true
            }
            for edge in transitions { book.take(edge) }
            transitions.removeAll(keepingCapacity: true)
            if read == 0 { break }
        }
        book.update(order.intake.engine.firingAlerts())
        return (book.firings, order.followers.reduce(0) { $0 &+ $1.skipped })
    }

    /// The first record of `system` at or after `time`, and the one before it, which says where readings go on and what time
    /// it was; nil where there is none.
    private static func place(
        _ time: Timestamp,
        _ system: Partition,
        _ log: CommitLog,
        _ snapshot: LogSnapshot
    ) throws(LogError) -> (offset: Offset, before: SystemRecord?)? {
        let end = snapshot.highWatermark(of: system)
        let follower = PartitionFollower(partition: system, log: log, position: system.logStartOffset)
        var before: SystemRecord?
        var found: Offset?
        while found == nil, follower.position < end {
            _ = try follower.read(upTo: end, visible: end, countMax: 1) { record in
                guard found == nil, let value = record.value, let step = SystemRecord(RawSpan(_unsafeBytes: value))
                else {
                    return
                }
                if step.wall >= time { found = record.offset } else { before = step }
            }
        }
        return found.map { ($0, before) }
    }
}
