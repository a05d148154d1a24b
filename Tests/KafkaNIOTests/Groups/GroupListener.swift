// What the tests of groups over the wire share: a listener over a log that can be opened again, and requests.
import CommitLog
import Glibc
import KafkaNIO
import KafkaProtocol
import NIOPosix
import Platform
import Synchronization
import Testing

/// A listener over a log with the topics `plain`, `hidden` and `__consumer_offsets`, which commits every few
/// milliseconds, so that what comes together is committed together.
final class GroupListener: Sendable {
    let server: KafkaServer
    let log: CommitLog
    private let writer: PlatformThread
    private let isOver: LogStop

    private final class LogStop: Sendable {
        let flag = Atomic(false)
    }

    private init(_ directory: ScratchDirectory, _ disk: any Disk) async throws {
        let log = try GroupListener.open(directory, disk, .readWrite)
        self.log = log
        let isOver = LogStop()
        self.isOver = isOver
        writer = PlatformThread(name: "log-writer") {
            let writer = log.makeWriter()
            while !isOver.flag.load(ordering: .relaxed), writer.step(waitUpTo: .milliseconds(50)) != .failed {
                usleep(3000)
            }
            writer.close()
        }
        server = try await KafkaServer.start(
            KafkaListenerConfiguration(listen: try SecureListener.address("127.0.0.1:0")),
            log: log,
            clock: SystemClock(),
            eventLoops: MultiThreadedEventLoopGroup.singleton
        )
    }

    static func open(
        _ directory: ScratchDirectory,
        _ disk: any Disk = PosixDisk(),
        _ access: CommitLog.Access
    ) throws -> CommitLog {
        var topics: [TopicName: TopicConfiguration] = [.consumerOffsets: TopicConfiguration(cleanup: .compact)]
        for name in ["plain", "hidden"] { topics[try #require(TopicName(name))] = TopicConfiguration() }
        return try CommitLog.open(
            LogConfiguration(directory: directory.path, topics: topics),
            disk: disk,
            clock: SystemClock(),
            access: access
        )
    }

    /// Runs `body` with a listener on a free port of loopback; the log is closed afterwards.
    static func run(
        in directory: ScratchDirectory,
        disk: any Disk = PosixDisk(),
        _ body: (GroupListener) async throws -> Void
    ) async throws {
        let listener = try await GroupListener(directory, disk)
        do {
            try await body(listener)
        } catch {
            await listener.stop()
            throw error
        }
        await listener.stop()
    }

    private func stop() async {
        await server.stop()
        isOver.flag.store(true, ordering: .relaxed)
        await writer.joined()
    }

    func client() async throws -> FrameClient {
        try await FrameClient(port: server.port, tls: nil, on: MultiThreadedEventLoopGroup.singleton)
    }

    /// Deletes a topic past the listener, which hears nothing of it.
    func delete(_ topic: String) async throws {
        let name = try #require(TopicName(topic))
        let result = await withCheckedContinuation { continuation in
            log.change(.delete(name)) { continuation.resume(returning: $0) }
        }
        try result.get()
    }

    /// Topics that the log itself has offsets of, whether they are there or not.
    func storedTopics() throws -> Set<String> {
        let clock = SystemClock()
        return try GroupStanding.topics(in: log, at: GroupInstant(monotonic: clock.monotonic(), wall: clock.now()))
    }

    /// What the log itself has of one offset; nil where there is none.
    func stored(_ group: String, _ topic: String) throws -> Int64? {
        let clock = SystemClock()
        let now = GroupInstant(monotonic: clock.monotonic(), wall: clock.now())
        let offsets = try GroupStanding.stored(in: log, at: now).first { $0.group.groupID == group }?.offsets
        return offsets?.first { $0.name == topic }?.partitions.first?.committed.offset
    }
}

/// Waits for what comes by itself.
func eventually(_ condition: () throws -> Bool) async throws -> Bool {
    for _ in 0..<3000 {
        if try condition() { return true }
        try await Task.sleep(for: .milliseconds(10))
    }
    return false
}

extension FrameClient {
    // MARK: Offsets of partition 0

    /// As a consumer without a group.
    func sendCommit(_ group: String, _ topic: String, _ offset: Int64, metadata: String? = nil) {
        send(.offsetCommit, 2) { body in
            body.string(group)
            body.int32(-1)
            body.string("")
            body.int64(-1)
            body.arrayLength(1)
            body.string(topic)
            body.arrayLength(1)
            body.int32(0)
            body.int64(offset)
            body.nullableString(metadata)
        }
    }

    /// The answer to the oldest commit.
    func committed() async throws -> ErrorCode {
        var reader = try #require(try await response())
        _ = (try reader.int32(), try reader.string(), try reader.int32(), try reader.int32())
        return try reader.error()
    }

    func commit(_ group: String, _ topic: String, _ offset: Int64, metadata: String? = nil) async throws -> ErrorCode {
        sendCommit(group, topic, offset, metadata: metadata)
        return try await committed()
    }

    struct FetchedOffset: Equatable {
        var topic: String
        var partition: Int32
        var offset: Int64
        var errorCode = ErrorCode.none
    }

    /// Of partitions of topics, or of all where that is nil.
    func offsets(_ group: String, _ topics: [(name: String, partitions: [Int32])]?) async throws -> [FetchedOffset] {
        send(.offsetFetch, 2) { body in
            body.string(group)
            guard let topics else { return body.int32(-1) }
            body.arrayLength(topics.count)
            for topic in topics {
                body.string(topic.name)
                body.arrayLength(topic.partitions.count)
                for partition in topic.partitions { body.int32(partition) }
            }
        }
        var reader = try #require(try await response())
        var found: [FetchedOffset] = []
        for _ in 0..<(try reader.int32()) {
            let topic = try reader.string()
            for _ in 0..<(try reader.int32()) {
                let (partition, offset) = (try reader.int32(), try reader.int64())
                _ = try reader.nullableString()
                found.append(
                    FetchedOffset(topic: topic, partition: partition, offset: offset, errorCode: try reader.error())
                )
            }
        }
        #expect(try reader.error() == .none)
        return found
    }

    func offset(_ group: String, _ topic: String) async throws -> Int64? {
        try await offsets(group, [(topic, [0])]).first?.offset
    }

    // MARK: Topics

    func create(_ topic: String) async throws -> ErrorCode {
        send(.createTopics, 2) { body in
            body.arrayLength(1)
            body.string(topic)
            body.int32(1)
            body.int16(1)
            body.arrayLength(0)
            body.arrayLength(0)
            body.int32(10_000)
            body.boolean(false)
        }
        var reader = try #require(try await response())
        _ = (try reader.int32(), try reader.int32(), try reader.string())
        return try reader.error()
    }

    /// Makes a topic as soon as what was committed in its name is gone for good.
    func createWhenForgotten(_ topic: String) async throws -> ErrorCode {
        for _ in 0..<3000 {
            let code = try await create(topic)
            if code != .throttlingQuotaExceeded { return code }
            try await Task.sleep(for: .milliseconds(10))
        }
        return .throttlingQuotaExceeded
    }

    func sendDelete(_ topic: String, timeoutMilliseconds: Int32 = 10_000) {
        send(.deleteTopics, 1) { body in
            body.arrayLength(1)
            body.string(topic)
            body.int32(timeoutMilliseconds)
        }
    }

    /// The answer to the oldest deletion.
    func deleted() async throws -> ErrorCode {
        var reader = try #require(try await response())
        _ = (try reader.int32(), try reader.int32(), try reader.string())
        return try reader.error()
    }
}
