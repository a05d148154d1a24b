// Batches of Kafka producers on their way in: real ones are taken as they are, and nothing that is wrong comes through.
import CommitLog
import Platform
import Testing

/// Batches that Tests/Scripts/producer_batches.py had real producers send.
enum Producers {
    static let clients = ["librdkafka", "kafka-python", "aiokafka"]
    static let codecs = ["none", "gzip", "snappy", "lz4", "zstd"]
    /// All but the one that the script leaves out.
    static let all = clients.flatMap { client in codecs.map { "\(client)-\($0)" } }.filter {
        $0 != "kafka-python-snappy"
    }

    private static let time: Int64 = 1_795_000_000_000

    /// What each of them holds.
    static let records: [PlainRecord] = [
        PlainRecord(offset: 0, timestamp: time, key: bytes("d1"), value: bytes("first", 20)),
        PlainRecord(offset: 1, timestamp: time + 5, key: nil, value: bytes("second", 20)),
        PlainRecord(offset: 2, timestamp: time + 9000, key: bytes("d3"), value: nil),
        PlainRecord(offset: 3, timestamp: time - 7, key: [], value: []),
        PlainRecord(offset: 4, timestamp: time + 1, key: bytes("d5"), value: bytes("fifth", 200)),
    ]

    private static func bytes(_ text: String, _ count: Int = 1) -> [UInt8] {
        Array(repeatElement(Array(text.utf8), count: count).joined())
    }
}

@Suite("Foreign batch")
struct ForeignBatchTests {
    private let pool = BatchBufferPool()

    /// What is wrong with a batch that was taken; nil where readers find in it what its header says.
    private static func fault(in bytes: [UInt8], _ decoder: RecordDecoder) -> String? {
        bytes.withUnsafeBytes { raw in
            guard let batch = RecordBatchView(raw), batch.bytes.count == raw.count else { return "no batch" }
            guard batch.header.matchesChecksum(of: raw) else { return "checksum" }
            guard var cursor = try? decoder.open(batch) else { return "does not open" }
            var count: Int64 = 0
            var latest = Int64.min
            do {
                while let record = try cursor.next() {
                    guard record.offset.value == batch.header.baseOffset + count else {
                        return "offset \(record.offset)"
                    }
                    latest = max(latest, record.timestamp.milliseconds)
                    count += 1
                }
            } catch {
                return "record \(count)"
            }
            guard count == batch.header.recordCount, count == batch.header.lastOffsetDelta + 1 else { return "count" }
            return latest == batch.header.maxTimestamp ? nil : "largest timestamp"
        }
    }

    // MARK: - Real ones

    @Test("what producers send is stored byte for byte but for the stamp, and read back", arguments: Producers.all)
    func real(_ name: String) throws {
        let sent = try Foreign.batch(name)
        let directory = try TemporaryDirectory()
        let fixture = try LogFixture(directory.path, disk: FaultyDisk.withoutZeros)
        try fixture.append(["before"])
        let sealed = try ForeignBatch.sealed(sent, pool: fixture.log.pool)
        #expect(Array(sealed.bytes) == sent)
        #expect(sealed.recordCount == 5 && sealed.producer == nil)
        #expect(sealed.maxTimestamp.milliseconds == 1_795_000_009_000)
        guard case .accepted = fixture.log.inbox.offer(sealed, to: try fixture.partition()) else {
            throw FixtureError.refused
        }
        #expect(fixture.writer.step(waitUpTo: .zero) == .committed)
        #expect(sealed.baseOffset == Offset(1))
        let stored = Array(
            try contents(of: "\(directory.path)/log/readings-0/00000000000000000000.log").suffix(sent.count)
        )
        #expect(stored[..<8] == [0, 0, 0, 0, 0, 0, 0, 1] && stored[12..<16] == [0, 0, 0, 0])
        #expect(stored[8..<12] == sent[8..<12] && stored[16...] == sent[16...])
        let records = try LogFixture.records(fixture.log).dropFirst()
        #expect(records.map(\.offset) == [1, 2, 3, 4, 5])
        for (found, wanted) in zip(records, Producers.records) {
            #expect(found.key == wanted.key && found.value == wanted.value && found.timestamp == wanted.timestamp)
        }
        #expect(try !LogVerify.run(fixture.log).hasUnknownDamage)
    }

