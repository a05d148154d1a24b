// When an open batch goes to the log: at its size, at the commit interval, when asked; and not while the inbox is full.
import CommitLog
import EventModel
import Ingest
import Platform
import Testing

/// What a batch under construction holds (`Limits.batchBufferBytes`, which the log keeps to itself).
private let batchBytes = 256 << 10

@Suite("Closing of batches")
struct BatchClosingTests {
    private let good = #"{"device":"a","t":21.5}"#

    private func isWaiting(_ bench: PipelineBench) -> Bool { bench.log.inbox.waitingBytes > 0 }

    @Test("a batch closes at its size: it goes out by itself, and what did not fit opens the next one")
    func size() throws {
        let bench = try PipelineBench()
        var count = 0
        var openBytesMax = 0
        while !isWaiting(bench), count < 100_000 {
            try bench.accept(good)
            count += 1
            openBytesMax = max(openBytesMax, bench.pipeline.openBytes)
        }
        #expect(isWaiting(bench))
        #expect(openBytesMax <= batchBytes && openBytesMax > batchBytes - 1000)
        #expect(bench.stepWriter() == .committed)
        #expect(try bench.records(of: .readings).count == count - 1)
        #expect(bench.pipeline.openBytes > 0)
        try bench.commit()
        #expect(try bench.records(of: .readings).count == 1)
        #expect(bench.counts.appended == UInt64(count))
    }

    @Test("a batch of rejects closes at its size too")
    func sizeOfRejects() throws {
        let bench = try PipelineBench()
        let payload = Array(repeating: UInt8(ascii: "x"), count: 10_000)
        for _ in 0..<100 { try bench.accept(payload) }
        #expect(bench.stepWriter() == .committed)
        let early = try bench.records(of: .rejected).count
        #expect(early > 50 && early < 100)
        try bench.commit()
        #expect(try bench.records(of: .rejected).count == 100 - early)
    }

    @Test("a record that is larger than a batch is one of its own", arguments: [262_144, 300_000, 900_000])
    func largeRecord(_ count: Int) throws {
        let bench = try PipelineBench { $0.payloadBytesMax = 900 << 10 }
        let large = Array(repeating: UInt8(ascii: "x"), count: count)
        try bench.accept("small")
        try bench.accept(large)
        try bench.accept("small")
        try bench.commit()
        let values = try bench.records(of: .rejected).map(\.value)
        #expect(values == [Array("small".utf8), large, Array("small".utf8)])
    }

    @Test("a batch closes at commit_interval, counted from its first record", arguments: [1, 10, 100, 60_000])
    func interval(_ milliseconds: Int) throws {
        let interval = Duration.milliseconds(milliseconds)
        let bench = try PipelineBench { $0.commitInterval = interval }
        #expect(bench.pipeline.deadline == nil)
        let opened = bench.clock.monotonic()
        try bench.accept(good)
        #expect(bench.pipeline.deadline == opened.advanced(by: interval))
        bench.turn(after: interval / 2)
        try bench.accept(good)
        #expect(bench.pipeline.deadline == opened.advanced(by: interval))
        bench.turn(after: interval / 2 - .nanoseconds(1))
        #expect(!isWaiting(bench) && bench.pipeline.openBytes > 0)
        bench.turn(after: .nanoseconds(1))
        #expect(isWaiting(bench) && bench.pipeline.openBytes == 0)
        #expect(bench.pipeline.deadline == nil)
        #expect(bench.stepWriter() == .committed)
        #expect(try bench.records(of: .readings).count == 2)
    }

    @Test("the oldest of all open batches sets the deadline, rejects among them")
    func oldest() throws {
        let bench = try PipelineBench { $0.partitions = 2 }
        let opened = bench.clock.monotonic()
        try bench.accept("no JSON")
        bench.turn(after: .milliseconds(4))
        // Devices of both partitions.
        try bench.accept(#"{"device":"d0","t":1}"#)
        try bench.accept(#"{"device":"d1","t":1}"#)
        #expect(bench.pipeline.deadline == opened.advanced(by: .milliseconds(10)))
        bench.turn(after: .milliseconds(6))
        #expect(bench.pipeline.openBytes == 0)
        #expect(bench.stepWriter() == .committed)
        #expect(try bench.records(of: .readings).map(\.partition) == [0, 1])
        #expect(try bench.records(of: .rejected).count == 1)
    }

    @Test("all of one hand-over is one commit: readings and rejects become durable together")
    func oneCommit() throws {
        let bench = try PipelineBench { $0.partitions = 2 }
        for payload in [#"{"device":"d0","t":1}"#, #"{"device":"d1","t":1}"#, "no JSON"] { try bench.accept(payload) }
        guard case .accepted(let ticket) = bench.pipeline.handOver() else { throw TestFailure("not accepted") }
        #expect(bench.pipeline.wait(for: ticket, timeout: .zero) == .pending)
        #expect(try bench.records(of: .readings).isEmpty)
        #expect(bench.stepWriter() == .committed)
        #expect(bench.pipeline.wait(for: ticket, timeout: .zero) == .durable)
        #expect(try bench.records(of: .readings).count == 2)
        #expect(try bench.records(of: .rejected).count == 1)
    }

    @Test("a hand-over of nothing says whether all before is durable")
    func nothing() throws {
        let bench = try PipelineBench()
        #expect(bench.pipeline.handOver().word == "nothing")
        try bench.accept(good)
        guard case .accepted(let first) = bench.pipeline.handOver() else { throw TestFailure("not accepted") }
        guard case .accepted(let again) = bench.pipeline.handOver() else { throw TestFailure("not accepted") }
        #expect(first == again)
        #expect(bench.stepWriter() == .committed)
        #expect(bench.pipeline.handOver().word == "nothing")
        #expect(bench.stepWriter() == .idle)
    }

    @Test("while the inbox is full there is no deadline; each turn tries again, and everything goes as one group")
    func blocked() throws {
        let bench = try PipelineBench { $0.inboxBytesMax = 1 }
        try bench.accept(good)
        #expect(bench.pipeline.handOver().word == "accepted")
        try bench.accept(good)
        bench.turn(after: .milliseconds(10))
        #expect(bench.pipeline.isBlocked && bench.pipeline.deadline == nil)
        try bench.accept(good)
        bench.turn(after: .seconds(3600))
        #expect(bench.pipeline.isBlocked)
        #expect(bench.counts.appended == 0)
        #expect(bench.stepWriter() == .committed)
        bench.turn()
        #expect(!bench.pipeline.isBlocked)
        #expect(bench.counts.appended == 1)
        #expect(bench.stepWriter() == .committed)
        #expect(bench.counts.appended == 3)
        #expect(bench.stepWriter() == .idle)
        #expect(try bench.records(of: .readings).count == 3)
    }

    @Test("a ticket that the log took before it closed is durable; later hand-overs are refused")
    func closed() throws {
        let bench = try PipelineBench()
        try bench.accept(good)
        guard case .accepted(let ticket) = bench.pipeline.handOver() else { throw TestFailure("not accepted") }
        bench.closeLog()
        #expect(bench.pipeline.wait(for: ticket, timeout: .zero) == .durable)
        #expect(bench.pipeline.handOver().word == "nothing")
        try bench.accept(good)
        #expect(bench.pipeline.handOver().word == "closed")
        #expect(bench.pipeline.isBlocked)
        #expect(try bench.records(of: .readings).count == 1)
    }
}
