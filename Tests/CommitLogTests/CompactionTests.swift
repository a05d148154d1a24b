// Compaction by key against a naive map: random records, passes, crashes at every kind of call, reopenings.
import CommitLog
import Platform
import Synchronization
import Testing

@Suite("Compaction")
struct CompactionTests {
    private static let topics: [TopicName: TopicConfiguration] = [
        .readings: .init(cleanup: .compact, segmentBytes: ByteCount(1500))
    ]

    /// What was acknowledged, as a list.
    private struct Model {
        var records: [PlainRecord] = []

        /// The newest record of each key.
        var newest: [[UInt8]: PlainRecord] {
            Dictionary(records.compactMap { record in record.key.map { ($0, record) } }) { $1 }
        }
    }

    private func open(_ directory: TemporaryDirectory, _ disk: FaultyDisk, _ clock: ManualClock) throws -> LogFixture {
        try LogFixture(directory.path, disk: disk, clock: clock, topics: Self.topics)
    }

    /// Appends a batch of random records; into the model where it was acknowledged, into `doubtful` where not.
    private func append(
        _ fixture: LogFixture,
        _ model: inout Model,
        _ random: inout SeededGenerator
    ) throws -> [PlainRecord]? {
        var records: [PlainRecord] = []
        for _ in 0..<Int.random(in: 1...8, using: &random) {
            let timestamp = Int64.random(in: 1...10_000, using: &random)
            // Few keys are written often, some once; now and then a tombstone, or no key at all.
            let number = Int.random(in: 0...9, using: &random)
            let key = number == 0 ? nil : number < 7 ? "k\(number)" : "r\(Int.random(in: 0...500, using: &random))"
            let isTombstone = key != nil && Int.random(in: 0...5, using: &random) == 0
            let value = isTombstone ? nil : String(repeating: "v", count: Int.random(in: 1...90, using: &random))
            let isAdded = fixture.builder.add(timestamp: timestamp, key: key, value: value)
            precondition(isAdded)
            records.append(
                PlainRecord(
                    offset: 0,
                    timestamp: timestamp,
                    key: key.map { Array($0.utf8) },
                    value: value.map { Array($0.utf8) }
                )
            )
        }
        let codec: Compression = [.none, .lz4, .zstd][Int.random(in: 0...2, using: &random)]
        let sealed = fixture.builder.seal(compression: codec)
        let base = try fixture.partition().logEndOffset.value
        for index in records.indices { records[index].offset = base + Int64(index) }
        guard case .accepted(let ticket) = fixture.log.inbox.offer(sealed, to: try fixture.partition()) else {
            return records
        }
        _ = fixture.writer.step(waitUpTo: .zero)
        guard fixture.log.inbox.outcome(of: ticket) == .durable else { return records }
        model.records += records
        return nil
    }

    /// What is wrong with the log as it stands; empty where it is a compaction of the model.
    private func faults(_ fixture: LogFixture, _ model: Model) throws -> [String] {
        var faults: [String] = []
        let found = try LogFixture.records(fixture.log, skipsDamage: true)
        let byOffset = Dictionary(uniqueKeysWithValues: model.records.map { ($0.offset, $0) })
        if !zip(found, found.dropFirst()).allSatisfy({ $0.offset < $1.offset }) {
            faults.append("offsets not in order")
        }
        if found.contains(where: { byOffset[$0.offset] != $0 }) { faults.append("a record that was not written so") }
        let offsets = Set(found.map(\.offset))
        for (key, record) in model.newest where record.value != nil && !offsets.contains(record.offset) {
            faults.append("the newest of \(String(decoding: key, as: UTF8.self)) is gone")
        }
        for record in model.records where record.key == nil && !offsets.contains(record.offset) {
            faults.append("a record without a key is gone")
        }
        // A tombstone may be gone, but then so is everything that it hid.
        for (key, record) in model.newest where record.value == nil && !offsets.contains(record.offset) {
            if found.contains(where: { $0.key == key }) { faults.append("what a tombstone hid is back") }
        }
        if try LogVerify.run(fixture.log).hasUnknownDamage { faults.append("verify finds damage") }
        let start = try fixture.partition().logStartOffset.value
        for from in stride(from: start, to: try fixture.partition().logEndOffset.value, by: 7) {
            let rest = try LogFixture.records(fixture.log, from: Offset(from), skipsDamage: true)
            if rest != found.filter({ $0.offset >= from }) { faults.append("reading from \(from) sees something else") }
        }
        return faults
    }