    @Test("every codec and framing that the log reads is taken", arguments: Foreign.all)
    func framings(_ name: String) throws {
        let sent = try Foreign.batch(name)
        let sealed = try ForeignBatch.sealed(sent, pool: pool)
        #expect(Array(sealed.bytes) == sent && sealed.recordCount == 120)
    }

    @Test("the producer of an idempotent batch is known", arguments: Producers.clients)
    func idempotent(_ client: String) throws {
        let batches = try (1...3).map { number in
            try ForeignBatch.sealed(try Foreign.batch("\(client)-idempotent-\(number)"), pool: pool)
        }
        let producers = try batches.map { try #require($0.producer) }
        #expect(producers.map(\.baseSequence) == [0, 3, 5])
        #expect(Set(producers.map(\.id)).count == 1 && producers.allSatisfy { $0.epoch == 0 && $0.id >= 0 })
    }

    @Test("zstd is refused where the request is older than it")
    func oldRequests() throws {
        let rules = ForeignBatch.Rules(allowsZstandard: false)
        #expect(ForeignBatch.refusal(of: try Foreign.batch("zstd"), rules) == .unsupportedCompression(codec: 4))
        for name in ["gzip", "snappy-xerial", "lz4", "librdkafka-none"] {
            #expect(ForeignBatch.refusal(of: try Foreign.batch(name), rules) == nil)
        }
    }

    // MARK: - Wrong ones

    /// A batch of three, changed; its checksum is true.
    struct Wrong: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var bytes: [UInt8]
        var refusal: BatchRefusal

        init(_ description: String, _ refusal: BatchRefusal, _ change: (inout MadeBatch) -> Void) {
            testDescription = description
            self.refusal = refusal
            var batch = MadeBatch(count: 3)
            change(&batch)
            bytes = batch.bytes
        }
    }

    private static func record(_ index: Int32, _ fault: RecordRefusal.Fault) -> BatchRefusal {
        .invalidRecords([RecordRefusal(index: index, fault: fault)])
    }

