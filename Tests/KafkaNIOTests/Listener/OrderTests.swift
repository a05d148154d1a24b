// Requests of one connection: in work together, answered in order; and those that wait for the log.
import KafkaNIO
import KafkaProtocol
import NIOCore
import Platform
import Testing

@Suite("Requests of one connection", .serialized, .timeLimit(.minutes(1)))
struct OrderTests {
    /// Fetch 4 of `plain` from `offset` on.
    private func fetch(_ client: FrameClient, from offset: Int64, wait: Int32) {
        client.send(.fetch, 4) { writer in
            writer.int32(-1)
            writer.int32(wait)
            writer.int32(1)
            writer.int32(1 << 20)
            writer.int8(0)
            writer.arrayLength(1)
            writer.string("plain")
            writer.arrayLength(1)
            writer.int32(0)
            writer.int64(offset)
            writer.int32(1 << 20)
        }
    }

    /// The code, the high watermark, and the bytes of records.
    private func fetched(_ client: FrameClient) async throws -> (ErrorCode, Int64, ByteBuffer) {
        var reader = try #require(try await client.response())
        _ = try reader.int32()
        _ = try reader.int32()
        _ = try reader.string()
        _ = try reader.int32()
        _ = try reader.int32()
        let code = try reader.error()
        let end = try reader.int64()
        _ = try reader.int64()
        _ = try reader.int32()
        return (code, end, try reader.bytes())
    }

    /// One record, as a producer sends it.
    private func batch() throws -> ByteBuffer {
        try ProducedBatch.oneRecord(Array("value".utf8))
    }

    /// Produce 3 into `topic`.
    private func produce(
        _ client: FrameClient,
        _ records: ByteBuffer,
        acks: Int16,
        topic: String = "plain",
        timeout milliseconds: Int32 = 30_000
    ) {
        client.send(.produce, 3) { writer in
            writer.nullableString(nil)
            writer.int16(acks)
            writer.int32(milliseconds)
            writer.arrayLength(1)
            writer.string(topic)
            writer.arrayLength(1)
            writer.int32(0)
            writer.bytes(records)
        }
    }

    private func produced(_ client: FrameClient) async throws -> (ErrorCode, Int64) {
        var reader = try #require(try await client.response())
        _ = try reader.int32()
        _ = try reader.string()
        _ = try reader.int32()
        _ = try reader.int32()
        return (try reader.error(), try reader.int64())
    }

    @Test("a waiting fetch is woken by the commit, and holds back the answers behind it, not the requests")
    func waiting() async throws {
        try await SecureListener.run { listener in
            let (consumer, producer) = (try await listener.client(), try await listener.client())
            fetch(consumer, from: 0, wait: 600_000)
            // Behind the fetch: it takes effect at once, and is what the fetch waits for.
            produce(consumer, try batch(), acks: 1)
            let (code, end, records) = try await fetched(consumer)
            #expect(code == .none)
            #expect(end == 1)
            #expect(records == (try batch()))
            #expect(try await produced(consumer) == (.none, 0))
            // And from elsewhere.
            fetch(consumer, from: 1, wait: 600_000)
            produce(producer, try batch(), acks: -1)
            #expect(try await produced(producer) == (.none, 1))
            #expect(try await fetched(consumer).1 == 2)
        }
    }

    @Test("thousands of requests behind one that waits are answered one after the other, not one within the other")
    func backlog() async throws {
        try await SecureListener.run { listener in
            let (consumer, producer) = (try await listener.client(), try await listener.client())
            fetch(consumer, from: 0, wait: 600_000)
            // ApiVersions 0, as small as a request gets.
            var burst = ByteBuffer()
            for _ in 0..<20_000 {
                burst.writeInteger(Int32(10))
                burst.writeBytes([0, 18, 0, 0, 0, 0, 0, 7, 0xFF, 0xFF])
            }
            consumer.send(burst)
            produce(producer, try batch(), acks: -1)
            #expect(try await produced(producer) == (.none, 0))
            #expect(try await fetched(consumer).1 == 1)
            for _ in 0..<20_000 {
                var response = try #require(try await consumer.response())
                try #require(try response.error() == .none)
            }
        }
    }

    @Test("what cannot be fetched is answered at once, however long the client would wait")
    func outOfRange() async throws {
        try await SecureListener.run { listener in
            let client = try await listener.client()
            fetch(client, from: 7, wait: 600_000)
            #expect(try await fetched(client).0 == .offsetOutOfRange)
        }
    }

