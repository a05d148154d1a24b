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
        let contents: RulesSnapshotContents
        do { contents = try file.load() } catch { throw LogError(.disk, underlying: error) }
        switch contents {
        case .missing: (snapshot, problem) = (nil, nil)
        case .value(let value): (snapshot, problem) = (value, nil)
        case .damaged:
            (snapshot, problem) = (nil, "the snapshot of the rules is damaged: the log is read from its start")
        }
    }

    /// Where to read on; the log's start for a partition that the snapshot does not know, and never beyond its end: a log
    /// that was put back from a backup is shorter than the snapshot remembers.
    func position(of partition: Partition) -> Offset {
        let saved = snapshot?.positions[partition.topicPartition] ?? partition.logStartOffset
        return min(saved, partition.logEndOffset)
    }
}

extension RulesRunner {
    /// Reads all of topic `alerts` into the book, and notes the edges from `offset` on as known.
    func foldAlerts(from offset: Offset) throws(LogError) {
        let end = log.snapshot().highWatermark(of: alerts.partition)
        while alerts.position < end {
            _ = try alerts.read(upTo: end, visible: end, countMax: .max) { record in
                guard let value = record.value, let alert = book.take(value, at: record.offset) else { return }
                if record.offset >= offset { knownEdges.insert(alert.edgeID) }
            }
        }
    }

    /// Ends alerts that fire for a rule that is gone or whose condition is another one. The engine has no instance of them,
    /// whether it was restored or not.
    func resolveOrphans(of rules: RuleSet) {
        for entry in book.firing {
            let rule = rules.rule(named: entry.record.alert)
            let hash = rule.map { AlertFingerprint.hex($0.conditionHash, digits: 16) }
            guard hash != entry.record.ruleHash else { continue }
            append(
                entry.record.resolved(
                    rule == nil ? .ruleRemoved : .conditionChanged,
                    at: engine.lastTickTime,
                    origin: origin
                )
            )
        }
    }

    /// After a start without a snapshot: ends alerts that the log, as far as it reaches back, does not explain any more.
    func resolveLost() {
        for entry in book.firing {
            let record = entry.record
            guard !engine.isFiring(alert: record.alert, device: record.device, metric: record.metric) else { continue }
            append(record.resolved(.stateLost, at: engine.lastTickTime, origin: origin))
        }
    }

    /// Saves where it is time and every edge is durable; true where it did.
    func saveIfDue() throws(LogError) -> Bool {
        let isDue = isSaveWanted || recordsSinceSave >= AlertingLimits.snapshotRecords || clock.monotonic() >= saveDue
        guard isDue, appender.isDurable(within: .zero) else { return false }
        return try save(waitUpTo: .zero)
    }

    /// - Returns: false where the last edges were not durable within the time; nothing was written then.
    @discardableResult
    func save(waitUpTo timeout: Duration) throws(LogError) -> Bool {
        guard appender.isDurable(within: timeout) else { return false }
        var positions: [TopicPartition: Offset] = [:]
        for follower in readings { positions[follower.partition.topicPartition] = follower.position }
        positions[system.partition.topicPartition] = systemPosition
        // All edges of this state are durable, so they stand before the end of the log as it is now.
        positions[alerts.partition.topicPartition] = log.snapshot().highWatermark(of: alerts.partition)
        let snapshot = RulesSnapshot(positions: positions, engine: engine.encodeSnapshot())
        do { try snapshotFile.save(snapshot) } catch { throw LogError(.disk, underlying: error) }
        savedAt = clock.now()
        saveDue = clock.monotonic().advanced(by: AlertingLimits.snapshotInterval)
        recordsSinceSave = 0
        isSaveWanted = false
        return true
    }
}