    static let wrong: [Wrong] = [
        Wrong("magic 1", .invalid(.magic)) { $0.magic = 1 },
        Wrong("codec 5", .unsupportedCompression(codec: 5)) { $0.attributes = 5 },
        Wrong("codec 7", .unsupportedCompression(codec: 7)) { $0.attributes = 7 },
        Wrong("transactional", .transactional) { $0.attributes = 0x10 },
        Wrong("control", .invalid(.control)) { $0.attributes = 0x20 },
        Wrong("delete horizon", .invalid(.attributes)) { $0.attributes = 0x40 },
        Wrong("bit 15", .invalid(.attributes)) { $0.attributes = .min },
        Wrong("append time", .invalidTimestamp(.appendTime)) { $0.attributes = 0x08 },
        Wrong("base offset 1", .invalid(.baseOffset)) { $0.baseOffset = 1 },
        Wrong("base offset -1", .invalid(.baseOffset)) { $0.baseOffset = -1 },
        Wrong("no records", .invalid(.recordCount)) { $0.records = [] },
        Wrong("count 0", .invalid(.recordCount)) { $0.recordCount = 0 },
        Wrong("count -1", .invalid(.recordCount)) { $0.recordCount = -1 },
        Wrong("count 4 for delta 2", .invalid(.recordCount)) { $0.recordCount = 4 },
        Wrong("largest count, smallest delta", .invalid(.recordCount)) { batch in
            batch.recordCount = .min
            batch.lastOffsetDelta = .max
        },
        Wrong("four promised", record(3, .length)) { batch in
            batch.recordCount = 4
            batch.lastOffsetDelta = 3
        },
        Wrong("2^31 - 1 promised", record(3, .length)) { batch in
            batch.recordCount = .max
            batch.lastOffsetDelta = .max - 1
        },
        Wrong("two promised", .invalid(.trailingBytes)) { batch in
            batch.recordCount = 2
            batch.lastOffsetDelta = 1
        },
        Wrong("a byte too many", .invalid(.trailingBytes)) { $0.trailing = [0] },
        Wrong("producer without epoch", .invalid(.producer)) { batch in
            batch.producerID = 7
            batch.baseSequence = 0
        },
        Wrong("producer without sequence", .invalid(.producer)) { batch in
            batch.producerID = 7
            batch.producerEpoch = 0
        },
        Wrong("a length too large", record(2, .length)) { $0.records[2].lengthError = 1 },
        Wrong("length 0", record(0, .length)) { $0.records[0].lengthError = -Int64($0.records[0].encoded.count - 1) },
        Wrong("length -1", record(0, .length)) { $0.records[0].lengthError = -Int64($0.records[0].encoded.count) },
        Wrong("length of 64 bits", record(0, .length)) { $0.records[0].lengthError = .max - 100 },
        Wrong("offset deltas 0 0 2", record(1, .offsetDelta)) { $0.records[1].offsetDelta = 0 },
        Wrong("offset deltas 0 2 2", record(1, .offsetDelta)) { $0.records[1].offsetDelta = 2 },
        Wrong("offset delta -1", record(0, .offsetDelta)) { $0.records[0].offsetDelta = -1 },
        Wrong("offset delta 2^32", record(0, .offsetDelta)) { $0.records[0].offsetDelta = 1 << 32 },
        Wrong("key length -2", record(1, .field)) { $0.records[1].body = [3, 1, 0] },
        Wrong("key beyond the record", record(1, .field)) { $0.records[1].body = [8, 1, 0] },
        Wrong("value beyond the record", record(1, .field)) { $0.records[1].body = [1, 8, 0] },
        Wrong("no value", record(1, .field)) { $0.records[1].body = [1] },
        Wrong("no header count", record(1, .headers)) { $0.records[1].body = [1, 1] },
        Wrong("header count -1", record(1, .headers)) { $0.records[1].headerCount = -1 },
        Wrong("header count 2^31 - 1", record(1, .headers)) { $0.records[1].headerCount = Int64(Int32.max) },
        Wrong("header count 2^40", record(1, .headers)) { $0.records[1].headerCount = 1 << 40 },
        Wrong("header without a key", record(1, .headers)) { $0.records[1].headers = [(nil, [1])] },
        Wrong("header value beyond the record", record(1, .headers)) { $0.records[1].body = [1, 1, 2, 2, 0x61, 8] },
        Wrong("bytes after the headers", record(1, .headers)) { $0.records[1].body = [1, 1, 0, 0] },
        Wrong("timestamp beyond 64 bits", record(2, .timestamp)) { $0.records[2].timestampDelta = .max },
        Wrong("two records", .invalidRecords([.init(index: 0, fault: .headers), .init(index: 2, fault: .offsetDelta)]))
        {
            $0.records[0].headers = [(nil, nil)]
            $0.records[2].offsetDelta = 5
        },
        Wrong("gzip that is none", .invalid(.inflation)) { $0.attributes = 1 },
        Wrong("snappy that is none", .invalid(.inflation)) { $0.attributes = 2 },
        Wrong("lz4 that is none", .invalid(.inflation)) { $0.attributes = 3 },
        Wrong("zstd that is none", .invalid(.inflation)) { $0.attributes = 4 },
    ]

    @Test("what is wrong is refused for what is wrong with it", arguments: wrong)
    func refusals(_ wrong: Wrong) {
        #expect(ForeignBatch.refusal(of: wrong.bytes, pool: pool) == wrong.refusal)
        #expect(!wrong.refusal.description.isEmpty)
        // The same batch without its fault is taken, or this would show nothing.
        #expect(ForeignBatch.refusal(of: MadeBatch(count: 3).bytes, pool: pool) == nil)
    }

