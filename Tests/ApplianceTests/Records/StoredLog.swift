// A log with what a test puts into it, on a disk that says when it is read.
import CommitLog
import Foundation
import Platform
import Synchronization

/// What went wrong outside of what a test is about.
struct StoredLogError: Error, CustomStringConvertible {
    var description: String
}

/// One thread: the test's, which is also the log writer's. Removed with everything in it when the last reference goes.
final class StoredLog {
    let log: CommitLog
    let disk = WatchedDisk()
    private let directory: String
    private let writer: LogWriter
    private let builder: BatchBuilder

    init() throws {
        directory = FileManager.default.temporaryDirectory.path + "/forebay-records-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        log = try CommitLog.open(
            LogConfiguration(
                directory: directory,
                topics: [.readings: TopicConfiguration(), .rejected: TopicConfiguration()],
                segmentBytes: .mebibytes(64),
                keepFreeFraction: 0
            ),
            disk: disk,
            clock: SystemClock(),
            access: .readWrite
        )
        writer = log.makeWriter()
        builder = BatchBuilder(pool: log.pool)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: directory)
    }

    /// Appends and commits one record as a batch of its own.
    func append(
        _ value: [UInt8],
        to topic: TopicName,
        headers: KeyValuePairs<String, String> = [:],
        compression: Compression = .none
    ) throws {
        var encoded: [UInt8] = []
        let headerCount = headers.count
        for (key, text) in headers {
            Array(key.utf8).withUnsafeBytes { key in
                Array(text.utf8).withUnsafeBytes { RecordHeader.append(key: key, value: $0, to: &encoded) }
            }
        }
        let isAppended = value.withUnsafeBytes { value in
            encoded.withUnsafeBytes { headers in
                builder.append(
                    timestamp: Timestamp(milliseconds: 0),
                    key: nil,
                    value: value,
                    headers: headers,
                    headerCount: headerCount
                )
            }
        }
        let partition = log.partition(TopicPartition(topic: topic, partition: .zero))
        guard isAppended, let partition else { throw StoredLogError(description: "the record does not fit") }
        guard case .accepted = log.inbox.offer(builder.seal(compression: compression), to: partition),
            writer.step(waitUpTo: .zero) == .committed
        else { throw StoredLogError(description: "the log does not take the record") }
    }
}

/// The real disk; `onRead` is called before each read of a segment, on the reader's thread.
final class WatchedDisk: Disk {
    struct Watch: Sendable {
        var reads = 0
        var bytes = 0
        var onRead: (@Sendable (_ number: Int) -> Void)?
    }

    let watch = Mutex(Watch())
    private let real = PosixDisk()

    func open(_ path: String, _ mode: OpenMode) throws(DiskError) -> any DiskFile {
        WatchedFile(real: try real.open(path, mode), disk: self)
    }

    func list(_ directory: String) throws(DiskError) -> [String] { try real.list(directory) }
    func createDirectory(_ path: String) throws(DiskError) { try real.createDirectory(path) }
    func rename(_ from: String, to: String) throws(DiskError) { try real.rename(from, to: to) }
    func remove(_ path: String) throws(DiskError) { try real.remove(path) }
    func syncDirectory(_ directory: String) throws(DiskError) {}
    func exists(_ path: String) throws(DiskError) -> Bool { try real.exists(path) }
    func space(at path: String) throws(DiskError) -> DiskSpace { try real.space(at: path) }
}

private final class WatchedFile: DiskFile {
    private let real: any DiskFile
    private let disk: WatchedDisk
    var path: String { real.path }

    init(real: any DiskFile, disk: WatchedDisk) {
        self.real = real
        self.disk = disk
    }

    func size() throws(DiskError) -> Int64 { try real.size() }

    func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int64) throws(DiskError) -> Int {
        if path.hasSuffix(".log") {
            let (onRead, number) = disk.watch.withLock { watch in
                watch.reads += 1
                watch.bytes += buffer.count
                return (watch.onRead, watch.reads)
            }
            onRead?(number)
        }
        return try real.read(into: buffer, at: position)
    }

    func write(_ buffers: [UnsafeRawBufferPointer], at position: Int64) throws(DiskError) {
        try real.write(buffers, at: position)
    }

    /// No test here ends with a power cut.
    func sync() throws(DiskError) {}
    func truncate(to size: Int64) throws(DiskError) { try real.truncate(to: size) }
}
