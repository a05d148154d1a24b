// Random walks of clients over groups, on a slow and failing disk and across restarts. Repeat one with SEED.
import KafkaNIO
import Platform
import Testing

@Suite("Groups under anything that clients can do")
struct GroupModelTests {
    private static let walks: UInt64 = 30
    private static let steps = 1500

    @Test("nobody gets what is not durable, is not its own or is of another generation, and everybody gets one answer")
    func walks() throws {
        let seed = try groupSeed("group walk")
        var successes: [String: Int] = [:]
        var refusals = 0
        for index in 0..<GroupModelTests.walks {
            let walk = GroupWalk(seed: seed &+ index, refuses: index % 2 == 0)
            walk.run(steps: GroupModelTests.steps)
            if walk.violations.isEmpty { walk.quiesce() }
            guard walk.violations.isEmpty else {
                Issue.record("SEED=\(seed &+ index): \(walk.violations)")
                return
            }
            successes.merge(walk.successes, uniquingKeysWith: +)
            refusals += walk.refusals
        }
        // A walk in which nearly nothing succeeds would prove little.
        for kind in ["join", "sync", "assignment", "commit"] {
            #expect(successes[kind, default: 0] > 200, "\(kind): \(successes)")
        }
        #expect(refusals > 10)
    }

    @Test("what a log holds is what the coordinator had, in every stable and empty group")
    func restarts() throws {
        let seed = try groupSeed("group restart")
        var compared = 0
        for index in 0..<GroupModelTests.walks {
            let walk = GroupWalk(seed: seed &+ index, refuses: false)
            walk.run(steps: 50 + Int(index) * 10)
            walk.release()
            #expect(walk.violations.isEmpty, "SEED=\(seed &+ index): \(walk.violations)")
            let before = walk.bench.coordinator
            walk.bench.restart()
            let after = walk.bench.coordinator
            for group in before.list() {
                let description = before.describe(group.groupID)
                guard group.state == .stable || group.state == .empty && description.generation > 0 else { continue }
                compared += 1
                #expect(after.describe(group.groupID) == description, "SEED=\(seed &+ index)")
                let offsets = before.fetchOffsets(of: group.groupID, nil)
                #expect(after.fetchOffsets(of: group.groupID, nil) == offsets, "SEED=\(seed &+ index)")
            }
        }
        #expect(compared > 20)
    }

    @Test("a walk leaves nothing behind: all of the memory that was lent is there again")
    func budgets() throws {
        let seed = try groupSeed("group budgets")
        for index in 0..<20 as Range<UInt64> {
            let walk = GroupWalk(seed: seed &+ index, refuses: true)
            walk.run(steps: GroupModelTests.steps)
            walk.quiesce()
            #expect(walk.violations.isEmpty, "SEED=\(seed &+ index): \(walk.violations)")
            let bench = walk.bench
            bench.onAnswer = { _, _ in }
            bench.setWall(max(bench.now.wall, GroupBench.start.wall).advanced(by: .seconds(31 * 86_400)))
            bench.perform(bench.coordinator.expireOffsets(at: bench.now))
            #expect(bench.coordinator.list().isEmpty, "SEED=\(seed &+ index)")
            // Exactly as much as an untouched coordinator takes.
            let fresh = GroupBench(GroupWalk.settings)
            for bench in [bench, fresh] {
                for partition in 0..<Int32(GroupWalk.offsetsMax) {
                    #expect(bench.committed(bench.commit(.simple("s", 1, partition: partition))) == [.none])
                }
                let beyond = bench.commit(.simple("s", 1, partition: -1 + .max))
                #expect(bench.committed(beyond) == [.invalidCommitOffsetSize], "SEED=\(seed &+ index)")
                let most = GroupWalk.settings.memberBytesMax - 3 * GroupLimits.nameBytesMax - "range".utf8.count
                let large = bench.join(.of("m", metadata: [UInt8](repeating: 0, count: most + 1)))
                #expect(bench.joined(large)?.code == .coordinatorNotAvailable)
                let fitting = bench.join(.of("m", metadata: [UInt8](repeating: 0, count: most)))
                #expect(bench.joined(fitting)?.code == .memberIDRequired, "SEED=\(seed &+ index)")
            }
        }
    }

    @Test("a commit that is visible before it is durable would be found")
    func visibleBeforeDurable() throws {
        let seed = try groupSeed("group walk, planted")
        let walk = GroupWalk(seed: seed, planted: .visibleBeforeDurable, refuses: false)
        walk.bench.isDiskHeld = true
        walk.run(steps: 50 * GroupModelTests.steps)
        let isFound = walk.violations.contains { $0.contains("not durable") }
        #expect(isFound, "SEED=\(seed): \(walk.violations)")
    }

    @Test("a follower that is answered before the leader's assignment would be found")
    func answeredBeforeAssignment() throws {
        let seed = try groupSeed("group walk, planted")
        let walk = GroupWalk(seed: seed, planted: .answeredBeforeAssignment, refuses: false)
        walk.run(steps: 50 * GroupModelTests.steps)
        let isFound = walk.violations.contains { $0.contains("not durable") }
        #expect(isFound, "SEED=\(seed): \(walk.violations)")
    }
}