    @Test(
        "a largest timestamp that is not that of the records is set right, and nothing else is changed",
        arguments: [.max, .min, -1, 1_795_000_000_001] as [Int64]
    )
    func largestTimestamp(_ timestamp: Int64) throws {
        var batch = MadeBatch(count: 3)
        let right = batch.bytes
        batch.maxTimestamp = timestamp
        let sealed = try ForeignBatch.sealed(batch.bytes, pool: pool)
        #expect(Array(sealed.bytes) == right)
        let header = try #require(RecordBatchHeader(sealed.bytes))
        #expect(sealed.maxTimestamp.milliseconds == header.maxTimestamp)
    }

    @Test("the first thing that is wrong decides")
    func order() {
        var batch = MadeBatch(count: 3)
        batch.magic = 1
        batch.attributes = 0x7F
        batch.baseOffset = 9
        batch.recordCount = 0
        let small = ForeignBatch.Rules(byteCountMax: 70)
        var bytes = batch.bytes
        bytes[17] ^= 1
        #expect(ForeignBatch.refusal(of: []) == .invalid(.noBatch))
        #expect(ForeignBatch.refusal(of: Array(bytes.dropLast()), small) == .corrupt(.length))
        #expect(ForeignBatch.refusal(of: bytes + [0], small) == .invalid(.severalBatches))
        #expect(ForeignBatch.refusal(of: bytes + bytes, small) == .invalid(.severalBatches))
        let tooLarge = BatchRefusal.tooLarge(byteCount: bytes.count, byteCountMax: 70)
        #expect(ForeignBatch.refusal(of: bytes, small) == tooLarge)
        #expect(ForeignBatch.refusal(of: bytes) == .invalid(.magic))
        bytes[16] = 2
        #expect(ForeignBatch.refusal(of: bytes) == .corrupt(.checksum))
        batch.magic = 2
        let steps: [(BatchRefusal, (inout MadeBatch) -> Void)] = [
            (.unsupportedCompression(codec: 7), { $0.attributes = 0x78 }), (.transactional, { $0.attributes = 0x68 }),
            (.invalid(.control), { $0.attributes = 0x48 }), (.invalid(.attributes), { $0.attributes = 0x08 }),
            (.invalidTimestamp(.appendTime), { $0.attributes = 0 }), (.invalid(.baseOffset), { $0.baseOffset = 0 }),
            (.invalid(.recordCount), { $0.recordCount = nil }),
        ]
        for (refusal, mend) in steps {
            #expect(ForeignBatch.refusal(of: batch.bytes) == refusal)
            mend(&batch)
        }
        #expect(ForeignBatch.refusal(of: batch.bytes) == nil)
    }

    @Test("the largest batch is taken, one byte more is refused, whatever the topic allows")
    func largest() {
        var batch = MadeBatch(count: 1)
        let overhead = { batch.bytes.count - (batch.records[0].value?.count ?? 0) }
        batch.records[0].value = [UInt8](repeating: 0x61, count: 999_000)
        batch.records[0].value = [UInt8](repeating: 0x61, count: Limits.batchBytesMax - overhead())
        #expect(batch.bytes.count == Limits.batchBytesMax)
        #expect(ForeignBatch.refusal(of: batch.bytes) == nil)
        batch.records[0].value?.append(0x61)
        let rules = ForeignBatch.Rules(byteCountMax: .max)
        let refusal = BatchRefusal.tooLarge(byteCount: Limits.batchBytesMax + 1, byteCountMax: Limits.batchBytesMax)
        #expect(ForeignBatch.refusal(of: batch.bytes, rules) == refusal)
        let three = MadeBatch(count: 3).bytes
        #expect(ForeignBatch.refusal(of: three, .init(byteCountMax: three.count)) == nil)
        #expect(ForeignBatch.refusal(of: three, .init(byteCountMax: three.count - 1)) != nil)
    }

