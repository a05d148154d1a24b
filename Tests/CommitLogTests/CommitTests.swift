// Group commit: order, visibility, tickets, deferred batches, and what a failing disk does to them.
import CommitLog
import Platform
import Synchronization
import Testing

@Suite("Commit")
struct CommitTests {
    @Test("what is offered together becomes durable and visible together, in order")
    func group() throws {
        let directory = try TemporaryDirectory()
        let fixture = try LogFixture(directory.path, topics: [.readings: .init(), .alerts: .init()])
        let alerts = TopicPartition(topic: .alerts, partition: .zero)
        let first = fixture.batch(["a", "b"])
        let second = fixture.batch(["alert"])
        let third = fixture.batch(["c"])
        let readings = try fixture.partition()
        let offered = fixture.log.inbox.offer([
            (readings, first), (try fixture.partition(alerts), second), (readings, third),
        ])
        guard case .accepted(let ticket) = offered else { throw FixtureError.refused }
        #expect(fixture.log.inbox.outcome(of: ticket) == .pending)
        #expect(fixture.log.inbox.wait(for: ticket, timeout: .zero) == .pending)
        #expect(!fixture.log.inbox.writerIsIdle)
        #expect(readings.logEndOffset == .zero)
        let before = fixture.log.snapshot()
        let generation = fixture.log.tail.generation
        #expect(fixture.writer.step(waitUpTo: .zero) == .committed)
        #expect(fixture.log.inbox.wait(for: ticket, timeout: .zero) == .durable)
        #expect(fixture.log.inbox.writerIsIdle)
        #expect(fixture.log.tail.wait(after: generation, timeout: .zero) == generation + 1)
        #expect([first, second, third].map(\.baseOffset) == [Offset(0), Offset(0), Offset(2)])
        let after = fixture.log.snapshot()
        #expect(before.highWatermark(of: readings) == .zero)
        #expect(after.highWatermark(of: readings) == Offset(3))
        #expect(after.generation == before.generation + 1)
        #expect(try fixture.values() == ["a", "b", "c"])
        #expect(try fixture.values(alerts) == ["alert"])
        #expect(fixture.log.inbox.waitingBytes == 0)
        let metrics = fixture.log.metrics
        #expect(metrics.commits == 1 && metrics.records == 4 && metrics.batches == 3)
        #expect(metrics.commitDuration.counts.reduce(0, +) == 1)
        #expect(
            metrics.bytes == UInt64(try fixture.partition().sizeBytes.value + fixture.partition(alerts).sizeBytes.value)
        )
    }

    @Test("a reader never sees beyond the snapshot it holds")
    func snapshotLimitsReads() throws {
        let directory = try TemporaryDirectory()
        let fixture = try LogFixture(directory.path)
        try fixture.append(["a"])
        let held = fixture.log.snapshot()
        try fixture.append(["b"])
        let partition = try fixture.partition()
        let reader = LogReader(log: fixture.log)
        var buffer = ReadBuffer()
        let limit = held.highWatermark(of: partition)
        let size = try reader.read(partition, from: .zero, upTo: limit, maxBytes: 1, into: &buffer).byteCount
        // Too large a batch, which must not pass: nothing, and nothing lost.
        for maxBytes in [1, 60] {
            let none = try reader.read(
                partition,
                from: .zero,
                upTo: limit,
                maxBytes: maxBytes,
                mayPass: false,
                into: &buffer
            )
            #expect(none.isEmpty && none.nextOffset == .zero && none.nextByteCount == size)
        }
        let first = try reader.read(partition, from: .zero, upTo: limit, maxBytes: 4096, into: &buffer)
        // Beyond the snapshot nothing is known.
        #expect(first.nextOffset == Offset(1) && first.nextByteCount == nil)
        let firstOfTwo = try reader.read(partition, from: .zero, upTo: Offset(2), maxBytes: 2 * size - 1, into: &buffer)
        #expect(firstOfTwo.nextOffset == Offset(1) && firstOfTwo.nextByteCount == size)
        let second = try reader.read(partition, from: Offset(1), upTo: limit, maxBytes: 4096, into: &buffer)
        #expect(second.isEmpty && buffer.isEmpty)
        let third = try reader.read(partition, from: Offset(1), upTo: Offset(99), maxBytes: 4096, into: &buffer)
        #expect(third.nextOffset == Offset(2))
    }

    /// The tick of `system`: its value is the end of `readings` that its own commit gives.
    @Test("a deferred batch names where its own commit ends, whatever was offered around it")
    func deferred() throws {
        let directory = try TemporaryDirectory()
        let fixture = try LogFixture(directory.path, topics: [.readings: .init(), .system: .init()])
        let log = fixture.log
        let readings = try fixture.partition()
        let system = try fixture.partition(LogFixture.system)
        let tick: @Sendable (CommitEnds) -> SealedBatch = { ends in
            let builder = BatchBuilder(pool: log.pool)
            let end = ends.end(of: LogFixture.readings) ?? Offset(-1)
            let appended = builder.add(timestamp: 1, key: nil, value: "\(end)")
            precondition(appended)
            return builder.seal(compression: .none)
        }
        _ = log.inbox.offer(fixture.batch(["a", "b"]), to: readings)
        _ = log.inbox.offerDeferred(to: system, tick)
        _ = log.inbox.offer(fixture.batch(["c"]), to: readings)
        #expect(fixture.writer.step(waitUpTo: .zero) == .committed)
        _ = log.inbox.offerDeferred(to: system, tick)
        _ = log.inbox.offer(fixture.batch(["start"]), to: system)
        #expect(fixture.writer.step(waitUpTo: .zero) == .committed)
        #expect(try fixture.values(LogFixture.system) == ["3", "start", "3"])
        let snapshot = log.snapshot()
        #expect(snapshot.highWatermark(of: readings) == Offset(3))
    }

    /// With a second thread taking snapshots all the time: a visible tick never names readings that are not visible,
    /// and readings of its commit are never visible without it.
    @Test("a tick and the readings below its offsets become visible at once")
    func tickIsAtomic() throws {
        let directory = try TemporaryDirectory()
        let fixture = try LogFixture(directory.path, topics: [.readings: .init(), .system: .init()])
        let log = fixture.log
        let readings = try fixture.partition()
        let system = try fixture.partition(LogFixture.system)
        let stop = Atomic<Bool>(false)
        let violations = Atomic<Int>(0)
        let observations = Atomic<Int>(0)
        // Every commit brings two readings and one tick, so a consistent cut holds twice as many readings as ticks.
        let observer = PlatformThread(name: "observer") { [log, readings, system] in
            while !stop.load(ordering: .relaxed) {
                let snapshot = log.snapshot()
                let ticks = snapshot.highWatermark(of: system).value
                if snapshot.highWatermark(of: readings).value != 2 * ticks { violations.add(1, ordering: .relaxed) }
                observations.add(1, ordering: .relaxed)
            }
        }
        for _ in 0..<200 {
            _ = log.inbox.offerDeferred(to: system) { ends in
                let builder = BatchBuilder(pool: log.pool)
                let end = ends.end(of: LogFixture.readings) ?? .zero
                let appended = builder.add(timestamp: 1, key: nil, value: "\(end)")
                precondition(appended)
                return builder.seal(compression: .none)
            }
            _ = log.inbox.offer(fixture.batch(["a", "b"]), to: readings)
            #expect(fixture.writer.step(waitUpTo: .zero) == .committed)
        }
        stop.store(true, ordering: .relaxed)
        observer.join()
        #expect(observations.load(ordering: .relaxed) > 0)
        #expect(violations.load(ordering: .relaxed) == 0)
        #expect(try fixture.values(LogFixture.system) == (1...200).map { "\($0 * 2)" })
    }

    @Test("the inbox refuses what would pass its bound, and takes it when there is room")
    func inboxIsBounded() throws {
        let directory = try TemporaryDirectory()
        let fixture = try LogFixture(directory.path, inboxBytesMax: 10_000)
        let partition = try fixture.partition()
        guard case .accepted = fixture.log.inbox.offer(fixture.batch(["a"]), to: partition),
            case .accepted = fixture.log.inbox.offer(fixture.batch(["b"]), to: partition)
        else { throw FixtureError.refused }
        let third = fixture.batch(["c"])
        #expect(fixture.log.inbox.offer(third, to: partition) == .full)
        #expect(fixture.writer.step(waitUpTo: .zero) == .committed)
        guard case .accepted = fixture.log.inbox.offer(third, to: partition) else { throw FixtureError.refused }
        #expect(fixture.writer.step(waitUpTo: .zero) == .committed)
        #expect(try fixture.values() == ["a", "b", "c"])
    }

    @Test("closing commits what was accepted and refuses the rest")
    func close() throws {
        let directory = try TemporaryDirectory()
        let fixture = try LogFixture(directory.path)
        let partition = try fixture.partition()
        guard case .accepted(let ticket) = fixture.log.inbox.offer(fixture.batch(["a"]), to: partition) else {
            throw FixtureError.refused
        }
        fixture.writer.close()
        #expect(fixture.log.inbox.outcome(of: ticket) == .durable)
        #expect(fixture.log.inbox.offer(fixture.batch(["b"]), to: partition) == .closed)
        guard case .closed = fixture.log.state else {
            Issue.record("not closed")
            return
        }
        #expect(try LogFixture(directory.path).values() == ["a"])
    }

    @Test("listeners are called once per commit until they are removed")
    func listeners() throws {
        let directory = try TemporaryDirectory()
        let fixture = try LogFixture(directory.path)
        let calls = Atomic<Int>(0)
        let id = fixture.log.tail.addListener { calls.add(1, ordering: .relaxed) }
        try fixture.append(["a"])
        try fixture.append(["b"])
        fixture.log.tail.removeListener(id)
        try fixture.append(["c"])
        #expect(calls.load(ordering: .relaxed) == 2)
    }

    @Test("a failed sync poisons the log: nothing acknowledged, nothing shown, nothing tried again")
    func poisonedBySync() throws {
        let directory = try TemporaryDirectory()
        let disk = FaultyDisk()
        let fixture = try LogFixture(directory.path, disk: disk)
        try fixture.append(["kept"])
        disk.plan.withLock { $0.failingSyncs = ".log" }
        let partition = try fixture.partition()
        guard case .accepted(let ticket) = fixture.log.inbox.offer(fixture.batch(["lost"]), to: partition) else {
            throw FixtureError.refused
        }
        #expect(fixture.writer.step(waitUpTo: .zero) == .failed)
        #expect(fixture.log.inbox.wait(for: ticket, timeout: .seconds(60)) == .failed)
        #expect(fixture.log.inbox.offer(fixture.batch(["more"]), to: partition) == .closed)
        #expect(partition.logEndOffset == Offset(1))
        guard case .poisoned(let error) = fixture.log.state else {
            Issue.record("not poisoned")
            return
        }
        #expect(error.underlying?.operation == .sync)
        #expect(error.underlying?.path.hasSuffix("00000000000000000000.log") == true)
        disk.plan.withLock { $0.failingSyncs = nil }
        #expect(fixture.writer.step(waitUpTo: .zero) == .failed)
        fixture.writer.close()
        guard case .poisoned = fixture.log.state else {
            Issue.record("poison was forgotten")
            return
        }
        #expect(disk.plan.withLock { $0.writesAfterFailure } == 0)
        #expect(try fixture.values() == ["kept"])
    }

    /// Whether a commit whose sync failed was acknowledged or shown.
    private func acknowledgesAfterFailedSync(hidden: Bool) throws -> Bool {
        let directory = try TemporaryDirectory()
        let disk = FaultyDisk()
        let fixture = try LogFixture(directory.path, disk: disk)
        disk.plan.withLock { plan in
            plan.failingSyncs = ".log"
            plan.hidesFailedSyncs = hidden
        }
        let partition = try fixture.partition()
        guard case .accepted(let ticket) = fixture.log.inbox.offer(fixture.batch(["lost"]), to: partition) else {
            throw FixtureError.refused
        }
        _ = fixture.writer.step(waitUpTo: .zero)
        #expect(disk.plan.withLock { $0.hasFailed })
        return fixture.log.inbox.outcome(of: ticket) == .durable || partition.logEndOffset > .zero
    }

    @Test("a commit whose sync failed is never acknowledged; a log that did not notice the failure would be caught")
    func failedSyncTwin() throws {
        #expect(try !acknowledgesAfterFailedSync(hidden: false))
        // The planted bug: the failure is taken for success.
        #expect(try acknowledgesAfterFailedSync(hidden: true))
    }

    @Test("one of several dirty files that fails to sync fails the whole commit")
    func poisonedSideBySide() throws {
        let directory = try TemporaryDirectory()
        let disk = FaultyDisk()
        let fixture = try LogFixture(directory.path, disk: disk, topics: [.readings: .init(partitions: 4)])
        func name(_ number: Int32) -> TopicPartition {
            TopicPartition(topic: .readings, partition: PartitionIndex(number))
        }
        func offerAll() throws -> OfferResult {
            fixture.log.inbox.offer(try (0..<4).map { (try fixture.partition(name($0)), fixture.batch(["v\($0)"])) })
        }
        disk.plan.withLock { $0.syncs.removeAll() }
        _ = try offerAll()
        #expect(fixture.writer.step(waitUpTo: .zero) == .committed)
        for number in Int32(0)..<4 { #expect(try fixture.values(name(number)) == ["v\(number)"]) }
        let synced = Set(disk.plan.withLock { $0.syncs }.filter { $0.hasSuffix(".log") })
        #expect(synced.count == 4)
        disk.plan.withLock { $0.failingSyncs = "readings-2/00000000000000000000.log" }
        _ = try offerAll()
        #expect(fixture.writer.step(waitUpTo: .zero) == .failed)
        for number in Int32(0)..<4 { #expect(try fixture.partition(name(number)).logEndOffset == Offset(1)) }
    }

    @Test("a failed write poisons too")
    func poisonedByWrite() throws {
        let directory = try TemporaryDirectory()
        let disk = FaultyDisk()
        let fixture = try LogFixture(directory.path, disk: disk)
        disk.plan.withLock { $0.failingWrites = ".log" }
        guard case .accepted(let ticket) = fixture.log.inbox.offer(fixture.batch(["a"]), to: try fixture.partition())
        else {
            throw FixtureError.refused
        }
        #expect(fixture.writer.step(waitUpTo: .zero) == .failed)
        #expect(fixture.log.inbox.outcome(of: ticket) == .failed)
    }

    @Test("a full disk is a state: torn bytes undone, batches kept, readers served, then it goes on by itself")
    func fullDisk() throws {
        let directory = try TemporaryDirectory()
        let disk = FaultyDisk.withoutZeros
        let fixture = try LogFixture(directory.path, disk: disk, topics: [.readings: .init()])
        try fixture.append(["before"])
        let path = try #require(fixture.partition().describeSegments().first?.path)
        let size = try contents(of: path).count
        disk.plan.withLock { $0.bytesLeft = 30 }
        guard
            case .accepted(let ticket) = fixture.log.inbox.offer(fixture.batch(["during"]), to: try fixture.partition())
        else {
            throw FixtureError.refused
        }
        #expect(fixture.writer.step(waitUpTo: .zero) == .full)
        guard case .full = fixture.log.state else {
            Issue.record("not full")
            return
        }
        #expect(try contents(of: path).count == size)
        #expect(try fixture.values() == ["before"])
        #expect(fixture.log.inbox.offer(fixture.batch(["x"]), to: try fixture.partition()) == .full)
        // Not due yet, then due and still full, then with room.
        #expect(fixture.writer.step(waitUpTo: .zero) == .full)
        #expect(fixture.log.metrics.fullAttempts == 1)
        fixture.clock.advance(Limits.fullRetryInterval)
        #expect(fixture.writer.step(waitUpTo: .zero) == .full)
        #expect(fixture.log.metrics.fullAttempts == 2)
        #expect(fixture.log.inbox.outcome(of: ticket) == .pending)
        disk.plan.withLock { $0.bytesLeft = nil }
        fixture.clock.advance(Limits.fullRetryInterval)
        #expect(fixture.writer.step(waitUpTo: .zero) == .committed)
        #expect(fixture.log.inbox.outcome(of: ticket) == .durable)
        guard case .serving = fixture.log.state else {
            Issue.record("not serving again")
            return
        }
        try fixture.append(["after"])
        #expect(try fixture.values() == ["before", "during", "after"])
        #expect(try LogFixture(directory.path, topics: [:]).values() == ["before", "during", "after"])
    }

    @Test("readers on other threads see contiguous offsets while the log is written and rolled")
    func concurrentReaders() throws {
        let directory = try TemporaryDirectory()
        let fixture = try LogFixture(directory.path, segmentBytes: 4000)
        let log = fixture.log
        let partition = try fixture.partition()
        let total: Int64 = 3000
        let followers = [Follower(log, partition, total), Follower(log, partition, total)]
        var readers: [PlatformThread] = []
        for follower in followers { readers.append(PlatformThread(name: "reader") { follower.run() }) }
        var at: Int64 = 0
        while at < total {
            let count = min(total - at, 1 + at % 7)
            try fixture.append((at..<at + count).map { "v\($0)" }, compression: at % 2 == 0 ? .none : .lz4)
            at += count
        }
        for reader in readers { reader.join() }
        for follower in followers { #expect(follower.failures.withLock { $0 } == []) }
        #expect(partition.segmentCount > 5)
    }
}

/// Follows a partition on its own thread until it has seen `total` records, and notes what is not as it should be.
private final class Follower: Sendable {
    let failures = Mutex<[String]>([])
    private let log: CommitLog
    private let partition: Partition
    private let total: Int64

    init(_ log: CommitLog, _ partition: Partition, _ total: Int64) {
        self.log = log
        self.partition = partition
        self.total = total
    }

    func run() {
        let reader = LogReader(log: log)
        let decoder = RecordDecoder()
        var buffer = ReadBuffer()
        var next = Offset.zero
        var generation: UInt64 = 0
        do {
            while next.value < total {
                let limit = log.snapshot().highWatermark(of: partition)
                if next == limit {
                    generation = log.tail.wait(after: generation, timeout: .seconds(60))
                    continue
                }
                let result = try reader.read(partition, from: next, upTo: limit, maxBytes: 700, into: &buffer)
                var batches = buffer.batches
                while let batch = batches.next() {
                    var cursor = try decoder.open(batch)
                    while let record = try cursor.next() {
                        let value = record.value.map { String(decoding: $0, as: UTF8.self) }
                        if record.offset != next || value != "v\(next)" {
                            note("\(next): \(record.offset) \(value ?? "nil")")
                        }
                        next = next + 1
                    }
                }
                if result.nextOffset != next { note("next \(result.nextOffset) is not \(next)") }
            }
        } catch {
            note("\(error)")
        }
    }

    private func note(_ failure: String) {
        failures.withLock { $0.append(failure) }
    }
}
