// Topics that are created, altered and deleted while the log is open: who sees what, what is refused, what stays.
import CommitLog
import Glibc
import Platform
import Synchronization
import Testing

@Suite("Topics that come and go")
struct TopicChangeTests {
    @Test("a topic that was created takes and gives records at once, and is the same after restarts")
    func create() throws {
        let directory = try TemporaryDirectory()
        let id = UniqueIdentifier.random()
        let settings = TopicConfiguration(
            partitions: 3,
            retention: .seconds(60),
            compression: .lz4,
            segmentBytes: ByteCount(5000)
        )
        do {
            let fixture = try LogFixture(directory.path)
            try fixture.append(["before"])
            let epoch = fixture.log.topicsEpoch
            #expect(fixture.topic() == nil && fixture.log.partition(.orders(0)) == nil)
            #expect(fixture.create(.orders, settings, id: id) == .done)
            #expect(fixture.log.topicsEpoch != epoch)
            #expect(fixture.log.topics.map(\.name) == [.orders, .readings])
            let topic = try #require(fixture.topic())
            #expect(topic.id == id && topic.configuration == settings && !topic.isConfigured)
            #expect(topic.partitions.map(\.topicPartition) == (0..<3).map { .orders($0) })
            #expect(fixture.log.partitions.map(\.topicPartition) == (0..<3).map { .orders($0) } + [LogFixture.readings])
            #expect(topic.partitions.allSatisfy { $0.topicID == id })
            for number in Int32(0)..<3 {
                #expect(try fixture.append(["a\(number)", "b"], to: .orders(number)) == .zero)
                #expect(try fixture.append(["c"], to: .orders(number)) == Offset(2))
                #expect(try fixture.values(.orders(number)) == ["a\(number)", "b", "c"])
            }
            try fixture.append(["after"])
            #expect(try logNames(directory) == ["orders-0", "orders-1", "orders-2", "readings-0"])
        }
        for _ in 0..<2 {
            let fixture = try LogFixture(directory.path)
            let topic = try #require(fixture.topic())
            #expect(topic.id == id && topic.configuration == settings && !topic.isConfigured)
            #expect(!fixture.log.recoveryReport.foundLoss)
            for number in Int32(0)..<3 { #expect(try fixture.values(.orders(number)) == ["a\(number)", "b", "c"]) }
            #expect(try fixture.values() == ["before", "after"])
            #expect(try !LogVerify.run(fixture.log).hasUnknownDamage)
        }
    }

    @Test("a deleted topic is out of sight at once, its files go, and one of the same name is another")
    func delete() throws {
        let directory = try TemporaryDirectory()
        let fixture = try LogFixture(directory.path, segmentBytes: 100)
        fixture.create(.orders, .init(partitions: 2))
        let first = try #require(fixture.topic())
        for value in ["a", "b", "c"] { try fixture.append([value], to: .orders(1)) }
        let reader = LogReader(log: fixture.log)
        var buffer = ReadBuffer()
        let old = try fixture.partition(.orders(1))
        _ = try reader.read(old, from: .zero, upTo: Offset(3), maxBytes: 1, into: &buffer)
        let generation = fixture.log.tail.generation
        #expect(fixture.change(.delete(.orders)) == .done)
        #expect(fixture.log.tail.generation > generation)
        #expect(fixture.topic() == nil && fixture.log.partition(.orders(1)) == nil && old.isDeleted)
        #expect(fixture.log.partitions.map(\.topicPartition) == [LogFixture.readings])
        for offset in [Offset(0), Offset(1), Offset(99)] {
            let error = #expect(throws: LogError.self) {
                try reader.read(old, from: offset, upTo: Offset(3), maxBytes: 100, into: &buffer)
            }
            #expect(error?.code == .unknownPartition)
        }
        let id = UniqueIdentifier.random()
        #expect(fixture.create(id: id) == .done)
        let again = try #require(fixture.topic())
        #expect(again.id == id && id != first.id && again.partitions.count == 1)
        #expect(Set((first.partitions + again.partitions).map(\.slot)).count == 3)
        #expect(try fixture.append(["new"], to: .orders(0)) == .zero)
        #expect(old.isDeleted && fixture.log.snapshot().highWatermark(of: old) == .zero)
        fixture.settle()
        #expect(try logNames(directory) == ["orders-0", "readings-0"])
        try fixture.append(["kept"])
        let reopened = try LogFixture(directory.path)
        #expect(try reopened.values(.orders(0)) == ["new"])
        #expect(reopened.topic()?.id == id)
        #expect(try reopened.values() == ["kept"])
    }

