// Batches of other producers: every codec and framing as independent libraries write it, hostile blocks, and bombs.
import CommitLog
import Platform
import Testing

/// Batches that Tests/Scripts/foreign_batches.py made.
enum Foreign {
    static let gzip = ["gzip", "gzip-two-members"]
    static let snappy = ["snappy-raw", "snappy-xerial"]
    static let lz4 = ["lz4", "lz4-linked-checksums", "lz4-blocks-4m", "lz4-two-frames"]
    static let zstd = ["zstd", "zstd-stream", "zstd-two-frames"]
    static let all = gzip + snappy + lz4 + zstd

    /// Kafka's numbers, with the name of each.
    static let codecs: [(name: String, number: UInt8)] = [("gzip", 1), ("snappy", 2), ("lz4", 3), ("zstd", 4)]

    static func file(_ name: String) throws -> [UInt8] {
        let here = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        return try contents(of: "\(here)/ForeignBatches/\(name)")
    }

    static func batch(_ name: String) throws -> [UInt8] {
        try file("\(name).batch")
    }

    /// The records that every batch holds, as the script has it.
    static let records: [PlainRecord] = (0..<120).map { index in
        let device = "d\(index % 7)"
        let value = String(repeating: "{\"device\":\"\(device)\",\"value\":\(index)}", count: 36)
        return PlainRecord(
            offset: Int64(index),
            timestamp: 1_795_000_000_000 + Int64(index),
            key: Array(device.utf8),
            value: Array(value.utf8)
        )
    }

    /// What these records take without compression: encoded by our own builder, byte for byte the same format.
    static func plainBytes() -> Int {
        let builder = BatchBuilder(pool: BatchBufferPool())
        for record in records {
            let text = { (bytes: [UInt8]?) in bytes.map { String(decoding: $0, as: UTF8.self) } }
            precondition(builder.add(timestamp: record.timestamp, key: text(record.key), value: text(record.value)))
        }
        return builder.byteCount - RecordBatchHeader.byteCount
    }

    /// A batch of `codec` around any block; its checksum is not set, as `open` does not look at it.
    static func batch(codec: UInt8, block: [UInt8]) throws -> [UInt8] {
        var bytes = try Array(batch("gzip")[..<RecordBatchHeader.byteCount]) + block
        bytes[22] = codec
        let length = UInt32(bytes.count - 12)
        for shift in 0..<4 { bytes[8 + shift] = UInt8(truncatingIfNeeded: length >> UInt32(24 - 8 * shift)) }
        return bytes
    }

    /// A block of `codec` that inflates to 65,536 zeros as many times as needed to pass `bytes`.
    static func bomb(_ codec: String, beyond bytes: Int) throws -> [UInt8] {
        let zeros = try file("\(codec).zeros")
        let count = bytes / 65536 + 1
        guard codec == "snappy" else { return Array(repeatElement(zeros, count: count).joined()) }
        // Raw blocks do not follow one another; those of xerial's framing do.
        let length = [0, 0, UInt8(zeros.count >> 8), UInt8(zeros.count & 0xFF)]
        let header: [UInt8] = [0x82] + Array("SNAPPY".utf8) + [0, 0, 0, 0, 1, 0, 0, 0, 1]
        return header + Array(repeatElement(length + zeros, count: count).joined())
    }
}

