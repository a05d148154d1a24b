// What the log's tests share: a directory of their own, a clock set by hand, ways to write and read back.
import CommitLog
import Glibc
import Platform
import Synchronization
import Testing

/// A fresh directory below the system's temporary one, removed with everything in it when the last reference goes.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/forebay-log-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { $0.baseAddress.flatMap { mkdtemp($0) } != nil }
        try #require(made, "no temporary directory: \(systemErrorText(errno))")
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        TemporaryDirectory.remove(path)
    }

    private static func remove(_ path: String) {
        let disk = PosixDisk()
        for name in (try? disk.list(path)) ?? [] { remove("\(path)/\(name)") }
        if unlink(path) != 0 { rmdir(path) }
    }
}

/// A clock that a test sets.
final class ManualClock: Clock {
    private struct State {
        var wall: Timestamp
        var monotonic: MonotonicInstant
        var quality: ClockQuality
    }

    private let state: Mutex<State>
    let bootID = "6d4b3f0a-0000-4000-8000-000000000001"

    init(quality: ClockQuality = .synchronised) {
        state = Mutex(
            State(
                wall: Timestamp(milliseconds: 1_795_000_000_000),
                monotonic: MonotonicInstant(nanoseconds: 1_000_000_000),
                quality: quality
            )
        )
    }

    func now() -> Timestamp { state.withLock { $0.wall } }
    func monotonic() -> MonotonicInstant { state.withLock { $0.monotonic } }
    func quality() -> ClockQuality { state.withLock { $0.quality } }

    func advance(_ duration: Duration) {
        state.withLock { state in
            state.wall = state.wall.advanced(by: duration)
            state.monotonic = state.monotonic.advanced(by: duration)
        }
    }

    func set(_ quality: ClockQuality) { state.withLock { $0.quality = quality } }
    func setWall(_ time: Timestamp) { state.withLock { $0.wall = time } }
}

/// A record as the tests compare it.
struct PlainRecord: Hashable {
    var offset: Int64
    var timestamp: Int64
    var key: [UInt8]?
    var value: [UInt8]?
}

/// An open log with its writer, stepped by the test.
final class LogFixture {
    let log: CommitLog
    let writer: LogWriter
    let clock: ManualClock
    let builder: BatchBuilder

    static let readings = TopicPartition(topic: .readings, partition: .zero)
    static let system = TopicPartition(topic: .system, partition: .zero)

    init(
        _ directory: String,
        disk: any Disk = PosixDisk(),
        clock: ManualClock = ManualClock(),
        topics: [TopicName: TopicConfiguration] = [.readings: TopicConfiguration()],
        segmentBytes: Int64 = 64 << 20,
        keepFree: Double = 0,
        inboxBytesMax: Int = 16 << 20,
        reserveBytesMax: Int64 = 0
    ) throws {
        let configuration = LogConfiguration(
            directory: directory,
            topics: topics,
            segmentBytes: ByteCount(segmentBytes),
            keepFreeFraction: keepFree,
            inboxBytesMax: inboxBytesMax,
            reserveBytesMax: ByteCount(reserveBytesMax)
        )
        log = try CommitLog.open(configuration, disk: disk, clock: clock, access: .readWrite)
        writer = log.makeWriter()
        builder = BatchBuilder(pool: log.pool)
        self.clock = clock
    }

    func partition(_ name: TopicPartition = LogFixture.readings) throws -> Partition {
        try #require(log.partition(name))
    }

    /// A sealed batch whose records have these values, and timestamps counted up from `timestamp`.
    func batch(_ values: [String], at timestamp: Int64 = 1000, compression: Compression = .none) -> SealedBatch {
        for (index, value) in values.enumerated() {
            let appended = builder.add(timestamp: timestamp + Int64(index), key: "k", value: value)
            precondition(appended, "test records fit")
        }
        return builder.seal(compression: compression)
    }

    /// Offers and steps until it is durable; the batch's base offset.
    @discardableResult
    func append(
        _ values: [String],
        to name: TopicPartition = LogFixture.readings,
        at timestamp: Int64 = 1000,
        compression: Compression = .none
    ) throws -> Offset {
        let sealed = batch(values, at: timestamp, compression: compression)
        let offered = log.inbox.offer(sealed, to: try partition(name))
        guard case .accepted(let ticket) = offered else { throw FixtureError.refused }
        #expect(writer.step(waitUpTo: .zero) == .committed)
        #expect(log.inbox.outcome(of: ticket) == .durable)
        return try #require(sealed.baseOffset)
    }

