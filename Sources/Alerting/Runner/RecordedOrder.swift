// The one order in which rules see the log, live and in a replay.
internal import CommitLog
internal import EventModel
internal import Platform
internal import Rules

/// Readings up to the end that the next record of `system` names, then that record; where none is visible, readings up to
/// the end of the snapshot: a later tick's ends cannot lie before it.
///
/// One thread at a time; `advance` blocks for the disk.
final class RecordedOrder {
    /// A record of `system` that readings have not been read up to yet.
    private struct SystemStep {
        var offset: Offset
        var record: SystemRecord
    }

    var intake: RecordIntake
    let readings: [PartitionFollower]
    let system: PartitionFollower
    /// Offset of the first record of `system` that the engine has not taken.
    private(set) var systemPosition: Offset
    private var queue: [SystemStep] = []

    init(intake: consuming RecordIntake, readings: [PartitionFollower], system: PartitionFollower) {
        self.intake = intake
        self.readings = readings
        self.system = system
        systemPosition = system.position
    }

    var followers: [PartitionFollower] { readings + [system] }

    /// Feeds the engine what `snapshot` shows, about `countMax` records of it; `drain` is called whenever it may have made
    /// edges, and answers whether to go on.
    ///
    /// - Returns: how many records were read.
    func advance(
        _ snapshot: LogSnapshot,
        countMax: Int,
        _ drain: () -> Bool
    ) throws(LogError) -> Int {
        var count = 0
        while count < countMax {
            guard try fillQueue(snapshot) else { return count }
            let next = queue.first
            var isComplete = true
            for follower in readings {
                let visible = snapshot.highWatermark(of: follower.partition)
                let name = follower.partition.topicPartition.description
                let ticked = next.map { $0.record.ends[name].map { Offset($0) } ?? follower.position }
                let limit = min(visible, ticked ?? visible, follower.end)
                count += try intake.read(follower, upTo: limit, visible: visible, countMax: max(1, countMax - count))
                isComplete = isComplete && follower.position >= limit
            }
            var goesOn = drain()
            guard isComplete, let next else { return count }
            take(next)
            queue.removeFirst()
            count += 1
            goesOn = drain() && goesOn
            guard goesOn else { return count }
        }
        return count
    }

    /// - Returns: false where the next record waits for a repair: readings must not run ahead of it.
    private func fillQueue(_ snapshot: LogSnapshot) throws(LogError) -> Bool {
        let visible = snapshot.highWatermark(of: system.partition)
        let end = min(visible, system.end)
        while queue.isEmpty, system.position < end {
            let before = system.position
            _ = try system.read(upTo: end, visible: visible, countMax: 1) { record in
                guard let value = record.value, let decoded = SystemRecord(RawSpan(_unsafeBytes: value)) else { return }
                queue.append(SystemStep(offset: record.offset, record: decoded))
            }
            if system.position == before { return false }
        }
        if queue.isEmpty { systemPosition = system.position }
        return true
    }

    private func take(_ step: SystemStep) {
        let mark = RunTick(
            run: step.record.run,
            wall: step.record.wall.milliseconds,
            monotonic: step.record.monotonicMilliseconds
        )
        switch step.record.kind {
        case .start: intake.engine.start(mark)
        case .tick, .clockStep, .stop:
            let partition = system.partition.topicPartition.partition.value
            intake.engine.tick(
                mark,
                at: RecordPosition(source: .system, partition: partition, offset: step.offset.value)
            )
        }
        systemPosition = step.offset + 1
    }
}
