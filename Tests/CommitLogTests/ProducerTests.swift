// Idempotent producers: what is appended, what is recognised, what is refused, and what of it survives.
import CommitLog
import Platform
import Synchronization
import Testing

@Suite("Producers")
struct ProducerTests {
    private static let log = "log/readings-0/00000000000000000000.log"

    private func snapshots(_ directory: TemporaryDirectory) throws -> [String] {
        try PosixDisk().list(directory.path + "/log/readings-0").filter { $0.hasSuffix(".snapshot") }.sorted()
    }

    private func appended(_ offset: Int64) -> AppendOutcome? { .appended(Offset(offset)) }
    private func duplicate(_ offset: Int64) -> AppendOutcome? { .duplicate(Offset(offset)) }

    // MARK: - The table

    @Test("a batch that comes again has its first offset and is stored once, in the same commit and later")
    func duplicates() throws {
        let directory = try TemporaryDirectory()
        let fixture = try LogFixture(directory.path)
        let first = Numbered(producer: 7, sequence: 0, count: 3)
        let second = Numbered(producer: 7, sequence: 3, count: 2)
        #expect(try fixture.send(first, first, second) == [appended(0), duplicate(0), appended(3)])
        #expect(try fixture.send(second) == [duplicate(3)])
        #expect(try fixture.send(first) == [duplicate(0)])
        #expect(try fixture.partition().logEndOffset == Offset(5))
        #expect(try fixture.storedBatches().map(\.text) == [first.description, second.description])
        #expect(fixture.log.metrics.batches == 2 && fixture.log.metrics.records == 5)
    }