    @Test("a producer is told when its commit takes longer than it waits, and may send the same again")
    func patience() async throws {
        try await SecureListener.run { listener in
            let client = try await listener.client()
            produce(client, try batch(of: 7, 0), acks: 1)
            #expect(try await produced(client) == (.none, 0))
            listener.isFrozen.set(true)
            try await Task.sleep(for: .milliseconds(100))
            produce(client, try batch(of: 7, 1), acks: 1, timeout: 200)
            #expect(try await produced(client) == (.requestTimedOut, -1))
            listener.isFrozen.set(false)
            for _ in 0..<2 {
                produce(client, try batch(of: 7, 1), acks: 1)
                #expect(try await produced(client) == (.none, 1))
            }
            produce(client, try batch(of: 7, 2), acks: 1)
            #expect(try await produced(client) == (.none, 2))
        }
    }

    @Test("a batch of an idempotent producer is not taken behind one that was refused for the time being")
    func missing() async throws {
        try await SecureListener.run { listener in
            let client = try await listener.client()
            func outcome(_ sequence: Int32, id: Int64 = 7) async throws -> ErrorCode {
                produce(client, try batch(of: id, sequence), acks: -1, topic: "late")
                return try await produced(client).0
            }
            #expect(try await outcome(2) == .unknownTopicOrPartition)
            #expect(try await outcome(0) == .unknownTopicOrPartition)
            #expect(try await client.create("late") == ErrorCode.none)
            #expect(try await outcome(1) == .outOfOrderSequenceNumber)
            #expect(try await outcome(5, id: 8) == .none)
            for sequence: Int32 in 0..<4 { #expect(try await outcome(sequence) == .none) }
        }
    }

    /// The batch as an idempotent producer sends it, epoch 0.
    private func batch(of id: Int64, _ sequence: Int32) throws -> ByteBuffer {
        var batch = try batch()
        batch.setInteger(id, at: 43)
        batch.setInteger(Int16(0), at: 51)
        batch.setInteger(sequence, at: 53)
        let covered = try #require(batch.getSlice(at: 21, length: batch.readableBytes - 21))
        batch.setInteger(covered.withUnsafeReadableBytes { CRC32C.checksum($0) }, at: 17)
        return batch
    }

    @Test("a place that is asked for twice is not looked up, the others are")
    func repeatedPlaces() async throws {
        try await SecureListener.run { listener in
            let client = try await listener.client()
            client.send(.listOffsets, 1) { writer in
                writer.int32(-1)
                writer.arrayLength(2)
                for (topic, timestamps) in [("plain", [Int64(-1), 0]), ("hidden", [-1])] {
                    writer.string(topic)
                    writer.arrayLength(timestamps.count)
                    for timestamp in timestamps {
                        writer.int32(0)
                        writer.int64(timestamp)
                    }
                }
            }
            var reader = try #require(try await client.response())
            var codes: [ErrorCode] = []
            for _ in 0..<(try reader.int32()) {
                _ = try reader.string()
                for _ in 0..<(try reader.int32()) {
                    _ = try reader.int32()
                    codes.append(try reader.error())
                    _ = (try reader.int64(), try reader.int64())
                }
            }
            #expect(codes == [.invalidRequest, .invalidRequest, .none])
        }
    }

    @Test("a hundred requests at once are answered, each in its turn")
    func pipelined() async throws {
        try await SecureListener.run { listener in
            let client = try await listener.client()
            for _ in 0..<100 { produce(client, try batch(), acks: -1) }
            for offset in 0..<100 { #expect(try await produced(client) == (.none, Int64(offset))) }
        }
    }

    @Test("without acknowledgement there is no answer, and a failure closes the connection")
    func silent() async throws {
        try await SecureListener.run { listener in
            let client = try await listener.client()
            produce(client, try batch(), acks: 0)
            #expect(try await client.isServed())
            produce(client, try batch(), acks: 0, topic: "absent")
            #expect(try await client.hasEnded())
            #expect(try await listener.hasClosed(1, .failedSilentProduce))
        }
    }

    @Test("Forebay's own topics and damaged batches are refused by name")
    func refused() async throws {
        try await SecureListener.run { listener in
            let client = try await listener.client()
            produce(client, try batch(), acks: 1, topic: "alerts")
            #expect(try await produced(client).0 == .topicAuthorizationFailed)
            var damaged = try batch()
            damaged.setInteger(UInt8(0xFF), at: damaged.writerIndex - 1)
            produce(client, damaged, acks: 1)
            #expect(try await produced(client).0 == .corruptMessage)
            produce(client, try batch(), acks: 2)
            #expect(try await produced(client).0 == .invalidRequiredAcks)
            produce(client, ByteBuffer(), acks: 1)
            #expect(try await produced(client).0 == .invalidRecord)
        }
    }
}
