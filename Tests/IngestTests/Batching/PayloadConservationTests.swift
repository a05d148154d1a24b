// `received = appended + rejected + dropped`, payload by payload: in calm, with a full inbox, and when the log closes.
import CommitLog
import EventModel
import Ingest
import Platform
import Testing

/// Payloads of six kinds in turn, and what must become of them.
private struct Mixture {
    static let limit = 1024
    /// One of each kind.
    static let kinds = 6

    private(set) var payloads: [[UInt8]] = []
    private(set) var rejected: [[UInt8]] = []
    private(set) var reasons: [RejectReason: UInt64] = [:]
    private(set) var appended: UInt64 = 0
    private(set) var events: UInt64 = 0

    init(_ numbers: Range<Int>) {
        for number in numbers { add(number) }
    }

    private mutating func add(_ number: Int) {
        let device = "d\(number % 5)"
        switch number % Mixture.kinds {
        case 0:
            append("{\"device\":\"\(device)\",\"seq\":\(number),\"t\":\(number)}", events: 1, nil)
        case 1:
            append("{\"device\":\"\(device)\",\"seq\":\(number),\"t\":", events: 0, .malformed)
        case 2:
            append(String(repeating: "x", count: Mixture.limit + 1 + number), events: 0, .tooLarge)
        case 3:
            append("", events: 0, .empty)
        case 4:
            append([0x00, 0xFF, 0x10, 0x80, UInt8(truncatingIfNeeded: number)], events: 0, .unknownFormat)
        default:
            // Two good parts around a bad one.
            let good = "{\"device\":\"\(device)\",\"seq\":\(number),\"t\":1}"
            append("[\(good),\(number),\(good)]", events: 2, .malformed)
        }
    }

    private mutating func append(_ text: String, events: UInt64, _ reason: RejectReason?) {
        append(Array(text.utf8), events: events, reason)
    }

    private mutating func append(_ payload: [UInt8], events: UInt64, _ reason: RejectReason?) {
        payloads.append(payload)
        self.events += events
        if let reason {
            rejected.append(payload)
            reasons[reason, default: 0] += 1
        } else {
            appended += 1
        }
    }
}

@Suite("Conservation of payloads")
struct PayloadConservationTests {
    private func mixtureBench(
        partitions: Int = 1,
        inboxBytesMax: Int = 64 << 20,
        disk: any Disk = PosixDisk()
    ) throws -> PipelineBench {
        try PipelineBench(disk: disk) {
            $0.format = "auto"
            $0.payloadBytesMax = Mixture.limit
            $0.partitions = partitions
            $0.inboxBytesMax = inboxBytesMax
        }
    }

    /// Checks counters and log against what must have become of the payloads; nothing was lost.
    private func expectAll(
        _ mixture: Mixture,
        _ bench: PipelineBench,
        location: SourceLocation = #_sourceLocation
    ) throws {
        let counts = bench.counts
        #expect(counts.received == UInt64(mixture.payloads.count), sourceLocation: location)
        #expect(counts.appended == mixture.appended, sourceLocation: location)
        #expect(counts.rejected == mixture.reasons, sourceLocation: location)
        #expect(counts.dropped.isEmpty, sourceLocation: location)
        #expect(counts.isConserved, sourceLocation: location)
        let events = try bench.records(of: .readings)
        #expect(counts.events == mixture.events, sourceLocation: location)
        #expect(UInt64(events.count) == mixture.events, sourceLocation: location)
        try expectOrder(events, location)
        let rejects = try bench.records(of: .rejected)
        #expect(rejects.map(\.value) == mixture.rejected, sourceLocation: location)
        try expectHeaders(rejects, mixture, location)
    }

    /// Within each device, events are in the order of their payloads.
    private func expectOrder(_ events: [BenchRecord], _ location: SourceLocation) throws {
        var latest: [String: Double] = [:]
        for record in events {
            let sequence = try #require(try record.json().number("seq"), sourceLocation: location)
            #expect(sequence >= latest[record.key] ?? -1, sourceLocation: location)
            latest[record.key] = sequence
        }
    }

    private func expectHeaders(_ rejects: [BenchRecord], _ mixture: Mixture, _ location: SourceLocation) throws {
        var reasons: [String: UInt64] = [:]
        let names: Set = ["input", "from", "format", "reason", "position", "received"]
        for record in rejects {
            #expect(record.key == "plant", sourceLocation: location)
            #expect(Set(record.headers.keys) == names, sourceLocation: location)
            #expect(record.headers["input"] == "plant", sourceLocation: location)
            #expect(record.headers["from"] == "192.0.2.7:5000", sourceLocation: location)
            #expect(record.headers["format"] == "auto", sourceLocation: location)
            #expect(record.headers["received"] == "2026-11-23T19:10:00.131Z", sourceLocation: location)
            let position = try #require(record.headers["position"].flatMap { Int($0) }, sourceLocation: location)
            #expect((0...record.value.count).contains(position), sourceLocation: location)
            reasons[record.headers["reason"] ?? "none", default: 0] += 1
        }
        var wanted: [String: UInt64] = [:]
        for (reason, count) in mixture.reasons { wanted[reason.name.description] = count }
        #expect(reasons == wanted, sourceLocation: location)
    }

