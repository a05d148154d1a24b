// Fetches of much: what was read ahead is what is in the log, and memory is held by nobody who waits.
import KafkaNIO
import KafkaProtocol
import NIOCore
import Testing

@Suite("Fetches of much", .serialized, .timeLimit(.minutes(2)))
struct FetchTests {
    private static let batchCount = 30
    private static let valueBytes = 200_000

    /// A batch of one record that says which it is, all through.
    private static func batch(_ number: Int) throws -> ByteBuffer {
        try ProducedBatch.oneRecord(
            (0..<valueBytes / 8).flatMap { index in
                withUnsafeBytes(of: UInt64(number * valueBytes + index).bigEndian, Array.init)
            }
        )
    }

    /// As the log has it: with its offset, which the checksum does not cover.
    private static func stored(_ number: Int) throws -> ByteBuffer {
        var batch = try batch(number)
        batch.setInteger(Int64(number), at: 0)
        return batch
    }

    private func fill(
        _ listener: SecureListener,
        _ numbers: Range<Int> = 0..<batchCount,
        to topic: String = "plain",
        _ partition: Int32 = 0
    ) async throws {
        let producer = try await listener.client()
        for number in numbers {
            let batch = try Self.batch(number)
            producer.send(.produce, 3) { writer in
                writer.nullableString(nil)
                writer.int16(1)
                writer.int32(30_000)
                writer.arrayLength(1)
                writer.string(topic)
                writer.arrayLength(1)
                writer.int32(partition)
                writer.bytes(batch)
            }
            _ = try #require(try await producer.response())
        }
    }

    /// `partitionBytes`: the most of its only partition, where that is not `maxBytes`.
    private func fetch(
        _ client: FrameClient,
        of topic: String = "plain",
        from offset: Int,
        maxBytes: Int32 = 1 << 20,
        partitionBytes: Int32? = nil,
        minBytes: Int32 = 1,
        wait milliseconds: Int32 = 0
    ) {
        client.send(.fetch, 4) { writer in
            writer.int32(-1)
            writer.int32(milliseconds)
            writer.int32(minBytes)
            writer.int32(maxBytes)
            writer.int8(0)
            writer.arrayLength(1)
            writer.string(topic)
            writer.arrayLength(1)
            writer.int32(0)
            writer.int64(Int64(offset))
            writer.int32(partitionBytes ?? maxBytes)
        }
    }

    private func fetchedCode(_ client: FrameClient) async throws -> ErrorCode {
        var reader = try #require(try await client.response())
        return try code(&reader)
    }

    /// Of the only partition of a response.
    private func code(_ reader: inout WireReader) throws -> ErrorCode {
        _ = (try reader.int32(), try reader.int32(), try reader.string(), try reader.int32(), try reader.int32())
        return try reader.error()
    }

    /// The batches that one fetch brings.
    private func fetched(_ client: FrameClient) async throws -> ByteBuffer {
        var reader = try #require(try await client.response())
        let code = try code(&reader)
        #expect(code == .none)
        _ = try reader.int64()
        _ = try reader.int64()
        _ = try reader.int32()
        return try reader.bytes()
    }

    /// Fetches, and compares; the offset behind what came.
    private func take(_ client: FrameClient, from offset: Int, maxBytes: Int32 = 1 << 20) async throws -> Int {
        fetch(client, from: offset, maxBytes: maxBytes)
        return try await end(of: client, from: offset)
    }

    private func end(of client: FrameClient, from offset: Int) async throws -> Int {
        var (rest, next) = (try await fetched(client), offset)
        while rest.readableBytes > 0 {
            let expected = try Self.stored(next)
            let batch = rest.readSlice(length: expected.readableBytes)
            try #require(batch == expected, "batch \(next) of a fetch from \(offset)")
            next += 1
        }
        return next
    }

    @Test("one fetch after the other brings every batch once, as it is stored")
    func sequential() async throws {
        try await SecureListener.run { listener in
            try await fill(listener)
            let client = try await listener.client()
            for maxBytes: Int32 in [1 << 20, 3 << 20, 8 << 20] {
                var offset = 0
                while offset < Self.batchCount {
                    let next = try await take(client, from: offset, maxBytes: maxBytes)
                    try #require(next == min(Self.batchCount, offset + Int(maxBytes) / (Self.valueBytes + 100)))
                    offset = next
                }
            }
        }
    }

