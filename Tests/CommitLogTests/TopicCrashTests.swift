// A process that is killed, a power cut and a full disk while topics come and go: each is whole or not there.
import CommitLog
import Platform
import Synchronization
import Testing

@Suite("Topics and crashes")
struct TopicCrashTests {
    private static let count: Int32 = 3
    private static let id = UniqueIdentifier(high: 7, low: 9)
    private static let settings = TopicConfiguration(partitions: Int(count), segmentBytes: ByteCount(100))
    private static let altered = TopicConfiguration(
        partitions: Int(count),
        retention: .seconds(1_000_000),
        segmentBytes: ByteCount(200)
    )

    private struct Outcome {
        var kills = 0
        /// How often the next open found the topic there, and gone.
        var whole = 0
        var gone = 0
        var faults: [String] = []
    }

    private enum Step: String, CaseIterable {
        case create, delete, alter, deleteRecords

        var change: TopicChange {
            switch self {
            case .create: .create(.orders, settings, id: id)
            case .delete: .delete(.orders)
            case .alter: .alter(.orders, to: altered)
            case .deleteRecords: .deleteRecords(.orders(1), before: Offset(3))
            }
        }
    }

    /// Does `step` with the process killed at the first call of the disk that changes something, then at the second, until
    /// it lives to the end; opens the log after each. `forgottenNames`: the planted bug.
    private func kill(in step: Step, forgottenNames: String? = nil) throws -> Outcome {
        var outcome = Outcome()
        for calls in 0..<1000 {
            let directory = try TemporaryDirectory()
            let disk = FaultyDisk()
            var answer = ChangeAnswer.Outcome.waiting
            do {
                let fixture = try LogFixture(directory.path, disk: disk)
                try fixture.append(["kept"])
                if step != .create { try fill(fixture) }
                let waiting = fixture.log.ask(step.change)
                disk.plan.withLock { plan in
                    plan.changesLeft = calls
                    plan.forgottenNames = forgottenNames
                }
                // Until the files are gone, too.
                for _ in 0..<60 where fixture.writer.step(waitUpTo: .zero) != .failed {}
                answer = waiting.outcome
            }
            let isOver = disk.plan.withLock { ($0.changesLeft ?? 0) > 0 }
            disk.plan.withLock { plan in
                plan.changesLeft = nil
                plan.forgottenNames = nil
            }
            if !isOver { outcome.kills += 1 }
            for round in 1...2 {
                let fixture = try LogFixture(directory.path, disk: disk)
                let name = "killed in \(step.rawValue) after \(calls) calls, start \(round)"
                let faults = try faults(fixture, after: step, answer, directory, &outcome)
                outcome.faults += faults.map { "\(name): \($0)" }
            }
            if isOver {
                #expect(answer == .done)
                return outcome
            }
        }
        throw FixtureError.refused
    }

    private func fill(_ fixture: LogFixture) throws {
        fixture.change(.create(.orders, Self.settings, id: Self.id))
        for number in 0..<Self.count {
            for value in ["a", "b", "c", "d"] { try fixture.append([value], to: .orders(number)) }
        }
    }

    private func faults(
        _ fixture: LogFixture,
        after step: Step,
        _ answer: ChangeAnswer.Outcome,
        _ directory: TemporaryDirectory,
        _ outcome: inout Outcome
    ) throws -> [String] {
        var faults: [String] = []
        let names = try logNames(directory)
        let topic = fixture.topic()
        let wanted = topic == nil ? ["readings-0"] : (0..<Self.count).map { "orders-\($0)" } + ["readings-0"]
        if names != wanted { faults.append("log/ holds \(names)") }
        if try fixture.values() != ["kept"] { faults.append("another topic has changed") }
        if fixture.log.recoveryReport.foundLoss { faults.append("a loss") }
        guard let topic else {
            outcome.gone += 1
            if step == .alter || step == .deleteRecords || (step == .create && answer == .done) {
                faults.append("the topic is gone")
            }
            return faults
        }
        outcome.whole += 1
        if step == .delete && answer == .done { faults.append("the topic is back") }
        if topic.id != Self.id { faults.append("another id") }
        let expected = [Self.settings, Self.altered].filter { settings in
            step == .alter ? answer != .done || settings == Self.altered : settings == Self.settings
        }
        if !expected.contains(topic.configuration) { faults.append("\(topic.configuration)") }
        if Set(topic.partitions.map(\.configuration)).count != 1 { faults.append("partitions disagree") }
        let whole = step == .create ? [] : ["a", "b", "c", "d"]
        for number in 0..<Self.count {
            guard fixture.log.partition(.orders(number)) != nil else {
                faults.append("partition \(number) is gone")
                continue
            }
            let values = try fixture.values(.orders(number))
            let isCut = step == .deleteRecords && number == 1 && values == ["d"]
            if values != whole && !isCut { faults.append("partition \(number) holds \(values)") }
            if step == .deleteRecords && number == 1 && answer == .done && !isCut { faults.append("records are back") }
        }
        return faults
    }