    @Test("every payload is appended or rejected, with one record per reject", arguments: [1, 7, 50, 1000])
    func calm(_ payloadsPerCommit: Int) throws {
        let bench = try mixtureBench()
        let mixture = Mixture(0..<(payloadsPerCommit < 7 ? 60 : 600))
        for (index, payload) in mixture.payloads.enumerated() {
            try bench.accept(payload)
            if (index + 1) % payloadsPerCommit == 0 { try bench.commit() }
        }
        try bench.commit()
        try expectAll(mixture, bench)
    }

    @Test("the same with several partitions", arguments: [2, 5])
    func partitions(_ count: Int) throws {
        let bench = try mixtureBench(partitions: count)
        let mixture = Mixture(0..<600)
        for (index, payload) in mixture.payloads.enumerated() {
            try bench.accept(payload)
            if index % 97 == 0 { try bench.commit() }
        }
        try bench.commit()
        try expectAll(mixture, bench)
    }

    @Test("while the inbox is full nothing is lost, and nothing is counted as appended that is not durable")
    func fullInbox() throws {
        let bench = try mixtureBench(inboxBytesMax: 1)
        let mixture = Mixture(0..<240)
        for payload in mixture.payloads[..<60] { try bench.accept(payload) }
        #expect(bench.pipeline.handOver().word == "accepted")
        for payload in mixture.payloads[60..<120] { try bench.accept(payload) }
        #expect(bench.pipeline.handOver().word == "full")
        // What the transport had taken already still comes in.
        for payload in mixture.payloads[120..<180] { try bench.accept(payload) }
        bench.turn(after: .seconds(1))
        #expect(bench.pipeline.isBlocked)
        #expect(bench.counts.appended == 0)
        #expect(bench.counts.dropped.isEmpty)
        #expect(bench.stepWriter() == .committed)
        #expect(bench.counts.appended == Mixture(0..<60).appended)
        bench.turn()
        #expect(!bench.pipeline.isBlocked)
        for payload in mixture.payloads[180...] { try bench.accept(payload) }
        try bench.commit()
        try expectAll(mixture, bench)
    }

    @Test("a full inbox that goes on and off through the whole run loses nothing")
    func oftenFull() throws {
        let bench = try mixtureBench(partitions: 3, inboxBytesMax: 1)
        let mixture = Mixture(0..<600)
        var fullCount = 0
        for (index, payload) in mixture.payloads.enumerated() {
            try bench.accept(payload)
            if index % 5 == 0, bench.pipeline.handOver().word == "full" { fullCount += 1 }
            if index % 31 == 0 { bench.stepWriter() }
        }
        try bench.commit()
        #expect(fullCount > 50)
        try expectAll(mixture, bench)
    }

    @Test("when the log closes, what it had taken is appended and the rest is dropped")
    func closing() throws {
        let bench = try mixtureBench()
        let groups = [Mixture(0..<60), Mixture(60..<120), Mixture(120..<180), Mixture(180..<240)]
        for payload in groups[0].payloads { try bench.accept(payload) }
        try bench.commit()
        for payload in groups[1].payloads { try bench.accept(payload) }
        #expect(bench.pipeline.handOver().word == "accepted")
        for payload in groups[2].payloads { try bench.accept(payload) }
        bench.closeLog()
        #expect(bench.pipeline.handOver().word == "closed")
        #expect(bench.counts.isConserved)
        for payload in groups[3].payloads { try bench.accept(payload) }
        #expect(bench.pipeline.handOver().word == "closed")
        let counts = bench.counts
        #expect(counts.received == 240)
        #expect(counts.appended == groups[0].appended + groups[1].appended)
        #expect(counts.dropped == [.logStopped: groups[2].appended + groups[3].appended])
        let refused = groups.reduce(0) { $0 + $1.rejected.count }
        #expect(counts.rejectedTotal == UInt64(refused))
        #expect(counts.isConserved)
        let stored = try bench.records(of: .readings).count
        #expect(UInt64(stored) == groups[0].events + groups[1].events)
        let rejects = try bench.records(of: .rejected).count
        #expect(rejects == groups[0].rejected.count + groups[1].rejected.count)
        bench.pipeline.finish()
        #expect(bench.counts.isConserved && bench.counts.droppedTotal == counts.droppedTotal)
    }

