// A pipeline on a real log whose writer the test itself turns: nothing happens by chance, and nothing waits.
import CommitLog
import EventModel
import Ingest
import Platform
import Testing

/// One input's pipeline with its log. One thread: the test's.
final class PipelineBench {
    let settings: BenchSettings
    let clock: BenchClock
    let log: CommitLog
    let pipeline: IngestPipeline
    private let feed: DirectoryFeed
    private let directory: ScratchDirectory
    let writer: LogWriter
    private var places: [TopicPartition: Offset] = [:]
    private var isClosed = false

    init(disk: any Disk = PosixDisk(), _ adjust: (inout BenchSettings) -> Void = { _ in }) throws {
        var settings = BenchSettings()
        adjust(&settings)
        let directory = try ScratchDirectory()
        let configuration = LogConfiguration(
            directory: directory.path,
            topics: [
                .readings: TopicConfiguration(partitions: settings.partitions), .rejected: TopicConfiguration(),
                .gaps: TopicConfiguration(),
            ],
            segmentBytes: .mebibytes(8),
            keepFreeFraction: 0,
            inboxBytesMax: settings.inboxBytesMax
        )
        let systemClock = SystemClock(trustsWallClock: true)
        let log = try CommitLog.open(configuration, disk: disk, clock: systemClock, access: .readWrite)
        var readings: [Partition] = []
        for index in 0..<settings.partitions {
            let name = TopicPartition(topic: .readings, partition: PartitionIndex(Int32(index)))
            readings.append(try #require(log.partition(name)))
        }
        let rejected = try #require(log.partition(TopicPartition(topic: .rejected, partition: .zero)))
        let gaps = try #require(log.partition(TopicPartition(topic: .gaps, partition: .zero)))
        let definition = try #require(DecoderRegistry.definition(named: settings.format))
        let clock = BenchClock()
        let feed = DirectoryFeed(PipelineBench.snapshot(of: settings.devices))
        var pipelineSettings = PipelineSettings(input: settings.input, format: settings.format)
        pipelineSettings.payloadBytesMax = settings.payloadBytesMax
        pipelineSettings.normaliser = settings.normaliser
        pipeline = IngestPipeline(
            settings: pipelineSettings,
            decoder: try definition.make(settings.decoder),
            log: PipelineLog(
                readings: readings,
                rejected: rejected,
                gaps: gaps,
                log: log,
                readingsCompression: .none,
                rejectedCompression: .none,
                commitInterval: settings.commitInterval
            ),
            directory: feed,
            sightings: settings.sightings,
            counters: InputCounters(),
            clock: clock,
            hashSeed: 11
        )
        self.settings = settings
        self.directory = directory
        self.log = log
        self.clock = clock
        self.feed = feed
        writer = log.makeWriter()
    }

    deinit {
        closeLog()
    }

    private static func snapshot(of devices: [DeviceEntry]) -> DeviceDirectory {
        DeviceDirectory(devices: Dictionary(devices.map { ($0.id, $0) }) { first, _ in first })
    }

    /// As after a turn of the input's thread.
    var counts: InputCounts {
        pipeline.counters.settle(log.inbox)
        return pipeline.counters.snapshot()
    }

    // MARK: Steps

    /// Gives the pipeline a payload, and commits nothing.
    func accept(_ payload: [UInt8], _ way: PayloadWay = .datagram) throws {
        try withArrival(way) { arrival in
            payload.withUnsafeBytes { pipeline.accept($0, arrival) }
        }
    }

    func accept(_ payload: String, _ way: PayloadWay = .datagram) throws {
        try accept(Array(payload.utf8), way)
    }

    /// Gives the pipeline a payload that its transport found wanting.
    func refuse(_ payload: [UInt8], _ reason: RejectReason, position: Int) throws {
        try withArrival(.datagram) { arrival in
            payload.withUnsafeBytes { pipeline.refuse($0, reason, position: position, arrival) }
        }
    }

    private func withArrival(_ way: PayloadWay, _ body: (Arrival) -> Void) throws {
        let from = Array(way.from.utf8)
        guard let pattern = way.pattern else {
            return from.withUnsafeBytes { body(Arrival(receivedAt: clock.now(), from: $0)) }
        }
        let router = try TopicRouter(subscribe: [pattern], exclude: [])
        var captures = TopicCaptures()
        let verdict = from.withUnsafeBytes { router.route($0, captures: &captures) }
        try #require(verdict == .wanted(pattern: 0), "\(way.from) does not match \(pattern)")
        from.withUnsafeBytes { topic in
            var arrival = router.arrival(at: clock.now(), topic: topic, pattern: 0, captures: captures)
            arrival.isRetained = way.isRetained
            arrival.messageID = way.messageID
            body(arrival)
        }
        withExtendedLifetime(router) {}
    }

    /// One turn of the log's writer.
    @discardableResult
    func stepWriter() -> LogWriter.StepOutcome {
        writer.step(waitUpTo: .zero)
    }

    /// Hands over all that is open, and turns the writer until it is durable.
    func commit() throws {
        for _ in 0..<1000 {
            switch pipeline.handOver() {
            case .nothing: return
            case .accepted, .full: stepWriter()
            case .closed: throw TestFailure("the log is closed")
            }
        }
        throw TestFailure("the commits do not end")
    }

    /// Commits what the inbox has taken, and takes no more.
    func closeLog() {
        guard !isClosed else { return }
        isClosed = true
        writer.close()
    }

    /// Lets time pass and has the pipeline do its chores.
    func turn(after duration: Duration = .zero) {
        clock.advance(by: duration)
        pipeline.turn(now: clock.monotonic())
    }

    /// The registry changes, and the pipeline sees it.
    func publish(_ devices: [DeviceEntry]) {
        feed.publish(PipelineBench.snapshot(of: devices))
        turn(after: .seconds(1))
    }

    // MARK: Looks

    /// The durable records of a topic that no earlier call gave, by partition and offset.
    func records(of topic: TopicName) throws -> [BenchRecord] {
        let reader = LogReader(log: log)
        let decoder = RecordDecoder()
        var buffer = ReadBuffer()
        var found: [BenchRecord] = []
        for partition in log.partitions where partition.topicPartition.topic == topic {
            var offset = places[partition.topicPartition] ?? partition.logStartOffset
            let end = partition.logEndOffset
            while offset < end {
                let result = try reader.read(partition, from: offset, upTo: end, maxBytes: 1 << 20, into: &buffer)
                if result.isEmpty { break }
                offset = result.nextOffset
                var batches = buffer.batches
                while let batch = batches.next() {
                    var cursor = try decoder.open(batch)
                    while let record = try cursor.next() {
                        found.append(BenchRecord(record, partition: partition.topicPartition.partition.value))
                    }
                }
            }
            places[partition.topicPartition] = offset
        }
        return found
    }

    /// Sends a payload, commits, and gives what it became.
    func take(_ payload: [UInt8], _ way: PayloadWay = .datagram) throws -> Taken {
        try accept(payload, way)
        try commit()
        return try Taken(events: records(of: .readings), rejects: records(of: .rejected))
    }

    func take(_ payload: String, _ way: PayloadWay = .datagram) throws -> Taken {
        try take(Array(payload.utf8), way)
    }

    /// The events of a payload in which nothing is wrong.
    func events(
        _ payload: String,
        _ way: PayloadWay = .datagram,
        location: SourceLocation = #_sourceLocation
    ) throws -> [JSONValue] {
        let taken = try take(payload, way)
        let reasons = taken.rejects.map { $0.headers["reason"] ?? "none" }
        try #require(reasons.isEmpty, "rejected: \(payload)", sourceLocation: location)
        return try taken.events.map { try $0.json() }
    }

    /// The only event of a payload in which nothing is wrong.
    func event(
        _ payload: String,
        _ way: PayloadWay = .datagram,
        location: SourceLocation = #_sourceLocation
    ) throws -> JSONValue {
        let found = try events(payload, way, location: location)
        try #require(found.count == 1, "\(payload)", sourceLocation: location)
        return found[0]
    }

    /// Why a payload was rejected of which nothing is stored.
    func refusal(
        _ payload: [UInt8],
        _ way: PayloadWay = .datagram,
        location: SourceLocation = #_sourceLocation
    ) throws -> String? {
        let taken = try take(payload, way)
        let stored = taken.events.map(\.text)
        try #require(stored.isEmpty, sourceLocation: location)
        try #require(taken.rejects.count == 1, sourceLocation: location)
        return taken.rejects[0].headers["reason"]
    }

    func refusal(
        _ payload: String,
        _ way: PayloadWay = .datagram,
        location: SourceLocation = #_sourceLocation
    ) throws -> String? {
        try refusal(Array(payload.utf8), way, location: location)
    }
}