    @Test("a kill at any call of a change leaves the topic as before or as after", arguments: Step.allCases)
    private func kill(_ step: Step) throws {
        let outcome = try kill(in: step)
        print("kills in \(step.rawValue): \(outcome.kills), then whole \(outcome.whole), gone \(outcome.gone)")
        #expect(outcome.faults == [])
        #expect(outcome.kills >= 2)
        if step == .create || step == .delete { #expect(outcome.whole > 0 && outcome.gone > 0) }
    }

    @Test("a log that made no mark of it would leave half a topic, and be caught", arguments: [Step.create, .delete])
    private func killTwin(_ step: Step) throws {
        let outcome = try kill(in: step, forgottenNames: ".gone")
        #expect(!outcome.faults.isEmpty)
    }

    /// The groups of names below `log/` that changed between two syncs of it: a power cut keeps any part of a group.
    private func groups(_ disk: FaultyDisk, _ root: String, _ change: () throws -> Void) rethrows -> [[String]] {
        disk.plan.withLock { $0.names = [] }
        try change()
        var groups: [[String]] = [[]]
        for entry in disk.plan.withLock({ $0.names }) {
            if entry == "=" + root { groups.append([]) }
            let path = entry.dropFirst()
            guard path.hasPrefix(root + "/"), !path.dropFirst(root.count + 1).contains("/"), entry.first != "=" else {
                continue
            }
            groups[groups.count - 1].append(String(entry.prefix(1)) + path.dropFirst(root.count + 1))
        }
        return groups.filter { !$0.isEmpty }
    }

    /// What a power cut could make of a topic that comes and goes; with `planted` the syncs of `log/` do nothing.
    private func powerCutFaults(planted: Bool) throws -> [String] {
        let directory = try TemporaryDirectory()
        let disk = FaultyDisk()
        let root = directory.path + "/log"
        let fixture = try LogFixture(directory.path, disk: disk)
        if planted {
            disk.plan.withLock { plan in
                plan.failingSyncs = "/log"
                plan.hidesFailedSyncs = true
            }
        }
        var faults: [String] = []
        let changes: [TopicChange] = [
            .create(.orders, Self.settings, id: Self.id), .alter(.orders, to: Self.altered), .delete(.orders),
        ]
        for change in changes {
            let groups = try groups(disk, root) {
                #expect(fixture.change(change) == .done)
                for number in 0..<Self.count where fixture.log.partition(.orders(number)) != nil {
                    try fixture.append(["a"], to: .orders(number))
                }
            }
            // Whether the topic is there is decided by one name alone.
            for group in groups where group.count > 1 && group.contains(where: { $0.hasSuffix(".gone") }) {
                faults.append("\(group)")
            }
            let unsynced = disk.plan.withLock { $0.unsynced }.filter { path in
                !path.hasSuffix(".deleted") && !path.contains(".deleted/") && path != root
            }
            faults += unsynced.map { "not durable when reported: \($0)" }
            if let last = groups.last?.last, case .create = change, last != "-orders.gone" { faults.append(last) }
            if disk.plan.withLock({ $0.unsynced.contains(root) }) {
                // Removing what is left of a deleted topic may be forgotten.
                guard case .delete = change else {
                    faults.append("names are not durable when reported")
                    continue
                }
            }
        }
        return faults
    }

    @Test("a change is durable when it is reported, and one name decides about it; without syncs it would be caught")
    func powerCut() throws {
        #expect(try powerCutFaults(planted: false) == [])
        #expect(try !powerCutFaults(planted: true).isEmpty)
    }

    // MARK: - A full disk

    @Test("a topic for which there is no room is not there, whatever there was room for, and can be made later")
    func createWithoutRoom() throws {
        var refused = 0
        for bytes in 0..<Int64(1000) {
            let directory = try TemporaryDirectory()
            let disk = FaultyDisk()
            let fixture = try LogFixture(directory.path, disk: disk)
            disk.plan.withLock { $0.bytesLeft = bytes }
            let answer = fixture.create(.orders, Self.settings)
            if answer == .done { break }
            refused += 1
            #expect(answer == .failed(.full))
            #expect(fixture.topic() == nil)
            #expect(try logNames(directory) == ["readings-0"])
            disk.plan.withLock { $0.bytesLeft = nil }
            try fixture.append(["goes on"])
            #expect(fixture.create(.orders, Self.settings) == .done)
            try fixture.append(["a"], to: .orders(2))
            let reopened = try LogFixture(directory.path, disk: disk)
            #expect(try reopened.values(.orders(2)) == ["a"])
        }
        // Three journals of two entries.
        #expect(refused > 200)
    }

    @Test("on a full disk nothing is created, and deleting a topic makes the room for what waits")
    func deleteMakesRoom() throws {
        let directory = try TemporaryDirectory()
        let disk = FaultyDisk.withoutZeros
        let fixture = try LogFixture(directory.path, disk: disk)
        fixture.create(.orders, .init(partitions: 2, segmentBytes: ByteCount(2000)))
        let orders = try fixture.partition(.orders(1))
        for _ in 0..<20 { try fixture.append([String(repeating: "x", count: 500)], to: .orders(1)) }
        let (held, doomed) = (fixture.batch([String(repeating: "y", count: 900)]), fixture.batch(["doomed"]))
        disk.plan.withLock { $0.bytesLeft = 100 }
        let offered = fixture.log.inbox.offer([(orders, doomed), (try fixture.partition(), held)])
        guard case .accepted(let ticket) = offered else { throw FixtureError.refused }
        #expect(fixture.writer.step(waitUpTo: .zero) == .full)
        // It had a place in the attempt that failed.
        #expect(doomed.baseOffset == Offset(20))
        let other = try #require(TopicName("other"))
        #expect(fixture.create(other) == .failed(.full))
        #expect(fixture.change(.alter(.orders, to: .init(partitions: 3))) == .failed(.full))
        disk.plan.withLock { $0.bytesLeft = 0 }
        #expect(fixture.change(.delete(.orders)) == .done)
        fixture.clock.advance(Limits.fullRetryInterval)
        for _ in 0..<5 where fixture.log.inbox.outcome(of: ticket) == .pending {
            _ = fixture.writer.step(waitUpTo: .zero)
            fixture.clock.advance(Limits.fullRetryInterval)
        }
        #expect(fixture.log.inbox.outcome(of: ticket) == .durable)
        #expect(doomed.baseOffset == nil && held.baseOffset == .zero)
        #expect(fixture.create(other) == .done)
        #expect(try logNames(directory) == ["other-0", "readings-0"])
    }

    @Test(
        "16 MiB, full to the last byte: a topic can be deleted, and everything goes on in its room",
        arguments: SmallFileSystem.Kind.allCases.filter(SmallFileSystem.isPossible)
    )
    func realDelete(_ kind: SmallFileSystem.Kind) throws {
        let small = try SmallFileSystem(kind)
        let fixture = try LogFixture(small.path)
        fixture.create(.orders, .init(partitions: 2))
        for number in 0..<20 {
            try fixture.append([String(repeating: "x", count: 60_000)], to: .orders(Int32(number % 2)))
        }
        try small.fillUp("rest")
        let held = fixture.batch([String(repeating: "y", count: 90_000)])
        guard case .accepted(let ticket) = fixture.log.inbox.offer(held, to: try fixture.partition()) else {
            throw FixtureError.refused
        }
        #expect(fixture.writer.step(waitUpTo: .zero) == .full)
        #expect(fixture.change(.delete(.orders)) == .done)
        for _ in 0..<10 where fixture.log.inbox.outcome(of: ticket) == .pending {
            fixture.clock.advance(Limits.fullRetryInterval)
            _ = fixture.writer.step(waitUpTo: .zero)
        }
        #expect(fixture.log.inbox.outcome(of: ticket) == .durable)
        #expect(fixture.create() == .done)
        #expect(try LogFixture(small.path).values(.orders(0)) == [])
    }

    @Test("what a crash left of a deleted topic is not shown where nothing may change, and goes where it may")
    func readOnly() throws {
        let directory = try TemporaryDirectory()
        do {
            let fixture = try LogFixture(directory.path)
            try fill(fixture)
            fixture.writer.close()
        }
        let root = directory.path + "/log"
        try PosixDisk().rename(root + "/orders-1", to: "\(root)/\(Self.id).deleted")
        try PosixDisk().createDirectory(root + "/orders-2/strange")
        try write([1], to: root + "/orders-2/strange/file")
        try write([], to: root + "/orders.gone")
        // A name that only looks like one.
        try write([], to: root + "/7.deleted")
        let names = try logNames(directory)
        let log = try CommitLog.open(
            LogConfiguration(directory: directory.path, topics: [:]),
            disk: PosixDisk(),
            clock: ManualClock(),
            access: .readOnly
        )
        #expect(log.topics.map(\.name) == [.readings])
        #expect(try logNames(directory) == names)
        let fixture = try LogFixture(directory.path)
        #expect(fixture.log.topics.map(\.name) == [.readings])
        #expect(fixture.log.recoveryReport.unknownDirectories == ["7.deleted"])
        #expect(try logNames(directory) == ["7.deleted", "readings-0"])
    }
}
