// Bytes that the device cannot read: damage of their range, and the rest is served.
import CommitLog
import Platform
import Synchronization
import Testing

@Suite("Unreadable bytes")
struct UnreadableTests {
    /// Nine batches of 9,074 bytes: four in a sealed segment, four in another, and one more.
    private func log(in directory: TemporaryDirectory, closes: Bool) throws -> [String] {
        let fixture = try LogFixture(directory.path, disk: FaultyDisk(), segmentBytes: 40_000)
        let big = String(repeating: "x", count: 9000)
        for number in 0..<11 { try fixture.append(["\(number % 10)\(big)"]) }
        if closes { fixture.writer.close() }
        return try fixture.partition().describeSegments().map(\.path)
    }

    private func reopen(_ directory: TemporaryDirectory, _ disk: FaultyDisk) throws -> LogFixture {
        try LogFixture(directory.path, disk: disk, segmentBytes: 40_000)
    }

    private func offsets(_ fixture: LogFixture) throws -> [Int64] {
        try LogFixture.records(fixture.log, skipsDamage: true).map(\.offset)
    }

    @Test("a bad sector in any segment costs the batches that it holds, once", arguments: [0, 1, 2])
    func badSector(segment: Int) throws {
        let directory = try TemporaryDirectory()
        let paths = try log(in: directory, closes: true)
        let disk = FaultyDisk()
        // One sector inside of the second batch of the segment; the page around it lies inside as well.
        disk.plan.withLock { $0.unreadable = [paths[segment]: 13_000..<13_512] }
        let fixture = try reopen(directory, disk)
        let lost = Int64(4 * segment + 1)
        let served = (0..<11).map { Int64($0) }.filter { $0 != lost }
        #expect(try offsets(fixture) == served)
        #expect(fixture.writer.step(waitUpTo: .zero) == .idle)
        #expect(try offsets(fixture) == served)
        let gap = OffsetGap(from: Offset(lost), to: Offset(lost + 1), reason: .damage)
        #expect(try fixture.partition().gaps == [gap])
        #expect(fixture.log.metrics.lostOffsets == 1)
        #expect(disk.plan.withLock { $0.failedReads } > 0)
        #expect(disk.plan.withLock { $0.unreadable.keys.contains(paths[segment] + ".damaged") }, "the original is kept")
        fixture.writer.close()
        let again = try reopen(directory, disk)
        #expect(again.writer.step(waitUpTo: .zero) == .idle)
        #expect(!again.log.recoveryReport.foundLoss && again.log.repairs == [])
        #expect(try LogFixture.records(again.log).map(\.offset) == served)
    }

    @Test(
        "an unreadable tail is a gap although nothing recorded it as synced: kept, named, its offset not given out again"
    )
    func badTail() throws {
        let directory = try TemporaryDirectory()
        let paths = try log(in: directory, closes: false)
        let last = try #require(paths.last)
        let disk = FaultyDisk()
        disk.plan.withLock { $0.unreadable = [last: 26_000..<26_512] }
        let fixture = try reopen(directory, disk)
        #expect(try offsets(fixture) == (0..<10).map { Int64($0) })
        #expect(fixture.log.recoveryReport.partitions.first?.keptFiles == [last + ".damaged"])
        #expect(try fixture.partition().gaps == [OffsetGap(from: Offset(10), to: Offset(11), reason: .damage)])
        #expect(try fixture.append(["new"]) == Offset(11))
        #expect(try reopen(directory, disk).values().last == "new")
    }

    @Test("an unreadable journal, index, FORMAT or cursor stops nothing")
    func metadata() throws {
        let directory = try TemporaryDirectory()
        let paths = try log(in: directory, closes: true)
        let cursor = try CursorFile(dataDirectory: directory.path, name: "reader", disk: PosixDisk())
        try cursor.store([1])
        let stem = paths[0].dropLast(4)
        let journal = directory.path + "/log/readings-0/partition.journal"
        for path in [journal, stem + ".index", stem + ".timeindex", directory.path + "/FORMAT"] {
            let disk = FaultyDisk()
            disk.plan.withLock { $0.unreadable = [path: 0..<100_000] }
            let fixture = try reopen(directory, disk)
            #expect(try offsets(fixture) == (0..<11).map { Int64($0) }, "\(path)")
            #expect(fixture.writer.step(waitUpTo: .zero) == .idle)
        }
        let disk = FaultyDisk()
        disk.plan.withLock { $0.unreadable = [directory.path + "/cursors/reader": 0..<100_000] }
        let again = try CursorFile(dataDirectory: directory.path, name: "reader", disk: disk)
        #expect(try again.load() == .damaged)
    }
}