@Suite("Codecs")
struct CodecTests {
    /// The records of a batch, or the error: nothing else may come of any bytes.
    private func open(_ bytes: [UInt8], _ decoder: RecordDecoder) throws -> [PlainRecord] {
        try bytes.withUnsafeBytes { raw in
            var cursor = try decoder.open(try #require(RecordBatchView(raw)))
            var records: [PlainRecord] = []
            while let record = try cursor.next() { records.append(PlainRecord(record)) }
            return records
        }
    }

    @Test("batches of other producers are read", arguments: Foreign.all)
    func foreign(_ name: String) throws {
        let batch = try Foreign.batch(name)
        let isIntact = try batch.withUnsafeBytes { try #require(RecordBatchView($0)).header.matchesChecksum(of: $0) }
        #expect(isIntact)
        let decoder = RecordDecoder()
        // The second time with the contexts of the first.
        for _ in 0..<2 { #expect(try open(batch, decoder) == Foreign.records) }
    }

    /// liblz4 1.9 refuses a frame without content size after one with it that was cut off, in the same context.
    @Test("a decoder reads every codec, whatever it had to refuse before", arguments: Foreign.all)
    func afterDamage(_ name: String) throws {
        let batch = try Foreign.batch(name)
        let block = batch[RecordBatchHeader.byteCount..<batch.count * 2 / 3]
        let torn = try Foreign.batch(codec: batch[22], block: Array(block))
        let decoder = RecordDecoder()
        for next in Foreign.all {
            #expect(throws: LogError.self) { try open(torn, decoder) }
            #expect(try open(try Foreign.batch(next), decoder) == Foreign.records, "\(next)")
        }
    }

    @Test("the bound is exact: what fills it is read, one byte less is refused", arguments: Foreign.all)
    func exactBound(_ name: String) throws {
        let batch = try Foreign.batch(name)
        let bytes = Foreign.plainBytes()
        #expect(try open(batch, RecordDecoder(inflatedBytesMax: bytes)) == Foreign.records)
        let error = #expect(throws: LogError.self) {
            try open(batch, RecordDecoder(inflatedBytesMax: bytes - 1))
        }
        #expect(error?.code == .damaged)
    }

    @Test("a block that inflates beyond the bound is refused, and the decoder reads on", arguments: Foreign.codecs)
    func bomb(_ codec: String, _ number: UInt8) throws {
        let block = try Foreign.bomb(codec, beyond: Limits.inflatedBytesMax)
        let bytes = try Foreign.batch(codec: number, block: block)
        #expect(bytes.count <= Limits.batchBytesMax)
        let isRefused = { (decoder: RecordDecoder) in
            try bytes.withUnsafeBytes { raw in
                let view = try #require(RecordBatchView(raw))
                do throws(LogError) {
                    _ = try decoder.open(view)
                    return false
                } catch {
                    return error.code == .damaged
                }
            }
        }
        let decoder = RecordDecoder()
        #expect(try isRefused(decoder))
        let honest = try #require(Foreign.all.first { $0.hasPrefix(codec) })
        #expect(try open(try Foreign.batch(honest), decoder) == Foreign.records)
        // The same bytes are a bomb only because of the bound: without it this test would be red.
        #expect(try !isRefused(RecordDecoder(inflatedBytesMax: 2 * Limits.inflatedBytesMax)))
    }

    @Test("a snappy block that declares more than it has room for is refused by its first bytes")
    func snappyDeclaration() throws {
        for declared: [UInt8] in [
            [0xFF, 0xFF, 0xFF, 0xFF, 0x0F], [0x80, 0x80, 0x80, 0x10], [0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
        ] {
            let bytes = try Foreign.batch(codec: 2, block: declared + [0, 0x61])
            #expect(throws: LogError.self) { try open(bytes, RecordDecoder()) }
        }
    }

    @Test("recovery, readers, verify and dump take a segment that other producers filled")
    func segment() throws {
        let directory = try TemporaryDirectory()
        let empty = try LogFixture(directory.path)
        empty.writer.close()
        let path = "\(directory.path)/log/readings-0/00000000000000000000.log"
        var bytes: [UInt8] = []
        for (index, name) in Foreign.all.enumerated() {
            var batch = try Foreign.batch(name)
            let base = UInt64(index * Foreign.records.count)
            for shift in 0..<8 { batch[shift] = UInt8(truncatingIfNeeded: base >> UInt64(56 - 8 * shift)) }
            bytes += batch
        }
        try write(bytes, to: path)

        let fixture = try LogFixture(directory.path)
        try fixture.append(["ours"], compression: .lz4)
        let count = Foreign.all.count * Foreign.records.count
        let records = try LogFixture.records(fixture.log)
        #expect(records.map(\.offset) == (0...Int64(count)).map { $0 })
        #expect(records.dropLast().map(\.value) == Foreign.all.flatMap { _ in Foreign.records.map(\.value) })
        let verification = try LogVerify.run(fixture.log)
        #expect(verification.damage.isEmpty)
        #expect(verification.partitions.first?.records == count + 1)
        fixture.writer.close()

        var dumped = 0
        var isValid = true
        try LogDump.dump(path, disk: PosixDisk()) { item in
            switch item {
            case .record: dumped += 1
            case .invalid: isValid = false
            case .batch, .unwritten: break
            }
        }
        #expect(dumped == count + 1 && isValid)
    }

    @Test("10,000 mutations of each codec's blocks end in records or in an error", arguments: Foreign.codecs)
    func mutations(_ codec: String, _ number: UInt8) throws {
        let planned = 10_000
        var generator = SeededGenerator(seed: testSeed("mutations of \(codec)"))
        let batches = try Foreign.all.filter { $0.hasPrefix(codec) }.map(Foreign.batch)
        let limit = Foreign.plainBytes() * 2
        let decoder = RecordDecoder(inflatedBytesMax: limit)
        var refused = 0
        var read = 0
        for round in 0..<planned {
            let original = Array(batches[round % batches.count][RecordBatchHeader.byteCount...])
            let block = CodecTests.mutated(original, round: round, &generator)
            do {
                let records = try open(try Foreign.batch(codec: number, block: block), decoder)
                let bytes = records.reduce(0) { $0 + ($1.key?.count ?? 0) + ($1.value?.count ?? 0) }
                #expect(bytes <= limit)
                read += 1
            } catch {
                refused += 1
            }
        }
        print("\(codec): \(planned) mutations, \(refused) refused, \(read) read")
        #expect(refused + read == planned)
        #expect(refused > planned / 2)
        // None of them has hurt the decoder.
        #expect(try open(batches[0], decoder) == Foreign.records)
    }

    /// By turns: bytes flipped, the end cut off, a part repeated, all of it noise behind a true beginning, noise alone.
    private static func mutated(_ block: [UInt8], round: Int, _ generator: inout SeededGenerator) -> [UInt8] {
        var bytes = block
        let at = Int.random(in: 0..<block.count, using: &generator)
        func noise(_ count: Int) -> [UInt8] {
            (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        }
        switch round % 8 {
        case 0: bytes.removeLast(block.count - at)
        case 1: bytes.insert(contentsOf: block[at...], at: Int.random(in: 0..<block.count, using: &generator))
        case 2: bytes = Array(block[..<min(at, 24)]) + noise(200)
        case 3: bytes = noise(at % 300)
        default:
            // Half of the flips hit the head, where lengths and sizes are.
            for _ in 0...Int.random(in: 0..<3, using: &generator) {
                let place =
                    Bool.random(using: &generator) ? Int.random(in: 0..<block.count, using: &generator) : at % 32
                bytes[place] ^= UInt8.random(in: 1...255, using: &generator)
            }
        }
        return bytes
    }
}