    @Test("the last five are recognised; what is older, overlaps or leaves something out is out of order")
    func sequences() throws {
        let directory = try TemporaryDirectory()
        let fixture = try LogFixture(directory.path)
        for number in 0..<6 {
            let batch = Numbered(producer: 7, sequence: Int32(2 * number), count: 2)
            #expect(try fixture.send(batch) == [appended(Int64(2 * number))])
        }
        for number in 1..<6 {
            #expect(
                try fixture.send(Numbered(producer: 7, sequence: Int32(2 * number), count: 2))
                    == [duplicate(Int64(2 * number))]
            )
        }
        for (sequence, count) in [(0, 2), (10, 1), (9, 2), (10, 3), (13, 1), (11, 1), (8, 4)] {
            let batch = Numbered(producer: 7, sequence: Int32(sequence), count: count)
            #expect(try fixture.send(batch) == [.outOfOrderSequence], "\(batch)")
        }
        #expect(try fixture.send(Numbered(producer: 7, sequence: 12)) == [appended(12)])
    }

    @Test("an id that is not known may begin anywhere, and goes on from there")
    func unknown() throws {
        let directory = try TemporaryDirectory()
        let fixture = try LogFixture(directory.path)
        #expect(try fixture.send(Numbered(producer: 9, epoch: 4, sequence: 1000)) == [appended(0)])
        #expect(try fixture.send(Numbered(producer: 9, epoch: 4, sequence: 1002)) == [.outOfOrderSequence])
        #expect(try fixture.send(Numbered(producer: 9, epoch: 4, sequence: 1001)) == [appended(1)])
    }

    @Test("a newer epoch begins at 0 and shuts the older one out")
    func epochs() throws {
        let directory = try TemporaryDirectory()
        let fixture = try LogFixture(directory.path)
        #expect(try fixture.send(Numbered(producer: 7, epoch: 1, sequence: 0, count: 5)) == [appended(0)])
        #expect(try fixture.send(Numbered(producer: 7, epoch: 2, sequence: 5)) == [.outOfOrderSequence])
        #expect(try fixture.send(Numbered(producer: 7, epoch: 1, sequence: 5)) == [appended(5)])
        #expect(try fixture.send(Numbered(producer: 7, epoch: 2, sequence: 0)) == [appended(6)])
        // Even one that was stored.
        #expect(try fixture.send(Numbered(producer: 7, epoch: 1, sequence: 5)) == [.fencedEpoch])
        #expect(try fixture.send(Numbered(producer: 7, epoch: 1, sequence: 6)) == [.fencedEpoch])
        #expect(try fixture.send(Numbered(producer: 7, epoch: .max, sequence: 0)) == [appended(7)])
    }

    @Test("sequences go on at 0 after 2^31 - 1, within a batch too")
    func wrap() throws {
        let directory = try TemporaryDirectory()
        let fixture = try LogFixture(directory.path)
        #expect(try fixture.send(Numbered(producer: 7, sequence: .max - 1)) == [appended(0)])
        #expect(try fixture.send(Numbered(producer: 7, sequence: .max)) == [appended(1)])
        #expect(try fixture.send(Numbered(producer: 7, sequence: 0)) == [appended(2)])
        #expect(try fixture.send(Numbered(producer: 8, sequence: .max - 1, count: 4)) == [appended(3)])
        #expect(try fixture.send(Numbered(producer: 8, sequence: 2)) == [appended(7)])
        #expect(try fixture.send(Numbered(producer: 8, sequence: .max - 1, count: 4)) == [duplicate(3)])
    }

    @Test("producers and partitions do not see one another, and a batch without a producer is always appended")
    func apart() throws {
        let directory = try TemporaryDirectory()
        let fixture = try LogFixture(directory.path, topics: [.readings: .init(), .system: .init()])
        #expect(try fixture.send(Numbered(producer: 7, sequence: 0)) == [appended(0)])
        #expect(try fixture.send(Numbered(producer: 8, sequence: 0)) == [appended(1)])
        #expect(try fixture.send(Numbered(producer: 7, sequence: 0), to: LogFixture.system) == [appended(0)])
        try fixture.append(["plain"])
        try fixture.append(["plain"])
        #expect(try fixture.partition().logEndOffset == Offset(4))
    }

    @Test("a commit of nothing but duplicates writes and syncs nothing, and its ticket is durable")
    func nothingToWrite() throws {
        let directory = try TemporaryDirectory()
        let disk = FaultyDisk.withoutZeros
        let fixture = try LogFixture(directory.path, disk: disk)
        let batch = Numbered(producer: 7, sequence: 0)
        #expect(try fixture.send(batch) == [appended(0)])
        let before = try contents(of: "\(directory.path)/\(Self.log)")
        let syncs = disk.plan.withLock { $0.syncs.count }
        #expect(try fixture.send(batch, batch) == [duplicate(0), duplicate(0)])
        #expect(disk.plan.withLock { $0.syncs.count } == syncs)
        #expect(try contents(of: "\(directory.path)/\(Self.log)") == before)
        #expect(fixture.log.inbox.waitingBytes == 0)
    }

    // MARK: - The model

    /// What differed between `intake` and the model over random batches, full disks and restarts.
    private func differences(
        _ seed: UInt64,
        rounds: Int,
        restarts: ClosedRange<Int>,
        _ intake: any Intake
    ) throws -> [String] {
        var generator = SeededGenerator(seed: seed)
        func random(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
        var model = SlowModel()
        var differences: [String] = []
        var planned = model
        func batch() -> Numbered {
            let producer = Int64(random(1...4))
            let mine = planned.history.map(\.batch).filter { $0.producer == producer }
            guard let newest = mine.last else {
                return Numbered(producer: producer, sequence: .max - Int32(random(0...20)), count: random(1...4))
            }
            var next = Numbered(
                producer: producer,
                epoch: newest.epoch,
                sequence: newest.nextSequence,
                count: random(1...4)
            )
            switch random(1...20) {
            case 1...5: next = mine.suffix(7).randomElement(using: &generator) ?? next
            case 6: next.sequence = Numbered.sequence(next.sequence, after: random(1...3))
            case 7: next.sequence = newest.sequence
            case 8:
                next.epoch += 1
                next.sequence = random(0...3) == 0 ? 1 : 0
            case 9: next.epoch = max(0, next.epoch - 1)
            default: break
            }
            return next
        }
        for round in 0..<rounds {
            planned = model
            let groups = (0..<random(1...3)).map { _ in
                (0..<random(1...3)).map { _ in
                    let next = batch()
                    _ = planned.append(next)
                    return next
                }
            }
            let isFullFirst = random(1...6) == 1
            let outcomes = try intake.commit(groups, isFullFirst: isFullFirst, isKilledThen: random(1...3) == 1)
            for (batch, outcome) in zip(groups.flatMap { $0 }, outcomes) {
                guard let outcome else { continue }
                let expected = model.append(batch)
                if outcome != expected { differences.append("round \(round), \(batch): \(outcome), not \(expected)") }
            }
            if random(1...8) == 1 { try intake.restart(random(restarts)) }
        }
        return differences
    }

    @Test("random batches over full disks, restarts and damaged snapshots come out as in the model", arguments: 0..<4)
    func model(_ part: UInt64) throws {
        let seed = testSeed("producers, part \(part)") &+ part
        let intake = try LogIntake(seed: seed)
        let differences = try differences(seed, rounds: 500, restarts: 0...11, intake)
        #expect(differences == [])
        #expect(intake.restarts > 20 && intake.damagedSnapshots > 5)
        // What is stored is what was acknowledged, once and in order.
        let stored = try intake.fixture.storedBatches()
        #expect(stored.count > 200)
        #expect(Set(stored.map(\.text)).count > stored.count / 2)
        #expect(try !LogVerify.run(intake.fixture.log).hasUnknownDamage)
    }

    @Test("a log whose restarts cannot rebuild what is known is caught")
    func forgettingTwin() throws {
        let seed = testSeed("producers, planted bug")
        let intake = try LogIntake(seed: seed, forgets: true)
        #expect(try !differences(seed, rounds: 150, restarts: 0...1, intake).isEmpty)
    }

    @Test("planted bugs are caught, and without one there is nothing", arguments: SloppyIntake.Flaw.allCases)
    func sloppy(_ flaw: SloppyIntake.Flaw) throws {
        let seed = testSeed("producers, \(flaw)")
        let differences = try differences(seed, rounds: 500, restarts: 0...11, SloppyIntake(flaw))
        #expect(differences.isEmpty == (flaw == .none), "\(differences.first ?? "none")")
    }

    // MARK: - Kills

    /// Sends twelve batches, is killed at the `calls`-th change of a file, and after a start sends again whatever was not
    /// acknowledged, as producers do: how often each batch is stored. nil where nothing was killed.
    private func storedAfterKill(at calls: Int, forgets: Bool) throws -> [Int]? {
        let directory = try TemporaryDirectory()
        let disk = FaultyDisk.withoutZeros
        let batches = (0..<12).map { Numbered(producer: Int64(7 + $0 % 2), sequence: Int32($0 / 2)) }
        var acknowledged: Set<Numbered> = []
        func send(_ fixture: LogFixture) throws {
            for batch in batches where !acknowledged.contains(batch) {
                guard let sealed = try fixture.offer([batch]), fixture.writer.step(waitUpTo: .zero) == .committed else {
                    return
                }
                switch sealed[0].appendOutcome {
                case .appended, .duplicate: acknowledged.insert(batch)
                default: Issue.record("\(batch): \(sealed[0].appendOutcome.debugDescription)")
                }
            }
        }
        do {
            let fixture = try LogFixture(directory.path, disk: disk, segmentBytes: 250)
            disk.plan.withLock { $0.changesLeft = calls }
            try send(fixture)
            if disk.plan.withLock({ $0.changesLeft != 0 }) { fixture.writer.close() }
        }
        let wasKilled = disk.plan.withLock { plan in
            defer { plan.changesLeft = nil }
            return plan.changesLeft == 0
        }
        let fixture = try LogFixture(directory.path, disk: disk, segmentBytes: 250)
        if forgets {
            // The planted bug: what is sent again goes under another id, as if the log did not know the first.
            for batch in batches where !acknowledged.contains(batch) {
                var other = batch
                other.producer += 100
                _ = try fixture.send(other)
            }
        } else {
            try send(fixture)
        }
        let stored = try fixture.storedBatches().map(\.text)
        let counts = batches.map { batch in
            var other = batch
            other.producer += 100
            return stored.filter { $0 == batch.description || $0 == other.description }.count
        }
        return wasKilled ? counts : nil
    }

    @Test("killed at any change of a file and sent again, every batch is stored exactly once")
    func kills() throws {
        var calls = 0
        while let counts = try storedAfterKill(at: calls, forgets: false) {
            #expect(counts == [Int](repeating: 1, count: 12), "killed at change \(calls)")
            calls += 1
        }
        print("producers: killed at each of \(calls) changes of a file")
        #expect(calls > 60)
    }

    @Test("batches that are not recognised when they are sent again would be stored twice")
    func killsTwin() throws {
        var calls = 0
        var isTwice = false
        while !isTwice, let counts = try storedAfterKill(at: calls, forgets: true) {
            isTwice = counts.contains(2)
            calls += 1
        }
        #expect(isTwice)
    }
}
