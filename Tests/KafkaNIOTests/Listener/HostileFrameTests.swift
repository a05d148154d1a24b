// What comes over real sockets and is no request, or lies.
import Foundation
import KafkaNIO
import KafkaProtocol
import NIOCore
import Platform
import Testing

@Suite("Hostile frames at the Kafka listener", .serialized, .timeLimit(.minutes(10)))
struct HostileFrameTests {
    /// Requests of one connection: it ends with the first that is none, so that more would not be looked at.
    private static let burst = 30

    /// Requests of every API and version, as kafka-python makes them.
    private static func goldenRequests() throws -> [[UInt8]] {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("KafkaProtocolTests/Golden")
        return try APITable.all.flatMap { api in
            let text = try String(contentsOf: folder.appendingPathComponent("\(api.name).txt"), encoding: .utf8)
            return try text.split(separator: "\n").map { $0.split(separator: "\t")[1] }.filter { $0 != "-" }.map(bytes)
        }
    }

    private static func bytes(hex: Substring) throws -> [UInt8] {
        try stride(from: 0, to: hex.count, by: 2).map { start in
            let pair = hex.dropFirst(start).prefix(2)
            return try #require(UInt8(pair, radix: 16))
        }
    }

    private static func frame(_ body: [UInt8]) -> ByteBuffer {
        var frame = ByteBuffer()
        frame.writeInteger(Int32(body.count))
        frame.writeBytes(body)
        return frame
    }

    @Test("100,000 mutated requests: none stops the listener, and whoever else is connected is served")
    func mutations() async throws {
        let seed = ProcessInfo.processInfo.environment["FOREBAY_SEED"].flatMap(UInt64.init) ?? 5
        print("FOREBAY_SEED=\(seed)")
        var generator = SeededGenerator(seed: seed)
        let requests = try Self.goldenRequests()
        try #require(requests.count > 200)
        try await SecureListener.run { listener in
            let bystander = try await listener.client()
            /// Requests that were looked at: none is behind the first that is none.
            var looked: UInt64 = 0
            for round in 1... {
                let client = try await listener.client()
                var burst = ByteBuffer()
                for _ in 0..<Self.burst {
                    var request = try #require(requests.randomElement(using: &generator))
                    for _ in 0..<Int.random(in: 1...2, using: &generator) where !request.isEmpty {
                        // The first four bytes, key and version, stay as they are more often than not.
                        let first = Int.random(in: 0..<4, using: &generator) == 0 ? 0 : min(4, request.count - 1)
                        let place = Int.random(in: first..<request.count, using: &generator)
                        switch Int.random(in: 0..<8, using: &generator) {
                        case 0...3: request[place] = UInt8.random(in: 0...255, using: &generator)
                        case 4...5: request[place] = [0, 0x7F, 0x80, 0xFF].randomElement(using: &generator) ?? 0
                        case 6: request.removeSubrange(place...)
                        default: request.insert(UInt8.random(in: 0...255, using: &generator), at: place)
                        }
                    }
                    burst.writeImmutableBuffer(Self.frame(request))
                }
                client.send(burst)
                // Waits for the first answer or the end, so that the listener is kept busy and not only its backlog.
                _ = try await client.response()
                guard round.isMultiple(of: 500) else { continue }
                try #require(try await bystander.isServed())
                let metrics = listener.server.metrics
                looked = metrics.requests.values.reduce(0, +) + (metrics.closed[.unsupported] ?? 0)
                if looked >= 100_000 { break }
            }
            #expect(listener.server.metrics.closed[.malformed] ?? 0 > 10_000)
        }
    }

    @Test(
        "a length that lies ends the connection at once, counted",
        arguments: [Int32(-1), .min, .max, Int32(Limits.requestBytesMax) + 1]
    )
    func lengths(length: Int32) async throws {
        try await SecureListener.run { listener in
            let client = try await listener.client()
            client.send(ByteBuffer(integer: length))
            #expect(try await client.hasEnded())
            #expect(try await listener.hasClosed(1, .frameTooLarge))
        }
    }

    @Test("a request that comes byte by byte is a request")
    func slow() async throws {
        try await SecureListener.run { listener in
            let client = try await listener.client()
            // ApiVersions 0.
            for byte in Self.frame([0, 18, 0, 0, 0, 0, 0, 7, 0xFF, 0xFF]).readableBytesView {
                client.send(ByteBuffer(bytes: [byte]))
                await Task.yield()
            }
            var response = try #require(try await client.response())
            #expect(try response.error() == .none)
        }
    }

