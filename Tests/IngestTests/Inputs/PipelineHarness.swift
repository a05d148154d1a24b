// A real pipeline on a real log in a directory of its own, whose commits a test can hold back.
import CommitLog
import EventModel
import Ingest
import Platform
import Synchronization
import Testing

/// A record as a test looks at it: text, for the tests write text.
struct HarnessRecord {
    var key: String
    var value: String
    var headers: [String: String]
}

/// One input's pipeline with its log and the log's writer thread. Ends the thread when it goes.
final class PipelineHarness {
    let pipeline: IngestPipeline
    private let directory: ScratchDirectory
    let log: CommitLog
    private let writer: HarnessWriter

    /// - `directory`: where the log lies; one of its own unless given.
    /// - `inboxBytesMax`: what the log holds in memory before it refuses batches.
    init(
        directory: ScratchDirectory? = nil,
        inboxBytesMax: Int = 64 << 20,
        options: DecoderOptions = DecoderOptions(),
        change: (inout PipelineSettings) -> Void = { _ in }
    ) throws {
        self.directory = try directory ?? ScratchDirectory()
        let configuration = LogConfiguration(
            directory: self.directory.path,
            topics: [.readings: TopicConfiguration(), .rejected: TopicConfiguration(), .gaps: TopicConfiguration()],
            segmentBytes: .mebibytes(8),
            keepFreeFraction: 0,
            inboxBytesMax: inboxBytesMax
        )
        let clock = SystemClock(trustsWallClock: true)
        log = try CommitLog.open(configuration, disk: PosixDisk(), clock: clock, access: .readWrite)
        let readings = try #require(log.partition(TopicPartition(topic: .readings, partition: .zero)))
        let rejected = try #require(log.partition(TopicPartition(topic: .rejected, partition: .zero)))
        let gaps = try #require(log.partition(TopicPartition(topic: .gaps, partition: .zero)))
        let definition = try #require(DecoderRegistry.definition(named: "auto"))
        var settings = PipelineSettings(input: "test", format: "auto")
        change(&settings)
        pipeline = IngestPipeline(
            settings: settings,
            decoder: try definition.make(options),
            log: PipelineLog(
                readings: [readings],
                rejected: rejected,
                gaps: gaps,
                log: log,
                readingsCompression: .none,
                rejectedCompression: .none,
                commitInterval: .milliseconds(10)
            ),
            directory: DirectoryFeed(),
            sightings: DeviceSightings(automaticMax: 1000),
            counters: InputCounters(),
            clock: clock,
            hashSeed: 11
        )
        writer = HarnessWriter(log)
    }

    deinit {
        writer.stop()
    }

    /// Ends the log, so that another harness may open it.
    func close() {
        writer.stop()
    }

    /// Gives the pipeline a payload as if it came under `topic`.
    func accept(_ payload: String, topic: String = "t", device: String? = nil, metric: String? = nil) {
        let texts = [payload, topic, device ?? "", metric ?? ""].map { Array($0.utf8) }
        texts[0].withUnsafeBytes { payload in
            texts[1].withUnsafeBytes { topic in
                texts[2].withUnsafeBytes { deviceBytes in
                    texts[3].withUnsafeBytes { metricBytes in
                        var arrival = Arrival(receivedAt: SystemClock().now(), from: topic)
                        if device != nil { arrival.topicDevice = deviceBytes }
                        if metric != nil { arrival.topicMetric = metricBytes }
                        pipeline.accept(payload, arrival)
                    }
                }
            }
        }
    }

    /// Hands over what is open, and waits until it is durable.
    func commit() throws {
        guard case .accepted(let ticket) = pipeline.handOver() else { throw TestFailure("nothing was handed over") }
        guard case .durable = pipeline.wait(for: ticket, timeout: .seconds(60)) else { throw TestFailure("no commit") }
    }

    /// As after a turn of the input's thread.
    var counts: InputCounts {
        pipeline.counters.settle(log.inbox)
        return pipeline.counters.snapshot()
    }

    /// From its return on nothing becomes durable.
    func holdCommits() {
        writer.hold()
    }

    func releaseCommits() {
        writer.release()
    }

    /// All durable records of topic `readings`.
    func readings() throws -> [HarnessRecord] {
        try records(of: .readings)
    }

    /// All durable records of topic `rejected`.
    func rejects() throws -> [HarnessRecord] {
        try records(of: .rejected)
    }

    /// All durable records of topic `gaps`.
    func gaps() throws -> [HarnessRecord] {
        try records(of: .gaps)
    }

    private func records(of topic: TopicName) throws -> [HarnessRecord] {
        let partition = try #require(log.partition(TopicPartition(topic: topic, partition: .zero)))
        let reader = LogReader(log: log)
        let decoder = RecordDecoder()
        var buffer = ReadBuffer()
        var found: [HarnessRecord] = []
        var offset = partition.logStartOffset
        let end = partition.logEndOffset
        while offset < end {
            let result = try reader.read(partition, from: offset, upTo: end, maxBytes: 1 << 20, into: &buffer)
            if result.isEmpty { break }
            offset = result.nextOffset
            var batches = buffer.batches
            while let batch = batches.next() {
                var cursor = try decoder.open(batch)
                while let record = try cursor.next() { found.append(HarnessRecord(record)) }
            }
        }
        return found
    }
}

extension HarnessRecord {
    fileprivate init(_ record: Record) {
        func text(_ bytes: UnsafeRawBufferPointer?) -> String {
            bytes.map { String(decoding: $0, as: UTF8.self) } ?? ""
        }
        key = text(record.key)
        value = text(record.value)
        headers = [:]
        var entries = RecordHeaders(record)
        while let entry = entries.next() { headers[text(entry.key)] = text(entry.value) }
    }
}

/// The log's writer on its thread.
private final class HarnessWriter: Sendable {
    private enum Order {
        case run, hold, stop
    }

    private struct State {
        var order = Order.run
        var isHeld = false
    }

    private let state = Condition(State())
    private let thread: PlatformThread

    init(_ log: CommitLog) {
        let state = state
        thread = PlatformThread(name: "log-writer") {
            let writer = log.makeWriter()
            while true {
                let order = state.withLock { state in
                    state.isHeld = state.order == .hold
                    return state.order
                }
                state.wakeAll()
                switch order {
                case .run: _ = writer.step(waitUpTo: .milliseconds(5))
                case .hold: _ = state.wait(upTo: .seconds(60)) { $0.order == .hold ? nil : true }
                case .stop: return writer.close()
                }
            }
        }
    }

    func hold() {
        state.withLock { $0.order = .hold }
        _ = state.wait(upTo: .seconds(60)) { $0.isHeld ? true : nil }
    }

    func release() {
        state.withLock { $0.order = .run }
        state.wakeAll()
    }

    func stop() {
        guard state.withLock({ $0.order != .stop }) else { return }
        state.withLock { $0.order = .stop }
        state.wakeAll()
        thread.join()
    }
}
