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
    private let writers: PartitionWriters
    private let reserve: SpaceReserve
    private let syncing: SyncHelpers
    /// What was taken and is not durable yet, by lane; kept while the disk is full.
    private var groups: [BatchInbox.Group] = [.init(), .init()]
    /// Batches of the commit in work that were built for deferred offers.
    private var built: [SealedBatch] = []
    /// Slots of the partitions that got one; it names where the others end.
    private var naming: Set<Int> = []
    /// The partitions of the commit in work.
    private var dirty: [PartitionWriter] = []
    private var published: [(partition: Partition, end: Offset)] = []
    /// While the disk is full: when everything is tried again. Until then only the reserved lane is committed.
    private var retryAt: MonotonicInstant?
    private var maintenanceAt: MonotonicInstant
    private var spaceAt: MonotonicInstant
    private var hasRoomForZeros = false
    private var isPoisoned = false
    private var retention: Retention
    private let compaction: Compaction
    private let repairs: DamageRepairs
    private let disposal: Disposal
    private let changer: TopicChanger

    init(log: CommitLog, seed: CommitLog.WriterSeed, syncHelpersMax: Int) {
        self.log = log
        let writers = PartitionWriters(seed.writers)
        self.writers = writers
        reserve = seed.reserve
        syncing = SyncHelpers(helpersMax: syncHelpersMax)
        clock = log.clock
        maintenanceAt = log.clock.monotonic()
        spaceAt = maintenanceAt
        retention = Retention(configuration: log.configuration)
        compaction = Compaction(writers, disk: log.disk, damage: log.damage)
        repairs = DamageRepairs(writers, damage: log.damage)
        let directories = TopicDirectories(disk: log.disk, root: log.configuration.directory + "/log")
        disposal = Disposal(directories)
        changer = TopicChanger(
            log: log,
            seed: seed,
            writers: writers,
            compaction: compaction,
            repairs: repairs,
            directories: directories,
            disposal: disposal
        )
        if !reserve.isHeld {
            retryAt = maintenanceAt
            showFull()
        }
    }

    /// Upkeep goes on between commits.
    private var isBusy: Bool { compaction.isActive || repairs.isActive || disposal.isActive }

    /// One turn: does one change of topics, takes all that waits (waiting up to `timeout` for the first), commits it, and
    /// looks after retention.
    ///
    /// On `.committed` everything taken is durable, published and its tickets released; while the disk is full that is
    /// everything of the reserved lane.
    package func step(waitUpTo timeout: Duration) -> StepOutcome {
        guard !isPoisoned else { return .failed }
        guard maintainIfDue(), repairDamage(), changeTopics() else { return .failed }
        if let retryAt { return stepWhileFull(until: retryAt, waitUpTo: timeout) }
        switch log.inbox.take(BatchInbox.Lane.all, into: &groups, upTo: isBusy ? .zero : timeout) {
        case .nothing: return tidyUp(isIdle: true) ? .idle : .failed
        case .closed: return .closed
        case .group:
            let outcome = commit(BatchInbox.Lane.all)
            guard outcome == .committed else { return outcome }
            return tidyUp(isIdle: false) ? .committed : .failed
        }
    }

    /// Ends writing: takes no more offers, commits what was accepted, records that all of it was synced. On a full disk
    /// the accepted batches fail. Changes of topics that wait fail. Nothing may be called afterwards.
    package func close() {
        log.inbox.close()
        failChanges()
        drain: while true {
            switch step(waitUpTo: .zero) {
            case .committed, .idle: continue
            case .closed, .failed, .full: break drain
            }
        }
        for lane in BatchInbox.Lane.all { releaseHeld(lane) }
        if !isPoisoned {
            do {
                try recordTold()
                for writer in writers.all { try writer.finish() }
            } catch {
                // Nothing acknowledged depends on it: recovery scans the active segment all the same.
                if !error.isRetriable { poison(error) }
            }
        }
        log.inbox.fail()
        log.setState(.closed)
        log.tail.advance()
    }

    /// For a stop that a full disk holds up: what finds no room now fails, and its lane is closed. Between two steps.
    package func giveUpWhatFindsNoRoom() {
        for lane in BatchInbox.Lane.all where log.inbox.isDiskFull(lane) {
            releaseHeld(lane)
            log.inbox.fail(lane)
        }
    }

    // MARK: - Commit

    private func distribute(_ lanes: [BatchInbox.Lane]) {
        for lane in lanes {
            for item in groups[lane.rawValue].items {
                // The partition was deleted since: the ticket is as the others', and the batch says that it went nowhere.
                guard let writer = writers[item.partition.slot] else {
                    item.batch.discard()
                    continue
                }
                add(item.batch, to: writer)
            }
        }
    }

    private func add(_ batch: SealedBatch, to writer: PartitionWriter) {
        if !writer.isDirty { dirty.append(writer) }
        writer.add(batch)
    }

    private func commit(_ lanes: [BatchInbox.Lane]) -> StepOutcome {
        let started = clock.monotonic()
        var syncTime = Duration.zero
        do {
            distribute(lanes)
            for writer in dirty { try writer.stamp() }
            for lane in lanes { try stampDeferred(lane) }
            // What names the end of others comes when they are durable: a power cut in between must not leave a record
            // that names offsets which are given out again.
            try store(dirty.filter { !naming.contains($0.partition.slot) }, &syncTime)
            try store(dirty.filter { naming.contains($0.partition.slot) }, &syncTime)
        } catch {
            guard error.isRetriable else { return poison(error) }
            return setAside(lanes)
        }
        publish(lanes, started: started, syncTime: syncTime)
        if lanes.contains(.ordinary) { leaveFull() } else { log.inbox.setDiskFull(false, .reserved) }
        for lane in lanes { complete(lane) }
        log.tail.advance()
        return .committed
    }

    private func publish(_ lanes: [BatchInbox.Lane], started: MonotonicInstant, syncTime: Duration) {
        let batches = dirty.reduce(0) { $0 + $1.batchCount }
        let records = dirty.reduce(0) { $0 + $1.recordCount }
        let bytes = dirty.reduce(0) { $0 + $1.pendingBytes }
        for writer in dirty {
            writer.publish()
            published.append((writer.partition, writer.stampedEnd))
        }
        let ended = clock.monotonic()
        log.publish(published) { metrics in
            metrics.commitDuration.add(ended.since(started))
            metrics.syncDuration.add(syncTime)
            metrics.commits &+= 1
            metrics.batches &+= UInt64(batches)
            metrics.records &+= UInt64(records)
            metrics.bytes &+= UInt64(clamping: bytes)
            for lane in lanes { groups[lane.rawValue].addLatencies(to: &metrics.durableLatency, at: ended) }
        }
        built.removeAll(keepingCapacity: true)
        naming.removeAll(keepingCapacity: true)
        dirty.removeAll(keepingCapacity: true)
        published.removeAll(keepingCapacity: true)
    }

    /// Adds what the sync took.
    private func store(_ stamped: [PartitionWriter], _ syncTime: inout Duration) throws(DiskError) {
        // Where every batch was left out there is nothing to write.
        let writers = stamped.filter { $0.batchCount > 0 }
        guard !writers.isEmpty else { return }
        for writer in writers { try writer.write(zeroesAhead: hasRoomForZeros) }
        let written = clock.monotonic()
        try syncing.sync(writers)
        syncTime += clock.monotonic().since(written)
    }

    private func complete(_ lane: BatchInbox.Lane) {
        guard !groups[lane.rawValue].isEmpty else { return }
        let ticket = groups[lane.rawValue].lastTicket
        let memoryBytes = groups[lane.rawValue].memoryBytes
        groups[lane.rawValue].removeAll()
        log.inbox.complete(lane, ticket: ticket, memoryBytes: memoryBytes)
    }

    /// Builds the batches that wanted to know where this commit ends: anew where it is tried again, because it may end
    /// elsewhere then.
    private func stampDeferred(_ lane: BatchInbox.Lane) throws(DiskError) {
        for deferred in groups[lane.rawValue].deferred {
            guard let writer = writers[deferred.partition.slot] else { continue }
            let batch = deferred.build(writers.stampedEnds)
            built.append(batch)
            naming.insert(deferred.partition.slot)
            add(batch, to: writer)
            // Nothing is written yet, so stamping the partition again only adds the new batch.
            try writer.stamp()
        }
    }

    /// The sticky end of writing: no file is touched again, nobody waits in vain.
    @discardableResult
    private func poison(_ error: DiskError) -> StepOutcome {
        isPoisoned = true
        for writer in dirty { writer.clearPending() }
        dirty.removeAll()
        for lane in BatchInbox.Lane.all { releaseHeld(lane) }
        log.setState(.poisoned(LogError(error)))
        log.inbox.fail()
        failChanges()
        log.tail.advance()
        return .failed
    }

    /// Lets go of what was taken and will never be durable.
    private func releaseHeld(_ lane: BatchInbox.Lane) {
        for item in groups[lane.rawValue].items { item.batch.release() }
        groups[lane.rawValue].removeAll()
    }

    // MARK: - Changes of topics

    /// The oldest change that waits; false where the disk failed.
    private func changeTopics() -> Bool {
        guard let waiting = log.inbox.takeChange() else { return true }
        do {
            try changer.perform(waiting.change, hasRoom: retryAt == nil)
        } catch {
            let failure = error.underlying.flatMap { $0.isRetriable ? nil : $0 }
            if let failure { poison(failure) }
            waiting.completion(.failure(error))
            return failure == nil
        }
        log.tail.advance()
        waiting.completion(.success(()))
        return true
    }

    /// What waits will not be done. After the inbox was closed.
    private func failChanges() {
        while let waiting = log.inbox.takeChange() {
            waiting.completion(.failure(LogError(.closed, "the log was closed before the change")))
        }
    }

    // MARK: - A full disk

    /// Alerts and ticks go on from the reserve; everything else is tried again when it is time.
    private func stepWhileFull(until due: MonotonicInstant, waitUpTo timeout: Duration) -> StepOutcome {
        let now = clock.monotonic()
        if now < due {
            let pause = min(timeout, due.since(now))
            if !groups[BatchInbox.Lane.reserved.rawValue].isEmpty {
                log.inbox.pause(upTo: pause)
            } else if log.inbox.take([.reserved], into: &groups, upTo: pause) == .group {
                return commit([.reserved])
            }
            guard clock.monotonic() >= due else { return .full }
        }
        let waiting = groups.reduce(0) { $0 + $1.byteCount }
        guard makeRoom(for: waiting) else { return .failed }
        do {
            guard try reserve.take(leaving: waiting) else {
                noteFull()
                return commitReserved()
            }
        } catch {
            return poison(error)
        }
        let idle = BatchInbox.Lane.all.filter { groups[$0.rawValue].isEmpty }
        if !idle.isEmpty { _ = log.inbox.take(idle, into: &groups, upTo: .zero) }
        guard groups.contains(where: { !$0.isEmpty }) else {
            leaveFull()
            return .idle
        }
        return commit(BatchInbox.Lane.all)
    }

    /// A commit met the end of the disk: it is undone, the reserve given up, and what may use it is tried alone.
    private func setAside(_ lanes: [BatchInbox.Lane]) -> StepOutcome {
        do {
            for writer in dirty { try writer.undo() }
            dirty.removeAll(keepingCapacity: true)
            for batch in built { batch.release() }
            built.removeAll(keepingCapacity: true)
            naming.removeAll(keepingCapacity: true)
            if lanes.contains(.ordinary) { try reserve.giveUp() }
        } catch {
            return poison(error)
        }
        if lanes.contains(.ordinary) {
            noteFull()
            return commitReserved()
        }
        log.inbox.setDiskFull(true, .reserved)
        return .full
    }

    /// Always `.full`, or worse: the ordinary lane still waits.
    private func commitReserved() -> StepOutcome {
        guard !groups[BatchInbox.Lane.reserved.rawValue].isEmpty else { return .full }
        return commit([.reserved]) == .failed ? .failed : .full
    }

    /// Once per attempt that found the disk full.
    private func noteFull() {
        retryAt = clock.monotonic().advanced(by: Limits.fullRetryInterval)
        showFull()
        log.note { $0.fullAttempts &+= 1 }
    }

    private func showFull() {
        log.setState(.full)
        log.inbox.setDiskFull(true, .ordinary)
    }

    private func leaveFull() {
        guard retryAt != nil else { return }
        retryAt = nil
        log.setState(.serving)
        for lane in BatchInbox.Lane.all { log.inbox.setDiskFull(false, lane) }
    }

    // MARK: - Upkeep

    /// Retention, recovery points and free space, on their cadence; false where the disk failed.
    private func maintainIfDue() -> Bool {
        let now = clock.monotonic()
        guard now >= min(maintenanceAt, spaceAt) else { return true }
        let isWhole = now >= maintenanceAt
        spaceAt = now.advanced(by: Limits.spaceInterval)
        if isWhole {
            maintenanceAt = now.advanced(by: Limits.maintenanceInterval)
            log.pool.trim()
        }
        let ageRetention = retention.look(at: clock, log.partitions)
        log.note { $0.ageRetention = ageRetention }
        // While a commit waits for space, making room is done elsewhere.
        guard retryAt == nil else { return true }
        do {
            try recordTold()
            try lookAfterSpace(isDue: isWhole)
            if isWhole {
                try compaction.consider(at: now)
                for writer in writers.all {
                    try writer.writeRecoveryPoint()
                    writer.expireProducers(at: retention.now(clock))
                }
            }
            return true
        } catch {
            guard error.isRetriable else { return poison(error) != .failed }
            return true
        }
    }

    private func recordTold() throws(DiskError) {
        let told = Dictionary(grouping: log.damage.takeTold(), by: \.topicPartition)
        for (topicPartition, gaps) in told {
            guard let writer = writers[topicPartition] else { continue }
            try writer.journal.append(gaps.map { .gapTold(from: $0.gap.from, to: $0.gap.to) })
        }
    }

    /// A slice of compaction, and of what is left of deleted topics; false where the disk failed.
    private func tidyUp(isIdle: Bool) -> Bool {
        do {
            try compaction.slice(at: clock.monotonic(), isIdle: isIdle)
            try disposal.slice(at: clock.monotonic(), isIdle: isIdle)
            return true
        } catch {
            return poison(error) != .failed
        }
    }

    /// Applies retention where it is due or the free space is below `keep_free`: then the oldest data goes, out of the
    /// active segment too. Where there is next to no space, the reserve is given up before a commit finds out, because
    /// the registry and others need it.
    private func lookAfterSpace(isDue: Bool) throws(DiskError) {
        let directory = log.configuration.directory
        var space = try log.disk.space(at: directory)
        if disposal.isActive, space.free < max(retention.bytesKeptFree(of: space), Limits.lowSpaceBytes) {
            try disposal.finish()
            space = try log.disk.space(at: directory)
        }
        log.note { [free = space.free] in $0.freeBytes = free }
        hasRoomForZeros = space.free >= Limits.zeroTailSpaceMin
        let isLow = space.free < retention.bytesKeptFree(of: space)
        if isLow { try rollWhereNothingIsSealed(bytesMin: ByteCount(Limits.segmentBytesMin)) }
        if isDue || isLow { try applyRetention(wantedBytes: 0) }
        guard log.configuration.reserveBytesMax > ByteCount(0),
            try log.disk.space(at: directory).free < Limits.lowSpaceBytes
        else { return }
        try reserve.giveUp()
        noteFull()
    }

    /// A slice of the repair of a segment in which damage was met; false where the disk failed.
    private func repairDamage() -> Bool {
        do {
            guard retryAt == nil else {
                try repairs.abandon()
                return true
            }
            let slice = try repairs.slice(at: clock.monotonic(), isIdle: log.inbox.writerIsIdle)
            guard let repair = slice else { return true }
            log.damage.add(repair)
            log.note { metrics in
                metrics.repairedSegments &+= 1
                for gap in repair.gaps { metrics.lostOffsets &+= UInt64(max(0, gap.to - gap.from)) }
            }
            log.tail.advance()
            return true
        } catch {
            return poison(error) != .failed
        }
    }

    /// Before a full disk is tried again: deletes the oldest segment of a topic that allows it, the active one where there
    /// is no other. False where the disk failed.
    private func makeRoom(for waiting: Int64) -> Bool {
        do {
            // What nobody wants any more comes before what somebody does; where it is not enough, the next attempt goes on.
            guard !disposal.isActive else {
                try disposal.finish()
                return true
            }
            try rollWhereNothingIsSealed(bytesMin: ByteCount(1))
            let space = try log.disk.space(at: log.configuration.directory)
            try applyRetention(wantedBytes: max(1, waiting + reserve.missingBytes(of: space)))
            return true
        } catch {
            guard error.isRetriable else { return poison(error) != .failed }
            return true
        }
    }

    /// Closes the oldest active segment that may go and holds at least `bytesMin`, unless a sealed one may: only those can
    /// be deleted.
    private func rollWhereNothingIsSealed(bytesMin: ByteCount) throws(DiskError) {
        let droppable = writers.all.filter { $0.partition.configuration.dropsOldest }
        guard droppable.allSatisfy({ $0.partition.segmentCount == 1 }) else { return }
        let age = { (writer: PartitionWriter) in writer.partition.segments.last?.extent.firstAppend?.timestamp }
        let filled = droppable.filter { $0.partition.sizeBytes >= bytesMin }
        let oldest = filled.min { (age($0)?.milliseconds ?? .min) < (age($1)?.milliseconds ?? .min) }
        try oldest?.roll(makesRoom: true)
    }

    private func applyRetention(wantedBytes: Int64) throws(DiskError) {
        let space = try log.disk.space(at: log.configuration.directory)
        log.note { $0.freeBytes = space.free }
        let now = retention.now(clock)
        if wantedBytes == 0 {
            for writer in writers.all where retention.wantsRoll(writer.partition, now: now) { try writer.roll() }
        }
        let starts = retention.logStarts(
            of: log.partitions,
            now: now,
            space: space,
            wantedBytes: wantedBytes
        )
        var deleted: UInt64 = 0
        for writer in writers.all {
            guard let start = starts[writer.partition.slot] else { continue }
            let before = writer.partition.segmentCount
            try writer.delete(below: start, atOnce: space.free < max(wantedBytes, retention.bytesKeptFree(of: space)))
            deleted &+= UInt64(before - writer.partition.segmentCount)
        }
        log.note { $0.deletedSegments &+= deleted }
    }
}
