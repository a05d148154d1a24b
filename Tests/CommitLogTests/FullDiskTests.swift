// A full disk: what is acknowledged stays, what may use the reserve goes on, and everything goes on when there is room.
import CommitLog
import Platform
import Synchronization
import Testing

@Suite("Full disk")
struct FullDiskTests {
    private static let alerts = TopicPartition(topic: .alerts, partition: .zero)
    private static let topics: [TopicName: TopicConfiguration] = [
        .readings: .init(), .alerts: .init(), .system: .init(),
    ]

    private func fixture(
        _ directory: String,
        disk: any Disk = PosixDisk(),
        clock: ManualClock = ManualClock(),
        onFull: FullPolicy = .refuse
    ) throws -> LogFixture {
        var topics = Self.topics
        topics[.readings]?.onFull = onFull
        return try LogFixture(
            directory,
            disk: disk,
            clock: clock,
            topics: topics,
            reserveBytesMax: Limits.reserveBytesMax.value
        )
    }

    /// Steps with the clock going on until `isDone`, at most five seconds: the steps taken, or nil.
    private func stepUntil(_ fixture: LogFixture, _ isDone: () throws -> Bool) rethrows -> Int? {
        for count in 0...20 {
            if try isDone() { return count }
            _ = fixture.writer.step(waitUpTo: .zero)
            fixture.clock.advance(.milliseconds(250))
        }
        return try isDone() ? 21 : nil
    }

    // MARK: - On a disk that a test fills

    @Test("alerts and ticks do not wait behind readings of the same commit")
    func laneOfItsOwn() throws {
        let directory = try TemporaryDirectory()
        let disk = FaultyDisk()
        disk.plan.withLock { $0.space = DiskSpace(total: 6_400_000, free: 1_000_000) }
        let fixture = try fixture(directory.path, disk: disk)
        #expect(try contents(of: directory.path + "/reserve").count == 98304)
        try fixture.append(["first"])
        disk.plan.withLock { $0.bytesLeft = 30 }
        let held = fixture.log.inbox.offer(fixture.batch(["held"]), to: try fixture.partition())
        let alert = fixture.log.inbox.offer(fixture.batch(["alert"]), to: try fixture.partition(Self.alerts))
        let tick = fixture.log.inbox.offerDeferred(to: try fixture.partition(LogFixture.system)) {
            [log = fixture.log] in
            let builder = BatchBuilder(pool: log.pool)
            let end = $0.end(of: LogFixture.readings) ?? .zero
            let isAdded = builder.add(timestamp: 1, key: nil, value: "\(end)")
            precondition(isAdded)
            return builder.seal(compression: .none)
        }
        guard case .accepted(let heldTicket) = held, case .accepted(let alertTicket) = alert,
            case .accepted(let tickTicket) = tick
        else { throw FixtureError.refused }
        #expect(fixture.writer.step(waitUpTo: .zero) == .full)
        #expect(fixture.log.inbox.outcome(of: heldTicket) == .pending)
        #expect(fixture.log.inbox.outcome(of: alertTicket) == .durable)
        #expect(fixture.log.inbox.outcome(of: tickTicket) == .durable)
        // The tick names the readings that are there, not those that wait.
        #expect(try fixture.values(LogFixture.system) == ["1"])
        #expect(try fixture.values() == ["first"])
        #expect(try contents(of: directory.path + "/reserve").isEmpty)
        // The next alert goes through between two attempts.
        try fixture.append(["second alert"], to: Self.alerts)
        #expect(fixture.log.inbox.outcome(of: heldTicket) == .pending)
        disk.plan.withLock { $0.bytesLeft = nil }
        let steps = stepUntil(fixture) { fixture.log.inbox.outcome(of: heldTicket) == .durable }
        #expect(steps != nil)
        #expect(try contents(of: directory.path + "/reserve").count == 98304)
        #expect(try fixture.values() == ["first", "held"])
        #expect(try fixture.values(Self.alerts) == ["alert", "second alert"])
    }

