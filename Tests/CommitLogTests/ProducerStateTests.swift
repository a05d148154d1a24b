// How long producers are remembered, how many, and from where after a start.
import CommitLog
import Platform
import Synchronization
import Testing

@Suite("Producer state")
struct ProducerStateTests {
    private static let day = Limits.producerRetention

    private func appended(_ offset: Int64) -> AppendOutcome? { .appended(Offset(offset)) }
    private func duplicate(_ offset: Int64) -> AppendOutcome? { .duplicate(Offset(offset)) }

    private func names(
        _ directory: TemporaryDirectory,
        _ ending: String,
        of name: String = "readings-0"
    ) throws -> [String] {
        try PosixDisk().list("\(directory.path)/log/\(name)").filter { $0.hasSuffix(ending) }.sorted()
    }

    private func segment(_ directory: TemporaryDirectory, _ base: Int) -> String {
        let digits = String(base)
        return "\(directory.path)/log/readings-0/\(String(repeating: "0", count: 20 - digits.count))\(digits).log"
    }

    /// Lets time pass as the writer sees it.
    private func pass(_ duration: Duration, _ fixture: LogFixture, by step: Duration = .seconds(600)) {
        for _ in 0..<Int(duration / step) {
            fixture.clock.advance(step)
            _ = fixture.writer.step(waitUpTo: .zero)
        }
    }

    // MARK: - Age

    @Test("a producer is forgotten after 24 hours without a batch, and not before; a duplicate does not count")
    func expiry() throws {
        let directory = try TemporaryDirectory()
        let fixture = try LogFixture(directory.path)
        #expect(try fixture.send(Numbered(producer: 7, sequence: 0)) == [appended(0)])
        #expect(try fixture.send(Numbered(producer: 8, sequence: 0)) == [appended(1)])
        pass(Self.day - .seconds(600), fixture)
        #expect(try fixture.send(Numbered(producer: 7, sequence: 5)) == [.outOfOrderSequence])
        #expect(try fixture.send(Numbered(producer: 7, sequence: 0)) == [duplicate(0)])
        #expect(try fixture.send(Numbered(producer: 8, sequence: 1)) == [appended(2)])
        pass(.seconds(1200), fixture)
        #expect(try fixture.send(Numbered(producer: 8, sequence: 5)) == [.outOfOrderSequence])
        #expect(try fixture.send(Numbered(producer: 7, sequence: 5)) == [appended(3)])
    }

    @Test("a clock that steps two days forward and is put right forgets nobody")
    func steps() throws {
        let directory = try TemporaryDirectory()
        let fixture = try LogFixture(directory.path)
        #expect(try fixture.send(Numbered(producer: 7, sequence: 0)) == [appended(0)])
        fixture.clock.setWall(fixture.clock.now().advanced(by: Self.day * 2))
        pass(.seconds(300), fixture, by: .seconds(60))
        fixture.clock.setWall(fixture.clock.now().advanced(by: Self.day * -2))
        pass(.seconds(1800), fixture, by: .seconds(60))
        #expect(try fixture.send(Numbered(producer: 7, sequence: 5)) == [.outOfOrderSequence])
    }

    @Test("an age that nobody knows counts from the first look at a clock that can be believed")
    func unsynchronised() throws {
        let directory = try TemporaryDirectory()
        let clock = ManualClock(quality: .unsynchronised)
        let fixture = try LogFixture(directory.path, clock: clock)
        #expect(try fixture.send(Numbered(producer: 7, sequence: 0)) == [appended(0)])
        pass(Self.day * 2, fixture)
        #expect(try fixture.send(Numbered(producer: 7, sequence: 5)) == [.outOfOrderSequence])
        clock.set(.synchronised)
        pass(Self.day - .seconds(600), fixture)
        #expect(try fixture.send(Numbered(producer: 7, sequence: 5)) == [.outOfOrderSequence])
        pass(.seconds(1800), fixture)
        #expect(try fixture.send(Numbered(producer: 7, sequence: 5)) == [appended(1)])
    }

