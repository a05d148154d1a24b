// Opening a log that was cut off, damaged, or lost parts: every truncation, every flipped byte.
import CommitLog
import Platform
import Synchronization
import Testing

@Suite("Recovery")
struct RecoveryTests {
    private static let segment = "/log/readings-0/00000000000000000000.log"
    private static let journal = "/log/readings-0/partition.journal"

    /// A log of batches with one record each, left as a killed process leaves it.
    private func killedLog(_ directory: TemporaryDirectory, values: [String], closes: Bool = false) throws {
        let fixture = try LogFixture(directory.path, disk: FaultyDisk.withoutZeros)
        for value in values { try fixture.append([value]) }
        if closes { fixture.writer.close() }
    }

    private func copy(_ directory: TemporaryDirectory) throws -> TemporaryDirectory {
        let target = try TemporaryDirectory()
        let disk = PosixDisk()
        try disk.createDirectory(target.path + "/log")
        try disk.createDirectory(target.path + "/log/readings-0")
        try write(try contents(of: directory.path + "/FORMAT"), to: target.path + "/FORMAT")
        for name in try disk.list(directory.path + "/log/readings-0") {
            let path = "/log/readings-0/\(name)"
            try write(try contents(of: directory.path + path), to: target.path + path)
        }
        return target
    }

    /// `zeros`: as many follow, written ahead.
    @Test("every truncation of the tail recovers to the batches that are whole", arguments: [0, 300])
    func everyTruncation(zeros: Int) throws {
        let directory = try TemporaryDirectory()
        let values = ["first", "second value", "third"]
        try killedLog(directory, values: values)
        let bytes = try contents(of: directory.path + Self.segment)
        var ends: [Int] = []
        for value in values { ends.append((ends.last ?? 0) + 61 + 8 + value.utf8.count) }
        try #require(ends.last == bytes.count)
        for count in 0...bytes.count {
            let copied = try copy(directory)
            try write(bytes[..<count] + [UInt8](repeating: 0, count: zeros), to: copied.path + Self.segment)
            let fixture = try LogFixture(copied.path, disk: FaultyDisk())
            // A batch that lacks nothing but zeros has them again.
            let whole = ends.filter { $0 <= count || (zeros > 0 && bytes[count..<$0].allSatisfy { $0 == 0 }) }.count
            #expect(try fixture.values() == Array(values[..<whole]), "cut to \(count)")
            let report = try #require(fixture.log.recoveryReport.partitions.first)
            let rest = bytes[..<count].dropFirst(whole == 0 ? 0 : ends[whole - 1])
            // Zeros at the end of a torn tail cannot be told from unwritten ones.
            let torn = rest.lastIndex { $0 != 0 }.map { $0 + 1 - rest.startIndex } ?? 0
            #expect(report.cutBytes.value == Int64(torn))
            #expect(report.gaps == [])
            #expect(try fixture.append(["new"]) == Offset(Int64(whole)))
            #expect(try LogFixture(copied.path, disk: FaultyDisk()).values() == Array(values[..<whole]) + ["new"])
        }
    }

    @Test("zeros after the last batch are the end of the log, not damage")
    func zeroedTail() throws {
        let directory = try TemporaryDirectory()
        try killedLog(directory, values: ["a", "b"], closes: true)
        let bytes = try contents(of: directory.path + Self.segment)
        try write(bytes + [UInt8](repeating: 0, count: 100_000), to: directory.path + Self.segment)
        let fixture = try LogFixture(directory.path)
        let report = try #require(fixture.log.recoveryReport.partitions.first)
        #expect(report.cutBytes.value == 0 && report.gaps == [] && report.keptFiles == [])
        #expect(try fixture.values() == ["a", "b"])
        #expect(try contents(of: directory.path + Self.segment) == bytes)
    }

