// Rules over a log, in the order that the daemon has: what `rules replay`, `diff` and `explain` read.
package import CommitLog
internal import EventModel
package import Platform
package import Rules

/// One pass over a log. Made, run once, then asked; one thread, which blocks for as long as reading takes.
package final class LogReplay {
    private let order: RecordedOrder
    private let snapshot: LogSnapshot

    /// - `start`: from the first record of `system` at or after this time of the box on; nil: from the log's start. What came
    ///   before is not known to the rules.
    /// - `end`: up to the last record that the box took in by then; nil: to the log's end.
    /// - `seed`: of hashes; changes no outcome.
    /// - `observer`: sees each event, in order.
    ///
    /// Throws where the disk fails, or the log has no topic `system`.
    package init(
        _ rules: RuleSet,
        over log: CommitLog,
        from start: Timestamp? = nil,
        upTo end: Timestamp? = nil,
        seed: UInt64,
        observer: RulesRunner.EventObserver? = nil
    ) throws(LogError) {
        guard let system = log.partition(TopicPartition(topic: .system, partition: .zero)) else {
            throw LogError(.closed, "rules need the topic `system`")
        }
        let readings = log.partitions.filter { $0.topicPartition.topic == .readings }
        let snapshot = log.snapshot()
        var ends: (system: Offset, readings: [Offset])?
        if let end { ends = try LogReplay.ends(at: end, system, readings, log, snapshot) }
        var engine = RuleEngine(rules: rules, seed: seed)
        var positions = readings.map(\.logStartOffset)
        var systemPosition = system.logStartOffset
        if let start {
            let place = try SystemPlace(start, system, log, snapshot)
            systemPosition = place.offset
            for (index, partition) in readings.enumerated() {
                let mark = place.isFound ? place.end(of: partition) : snapshot.highWatermark(of: partition)
                positions[index] = max(positions[index], mark)
            }
            if let mark = place.before {
                let monotonic = mark.monotonicMilliseconds
                engine.start(RunStart(run: mark.run, wall: mark.wall.milliseconds, monotonic: monotonic))
            }
        }
        order = RecordedOrder(
            intake: RecordIntake(engine: engine, observer: observer),
            readings: readings.indices.map { index in
                PartitionFollower(
                    partition: readings[index],
                    log: log,
                    position: positions[index],
                    end: ends?.readings[index] ?? Offset(.max)
                )
            },
            system: PartitionFollower(
                partition: system,
                log: log,
                position: systemPosition,
                end: ends?.system ?? Offset(.max)
            )
        )
        self.snapshot = snapshot
    }

    /// Records that could not be read, because they are damaged or retention took them meanwhile.
    package var skipped: UInt64 { order.followers.reduce(0) { $0 &+ $1.skipped } }

    /// Reads to the end; `body` takes each edge, in order. Throws where the disk fails.
    package func run(_ body: (AlertTransition) -> Void) throws(LogError) {
        var transitions: [AlertTransition] = []
        while true {
            let read = try order.advance(snapshot, countMax: AlertingLimits.recordsPerStepMax) {
                order.intake.engine.takeTransitions(into: &transitions)
                return true
            }
            for edge in transitions { body(edge) }
            transitions.removeAll(keepingCapacity: true)
            if read == 0 { return }
        }
    }

    /// What fires, as it stands.
    package func firingAlerts() -> [AlertTransition] { order.intake.engine.firingAlerts() }

    /// See `RuleEngine.standing`.
    package func standing(ofAlert alert: String, device: String, at time: Timestamp) -> [LevelStanding] {
        order.intake.engine.standing(ofAlert: alert, device: device, at: time)
    }

    /// See `RuleEngine.signals`.
    package func signals(ofAlert alert: String, device: String, metric: String) -> [SignalStanding] {
        order.intake.engine.signals(ofAlert: alert, device: device, metric: metric)
    }

    /// Where the log ended at `time`: behind the last record of `system` by then, and in each partition of readings before the
    /// first event that was received later. Inside of batches, where that is.
    private static func ends(
        at time: Timestamp,
        _ system: Partition,
        _ readings: [Partition],
        _ log: CommitLog,
        _ snapshot: LogSnapshot
    ) throws(LogError) -> (system: Offset, readings: [Offset]) {
        let place = try SystemPlace(time.advanced(by: .milliseconds(1)), system, log, snapshot)
        var event = StoredEvent()
        var ends: [Offset] = []
        for partition in readings {
            let visible = snapshot.highWatermark(of: partition)
            let start = max(place.end(of: partition), partition.logStartOffset)
            let follower = PartitionFollower(partition: partition, log: log, position: start)
            var found: Offset?
            while found == nil, follower.position < visible {
                _ = try follower.read(upTo: visible, visible: visible, countMax: 1) { record in
                    guard found == nil, let value = record.value, event.decode(RawSpan(_unsafeBytes: value)) else {
                        return
                    }
                    if event.received > time.milliseconds { found = record.offset }
                }
            }
            ends.append(found ?? visible)
        }
        return (place.offset, ends)
    }
}

/// Where in topic `system` a time is.
private struct SystemPlace {
    /// Of the first record at or after the time; the end where there is none.
    var offset: Offset
    var isFound = false
    /// The record before it, which says where readings go on and what time it was.
    var before: SystemRecord?

    init(_ time: Timestamp, _ system: Partition, _ log: CommitLog, _ snapshot: LogSnapshot) throws(LogError) {
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
        offset = found ?? end
        isFound = found != nil
        self.before = before
    }

    /// Where a partition of `readings` ended with the record before; its start where that is not known.
    func end(of partition: Partition) -> Offset {
        before?.ends[partition.topicPartition.description].map { Offset($0) } ?? .zero
    }
}
