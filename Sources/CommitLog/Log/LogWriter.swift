// The log-writer thread's work: group commit. Everything that waits is written, synced once, and published at once.
internal import Platform

/// Owned by one thread, which calls `step` in a loop and `close` at its end.
package final class LogWriter {
    /// What one `step` came to.
    package enum StepOutcome: Hashable, Sendable {
        /// Nothing came within the time.
        case idle
        /// A commit is durable and visible.
        case committed
        /// The disk is full; the commit will be tried again.
        case full
        /// The log is poisoned; `CommitLog.state` says why.
        case failed
        /// The inbox is closed and empty: nothing will come any more.
        case closed
    }

    private let log: CommitLog
    private let clock: any Clock
    /// By slot.
    private let writers: [PartitionWriter]
    private let syncing: SyncHelpers
    private var group = BatchInbox.Group()
    /// The commit in work; kept while the disk is full.
    private var dirty: [PartitionWriter] = []
    /// Slots of those with a deferred batch, which names where the others end.
    private var naming: Set<Int> = []
    private var published: [(partition: Partition, end: Offset)] = []
    private var ticket: UInt64 = 0
    private var memoryBytes = 0
    private var retryAt: MonotonicInstant?
    private var maintenanceAt: MonotonicInstant
    private var isPoisoned = false
    private var retention: Retention

    init(log: CommitLog, writers: [PartitionWriter], syncHelpersMax: Int) {
        self.log = log
        self.writers = writers
        syncing = SyncHelpers(helpersMax: syncHelpersMax)
        clock = log.clock
        maintenanceAt = log.clock.monotonic()
        retention = Retention(configuration: log.configuration)
    }

    /// One turn: takes all that waits (waiting up to `timeout` for the first), commits it, and looks after retention.
    ///
    /// On `.committed` everything taken is durable, published and its tickets released.
    package func step(waitUpTo timeout: Duration) -> StepOutcome {
        guard !isPoisoned else { return .failed }
        guard maintainIfDue(), repairDamage() else { return .failed }
        if let retryAt {
            let now = clock.monotonic()
            if now < retryAt {
                log.inbox.pause(upTo: min(timeout, retryAt.since(now)))
                guard clock.monotonic() >= retryAt else { return .full }
            }
            guard makeRoom() else { return .failed }
        } else {
            switch log.inbox.take(into: &group, upTo: timeout) {
            case .nothing: return .idle
            case .closed: return .closed
            case .group: distribute()
            }
        }
        return commit()
    }

    /// Ends writing: takes no more offers, commits what was accepted, records that all of it was synced. On a full disk
    /// the accepted batches fail. Nothing may be called afterwards.
    package func close() {
        log.inbox.close()
        drain: while true {
            switch step(waitUpTo: .zero) {
            case .committed, .idle: continue
            case .closed, .failed: break drain
            case .full:
                for writer in dirty { writer.clearPending() }
                break drain
            }
        }
        if !isPoisoned {
            do {
                for writer in writers { try writer.writeRecoveryPoint() }
            } catch {
                // Nothing acknowledged depends on it: recovery scans the active segment all the same.
                if !error.isRetriable { poison(error) }
            }
        }
        log.inbox.fail()
        log.setState(.closed)
        log.tail.advance()
    }

    // MARK: - Commit

    private func distribute() {
        for item in group.items {
            let writer = writers[item.partition.slot]
            if !writer.isDirty { dirty.append(writer) }
            writer.add(item.batch)
            memoryBytes += item.batch.memoryBytes
        }
        group.items.removeAll(keepingCapacity: true)
        ticket = group.lastTicket
    }

    private func commit() -> StepOutcome {
        let started = clock.monotonic()
        do {
            for writer in dirty { try writer.stamp() }
            try stampDeferred()
            // What names the end of others comes when they are durable: a power cut in between must not leave a record
            // that names offsets which are given out again.
            try store(dirty.filter { !naming.contains($0.partition.slot) })
            try store(dirty.filter { naming.contains($0.partition.slot) })
        } catch {
            guard error.isRetriable else { return poison(error) }
            return waitForSpace()
        }
        let batches = dirty.reduce(0) { $0 + $1.batchCount }
        let records = dirty.reduce(0) { $0 + $1.recordCount }
        let bytes = dirty.reduce(0) { $0 + $1.pendingBytes }
        for writer in dirty {
            writer.publish()
            published.append((writer.partition, writer.stampedEnd))
        }
        let duration = clock.monotonic().since(started)
        log.publish(published) { metrics in
            metrics.addCommit(duration, batches: batches, records: records, bytes: bytes)
        }
        dirty.removeAll(keepingCapacity: true)
        naming.removeAll(keepingCapacity: true)
        published.removeAll(keepingCapacity: true)
        if retryAt != nil {
            retryAt = nil
            log.setState(.serving)
            log.inbox.setDiskFull(false)
        }
        log.inbox.complete(ticket: ticket, memoryBytes: memoryBytes)
        memoryBytes = 0
        log.tail.advance()
        return .committed
    }

    private func store(_ writers: [PartitionWriter]) throws(DiskError) {
        for writer in writers { try writer.write() }
        try syncing.sync(writers)
    }

    /// Builds the batches that wanted to know where this commit ends; each once, even where the commit is tried again.
    private func stampDeferred() throws(DiskError) {
        while !group.deferred.isEmpty {
            let deferred = group.deferred.removeFirst()
            let batch = deferred.build(CommitEnds(ends: writers.map(\.stampedEnd), slots: log.slots))
            let writer = writers[deferred.partition.slot]
            if !writer.isDirty { dirty.append(writer) }
            naming.insert(deferred.partition.slot)
            writer.add(batch)
            // Nothing is written yet, so stamping the partition again only adds the new batch.
            try writer.stamp()
        }
    }

    private func waitForSpace() -> StepOutcome {
        do {
            for writer in dirty { try writer.undo() }
        } catch {
            return poison(error)
        }
        retryAt = clock.monotonic().advanced(by: Limits.fullRetryInterval)
        log.setState(.full)
        log.inbox.setDiskFull(true)
        log.note { $0.fullAttempts &+= 1 }
        return .full
    }

    /// The sticky end of writing: no file is touched again, nobody waits in vain.
    @discardableResult
    private func poison(_ error: DiskError) -> StepOutcome {
        isPoisoned = true
        for writer in dirty { writer.clearPending() }
        dirty.removeAll()
        log.setState(.poisoned(LogError(error)))
        log.inbox.fail()
        log.tail.advance()
        return .failed
    }

    // MARK: - Upkeep

    /// Retention, recovery points and free space, on their cadence; false where the disk failed.
    private func maintainIfDue() -> Bool {
        let now = clock.monotonic()
        guard now >= maintenanceAt else { return true }
        maintenanceAt = now.advanced(by: Limits.maintenanceInterval)
        do {
            // While a commit waits for space its partitions are in the middle of things; making room is done elsewhere.
            if retryAt == nil {
                try applyRetention(wantedBytes: 0)
                for writer in writers { try writer.writeRecoveryPoint() }
            }
            return true
        } catch {
            guard error.isRetriable else { return poison(error) != .failed }
            return true
        }
    }

    /// Repairs one segment in which damage was met; false where the disk failed.
    private func repairDamage() -> Bool {
        guard retryAt == nil, let item = log.damage.take() else { return true }
        do {
            guard let repair = try writers[item.slot].repair(item.base) else {
                log.damage.settle(item)
                return true
            }
            log.damage.add(repair)
            log.note { metrics in
                metrics.repairedSegments &+= 1
                for gap in repair.gaps { metrics.lostOffsets &+= UInt64(max(0, gap.to - gap.from)) }
            }
            log.tail.advance()
            return true
        } catch {
            if error.operation == .read {
                log.damage.settle(item)
                return true
            }
            guard error.isRetriable else { return poison(error) != .failed }
            // No room for the cleaned file: tried again when a reader meets the damage again.
            return true
        }
    }

    /// Before a full disk is tried again: deletes the oldest segment of a topic that allows it, the active one where there
    /// is no other. False where the disk failed.
    private func makeRoom() -> Bool {
        do {
            try rollWhereNothingIsSealed()
            try applyRetention(wantedBytes: max(1, dirty.reduce(0) { $0 + $1.pendingBytes }))
            return true
        } catch {
            guard error.isRetriable else { return poison(error) != .failed }
            return true
        }
    }

    /// Closes the oldest active segment that may go, unless a sealed one may: only those can be deleted.
    private func rollWhereNothingIsSealed() throws(DiskError) {
        let droppable = writers.filter { $0.partition.configuration.onFull == .dropOldest }
        guard droppable.allSatisfy({ $0.partition.segmentCount == 1 }) else { return }
        let age = { (writer: PartitionWriter) in writer.partition.segments.last?.extent.firstAppend?.timestamp }
        let filled = droppable.filter { $0.partition.sizeBytes > ByteCount(0) }
        let oldest = filled.min { (age($0)?.milliseconds ?? .min) < (age($1)?.milliseconds ?? .min) }
        try oldest?.roll(makesRoom: true)
    }

    private func applyRetention(wantedBytes: Int64) throws(DiskError) {
        let space = try log.disk.space(at: log.configuration.directory)
        log.note { $0.freeBytes = space.free }
        let now = AppendTime.now(clock)
        if wantedBytes == 0 {
            for writer in writers where retention.wantsRoll(writer.partition, now: now) { try writer.roll() }
        }
        let starts = retention.logStarts(
            of: log.partitions,
            now: now,
            space: space,
            wantedBytes: wantedBytes
        )
        var deleted: UInt64 = 0
        for writer in writers {
            guard let start = starts[writer.partition.slot] else { continue }
            let before = writer.partition.segmentCount
            try writer.delete(below: start)
            deleted &+= UInt64(before - writer.partition.segmentCount)
        }
        log.note { $0.deletedSegments &+= deleted }
    }
}