    /// Files below `directory` that this process holds open, by the ends of their paths.
    private func openFiles(below directory: TemporaryDirectory) throws -> [String] {
        try PosixDisk().list("/proc/self/fd").compactMap { name in
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = readlink("/proc/self/fd/\(name)", &buffer, buffer.count)
            let path = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
            return path.hasPrefix(directory.path + "/log/") ? path : nil
        }
    }

    @Test("nobody keeps files of a deleted topic open: not the writer, and no reader that goes on with others")
    func descriptors() throws {
        let directory = try TemporaryDirectory()
        let fixture = try LogFixture(directory.path, segmentBytes: 100)
        fixture.create()
        for value in ["a", "b", "c"] { try fixture.append([value], to: .orders(0)) }
        try fixture.append(["kept"])
        let reader = LogReader(log: fixture.log)
        var buffer = ReadBuffer()
        let orders = try fixture.partition(.orders(0))
        _ = try reader.read(orders, from: .zero, upTo: Offset(3), maxBytes: 1, into: &buffer)
        let held = try openFiles(below: directory).filter { $0.contains("/orders-0/") }
        // The journal and the active segment of the writer, and what the reader has read.
        #expect(held.count == 3)
        fixture.change(.delete(.orders))
        fixture.settle()
        _ = try reader.read(try fixture.partition(), from: .zero, upTo: Offset(1), maxBytes: 1, into: &buffer)
        #expect(try openFiles(below: directory).allSatisfy { $0.contains("/readings-0/") })
        withExtendedLifetime(reader) {}
    }

    @Test("batches for a topic that is deleted before their commit are answered, say so, and hold nobody up")
    func offersToDeleted() throws {
        let directory = try TemporaryDirectory()
        let fixture = try LogFixture(directory.path, topics: [.readings: .init(), .system: .init()])
        fixture.create()
        let orders = try fixture.partition(.orders(0))
        let (kept, lost, late) = (fixture.batch(["kept"]), fixture.batch(["lost"]), fixture.batch(["late"]))
        let inbox = fixture.log.inbox
        let together = inbox.offer([(orders, lost), (try fixture.partition(), kept)])
        let wasBuilt = Mutex(false)
        let deferred = inbox.offerDeferred(to: orders) { [log = fixture.log] _ in
            wasBuilt.withLock { $0 = true }
            let builder = BatchBuilder(pool: log.pool)
            let isAdded = builder.add(timestamp: 1, key: nil, value: "tick")
            precondition(isAdded)
            return builder.seal(compression: .none)
        }
        guard case .accepted(let first) = together, case .accepted(let second) = deferred else {
            throw FixtureError.refused
        }
        let deleted = fixture.log.ask(.delete(.orders))
        #expect(fixture.writer.step(waitUpTo: .zero) == .committed)
        #expect(deleted.outcome == .done)
        #expect(inbox.outcome(of: first) == .durable && inbox.outcome(of: second) == .durable)
        #expect(kept.baseOffset == .zero && lost.baseOffset == nil && !wasBuilt.withLock { $0 })
        guard case .accepted(let third) = inbox.offer(late, to: orders) else { throw FixtureError.refused }
        #expect(fixture.writer.step(waitUpTo: .zero) == .committed)
        #expect(inbox.outcome(of: third) == .durable && late.baseOffset == nil)
        #expect(inbox.waitingBytes == 0)
        guard case .serving = fixture.log.state else {
            Issue.record("not serving")
            return
        }
        #expect(try fixture.values() == ["kept"])
    }