    @Test("what waits when the input stops is dropped once, whatever comes later")
    func stopping() throws {
        let bench = try mixtureBench(inboxBytesMax: 1)
        let mixture = Mixture(0..<120)
        for payload in mixture.payloads[..<60] { try bench.accept(payload) }
        #expect(bench.pipeline.handOver().word == "accepted")
        for payload in mixture.payloads[60...] { try bench.accept(payload) }
        #expect(bench.pipeline.handOver().word == "full")
        bench.pipeline.finish()
        #expect(bench.counts.appended == 0 && bench.pipeline.counters.isWaiting)
        #expect(bench.counts.dropped == [.logStopped: Mixture(60..<120).appended])
        #expect(bench.pipeline.handOver().word == "full")
        bench.closeLog()
        let counts = bench.counts
        #expect(counts.appended == Mixture(0..<60).appended)
        #expect(counts.dropped == [.logStopped: Mixture(60..<120).appended])
        #expect(counts.isConserved && !bench.pipeline.counters.isWaiting)
    }

    @Test("what the log had taken when a full disk was given up is dropped, with its lane; the rest goes on")
    func fullDisk() throws {
        let disk = FullDisk()
        let bench = try mixtureBench(disk: disk)
        let groups = [Mixture(0..<60), Mixture(60..<120), Mixture(120..<180)]
        for payload in groups[0].payloads { try bench.accept(payload) }
        try bench.commit()
        disk.isFull = true
        for payload in groups[1].payloads { try bench.accept(payload) }
        guard case .accepted(let ticket) = bench.pipeline.handOver() else { throw TestFailure("not accepted") }
        #expect(bench.stepWriter() == .full)
        #expect(bench.counts.appended == groups[0].appended && bench.counts.dropped.isEmpty)
        bench.writer.giveUpWhatFindsNoRoom()
        #expect(bench.pipeline.wait(for: ticket, timeout: .zero) == .failed)
        for payload in groups[2].payloads { try bench.accept(payload) }
        #expect(bench.pipeline.handOver().word == "closed" && bench.pipeline.isClosed)
        let counts = bench.counts
        #expect(counts.appended == groups[0].appended)
        #expect(counts.dropped == [.logStopped: groups[1].appended + groups[2].appended])
        #expect(counts.isConserved)
        // Topic `gaps` has a lane of its own.
        bench.pipeline.noteGap(.brokerDropped, 3)
        disk.isFull = false
        bench.turn(after: .seconds(2))
        #expect(bench.stepWriter() == .committed)
        #expect(try bench.records(of: .gaps).contains { $0.text.contains("broker_dropped") })
    }

    @Test("nothing is counted as appended that a closed log does not hold", arguments: [1, 2, 3])
    func automaticHandOver(_ partitions: Int) throws {
        let bench = try mixtureBench(partitions: partitions)
        // Ten devices over all partitions, until some partition's batch is full and goes out by itself.
        var count = 0
        while bench.log.inbox.waitingBytes == 0, count < 100_000 {
            try bench.accept("{\"device\":\"d\(count % 10)\",\"seq\":\(count),\"t\":21.5,\"door\":\"open\"}")
            count += 1
        }
        #expect(bench.log.inbox.waitingBytes > 0)
        bench.closeLog()
        #expect(bench.pipeline.handOver().word == "closed")
        let counts = bench.counts
        let stored = UInt64(try bench.records(of: .readings).count)
        #expect(counts.received == UInt64(count) && counts.isConserved)
        #expect(stored > 0 && counts.appended <= stored)
        // One partition leaves no doubt: all but what is in the open batch.
        if partitions == 1 { #expect(counts.appended == stored && stored == UInt64(count) - 1) }
    }

    @Test("what the kernel drops is received and dropped")
    func kernelDrops() throws {
        let bench = try mixtureBench()
        let mixture = Mixture(0..<60)
        for payload in mixture.payloads { try bench.accept(payload) }
        bench.pipeline.countDropped(5, .kernelBuffer)
        bench.pipeline.countDropped(2, .kernelBuffer)
        try bench.commit()
        let counts = bench.counts
        #expect(counts.received == 67)
        #expect(counts.dropped == [.kernelBuffer: 7])
        #expect(counts.isConserved)
    }

    @Test("a payload that its transport refuses is one payload and one reject")
    func refusals() throws {
        let bench = try mixtureBench()
        try bench.refuse(Array("$WIMWV".utf8), .framing, position: 6)
        try bench.refuse([], .framing, position: 0)
        try bench.refuse(Array(repeating: 0x41, count: 70_000), .tooLarge, position: 65_535)
        try bench.commit()
        let counts = bench.counts
        #expect(counts.received == 3 && counts.rejected == [.framing: 2, .tooLarge: 1])
        #expect(counts.isConserved)
        #expect(try bench.records(of: .rejected).map(\.value.count) == [6, 0, 70_000])
    }

    @Test("the unit is the payload: one of many events counts once, appended or rejected")
    func unit() throws {
        let bench = try mixtureBench()
        try bench.accept("m,device=a t=1\nm,device=b t=2\nm,device=c t=3\n")
        try bench.accept("m,device=a t=1\nm,device=b t=x\nm,device=c t=y\n")
        try bench.commit()
        let counts = bench.counts
        #expect(counts.received == 2 && counts.appended == 1 && counts.rejected == [.malformed: 1])
        #expect(counts.events == 4)
        #expect(try bench.records(of: .rejected).count == 1)
    }
}