    /// Each byte of the file is damaged in turn. Whatever it hits, the log opens, and the other batch is served.
    @Test("every flipped byte of a two-batch segment costs at most the batch it hit", arguments: [false, true])
    func everyFlippedByte(closed: Bool) throws {
        let directory = try TemporaryDirectory()
        try killedLog(directory, values: ["first", "second"], closes: closed)
        let bytes = try contents(of: directory.path + Self.segment)
        let boundary = 61 + 8 + 5
        var losses = 0
        for index in bytes.indices {
            for flip in [UInt8(0x01), 0x80] {
                let copied = try copy(directory)
                var damaged = bytes
                damaged[index] ^= flip
                try write(damaged, to: copied.path + Self.segment)
                let fixture = try LogFixture(copied.path, disk: FaultyDisk())
                let records = try LogFixture.records(fixture.log)
                let values = records.map { String(decoding: $0.value ?? [], as: UTF8.self) }
                let other = index < boundary ? "second" : "first"
                #expect(values.contains(other), "byte \(index)")
                for record in records {
                    let value = String(decoding: record.value ?? [], as: UTF8.self)
                    #expect(value == (record.offset == 0 ? "first" : "second"), "byte \(index)")
                }
                if values.count < 2 { losses += 1 }
                let field = index < boundary ? index : index - boundary
                let isField = (0..<8).contains(field) || (12..<16).contains(field)
                if isField { #expect(values.count == 2, "byte \(index) lies outside the checksum and loses nothing") }
                if values.count < 2 && index < boundary {
                    #expect(fixture.log.recoveryReport.partitions.first?.gaps.map(\.from) == [.zero])
                    #expect(fixture.log.recoveryReport.partitions.first?.keptFiles.count == 1)
                }
                if values.count < 2 && closed && index >= boundary {
                    // Below the recovery point: reported, and its offset is not handed out again.
                    #expect(fixture.log.recoveryReport.partitions.first?.gaps.map(\.from) == [Offset(1)])
                    #expect(try fixture.append(["third"]) == Offset(2))
                }
                // Recovering again changes nothing more.
                let again = try LogFixture(copied.path, disk: FaultyDisk())
                #expect(again.log.recoveryReport.partitions.first?.gaps == [])
                #expect(again.log.recoveryReport.partitions.first?.cutBytes.value == 0)
                #expect(try LogFixture.records(again.log).starts(with: records))
            }
        }
        #expect(losses > bytes.count)
    }

    @Test(
        "a directory in the place of the newest segment is kept, and its offsets are not given out again as they were"
    )
    func directoryForSegment() throws {
        let directory = try TemporaryDirectory()
        try killedLog(directory, values: ["first", "second"])
        let path = directory.path + Self.segment
        try PosixDisk().remove(path)
        try PosixDisk().createDirectory(path)
        let fixture = try LogFixture(directory.path, disk: FaultyDisk())
        let report = try #require(fixture.log.recoveryReport.partitions.first)
        #expect(report.gaps.map(\.reason) == [.missingSegment] && report.keptFiles == [path + ".damaged"])
        #expect(try fixture.append(["new"]) == Offset(1))
        let again = try LogFixture(directory.path, disk: FaultyDisk())
        #expect(again.log.recoveryReport.foundLoss == false)
        #expect(try LogFixture.records(again.log).map(\.offset) == [1])
    }

    @Test(
        "indexes that are no files, or are gone, are only hints",
        arguments: [".index", ".timeindex"],
        [true, false]
    )
    func strangeIndex(ending: String, isDirectory: Bool) throws {
        let directory = try TemporaryDirectory()
        let disk = FaultyDisk()
        do {
            let fixture = try LogFixture(directory.path, disk: disk, segmentBytes: 5000)
            while try fixture.partition().segmentCount < 3 { try fixture.append([String(repeating: "x", count: 900)]) }
            fixture.writer.close()
        }
        let path = directory.path + Self.segment.dropLast(4) + ending
        try PosixDisk().remove(path)
        if isDirectory { try PosixDisk().createDirectory(path) }
        let fixture = try LogFixture(directory.path, disk: disk, segmentBytes: 5000)
        let end = try fixture.partition().logEndOffset.value
        #expect(try LogFixture.records(fixture.log).map(\.offset) == Array(0..<end))
        #expect(try LogFixture.records(fixture.log, from: Offset(3)).map(\.offset) == Array(3..<end))
    }

    /// The planted bug: bytes that change under a log that is open are seen by readers because each batch is checked.
    @Test("a reader meets damage in a stored batch, names where to go on, and serves what follows")
    func damageUnderReaders() throws {
        let directory = try TemporaryDirectory()
        let fixture = try LogFixture(directory.path)
        for value in ["first", "second", "third"] { try fixture.append([value]) }
        var bytes = try contents(of: directory.path + Self.segment)
        let start = 61 + 8 + 5
        for (position, isSeen) in [(start + 63, true), (start + 14, false)] {
            var damaged = bytes
            damaged[position] ^= 0xFF
            let file = try PosixDisk().open(directory.path + Self.segment, .update)
            try damaged.withUnsafeBytes { try file.write([$0], at: 0) }
            if isSeen {
                let error = #expect(throws: LogError.self) { try LogFixture.records(fixture.log) }
                #expect(error?.code == .damaged)
                #expect(error?.offset == Offset(1))
                #expect(error?.resumeAt == Offset(2))
                let rest = try LogFixture.records(fixture.log, skipsDamage: true)
                #expect(rest.map(\.offset) == [0, 2])
                let verification = try LogVerify.run(fixture.log)
                #expect(verification.hasUnknownDamage)
                #expect(verification.damage.first?.from == Offset(1))
                #expect(verification.damage.first?.to == Offset(2))
                #expect(verification.damage.first?.position == Position(Int64(start)))
            } else {
                #expect(try LogFixture.records(fixture.log).map(\.offset) == [0, 1, 2])
            }
        }
        bytes.removeAll()
    }

    @Test("opened for reading only, a damaged log is presented as recovery would and nothing is changed")
    func readOnly() throws {
        let directory = try TemporaryDirectory()
        try killedLog(directory, values: ["first", "second", "third"])
        var bytes = try contents(of: directory.path + Self.segment)
        bytes[61 + 8 + 5 + 65] ^= 0x10
        bytes += [1, 2, 3]
        try write(bytes, to: directory.path + Self.segment)
        let names = try PosixDisk().list(directory.path + "/log/readings-0").sorted()
        let configuration = LogConfiguration(directory: directory.path, topics: [.alerts: .init()])
        let log = try CommitLog.open(configuration, disk: PosixDisk(), clock: ManualClock(), access: .readOnly)
        #expect(log.partitions.map(\.topicPartition.description) == ["readings-0"])
        #expect(log.partitions.first?.isConfigured == false)
        #expect(try LogFixture.records(log, skipsDamage: true).map(\.offset) == [0, 2])
        #expect(log.recoveryReport.partitions.first?.gaps.map(\.from) == [Offset(1)])
        #expect(log.recoveryReport.partitions.first?.cutBytes.value == 3)
        #expect(try LogVerify.run(log).hasUnknownDamage)
        #expect(try contents(of: directory.path + Self.segment) == bytes)
        #expect(try PosixDisk().list(directory.path + "/log/readings-0").sorted() == names)
        let fixture = try LogFixture(directory.path)
        #expect(try fixture.values() == ["first", "third"])
        let repaired = try LogVerify.run(fixture.log)
        #expect(!repaired.hasUnknownDamage)
        #expect(repaired.partitions.first?.gaps.count == 1)
        #expect(try contents(of: directory.path + Self.segment + ".damaged") == bytes)
    }

    @Test("every truncation and every flipped byte of the journal leaves the log as it was")
    func journalDamage() throws {
        let directory = try TemporaryDirectory()
        let values = ["a", "b", "c"]
        do {
            let fixture = try LogFixture(directory.path, segmentBytes: 60)
            for value in values { try fixture.append([value]) }
            fixture.writer.close()
        }
        let journal = try contents(of: directory.path + Self.journal)
        let whole = try copy(directory)
        let topicID = try LogFixture(whole.path).partition().topicID
        func check(_ bytes: [UInt8]?, _ name: String) throws {
            let copied = try copy(directory)
            if let bytes {
                try write(bytes, to: copied.path + Self.journal)
            } else {
                try PosixDisk().remove(copied.path + Self.journal)
            }
            let fixture = try LogFixture(copied.path, disk: FaultyDisk(), segmentBytes: 60)
            #expect(try fixture.values() == values, "\(name)")
            #expect(!fixture.log.recoveryReport.foundLoss, "\(name)")
            #expect(try fixture.append(["d"]) == Offset(3), "\(name)")
            #expect(try LogFixture(copied.path, disk: FaultyDisk()).values() == values + ["d"], "\(name)")
            // A new journal begins with the segment, 42 bytes, and the topic, 52.
            if let bytes, bytes.count >= 94, bytes[..<94] == journal[..<94] {
                #expect(try fixture.partition().topicID == topicID)
            }
        }
        for count in stride(from: 0, through: journal.count, by: 3) {
            try check(Array(journal[..<count]), "cut to \(count)")
        }
        for index in stride(from: 0, to: journal.count, by: 2) {
            var bytes = journal
            bytes[index] ^= 0x41
            try check(bytes, "byte \(index)")
        }
        try check(nil, "no journal")
    }

    /// What is not on the device after a restart that serves everything, of a log whose first process did not live to
    /// sync the files or directories that end so. With `planted` the restart's own syncs of them do nothing.
    private func unsyncedAfterRestart(of ending: String, planted: Bool) throws -> Set<String> {
        let directory = try TemporaryDirectory()
        let disk = FaultyDisk()
        let loseSyncs = {
            disk.plan.withLock { plan in
                plan.failingSyncs = ending
                plan.hidesFailedSyncs = true
            }
        }
        do {
            let isDirectory = ending.hasPrefix("/")
            if isDirectory { loseSyncs() }
            let fixture = try LogFixture(directory.path, disk: disk, segmentBytes: 60)
            try fixture.append(["a"])
            if !isDirectory { loseSyncs() }
            try fixture.append(["b"])
            fixture.writer.close()
        }
        try #require(disk.plan.withLock { $0.unsynced.contains { $0.hasSuffix(ending) } })
        if !planted { disk.plan.withLock { $0.failingSyncs = nil } }
        let fixture = try LogFixture(directory.path, disk: disk, segmentBytes: 60)
        #expect(try fixture.values() == ["a", "b"])
        return disk.plan.withLock { $0.unsynced }
    }

    @Test(
        "what a killed process wrote and did not sync is synced before it is served; a log that did not would be caught",
        arguments: [".log", "partition.journal", "/readings-0", "/log"]
    )
    func syncsAtOpen(ending: String) throws {
        #expect(try unsyncedAfterRestart(of: ending, planted: false) == [])
        let unsynced = try unsyncedAfterRestart(of: ending, planted: true)
        #expect(unsynced.contains { $0.hasSuffix(ending) })
    }

    @Test("a damaged journal keeps its name until its successor is whole, and no damaged one replaces another")
    func journalSuccession() throws {
        let directory = try TemporaryDirectory()
        let id: UniqueIdentifier
        do {
            let fixture = try LogFixture(directory.path, segmentBytes: 60)
            id = try fixture.partition().topicID
            for value in ["a", "b", "c"] { try fixture.append([value]) }
            fixture.writer.close()
        }
        let path = directory.path + Self.journal
        let whole = try contents(of: path)
        var damaged = whole
        damaged[20] ^= 0x41
        try write(damaged, to: path)
        let full = FaultyDisk()
        full.plan.withLock { $0.bytesLeft = 10 }
        #expect(throws: LogError.self) { try LogFixture(directory.path, disk: full, segmentBytes: 60) }
        #expect(try contents(of: path) == damaged)
        for kept in [".damaged", ".damaged-1"] {
            try write(damaged, to: path)
            let fixture = try LogFixture(directory.path, segmentBytes: 60)
            #expect(fixture.log.recoveryReport.partitions.first?.journal == .damaged)
            #expect(try fixture.partition().topicID == id)
            #expect(try contents(of: path + kept) == damaged)
            #expect(try !PosixDisk().exists(path + ".new"))
        }
    }

    @Test("a rewrite of the journal that was cut off is finished where the old one is gone, and forgotten where not")
    func interruptedRewrite() throws {
        let directory = try TemporaryDirectory()
        try killedLog(directory, values: ["a"], closes: true)
        let disk = PosixDisk()
        let path = directory.path + Self.journal
        let id = try LogFixture(directory.path).partition().topicID
        try write([1, 2, 3], to: path + ".new")
        #expect(try LogFixture(directory.path).partition().topicID == id)
        #expect(try !disk.exists(path + ".new"))
        try disk.rename(path, to: path + ".new")
        let configuration = LogConfiguration(directory: directory.path, topics: [:])
        let log = try CommitLog.open(configuration, disk: disk, clock: ManualClock(), access: .readOnly)
        #expect(log.partitions.first?.topicID == id)
        #expect(try !disk.exists(path))
        let fixture = try LogFixture(directory.path)
        #expect(try fixture.partition().topicID == id)
        #expect(fixture.log.recoveryReport.partitions.first?.journal == .whole)
        // One that was never finished is no journal.
        let bytes = try contents(of: path)
        try disk.remove(path)
        try write(Array(bytes.dropLast()), to: path + ".new")
        let again = try LogFixture(directory.path)
        #expect(again.log.recoveryReport.partitions.first?.journal == .missing)
        #expect(try again.values() == ["a"])
    }

    @Test("with the journal gone, what retention deleted is no loss, then or later")
    func missingJournalAfterRetention() throws {
        let directory = try TemporaryDirectory()
        let clock = ManualClock()
        do {
            let topics: [TopicName: TopicConfiguration] = [.readings: .init(retentionBytes: ByteCount(80))]
            let fixture = try LogFixture(directory.path, clock: clock, topics: topics, segmentBytes: 60)
            for value in ["a", "b", "c"] { try fixture.append([value]) }
            clock.advance(.seconds(60))
            #expect(fixture.writer.step(waitUpTo: .zero) == .idle)
            try #require(fixture.partition().logStartOffset == Offset(2))
        }
        try PosixDisk().remove(directory.path + Self.journal)
        for _ in 0..<2 {
            let fixture = try LogFixture(directory.path, clock: clock, segmentBytes: 60)
            #expect(!fixture.log.recoveryReport.foundLoss)
            #expect(try fixture.partition().logStartOffset == Offset(2))
            #expect(try fixture.values() == ["c"])
        }
    }

    @Test("only a journal that is whole proves a base offset wrong where no neighbour does", arguments: [true, false])
    func tornJournalProvesNothing(isWhole: Bool) throws {
        let directory = try TemporaryDirectory()
        try killedLog(directory, values: ["a", "b"])
        var bytes = try contents(of: directory.path + Self.segment)
        bytes[61 + 8 + 1 + 7] ^= 4
        try write(bytes, to: directory.path + Self.segment)
        let journal = try contents(of: directory.path + Self.journal)
        if !isWhole { try write(journal + [0, 0, 0], to: directory.path + Self.journal) }
        let fixture = try LogFixture(directory.path)
        let report = try #require(fixture.log.recoveryReport.partitions.first)
        #expect(report.journal == (isWhole ? .whole : .tornTail))
        #expect(report.restampedBatches == (isWhole ? 1 : 0))
        #expect(try fixture.values() == (isWhole ? ["a", "b"] : ["a"]))
    }

    @Test("a repair that was cut off between its two renames is finished")
    func interruptedRepair() throws {
        let directory = try TemporaryDirectory()
        try killedLog(directory, values: ["a", "b"])
        let disk = PosixDisk()
        let path = directory.path + Self.segment
        // Before the first rename: the cleaned file is not in place yet and goes away.
        try write([1, 2, 3], to: path + ".cleaned")
        #expect(try LogFixture(directory.path).values() == ["a", "b"])
        #expect(try !disk.exists(path + ".cleaned"))
        // Between the renames: it takes its place.
        try disk.rename(path, to: path + ".cleaned")
        #expect(try LogFixture(directory.path).values() == ["a", "b"])
        #expect(try disk.exists(path))
    }

    @Test("a segment that is gone is a gap, reported once, and readers step over it")
    func missingSegment() throws {
        let directory = try TemporaryDirectory()
        do {
            let fixture = try LogFixture(directory.path, segmentBytes: 60)
            for value in ["a", "b", "c"] { try fixture.append([value]) }
        }
        try PosixDisk().remove(directory.path + "/log/readings-0/00000000000000000001.log")
        let fixture = try LogFixture(directory.path, segmentBytes: 60)
        let lost = OffsetGap(from: Offset(1), to: Offset(2), reason: .missingSegment)
        #expect(fixture.log.recoveryReport.partitions.first?.gaps == [lost])
        #expect(try LogFixture.records(fixture.log).map(\.offset) == [0, 2])
        #expect(try LogFixture.records(fixture.log, from: Offset(1)).map(\.offset) == [2])
        let again = try LogFixture(directory.path, segmentBytes: 60)
        #expect(again.log.recoveryReport.partitions.first?.gaps == [])
        #expect(try again.partition().gaps == [lost])
    }

    @Test("offsets that were synced once are never handed out again, even where every segment is gone")
    func everythingGone() throws {
        let directory = try TemporaryDirectory()
        try killedLog(directory, values: ["a", "b", "c"], closes: true)
        try PosixDisk().remove(directory.path + Self.segment)
        let fixture = try LogFixture(directory.path)
        #expect(fixture.log.recoveryReport.foundLoss)
        #expect(try fixture.partition().logStartOffset == Offset(3))
        #expect(try fixture.append(["d"]) == Offset(3))
    }

    @Test("topics that nobody configured are served with what their journal says, and kept")
    func unconfiguredTopics() throws {
        let directory = try TemporaryDirectory()
        let odd = try #require(TopicName("odd-name.v1"))
        let name = TopicPartition(topic: odd, partition: .zero)
        let settings = TopicConfiguration(
            retention: .seconds(7),
            retentionBytes: ByteCount(99),
            compression: .zstd,
            onFull: .dropOldest
        )
        let topicID: UniqueIdentifier
        do {
            let fixture = try LogFixture(directory.path, topics: [odd: settings])
            try fixture.append(["kept"], to: name)
            topicID = try fixture.partition(name).topicID
        }
        try PosixDisk().createDirectory(directory.path + "/log/not a partition")
        let fixture = try LogFixture(directory.path)
        let partition = try fixture.partition(name)
        #expect(!partition.isConfigured)
        #expect(partition.configuration == settings)
        #expect(partition.topicID == topicID)
        #expect(try fixture.values(name) == ["kept"])
        #expect(fixture.log.recoveryReport.unknownDirectories == ["not a partition"])
        #expect(fixture.log.partitions.map(\.topicPartition.description) == ["odd-name.v1-0", "readings-0"])
    }

    @Test("a log of another format is refused with its name, and left alone")
    func format() throws {
        let directory = try TemporaryDirectory()
        try killedLog(directory, values: ["a"])
        #expect(try contents(of: directory.path + "/FORMAT") == Array("forebay-log 1\nforebay-log 1\n".utf8))
        try write(Array("forebay-log 2\n".utf8), to: directory.path + "/FORMAT")
        let error = #expect(throws: LogError.self) { try LogFixture(directory.path) }
        #expect(error?.code == .unsupportedFormat)
        #expect(error?.description.contains("forebay-log 2") == true)
    }

    @Test("a second process is told who holds the data directory")
    func directoryLock() throws {
        let directory = try TemporaryDirectory()
        let lock = try DirectoryLock(dataDirectory: directory.path)
        let error = #expect(throws: LogError.self) { try DirectoryLock(dataDirectory: directory.path) }
        #expect(error?.code == .locked)
        #expect(error?.message.contains("process ") == true)
        #expect(DirectoryLock.holder(dataDirectory: directory.path)?.code == .locked)
        withExtendedLifetime(lock) {}
    }

    @Test("a journal that has grown long is rewritten and says the same")
    func journalRewrite() throws {
        let directory = try TemporaryDirectory()
        let clock = ManualClock()
        let id: UniqueIdentifier
        do {
            let fixture = try LogFixture(directory.path, clock: clock, segmentBytes: 60)
            id = try fixture.partition().topicID
            for value in ["a", "b", "c"] { try fixture.append([value]) }
            fixture.writer.close()
        }
        // The last entry is the recovery point, 26 bytes; a thousand years of maintenance would repeat it so.
        var journal = try contents(of: directory.path + Self.journal)
        let last = Array(journal.suffix(26))
        let whole = journal.count
        for _ in 0..<16_000 { journal += last }
        try write(journal, to: directory.path + Self.journal)
        let fixture = try LogFixture(directory.path, clock: clock, segmentBytes: 60)
        #expect(fixture.log.recoveryReport.partitions.first?.journal == .whole)
        try fixture.append(["d"])
        clock.advance(.seconds(60))
        #expect(fixture.writer.step(waitUpTo: .zero) == .idle)
        #expect(try contents(of: directory.path + Self.journal).count < whole + 200)
        let again = try LogFixture(directory.path, clock: clock, segmentBytes: 60)
        #expect(!again.log.recoveryReport.foundLoss)
        #expect(again.log.recoveryReport.partitions.first?.journal == .whole)
        #expect(try again.partition().topicID == id)
        #expect(try again.values() == ["a", "b", "c", "d"])
        #expect(try again.partition().describeSegments().dropLast().allSatisfy { $0.lastAppend != nil })
    }

    @Test("dump shows batches, records, damage and the unwritten tail of one file")
    func dump() throws {
        let directory = try TemporaryDirectory()
        try killedLog(directory, values: ["first", "second", "third"])
        var bytes = try contents(of: directory.path + Self.segment) + [UInt8](repeating: 0, count: 50)
        bytes[61 + 8 + 5 + 62] ^= 1
        try write(bytes, to: directory.path + Self.segment)
        var seen: [String] = []
        try LogDump.dump(directory.path + Self.segment, disk: PosixDisk()) { item in
            switch item {
            case .batch(let position, let header): seen.append("batch \(header.baseOffset) at \(position)")
            case .record(let record): seen.append(record.value.map { String(decoding: $0, as: UTF8.self) } ?? "nil")
            case .invalid(let position, _): seen.append("invalid at \(position)")
            case .unwritten(let position): seen.append("unwritten at \(position)")
            }
        }
        #expect(seen == ["batch 0 at 0", "first", "invalid at 74", "batch 2 at 149", "third", "unwritten at 223"])
    }
}

@Suite("Cursor file")
struct CursorTests {
    @Test("keeps the newest value through every torn write of the next")
    func tornSlots() throws {
        let directory = try TemporaryDirectory()
        let disk = PosixDisk()
        let cursor = try CursorFile(dataDirectory: directory.path, name: "rules", disk: disk)
        #expect(try cursor.load() == .missing)
        try cursor.store(Array("one".utf8))
        try cursor.store(Array("two".utf8))
        let before = try contents(of: cursor.path)
        #expect(before.count == 8192)
        try cursor.store(Array("three".utf8))
        let after = try contents(of: cursor.path)
        let changed = before.indices.filter { before[$0] != after[$0] }
        let slot = try #require(changed.first) / 4096
        #expect(changed.allSatisfy { $0 / 4096 == slot })
        for count in 0...21 {
            var torn = before
            for index in slot * 4096..<slot * 4096 + count { torn[index] = after[index] }
            try write(torn, to: cursor.path)
            let reopened = try CursorFile(dataDirectory: directory.path, name: "rules", disk: disk)
            let value = try reopened.load()
            let isWhole = torn == after
            #expect(value == .value(Array((isWhole ? "three" : "two").utf8)), "\(count) bytes written")
            try reopened.store(Array("four".utf8))
            #expect(
                try CursorFile(dataDirectory: directory.path, name: "rules", disk: disk).load()
                    == .value(Array("four".utf8))
            )
        }
    }