    @Test("what is altered is in force at once and after a restart, and partitions only grow")
    func alter() throws {
        let directory = try TemporaryDirectory()
        let clock = ManualClock()
        var settings = TopicConfiguration(partitions: 2, segmentBytes: ByteCount(100))
        let id = UniqueIdentifier.random()
        do {
            let fixture = try LogFixture(directory.path, clock: clock)
            fixture.create(.orders, settings, id: id)
            for number in 0..<6 { try fixture.append(["value \(number)"], to: .orders(0)) }
            let orders = try fixture.partition(.orders(0))
            let segments = orders.segmentCount
            #expect(segments > 3)
            let epoch = fixture.log.topicsEpoch
            settings.retentionBytes = ByteCount(1)
            settings.segmentBytes = ByteCount(1 << 20)
            #expect(fixture.change(.alter(.orders, to: settings)) == .done)
            #expect(fixture.log.topicsEpoch != epoch)
            #expect(fixture.topic()?.configuration == settings && orders.configuration.retentionBytes == ByteCount(1))
            clock.advance(.seconds(60))
            _ = fixture.writer.step(waitUpTo: .zero)
            #expect(orders.segmentCount == 1 && orders.logStartOffset == Offset(5))
            for number in 6..<20 { try fixture.append(["value \(number)"], to: .orders(0)) }
            #expect(orders.segmentCount == 1)
            settings.partitions = 4
            settings.compression = .zstd
            #expect(fixture.change(.alter(.orders, to: settings)) == .done)
            #expect(fixture.topic()?.configuration == settings)
            #expect(fixture.topic()?.partitions.map(\.topicID) == [id, id, id, id])
            #expect(try fixture.append(["grown"], to: .orders(3)) == .zero)
            settings.partitions = 3
            #expect(fixture.change(.alter(.orders, to: settings)) == .failed(.invalidPartitionCount))
            settings.partitions = 4
        }
        let fixture = try LogFixture(directory.path, clock: clock)
        #expect(fixture.topic()?.configuration == settings && fixture.topic()?.id == id)
        #expect(fixture.topic()?.partitions.allSatisfy { $0.configuration == settings.alone } == true)
        #expect(try fixture.values(.orders(3)) == ["grown"])
        #expect(try fixture.values(.orders(0)).count == 15)
    }

    @Test("limits that are less than none are none, now and after a restart")
    func oddSettings() throws {
        let directory = try TemporaryDirectory()
        let odd = TopicConfiguration(
            retention: .milliseconds(-7),
            retentionBytes: ByteCount(-1),
            segmentBytes: ByteCount(.min)
        )
        let longest = TopicConfiguration(
            retention: .seconds(Int64.max),
            retentionBytes: ByteCount(.max),
            segmentBytes: ByteCount(.max)
        )
        do {
            let fixture = try LogFixture(directory.path)
            #expect(fixture.create(.orders, odd) == .done)
            #expect(fixture.topic()?.configuration == TopicConfiguration())
            try fixture.append(["a"], to: .orders(0))
            fixture.clock.advance(.seconds(60))
            try fixture.append(["b"], to: .orders(0))
        }
        let configuration: TopicConfiguration?
        do {
            let fixture = try LogFixture(directory.path)
            #expect(fixture.topic()?.configuration == TopicConfiguration())
            #expect(fixture.change(.alter(.orders, to: longest)) == .done)
            configuration = fixture.topic()?.configuration
            fixture.clock.advance(.seconds(60))
            try fixture.append(["c"], to: .orders(0))
        }
        let fixture = try LogFixture(directory.path)
        #expect(fixture.topic()?.configuration == configuration)
        #expect(try fixture.values(.orders(0)) == ["a", "b", "c"])
    }