    @Test("with the reserve used up alerts are refused too, and everything goes on in order when there is room")
    func reserveUsedUp() throws {
        let directory = try TemporaryDirectory()
        let disk = FaultyDisk()
        disk.plan.withLock { $0.space = DiskSpace(total: 300_000, free: 100_000) }
        let fixture = try fixture(directory.path, disk: disk)
        disk.plan.withLock { plan in
            plan.bytesLeft = 0
            plan.space = DiskSpace(total: 300_000, free: 0)
        }
        _ = fixture.log.inbox.offer(fixture.batch(["held"]), to: try fixture.partition())
        #expect(fixture.writer.step(waitUpTo: .zero) == .full)
        var acknowledged = 0
        var last = OfferResult.full
        let alert = String(repeating: "a", count: 900)
        for _ in 0..<20 {
            last = fixture.log.inbox.offer(fixture.batch([alert]), to: try fixture.partition(Self.alerts))
            guard case .accepted(let ticket) = last else { break }
            _ = fixture.writer.step(waitUpTo: .zero)
            if fixture.log.inbox.outcome(of: ticket) == .durable { acknowledged += 1 }
        }
        // 4,096 bytes of reserve hold four of these; the fifth is accepted and waits.
        #expect(last == .full)
        #expect(acknowledged == 4)
        disk.plan.withLock { plan in
            plan.bytesLeft = nil
            plan.space = DiskSpace(total: 300_000, free: 100_000)
        }
        #expect(stepUntil(fixture) { fixture.log.inbox.waitingBytes == 0 } != nil)
        #expect(try fixture.values() == ["held"])
        #expect(try fixture.values(Self.alerts).count == 5)
        try fixture.append(["after"])
    }

