// Record batches: golden bytes, round trips, limits, and hostile input.
import CommitLog
import Platform
import Testing

@Suite("Record batch")
struct RecordBatchTests {
    private let pool = BatchBufferPool()

    /// Built by hand from KIP-98's layout; the CRC-32C was computed by a bitwise implementation apart.
    @Test("has Kafka's bytes")
    func goldenBytes() throws {
        let builder = BatchBuilder(pool: pool)
        #expect(
            builder.add(timestamp: 1_795_000_000_123, key: "d1", value: "{}", headers: [("input", "lan"), ("x", nil)])
        )
        #expect(builder.add(timestamp: 1_795_000_000_120, key: nil, value: nil))
        let batch = builder.seal(compression: .none)
        let expected: [UInt8] =
            [
                0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, // base offset 0
                0x00, 0x00, 0x00, 0x50, // length 80
                0x00, 0x00, 0x00, 0x00, // leader epoch
                0x02, // magic
            ] + RecordBatchTests.goldenChecksum + [
                0x00, 0x00, // attributes
                0x00, 0x00, 0x00, 0x01, // last offset delta
                0x00, 0x00, 0x01, 0xA1, 0xEE, 0x56, 0x5E, 0x7B, // base timestamp
                0x00, 0x00, 0x01, 0xA1, 0xEE, 0x56, 0x5E, 0x7B, // max timestamp
                0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, // no producer id
                0xFF, 0xFF, // no epoch
                0xFF, 0xFF, 0xFF, 0xFF, // no sequence
                0x00, 0x00, 0x00, 0x02, // two records
                0x2E, // length 23
                0x00, 0x00, 0x00, // attributes, timestamp delta 0, offset delta 0
                0x04, 0x64, 0x31, // key "d1"
                0x04, 0x7B, 0x7D, // value "{}"
                0x04, // two headers
                0x0A, 0x69, 0x6E, 0x70, 0x75, 0x74, 0x06, 0x6C, 0x61, 0x6E, // "input": "lan"
                0x02, 0x78, 0x01, // "x": null
                0x0C, // length 6
                0x00, 0x05, 0x02, // attributes, timestamp delta -3, offset delta 1
                0x01, 0x01, 0x00, // no key, no value, no headers
            ]
        #expect(Array(batch.bytes) == expected)
        #expect(batch.maxTimestamp.milliseconds == 1_795_000_000_123)
    }

    private static let goldenChecksum: [UInt8] = [0xD6, 0xE0, 0xF4, 0x72]

    @Test("gives back what was appended", arguments: [Compression.none, .lz4, .zstd])
    func roundTrip(_ compression: Compression) throws {
        let builder = BatchBuilder(pool: pool)
        for index in 0..<500 {
            let headers: [(String, String?)] = index % 3 == 0 ? [("input", "lan"), ("from", "10.0.0.\(index)")] : []
            let value = "{\"device\":\"d\(index % 7)\",\"readings\":{\"temperature\":\(index)}}"
            #expect(
                builder.add(
                    timestamp: 1000 - Int64(index),
                    key: index % 5 == 0 ? nil : "d\(index)",
                    value: value,
                    headers: headers
                )
            )
        }
        let plainBytes = builder.byteCount
        let batch = builder.seal(compression: compression)
        #expect(builder.recordCount == 0)
        #expect(compression == .none ? batch.byteCount == plainBytes : batch.byteCount < plainBytes)
        let view = try #require(RecordBatchView(batch.bytes))
        #expect(view.header.matchesChecksum(of: batch.bytes))
        #expect(view.header.codec == Int16(compression.rawValue))
        let decoder = RecordDecoder()
        var cursor = try decoder.open(view)
        var count = 0
        while let record = try cursor.next() {
            #expect(record.offset.value == Int64(count))
            #expect(record.timestamp.milliseconds == 1000 - Int64(count))
            #expect((record.key == nil) == (count % 5 == 0))
            let from = RecordHeaders.value(of: "from", in: record).map { String(decoding: $0, as: UTF8.self) }
            #expect(from == (count % 3 == 0 ? "10.0.0.\(count)" : nil))
            count += 1
        }
        #expect(count == 500)
        #expect(view.header.maxTimestamp == 1000)
    }

    @Test("stores what does not shrink without compression")
    func incompressible() throws {
        let builder = BatchBuilder(pool: pool)
        var generator = SeededGenerator(seed: 7)
        let noise = (0..<4000).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        let appended = noise.withUnsafeBytes {
            builder.append(
                timestamp: Timestamp(milliseconds: 1),
                key: nil,
                value: $0,
                headers: .init(start: nil, count: 0),
                headerCount: 0
            )
        }
        #expect(appended)
        let batch = builder.seal(compression: .lz4)
        #expect(try #require(RecordBatchView(batch.bytes)).header.codec == 0)
    }

    @Test("takes a record of the largest size alone, and never a larger one")
    func limits() throws {
        let builder = BatchBuilder(pool: pool)
        let empty = UnsafeRawBufferPointer(start: nil, count: 0)
        let largest = [UInt8](repeating: 0x61, count: Limits.recordBytesMax)
        #expect(BatchBuilder.fits(keyBytes: 0, valueBytes: largest.count, headerBytes: 0))
        #expect(!BatchBuilder.fits(keyBytes: 1, valueBytes: largest.count, headerBytes: 0))
        #expect(!BatchBuilder.fits(keyBytes: Int.max, valueBytes: Int.max, headerBytes: 0))
        #expect(builder.add(timestamp: 1, key: nil, value: "first"))
        let append = { (bytes: UnsafeRawBufferPointer) in
            builder.append(
                timestamp: Timestamp(milliseconds: 1),
                key: nil,
                value: bytes,
                headers: empty,
                headerCount: 0
            )
        }
        #expect(!largest.withUnsafeBytes(append))
        #expect(builder.recordCount == 1)
        _ = builder.seal(compression: .none)
        #expect(largest.withUnsafeBytes(append))
        #expect(!builder.add(timestamp: 1, key: nil, value: String(repeating: "b", count: 100)))
        let batch = builder.seal(compression: .none)
        #expect(batch.byteCount <= Limits.batchBytesMax)
        let beyond = [UInt8](repeating: 0x61, count: Limits.batchBytesMax)
        #expect(!beyond.withUnsafeBytes(append))
        #expect(builder.add(timestamp: 1, key: nil, value: "again"))
    }

    @Test("extreme timestamps survive")
    func timestamps() throws {
        let builder = BatchBuilder(pool: pool)
        let times: [Int64] = [0, .max, .min, -1, .max, 1]
        for time in times { #expect(builder.add(timestamp: time, key: "k", value: "v")) }
        let batch = builder.seal(compression: .none)
        var cursor = try RecordDecoder().open(try #require(RecordBatchView(batch.bytes)))
        var read: [Int64] = []
        while let record = try cursor.next() { read.append(record.timestamp.milliseconds) }
        #expect(read == times)
        #expect(batch.maxTimestamp.milliseconds == .max)
    }

    /// Every byte of the records is flipped in turn, every length cut: the walk ends, with or without damage.
    @Test("walking hostile bytes ends and stays inside", arguments: [Compression.none, .lz4, .zstd])
    func hostile(_ compression: Compression) throws {
        let builder = BatchBuilder(pool: pool)
        for index in 0..<20 {
            #expect(
                builder.add(
                    timestamp: Int64(index),
                    key: "key",
                    value: String(repeating: "v", count: 40),
                    headers: [("a", "b"), ("c", nil)]
                )
            )
        }
        let batch = Array(builder.seal(compression: compression).bytes)
        let decoder = RecordDecoder()
        var damaged = 0
        var walks = 0
        func walk(_ bytes: [UInt8]) {
            bytes.withUnsafeBytes { raw in
                guard let view = RecordBatchView(raw) else { return }
                walks += 1
                do {
                    var cursor = try decoder.open(view)
                    while let record = try cursor.next() {
                        var headers = RecordHeaders(record)
                        while headers.next() != nil {}
                    }
                } catch {
                    damaged += 1
                }
            }
        }
        for index in 57..<batch.count {
            for flip in [UInt8(0x01), 0x80, 0xFF] {
                var bytes = batch
                bytes[index] ^= flip
                walk(bytes)
            }
        }
        for count in 61..<batch.count {
            var bytes = Array(batch[..<count])
            let length = UInt32(count - 12)
            for shift in 0..<4 { bytes[8 + shift] = UInt8(truncatingIfNeeded: length >> UInt32(24 - 8 * shift)) }
            walk(bytes)
        }
        #expect(walks > batch.count)
        #expect(damaged > batch.count / 4)
    }

    @Test("a number that is no codec is named", arguments: [5, 6, 7] as [UInt8])
    func unknownCodec(_ codec: UInt8) throws {
        let builder = BatchBuilder(pool: pool)
        #expect(builder.add(timestamp: 1, key: nil, value: "v"))
        var bytes = Array(builder.seal(compression: .none).bytes)
        bytes[22] = codec
        try bytes.withUnsafeBytes { raw in
            let view = try #require(RecordBatchView(raw))
            let error = #expect(throws: LogError.self) { try RecordDecoder().open(view) }
            #expect(error?.code == .unsupportedCompression)
        }
    }

    @Test("buffers of a burst stay for the next one, and go when none comes")
    func pooling() throws {
        let pool = BatchBufferPool()
        func burst(_ count: Int) {
            let builder = BatchBuilder(pool: pool)
            let text = String(repeating: "v", count: 40_000)
            let batches = (0..<count).map { _ in
                _ = builder.add(timestamp: 1, key: nil, value: text)
                return builder.seal(compression: .none)
            }
            #expect(batches.count == count)
        }
        burst(100)
        let afterBurst = pool.idleBytes
        #expect(afterBurst > 2 * Limits.poolIdleBytesMax && afterBurst <= Limits.poolBytesMax)
        pool.trim()
        burst(100)
        #expect(pool.idleBytes == afterBurst)
        // The second burst needed them all, so that the trim behind it frees none.
        pool.trim()
        #expect(pool.idleBytes == afterBurst)
        pool.trim()
        #expect(pool.idleBytes <= Limits.poolIdleBytesMax && pool.idleBytes > 0)
        burst(1000)
        #expect(pool.idleBytes <= Limits.poolBytesMax)
    }

    /// The vectors of Kafka's own UtilsTest.
    @Test(
        "murmur2 agrees with Kafka's",
        arguments: [
            (Array("21".utf8), -973_932_308), (Array("foobar".utf8), -790_332_482),
            (Array("a-little-bit-long-string".utf8), -985_981_536),
            (Array("a-little-bit-longer-string".utf8), -1_486_304_829),
            (Array("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8".utf8), -58_897_971),
            (Array("abc".utf8), 479_470_107),
        ] as [([UInt8], Int32)]
    )
    func murmur2(_ key: [UInt8], _ hash: Int32) {
        key.withUnsafeBytes { bytes in
            #expect(Partitioner.murmur2(bytes) == hash)
            #expect(Partitioner.partition(key: bytes, count: 7).value == (hash & 0x7FFF_FFFF) % 7)
            #expect(Partitioner.partition(key: bytes, count: 1) == .zero)
        }
    }

    @Test("header entries written in place are those that are appended")
    func headerEntries() throws {
        let key = Array("from".utf8)
        let value = Array("10.1.2.3".utf8)
        var appended: [UInt8] = []
        RecordHeader.append(key: "from", value: nil, to: &appended)
        var written = [UInt8](repeating: 0, count: 64)
        key.withUnsafeBytes { key in
            value.withUnsafeBytes { value in
                RecordHeader.append(key: key, value: value, to: &appended)
                let first = written.withUnsafeMutableBytes { RecordHeader.write(key: key, value: nil, into: $0) }
                #expect(first == 6)
                let second = written.withUnsafeMutableBytes {
                    RecordHeader.write(key: key, value: value, into: UnsafeMutableRawBufferPointer(rebasing: $0[6...]))
                }
                #expect(second == appended.count - 6)
                let cramped = written.withUnsafeMutableBytes {
                    RecordHeader.write(key: key, value: value, into: UnsafeMutableRawBufferPointer(rebasing: $0[..<13]))
                }
                #expect(cramped == nil)
            }
        }
        #expect(Array(written[..<appended.count]) == appended)
    }
}

@Suite("Names")
struct NameTests {
    @Test("directory names split at the last hyphen")
    func directories() throws {
        let name = try #require(TopicPartition(directoryName: "a-b.c_D-9-12"))
        #expect(name.topic.text == "a-b.c_D-9")
        #expect(name.partition.value == 12)
        #expect(name.description == "a-b.c_D-9-12")
        for bad in ["readings", "readings-", "-0", "readings-00", "readings-+1", "a b-0", "..-0", "r-2147483648"] {
            #expect(TopicPartition(directoryName: bad) == nil, "\(bad)")
        }
    }

    @Test("topic names are Kafka's")
    func topics() {
        #expect(TopicName(String(repeating: "a", count: 249)) != nil)
        for bad in ["", ".", "..", "a/b", "ä", String(repeating: "a", count: 250), "a\0"] {
            #expect(TopicName(bad) == nil)
        }
    }
}
