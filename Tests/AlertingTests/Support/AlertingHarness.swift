// A real log in a directory of its own, stepped by the test, with what rules and hooks read from it and write to it.
import Alerting
import CommitLog
import EventModel
import Platform
import Rules
import Testing

/// A record as a test looks at it.
struct HarnessRecord {
    var key: String
    var value: [UInt8]
    var timestamp: Timestamp
}

/// One thread: the test's, which is also the log writer's and, through `settle`, the rules'.
final class AlertingHarness {
    static let origin = AlertOrigin(
        box: "edge-01",
        timeZone: "Europe/Berlin",
        externalURL: "http://edge-01:8470"
    )

    let directory: TemporaryDirectory
    let clock = ManualClock()
    private(set) var log: CommitLog
    private(set) var writer: LogWriter
    private var builder: BatchBuilder
    private let alertsRetention: Duration?

    /// Opens the log in `directory`, a fresh one where none is given.
    init(_ directory: TemporaryDirectory? = nil, alertsRetention: Duration? = nil) throws {
        let directory = try directory ?? TemporaryDirectory()
        let log = try AlertingHarness.open(directory, clock, alertsRetention)
        self.alertsRetention = alertsRetention
        self.directory = directory
        self.log = log
        writer = log.makeWriter()
        builder = BatchBuilder(pool: log.pool)
    }

    private static func open(
        _ directory: TemporaryDirectory,
        _ clock: ManualClock,
        _ alertsRetention: Duration?
    ) throws -> CommitLog {
        let configuration = LogConfiguration(
            directory: directory.path,
            topics: [
                .readings: TopicConfiguration(), .system: TopicConfiguration(), .gaps: TopicConfiguration(),
                .alerts: TopicConfiguration(retention: alertsRetention),
                .operations: TopicConfiguration(cleanup: .compact),
            ],
            segmentBytes: .mebibytes(8),
            keepFreeFraction: 0
        )
        return try CommitLog.open(configuration, disk: PosixDisk(), clock: clock, access: .readWrite)
    }

    /// Opens the log again as after kill -9: nothing was closed, and what was offered and not committed is gone.
    func crash() throws {
        log = try AlertingHarness.open(directory, clock, alertsRetention)
        writer = log.makeWriter()
        builder = BatchBuilder(pool: log.pool)
    }

    // MARK: Rules

    var snapshotPath: String { directory.path + "/rules/snapshot" }

    func runner(
        _ rules: [RuleDefinition],
        book: AlertBook = AlertBook(),
        seed: UInt64 = 1,
        observer: RulesRunner.EventObserver? = nil
    ) throws -> RulesRunner {
        try RulesRunner(
            log: log,
            dataDirectory: directory.path,
            disk: PosixDisk(),
            clock: clock,
            rules: try RuleSet(rules),
            origin: AlertingHarness.origin,
            book: book,
            seed: seed,
            observer: observer
        )
    }

    /// Leaves a snapshot of an engine that has seen nothing, so that the next start is not one whose state was lost.
    func startForTheFirstTime() throws {
        let first = try runner([])
        try settle(first)
    }

    /// Steps rules and log writer in turn until neither has anything to do: then every edge is durable and in the book.
    func settle(_ runner: RulesRunner) throws {
        for _ in 0..<10_000 {
            let outcome = runner.step(waitUpTo: .zero)
            let commit = writer.step(waitUpTo: .zero)
            switch outcome {
            case .worked: continue
            case .idle: if commit == .idle { return }
            case .failed(let error): throw error
            case .closed: throw HarnessError("the log takes no more edges")
            }
        }
        throw HarnessError("the rules never come to rest")
    }

    /// Puts another offset into the snapshot of the rules, under a valid checksum: for planted bugs.
    func moveSnapshot(_ partition: TopicPartition, to offset: Int64) throws {
        var bytes = try contents(of: snapshotPath)
        let name = Array(partition.description.utf8)
        let found = bytes.indices.first { bytes[$0...].starts(with: name) }
        let at = try #require(found, "the snapshot names \(partition)") + name.count
        for shift in 0..<8 { bytes[at + shift] = UInt8(truncatingIfNeeded: offset >> Int64(8 * shift)) }
        try write(AlertingHarness.sealedSnapshot(bytes), to: snapshotPath)
    }