    @Test("a consumer that asks for something else than what was read ahead gets what it asks for")
    func seeking() async throws {
        try await SecureListener.run { listener in
            try await fill(listener)
            let client = try await listener.client()
            // Back, forth, less than before, and more.
            #expect(try await take(client, from: 0) == 5)
            #expect(try await take(client, from: 1) == 6)
            #expect(try await take(client, from: 20) == 25)
            #expect(try await take(client, from: 25, maxBytes: 450_000) == 27)
            #expect(try await take(client, from: 2, maxBytes: 2 << 20) == 12)
            // What was read ahead is enough for an answer, though more was asked for: the next one, or the two after it.
            let next = try await take(client, from: 12, maxBytes: 4 << 20)
            #expect(next == 22 || next == 30)
            #expect(try await take(client, from: next, maxBytes: 4 << 20) == 30)
            #expect(try await take(client, from: 30) == 30)
        }
    }

    @Test("a partition that was sought in keeps its place beside one that is read ahead")
    func seekingBesideAnother() async throws {
        try await SecureListener.run { listener in
            let client = try await listener.client()
            #expect(try await client.create("two", partitions: 2) == ErrorCode.none)
            for partition: Int32 in [0, 1] { try await fill(listener, 0..<30, to: "two", partition) }
            var next = [0, 0]
            for round in 0..<20 where next != [30, 30] {
                // Half-way the first one begins anew.
                if round == 3 { next[0] = 1 }
                let before = next
                client.send(.fetch, 4) { writer in
                    for value: Int32 in [-1, 0, 1, 2 << 20] { writer.int32(value) }
                    writer.int8(0)
                    writer.arrayLength(1)
                    writer.string("two")
                    writer.arrayLength(2)
                    for partition in 0..<2 {
                        writer.int32(Int32(partition))
                        writer.int64(Int64(next[partition]))
                        writer.int32(1 << 20)
                    }
                }
                var reader = try #require(try await client.response())
                _ = (try reader.int32(), try reader.int32(), try reader.string(), try reader.int32())
                for _ in 0..<2 {
                    let partition = Int(try reader.int32())
                    #expect(try reader.error() == .none)
                    _ = (try reader.int64(), try reader.int64(), try reader.int32())
                    var rest = try reader.bytes()
                    while rest.readableBytes > 0 {
                        let expected = try Self.stored(next[partition])
                        try #require(rest.readSlice(length: expected.readableBytes) == expected)
                        next[partition] += 1
                    }
                }
                for partition in 0..<2 where before[partition] < 30 {
                    #expect(next[partition] > before[partition], "partition \(partition) in round \(round)")
                }
            }
            #expect(next == [30, 30])
        }
    }

    @Test("what was read ahead for a consumer that leaves is given back")
    func leaving() async throws {
        try await SecureListener.run { listener in
            try await fill(listener)
            // Together three times as much as all fetches may hold.
            for _ in 0..<3 * KafkaNIO.Limits.fetchMemoryBytesMax / Int(1 << 20) {
                let client = try await listener.client()
                try #require(try await take(client, from: 0) == 5)
                client.close()
            }
        }
    }

    @Test("a fetch that waits for more than there is gets what there is in the end, and without a wish at once")
    func leastBytes() async throws {
        try await SecureListener.run { listener in
            try await fill(listener)
            let client = try await listener.client()
            fetch(client, from: 20, maxBytes: 8 << 20, minBytes: 7 << 20, wait: 300)
            #expect(try await end(of: client, from: 20) == 30)
            fetch(client, from: 10, maxBytes: 8 << 20, minBytes: 2 << 20, wait: 600_000)
            #expect(try await end(of: client, from: 10) == 30)
            fetch(client, from: 30, minBytes: 0, wait: 600_000)
            #expect(try await end(of: client, from: 30) == 30)
        }
    }

    @Test("a fetch that waits for more than there is goes on waiting where something comes that is not enough")
    func notEnough() async throws {
        try await SecureListener.run { listener in
            try await fill(listener, 0..<4)
            let client = try await listener.client()
            fetch(client, from: 0, maxBytes: 8 << 20, minBytes: 2 << 20, wait: 600_000)
            try await fill(listener, 4..<12)
            #expect(try await end(of: client, from: 0) >= 11)
        }
    }

