// Damage in sealed segments: noted by the opening or by a reader, repaired by the writer, and never a standstill.
import CommitLog
import Platform
import Testing

@Suite("Damage in sealed segments")
struct SealedDamageTests {
    private static let batchBytes = 1000
    private static let segmentBytes: Int64 = 5000

    /// Twelve batches of 1,000 bytes in segments of five, then one more; closed, so that nothing waits.
    private func sealedLog() throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory()
        let fixture = try LogFixture(directory.path, disk: FaultyDisk(), segmentBytes: Self.segmentBytes)
        let filler = String(repeating: "x", count: Self.batchBytes - 61 - 11)
        for number in 0..<13 { try fixture.append(["\(number % 10)\(filler)"]) }
        let first = try #require(fixture.partition().describeSegments().first)
        try #require(first.isSealed && first.size == ByteCount(Self.segmentBytes))
        fixture.writer.close()
        return directory
    }

    private func path(_ directory: TemporaryDirectory, _ base: Int) -> String {
        let digits = String(base)
        return directory.path + "/log/readings-0/" + String(repeating: "0", count: 20 - digits.count) + digits + ".log"
    }

    private func reopen(_ directory: TemporaryDirectory) throws -> LogFixture {
        try LogFixture(directory.path, disk: FaultyDisk(), segmentBytes: Self.segmentBytes)
    }

    private func offsets(_ fixture: LogFixture) throws -> [Int64] {
        try LogFixture.records(fixture.log, skipsDamage: true).map(\.offset)
    }

    /// What is the same whatever hit the second segment: repaired once, served on, found whole by the next start.
    private func check(_ fixture: LogFixture, _ directory: TemporaryDirectory, lost: Range<Int64>) throws {
        let gap = OffsetGap(from: Offset(lost.lowerBound), to: Offset(lost.upperBound), reason: .damage)
        let served = (0..<13).map { Int64($0) }.filter { !lost.contains($0) }
        #expect(try offsets(fixture) == served)
        #expect(fixture.writer.step(waitUpTo: .zero) == .idle)
        let repair = try #require(fixture.log.repairs.first)
        #expect(fixture.log.repairs.count == 1)
        #expect(repair.gaps == (lost.isEmpty ? [] : [gap]))
        #expect(fixture.log.metrics.repairedSegments == 1)
        #expect(fixture.log.metrics.lostOffsets == UInt64(lost.count))
        // Nobody meets the damage any more, also not a reader that has to look up its place.
        for from in 0..<13 {
            let read = try LogFixture.records(fixture.log, from: Offset(Int64(from)))
            #expect(read.map(\.offset) == served.filter { $0 >= from }, "from \(from)")
        }
        #expect(try !LogVerify.run(fixture.log).hasUnknownDamage)
        try fixture.append(["new"])
        fixture.writer.close()
        let again = try reopen(directory)
        #expect(again.writer.step(waitUpTo: .zero) == .idle)
        #expect(again.log.repairs == [] && !again.log.recoveryReport.foundLoss)
        #expect(try again.partition().gaps == (lost.isEmpty ? [] : [gap]))
        #expect(try offsets(again) == served + [13])
    }

    @Test("a batch whose bytes changed is the only one lost, and the original is kept", arguments: [0, 2, 4])
    func flipped(batch: Int) throws {
        let directory = try sealedLog()
        let path = path(directory, 5)
        var bytes = try contents(of: path)
        bytes[batch * Self.batchBytes + 500] ^= 0x10
        try write(bytes, to: path)
        let fixture = try reopen(directory)
        let lost = Int64(5 + batch)
        try check(fixture, directory, lost: lost..<lost + 1)
        #expect(fixture.log.repairs.first?.keptFile == path + ".damaged")
        #expect(try contents(of: path + ".damaged") == bytes)
        #expect(try contents(of: path).count == 4 * Self.batchBytes)
    }

    @Test("a base offset that changed, which no checksum covers, is put right")
    func restamped() throws {
        let directory = try sealedLog()
        let path = path(directory, 5)
        let whole = try contents(of: path)
        var bytes = whole
        bytes[2 * Self.batchBytes + 7] ^= 0x40
        try write(bytes, to: path)
        let fixture = try reopen(directory)
        #expect(try offsets(fixture).count == 12)
        #expect(fixture.writer.step(waitUpTo: .zero) == .idle)
        #expect(fixture.log.repairs.first?.gaps == [])
        #expect(try contents(of: path) == whole)
        #expect(try offsets(fixture) == (0..<13).map { Int64($0) })
    }

    @Test("a file that has become shorter is noticed by the opening", arguments: [0, 2000, 2500])
    func shortened(to rest: Int) throws {
        let directory = try sealedLog()
        let path = path(directory, 5)
        try PosixDisk().open(path, .update).truncate(to: Int64(rest))
        let fixture = try reopen(directory)
        #expect(fixture.writer.step(waitUpTo: .zero) == .idle)
        try check(fixture, directory, lost: Int64(5 + rest / Self.batchBytes)..<10)
    }

    @Test("a first file that is empty or gone is no work of retention, but a loss", arguments: [true, false])
    func firstFile(isGone: Bool) throws {
        let directory = try sealedLog()
        let path = path(directory, 0)
        if isGone { try PosixDisk().remove(path) } else { try PosixDisk().open(path, .update).truncate(to: 0) }
        let gap = OffsetGap(from: .zero, to: Offset(5), reason: isGone ? .missingSegment : .damage)
        let fixture = try reopen(directory)
        #expect(fixture.writer.step(waitUpTo: .zero) == .idle)
        #expect(fixture.log.recoveryReport.partitions.flatMap(\.gaps) + fixture.log.repairs.flatMap(\.gaps) == [gap])
        #expect(fixture.log.metrics.lostOffsets == 5)
        #expect(try fixture.partition().gaps == [gap])
        #expect(try offsets(fixture) == (5..<13).map { Int64($0) })
        fixture.writer.close()
        let again = try reopen(directory)
        #expect(again.writer.step(waitUpTo: .zero) == .idle)
        #expect(!again.log.recoveryReport.foundLoss && again.log.repairs == [])
        #expect(try again.partition().gaps == [gap])
    }

    @Test("verification tells each kind of damage as a value")
    func kinds() throws {
        func kinds(_ change: (inout [UInt8]) -> Void) throws -> [LogDamage.Kind] {
            let directory = try sealedLog()
            var bytes = try contents(of: path(directory, 5))
            change(&bytes)
            try write(bytes, to: path(directory, 5))
            let configuration = LogConfiguration(directory: directory.path, topics: [:])
            let log = try CommitLog.open(configuration, disk: PosixDisk(), clock: ManualClock(), access: .readOnly)
            return try LogVerify.run(log).damage.map(\.kind)
        }
        #expect(try kinds { _ in } == [])
        #expect(try kinds { $0[500] ^= 1 } == [.noBatch, .checksum])
        #expect(try kinds { $0[7] ^= 1 } == [.baseOffset(Offset(4)), .baseOffset(Offset(6)), .checksum])
        #expect(try kinds { $0[12] ^= 1 } == [.checksum])
        #expect(try kinds { $0.removeLast(1000) }.first == .length(found: 4000, sealed: 5000))
    }

    @Test("a file that has become longer loses nothing")
    func lengthened() throws {
        let directory = try sealedLog()
        let path = path(directory, 5)
        let whole = try contents(of: path)
        try write(whole + whole, to: path)
        try check(try reopen(directory), directory, lost: 0..<0)
        #expect(try contents(of: path) == whole)
    }

    @Test("a file that goes while the log is open is a gap, and readers go on after it")
    func removedWhileOpen() throws {
        let directory = try sealedLog()
        let fixture = try reopen(directory)
        try PosixDisk().remove(path(directory, 5))
        let served = [0, 1, 2, 3, 4, 10, 11, 12] as [Int64]
        #expect(try offsets(fixture) == served)
        #expect(fixture.writer.step(waitUpTo: .zero) == .idle)
        let gap = OffsetGap(from: Offset(5), to: Offset(10), reason: .missingSegment)
        #expect(fixture.log.repairs.first?.gaps == [gap])
        #expect(try LogFixture.records(fixture.log).map(\.offset) == served)
    }

    /// A closed segment of three megabytes with a turned byte: its path and bytes.
    private func largeDamage(_ directory: TemporaryDirectory) throws -> (path: String, bytes: [UInt8]) {
        let large = 3 << 20
        let fixture = try LogFixture(directory.path, disk: FaultyDisk(), segmentBytes: Int64(large))
        let filler = String(repeating: "x", count: 100_000)
        while try fixture.partition().segmentCount == 1 { try fixture.append([filler]) }
        fixture.writer.close()
        let path = path(directory, 0)
        var bytes = try contents(of: path)
        bytes[bytes.count / 2] ^= 0x10
        try write(bytes, to: path)
        return (path, bytes)
    }

    @Test(
        "the repair of a large segment is done in slices, with commits in between, and a crash in it leaves the old file"
    )
    func slices() throws {
        let directory = try TemporaryDirectory()
        let (path, bytes) = try largeDamage(directory)
        do {
            let fixture = try LogFixture(directory.path, disk: FaultyDisk(), segmentBytes: 3 << 20)
            _ = try LogFixture.records(fixture.log, maxBytes: 1 << 20, skipsDamage: true)
            // The scan takes twelve slices; this is in the middle of the copy.
            for _ in 0..<18 { #expect(fixture.writer.step(waitUpTo: .zero) == .idle) }
            #expect(fixture.log.repairs.isEmpty)
            #expect(try contents(of: path) == bytes)
            #expect(try PosixDisk().exists(path + ".cleaned"))
        }
        let again = try LogFixture(directory.path, disk: FaultyDisk(), segmentBytes: 3 << 20)
        #expect(try contents(of: path) == bytes)
        #expect(try !PosixDisk().exists(path + ".cleaned"))
        let before = try LogFixture.records(again.log, maxBytes: 1 << 20, skipsDamage: true).map(\.offset)
        var steps = 0
        var appended: [Int64] = []
        while again.log.repairs.isEmpty, steps < 1000 {
            appended.append(try again.append(["between"]).value)
            // A busy writer repairs a slice in each interval.
            again.clock.advance(.milliseconds(100))
            steps += 1
        }
        #expect(steps > 20 && steps < 40, "\(steps)")
        let repair = try #require(again.log.repairs.first)
        #expect(repair.gaps.count == 1 && repair.keptFile == path + ".damaged")
        #expect(try contents(of: path + ".damaged") == bytes)
        #expect(try LogFixture.records(again.log, maxBytes: 1 << 20).map(\.offset) == before + appended)
        #expect(try !LogVerify.run(again.log).hasUnknownDamage)
    }

    @Test("a repair whose copy went missing would be caught")
    func plantedCopy() throws {
        let directory = try TemporaryDirectory()
        _ = try largeDamage(directory)
        let disk = FaultyDisk(.init(forgottenWrites: ".cleaned"))
        let fixture = try LogFixture(directory.path, disk: disk, segmentBytes: 3 << 20)
        let before = try LogFixture.records(fixture.log, maxBytes: 1 << 20, skipsDamage: true).count
        for _ in 0..<100 where fixture.log.repairs.isEmpty { _ = fixture.writer.step(waitUpTo: .zero) }
        #expect(fixture.log.repairs.count == 1)
        #expect(try LogFixture.records(fixture.log, maxBytes: 1 << 20, skipsDamage: true).count < before)
    }

    @Test("retention may take a segment while it is repaired")
    func deletedUnderRepair() throws {
        let directory = try TemporaryDirectory()
        let (path, _) = try largeDamage(directory)
        let topic = TopicConfiguration(retention: .seconds(3600))
        let fixture = try LogFixture(
            directory.path,
            disk: FaultyDisk(),
            topics: [.readings: topic],
            segmentBytes: 3 << 20
        )
        _ = try LogFixture.records(fixture.log, maxBytes: 1 << 20, skipsDamage: true)
        for _ in 0..<18 { #expect(fixture.writer.step(waitUpTo: .zero) == .idle) }
        #expect(try PosixDisk().exists(path + ".cleaned"))
        fixture.clock.advance(.seconds(8000))
        #expect(fixture.writer.step(waitUpTo: .zero) == .idle)
        #expect(fixture.log.repairs.isEmpty)
        #expect(try !PosixDisk().exists(path) && !PosixDisk().exists(path + ".cleaned"))
        try fixture.append(["new"])
    }

    @Test("what verification finds in a log that is open for writing is repaired, and the next one finds nothing")
    func verificationRepairs() throws {
        let directory = try TemporaryDirectory()
        let fixture = try LogFixture(directory.path)
        for value in ["a", "b", "c"] { try fixture.append([value]) }
        let path = try #require(fixture.partition().describeSegments().first?.path)
        let file = try PosixDisk().open(path, .update)
        try withUnsafeBytes(of: UInt8(0x55)) { try file.write([$0], at: 70 + 65) }
        #expect(try LogVerify.run(fixture.log).damage.map(\.kind) == [.noBatch])
        #expect(fixture.writer.step(waitUpTo: .zero) == .idle)
        #expect(try fixture.values() == ["a", "c"])
        #expect(try LogVerify.run(fixture.log).damage == [])
    }

    @Test("damage in the active segment is repaired while the log is open")
    func active() throws {
        let directory = try sealedLog()
        let fixture = try reopen(directory)
        let path = path(directory, 10)
        let file = try PosixDisk().open(path, .update)
        try [UInt8](repeating: 0xFF, count: 4).withUnsafeBytes { try file.write([$0], at: 1500) }
        try check(fixture, directory, lost: 11..<12)
    }

    /// The reader stands in the old file, before the damage, when the repaired one takes its place.
    @Test("a reader that is in the middle of a segment while it is repaired misses nothing")
    func repairedUnderReader() throws {
        let directory = try sealedLog()
        let path = path(directory, 5)
        var bytes = try contents(of: path)
        bytes[2 * Self.batchBytes + 500] ^= 0x10
        try write(bytes, to: path)
        let fixture = try reopen(directory)
        let partition = try fixture.partition()
        let reader = LogReader(log: fixture.log)
        var buffer = ReadBuffer()
        _ = try reader.read(partition, from: Offset(5), upTo: Offset(13), maxBytes: 1, into: &buffer)
        _ = try offsets(fixture)
        #expect(fixture.writer.step(waitUpTo: .zero) == .idle)
        #expect(fixture.log.repairs.count == 1)
        var seen: [Int64] = []
        var next = Offset(6)
        while next < Offset(13) {
            do {
                next = try reader.read(partition, from: next, upTo: Offset(13), maxBytes: 1, into: &buffer).nextOffset
                var batches = buffer.batches
                while let batch = batches.next() { seen.append(batch.header.baseOffset) }
            } catch {
                next = try #require(error.resumeAt)
            }
        }
        #expect(seen == [6, 8, 9, 10, 11, 12])
    }
}