    @Test(
        "a stop does not make a producer younger: from a snapshot its own time counts, and it goes when the clock is believed"
    )
    func expiryOverRestart() throws {
        let directory = try TemporaryDirectory()
        let clock = ManualClock()
        do {
            let fixture = try LogFixture(directory.path, clock: clock)
            #expect(try fixture.send(Numbered(producer: 7, sequence: 0)) == [appended(0)])
            pass(Self.day - .seconds(3600), fixture)
            #expect(try fixture.send(Numbered(producer: 8, sequence: 0)) == [appended(1)])
            fixture.writer.close()
        }
        let fixture = try LogFixture(directory.path, clock: clock)
        pass(.seconds(1800), fixture)
        #expect(try fixture.send(Numbered(producer: 7, sequence: 5)) == [.outOfOrderSequence])
        pass(.seconds(3600), fixture)
        #expect(try fixture.send(Numbered(producer: 7, sequence: 5)) == [appended(2)])
        #expect(try fixture.send(Numbered(producer: 8, sequence: 5)) == [.outOfOrderSequence])
    }

    @Test("after a kill a producer is as old as the newest record that may be its last, not as the start")
    func expiryOverKill() throws {
        let directory = try TemporaryDirectory()
        let clock = ManualClock()
        do {
            let fixture = try LogFixture(directory.path, clock: clock)
            #expect(try fixture.send(Numbered(producer: 7, sequence: 0)) == [appended(0)])
            // The journal says when, once a minute.
            pass(.seconds(3600), fixture)
        }
        clock.advance(Self.day - .seconds(7200))
        let fixture = try LogFixture(directory.path, clock: clock)
        pass(.seconds(1800), fixture)
        #expect(try fixture.send(Numbered(producer: 7, sequence: 5)) == [.outOfOrderSequence])
        pass(.seconds(3600), fixture)
        #expect(try fixture.send(Numbered(producer: 7, sequence: 5)) == [appended(1)])
    }

    // MARK: - Number

    @Test(
        "of too many producers the one that has been idle for longest goes, over restarts as well",
        arguments: [false, true]
    )
    func tooMany(closes: Bool) throws {
        let directory = try TemporaryDirectory()
        var fixture = try LogFixture(directory.path)
        func restart() throws {
            if closes { fixture.writer.close() }
            fixture = try LogFixture(directory.path)
        }
        let count = Int64(Limits.producersMax)
        for first in stride(from: 0, to: count, by: 100) {
            _ = try fixture.offer((first..<first + 100).map { Numbered(producer: $0, sequence: 0) })
        }
        #expect(fixture.writer.step(waitUpTo: .zero) == .committed)
        #expect(try fixture.send(Numbered(producer: 0, sequence: 1)) == [appended(count)])
        try restart()
        #expect(try fixture.send(Numbered(producer: 1, sequence: 5)) == [.outOfOrderSequence])
        // One more: 1 has been idle for longest, then 2.
        #expect(try fixture.send(Numbered(producer: count, sequence: 0)) == [appended(count + 1)])
        try restart()
        #expect(try fixture.send(Numbered(producer: 0, sequence: 5)) == [.outOfOrderSequence])
        #expect(try fixture.send(Numbered(producer: 2, sequence: 5)) == [.outOfOrderSequence])
        #expect(try fixture.send(Numbered(producer: 1, sequence: 5)) == [appended(count + 2)])
        #expect(try fixture.send(Numbered(producer: 2, sequence: 5)) == [appended(count + 3)])
        #expect(try fixture.send(Numbered(producer: 4, sequence: 5)) == [.outOfOrderSequence])
    }