    @Test("a log that is opened on a full disk serves readers and alerts, says so, and takes readings when it can")
    func startOnFullDisk() throws {
        let directory = try TemporaryDirectory()
        let space = DiskSpace(total: 6_400_000, free: 1_000_000)
        do {
            let disk = FaultyDisk()
            disk.plan.withLock { $0.space = space }
            try fixture(directory.path, disk: disk).append(["before"])
        }
        try PosixDisk().open(directory.path + "/reserve", .update).truncate(to: 0)
        let disk = FaultyDisk()
        disk.plan.withLock { plan in
            plan.space = DiskSpace(total: 6_400_000, free: 60_000)
            plan.bytesLeft = 60_000
        }
        let fixture = try fixture(directory.path, disk: disk)
        guard case .full = fixture.log.state else {
            Issue.record("not full")
            return
        }
        #expect(try fixture.values() == ["before"])
        #expect(fixture.log.inbox.offer(fixture.batch(["x"]), to: try fixture.partition()) == .full)
        #expect(fixture.writer.step(waitUpTo: .zero) == .full)
        try fixture.append(["alert"], to: Self.alerts)
        disk.plan.withLock { plan in
            plan.space = space
            plan.bytesLeft = nil
        }
        #expect(
            stepUntil(fixture) {
                if case .serving = fixture.log.state { return true }
                return false
            } != nil
        )
        try fixture.append(["after"])
        #expect(try fixture.values() == ["before", "after"])
    }

    @Test("what a start on a full disk gives up for one partition is gone for one that it had opened before, too")
    func givenUpAfterOpening() throws {
        let directory = try TemporaryDirectory()
        let topics: [TopicName: TopicConfiguration] = [.readings: .init(onFull: .dropOldest), .system: .init()]
        let disk = FaultyDisk.withoutZeros
        do {
            let fixture = try LogFixture(directory.path, disk: disk, topics: topics, segmentBytes: 5000)
            while try fixture.partition().segmentCount < 4 { try fixture.append([String(repeating: "x", count: 900)]) }
            for value in ["a", "b", "c"] { try fixture.append([value], to: LogFixture.system) }
            fixture.writer.close()
        }
        // The repair of `system`, which opens last, needs room.
        let path = directory.path + "/log/system-0/00000000000000000000.log"
        var bytes = try contents(of: path)
        bytes[bytes.count / 2] ^= 0x10
        try write(bytes, to: path)
        disk.plan.withLock { plan in
            plan.bytesLeft = 0
            plan.space = DiskSpace(total: 1 << 40, free: 0)
        }
        let fixture = try LogFixture(directory.path, disk: disk, topics: topics, segmentBytes: 5000)
        let readings = try fixture.partition()
        #expect(readings.logStartOffset > .zero && readings.segmentCount == 1)
        let offsets = try LogFixture.records(fixture.log).map(\.offset)
        #expect(offsets == Array(readings.logStartOffset.value..<readings.logEndOffset.value))
        let report = fixture.log.recoveryReport
        let system = try #require(report.partitions.first { $0.topicPartition == LogFixture.system })
        #expect(system.gaps.map(\.from) == [Offset(1)] && system.keptFiles.count == 1)
        disk.plan.withLock { $0.bytesLeft = nil }
        let again = try LogFixture(directory.path, disk: disk, topics: topics, segmentBytes: 5000)
        #expect(!again.log.recoveryReport.foundLoss)
        #expect(try LogFixture.records(again.log).map(\.offset) == offsets)
    }

    @Test("free-space retention gives up data that stands in the active segment, within seconds")
    func keepFreeRolls() throws {
        let directory = try TemporaryDirectory()
        let disk = FaultyDisk()
        disk.plan.withLock { $0.space = DiskSpace(total: 1 << 30, free: 1 << 29) }
        let clock = ManualClock()
        let fixture = try LogFixture(
            directory.path,
            disk: disk,
            clock: clock,
            topics: [.readings: .init(onFull: .dropOldest)],
            keepFree: 0.1
        )
        let value = String(repeating: "x", count: 40_000)
        for _ in 0..<4 { try fixture.append([value]) }
        #expect(try fixture.partition().segmentCount == 1)
        disk.plan.withLock { $0.space = DiskSpace(total: 1 << 30, free: 1 << 20) }
        clock.advance(.seconds(1))
        #expect(fixture.writer.step(waitUpTo: .zero) == .idle)
        #expect(try fixture.partition().logStartOffset == Offset(4))
        // What is not worth a segment of its own stays.
        try fixture.append(["small"])
        clock.advance(.seconds(1))
        #expect(fixture.writer.step(waitUpTo: .zero) == .idle)
        #expect(try fixture.values() == ["small"])
    }

    // MARK: - On a real one

    /// What a run over a disk that fills came to.
    private struct Outcome {
        var attempts: UInt64 = 0
        var acknowledged = 0
        var acknowledgedAlerts = 0
        var verified = 0
        var isRefused = false
        var isWhole = false
    }

    /// About 60 KB, beginning with `number`.
    private func value(_ number: Int) -> String { "\(number):" + String(repeating: "x", count: 60_000) }

    /// Fills the disk with readings, goes on with alerts, is killed and opened again on the full disk, gets room, goes on.
    private func fillAndRecover(_ small: SmallFileSystem, disk: any Disk, alertsMax: Int) throws -> Outcome {
        var outcome = Outcome()
        try small.fill("other", bytes: 4 << 20)
        var acknowledged: [Int] = []
        do {
            let fixture = try fixture(small.path, disk: disk)
            for number in 0..<400 {
                let offered = fixture.log.inbox.offer(
                    fixture.batch([value(number)]),
                    to: try fixture.partition()
                )
                guard case .accepted(let ticket) = offered else { break }
                _ = fixture.writer.step(waitUpTo: .zero)
                if fixture.log.inbox.outcome(of: ticket) == .durable { acknowledged.append(number) }
            }
            for number in 0..<alertsMax {
                try fixture.append(["alert \(number)"], to: Self.alerts)
                outcome.acknowledgedAlerts += 1
            }
            try CursorFile(dataDirectory: small.path, name: "hook", disk: disk).store([1, 2, 3])
            outcome.attempts += fixture.log.metrics.fullAttempts
        }
        if outcome.attempts > 0 { try small.fillUp("rest") }
        let fixture = try fixture(small.path, disk: disk)
        outcome.isRefused = fixture.log.inbox.offer(fixture.batch(["no"]), to: try fixture.partition()) == .full
        outcome.verified = try verified(fixture, acknowledged)
        try small.remove("other")
        let resumed = stepUntil(fixture) {
            if case .serving = fixture.log.state { return true }
            return false
        }
        guard resumed != nil else { return outcome }
        try fixture.append([value(1000)])
        acknowledged.append(1000)
        outcome.acknowledged = acknowledged.count
        outcome.verified = try verified(fixture, acknowledged)
        outcome.isWhole =
            try !LogVerify.run(fixture.log).hasUnknownDamage
            && LogFixture.records(fixture.log, Self.alerts).count == outcome.acknowledgedAlerts
        return outcome
    }

    /// How many of the acknowledged readings are there, in their order.
    private func verified(_ fixture: LogFixture, _ acknowledged: [Int]) throws -> Int {
        let numbers = try LogFixture.records(fixture.log, maxBytes: 1 << 20, skipsDamage: true).map { record in
            Int(String(decoding: (record.value ?? []).prefix { $0 != UInt8(ascii: ":") }, as: UTF8.self)) ?? -1
        }
        return zip(numbers, acknowledged).prefix { $0 == $1 }.count
    }

    @Test(
        "16 MiB: nothing acknowledged is lost, alerts go on, a start on the full disk works, readings resume by themselves",
        arguments: SmallFileSystem.Kind.allCases.filter(SmallFileSystem.isPossible)
    )
    func realFullDisk(_ kind: SmallFileSystem.Kind) throws {
        let outcome = try fillAndRecover(try SmallFileSystem(kind), disk: PosixDisk(), alertsMax: 200)
        print(
            "full disk (\(kind)): \(outcome.attempts) times full, \(outcome.acknowledged) readings and "
                + "\(outcome.acknowledgedAlerts) alerts acknowledged, \(outcome.verified) verified"
        )
        #expect(outcome.attempts >= 1)
        #expect(outcome.isRefused)
        #expect(outcome.acknowledged > 100)
        #expect(outcome.verified == outcome.acknowledged)
        #expect(outcome.isWhole)
    }

    @Test(
        "a log that took a full disk's refusal for success would be caught",
        arguments: SmallFileSystem.Kind.allCases.filter(SmallFileSystem.isPossible)
    )
    func realFullDiskTwin(_ kind: SmallFileSystem.Kind) throws {
        let outcome = try fillAndRecover(try SmallFileSystem(kind), disk: DeafDisk(), alertsMax: 0)
        #expect(outcome.verified < outcome.acknowledged)
    }

    @Test(
        "16 MiB: a topic that drops its oldest takes four times the disk, and what is kept is whole",
        arguments: SmallFileSystem.Kind.allCases.filter(SmallFileSystem.isPossible)
    )
    func realDropOldest(_ kind: SmallFileSystem.Kind) throws {
        let small = try SmallFileSystem(kind)
        let fixture = try fixture(small.path, onFull: .dropOldest)
        let planned = 1100
        for number in 0..<planned {
            let offered = fixture.log.inbox.offer(fixture.batch([value(number)]), to: try fixture.partition())
            guard case .accepted(let ticket) = offered else { throw FixtureError.refused }
            let steps = stepUntil(fixture) { fixture.log.inbox.outcome(of: ticket) == .durable }
            try #require(steps != nil, "reading \(number) is not stored within five seconds")
        }
        let start = try fixture.partition().logStartOffset
        let kept = try verified(fixture, Array(Int(start.value)..<planned))
        print(
            "drop oldest (\(kind)): \(fixture.log.metrics.fullAttempts) times full, \(planned) acknowledged, \(kept) kept"
        )
        #expect(start > .zero)
        #expect(fixture.log.metrics.fullAttempts > 0)
        #expect(kept == planned - Int(start.value))
        // Segments are small on a small disk, so most of it stays in use.
        #expect(kept * 60_000 > 8 << 20)
        #expect(try !LogVerify.run(fixture.log).hasUnknownDamage)
    }
}