    /// All values of a partition from its start to its end.
    func values(_ name: TopicPartition = LogFixture.readings) throws -> [String] {
        try Self.records(log, name).map { String(decoding: $0.value ?? [], as: UTF8.self) }
    }

    static func records(
        _ log: CommitLog,
        _ name: TopicPartition = LogFixture.readings,
        from: Offset? = nil,
        maxBytes: Int = 4096,
        skipsDamage: Bool = false
    ) throws -> [PlainRecord] {
        let partition = try #require(log.partition(name))
        let reader = LogReader(log: log)
        let decoder = RecordDecoder()
        var buffer = ReadBuffer()
        var offset = from ?? partition.logStartOffset
        let start = offset
        let end = log.snapshot().highWatermark(of: partition)
        var records: [PlainRecord] = []
        while offset < end {
            let result: ReadResult
            do {
                result = try reader.read(partition, from: offset, upTo: end, maxBytes: maxBytes, into: &buffer)
            } catch {
                guard skipsDamage, error.code == .damaged else { throw error }
                guard let resumeAt = error.resumeAt else { break }
                offset = resumeAt
                continue
            }
            if result.isEmpty { break }
            var batches = buffer.batches
            while let batch = batches.next() {
                var cursor = try decoder.open(batch)
                while let record = try cursor.next() {
                    if record.offset >= start { records.append(PlainRecord(record)) }
                }
            }
            offset = result.nextOffset
        }
        return records
    }
}

enum FixtureError: Error {
    case refused
}

extension PlainRecord {
    init(_ record: Record) {
        self.init(
            offset: record.offset.value,
            timestamp: record.timestamp.milliseconds,
            key: record.key.map { Array($0) },
            value: record.value.map { Array($0) }
        )
    }
}

extension BatchBuilder {
    func add(timestamp: Int64, key: String?, value: String?, headers: [(String, String?)] = []) -> Bool {
        var encoded: [UInt8] = []
        for (name, text) in headers {
            Array(name.utf8).withUnsafeBytes { nameBytes in
                let textBytes = text.map { Array($0.utf8) }
                if let textBytes {
                    textBytes.withUnsafeBytes { RecordHeader.append(key: nameBytes, value: $0, to: &encoded) }
                } else {
                    RecordHeader.append(key: nameBytes, value: nil, to: &encoded)
                }
            }
        }
        let keyBytes = key.map { Array($0.utf8) }
        let valueBytes = value.map { Array($0.utf8) }
        return withOptionalBytes(keyBytes) { keyPointer in
            withOptionalBytes(valueBytes) { valuePointer in
                encoded.withUnsafeBytes { headerPointer in
                    append(
                        timestamp: Timestamp(milliseconds: timestamp),
                        key: keyPointer,
                        value: valuePointer,
                        headers: headerPointer,
                        headerCount: headers.count
                    )
                }
            }
        }
    }
}

func withOptionalBytes<Result>(_ bytes: [UInt8]?, _ body: (UnsafeRawBufferPointer?) -> Result) -> Result {
    guard let bytes else { return body(nil) }
    return bytes.withUnsafeBytes { body($0) }
}

/// The bytes of a file.
func contents(of path: String) throws -> [UInt8] {
    let file = try PosixDisk().open(path, .read)
    var bytes = [UInt8](repeating: 0, count: Int(try file.size()))
    let count = try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
    try #require(count == bytes.count)
    return bytes
}

/// Replaces a file's contents.
func write(_ bytes: [UInt8], to path: String) throws {
    let disk = PosixDisk()
    if try disk.exists(path) { try disk.remove(path) }
    let file = try disk.open(path, .create)
    try bytes.withUnsafeBytes { try file.write([$0], at: 0) }
}

/// The seed of a random test: from the environment where given, printed in any case.
func testSeed(_ name: String) -> UInt64 {
    let given = getenv("FOREBAY_TEST_SEED").flatMap { UInt64(String(cString: $0)) }
    let seed = given ?? UInt64.random(in: .min ... .max)
    print("\(name): FOREBAY_TEST_SEED=\(seed)")
    return seed
}