    @Test("a compacted topic names every record without a key, and an empty key is one")
    func keys() {
        var batch = MadeBatch(count: 6)
        batch.records[1].key = nil
        batch.records[2].key = []
        batch.records[5].key = nil
        #expect(ForeignBatch.refusal(of: batch.bytes) == nil)
        let expected = [1, 5].map { RecordRefusal(index: $0, fault: .noKey) }
        #expect(ForeignBatch.refusal(of: batch.bytes, .init(requiresKeys: true)) == .invalidRecords(expected))
        var long = MadeBatch(count: Limits.recordRefusalsMax + 1000)
        for index in long.records.indices { long.records[index].key = nil }
        guard case .invalidRecords(let named)? = ForeignBatch.refusal(of: long.bytes, .init(requiresKeys: true)) else {
            Issue.record("taken")
            return
        }
        #expect(named.map(\.index) == (0..<Int32(Limits.recordRefusalsMax)).map { $0 })
    }

    @Test(
        "a batch that inflates beyond the bound is refused, and the next honest one is taken",
        arguments: Foreign.codecs
    )
    func bombs(_ codec: String, _ number: UInt8) throws {
        let block = try Foreign.bomb(codec, beyond: Limits.inflatedBytesMax)
        let bomb = MadeBatch.checksummed(try Foreign.batch(codec: number, block: block))
        #expect(bomb.count <= Limits.batchBytesMax)
        #expect(ForeignBatch.refusal(of: bomb, pool: pool) == .invalid(.inflation))
        // Half of it inflates, and is refused for what it holds: so the bound it was.
        let half = try Foreign.bomb(codec, beyond: Limits.inflatedBytesMax / 2)
        let harmless = MadeBatch.checksummed(try Foreign.batch(codec: number, block: half))
        guard case .invalidRecords? = ForeignBatch.refusal(of: harmless, pool: pool) else {
            Issue.record("not refused for its records")
            return
        }
        let honest = try #require(Foreign.all.first { $0.hasPrefix(codec) })
        #expect(ForeignBatch.refusal(of: try Foreign.batch(honest), pool: pool) == nil)
    }

    // MARK: - Any bytes

    private static let samples = Producers.all + ["librdkafka-idempotent-1", "zstd-two-frames", "gzip-two-members"]

    @Test("every truncation is refused", arguments: samples)
    func truncations(_ name: String) throws {
        let batch = try Foreign.batch(name)
        for count in 0..<batch.count {
            let expected: BatchRefusal = count == 0 ? .invalid(.noBatch) : .corrupt(.length)
            #expect(ForeignBatch.refusal(of: Array(batch[..<count]), pool: pool) == expected)
            // With a length and a checksum that are true for what is left.
            guard count > RecordBatchHeader.byteCount else { continue }
            var cut = Array(batch[..<count])
            for shift in 0..<4 { cut[8 + shift] = UInt8(truncatingIfNeeded: (count - 12) >> (24 - 8 * shift)) }
            #expect(ForeignBatch.refusal(of: MadeBatch.checksummed(cut), pool: pool) != nil)
        }
    }

    @Test("a changed byte is noticed by the checksum, or lies outside of it", arguments: samples)
    func changedBytes(_ name: String) throws {
        let batch = try Foreign.batch(name)
        for index in batch.indices {
            for change: UInt8 in [0x01, 0x80, 0xFF, 0x55] {
                var changed = batch
                changed[index] ^= change
                let refusal = ForeignBatch.refusal(of: changed, pool: pool)
                switch index {
                case 0..<8: #expect(refusal == .invalid(.baseOffset))
                case 8..<12: #expect(refusal == .corrupt(.length) || refusal == .invalid(.severalBatches))
                case 12..<16: #expect(refusal == nil)
                case 16: #expect(refusal == .invalid(.magic))
                default: #expect(refusal == .corrupt(.checksum))
                }
            }
        }
    }

