// What the tests of idempotent producers share: batches with numbers on them, and a model that knows all that ever came.
import CommitLog
import Platform
import Synchronization
import Testing

/// One batch of a producer, as a test sends it.
struct Numbered: Hashable, CustomStringConvertible {
    var producer: Int64
    var epoch: Int16 = 0
    var sequence: Int32
    var count: Int = 1

    var description: String { "\(producer)/\(epoch) \(sequence)+\(count)" }

    var bytes: [UInt8] {
        var batch = MadeBatch(count: count, producer: producer, epoch: epoch, sequence: sequence)
        for index in batch.records.indices { batch.records[index].value = Array("\(self) #\(index)".utf8) }
        return batch.bytes
    }

    /// The sequence that comes `count` records later.
    static func sequence(_ sequence: Int32, after count: Int) -> Int32 {
        var next = sequence
        for _ in 0..<count { next = next == .max ? 0 : next + 1 }
        return next
    }

    var lastSequence: Int32 { Numbered.sequence(sequence, after: count - 1) }
    var nextSequence: Int32 { Numbered.sequence(sequence, after: count) }
}

extension LogFixture {
    /// Hands over batches in one offer; the batches, or nil where they are refused.
    func offer(_ batches: [Numbered], to name: TopicPartition = LogFixture.readings) throws -> [SealedBatch]? {
        let partition = try partition(name)
        let sealed = try batches.map { try ForeignBatch.sealed($0.bytes, pool: log.pool) }
        guard case .accepted(let ticket) = log.inbox.offer(sealed.map { (partition, $0) }) else { return nil }
        _ = ticket
        return sealed
    }

    /// Sends batches in one commit: what became of each.
    func send(_ batches: Numbered..., to name: TopicPartition = LogFixture.readings) throws -> [AppendOutcome?] {
        let sealed = try #require(try offer(batches, to: name))
        #expect(writer.step(waitUpTo: .zero) == .committed)
        return sealed.map(\.appendOutcome)
    }

    /// The first record of each stored batch, as `Numbered` describes it.
    func storedBatches() throws -> [(offset: Int64, text: String)] {
        try LogFixture.records(log).compactMap { record in
            let text = String(decoding: record.value ?? [], as: UTF8.self)
            return text.hasSuffix(" #0") ? (record.offset, String(text.dropLast(3))) : nil
        }
    }
}

/// Somebody who takes batches, fails, and starts again.
protocol Intake: AnyObject {
    /// Offers each group of batches; then one commit takes them all, at the second attempt where `isFullFirst`. What became of
    /// each batch; nil where it was refused, or lost to a restart that came before it was durable.
    func commit(_ groups: [[Numbered]], isFullFirst: Bool, isKilledThen: Bool) throws -> [AppendOutcome?]
    func restart(_ kind: Int) throws
}

/// Decides about a batch from everything that was ever appended, in the order in which it was; keeps nothing else.
struct SlowModel {
    private(set) var history: [(batch: Numbered, offset: Int64)] = []
    private var end: Int64 = 0

    mutating func append(_ batch: Numbered) -> AppendOutcome {
        let mine = history.filter { $0.batch.producer == batch.producer }
        guard let newest = mine.last else { return store(batch) }
        if batch.epoch < newest.batch.epoch { return .fencedEpoch }
        if batch.epoch > newest.batch.epoch { return batch.sequence == 0 ? store(batch) : .outOfOrderSequence }
        for known in mine.suffix(5)
        where known.batch.epoch == batch.epoch && known.batch.sequence == batch.sequence
            && known.batch.lastSequence == batch.lastSequence
        {
            return .duplicate(Offset(known.offset))
        }
        return batch.sequence == newest.batch.nextSequence ? store(batch) : .outOfOrderSequence
    }

    private mutating func store(_ batch: Numbered) -> AppendOutcome {
        history.append((batch, end))
        end += Int64(batch.count)
        return .appended(Offset(history[history.count - 1].offset))
    }
}

/// The planted bugs: an intake in memory that does one thing wrong.
final class SloppyIntake: Intake {
    enum Flaw: CaseIterable {
        case none
        /// After a restart nothing is known.
        case isNotRebuilt
        /// What a full disk undid is taken for known.
        case isNotUndone
        /// The last four batches are recognised, not five.
        case remembersFour
        /// The sequence after 2^31 - 1 is not 0.
        case doesNotWrap
    }

    private let flaw: Flaw
    private var model = SlowModel()
    /// What it believes to have appended.
    private var known: [(batch: Numbered, offset: Int64)] = []
    private var end: Int64 = 0

    init(_ flaw: Flaw) {
        self.flaw = flaw
    }

    func commit(_ groups: [[Numbered]], isFullFirst: Bool, isKilledThen: Bool) throws -> [AppendOutcome?] {
        let batches = groups.flatMap { $0 }
        if isFullFirst {
            let before = (known, end)
            _ = batches.map(append)
            if flaw != .isNotUndone { (known, end) = before }
            if isKilledThen { return batches.map { _ in nil } }
        }
        return batches.map(append)
    }

    func restart(_ kind: Int) throws {
        if flaw == .isNotRebuilt { known = [] }
    }