/// The planted bug: writes that find the disk full are reported as done.
private struct DeafDisk: Disk {
    private let real = PosixDisk()

    func open(_ path: String, _ mode: OpenMode) throws(DiskError) -> any DiskFile {
        DeafFile(real: try real.open(path, mode))
    }

    func list(_ directory: String) throws(DiskError) -> [String] { try real.list(directory) }
    func createDirectory(_ path: String) throws(DiskError) { try real.createDirectory(path) }
    func rename(_ from: String, to: String) throws(DiskError) { try real.rename(from, to: to) }
    func remove(_ path: String) throws(DiskError) { try real.remove(path) }
    func syncDirectory(_ directory: String) throws(DiskError) { try real.syncDirectory(directory) }
    func exists(_ path: String) throws(DiskError) -> Bool { try real.exists(path) }
    func space(at path: String) throws(DiskError) -> DiskSpace {
        let space = try real.space(at: path)
        return DiskSpace(total: space.total, free: max(space.free, space.total / 2))
    }
}

private final class DeafFile: DiskFile {
    private let real: any DiskFile
    var path: String { real.path }

    init(real: any DiskFile) {
        self.real = real
    }

    func size() throws(DiskError) -> Int64 { try real.size() }
    func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int64) throws(DiskError) -> Int {
        try real.read(into: buffer, at: position)
    }
    func write(_ buffers: [UnsafeRawBufferPointer], at position: Int64) throws(DiskError) {
        do {
            try real.write(buffers, at: position)
        } catch {
            guard error.isNoSpace else { throw error }
        }
    }
    func sync() throws(DiskError) { try real.sync() }
    func truncate(to size: Int64) throws(DiskError) { try real.truncate(to: size) }
}
