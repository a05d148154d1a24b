// A snapshot of the rules that is no snapshot: said, thrown away, and made good from the log.
import Alerting
import CommitLog
import Platform
import Rules
import Testing

@Suite("Damaged snapshot of the rules")
struct SnapshotDamageTests {
    enum Damage: CaseIterable, Sendable {
        case empty, cut, extended, flippedChecksum, flippedPosition, flippedState, otherVersion

        func applied(to snapshot: [UInt8]) -> [UInt8] {
            switch self {
            case .empty: []
            case .cut: Array(snapshot.dropLast())
            case .extended: snapshot + [0]
            case .flippedChecksum: flipped(snapshot, 9)
            case .flippedPosition: flipped(snapshot, 30)
            case .flippedState: flipped(snapshot, snapshot.count - 3)
            case .otherVersion: Array("FBSTATE9".utf8) + snapshot.dropFirst(8)
            }
        }

        private func flipped(_ bytes: [UInt8], _ index: Int) -> [UInt8] {
            var bytes = bytes
            bytes[index] ^= 0x10
            return bytes
        }
    }

    private static let rules = [freezerRule()]

    /// An alert fires by a tick, another one waits for its time; the snapshot is of this moment.
    private func prepared() throws -> AlertingHarness {
        let harness = try AlertingHarness()
        let runner = try harness.runner(SnapshotDamageTests.rules)
        for step: ScriptStep in [.start(0), .reading(5, -10), .tick(70), .reading(75, -12, device: "freezer-8")] {
            try harness.append(step)
            try harness.settle(runner)
        }
        runner.finish()
        #expect(try harness.edges() == [Edge(.firing, at: 65, by: "system", 1)])
        return harness
    }

    /// What comes after the restart, and all edges at its end.
    private func goOn(_ harness: AlertingHarness, _ runner: RulesRunner) throws -> [Edge] {
        try harness.settle(runner)
        for step: ScriptStep in [.tick(130), .tick(140), .reading(145, -20)] {
            try harness.append(step)
            try harness.settle(runner)
        }
        return try harness.edges()
    }

    private static let expected = [
        Edge(.firing, at: 65, by: "system", 1),
        Edge(.firing, "FreezerTooWarm", "freezer-8", at: 135, by: "system", 3),
        Edge(.resolved, at: 145, by: "readings", 2),
    ]

    @Test("a whole snapshot is no problem")
    func whole() throws {
        let harness = try prepared()
        try harness.crash()
        let runner = try harness.runner(SnapshotDamageTests.rules, seed: 2)
        #expect(runner.status.problem == nil)
        #expect(runner.status.firingCount == 1)
        #expect(try goOn(harness, runner) == SnapshotDamageTests.expected)
    }

    @Test("damage is said; the log is read again: same edges, none twice", arguments: Damage.allCases)
    func damaged(damage: Damage) throws {
        let harness = try prepared()
        let whole = try contents(of: harness.snapshotPath)
        try write(damage.applied(to: whole), to: harness.snapshotPath)
        try harness.crash()
        let runner = try harness.runner(SnapshotDamageTests.rules, seed: 2)
        #expect(runner.status.problem?.contains("damaged") == true)
        #expect(runner.status.firingCount == 0)
        try harness.settle(runner)
        // The first thing that a caught-up start without a snapshot does is to save one: of the same state.
        #expect(try contents(of: harness.snapshotPath) == whole)
        #expect(try goOn(harness, runner) == SnapshotDamageTests.expected)
        try harness.crash()
        #expect(try harness.runner(SnapshotDamageTests.rules, seed: 3).status.problem == nil)
    }

    @Test("an engine's state that this version refuses is read again from the log, too, and said")
    func refusedState() throws {
        let harness = try prepared()
        var bytes = try contents(of: harness.snapshotPath)
        // The engine's part begins with its own magic and version.
        let magic = Array("FBRULES3".utf8)
        let found = bytes.indices.first { bytes[$0...].starts(with: magic) }
        let at = try #require(found)
        bytes[at + magic.count - 1] = UInt8(ascii: "9")
        try write(AlertingHarness.sealedSnapshot(bytes), to: harness.snapshotPath)
        try harness.crash()
        let runner = try harness.runner(SnapshotDamageTests.rules, seed: 2)
        #expect(runner.status.problem != nil)
        #expect(runner.status.firingCount == 0)
        #expect(try goOn(harness, runner) == SnapshotDamageTests.expected)
    }

    @Test("a missing snapshot is no damage")
    func missing() throws {
        let harness = try prepared()
        try harness.crash()
        try PosixDisk().remove(harness.snapshotPath)
        let runner = try harness.runner(SnapshotDamageTests.rules, seed: 2)
        #expect(runner.status.problem == nil)
        #expect(try goOn(harness, runner) == SnapshotDamageTests.expected)
    }

    @Test("a snapshot that remembers more than the log holds starts at the log's end, and says no nonsense")
    func longerThanTheLog() throws {
        let harness = try prepared()
        try harness.moveSnapshot(TopicPartition(topic: .readings, partition: .zero), to: 1_000_000)
        try harness.crash()
        let runner = try harness.runner(SnapshotDamageTests.rules, seed: 2)
        #expect(try goOn(harness, runner) == SnapshotDamageTests.expected)
        harness.clock.advance(.seconds(2))
        try harness.settle(runner)
        #expect(runner.status.lagRecords == 0)
        #expect(runner.status.skippedRecords == 0)
    }
}