    @Test("a fetch that has no room for more is answered, however much it waits for")
    func noRoom() async throws {
        try await SecureListener.run { listener in
            try await fill(listener, 0..<1)
            let client = try await listener.client()
            // Each of them would wait for a minute.
            for _ in 0..<3 {
                fetch(client, from: 0, maxBytes: 1, partitionBytes: 1 << 20, minBytes: 8 << 20, wait: 600_000)
                #expect(try await end(of: client, from: 0) == 1)
            }
        }
    }

    @Test("fetches that wait for more hold no memory meanwhile")
    func waiting() async throws {
        try await SecureListener.run { listener in
            try await fill(listener)
            // Together four times as much as all fetches may hold.
            var waiting: [FrameClient] = []
            for _ in 0..<60 {
                let client = try await listener.client()
                fetch(client, from: 8, maxBytes: 8 << 20, minBytes: 8 << 20, wait: 60_000)
                waiting.append(client)
            }
            let client = try await listener.client()
            #expect(try await take(client, from: 0, maxBytes: 6 << 20) == 30)
            #expect(try await take(client, from: 0, maxBytes: 8 << 20) == 30)
        }
    }

    @Test("beside many that do not read what they asked for, who reads goes on")
    func deaf() async throws {
        try await SecureListener.run { listener in
            try await fill(listener)
            var deaf: [FrameClient] = []
            for _ in 0..<40 {
                let client = try await listener.deafClient()
                for _ in 0..<100 { fetch(client, from: 0, maxBytes: 8 << 20) }
                deaf.append(client)
            }
            // Until nothing is left for a fetch as large as theirs.
            let client = try await listener.client()
            var patience = 200
            while try await take(client, from: 0, maxBytes: 6 << 20) > 1, patience > 0 {
                patience -= 1
                try await Task.sleep(for: .milliseconds(50))
            }
            try #require(patience > 0)
            for offset in 0..<30 { try #require(try await take(client, from: offset, maxBytes: 6 << 20) > offset) }
        }
    }

    @Test("a partition that is named twice is answered once")
    func repeated() async throws {
        try await SecureListener.run { listener in
            try await fill(listener)
            let client = try await listener.client()
            client.send(.fetch, 4) { writer in
                for value: Int32 in [-1, 0, 1, 8 << 20] { writer.int32(value) }
                writer.int8(0)
                writer.arrayLength(1)
                writer.string("plain")
                writer.arrayLength(3)
                for offset in 0..<3 {
                    writer.int32(0)
                    writer.int64(Int64(offset))
                    writer.int32(250_000)
                }
            }
            var reader = try #require(try await client.response())
            _ = (try reader.int32(), try reader.int32(), try reader.string())
            #expect(try reader.int32() == 1)
        }
    }

    @Test("a fetch that waits hears of the end of its topic")
    func deletedTopic() async throws {
        try await SecureListener.run { listener in
            let (client, other) = (try await listener.client(), try await listener.client())
            #expect(try await other.create("made") == ErrorCode.none)
            fetch(client, of: "made", from: 0, wait: 600_000)
            other.send(.deleteTopics, 1) { writer in
                writer.arrayLength(1)
                writer.string("made")
                writer.int32(10_000)
            }
            #expect(try await other.response() != nil)
            #expect(try await fetchedCode(client) == .unknownTopicOrPartition)
        }
    }

    @Test("consumers that stay away after a fetch leave others enough")
    func staying() async throws {
        try await SecureListener.run { listener in
            try await fill(listener)
            var idle: [FrameClient] = []
            for _ in 0..<100 {
                idle.append(try await listener.client())
                try #require(try await take(idle[idle.count - 1], from: 0) == 5)
            }
            let client = try await listener.client()
            #expect(try await take(client, from: 0, maxBytes: 4 << 20) == 20)
            #expect(try await take(client, from: 20, maxBytes: 4 << 20) == 30)
            // Those that come back get what they would have got, from memory or not.
            for client in idle { try #require(try await take(client, from: 5) == 10) }
        }
    }
}