    @Test("a changed byte under a true checksum is refused, or the batch is still right", arguments: samples)
    func changedBytesUnderTrueChecksum(_ name: String) throws {
        let batch = try Foreign.batch(name)
        let decoder = RecordDecoder()
        for index in 16..<min(batch.count, 400) {
            for value: UInt8 in [0, 1, 2, 0x7F, 0x80, 0xFF, batch[index] ^ 1, batch[index] &+ 1] {
                var changed = batch
                changed[index] = value
                changed = MadeBatch.checksummed(changed)
                if let sealed = try? ForeignBatch.sealed(changed, pool: pool) {
                    #expect(Self.fault(in: Array(sealed.bytes), decoder) == nil, "byte \(index) is \(value)")
                }
            }
        }
    }

    /// By turns: bytes of the head, of the records or of all changed; a part doubled, cut out or moved; counts that lie.
    private static func mutated(_ batch: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
        var bytes = batch
        let body = RecordBatchHeader.byteCount..<batch.count
        switch Int.random(in: 0..<6, using: &generator) {
        case 0:
            let at = Int.random(in: body, using: &generator)
            bytes.insert(contentsOf: batch[at..<min(batch.count, at + 20)], at: Int.random(in: body, using: &generator))
        case 1:
            let at = Int.random(in: body, using: &generator)
            bytes.removeSubrange(at..<min(batch.count, at + Int.random(in: 1..<9, using: &generator)))
        case 2:
            let count = UInt8.random(in: 0..<8, using: &generator)
            bytes[26] = count &- 1
            bytes[60] = count
        default:
            for _ in 0...Int.random(in: 0..<3, using: &generator) {
                let isHead = Int.random(in: 0..<4, using: &generator) == 0
                let place =
                    isHead ? Int.random(in: 21..<61, using: &generator) : Int.random(in: body, using: &generator)
                bytes[place] ^= UInt8(1) << UInt8.random(in: 0..<8, using: &generator)
            }
        }
        let length = UInt32(bytes.count - 12)
        for shift in 0..<4 { bytes[8 + shift] = UInt8(truncatingIfNeeded: length >> UInt32(24 - 8 * shift)) }
        return MadeBatch.checksummed(bytes)
    }

    /// What 100,000 mutations with true checksums came to; `stored`: what is made of one, nil where it is refused.
    private func mutate(
        _ seed: UInt64,
        count: Int,
        _ stored: ([UInt8]) -> [UInt8]?
    ) throws -> (taken: Int, wrong: Int) {
        var generator = SeededGenerator(seed: seed)
        let batches = try Self.samples.map(Foreign.batch)
        let decoder = RecordDecoder()
        var outcome = (taken: 0, wrong: 0)
        for round in 0..<count {
            let bytes = Self.mutated(batches[round % batches.count], &generator)
            guard let taken = stored(bytes) else { continue }
            outcome.taken += 1
            if let fault = Self.fault(in: taken, decoder) {
                outcome.wrong += 1
                if outcome.wrong == 1 { print("first wrong batch: round \(round), \(fault)") }
            }
        }
        return outcome
    }

    @Test("100,000 mutations under true checksums: what is taken is right")
    func mutations() throws {
        let outcome = try mutate(testSeed("foreign batches"), count: 100_000) {
            (try? ForeignBatch.sealed($0, pool: pool)).map { Array($0.bytes) }
        }
        print("foreign batches: \(outcome.taken) of 100,000 mutations taken")
        #expect(outcome.wrong == 0)
        // Changes within a value leave a batch right, so that some must be.
        #expect(outcome.taken > 1000)
    }

    @Test("an intake that looked at the header and its checksum alone would be caught")
    func mutationsTwin() throws {
        let outcome = try mutate(testSeed("foreign batches, planted bug"), count: 10_000) { bytes in
            bytes.withUnsafeBytes { raw in
                guard let batch = RecordBatchView(raw), batch.bytes.count == raw.count else { return nil }
                return batch.header.matchesChecksum(of: raw) ? bytes : nil
            }
        }
        #expect(outcome.wrong > 1000)
    }
}
