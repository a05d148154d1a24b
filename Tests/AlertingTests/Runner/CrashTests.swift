// The same edges at the same times, each exactly once, wherever the process dies; and checks that would notice if not.
import Alerting
import CommitLog
import Platform
import Rules
import Testing

@Suite("Rules after a crash", .timeLimit(.minutes(10)))
struct CrashTests {
    /// What had become of the newest record when the process died.
    enum Moment: String, CaseIterable, Sendable {
        /// Durable; rules had not seen it.
        case beforeEvaluation
        /// Its edges were handed to the log, which had not written them.
        case beforeCommit
        /// Its edges are durable; no snapshot says so.
        case afterCommit
    }

    /// What must not depend on crashes: the edges, and the bytes of the last snapshot (positions and engine).
    struct Outcome: Hashable, Sendable {
        var alerts: [AlertRecord]
        var state: [UInt8]
    }

    static let rules = [freezerRule(), freezerRule("AtOnce", above: -12, clear: nil, holdFor: .zero)]

    /// Two devices: a `for` that a tick ends, one that a reading ends, and one that is still running at the end.
    static let script: [ScriptStep] = [
        .start(0),
        .reading(5, -10),
        .tick(10),
        .reading(15, -11),
        .reading(20, -14, device: "freezer-8"),
        // Here the snapshot is taken, in the middle of both.
        .tick(30),
        .reading(40, -13),
        .tick(50),
        .tick(60),
        .tick(70),
        .reading(75, -14, device: "freezer-8"),
        .reading(82, -14, device: "freezer-8"),
        .tick(90),
        .reading(95, -18),
        .reading(100, -18, device: "freezer-8"),
        .reading(105, -9),
        .tick(110),
    ]
    static let snapshotStep = 5

    static let undisturbed: Result<Outcome, any Error> = Result {
        try CrashTests.run(crashingAt: [], .beforeEvaluation)
    }

    /// Runs the script, one settled step after the other, and dies in the steps named.
    ///
    /// `change`: what else befalls the directory at each crash.
    private static func run(
        crashingAt crashes: Set<Int>,
        _ moment: Moment,
        change: (AlertingHarness) throws -> Void = { _ in }
    ) throws -> Outcome {
        let harness = try AlertingHarness()
        var runner = try harness.runner(rules)
        try harness.settle(runner)
        for (index, step) in script.enumerated() {
            try harness.append(step)
            if crashes.contains(index) {
                if moment != .beforeEvaluation { _ = runner.step(waitUpTo: .zero) }
                if moment == .afterCommit { _ = harness.writer.step(waitUpTo: .zero) }
                try harness.crash()
                try change(harness)
                runner = try harness.runner(rules, seed: UInt64(index) + 2)
            } else if index == snapshotStep {
                // The snapshot is due once a minute.
                harness.clock.advance(.seconds(61))
            }
            try harness.settle(runner)
        }
        runner.finish()
        return Outcome(alerts: try harness.alerts(), state: try contents(of: harness.snapshotPath))
    }

    @Test("the script makes the edges that it is meant to make")
    func scriptEdges() throws {
        let outcome = try CrashTests.undisturbed.get()
        #expect(
            outcome.alerts.map { Edge($0) } == [
                Edge(.firing, "AtOnce", at: 5, by: "readings", 0),
                Edge(.resolved, "AtOnce", at: 40, by: "readings", 3),
                Edge(.firing, at: 65, by: "system", 5),
                Edge(.firing, "FreezerTooWarm", "freezer-8", at: 82, by: "readings", 5),
                Edge(.resolved, at: 95, by: "readings", 6),
                Edge(.resolved, "FreezerTooWarm", "freezer-8", at: 100, by: "readings", 7),
                Edge(.firing, "AtOnce", at: 105, by: "readings", 8),
            ]
        )
    }

    @Test(
        "a crash in any step changes neither edges nor state",
        arguments: CrashTests.script.indices,
        CrashTests.Moment.allCases
    )
    func oneCrash(step: Int, moment: Moment) throws {
        let outcome = try CrashTests.run(crashingAt: [step], moment)
        let expected = try CrashTests.undisturbed.get()
        #expect(outcome.alerts == expected.alerts)
        #expect(outcome.state == expected.state)
    }

    @Test("a crash in every step changes neither edges nor state", arguments: CrashTests.Moment.allCases)
    func crashInEveryStep(moment: Moment) throws {
        let outcome = try CrashTests.run(crashingAt: Set(CrashTests.script.indices), moment)
        let expected = try CrashTests.undisturbed.get()
        #expect(outcome.alerts == expected.alerts)
        #expect(outcome.state == expected.state)
    }

    @Test(
        "a crash that costs the snapshot, too, changes neither edges nor state",
        arguments: CrashTests.script.indices,
        CrashTests.Moment.allCases
    )
    func crashWithoutSnapshot(step: Int, moment: Moment) throws {
        let outcome = try CrashTests.run(crashingAt: [step], moment) { try PosixDisk().remove($0.snapshotPath) }
        let expected = try CrashTests.undisturbed.get()
        #expect(outcome.alerts == expected.alerts)
        #expect(outcome.state == expected.state)
    }

    @Test("edges that stand in the log already are not appended again by a snapshot that is older than they are")
    func olderSnapshot() throws {
        let harness = try AlertingHarness()
        var runner = try harness.runner(CrashTests.rules)
        try harness.settle(runner)
        let old = try contents(of: harness.snapshotPath)
        for step in CrashTests.script { try harness.append(step) }
        try harness.settle(runner)
        runner.finish()
        let before = try harness.alerts()
        let newest = try contents(of: harness.snapshotPath)
        #expect(before.count == 7)
        #expect(newest != old)
        for seed in UInt64(2)...4 {
            try harness.crash()
            try write(old, to: harness.snapshotPath)
            runner = try harness.runner(CrashTests.rules, seed: seed)
            try harness.settle(runner)
            #expect(try harness.alerts() == before)
        }
        runner.finish()
        #expect(try contents(of: harness.snapshotPath) == newest)
    }

    // MARK: Planted bugs

    @Test("the planted bug: a snapshot that claims records which it has not seen would be noticed")
    func snapshotAhead() throws {
        let readings = TopicPartition(topic: .readings, partition: .zero)
        let outcome = try CrashTests.run(crashingAt: [11], .beforeEvaluation) { harness in
            try harness.moveSnapshot(readings, to: 6)
        }
        let expected = try CrashTests.undisturbed.get()
        #expect(outcome.alerts != expected.alerts)
    }

    @Test("the planted bug: edges that nobody remembers would be appended twice, and noticed")
    func forgottenEdges() throws {
        let alerts = TopicPartition(topic: .alerts, partition: .zero)
        let outcome = try CrashTests.run(crashingAt: [11], .beforeEvaluation) { harness in
            try harness.moveSnapshot(alerts, to: 3)
        }
        let expected = try CrashTests.undisturbed.get()
        #expect(outcome.alerts.count > expected.alerts.count)
        #expect(Set(outcome.alerts.map { Edge($0) }) == Set(expected.alerts.map { Edge($0) }))
    }
}
