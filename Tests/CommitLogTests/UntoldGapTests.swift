// Losses are told of until somebody has durably been told.
import CommitLog
import Platform
import Synchronization
import Testing

@Suite("Untold gaps")
struct UntoldGapTests {
    private static let segment = "/log/readings-0/00000000000000000000.log"

    /// Of three records the middle one is damaged.
    private func damagedLog() throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory()
        let fixture = try LogFixture(directory.path, disk: FaultyDisk.withoutZeros)
        for value in ["first", "second", "third"] { try fixture.append([value]) }
        var bytes = try contents(of: directory.path + Self.segment)
        bytes[61 + 8 + 5 + 65] ^= 0x10
        try write(bytes, to: directory.path + Self.segment)
        return directory
    }

    /// How many gaps each of three starts has to tell of; the first is told, and has as long as it takes to say so.
    private func untold(forgetting: Bool) throws -> [Int] {
        let directory = try damagedLog()
        let disk = FaultyDisk()
        var counts: [Int] = []
        for isTold in [false, true, false] {
            let fixture = try LogFixture(directory.path, disk: disk)
            if forgetting { disk.plan.withLock { $0.forgottenWrites = "partition.journal" } }
            let untold = fixture.log.untoldGaps
            counts.append(untold.count)
            #expect(untold.allSatisfy { $0.gap.from == Offset(1) && $0.gap.to == Offset(2) })
            guard isTold else { continue }
            fixture.log.markTold(untold)
            #expect(fixture.log.untoldGaps.isEmpty)
            fixture.clock.advance(Limits.spaceInterval)
            _ = fixture.writer.step(waitUpTo: .zero)
        }
        return counts
    }

    @Test("a start that ended before it told of a gap leaves it to the next; one that told does not")
    func told() throws {
        #expect(try untold(forgetting: false) == [1, 1, 0])
    }

    @Test("a journal that forgets who was told would be found")
    func planted() throws {
        #expect(try untold(forgetting: true) == [1, 1, 1])
    }
}
