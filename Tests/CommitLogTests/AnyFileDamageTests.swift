// One bit flipped or one file cut, anywhere in a data directory: the log starts, loses at most the batch that was hit,
// names every loss, and a second recovery changes nothing. `FOREBAY_FLIPS=10000` runs the long form.
import CommitLog
import Glibc
import Platform
import Testing

@Suite("Damage in any file")
struct AnyFileDamageTests {
    @Test("a bit flip or a truncation in any file of a data directory costs at most the batch it hit")
    func anyFile() throws {
        let planned = getenv("FOREBAY_FLIPS").flatMap { Int(String(cString: $0)) } ?? 300
        let campaign = try DamageCampaign(seed: testSeed("damage in any file"))
        let report = try campaign.run(planned, repairs: true)
        print("damage in any file: \(report)")
        #expect(report.violations == [])
        #expect(report.injected == planned)
        #expect(report.started == planned)
        #expect(report.kindsHit == DamageCampaign.kinds)
        #expect(report.losses > 0 && report.repairs > 0)
    }

    /// The planted bug: a log writer that never looks at what readers noted.
    @Test("a log that does not repair its sealed segments is caught")
    func twin() throws {
        let report = try DamageCampaign(seed: testSeed("damage in any file, twin")).run(150, repairs: false)
        #expect(!report.violations.isEmpty)
    }
}

/// A closed log of three partitions' worth of files, and what must be true of it after one fault.
private final class DamageCampaign {
    static let kinds: Set<String> = [".log", ".index", ".timeindex", ".journal", "cursor", "FORMAT"]

    struct Report: CustomStringConvertible {
        var injected = 0
        var started = 0
        var losses = 0
        var repairs = 0
        var kindsHit: Set<String> = []
        var violations: [String] = []

        var description: String {
            "\(injected) faults injected, \(started) starts, \(losses) batches lost"
                + " and named, \(repairs) segments repaired, \(violations.count) violations"
        }
    }

    private struct Fault: CustomStringConvertible {
        var path: String
        var position: Int
        /// nil cuts the file at `position`.
        var bit: Int?

        var description: String { "\(path) at \(position), \(bit.map { "bit \($0)" } ?? "cut")" }
    }

    private static let segmentBytes: Int64 = 60_000
    private static let cursorValues: [[UInt8]] = [[1], [2, 2]]
    /// Every file by its path below the data directory.
    private var files: [String: [UInt8]] = [:]
    private var paths: [String] = []
    /// First offset and place of each batch, by file.
    private var batches: [String: [(offset: Int64, range: Range<Int>)]] = [:]
    private var records: [PlainRecord] = []
    private var generator: SeededGenerator

    init(seed: UInt64) throws {
        generator = SeededGenerator(seed: seed)
        let directory = try TemporaryDirectory()
        let fixture = try LogFixture(directory.path, disk: FaultyDisk(), segmentBytes: Self.segmentBytes)
        for number in 0..<40 {
            let value = "\(number % 10)" + String(repeating: "x", count: 1000 + number * 97 % 9000)
            try fixture.append(
                [value, "second"],
                at: Int64(number) * 1000,
                compression: number % 3 == 0 ? .lz4 : .none
            )
        }
        records = try LogFixture.records(fixture.log)
        for segment in try fixture.partition().describeSegments() {
            let name = String(segment.path.dropFirst(directory.path.count))
            try LogDump.dump(segment.path, disk: PosixDisk()) { item in
                guard case .batch(let position, let header) = item else { return }
                let start = Int(position.value)
                batches[name, default: []].append((header.baseOffset, start..<start + header.totalBytes))
            }
        }
        fixture.writer.close()
        let cursor = try CursorFile(dataDirectory: directory.path, name: "reader", disk: FaultyDisk())
        for value in Self.cursorValues { try cursor.store(value) }
        try collect(directory.path, below: "")
        paths = files.keys.sorted()
    }

    private func collect(_ root: String, below path: String) throws {
        for name in try PosixDisk().list(root + path) {
            let child = "\(path)/\(name)"
            if (try? PosixDisk().list(root + child)) != nil {
                try collect(root, below: child)
            } else {
                files[child] = try contents(of: root + child)
            }
        }
    }

    func run(_ count: Int, repairs: Bool) throws -> Report {
        var report = Report()
        for _ in 0..<count {
            let fault = nextFault()
            report.injected += 1
            report.kindsHit.insert(Self.kind(of: fault.path))
            do {
                try check(fault, repairs: repairs, &report)
            } catch {
                report.violations.append("\(fault): \(error)")
            }
        }
        return report
    }

    private static func kind(of path: String) -> String {
        kinds.first { path.hasSuffix($0) } ?? (path.hasPrefix("/cursors") ? "cursor" : path)
    }