    /// Lets a pass run to its end, or to the poisoning of the log.
    private func compact(_ fixture: LogFixture) {
        fixture.clock.advance(.seconds(60))
        for _ in 0..<500 where fixture.writer.step(waitUpTo: .zero) != .failed {}
    }

    private struct Outcome {
        var crashes = 0
        var crashesInPass = 0
        var acknowledged = 0
        var kept = 0
        var faults: [String] = []
    }

    private func run(seed: UInt64, rounds: Int, forgottenWrites: String? = nil) throws -> Outcome {
        var random = SeededGenerator(seed: seed)
        var outcome = Outcome()
        var model = Model()
        let directory = try TemporaryDirectory()
        let clock = ManualClock()
        for _ in 0..<rounds {
            let disk = FaultyDisk()
            disk.plan.withLock { $0.forgottenWrites = forgottenWrites }
            let fixture = try open(directory, disk, clock)
            let end = try fixture.partition().logEndOffset.value
            // A batch that was never acknowledged may have survived the crash whole.
            if let doubtful = try LogFixture.records(fixture.log).last?.offset,
                doubtful > model.records.last?.offset ?? -1
            {
                let first = (model.records.last?.offset ?? -1) + 1
                model.records += try LogFixture.records(fixture.log, from: Offset(first))
            }
            outcome.faults += try faults(fixture, model)
            #expect(end == (model.records.last?.offset ?? -1) + 1)
            for _ in 0..<Int.random(in: 5...25, using: &random) { _ = try append(fixture, &model, &random) }
            let isInPass = Bool.random(using: &random)
            let calls = Int.random(in: 0...60, using: &random)
            disk.plan.withLock { $0.changesLeft = calls }
            if isInPass {
                compact(fixture)
            } else {
                for _ in 0..<20 { if try append(fixture, &model, &random) != nil { break } }
            }
            outcome.crashes += 1
            if isInPass, case .poisoned = fixture.log.state { outcome.crashesInPass += 1 }
        }
        let fixture = try open(directory, FaultyDisk(), clock)
        if let last = model.records.last?.offset, try fixture.partition().logEndOffset.value > last + 1 {
            model.records += try LogFixture.records(fixture.log, from: Offset(last + 1))
        }
        compact(fixture)
        outcome.faults += try faults(fixture, model)
        outcome.acknowledged = model.records.count
        outcome.kept = try LogFixture.records(fixture.log).count
        return outcome
    }

    @Test("keeps the newest record of every key through random crashes")
    func againstMap() throws {
        let seed = testSeed("compaction")
        var total = Outcome()
        for run in 0..<6 {
            let outcome = try self.run(seed: seed &+ UInt64(run), rounds: 12)
            #expect(outcome.faults == [])
            total.crashes += outcome.crashes
            total.crashesInPass += outcome.crashesInPass
            total.acknowledged += outcome.acknowledged
            total.kept += outcome.kept
        }
        print(
            "compaction: \(total.crashes) crashes, \(total.crashesInPass) of them inside of a pass, "
                + "\(total.acknowledged) acknowledged, \(total.kept) kept"
        )
        #expect(total.crashes == 72)
        #expect(total.crashesInPass >= 5)
        #expect(total.kept < total.acknowledged)
    }

    @Test("a compaction whose writes went missing would be caught")
    func twin() throws {
        let outcome = try run(seed: 7, rounds: 6, forgottenWrites: ".cleaned")
        #expect(outcome.faults.contains { $0.hasPrefix("the newest of") })
    }

    @Test("a tombstone stays for a day after what it hid is gone, and then goes")
    func tombstones() throws {
        let directory = try TemporaryDirectory()
        let fixture = try open(directory, FaultyDisk(), ManualClock())
        func put(_ key: String, _ value: String?) throws {
            let isAdded = fixture.builder.add(timestamp: 1, key: key, value: value)
            precondition(isAdded)
            _ = fixture.log.inbox.offer(fixture.builder.seal(compression: .none), to: try fixture.partition())
            #expect(fixture.writer.step(waitUpTo: .zero) == .committed)
        }
        try put("a", "old")
        try put("a", nil)
        try put("b", "kept")
        // Closes the segment.
        try put("c", String(repeating: "x", count: 1500))
        try put("d", "active")
        compact(fixture)
        #expect(try LogFixture.records(fixture.log).map(\.offset) == [1, 2, 3, 4])
        for _ in 0..<23 {
            fixture.clock.advance(.seconds(3600))
            compact(fixture)
        }
        #expect(try LogFixture.records(fixture.log).map(\.offset) == [1, 2, 3, 4])
        fixture.clock.advance(.seconds(3600))
        compact(fixture)
        #expect(try LogFixture.records(fixture.log).map(\.offset) == [2, 3, 4])
        #expect(try fixture.partition().logStartOffset == .zero)
        #expect(try !LogVerify.run(fixture.log).hasUnknownDamage)
    }

