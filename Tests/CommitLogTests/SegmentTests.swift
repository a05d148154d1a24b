// Segments: rolling, indexes, look-ups by offset and time, retention, and the model of it all.
import CommitLog
import Platform
import Synchronization
import Testing

@Suite("Segments")
struct SegmentTests {
    @Test("segments roll at their limit, and every offset is found through the index, also after a restart")
    func rollAndLookUp() throws {
        let directory = try TemporaryDirectory()
        let clock = ManualClock()
        let big = String(repeating: "x", count: 3000)
        do {
            let fixture = try LogFixture(directory.path, clock: clock, segmentBytes: 100_000)
            for number in 0..<120 { try fixture.append(["\(number)-\(big)"], at: Int64(number) * 10) }
            #expect(try fixture.partition().segmentCount == 4)
            try check(fixture)
            fixture.writer.close()
        }
        let reopened = try LogFixture(directory.path, clock: clock, segmentBytes: 100_000)
        #expect(reopened.log.recoveryReport.partitions.first?.gaps == [])
        try check(reopened)
        for name in try PosixDisk().list(directory.path + "/log/readings-0") where name.hasSuffix("index") {
            try PosixDisk().remove("\(directory.path)/log/readings-0/\(name)")
        }
        try check(reopened)
        for segment in try reopened.partition().describeSegments() where segment.isSealed {
            let stem = String(segment.path.dropLast(4))
            try write([0, 0, 0, 9, 0, 0, 0x10, 0], to: stem + ".index")
            try write([1, 2, 3], to: stem + ".timeindex")
        }
        try check(reopened)
    }