    /// Half of the faults hit segments, wherever; the others each small file as often as a large one.
    private func nextFault() -> Fault {
        let logs = paths.filter { $0.hasSuffix(".log") }
        let others = paths.filter { !$0.hasSuffix(".log") && !(files[$0] ?? []).isEmpty }
        let path = (Bool.random(using: &generator) ? logs : others).randomElement(using: &generator) ?? paths[0]
        let size = files[path]?.count ?? 0
        let position = size > 0 ? Int.random(in: 0..<size, using: &generator) : 0
        let cuts = Int.random(in: 0..<4, using: &generator) == 0
        return Fault(path: path, position: position, bit: cuts ? nil : Int.random(in: 0..<8, using: &generator))
    }

    private func write(_ fault: Fault, to root: String) throws {
        let disk = PosixDisk()
        for directory in ["/log", "/log/readings-0", "/cursors"] { try disk.createDirectory(root + directory) }
        for (path, original) in files {
            var bytes = original
            if path == fault.path {
                if let bit = fault.bit {
                    bytes[fault.position] ^= 1 << bit
                } else {
                    bytes.removeLast(bytes.count - fault.position)
                }
            }
            try CommitLogTests.write(bytes, to: root + path)
        }
    }

    /// First offsets of the batches that the fault may cost.
    private func hit(by fault: Fault) -> [Int64] {
        (batches[fault.path] ?? []).filter { batch in
            fault.bit == nil ? batch.range.upperBound > fault.position : batch.range.contains(fault.position)
        }.map(\.offset)
    }

    private func check(_ fault: Fault, repairs: Bool, _ report: inout Report) throws {
        let directory = try TemporaryDirectory()
        try write(fault, to: directory.path)
        let fixture = try LogFixture(directory.path, disk: FaultyDisk(), segmentBytes: Self.segmentBytes)
        report.started += 1
        let met = try LogFixture.records(fixture.log, skipsDamage: true)
        if repairs { while fixture.writer.step(waitUpTo: .zero) != .idle {} }
        for _ in 0..<3 where repairs { _ = fixture.writer.step(waitUpTo: .zero) }
        let served = try LogFixture.records(fixture.log, skipsDamage: true)
        report.repairs += fixture.log.repairs.count

        let lost = Set(records.map(\.offset)).subtracting(served.map(\.offset))
        let mayLose = hit(by: fault).flatMap { [$0, $0 + 1] }
        try require(lost.isSubset(of: mayLose), "lost \(lost.sorted()), hit \(mayLose)")
        try require(served == records.filter { !lost.contains($0.offset) }, "other bytes are served")
        try require(Set(met).isSubset(of: served), "a repair takes what readers had")
        let gaps = try fixture.partition().gaps
        let named = Set(gaps.flatMap { $0.from.value..<$0.to.value })
        try require(named == lost, "lost \(lost.sorted()), named \(gaps)")
        if !lost.isEmpty { report.losses += lost.count / 2 }
        try checkTimes(fixture, served)
        let cursor = try CursorFile(dataDirectory: directory.path, name: "reader", disk: FaultyDisk()).load()
        if case .value(let value) = cursor {
            try require(Self.cursorValues.contains(value), "the cursor says \(value)")
        }
        let end = Offset(Int64(records.count))
        try require(try fixture.partition().logEndOffset == end, "the log ends elsewhere")
        try checkAgain(directory, served, gaps)
        try require(try fixture.append(["new"]) == end, "an offset is given out twice")
    }

    /// Looked up by time, the first record is the one that a walk finds, whatever the indexes hold.
    private func checkTimes(_ fixture: LogFixture, _ served: [PlainRecord]) throws {
        let partition = try fixture.partition()
        let reader = LogReader(log: fixture.log)
        var buffer = ReadBuffer()
        for time in stride(from: Int64(500), to: 40_000, by: 9_000) {
            let found = try reader.firstRecord(
                atOrAfter: Timestamp(milliseconds: time),
                in: partition,
                upTo: partition.logEndOffset,
                buffer: &buffer,
                decoder: RecordDecoder()
            )
            let wanted = served.first { $0.timestamp >= time }
            try require(found?.offset.value == wanted?.offset, "time \(time) leads to \(String(describing: found))")
        }
    }

    private func checkAgain(_ directory: TemporaryDirectory, _ served: [PlainRecord], _ gaps: [OffsetGap]) throws {
        let again = try LogFixture(directory.path, disk: FaultyDisk(), segmentBytes: Self.segmentBytes)
        let records = try LogFixture.records(again.log)
        _ = again.writer.step(waitUpTo: .zero)
        let report = try #require(again.log.recoveryReport.partitions.first)
        try require(records == served, "a second recovery serves something else")
        try require(try again.partition().gaps == gaps, "a second recovery finds other gaps")
        let found = report.gaps.isEmpty && report.cutBytes.value == 0 && report.keptFiles.isEmpty
        try require(
            found && again.log.repairs.isEmpty && report.journal == .whole,
            "a second recovery repairs: \(report)"
        )
    }

    private func require(_ holds: Bool, _ message: @autoclosure () -> String) throws {
        if !holds { throw Violation(text: message()) }
    }

    private struct Violation: Error, CustomStringConvertible {
        var text: String
        var description: String { text }
    }
}
