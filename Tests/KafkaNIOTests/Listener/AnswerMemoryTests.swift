// Large answers that nobody reads: how much of them is made, and who is served meanwhile.
import Foundation
import KafkaNIO
import KafkaProtocol
import NIOCore
import NIOPosix
import Testing

@Suite("Memory of answers", .serialized, .timeLimit(.minutes(2)))
struct AnswerMemoryTests {
    private static let topics = (0..<250).map { "topic-\($0)" }
    /// Requests that each silent client sends: as many as may be in work.
    private static let burst = Limits.requestsInFlightMax

    /// DescribeConfigs 1 of all topics, with synonyms: a few kilobytes that ask for more than a megabyte.
    private static func ask(_ writer: inout WireWriter) {
        writer.arrayLength(topics.count)
        for topic in topics {
            writer.int8(ConfigResourceType.topic.rawValue)
            writer.string(topic)
            writer.arrayLength(-1)
        }
        writer.boolean(true)
    }

    private static func burstOfRequests() -> ByteBuffer {
        var writer = WireWriter(isFlexible: false)
        writer.int16(APIKey.describeConfigs.rawValue)
        writer.int16(1)
        writer.int32(1)
        writer.nullableString("tests")
        ask(&writer)
        var burst = ByteBuffer()
        for _ in 0..<Self.burst {
            burst.writeInteger(Int32(writer.buffer.readableBytes))
            burst.writeImmutableBuffer(writer.buffer)
        }
        return burst
    }

    /// A client that sends the burst and reads nothing.
    private static func silentClient(_ listener: SecureListener) async throws -> any Channel {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.autoRead, value: false)
            .channelOption(.socketOption(.so_rcvbuf), value: 4_096)
            .connect(host: "127.0.0.1", port: Int(listener.server.port)).get()
        try await channel.writeAndFlush(burstOfRequests())
        return channel
    }

    /// What the system may hold of what is written to one socket, in bytes.
    private static func socketBytesMax() throws -> Int {
        let text = try String(contentsOfFile: "/proc/sys/net/ipv4/tcp_wmem", encoding: .utf8)
        return try #require(text.split(whereSeparator: \.isWhitespace).last.flatMap { Int($0) })
    }

    private static func makeTopics(_ client: FrameClient) async throws {
        client.sendCreate(topics)
        let codes = try await client.answers().map(\.code)
        try #require(codes.allSatisfy { $0 == .none })
    }

    /// How often configurations were asked for, when it has not changed for a while.
    private static func started(_ listener: SecureListener) async throws -> Int {
        var (before, count): (UInt64, UInt64) = (0, 1)
        while before < count {
            before = count
            try await Task.sleep(for: .milliseconds(500))
            count = max(before, listener.server.metrics.requests[.describeConfigs] ?? 0)
        }
        return Int(count)
    }

    @Test("clients that ask for much and read nothing have little of it made, and others are served")
    func silent() async throws {
        try await SecureListener.run { listener in
            let bystander = try await listener.client()
            try await Self.makeTopics(bystander)
            bystander.send(.describeConfigs, 1, Self.ask)
            let byteCount = try #require(try await bystander.response()).byteCountRemaining
            try #require(byteCount > 512 << 10)
            var silent: [any Channel] = []
            for _ in 0..<60 { silent.append(try await Self.silentClient(listener)) }
            let started = try await Self.started(listener)
            // Of each one more than the system takes, and together no more than the memory for answers.
            let taken = silent.count * (try Self.socketBytesMax() + 2 * byteCount)
            try #require(taken < silent.count * Self.burst * byteCount)
            #expect(started * byteCount <= taken + Limits.answerMemoryBytesMax)
            #expect(listener.server.metrics.closed[.answerMemory] ?? 0 > 0)
            #expect(try await bystander.isServed())
            for channel in silent { try? await channel.close() }
            // The memory is there again.
            var isServed = false
            for _ in 0..<100 where !isServed {
                let client = try await listener.client()
                client.send(.describeConfigs, 1, Self.ask)
                isServed = try await client.response() != nil
            }
            #expect(isServed)
        }
    }

    @Test("a client that reads gets all that it asks for, in the order of its requests")
    func reading() async throws {
        try await SecureListener.run { listener in
            let client = try await listener.client()
            try await Self.makeTopics(client)
            for _ in 0..<3 * Self.burst {
                client.send(.describeConfigs, 1, Self.ask)
                client.send(.heartbeat, 0) { writer in
                    writer.string("nobody")
                    writer.int32(0)
                    writer.string("nobody")
                }
            }
            for _ in 0..<3 * Self.burst {
                let large = try #require(try await client.response())
                let small = try #require(try await client.response())
                try #require(large.byteCountRemaining > 512 << 10 && small.byteCountRemaining < 100)
            }
            #expect(listener.server.metrics.closed.isEmpty)
        }
    }
}