    @Test("a topic that is altered to be compacted is, and one that is no longer loses nothing more")
    func alterCleanup() throws {
        let directory = try TemporaryDirectory()
        let clock = ManualClock()
        let fixture = try LogFixture(directory.path, clock: clock)
        var settings = TopicConfiguration(segmentBytes: ByteCount(200))
        fixture.create(.orders, settings)
        func fill(_ numbers: Range<Int>) throws {
            for number in numbers { try fixture.append(["value \(number)"], to: .orders(0)) }
        }
        func pass() {
            clock.advance(.seconds(60))
            fixture.settle()
        }
        try fill(0..<40)
        pass()
        #expect(try fixture.values(.orders(0)).count == 40)
        settings.cleanup = .compact
        #expect(fixture.change(.alter(.orders, to: settings)) == .done)
        pass()
        // All have one key: of what is sealed the newest stays, and the active segment.
        let left = try fixture.values(.orders(0)).count
        #expect(left < 5)
        settings.cleanup = .delete
        #expect(fixture.change(.alter(.orders, to: settings)) == .done)
        try fill(40..<80)
        pass()
        #expect(try fixture.values(.orders(0)).count == left + 40)
        #expect(try !LogVerify.run(fixture.log).hasUnknownDamage)
        let reopened = try LogFixture(directory.path, clock: clock)
        #expect(!reopened.log.recoveryReport.foundLoss)
        #expect(try reopened.values(.orders(0)).count == left + 40)
    }

