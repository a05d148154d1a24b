// What survives a restart: the snapshot, the fold of edges, and the alerts whose rules are gone.
internal import CommitLog
internal import Platform
internal import Rules

/// What a start finds: the partitions that rules touch, and the snapshot.
struct RunnerStart {
    let readings: [Partition]
    let system: Partition
    let alerts: Partition
    let file: RulesSnapshotFile
    let snapshot: RulesSnapshot?
    /// Why there is no snapshot where there should be one.
    let problem: String?

    init(log: CommitLog, dataDirectory: String, disk: any Disk) throws(LogError) {
        readings = log.partitions.filter { $0.topicPartition.topic == .readings }
        let system = log.partition(TopicPartition(topic: .system, partition: .zero))
        let alerts = log.partition(TopicPartition(topic: .alerts, partition: .zero))
        guard let system, let alerts else { throw LogError(.closed, "rules need the topics `system` and `alerts`") }
        self.system = system
        self.alerts = alerts
        file = RulesSnapshotFile(dataDirectory: dataDirectory, disk: disk)
        // It can be thrown away, so a sector that cannot be read stops nothing.
        do throws(DiskError) {
            switch try file.load() {
            case .missing: (snapshot, problem) = (nil, nil)
            case .value(let value): (snapshot, problem) = (value, nil)
            case .damaged:
                (snapshot, problem) = (nil, "the snapshot of the rules is damaged: the log is read from its start")
            }
        } catch {
            (snapshot, problem) = (nil, "the snapshot of the rules cannot be read: \(error)")
        }
    }

    /// Where to read on; the log's start for a partition that the snapshot does not know, and never beyond its end: a log
    /// that was put back from a backup is shorter than the snapshot remembers.
    func position(of partition: Partition) -> Offset {
        let saved = snapshot?.positions[partition.topicPartition] ?? partition.logStartOffset
        return min(saved, partition.logEndOffset)
    }

    /// Of the snapshot, where the log still has all that it remembers.
    var book: AlertBookState? {
        guard let snapshot, let saved = snapshot.positions[alerts.topicPartition], saved <= alerts.logEndOffset else {
            return nil
        }
        return snapshot.book
    }
}

extension RulesRunner {
    /// Makes the book that of the log's end, and notes the edges that the snapshot does not know; without a usable one, all of
    /// them.
    func foldAlerts(_ start: RunnerStart) throws(LogError) {
        var knownFrom = Offset.zero
        if !isStateLost {
            knownFrom = start.position(of: start.alerts)
            if let saved = start.book {
                for alert in saved.firing { _ = alert.json.withUnsafeBytes { book.take($0, at: alert.offset) } }
                alerts.move(to: saved.position)
            }
        }
        try book.follow(alerts, upTo: log.snapshot().highWatermark(of: alerts.partition)) { edge, offset in
            if offset >= knownFrom { knownEdges.insert(edge.edgeID) }
        }
    }

    /// Ends alerts that fire for a rule that is gone or whose condition is another one. The engine has no instance of them,
    /// whether it was restored or not.
    func resolveOrphans(of rules: RuleSet) {
        for entry in book.firing where !entry.record.isBuiltIn {
            let rule = rules.rule(named: entry.record.alert)
            let hash = rule.map { AlertFingerprint.hex($0.conditionHash, digits: 16) }
            guard hash != entry.record.ruleHash else { continue }
            append(
                entry.record.resolved(
                    rule == nil ? .ruleRemoved : .conditionChanged,
                    at: order.intake.engine.lastTickTime,
                    origin: origin
                )
            )
        }
    }

    /// After a start without a snapshot: ends alerts that the log, as far as it reaches back, does not explain any more.
    /// Waits for the book to know every edge of this run, or one that has just resolved would be ended twice.
    ///
    /// - Returns: whether there was something to do.
    func resolveLost() -> Bool {
        guard isStateLost, isCaughtUp, appender.isDurable(within: .zero),
            alerts.position == log.snapshot().highWatermark(of: alerts.partition)
        else { return false }
        isStateLost = false
        isSaveWanted = true
        for entry in book.firing where !entry.record.isBuiltIn {
            let record = entry.record
            guard !order.intake.engine.isFiring(alert: record.alert, device: record.device, metric: record.metric)
            else {
                continue
            }
            append(record.resolved(.stateLost, at: order.intake.engine.lastTickTime, origin: origin))
        }
        return true
    }

    /// Saves where it is time and every edge is durable; true where it did.
    ///
    /// A failure is put off and said: rules go on without a newer snapshot, which is only what a restart begins from.
    func saveIfDue() -> Bool {
        let isDue =
            isSaveWanted || order.intake.eventsSinceSave >= AlertingLimits.snapshotRecords
            || clock.monotonic() >= saveDue
        guard isDue, appender.isDurable(within: .zero) else { return false }
        do { return try save(waitUpTo: .zero) } catch {
            problem = "the rules' snapshot was not saved: \(error)"
            saveDue = clock.monotonic().advanced(by: AlertingLimits.snapshotRetryInterval)
            order.intake.eventsSinceSave = 0
            isSaveWanted = false
            return false
        }
    }

    /// - Returns: false where the last edges were not durable within the time; nothing was written then.
    @discardableResult
    func save(waitUpTo timeout: Duration) throws(LogError) -> Bool {
        // Saved before they are ended, lost alerts would fire for ever.
        guard !isStateLost, appender.isDurable(within: timeout) else { return false }
        var positions: [TopicPartition: Offset] = [:]
        for follower in order.readings { positions[follower.partition.topicPartition] = follower.position }
        positions[order.system.partition.topicPartition] = order.systemPosition
        // All edges of this state are durable, so they stand before the end of the log as it is now.
        positions[alerts.partition.topicPartition] = log.snapshot().highWatermark(of: alerts.partition)
        let state = book.state(upTo: alerts.position)
        let engine = order.intake.engine.encodeSnapshot()
        guard engine.count <= RuleLimits.snapshotBytesMax else {
            throw LogError(.tooLarge, "the state of the rules has \(engine.count) bytes: a start reads the log instead")
        }
        let snapshot = RulesSnapshot(
            positions: positions,
            book: state.firing.reduce(0) { $0 + $1.json.count } <= AlertingLimits.bookBytesMax ? state : nil,
            engine: engine
        )
        do { try snapshotFile.save(snapshot) } catch { throw LogError(.disk, underlying: error) }
        savedAt = clock.now()
        let pause = Duration.seconds(engine.count / AlertingLimits.snapshotBytesPerSecond)
        saveDue = clock.monotonic().advanced(by: max(AlertingLimits.snapshotInterval, pause))
        order.intake.eventsSinceSave = 0
        isSaveWanted = false
        problem = nil
        return true
    }
}
