// A cut of the log and the journal that fits it: copied by hand while the log moves on, and opened as a log of its own.
import CommitLog
import Platform
import Synchronization
import Testing

@Suite("A cut of the log")
struct LogCutTests {
    /// Copies what is still there of `cut`, as a backup does.
    private func copy(_ cut: LogCut, from source: String, to target: String, clock: ManualClock) throws -> JournalCut {
        let disk = PosixDisk()
        let part = try #require(cut.partitions.first { $0.topicPartition == LogFixture.readings })
        let (from, to) = ("\(source)/log/\(part.topicPartition)", "\(target)/log/\(part.topicPartition)")
        try disk.createDirectory("\(target)/log")
        try disk.createDirectory(to)
        var copied: [Offset] = []
        for segment in part.segments where try disk.exists(path(from, segment.base)) {
            let bytes = try contents(of: path(from, segment.base))
            try write(Array(bytes.prefix(Int(segment.length.value))), to: path(to, segment.base))
            copied.append(segment.base)
        }
        if copied.isEmpty || copied.last != part.segments.last?.base {
            try write([], to: path(to, part.end))
            copied.append(part.end)
        }
        let journal = try JournalCut(of: part, copied: copied, directory: from, disk: disk, clock: clock)
        try write(journal.bytes, to: "\(to)/partition.journal")
        return journal
    }

    private func path(_ directory: String, _ base: Offset) -> String {
        let digits = String(base.value)
        return "\(directory)/\(String(repeating: "0", count: 20 - digits.count))\(digits).log"
    }

    /// The copy's records, which must be whole.
    private func records(_ directory: String, end: Offset) throws -> [PlainRecord] {
        let log = try CommitLog.open(
            LogConfiguration(directory: directory, topics: [:]),
            disk: PosixDisk(),
            clock: ManualClock(),
            access: .readOnly
        )
        let found = try LogVerify.run(log)
        #expect(!found.hasUnknownDamage, "\(found.damage)")
        #expect(found.partitions.map(\.logEndOffset) == [end])
        return try LogFixture.records(log)
    }

    private func fixture(_ directory: TemporaryDirectory, _ clock: ManualClock) throws -> LogFixture {
        let topics = [TopicName.readings: TopicConfiguration(retention: .seconds(3600))]
        return try LogFixture(directory.path, clock: clock, topics: topics, segmentBytes: 400)
    }

    private func fill(_ fixture: LogFixture, _ numbers: Range<Int>) throws {
        for number in numbers { try fixture.append(["value \(number) " + String(repeating: "x", count: 60)]) }
    }

    @Test("what is appended and rolled afterwards is not in it")
    func appending() throws {
        let (source, target, clock) = (try TemporaryDirectory(), try TemporaryDirectory(), ManualClock())
        let fixture = try fixture(source, clock)
        try fill(fixture, 0..<21)
        let before = try LogFixture.records(fixture.log)
        let cut = try LogCut(fixture.log)
        try fill(fixture, 21..<60)
        let journal = try copy(cut, from: source.path, to: target.path, clock: clock)
        #expect(try records(target.path, end: Offset(21)) == before)
        #expect(journal.logStartOffset == .zero)
        #expect(journal.checksums.count == cut.partitions[0].segments.count - 1)
        let again = try LogFixture(target.path, clock: clock, topics: [:])
        #expect(!again.log.recoveryReport.partitions.contains { $0.foundLoss })
        #expect(try again.append(["goes on"]) == Offset(21))
    }

    @Test("what retention deletes before it is copied is left out, even all of it")
    func retention() throws {
        for kept in [true, false] {
            let (source, target, clock) = (try TemporaryDirectory(), try TemporaryDirectory(), ManualClock())
            let fixture = try fixture(source, clock)
            try fill(fixture, 0..<10)
            clock.advance(.seconds(3000))
            try fill(fixture, 10..<20)
            let before = try LogFixture.records(fixture.log)
            let cut = try LogCut(fixture.log)
            clock.advance(.seconds(kept ? 1000 : 100_000))
            #expect(fixture.writer.step(waitUpTo: .zero) == .idle)
            try fill(fixture, 20..<22)
            let start = try fixture.partition().logStartOffset
            #expect(kept ? start < Offset(20) && start > .zero : start == Offset(20))
            let journal = try copy(cut, from: source.path, to: target.path, clock: clock)
            #expect(journal.logStartOffset == start)
            #expect(try records(target.path, end: Offset(20)) == before.filter { $0.offset >= start.value })
        }
    }

    @Test("a file that is gone for another reason is a gap on record")
    func missingFile() throws {
        let (source, target, clock) = (try TemporaryDirectory(), try TemporaryDirectory(), ManualClock())
        let fixture = try fixture(source, clock)
        try fill(fixture, 0..<20)
        let before = try LogFixture.records(fixture.log)
        let cut = try LogCut(fixture.log)
        let (lost, next) = (cut.partitions[0].segments[1].base, cut.partitions[0].segments[2].base)
        try PosixDisk().remove(path("\(source.path)/log/readings-0", lost))
        _ = try copy(cut, from: source.path, to: target.path, clock: clock)
        #expect(
            try records(target.path, end: Offset(20))
                == before.filter { !(lost.value..<next.value).contains($0.offset) }
        )
    }

    @Test("cuts that are taken while another thread commits end with whole batches at their high watermark")
    func concurrentCommits() throws {
        let (source, clock) = (try TemporaryDirectory(), ManualClock())
        let fixture = try LogFixture(source.path, clock: clock, segmentBytes: 20_000)
        nonisolated(unsafe) let writing = fixture
        let isStopping = Atomic(false)
        let thread = PlatformThread(name: "writer") {
            var number = 0
            while !isStopping.load(ordering: .relaxed) {
                _ = try? writing.append((0...number % 7).map { "value \(number) \($0)" })
                number += 1
            }
        }
        defer {
            isStopping.store(true, ordering: .relaxed)
            thread.join()
        }
        var ends: Set<Offset> = []
        for _ in 0..<100 {
            let cut = try LogCut(fixture.log)
            let end = cut.partitions[0].end
            ends.insert(end)
            let target = try TemporaryDirectory()
            _ = try copy(cut, from: source.path, to: target.path, clock: clock)
            #expect(try records(target.path, end: end).map(\.offset) == Array(0..<end.value))
        }
        print("cuts 100, at \(ends.count) different ends")
        #expect(ends.count > 50)
    }
}