    @Test("a topic that always has something to compact keeps no other waiting", arguments: [true, false])
    func turns(isFirstBusy: Bool) throws {
        let names = [TopicPartition(topic: .alerts, partition: .zero), LogFixture.readings]
        let (busy, quiet) = isFirstBusy ? (names[0], names[1]) : (names[1], names[0])
        let directory = try TemporaryDirectory()
        let topic = TopicConfiguration(cleanup: .compact, segmentBytes: ByteCount(1500))
        let fixture = try LogFixture(
            directory.path,
            disk: FaultyDisk(),
            clock: ManualClock(),
            topics: [.alerts: topic, .readings: topic]
        )
        func fill(_ name: TopicPartition) throws {
            for number in 0..<40 { try fixture.append(["\(number)" + String(repeating: "x", count: 100)], to: name) }
        }
        try fill(quiet)
        for _ in 0..<3 {
            try fill(busy)
            compact(fixture)
        }
        #expect(try LogFixture.records(fixture.log, quiet).count < 20)
        #expect(try LogFixture.records(fixture.log, busy).count < 60)
    }

    @Test("damage is left for repair: a segment that has some is not rewritten")
    func damage() throws {
        let directory = try TemporaryDirectory()
        let fixture = try open(directory, FaultyDisk(), ManualClock())
        for number in 0..<40 { try fixture.append(["\(number)" + String(repeating: "x", count: 100)]) }
        let path = try #require(fixture.partition().describeSegments().first?.path)
        var bytes = try contents(of: path)
        bytes[100] ^= 0xFF
        try write(bytes, to: path)
        compact(fixture)
        #expect(try contents(of: path) == bytes)
        #expect(try LogFixture.records(fixture.log, skipsDamage: true).count < 40)
    }

    @Test(
        "a closed segment whose file is gone becomes a gap, and compaction and writing go on",
        arguments: [false, true]
    )
    func missingFile(isNoted: Bool) throws {
        let directory = try TemporaryDirectory()
        let fixture = try open(directory, FaultyDisk(), ManualClock())
        for number in 0..<40 { try fixture.append(["\(number)" + String(repeating: "x", count: 100)]) }
        let segments = try fixture.partition().describeSegments()
        let gone = segments[1]
        try PosixDisk().remove(gone.path)
        if isNoted { _ = try LogFixture.records(fixture.log, skipsDamage: true) }
        compact(fixture)
        #expect(fixture.writer.step(waitUpTo: .zero) == .idle)
        #expect(fixture.log.repairs.count == 1)
        let gap = OffsetGap(from: gone.base, to: gone.end, reason: .missingSegment)
        #expect(fixture.log.repairs.first?.gaps == [gap])
        #expect(try fixture.partition().gaps == [gap])
        #expect(try fixture.append(["new"]) == Offset(40))
        // The next pass goes through.
        for _ in 0..<3 {
            fixture.clock.advance(.seconds(120))
            compact(fixture)
        }
        #expect(try LogFixture.records(fixture.log).map(\.offset).last == 40)
        #expect(try LogFixture.records(fixture.log).count < 30)
        #expect(try !LogVerify.run(fixture.log).hasUnknownDamage)
    }

    @Test("a topic that is compacted no more keeps what it has, and is read as before")
    func noLongerCompacted() throws {
        let directory = try TemporaryDirectory()
        do {
            let fixture = try open(directory, FaultyDisk(), ManualClock())
            for number in 0..<40 { try fixture.append(["\(number)" + String(repeating: "x", count: 100)]) }
            compact(fixture)
            fixture.writer.close()
        }
        let fixture = try LogFixture(directory.path)
        let records = try LogFixture.records(fixture.log)
        #expect(records.last?.offset == 39 && records.count < 20)
        #expect(!fixture.log.recoveryReport.foundLoss)
        #expect(try !LogVerify.run(fixture.log).hasUnknownDamage)
    }
}
