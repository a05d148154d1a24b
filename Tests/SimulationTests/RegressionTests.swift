// What the simulation has found, each shown once more on its own.
import CommitLog
import EventModel
import Platform
import Testing

/// A log on a simulated disk, written by hand.
private final class SmallLog {
    static let directory = "/data"

    let disk: SimulatedDisk
    let clock = SimulatedClock(drift: 0)
    private(set) var log: CommitLog
    private(set) var writer: LogWriter
    private var time: Int64 = 1000

    init(seed: UInt64) throws {
        disk = SimulatedDisk(directory: SmallLog.directory, dice: Dice(seed: seed), trace: Trace())
        log = try SmallLog.open(disk, clock)
        writer = log.makeWriter(syncHelpersMax: 0)
    }

    private static func open(_ disk: SimulatedDisk, _ clock: SimulatedClock) throws -> CommitLog {
        let configuration = LogConfiguration(
            directory: directory,
            topics: [.readings: TopicConfiguration(), .system: TopicConfiguration()],
            segmentBytes: ByteCount(64 << 10),
            keepFreeFraction: 0
        )
        return try CommitLog.open(configuration, disk: disk, clock: clock, access: .readWrite)
    }

    func reopen() throws {
        log = try SmallLog.open(disk, clock)
        writer = log.makeWriter(syncHelpersMax: 0)
    }

    func partition(_ topic: TopicName) throws -> Partition {
        try #require(log.partition(TopicPartition(topic: topic, partition: .zero)))
    }

    static func batch(_ pool: BatchBufferPool, at time: Int64, _ bytes: [UInt8]) -> SealedBatch {
        let builder = BatchBuilder(pool: pool)
        bytes.withUnsafeBytes { value in
            let none = UnsafeRawBufferPointer(start: nil, count: 0)
            let timestamp = Timestamp(milliseconds: time)
            _ = builder.append(timestamp: timestamp, key: nil, value: value, headers: none, headerCount: 0)
        }
        return builder.seal(compression: .none)
    }

    /// Offers one record of so many bytes.
    func offerReading(byteCount: Int = 700) throws {
        time += 10
        let bytes = [UInt8](repeating: 0x61, count: byteCount)
        _ = log.inbox.offer(SmallLog.batch(log.pool, at: time, bytes), to: try partition(.readings))
    }

    /// Offers a record of `system` whose only byte is where readings end.
    func offerTick() throws {
        let readings = try partition(.readings).topicPartition
        _ = log.inbox.offerDeferred(to: try partition(.system)) { [pool = log.pool] ends in
            SmallLog.batch(pool, at: 0, [UInt8(clamping: ends.end(of: readings)?.value ?? 0)])
        }
    }

    /// The first bytes of all records of a topic.
    func firstBytes(_ topic: TopicName) throws -> [UInt8] {
        let partition = try self.partition(topic)
        let reader = LogReader(log: log)
        let decoder = RecordDecoder()
        var buffer = ReadBuffer()
        var found: [UInt8] = []
        var at = partition.logStartOffset
        while at < partition.logEndOffset {
            at = try reader.read(partition, from: at, upTo: partition.logEndOffset, maxBytes: 1, into: &buffer)
                .nextOffset
            var batches = buffer.batches
            while let batch = batches.next() {
                var cursor = try decoder.open(batch)
                while let record = try cursor.next() { found.append(record.value?.first ?? 0) }
            }
        }
        return found
    }
}

@Suite("What the simulation found")
struct RegressionTests {
    @Test("a tick that outlives a power cut names no readings that did not (issue 3)", arguments: 0..<5)
    func tickBeforeReadings(call: Int) throws {
        var ticks = 0
        for seed in UInt64(0)..<40 {
            let small = try SmallLog(seed: seed)
            for _ in 0..<3 { try small.offerReading() }
            _ = small.writer.step(waitUpTo: .zero)
            small.disk.armed.arm(.powerCut, after: call)
            try small.offerReading()
            try small.offerTick()
            _ = small.writer.step(waitUpTo: .zero)
            small.disk.armed = ArmedFaults()
            small.disk.cutPower()
            small.disk.restorePower()
            try small.reopen()
            let end = try small.partition(.readings).logEndOffset
            for named in try small.firstBytes(.system) {
                ticks += 1
                #expect(Int64(named) <= end.value)
            }
        }
        // The commit makes four calls.
        if call == 4 { #expect(ticks == 40) }
    }

    @Test("what a failed sync left in the cache is not served by the next process (issue 3)")
    func staleCache() throws {
        for seed in UInt64(0)..<40 {
            let small = try SmallLog(seed: seed)
            try small.offerReading()
            _ = small.writer.step(waitUpTo: .zero)
            small.disk.armed.arm(.syncErrorClean, after: 0)
            try small.offerReading()
            #expect(small.writer.step(waitUpTo: .zero) == .failed)
            small.disk.killProcess()
            try small.reopen()
            let served = try small.partition(.readings).logEndOffset
            small.disk.cutPower()
            small.disk.restorePower()
            try small.reopen()
            #expect(try small.partition(.readings).logEndOffset >= served)
        }
    }

    @Test("no bit of a time index hides a record from a look-up by time (issue 3)")
    func damagedTimeIndex() throws {
        let small = try SmallLog(seed: 1)
        for _ in 0..<120 {
            try small.offerReading()
            _ = small.writer.step(waitUpTo: .zero)
        }
        let index = try #require(small.disk.files(below: SmallLog.directory).first { $0.path.hasSuffix(".timeindex") })
        let decoder = RecordDecoder()
        var buffer = ReadBuffer()
        for at in index.contents.device.indices {
            for bit in 0..<8 {
                index.contents.flip(bit: bit, at: at)
                for record in stride(from: 5, to: 90, by: 17) {
                    let found = try LogReader(log: small.log).firstRecord(
                        atOrAfter: Timestamp(milliseconds: 1010 + Int64(record) * 10),
                        in: try small.partition(.readings),
                        upTo: try small.partition(.readings).logEndOffset,
                        buffer: &buffer,
                        decoder: decoder
                    )
                    #expect(found?.offset == Offset(Int64(record)))
                }
                index.contents.flip(bit: bit, at: at)
            }
        }
    }
}
