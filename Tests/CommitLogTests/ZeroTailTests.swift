// Zeros ahead of the end of an active segment: when they are written, and that nobody is misled by them.
import CommitLog
import Platform
import Synchronization
import Testing

@Suite("Zeros ahead")
struct ZeroTailTests {
    private static let tail: Int64 = 64 << 10

    private struct Setup {
        let directory: TemporaryDirectory
        let disk = FaultyDisk()
        var fixture: LogFixture

        init(segmentBytes: Int64 = 64 << 20, free: Int64 = 1 << 30) throws {
            directory = try TemporaryDirectory()
            let space = DiskSpace(total: 1 << 40, free: free)
            disk.plan.withLock { $0.space = space }
            fixture = try LogFixture(directory.path, disk: disk, segmentBytes: segmentBytes)
            // The first step asks for the free space.
            _ = fixture.writer.step(waitUpTo: .zero)
        }

        func size(of base: Int64 = 0) throws -> Int64 {
            let name = String(repeating: "0", count: 20 - "\(base)".count) + "\(base).log"
            return try PosixDisk().open("\(directory.path)/log/readings-0/\(name)", .read).size()
        }
    }

    @Test("small commits lie in zeros that were written ahead, and so cost the file system no new length")
    func small() throws {
        let setup = try Setup()
        var sizes: Set<Int64> = []
        for number in 0..<100 {
            try setup.fixture.append(["reading \(number)"])
            sizes.insert(try setup.size())
        }
        let length = try setup.fixture.partition().sizeBytes.value
        #expect(sizes.count == 1 && sizes.first ?? 0 > length && sizes.first ?? 0 <= length + ZeroTailTests.tail)
        setup.fixture.writer.close()
        #expect(try setup.size() == length, "a file at rest ends with its last batch")
    }

    @Test("large commits, and any where little space is left, write none", arguments: [(6000, 1 << 30), (10, 1 << 20)])
    func none(bytes: Int, free: Int64) throws {
        let setup = try Setup(free: free)
        for _ in 0..<20 { try setup.fixture.append([String(repeating: "x", count: bytes)]) }
        let length = try setup.fixture.partition().sizeBytes.value
        // The first large commits are not known to be the first of many.
        #expect(try setup.size() <= max(length, ZeroTailTests.tail + 20_000))
        if free < Limits.zeroTailSpaceMin { #expect(try setup.size() == length) }
    }

    @Test("a kill leaves them to the next start, which cuts them and goes on")
    func killed() throws {
        var setup = try Setup()
        try setup.fixture.append(["a", "b"])
        let length = try setup.fixture.partition().sizeBytes.value
        #expect(try setup.size() > length)
        setup.fixture = try LogFixture(setup.directory.path, disk: setup.disk)
        let report = try #require(setup.fixture.log.recoveryReport.partitions.first)
        #expect(report.gaps.isEmpty && report.cutBytes == ByteCount(0))
        #expect(try setup.size() == length)
        try setup.fixture.append(["c"])
        #expect(try setup.fixture.values() == ["a", "b", "c"])
    }

    @Test("a segment that is closed ends where its batches end")
    func rolled() throws {
        let setup = try Setup(segmentBytes: 100_000)
        while try setup.fixture.partition().segmentCount == 1 {
            try setup.fixture.append([String(repeating: "x", count: 1000)])
        }
        let sealed = try setup.size()
        setup.fixture.writer.close()
        let active = try setup.size(of: try setup.fixture.partition().logEndOffset.value - 1)
        #expect(sealed + active == (try setup.fixture.partition().sizeBytes.value))
    }

    @Test("that they find no room fails no commit; that the batches find none does", arguments: [true, false])
    func full(batchFits: Bool) throws {
        let setup = try Setup()
        setup.disk.plan.withLock { $0.bytesLeft = batchFits ? 1000 : 10 }
        let sealed = setup.fixture.batch(["a"])
        let offered = setup.fixture.log.inbox.offer(sealed, to: try setup.fixture.partition())
        guard case .accepted = offered else { throw FixtureError.refused }
        #expect(setup.fixture.writer.step(waitUpTo: .zero) == (batchFits ? .committed : .full))
    }
}