    @Test("missing, damaged, empty and largest are four things")
    func outcomes() throws {
        let directory = try TemporaryDirectory()
        let disk = PosixDisk()
        let cursor = try CursorFile(dataDirectory: directory.path, name: "hook.pager", disk: disk)
        try cursor.store([])
        #expect(try cursor.load() == .value([]))
        let largest = [UInt8](repeating: 7, count: Limits.cursorBytesMax)
        try cursor.store(largest)
        #expect(try cursor.load() == .value(largest))
        let error = #expect(throws: LogError.self) { try cursor.store(largest + [1]) }
        #expect(error?.code == .tooLarge)
        try write([UInt8](repeating: 0x55, count: 8192), to: cursor.path)
        let damaged = try CursorFile(dataDirectory: directory.path, name: "hook.pager", disk: disk)
        #expect(try damaged.load() == .damaged)
        try damaged.store([1])
        #expect(try damaged.load() == .value([1]))
        for name in ["", "../x", "a/b"] {
            #expect(throws: LogError.self) { try CursorFile(dataDirectory: directory.path, name: name, disk: disk) }
        }
    }

    @Test("a value that a killed process wrote and did not sync is synced before it is trusted, and its name too")
    func syncsBeforeLoading() throws {
        let directory = try TemporaryDirectory()
        let disk = FaultyDisk()
        func lose(_ ending: String?) {
            disk.plan.withLock { plan in
                plan.failingSyncs = ending
                plan.hidesFailedSyncs = true
            }
        }
        func isUnsynced(_ path: String) -> Bool { disk.plan.withLock { $0.unsynced.contains(path) } }
        lose("/cursors")
        let cursor = try CursorFile(dataDirectory: directory.path, name: "rules", disk: disk)
        lose("/rules")
        try cursor.store([1])
        lose(nil)
        #expect(isUnsynced(cursor.path) && isUnsynced(directory.path + "/cursors"))
        _ = try LogFixture(directory.path, disk: disk)
        #expect(!isUnsynced(directory.path + "/cursors"))
        let reopened = try CursorFile(dataDirectory: directory.path, name: "rules", disk: disk)
        #expect(isUnsynced(cursor.path))
        #expect(try reopened.load() == .value([1]))
        #expect(!isUnsynced(cursor.path))
    }

    @Test("a failed sync is final for the cursor")
    func failedSync() throws {
        let directory = try TemporaryDirectory()
        let disk = FaultyDisk()
        let cursor = try CursorFile(dataDirectory: directory.path, name: "rules", disk: disk)
        try cursor.store([1])
        disk.plan.withLock { $0.failingSyncs = "/rules" }
        #expect(throws: LogError.self) { try cursor.store([2]) }
        disk.plan.withLock { $0.failingSyncs = nil }
        #expect(throws: LogError.self) { try cursor.store([3]) }
        #expect(disk.plan.withLock { $0.writesAfterFailure } == 0)
    }
}