    @Test("a full disk puts back what a commit had displaced")
    func displacedByFullDisk() throws {
        let directory = try TemporaryDirectory()
        let disk = FaultyDisk.withoutZeros
        let fixture = try LogFixture(directory.path, disk: disk)
        for first in stride(from: 0, to: Int64(Limits.producersMax), by: 100) {
            _ = try fixture.offer((first..<first + 100).map { Numbered(producer: $0, sequence: 0) })
        }
        #expect(fixture.writer.step(waitUpTo: .zero) == .committed)
        disk.plan.withLock { $0.bytesLeft = 10 }
        // 0 is known while its batch is judged, then 5000 displaces it: at the second attempt as at the first.
        let sealed = try #require(
            try fixture.offer([Numbered(producer: 0, sequence: 5), Numbered(producer: 5000, sequence: 0)])
        )
        #expect(fixture.writer.step(waitUpTo: .zero) == .full)
        disk.plan.withLock { $0.bytesLeft = nil }
        fixture.clock.advance(.seconds(1))
        #expect(fixture.writer.step(waitUpTo: .zero) == .committed)
        #expect(sealed.map(\.appendOutcome) == [.outOfOrderSequence, appended(Int64(Limits.producersMax))])
        #expect(try fixture.send(Numbered(producer: 0, sequence: 5)) == [appended(Int64(Limits.producersMax) + 1)])
    }

    // MARK: - Snapshots

    /// A log of several segments in which producer 7 has sent `batches` batches of one record.
    private func rolled(
        _ directory: TemporaryDirectory,
        _ disk: FaultyDisk,
        clock: ManualClock = ManualClock(),
        batches: Int = 12
    ) throws -> LogFixture {
        let fixture = try LogFixture(directory.path, disk: disk, clock: clock, segmentBytes: 300)
        for number in 0..<batches {
            #expect(try fixture.send(Numbered(producer: 7, sequence: Int32(number))) == [appended(Int64(number))])
        }
        #expect(try fixture.partition().segmentCount > 3)
        return fixture
    }

    private func makeSealedUnreadable(_ directory: TemporaryDirectory, _ disk: FaultyDisk) throws {
        let sealed = try names(directory, ".log").dropLast()
        disk.plan.withLock { plan in
            for name in sealed { plan.unreadable["\(directory.path)/log/readings-0/\(name)"] = 0..<(1 << 30) }
        }
    }

    @Test(
        "with a snapshot no sealed segment is read, killed or closed; without one they are",
        arguments: [false, true]
    )
    func snapshotBoundsRecovery(closes: Bool) throws {
        let directory = try TemporaryDirectory()
        let disk = FaultyDisk.withoutZeros
        do {
            let fixture = try rolled(directory, disk)
            if closes { fixture.writer.close() }
        }
        #expect(try names(directory, ".snapshot").count == 2)
        try makeSealedUnreadable(directory, disk)
        do {
            let fixture = try LogFixture(directory.path, disk: disk, segmentBytes: 300)
            #expect(disk.plan.withLock { $0.failedReads } == 0)
            #expect(try fixture.send(Numbered(producer: 7, sequence: 11)) == [duplicate(11)])
            #expect(try fixture.send(Numbered(producer: 7, sequence: 10)) == [duplicate(10)])
            #expect(try fixture.send(Numbered(producer: 7, sequence: 20)) == [.outOfOrderSequence])
        }
        for name in try names(directory, ".snapshot") { try disk.remove("\(directory.path)/log/readings-0/\(name)") }
        _ = try LogFixture(directory.path, disk: disk, segmentBytes: 300)
        #expect(disk.plan.withLock { $0.failedReads } > 0)
    }

    @Test("where the newest snapshot is damaged the one before it is taken, and one segment read")
    func snapshotBefore() throws {
        let directory = try TemporaryDirectory()
        let disk = FaultyDisk.withoutZeros
        _ = try rolled(directory, disk)
        let newest = try #require(try names(directory, ".snapshot").last)
        try write([1, 2, 3], to: "\(directory.path)/log/readings-0/\(newest)")
        // All but the last of the sealed ones.
        let old = try names(directory, ".log").dropLast(2)
        disk.plan.withLock { plan in
            for name in old { plan.unreadable["\(directory.path)/log/readings-0/\(name)"] = 0..<(1 << 30) }
        }
        let fixture = try LogFixture(directory.path, disk: disk, segmentBytes: 300)
        #expect(disk.plan.withLock { $0.failedReads } == 0)
        #expect(try fixture.send(Numbered(producer: 7, sequence: 8)) == [duplicate(8)])
        #expect(try fixture.send(Numbered(producer: 7, sequence: 20)) == [.outOfOrderSequence])
    }

    @Test("a partition without producers has no snapshot and no entry, and its sealed segments are not read")
    func withoutProducers() throws {
        let directory = try TemporaryDirectory()
        let disk = FaultyDisk.withoutZeros
        do {
            let fixture = try LogFixture(directory.path, disk: disk, segmentBytes: 300)
            for number in 0..<12 { try fixture.append(["\(number)"]) }
            fixture.writer.close()
        }
        #expect(try names(directory, ".snapshot").isEmpty)
        try makeSealedUnreadable(directory, disk)
        let journal = try contents(of: directory.path + "/log/readings-0/partition.journal").count
        let fixture = try LogFixture(directory.path, disk: disk, segmentBytes: 300)
        #expect(disk.plan.withLock { $0.failedReads } == 0)
        let before = try contents(of: directory.path + "/log/readings-0/partition.journal").count
        #expect(before == journal)
        // The first producer costs one entry, once.
        #expect(try fixture.send(Numbered(producer: 7, sequence: 0)) == [appended(12)])
        let after = try contents(of: directory.path + "/log/readings-0/partition.journal")
        #expect(after.suffix(9).prefix(4) == [0, 0, 0, 1] && after.last == 8)
        // And what came before need not be read for it, after a kill either.
        let killed = try LogFixture(directory.path, disk: disk, segmentBytes: 1 << 20)
        #expect(disk.plan.withLock { $0.failedReads } == 0)
        #expect(try killed.send(Numbered(producer: 7, sequence: 0)) == [duplicate(12)])
    }

    @Test(
        "segments that were appended a day before the newest are not read for producers, nor snapshots of then believed",
        arguments: [false, true]
    )
    func oldSegments(hasOldSnapshot: Bool) throws {
        let directory = try TemporaryDirectory()
        let disk = FaultyDisk.withoutZeros
        let clock = ManualClock()
        var snapshot: (name: String, bytes: [UInt8]) = ("", [])
        do {
            let fixture = try rolled(directory, disk, clock: clock)
            let oldSnapshot = try #require(try names(directory, ".snapshot").first)
            snapshot = (oldSnapshot, try contents(of: "\(directory.path)/log/readings-0/\(oldSnapshot)"))
            let old = try names(directory, ".log").dropLast()
            disk.plan.withLock { plan in
                for name in old { plan.unreadable["\(directory.path)/log/readings-0/\(name)"] = 0..<(1 << 30) }
            }
            clock.advance(Self.day + .seconds(60))
            for number in 12..<20 { _ = try fixture.send(Numbered(producer: 8, sequence: Int32(number))) }
        }
        for name in try names(directory, ".snapshot") { try disk.remove("\(directory.path)/log/readings-0/\(name)") }
        if hasOldSnapshot { try write(snapshot.bytes, to: "\(directory.path)/log/readings-0/\(snapshot.name)") }
        let fixture = try LogFixture(directory.path, disk: disk, clock: clock, segmentBytes: 300)
        #expect(disk.plan.withLock { $0.failedReads } == 0)
        #expect(try fixture.send(Numbered(producer: 8, sequence: 19)) == [duplicate(19)])
        #expect(try fixture.send(Numbered(producer: 8, sequence: 30)) == [.outOfOrderSequence])
        #expect(try fixture.send(Numbered(producer: 7, sequence: 30)) == [appended(20)])
    }

    @Test("a snapshot of another topic of the same name, or of another place, is none")
    func foreignSnapshots() throws {
        let other = try TemporaryDirectory()
        let otherFixture = try rolled(other, .withoutZeros)
        otherFixture.writer.close()
        let newest = try #require(try names(other, ".snapshot").last)
        let bytes = try contents(of: "\(other.path)/log/readings-0/\(newest)")

        // Its offset is the end of this log, so that nothing else speaks against it.
        let directory = try TemporaryDirectory()
        do { _ = try LogFixture(directory.path).send(Numbered(producer: 7, sequence: 100, count: 12)) }
        try write(bytes, to: "\(directory.path)/log/readings-0/\(newest)")
        let fixture = try LogFixture(directory.path)
        #expect(try fixture.send(Numbered(producer: 7, sequence: 100, count: 12)) == [duplicate(0)])
        #expect(try fixture.send(Numbered(producer: 7, sequence: 112)) == [appended(12)])

        // Its own, under the name of a later offset.
        do {
            let fixture = try LogFixture(other.path, segmentBytes: 1 << 20)
            for number in 12..<15 { _ = try fixture.send(Numbered(producer: 7, sequence: Int32(number))) }
        }
        for name in try names(other, ".snapshot") { try PosixDisk().remove("\(other.path)/log/readings-0/\(name)") }
        try write(bytes, to: "\(other.path)/log/readings-0/00000000000000000014.snapshot")
        let again = try LogFixture(other.path, segmentBytes: 300)
        #expect(try again.send(Numbered(producer: 7, sequence: 13)) == [duplicate(13)])
        #expect(try again.send(Numbered(producer: 7, sequence: 15)) == [appended(15)])
    }

    @Test("a snapshot beyond the end of the log is removed before its offsets are given out again")
    func beyondTheEnd() throws {
        let directory = try TemporaryDirectory()
        do {
            let fixture = try rolled(directory, .withoutZeros)
            fixture.writer.close()
        }
        // The log as somebody has put it back from before its last segments, journal included.
        let kept = try names(directory, ".log").prefix(2)
        let partition = "\(directory.path)/log/readings-0"
        for name in try PosixDisk().list(partition) where !kept.contains(name) && !name.hasSuffix(".snapshot") {
            try PosixDisk().remove("\(partition)/\(name)")
        }
        let fixture = try LogFixture(directory.path)
        let end = try fixture.partition().logEndOffset
        #expect(end < Offset(12))
        #expect(try names(directory, ".snapshot").allSatisfy { Int64($0.prefix(20)) ?? .max <= end.value })
        let next = Int32(end.value)
        #expect(try fixture.send(Numbered(producer: 7, sequence: next + 1)) == [.outOfOrderSequence])
        #expect(try fixture.send(Numbered(producer: 7, sequence: next)) == [.appended(end)])
    }

    @Test("what is no file in the place of a snapshot is as good as none, and stops nothing")
    func directoryForSnapshot() throws {
        let directory = try TemporaryDirectory()
        let partition = "\(directory.path)/log/readings-0"
        do { _ = try rolled(directory, .withoutZeros) }
        for name in try names(directory, ".snapshot") {
            try PosixDisk().remove("\(partition)/\(name)")
            try PosixDisk().createDirectory("\(partition)/\(name)")
        }
        let fixture = try LogFixture(directory.path, segmentBytes: 300)
        for number in 11..<24 {
            #expect(
                try fixture.send(Numbered(producer: 7, sequence: Int32(number)))
                    == [number == 11 ? duplicate(11) : appended(Int64(number))]
            )
        }
        fixture.writer.close()
        let again = try LogFixture(directory.path, segmentBytes: 300)
        #expect(try again.send(Numbered(producer: 7, sequence: 23)) == [duplicate(23)])
    }

    // MARK: - Damage

    @Test("after damage that may have cost a producer's batch any sequence is the next, and what is left is recognised")
    func damage() throws {
        let directory = try TemporaryDirectory()
        do {
            let fixture = try LogFixture(directory.path, disk: FaultyDisk.withoutZeros)
            _ = try fixture.send(Numbered(producer: 7, sequence: 0, count: 3))
            _ = try fixture.send(Numbered(producer: 7, sequence: 3, count: 3))
            _ = try fixture.send(Numbered(producer: 8, sequence: 0, count: 3))
        }
        let path = segment(directory, 0)
        var bytes = try contents(of: path)
        bytes[bytes.count / 2] ^= 1
        try write(bytes, to: path)
        let fixture = try LogFixture(directory.path, disk: FaultyDisk.withoutZeros)
        #expect(fixture.log.recoveryReport.lostOffsets == 3)
        #expect(try fixture.send(Numbered(producer: 7, sequence: 0, count: 3)) == [duplicate(0)])
        // 8 has sent a batch after the damage, so that nothing of it can be missing.
        #expect(try fixture.send(Numbered(producer: 8, sequence: 9)) == [.outOfOrderSequence])
        #expect(try fixture.send(Numbered(producer: 7, sequence: 6)) == [appended(9)])
        #expect(try fixture.send(Numbered(producer: 7, sequence: 9)) == [.outOfOrderSequence])
    }

    @Test("a tail that was acknowledged and is gone may have been anybody's, and of any epoch")
    func lostTail() throws {
        let directory = try TemporaryDirectory()
        let clock = ManualClock()
        let path = segment(directory, 0)
        var length = 0
        do {
            let fixture = try LogFixture(directory.path, disk: FaultyDisk.withoutZeros, clock: clock)
            for producer in 7...9 { _ = try fixture.send(Numbered(producer: Int64(producer), sequence: 0)) }
            length = try contents(of: path).count
            _ = try fixture.send(Numbered(producer: 7, sequence: 1), Numbered(producer: 8, epoch: 1, sequence: 0))
            pass(.seconds(600), fixture)
        }
        try write(Array(try contents(of: path)[..<length]), to: path)
        let fixture = try LogFixture(directory.path, disk: FaultyDisk.withoutZeros, clock: clock)
        #expect(fixture.log.recoveryReport.lostOffsets == 2)
        // Who reads there goes on behind it, and does not come back for it.
        let (partition, reader) = (try fixture.partition(), LogReader(log: fixture.log))
        var buffer = ReadBuffer()
        for from in [3, 4] as [Int64] {
            let end = partition.logEndOffset
            let result = try reader.read(partition, from: Offset(from), upTo: end, maxBytes: 4096, into: &buffer)
            #expect(result.isEmpty && result.nextOffset == Offset(5))
        }
        #expect(try fixture.send(Numbered(producer: 9, sequence: 0)) == [duplicate(2)])
        #expect(try fixture.send(Numbered(producer: 7, sequence: 2)) == [appended(5)])
        #expect(try fixture.send(Numbered(producer: 8, epoch: 1, sequence: 1)) == [appended(6)])
        #expect(try fixture.send(Numbered(producer: 8, epoch: 0, sequence: 1)) == [.fencedEpoch])
    }

    @Test("a base offset that is damaged in a sealed segment makes nobody's batches out of order", arguments: 0..<64)
    func damagedBaseOffset(bit: Int) throws {
        let directory = try TemporaryDirectory()
        do {
            let fixture = try LogFixture(directory.path, disk: FaultyDisk.withoutZeros, segmentBytes: 600)
            _ = try fixture.send(Numbered(producer: 7, sequence: 0), Numbered(producer: 7, sequence: 1))
            for number in 0..<12 { _ = try fixture.send(Numbered(producer: 8, sequence: Int32(number))) }
            #expect(try fixture.partition().segmentCount > 1)
        }
        for name in try names(directory, ".snapshot") {
            try PosixDisk().remove("\(directory.path)/log/readings-0/\(name)")
        }
        // That of 7's first batch, or of its last: what follows may then seem to be there already.
        for start in [0, try contents(of: segment(directory, 0)).count / 7] {
            let copy = try TemporaryDirectory()
            try Self.copy(directory.path, to: copy.path)
            var bytes = try contents(of: segment(copy, 0))
            bytes[start + bit / 8] ^= 1 << UInt8(bit % 8)
            try write(bytes, to: segment(copy, 0))
            let fixture = try LogFixture(copy.path, segmentBytes: 1 << 20)
            #expect(try fixture.send(Numbered(producer: 7, sequence: 2)) == [appended(14)])
            #expect(try fixture.send(Numbered(producer: 8, sequence: 12)) == [appended(15)])
        }
    }

    private static func copy(_ source: String, to target: String) throws {
        let disk = PosixDisk()
        for name in try disk.list(source) {
            if let inside = try? disk.list("\(source)/\(name)") {
                try disk.createDirectory("\(target)/\(name)")
                if !inside.isEmpty { try copy("\(source)/\(name)", to: "\(target)/\(name)") }
            } else {
                try write(try contents(of: "\(source)/\(name)"), to: "\(target)/\(name)")
            }
        }
    }

    @Test("a compacted topic's producers are known from what compaction has left")
    func compacted() throws {
        let directory = try TemporaryDirectory()
        let topics: [TopicName: TopicConfiguration] = [
            .readings: .init(cleanup: .compact, segmentBytes: ByteCount(300))
        ]
        let clock = ManualClock()
        do {
            let fixture = try LogFixture(directory.path, clock: clock, topics: topics)
            for number in 0..<20 {
                #expect(try fixture.send(Numbered(producer: 7, sequence: Int32(number))) == [appended(Int64(number))])
            }
            for _ in 0..<40 {
                clock.advance(.seconds(60))
                _ = fixture.writer.step(waitUpTo: .zero)
            }
            #expect(try LogFixture.records(fixture.log).count < 12)
        }
        for name in try names(directory, ".snapshot") {
            try PosixDisk().remove("\(directory.path)/log/readings-0/\(name)")
        }
        let fixture = try LogFixture(directory.path, clock: clock, topics: topics)
        #expect(try fixture.send(Numbered(producer: 7, sequence: 19)) == [duplicate(19)])
        #expect(try fixture.send(Numbered(producer: 7, sequence: 20)) == [appended(20)])
    }

    @Test("has the bytes of docs/storage-format.md")
    func golden() throws {
        let directory = try TemporaryDirectory()
        let clock = ManualClock()
        let fixture = try LogFixture(directory.path, clock: clock)
        let id = try fixture.partition().topicID
        #expect(try fixture.send(Numbered(producer: 0x0102, epoch: 3, sequence: .max, count: 2)) == [appended(0)])
        #expect(try fixture.send(Numbered(producer: 0x0102, epoch: 3, sequence: 1)) == [appended(2)])
        fixture.writer.close()
        let bytes = try contents(of: "\(directory.path)/log/readings-0/00000000000000000003.snapshot")
        var expected: [UInt8] = []
        for half in [id.high, id.low] { withUnsafeBytes(of: half.bigEndian) { expected += $0 } }
        expected += [
            0, 0, 0, 0, 0, 0, 0, 3, // offset
            0, 0, 0, 1, // producers
            0, 0, 0, 0, 0, 0, 1, 2, // id
            0, 3, // epoch
            0, // certain
            0x00, 0x00, 0x01, 0xA1, 0xEE, 0x56, 0x5E, 0x00, // appended at
            1, // by a synchronised clock
            2, // batches
            0x7F, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // sequences 2^31 - 1 to 0 at offset 0
            0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, // 1 to 1 at offset 2
        ]
        #expect(Array(bytes[4...]) == expected)
        let checksum = expected.withUnsafeBytes { CRC32C.checksum($0) }
        #expect(bytes[..<4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } == checksum)
    }
}
