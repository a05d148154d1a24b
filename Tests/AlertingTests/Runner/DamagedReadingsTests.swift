// Rules that meet damage before the log writer has repaired it: what can be repaired is not passed over.
import Alerting
import CommitLog
import Platform
import Rules
import Testing

@Suite("Rules and damage")
struct DamagedReadingsTests {
    /// Two readings, the second too warm; then one byte of the second batch is another.
    private func damaged(at position: Int) throws -> (AlertingHarness, RulesRunner) {
        let harness = try AlertingHarness()
        try harness.startForTheFirstTime()
        let path = harness.directory.path + "/log/readings-0/00000000000000000000.log"
        let rule = freezerRule(holdFor: .zero)
        let runner = try harness.runner([rule])
        try harness.append(.start(0))
        try harness.append(.reading(0, -18))
        try harness.settle(runner)
        let first = try #require(harness.log.partition(TopicPartition(topic: .readings, partition: .zero)))
        let boundary = Int(first.sizeBytes.value)
        try harness.append(.reading(10, -10))
        let file = try PosixDisk().open(path, .update)
        var byte = [UInt8](repeating: 0, count: 1)
        let at = Int64(boundary + position)
        #expect(try byte.withUnsafeMutableBytes { try file.read(into: $0, at: at) } == 1)
        try file.write([byte[0] ^ 0x10], at: at)
        return (harness, runner)
    }

    /// A repair takes several turns of the log writer.
    private func settleWithRepair(_ harness: AlertingHarness, _ runner: RulesRunner) throws {
        for _ in 0..<20 {
            _ = runner.step(waitUpTo: .zero)
            _ = harness.writer.step(waitUpTo: .zero)
        }
        try harness.settle(runner)
    }

    @Test("a batch whose base offset alone is wrong is waited for, and evaluated when it has been put right")
    func repaired() throws {
        let (harness, runner) = try damaged(at: 6)
        for _ in 0..<3 { _ = runner.step(waitUpTo: .zero) }
        #expect(try harness.edges().isEmpty)
        try settleWithRepair(harness, runner)
        #expect(try harness.edges() == [Edge(.firing, at: 10, by: "readings", 1)])
        #expect(runner.status.skippedRecords == 0)
    }

    @Test("a batch that is lost is passed over once that is known, and counted")
    func lost() throws {
        let (harness, runner) = try damaged(at: 80)
        try settleWithRepair(harness, runner)
        try harness.append(.reading(20, -9))
        harness.clock.advance(.seconds(2))
        try settleWithRepair(harness, runner)
        #expect(try harness.edges() == [Edge(.firing, at: 20, by: "readings", 2)])
        #expect(runner.status.skippedRecords == 1)
    }
}
