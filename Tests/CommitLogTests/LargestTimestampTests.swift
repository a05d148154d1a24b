// The record with the largest timestamp, against a look at all of them.
import CommitLog
import Platform
import Synchronization
import Testing

@Suite("The largest timestamp")
struct LargestTimestampTests {
    private func largest(_ log: CommitLog, upTo: Offset) throws -> (offset: Int64, timestamp: Int64)? {
        let partition = try #require(log.partition(LogFixture.readings))
        var buffer = ReadBuffer()
        let found = try LogReader(log: log).largestTimestamp(
            in: partition,
            upTo: upTo,
            buffer: &buffer,
            decoder: RecordDecoder()
        )
        return found.map { ($0.offset.value, $0.timestamp.milliseconds) }
    }

    /// The first record of the largest timestamp, of all that are there.
    private func slowly(_ records: [PlainRecord]) -> (offset: Int64, timestamp: Int64)? {
        guard let largest = records.map(\.timestamp).max() else { return nil }
        return records.first { $0.timestamp == largest }.map { ($0.offset, $0.timestamp) }
    }

    /// Appends a batch of records with random timestamps, which repeat often.
    private func append(_ fixture: LogFixture, _ random: inout SeededGenerator) throws {
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            let timestamp = Int64.random(in: -3...40, using: &random)
            let value = String(repeating: "v", count: Int.random(in: 0...300, using: &random))
            let key = "k\(Int.random(in: 0...9, using: &random))"
            let isAdded = fixture.builder.add(timestamp: timestamp, key: key, value: value)
            precondition(isAdded)
        }
        let codec: Compression = [.none, .lz4][Int.random(in: 0...1, using: &random)]
        let offered = fixture.log.inbox.offer(fixture.builder.seal(compression: codec), to: try fixture.partition())
        guard case .accepted = offered else { throw FixtureError.refused }
        _ = fixture.writer.step(waitUpTo: .zero)
    }

    @Test(
        "is found as a look at all records finds it, after rolls, restarts, deletions by hand and compaction",
        arguments: [Cleanup.delete, .compact]
    )
    func model(_ cleanup: Cleanup) throws {
        var random = SeededGenerator(seed: testSeed("largest timestamp"))
        let topics: [TopicName: TopicConfiguration] = [.readings: .init(cleanup: cleanup)]
        var comparisons = 0
        for _ in 0..<12 {
            let directory = try TemporaryDirectory()
            let clock = ManualClock()
            let disk = FaultyDisk.withoutZeros
            var fixture = try LogFixture(directory.path, disk: disk, clock: clock, topics: topics, segmentBytes: 3000)
            for round in 0..<40 {
                try append(fixture, &random)
                if round % 11 == 10 {
                    fixture = try LogFixture(
                        directory.path,
                        disk: disk,
                        clock: clock,
                        topics: topics,
                        segmentBytes: 3000
                    )
                }
                let partition = try fixture.partition()
                let range = partition.logStartOffset.value...partition.logEndOffset.value
                if round % 9 == 8 {
                    let start = Int64.random(in: range, using: &random)
                    fixture.change(.deleteRecords(LogFixture.readings, before: Offset(start)))
                }
                if round == 30 {
                    clock.advance(.seconds(60))
                    fixture.settle()
                }
                let records = try LogFixture.records(fixture.log)
                let found = try largest(fixture.log, upTo: Offset(.max))
                #expect(found ?? (-1, -1) == slowly(records) ?? (-1, -1))
                // A limit in the middle of a batch shows the batches that end before it.
                let limit = Int64.random(in: range, using: &random)
                let below = try largest(fixture.log, upTo: Offset(limit))
                let shown = slowly(records.filter { $0.offset < limit })
                if let below, let shown { #expect(below.offset < limit && below.timestamp <= shown.timestamp) }
                comparisons += records.isEmpty ? 0 : 1
            }
        }
        #expect(comparisons > 300)
    }

    @Test("of many segments only the one that has it is read")
    func readsOneSegment() throws {
        let directory = try TemporaryDirectory()
        let disk = FaultyDisk.withoutZeros
        let fixture = try LogFixture(directory.path, disk: disk, segmentBytes: 200)
        for number in 0..<30 { try fixture.append(["value \(number)"], at: number == 13 ? 9999 : Int64(number)) }
        let segments = try fixture.partition().describeSegments()
        #expect(segments.count > 8)
        let others = segments.filter { !($0.base <= Offset(13) && Offset(13) < $0.end) }
        #expect(others.count == segments.count - 1)
        disk.plan.withLock { plan in
            for segment in others { plan.unreadable[segment.path] = 0..<1 << 40 }
        }
        let found = try #require(try largest(fixture.log, upTo: Offset(30)))
        #expect(found == (13, 9999))
        #expect(disk.plan.withLock { $0.failedReads } == 0)
    }

    @Test("an empty partition has none")
    func empty() throws {
        let directory = try TemporaryDirectory()
        let fixture = try LogFixture(directory.path)
        #expect(try largest(fixture.log, upTo: Offset(9)) == nil)
        try fixture.append(["a"], at: -5)
        let only = try #require(try largest(fixture.log, upTo: Offset(9)))
        #expect(only == (0, -5))
        #expect(try largest(fixture.log, upTo: .zero) == nil)
    }
}