    @Test("a key or a version that is not served ends the connection, but for ApiVersions, which says what is")
    func unsupported() async throws {
        try await SecureListener.run { listener in
            for body: [UInt8] in [[0, 24, 0, 0, 0, 0, 0, 7], [0, 0, 0, 2, 0, 0, 0, 7], [0x7F, 0, 0, 0, 0, 0, 0, 7]] {
                let client = try await listener.client()
                client.send(Self.frame(body + [0xFF, 0xFF]))
                #expect(try await client.hasEnded())
            }
            #expect(try await listener.hasClosed(3, .unsupported))
            let client = try await listener.client()
            client.send(Self.frame([0, 18, 0, 99, 0, 0, 0, 7, 0xFF, 0xFF]))
            var response = try #require(try await client.response())
            #expect(try response.error() == .unsupportedVersion)
            #expect(try await client.isServed())
        }
    }

    /// The first bytes of a frame that is no request: a version that is not served.
    private static func part(_ count: Int, of length: Int) -> ByteBuffer {
        var part = ByteBuffer(integer: Int32(length))
        part.writeRepeatingByte(0, count: count)
        return part
    }

    @Test("a request that finds the memory for requests taken waits for it")
    func memory() async throws {
        try await SecureListener.run { listener in
            // One more than there is memory for.
            var holders: [FrameClient] = []
            for _ in 0...Limits.requestMemoryBytesMax / Limits.requestBytesMax {
                let client = try await listener.client()
                client.send(Self.part(Limits.requestBytesMax - 1, of: Limits.requestBytesMax))
                holders.append(client)
            }
            // Until the holders' bytes are there, others find memory.
            var (client, answered): (FrameClient?, UInt64) = (nil, 0)
            for _ in 0..<20 where client == nil {
                let next = try await listener.client()
                next.send(Self.part(1 << 20, of: 1 << 20))
                try await Task.sleep(for: .milliseconds(300))
                let count = listener.server.metrics.closed[.unsupported] ?? 0
                if count == answered { client = next }
                answered = count
            }
            // Small ones need none of it.
            let small = try await listener.client()
            #expect(try await small.isServed())
            for holder in holders { holder.close() }
            #expect(try await #require(client).hasEnded())
            #expect(try await listener.hasClosed(Int(answered) + 1, .unsupported))
        }
    }

    @Test("connections that only announce large requests keep nobody waiting")
    func announced() async throws {
        try await SecureListener.run { listener in
            var holders: [FrameClient] = []
            for _ in 0..<2 * Limits.requestMemoryBytesMax / Limits.requestBytesMax {
                let client = try await listener.client()
                client.send(Self.part(1_024, of: Limits.requestBytesMax))
                holders.append(client)
            }
            while listener.server.metrics.connections < holders.count { await Task.yield() }
            try await Task.sleep(for: .milliseconds(100))
            let client = try await listener.client()
            client.send(Self.part(1 << 20, of: 1 << 20))
            #expect(try await listener.hasClosed(1, .unsupported))
            #expect(listener.server.metrics.connections >= holders.count)
        }
    }

    @Test("requests that together are larger than the memory for requests arrive, whatever comes first of each")
    func together() async throws {
        try await SecureListener.run { listener in
            let first = Limits.requestBytesMax * 5 / 8
            var clients: [FrameClient] = []
            for _ in 0..<2 * Limits.requestMemoryBytesMax / Limits.requestBytesMax {
                let client = try await listener.client()
                client.send(Self.part(first, of: Limits.requestBytesMax))
                clients.append(client)
            }
            try await Task.sleep(for: .milliseconds(500))
            for client in clients { client.send(ByteBuffer(repeating: 0, count: Limits.requestBytesMax - first)) }
            #expect(try await listener.hasClosed(clients.count, .unsupported))
            #expect(listener.server.metrics.closed[.slow] == nil)
        }
    }

    @Test("a request that does not arrive in time ends its connection", .tags(.slow))
    func unfinished() async throws {
        try await SecureListener.run { listener in
            let client = try await listener.client()
            client.send(ByteBuffer(integer: Int32(100)))
            #expect(try await client.hasEnded())
            #expect(try await listener.hasClosed(1, .slow))
        }
    }

    @Test("a request with more elements than anybody has is none")
    func elements() async throws {
        try await SecureListener.run { listener in
            for (count, isServed) in [(19_999, true), (20_001, false)] {
                let client = try await listener.client()
                client.send(.metadata, 4) { body in
                    body.arrayLength(count)
                    for _ in 0..<count { body.string("nobody") }
                    body.boolean(false)
                }
                let response = try await client.response()
                #expect((response != nil) == isServed)
            }
            #expect(try await listener.hasClosed(1, .malformed))
        }
    }

    @Test("a connection that ends in the middle of a request leaves nothing behind")
    func cut() async throws {
        try await SecureListener.run { listener in
            for _ in 0..<200 {
                let client = try await listener.client()
                client.send(Self.part(512 << 10, of: Limits.requestBytesMax))
                client.close()
            }
            // 200 of these together are more than the memory for requests: what was taken for them is given back.
            let client = try await listener.client()
            var large = ByteBuffer(integer: Int32(1 << 20))
            large.writeRepeatingByte(0, count: 1 << 20)
            client.send(large)
            #expect(try await client.hasEnded())
            #expect(try await listener.hasClosed(1, .unsupported))
        }
    }
}
