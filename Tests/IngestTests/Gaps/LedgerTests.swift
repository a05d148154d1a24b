// What is entered in topic `gaps`: sums, devices, a log that takes nothing, and what cannot be kept.
import CommitLog
import EventModel
import Glibc
import Ingest
import Platform
import Testing

@Suite("Gap ledger")
struct LedgerTests {
    private func settle(_ harness: PipelineHarness) throws {
        let clock = ShiftedClock()
        harness.pipeline.turn(now: clock.monotonic().advanced(by: .seconds(5)))
        _ = harness.pipeline.handOver()
        func isDurable() -> Bool {
            // The ledger's batches have a lane of their own, and nobody waits for them.
            guard case .nothing = harness.pipeline.handOver() else { return false }
            return harness.log.inbox.waitingBytes == 0
        }
        try repeatUntil("all is durable", isDurable) { usleep(1000) }
    }

    @Test("one record a device and second, with the numbers and their sum")
    func sequences() throws {
        let harness = try PipelineHarness()
        for (device, number) in [("a", 1), ("b", 10), ("a", 4), ("b", 11), ("a", 7), ("b", 13), ("a", 5)] {
            harness.accept("{\"device\":\"\(device)\",\"t\":1,\"seq\":\(number)}")
        }
        try settle(harness)
        let gaps = try harness.gaps().map(GapSketch.init)
        #expect(gaps.count == 3)
        let first = try #require(gaps.first { $0.device == "a" && $0.kind == "sequence" })
        #expect((first.key, first.input, first.from, first.to, first.count) == ("a", "test", 2, 6, 4))
        let late = try #require(gaps.first { $0.kind == "sequence_late" })
        #expect((late.key, late.from, late.to, late.count) == ("a", 5, 5, 1))
        let second = try #require(gaps.first { $0.device == "b" })
        #expect((second.from, second.to, second.count) == (12, 12, 1))
        #expect(harness.counts.gaps == [.sequence: 5, .sequenceLate: 1])
    }

    @Test("sums up while the log takes nothing, and loses nothing of it")
    func blocked() throws {
        let harness = try PipelineHarness(inboxBytesMax: 1)
        let clock = ShiftedClock()
        harness.holdCommits()
        harness.accept("{\"device\":\"a\",\"t\":1}")
        _ = harness.pipeline.handOver()
        for round in 0..<10 {
            harness.pipeline.noteGap(.serialParity, 3)
            clock.advance(by: .seconds(2))
            harness.pipeline.turn(now: clock.monotonic())
            #expect(try harness.gaps().isEmpty, "round \(round)")
        }
        harness.releaseCommits()
        func isWritten() throws -> Bool {
            GapSketch.sum(try harness.gaps().map(GapSketch.init), "serial_parity") == 30
        }
        try repeatUntil("the ledger is written", isWritten) {
            clock.advance(by: .seconds(2))
            harness.pipeline.turn(now: clock.monotonic())
        }
        // One for what was offered before the log took nothing, at most a few after it; not one a round.
        #expect(try harness.gaps().count < 10)
        #expect(harness.counts.gaps == [.serialParity: 30])
    }

    @Test("a record for each of many devices, over several batches")
    func manyDevices() throws {
        let harness = try PipelineHarness()
        for number in [1, 3] {
            for device in 0..<900 { harness.accept("{\"device\":\"d\(device)\",\"t\":1,\"seq\":\(number)}") }
        }
        try settle(harness)
        // Nobody waits for the commit of the ledger: it may come after that of the readings.
        func isWritten() throws -> Bool { try harness.gaps().count >= 900 }
        try repeatUntil("the ledger is durable", isWritten) { usleep(1000) }
        let gaps = try harness.gaps().map(GapSketch.init)
        #expect(gaps.count == 900)
        #expect(GapSketch.sum(gaps, "sequence") == 900)
    }

    @Test("rejects beyond their byte rate are counted, and said in topic gaps")
    func rejects() throws {
        let harness = try PipelineHarness()
        let garbage = "{" + String(repeating: "x", count: 200_000)
        let count = 200
        for _ in 0..<count { harness.accept(garbage) }
        try settle(harness)
        let kept = try harness.rejects().count
        let gaps = try harness.gaps().map(GapSketch.init)
        let counts = harness.counts
        #expect(kept < count)
        #expect(UInt64(kept) + GapSketch.sum(gaps, "reject_not_kept") == UInt64(count))
        #expect(counts.rejected.values.reduce(0, +) == UInt64(count))
        #expect(counts.received == UInt64(count))
    }

    @Test("the budget holds a burst, fills with time, and never beyond its size")
    func budget() {
        var budget = RejectBudget(bytesPerSecond: 1000, bytesMax: 5000)
        var now = MonotonicInstant(nanoseconds: 1_000_000_000)
        func spend(_ count: Int) -> Bool { budget.spend(count, now: now) }
        #expect(spend(5000))
        #expect(!spend(1))
        now = now.advanced(by: .milliseconds(500))
        #expect(spend(500))
        #expect(!spend(1))
        now = now.advanced(by: .seconds(1_000_000))
        #expect(!spend(5001))
        #expect(spend(5000))
        // Steps too short for a byte add up.
        for _ in 0..<1000 {
            now = now.advanced(by: .microseconds(1))
            _ = spend(1_000_000)
        }
        #expect(spend(1))
    }

    /// No serial hardware was here: a pseudo-terminal counts nothing (`TIOCGICOUNT` gives ENOTTY), so the arithmetic is
    /// tested as a value.
    @Test("a driver's counts begin with the first look, and may wrap")
    func serialErrors() {
        var meter = SerialErrorMeter()
        let looks = [
            SerialErrorCounts(framing: 7, parity: .max, overrun: 3),
            SerialErrorCounts(framing: 7, parity: .max, overrun: 3),
            SerialErrorCounts(framing: 9, parity: 4, overrun: 3),
        ]
        let new = looks.map { meter.advance(to: $0) }
        let nothing = SerialErrorCounts(framing: 0, parity: 0, overrun: 0)
        #expect(new == [nothing, nothing, SerialErrorCounts(framing: 2, parity: 5, overrun: 0)])
    }
}