    private func append(_ batch: Numbered) -> AppendOutcome {
        let mine = known.filter { $0.batch.producer == batch.producer }
        if let newest = mine.last?.batch {
            if batch.epoch < newest.epoch { return .fencedEpoch }
            if batch.epoch == newest.epoch {
                let last = mine.suffix(flaw == .remembersFour ? 4 : 5).filter { $0.batch.epoch == batch.epoch }
                if let same = last.first(where: { $0.batch.sequence == batch.sequence && $0.batch.count == batch.count }
                ) {
                    return .duplicate(Offset(same.offset))
                }
                let hasWrapped = newest.nextSequence < newest.sequence
                if batch.sequence != newest.nextSequence || flaw == .doesNotWrap && hasWrapped {
                    return .outOfOrderSequence
                }
            } else if batch.sequence != 0 {
                return .outOfOrderSequence
            }
        }
        known.append((batch, end))
        end += Int64(batch.count)
        return .appended(Offset(end - Int64(batch.count)))
    }
}

/// The real log, over a disk that a test fills and files that it damages.
final class LogIntake: Intake {
    /// Whether a restart removes what it could be rebuilt from: the planted bug.
    private let forgets: Bool
    private let directory: TemporaryDirectory
    private let disk = FaultyDisk.withoutZeros
    private let clock = ManualClock()
    private var generator: SeededGenerator
    private(set) var fixture: LogFixture
    private(set) var restarts = 0
    private(set) var damagedSnapshots = 0
    private static let segmentBytes: Int64 = 3000

    init(seed: UInt64, forgets: Bool = false) throws {
        self.forgets = forgets
        generator = SeededGenerator(seed: seed)
        directory = try TemporaryDirectory()
        fixture = try Self.open(directory.path, disk, clock)
    }

    private static func open(_ path: String, _ disk: FaultyDisk, _ clock: ManualClock) throws -> LogFixture {
        try LogFixture(path, disk: disk, clock: clock, segmentBytes: segmentBytes)
    }

    func commit(_ groups: [[Numbered]], isFullFirst: Bool, isKilledThen: Bool) throws -> [AppendOutcome?] {
        if isFullFirst {
            // Wherever in the commit the room ends: in a journal's entry, a snapshot, an index or the batches.
            let room = Int64.random(in: 0..<400, using: &generator)
            disk.plan.withLock { $0.bytesLeft = room }
        }
        var sealed: [SealedBatch?] = []
        for group in groups {
            let offered = try fixture.offer(group)
            sealed += offered.map { $0.map { $0 } } ?? group.map { _ in nil }
        }
        var outcome = fixture.writer.step(waitUpTo: .zero)
        if outcome == .full && isKilledThen {
            disk.plan.withLock { $0.bytesLeft = nil }
            try restart(1)
            return sealed.map { _ in nil }
        }
        disk.plan.withLock { $0.bytesLeft = nil }
        for _ in 0..<20 where outcome != .committed {
            clock.advance(.milliseconds(250))
            outcome = fixture.writer.step(waitUpTo: .zero)
        }
        #expect(outcome == .committed)
        clock.advance(.seconds(5))
        return sealed.map { $0?.appendOutcome }
    }

    /// Even kinds close the log before, odd ones do not; the others damage what lies there.
    func restart(_ kind: Int) throws {
        if kind % 2 == 0 { fixture.writer.close() }
        let partition = directory.path + "/log/readings-0"
        let names = try disk.list(partition).sorted()
        let snapshots = names.filter { $0.hasSuffix(".snapshot") }
        switch kind / 2 {
        case 1: try snapshots.forEach { try remove("\(partition)/\($0)") }
        case 2: try snapshots.last.map { try remove("\(partition)/\($0)") }
        case 3: try snapshots.last.map { try damage("\(partition)/\($0)") }
        case 4: try snapshots.forEach { try damage("\(partition)/\($0)") }
        case 5: try remove(partition + "/partition.journal")
        default: break
        }
        if forgets {
            try snapshots.forEach { try remove("\(partition)/\($0)") }
            try names.filter { $0.hasSuffix(".log") }.forEach { try LogIntake.anonymise("\(partition)/\($0)") }
        }
        restarts += 1
        fixture = try Self.open(directory.path, disk, clock)
        #expect(!fixture.log.recoveryReport.foundLoss)
    }

    private func remove(_ path: String) throws {
        if try disk.exists(path) { try PosixDisk().remove(path) }
        damagedSnapshots += 1
    }

    private func damage(_ path: String) throws {
        guard try disk.exists(path) else { return }
        var bytes = try contents(of: path)
        // It may have been cut to nothing before.
        guard !bytes.isEmpty else { return }
        let place = Int.random(in: 0..<bytes.count, using: &generator)
        if Bool.random(using: &generator) {
            bytes.removeLast(bytes.count - place)
        } else {
            bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        }
        try write(bytes, to: path)
        damagedSnapshots += 1
    }

    /// Takes the producers out of all batches of a file.
    private static func anonymise(_ path: String) throws {
        var bytes = try contents(of: path)
        var at = 0
        while at + RecordBatchHeader.byteCount <= bytes.count {
            let length = bytes[at + 8..<at + 12].reduce(0) { $0 << 8 | Int($1) } + 12
            for place in at + 43..<at + 57 { bytes[place] = 0xFF }
            bytes.replaceSubrange(at..<at + length, with: MadeBatch.checksummed(Array(bytes[at..<at + length])))
            at += length
        }
        try write(bytes, to: path)
    }
}