    private func check(_ fixture: LogFixture) throws {
        let partition = try fixture.partition()
        for offset in [0, 1, 31, 32, 33, 34, 35, 64, 65, 70, 99, 119] as [Int64] {
            let records = try LogFixture.records(fixture.log, from: Offset(offset), maxBytes: 10)
            #expect(records.first?.offset == offset)
            #expect(records.count == 120 - Int(offset))
        }
        let reader = LogReader(log: fixture.log)
        let decoder = RecordDecoder()
        var buffer = ReadBuffer()
        for (time, offset) in [(-5, 0), (0, 0), (1, 1), (500, 50), (501, 51), (1190, 119)] as [(Int64, Int64)] {
            let found = try reader.firstRecord(
                atOrAfter: Timestamp(milliseconds: time),
                in: partition,
                upTo: Offset(120),
                buffer: &buffer,
                decoder: decoder
            )
            #expect(found?.offset == Offset(offset), "\(time)")
        }
        let none = try reader.firstRecord(
            atOrAfter: Timestamp(milliseconds: 1191),
            in: partition,
            upTo: Offset(120),
            buffer: &buffer,
            decoder: decoder
        )
        #expect(none == nil)
        for outside in [Offset(-1), Offset(121)] {
            let error = #expect(throws: LogError.self) {
                try reader.read(partition, from: outside, upTo: Offset(120), maxBytes: 100, into: &buffer)
            }
            #expect(error?.code == .offsetOutOfRange)
        }
    }

    @Test("a missing or damaged index is rebuilt from the log")
    func indexMatchesKafka() throws {
        let directory = try TemporaryDirectory()
        let fixture = try LogFixture(directory.path, segmentBytes: 100_000)
        let big = String(repeating: "x", count: 9000)
        for number in 0..<12 { try fixture.append(["\(number)\(big)"], at: Int64(100 - number)) }
        let stem = String(try #require(fixture.partition().describeSegments().first).path.dropLast(4))
        // Batches are 9,074 bytes with one-digit numbers: an entry once more than 16 KiB were written since the last
        // one, naming the last offset of the batch and where it starts.
        let index = try contents(of: stem + ".index")
        #expect(index.count % 8 == 0 && !index.isEmpty)
        #expect(Array(index[..<8]) == [0, 0, 0, 2] + (2 * 9074).bigEndianBytes)
        // Timestamps fall, so the first batch holds the largest.
        #expect(try contents(of: stem + ".timeindex") == [0, 0, 0, 0, 0, 0, 0, 100, 0, 0, 0, 0])
    }

    @Test("retention by time deletes whole sealed segments, and rolls one that has outlived it")
    func retentionByTime() throws {
        let directory = try TemporaryDirectory()
        let clock = ManualClock()
        let fixture = try LogFixture(
            directory.path,
            clock: clock,
            topics: [.readings: .init(retention: .seconds(3600))],
            segmentBytes: 300
        )
        for number in 0..<6 {
            try fixture.append(["value \(number) " + String(repeating: "x", count: 100)], at: 4_000_000_000_000)
            clock.advance(.seconds(600))
        }
        let partition = try fixture.partition()
        #expect(partition.logStartOffset == .zero)
        clock.advance(.seconds(1800))
        #expect(fixture.writer.step(waitUpTo: .zero) == .idle)
        let start = partition.logStartOffset
        #expect(start > .zero && start < Offset(6))
        #expect(try LogFixture.records(fixture.log).map(\.offset) == (start.value..<6).map { $0 })
        #expect(throws: LogError.self) { try LogFixture.records(fixture.log, from: .zero) }
        clock.advance(.seconds(86400))
        #expect(fixture.writer.step(waitUpTo: .zero) == .idle)
        #expect(partition.logStartOffset == Offset(6))
        #expect(partition.segmentCount == 1)
        #expect(fixture.log.metrics.deletedSegments >= 6)
        #expect(try fixture.values() == [])
        let files = try PosixDisk().list(directory.path + "/log/readings-0")
        #expect(files.filter { $0.hasSuffix(".log") } == ["00000000000000000006.log"])
        #expect(!files.contains { $0.hasSuffix("index") })
        try fixture.append(["next"])
        fixture.writer.close()
        let reopened = try LogFixture(directory.path, clock: clock)
        #expect(try reopened.partition().logStartOffset == Offset(6))
        #expect(try reopened.values() == ["next"])
    }

    @Test("nothing is deleted by time while the clock is not to be believed")
    func retentionWaitsForTheClock() throws {
        let directory = try TemporaryDirectory()
        let clock = ManualClock(quality: .unsynchronised)
        clock.setWall(Timestamp(milliseconds: 1000))
        let fixture = try LogFixture(
            directory.path,
            clock: clock,
            topics: [.readings: .init(retention: .seconds(60))],
            segmentBytes: 100
        )
        for number in 0..<4 { try fixture.append(["stored in 1970: \(number)"]) }
        clock.advance(.seconds(100_000))
        #expect(fixture.writer.step(waitUpTo: .zero) == .idle)
        #expect(try fixture.partition().logStartOffset == .zero)
        // Once the clock is set, what was stored before counts its age from then, not from 1970.
        clock.setWall(Timestamp(milliseconds: 1_795_000_000_000))
        clock.set(.synchronised)
        clock.advance(.seconds(60))
        #expect(fixture.writer.step(waitUpTo: .zero) == .idle)
        #expect(fixture.log.metrics.ageRetention == .stepped)
        clock.advance(Limits.clockStepSuspension)
        #expect(fixture.writer.step(waitUpTo: .zero) == .idle)
        #expect(try fixture.partition().logStartOffset == .zero)
        clock.advance(.seconds(61))
        #expect(fixture.writer.step(waitUpTo: .zero) == .idle)
        #expect(try fixture.partition().logStartOffset == Offset(3))
    }

    @Test("retention by bytes is for the whole topic, oldest first")
    func retentionByBytes() throws {
        let directory = try TemporaryDirectory()
        let clock = ManualClock()
        let topic = TopicConfiguration(partitions: 2, retentionBytes: ByteCount(2500))
        let fixture = try LogFixture(directory.path, clock: clock, topics: [.readings: topic], segmentBytes: 500)
        let second = TopicPartition(topic: .readings, partition: PartitionIndex(1))
        let value = String(repeating: "x", count: 400)
        for _ in 0..<5 { try fixture.append([value]); clock.advance(.milliseconds(10)) }
        for _ in 0..<5 { try fixture.append([value], to: second); clock.advance(.milliseconds(10)) }
        clock.advance(.seconds(60))
        #expect(fixture.writer.step(waitUpTo: .zero) == .idle)
        #expect(try fixture.partition().logStartOffset == Offset(4))
        let size = try fixture.partition().sizeBytes.value + fixture.partition(second).sizeBytes.value
        #expect(size <= 2500 && size > 2000)
    }

    @Test("free space is kept by deleting the oldest segments of topics that allow it, and of no other")
    func retentionByFreeSpace() throws {
        let directory = try TemporaryDirectory()
        let disk = FaultyDisk()
        let clock = ManualClock()
        let fixture = try LogFixture(
            directory.path,
            disk: disk,
            clock: clock,
            topics: [.readings: .init(onFull: .dropOldest), .alerts: .init()],
            segmentBytes: 500,
            keepFree: 0.1
        )
        let alerts = TopicPartition(topic: .alerts, partition: .zero)
        let value = String(repeating: "x", count: 400)
        for _ in 0..<5 { try fixture.append([value], to: alerts) }
        for _ in 0..<5 { try fixture.append([value]) }
        disk.plan.withLock { $0.space = DiskSpace(total: 100_000, free: 9000) }
        clock.advance(.seconds(60))
        #expect(fixture.writer.step(waitUpTo: .zero) == .idle)
        #expect(try fixture.partition(alerts).logStartOffset == .zero)
        #expect(try fixture.partition().logStartOffset == Offset(3))
        #expect(fixture.log.metrics.freeBytes == 9000)
    }

    @Test("a full disk makes room from the oldest segments")
    func fullDiskMakesRoom() throws {
        let directory = try TemporaryDirectory()
        let disk = FaultyDisk()
        let fixture = try LogFixture(
            directory.path,
            disk: disk,
            topics: [.readings: .init(onFull: .dropOldest)],
            segmentBytes: 500
        )
        let value = String(repeating: "x", count: 400)
        for _ in 0..<4 { try fixture.append([value]) }
        disk.plan.withLock { plan in
            plan.bytesLeft = 0
            plan.space = DiskSpace(total: 100_000, free: 0)
        }
        _ = fixture.log.inbox.offer(fixture.batch([value]), to: try fixture.partition())
        #expect(fixture.writer.step(waitUpTo: .zero) == .full)
        #expect(try fixture.partition().logStartOffset == .zero)
        disk.plan.withLock { $0.bytesLeft = nil }
        fixture.clock.advance(Limits.fullRetryInterval)
        #expect(fixture.writer.step(waitUpTo: .zero) == .committed)
        #expect(try fixture.partition().logStartOffset > .zero)
        #expect(try LogFixture.records(fixture.log).last?.offset == 4)
    }

    /// Not a byte is left: neither for the journal's entry that a deletion needs, nor for the indexes of a roll.
    @Test("a disk that is full to the last byte makes room too", arguments: [500, 64 << 20] as [Int64])
    func fullToTheLastByte(segmentBytes: Int64) throws {
        let directory = try TemporaryDirectory()
        let disk = FaultyDisk()
        let topics: [TopicName: TopicConfiguration] = [.readings: .init(onFull: .dropOldest), .alerts: .init()]
        let fixture = try LogFixture(directory.path, disk: disk, topics: topics, segmentBytes: segmentBytes)
        let alerts = TopicPartition(topic: .alerts, partition: .zero)
        let value = String(repeating: "x", count: 400)
        try fixture.append(["kept"], to: alerts)
        for _ in 0..<4 { try fixture.append([value]) }
        disk.plan.withLock { $0.bytesLeft = 0 }
        _ = fixture.log.inbox.offer(fixture.batch([value]), to: try fixture.partition())
        #expect(fixture.writer.step(waitUpTo: .zero) == .full)
        var outcome = LogWriter.StepOutcome.full
        for _ in 0..<4 where outcome == .full {
            fixture.clock.advance(Limits.fullRetryInterval)
            outcome = fixture.writer.step(waitUpTo: .zero)
        }
        #expect(outcome == .committed)
        let start = try fixture.partition().logStartOffset
        #expect(start > .zero)
        #expect(try LogFixture.records(fixture.log).map(\.offset) == Array(start.value...4))
        #expect(try fixture.values(alerts) == ["kept"])
        let reopened = try LogFixture(directory.path, topics: topics, segmentBytes: segmentBytes)
        #expect(!reopened.log.recoveryReport.foundLoss)
        #expect(try reopened.partition().logStartOffset == start)
        #expect(try LogFixture.records(reopened.log).map(\.offset) == Array(start.value...4))
    }

    @Test("segments that a crash left emptied in front count as deleted; one that is gone counts as lost")
    func emptiedSegments() throws {
        let directory = try TemporaryDirectory()
        do {
            let fixture = try LogFixture(directory.path, segmentBytes: 60)
            for value in ["a", "b", "c"] { try fixture.append([value]) }
        }
        let stem = directory.path + "/log/readings-0/00000000000000000000"
        let path = stem + ".log"
        for name in [".index", ".timeindex"] { try PosixDisk().remove(stem + name) }
        try PosixDisk().open(path, .update).truncate(to: 0)
        // Shown so for reading only, and on a disk that is still full; the name stays until the journal can say it.
        let configuration = LogConfiguration(directory: directory.path, topics: [:])
        let log = try CommitLog.open(configuration, disk: PosixDisk(), clock: ManualClock(), access: .readOnly)
        #expect(!log.recoveryReport.foundLoss)
        #expect(log.partitions.first?.logStartOffset == Offset(1))
        let full = FaultyDisk()
        full.plan.withLock { $0.bytesLeft = 0 }
        for (disk, remains) in [(full, true), (FaultyDisk(), false), (FaultyDisk(), false)] {
            let fixture = try LogFixture(directory.path, disk: disk, segmentBytes: 60)
            #expect(!fixture.log.recoveryReport.foundLoss)
            #expect(try fixture.partition().logStartOffset == Offset(1))
            #expect(try fixture.values() == ["b", "c"])
            #expect(try PosixDisk().exists(path) == remains)
        }
        try PosixDisk().remove(directory.path + "/log/readings-0/00000000000000000001.log")
        #expect(try LogFixture(directory.path, segmentBytes: 60).log.recoveryReport.foundLoss)
    }

    /// Twelve batches of 9,074 bytes: eleven in a sealed segment, whose index names every other one, and one more.
    private func sealedLog(_ directory: TemporaryDirectory) throws -> (fixture: LogFixture, stem: String) {
        let fixture = try LogFixture(directory.path, segmentBytes: 100_000)
        let big = String(repeating: "x", count: 9000)
        for number in 0..<12 { try fixture.append(["\(number % 10)\(big)"]) }
        let first = try #require(fixture.partition().describeSegments().first)
        try #require(first.isSealed && first.size == ByteCount(11 * 9074))
        return (fixture, String(first.path.dropLast(4)))
    }

    @Test(
        "a base offset that was flipped, which no checksum covers, is damage and hides no other batch",
        arguments: [4, 5],
        [(0, 0x80), (0, 0x40), (7, 1), (7, 2)] as [(Int, UInt8)]
    )
    func flippedBaseOffset(batch: Int, flip: (byte: Int, mask: UInt8)) throws {
        let directory = try TemporaryDirectory()
        let (fixture, stem) = try sealedLog(directory)
        var bytes = try contents(of: stem + ".log")
        bytes[batch * 9074 + flip.byte] ^= flip.mask
        try write(bytes, to: stem + ".log")
        let partition = try fixture.partition()
        for hasIndex in [true, false] {
            if !hasIndex {
                try PosixDisk().remove(stem + ".index")
                try PosixDisk().remove(stem + ".timeindex")
            }
            var buffer = ReadBuffer()
            let error = #expect(throws: LogError.self) {
                let reader = LogReader(log: fixture.log)
                return try reader.read(
                    partition,
                    from: Offset(Int64(batch)),
                    upTo: Offset(12),
                    maxBytes: 1,
                    into: &buffer
                )
            }
            #expect(error?.code == .damaged)
            #expect(error?.offset == Offset(Int64(batch)))
            #expect(error?.resumeAt == Offset(Int64(batch + 1)))
            for from in 0..<12 {
                let records = try LogFixture.records(fixture.log, from: Offset(Int64(from)), skipsDamage: true)
                #expect(records.map(\.offset) == (from..<12).filter { $0 != batch }.map { Int64($0) }, "from \(from)")
            }
        }
    }

    @Test("a sealed file that has become shorter is damage up to the next segment", arguments: [0, 100] as [Int64])
    func shortenedSegment(rest: Int64) throws {
        let directory = try TemporaryDirectory()
        let (fixture, stem) = try sealedLog(directory)
        try PosixDisk().open(stem + ".log", .update).truncate(to: 3 * 9074 + rest)
        let error = #expect(throws: LogError.self) { try LogFixture.records(fixture.log) }
        #expect(error?.code == .damaged)
        #expect(error?.offset == Offset(3))
        #expect(error?.resumeAt == Offset(11))
        #expect(try LogFixture.records(fixture.log, skipsDamage: true).map(\.offset) == [0, 1, 2, 11])
    }

    /// The journal's recovery point says when its last record was appended. Where a crash came before it was written,
    /// nobody knows more than that it was before the restart.
    @Test("a segment without appends since a restart ages from its last append", arguments: [true, false])
    func agesFromLastAppend(closes: Bool) throws {
        let directory = try TemporaryDirectory()
        let clock = ManualClock()
        let topics: [TopicName: TopicConfiguration] = [.readings: .init(retention: .seconds(3600))]
        do {
            let fixture = try LogFixture(directory.path, clock: clock, topics: topics)
            try fixture.append(["a"])
            if closes { fixture.writer.close() }
        }
        clock.advance(.seconds(7200))
        let fixture = try LogFixture(directory.path, clock: clock, topics: topics)
        #expect(fixture.writer.step(waitUpTo: .zero) == .idle)
        // Two hours since the newest record may be a stop, or a step.
        #expect(fixture.log.metrics.ageRetention == (closes ? .stepped : .active))
        #expect(try fixture.values() == ["a"])
        clock.advance(Limits.clockStepSuspension)
        #expect(fixture.writer.step(waitUpTo: .zero) == .idle)
        #expect(try fixture.values() == (closes ? [] : ["a"]))
        clock.advance(.seconds(3601))
        #expect(fixture.writer.step(waitUpTo: .zero) == .idle)
        #expect(try fixture.values() == [])
    }

    @Test("the offset for an append time comes from the journal")
    func appendTime() throws {
        let directory = try TemporaryDirectory()
        let clock = ManualClock()
        let fixture = try LogFixture(directory.path, clock: clock, segmentBytes: 200)
        var times: [Timestamp] = []
        for number in 0..<4 {
            times.append(clock.now())
            try fixture.append(["\(number)" + String(repeating: "x", count: 150)])
            clock.advance(.seconds(100))
        }
        let partition = try fixture.partition()
        for (number, time) in times.enumerated() {
            #expect(partition.offset(forAppendTime: time) == Offset(Int64(number)))
        }
        #expect(partition.offset(forAppendTime: Timestamp(milliseconds: 0)) == .zero)
        #expect(partition.offset(forAppendTime: clock.now()) == Offset(3))
    }

    /// Random appends, restarts and reads against an array.
    @Test("agrees with a plain array", arguments: [Compression.none, .lz4, .zstd])
    func model(_ compression: Compression) throws {
        let seed = testSeed("agrees with a plain array (\(compression))")
        var generator = SeededGenerator(seed: seed)
        let directory = try TemporaryDirectory()
        let clock = ManualClock()
        var expected: [PlainRecord] = []
        var fixture = try LogFixture(directory.path, disk: FaultyDisk(), clock: clock, segmentBytes: 20_000)
        for round in 0..<150 {
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let count = Int.random(in: 1...40, using: &generator)
                for _ in 0..<count {
                    let value =
                        Bool.random(using: &generator)
                        ? String(repeating: "abc", count: Int.random(in: 0...60, using: &generator)) : nil
                    let key = Bool.random(using: &generator) ? "key-\(Int.random(in: 0...9, using: &generator))" : nil
                    let time = Int64.random(in: 0...1_000_000, using: &generator)
                    #expect(fixture.builder.add(timestamp: time, key: key, value: value))
                    expected.append(
                        PlainRecord(
                            offset: Int64(expected.count),
                            timestamp: time,
                            key: key.map { Array($0.utf8) },
                            value: value.map { Array($0.utf8) }
                        )
                    )
                }
                _ = fixture.log.inbox.offer(fixture.builder.seal(compression: compression), to: try fixture.partition())
            }
            #expect(fixture.writer.step(waitUpTo: .zero) == .committed)
            if round % 17 == 0 {
                if Bool.random(using: &generator) { fixture.writer.close() }
                fixture = try LogFixture(directory.path, disk: FaultyDisk(), clock: clock, segmentBytes: 20_000)
                #expect(!fixture.log.recoveryReport.foundLoss)
            }
            let from = Int.random(in: 0..<expected.count, using: &generator)
            let maxBytes = Int.random(in: 1...30_000, using: &generator)
            let read = try LogFixture.records(fixture.log, from: Offset(Int64(from)), maxBytes: maxBytes)
            try #require(read == Array(expected[from...]), "seed \(seed), round \(round), from \(from)")
        }
        #expect(try fixture.partition().segmentCount > 3)
        let verification = try LogVerify.run(fixture.log)
        #expect(verification.damage == [])
        #expect(verification.partitions.first?.records == expected.count)
    }
}

extension Int {
    var bigEndianBytes: [UInt8] { withUnsafeBytes(of: UInt32(self).bigEndian) { Array($0) } }
}