    /// The bytes of a snapshot file with its checksum put right: CRC-32C from byte 12, little-endian at byte 8.
    static func sealedSnapshot(_ snapshot: [UInt8]) -> [UInt8] {
        var bytes = snapshot
        let crc = bytes[12...].withUnsafeBytes { CRC32C.checksum($0) }
        for shift in 0..<4 { bytes[8 + shift] = UInt8(truncatingIfNeeded: crc >> UInt32(8 * shift)) }
        return bytes
    }

    // MARK: Appending

    /// Appends and commits one record.
    func append(_ step: ScriptStep) throws {
        switch step {
        case .reading(let time, let value, let device):
            try appendReadings([eventJSON(time, value, device: device)])
        case .start(let time, let run): try appendSystem(.start, time, run: run)
        case .tick(let time, let run): try appendSystem(.tick, time, run: run)
        }
    }

    /// Appends and commits values of topic `readings`, as one batch.
    func appendReadings(_ values: [String]) throws {
        try offer(values.map { ("device", Array($0.utf8), instant(0)) }, to: .readings)
        try commit()
    }

    /// Appends and commits edges, as one batch.
    func appendAlerts(_ records: [AlertRecord]) throws {
        try offer(records.map { ($0.fingerprint, try $0.encoded(), $0.at) }, to: .alerts)
        try commit()
    }

    /// Appends and commits bytes that are no alert.
    func appendJunkAlert(_ text: String) throws {
        try offer([("junk", Array(text.utf8), instant(0))], to: .alerts)
        try commit()
    }

    private func offer(_ records: [(key: String, value: [UInt8], time: Timestamp)], to topic: TopicName) throws {
        for record in records {
            let isAppended = Array(record.key.utf8).withUnsafeBytes { key in
                record.value.withUnsafeBytes { value in
                    builder.append(
                        timestamp: record.time,
                        key: key,
                        value: value,
                        headers: UnsafeRawBufferPointer(start: nil, count: 0),
                        headerCount: 0
                    )
                }
            }
            guard isAppended else { throw HarnessError("the records do not fit into one batch") }
        }
        let offered = log.inbox.offer(builder.seal(compression: .none), to: try partition(topic))
        guard case .accepted = offered else { throw HarnessError("the log refused a batch") }
    }

    /// As the daemon does it: inside of the commit, so that the record names where `readings` end with it. Every run's
    /// monotonic clock starts elsewhere.
    private func appendSystem(_ kind: SystemRecord.Kind, _ time: Double, run: String) throws {
        let record = SystemRecord(
            kind: kind,
            run: run,
            wall: instant(time),
            monotonicMilliseconds: Int64(time * 1000) + Int64(run.utf8.count) * 1_000_000,
            clock: .synchronised
        )
        let readings = TopicPartition(topic: .readings, partition: .zero)
        let offered = log.inbox.offerDeferred(to: try partition(.system)) { [pool = log.pool] ends in
            var record = record
            record.ends[readings.description] = ends.end(of: readings)?.value
            let builder = BatchBuilder(pool: pool)
            record.encode().withUnsafeBytes { bytes in
                _ = builder.append(
                    timestamp: record.wall,
                    key: nil,
                    value: bytes,
                    headers: UnsafeRawBufferPointer(start: nil, count: 0),
                    headerCount: 0
                )
            }
            return builder.seal(compression: .none)
        }
        guard case .accepted = offered else { throw HarnessError("the log refused a record of system") }
        try commit()
    }

    private func commit() throws {
        guard writer.step(waitUpTo: .zero) == .committed else { throw HarnessError("nothing was committed") }
    }

    // MARK: Reading back

    private func partition(_ topic: TopicName) throws -> Partition {
        try #require(log.partition(TopicPartition(topic: topic, partition: .zero)))
    }

    /// All durable records of a topic.
    func records(of topic: TopicName) throws -> [HarnessRecord] {
        let partition = try self.partition(topic)
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
                while let record = try cursor.next() {
                    found.append(
                        HarnessRecord(
                            key: String(decoding: record.key.map { Array($0) } ?? [], as: UTF8.self),
                            value: record.value.map { Array($0) } ?? [],
                            timestamp: record.timestamp
                        )
                    )
                }
            }
        }
        return found
    }

    /// All durable edges, in order.
    func alerts() throws -> [AlertRecord] {
        try records(of: .alerts).map { record in
            let alert = record.value.withUnsafeBytes { AlertRecord(json: $0) }
            return try #require(alert, "topic alerts holds alerts")
        }
    }

    func edges() throws -> [Edge] { try alerts().map { Edge($0) } }
}