    @Test("records that are deleted by hand stay deleted, to the record, and the log goes on where it was")
    func deleteRecords() throws {
        let directory = try TemporaryDirectory()
        let clock = ManualClock()
        do {
            let fixture = try LogFixture(directory.path, clock: clock, segmentBytes: 300)
            for number in 0..<20 {
                try fixture.append(["a \(number)", "b \(number)", "c \(number)"], at: Int64(number))
            }
            let readings = try fixture.partition()
            #expect(readings.segmentCount > 3)
            func delete(_ before: Int64) -> ChangeAnswer.Outcome {
                fixture.change(.deleteRecords(LogFixture.readings, before: Offset(before)))
            }
            #expect(delete(61) == .failed(.offsetOutOfRange) && delete(-1) == .failed(.offsetOutOfRange))
            #expect(delete(.max) == .failed(.offsetOutOfRange))
            #expect(readings.logStartOffset == .zero)
            let segments = readings.segmentCount
            #expect(delete(1) == .done && readings.logStartOffset == Offset(1) && readings.segmentCount == segments)
            #expect(delete(32) == .done && readings.logStartOffset == Offset(32) && readings.segmentCount < segments)
            #expect(delete(5) == .done && readings.logStartOffset == Offset(32))
        }
        let fixture = try LogFixture(directory.path, clock: clock, segmentBytes: 300)
        let readings = try fixture.partition()
        #expect(!fixture.log.recoveryReport.foundLoss)
        #expect(readings.logStartOffset == Offset(32))
        #expect(try LogFixture.records(fixture.log).map(\.offset) == Array(32..<60))
        #expect(try !LogVerify.run(fixture.log).hasUnknownDamage)
        let reader = LogReader(log: fixture.log)
        var buffer = ReadBuffer()
        let error = #expect(throws: LogError.self) {
            try reader.read(readings, from: Offset(31), upTo: Offset(60), maxBytes: 100, into: &buffer)
        }
        #expect(error?.code == .offsetOutOfRange)
        let found = try reader.firstRecord(
            atOrAfter: Timestamp(milliseconds: 0),
            in: readings,
            upTo: Offset(60),
            buffer: &buffer,
            decoder: RecordDecoder()
        )
        #expect(found?.offset == Offset(32))
        // All of it: no file but an empty one is left.
        #expect(fixture.change(.deleteRecords(LogFixture.readings, before: Offset(60))) == .done)
        #expect(readings.segmentCount == 1 && readings.sizeBytes == ByteCount(0))
        #expect(try fixture.append(["next"]) == Offset(60))
        #expect(fixture.change(.deleteRecords(LogFixture.readings, before: Offset(61))) == .done)
        let again = try LogFixture(directory.path, clock: clock, segmentBytes: 300)
        #expect(!again.log.recoveryReport.foundLoss)
        #expect(try again.partition().logStartOffset == Offset(61))
        #expect(try again.values() == [])
        #expect(try again.append(["next"]) == Offset(61))
    }

    @Test("offsets below a log start that was moved by hand are not given out again when the tail is lost")
    func lostTailBelowStart() throws {
        let directory = try TemporaryDirectory()
        do {
            let fixture = try LogFixture(directory.path, disk: FaultyDisk.withoutZeros)
            for value in ["a", "b", "c", "d"] { try fixture.append([value]) }
            #expect(fixture.change(.deleteRecords(LogFixture.readings, before: Offset(3))) == .done)
        }
        let path = directory.path + "/log/readings-0/00000000000000000000.log"
        try write(Array(try contents(of: path).prefix(80)), to: path)
        for _ in 0..<2 {
            let fixture = try LogFixture(directory.path, disk: FaultyDisk.withoutZeros)
            let readings = try fixture.partition()
            #expect(readings.logStartOffset == Offset(3))
            #expect(readings.logEndOffset >= Offset(3))
            let next = readings.logEndOffset
            #expect(try fixture.append(["next"]) == next)
            #expect(try LogFixture.records(fixture.log).last?.offset == next.value)
        }
    }

    @Test("what cannot be done is refused and changes nothing")
    func refusals() throws {
        let directory = try TemporaryDirectory()
        let fixture = try LogFixture(directory.path)
        let epoch = fixture.log.topicsEpoch
        let orders = TopicName.orders
        let many = Limits.partitionsPerChangeMax + 1
        #expect(fixture.create(.readings) == .failed(.topicExists))
        for count in [0, -1, .min] {
            #expect(fixture.create(orders, .init(partitions: count)) == .failed(.invalidPartitionCount))
        }
        for count in [many, .max] {
            #expect(fixture.create(orders, .init(partitions: count)) == .failed(.tooManyPartitions))
        }
        #expect(fixture.change(.delete(orders)) == .failed(.unknownPartition))
        #expect(fixture.change(.alter(orders, to: .init())) == .failed(.unknownPartition))
        #expect(fixture.change(.deleteRecords(.orders(0), before: .zero)) == .failed(.unknownPartition))
        #expect(fixture.change(.delete(.readings)) == .failed(.configured))
        #expect(fixture.change(.alter(.readings, to: .init(partitions: 2))) == .failed(.configured))
        #expect(fixture.log.topicsEpoch == epoch)
        #expect(try logNames(directory) == ["readings-0"])
        for name in ["", ".", "..", "a/b", "ü", String(repeating: "x", count: 250)] {
            #expect(TopicName(name) == nil, "\(name)")
        }
        let longest = try #require(TopicName(String(repeating: "x", count: 249)))
        #expect(fixture.create(longest) == .done)
        #expect(try fixture.append(["a"], to: TopicPartition(topic: longest, partition: .zero)) == .zero)
        #expect(fixture.change(.delete(longest)) == .done)
        fixture.settle()
        #expect(try logNames(directory) == ["readings-0"])
    }

    @Test("no more partitions than the limit, however they come, and room again for those that went")
    func limit() throws {
        let directory = try TemporaryDirectory()
        let fixture = try LogFixture(directory.path, disk: FaultyDisk())
        let (many, orders) = (Limits.partitionsPerChangeMax, TopicName.orders)
        let names = (0..<Limits.partitionsMax / many - 1).compactMap { TopicName("topic\($0)") }
        for name in names { #expect(fixture.create(name, .init(partitions: many)) == .done) }
        let room = Limits.partitionsMax - fixture.log.partitions.count
        #expect(room < many)
        #expect(fixture.create(orders, .init(partitions: room + 1)) == .failed(.tooManyPartitions))
        #expect(fixture.create(orders, .init(partitions: room - 1)) == .done)
        let grow = { (count: Int) in fixture.change(.alter(orders, to: .init(partitions: count))) }
        #expect(grow(room + 1) == .failed(.tooManyPartitions))
        #expect(grow(room) == .done)
        #expect(fixture.log.partitions.count == Limits.partitionsMax)
        let other = try #require(TopicName("other"))
        #expect(fixture.create(other) == .failed(.tooManyPartitions))
        #expect(fixture.change(.delete(names[0])) == .done)
        #expect(fixture.create(other, .init(partitions: many + 1)) == .failed(.tooManyPartitions))
        #expect(fixture.create(other, .init(partitions: many)) == .done)
    }

    @Test("changes that wait are bounded, and answered where the log ends first")
    func queue() throws {
        let directory = try TemporaryDirectory()
        let fixture = try LogFixture(directory.path)
        let answers = (0...Limits.topicChangesMax).map { _ in fixture.log.ask(.delete(.orders)) }
        #expect(answers.last?.outcome == .failed(.busy))
        #expect(answers.dropLast().allSatisfy { $0.outcome == .waiting })
        _ = fixture.writer.step(waitUpTo: .zero)
        #expect(answers[0].outcome == .failed(.unknownPartition) && answers[1].outcome == .waiting)
        fixture.writer.close()
        #expect(answers.dropFirst().dropLast().allSatisfy { $0.outcome == .failed(.closed) })
        #expect(fixture.log.ask(.delete(.orders)).outcome == .failed(.closed))
        let reading = try CommitLog.open(
            LogConfiguration(directory: directory.path, topics: [:]),
            disk: PosixDisk(),
            clock: ManualClock(),
            access: .readOnly
        )
        #expect(reading.ask(.delete(.readings)).outcome == .failed(.closed))
        let disk = FaultyDisk()
        let poisoned = try LogFixture(directory.path, disk: disk)
        let doomed = (0..<3).map { _ in poisoned.log.ask(.create(.orders, .init(), id: .random())) }
        disk.plan.withLock { $0.failingSyncs = "/log" }
        #expect(poisoned.writer.step(waitUpTo: .zero) == .failed)
        #expect(doomed.map(\.outcome) == [.failed(.disk), .failed(.closed), .failed(.closed)])
        guard case .poisoned = poisoned.log.state else {
            Issue.record("not poisoned")
            return
        }
    }

    @Test("a writer that waits for batches wakes for a change")
    func wakes() throws {
        let directory = try TemporaryDirectory()
        let fixture = try LogFixture(directory.path)
        let (log, writer) = (fixture.log, Owned(fixture.writer))
        let isOver = Atomic<Bool>(false)
        let thread = PlatformThread(name: "writer") {
            while !isOver.load(ordering: .acquiring) { _ = writer.value.step(waitUpTo: .seconds(3600)) }
        }
        #expect(log.ask(.create(.orders, .init(), id: .random())).wait() == .done)
        #expect(log.ask(.delete(.orders)).wait() == .done)
        isOver.store(true, ordering: .releasing)
        _ = log.ask(.delete(.orders))
        thread.join()
    }

    @Test("partitions that programs before gave ids of their own get the first one's, for good")
    func oneID() throws {
        let (directory, other) = (try TemporaryDirectory(), try TemporaryDirectory())
        let topics: [TopicName: TopicConfiguration] = [.readings: .init(partitions: 3)]
        for one in [directory, other] {
            let fixture = try LogFixture(one.path, topics: topics)
            let ids = try #require(fixture.topic(.readings)).partitions.map(\.topicID)
            #expect(Set(ids).count == 1)
            try fixture.append(["a"], to: TopicPartition(topic: .readings, partition: PartitionIndex(2)))
            fixture.writer.close()
        }
        let journal = "/log/readings-2/partition.journal"
        try write(try contents(of: other.path + journal), to: directory.path + journal)
        let id = try #require(LogFixture(directory.path, topics: [:]).topic(.readings)).id
        for configured in [[:], topics, [:]] {
            let topic = try #require(LogFixture(directory.path, topics: configured).topic(.readings))
            #expect(topic.id == id && topic.partitions.map(\.topicID) == [id, id, id])
        }
        // What one journal has lost the others know.
        try PosixDisk().remove(directory.path + "/log/readings-0/partition.journal")
        let topic = try #require(LogFixture(directory.path, topics: topics).topic(.readings))
        #expect(topic.id == id && topic.partitions.map(\.topicID) == [id, id, id])
    }
}

/// Hands a value to the one thread that uses it from then on.
struct Owned<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
}

extension TopicConfiguration {
    /// As a partition has it.
    var alone: TopicConfiguration {
        var alone = self
        alone.partitions = 1
        return alone
    }
}
