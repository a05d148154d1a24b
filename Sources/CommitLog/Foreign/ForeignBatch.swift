// Takes in a batch that a Kafka producer made: checked in every field, then copied as it is.
//
// What is checked, in this order; the first thing that is wrong decides:
//
// | Check                                                          | Else                     |
// |----------------------------------------------------------------|--------------------------|
// | there are bytes                                                | invalid                  |
// | 61 bytes or more, and no fewer than the batch says             | corrupt                  |
// | no more than it says                                           | invalid                  |
// | no more than the topic and the log allow                       | too large                |
// | magic 2                                                        | invalid                  |
// | checksum                                                       | corrupt                  |
// | codec 0 to 4, zstd only where it is allowed                    | unsupported compression  |
// | not transactional                                              | transactional            |
// | no control batch; attribute bits 6 to 15 zero                  | invalid                  |
// | timestamps are not append times                                | invalid timestamp        |
// | base offset 0                                                  | invalid                  |
// | record count 1 or more, and last offset delta + 1              | invalid                  |
// | with a producer id, an epoch and a sequence                    | invalid                  |
// | the records inflate within `Limits.inflatedBytesMax`           | invalid                  |
// | each record (`RecordCheck`), and no bytes after the last       | invalid, by record       |
//
// The size comes early so that the work is bounded by what may be appended, not by what may be sent. An 8-byte base offset and
// the 4 bytes of the leader epoch are stamped by the log writer; all other bytes stay as the producer made them. But for a largest
// timestamp that is not that of the records, which some clients do not fill in: it is set right, and the checksum with it, as
// Kafka does.
internal import Platform

/// The batch of one partition in a Produce request, version 3 or later.
package enum ForeignBatch {
    /// The longest that is ever taken, header included.
    package static let byteCountMax = Limits.batchBytesMax

    /// What one request and one topic allow.
    package struct Rules: Hashable, Sendable {
        /// The longest batch, header included; the log's own bound counts too.
        package var byteCountMax: Int
        /// Whether the request is of a version that may bring zstd: Produce 7 or later.
        package var allowsZstandard: Bool
        /// Whether every record needs a key: topics that are compacted.
        package var requiresKeys: Bool

        package init(
            byteCountMax: Int = Limits.batchBytesMax,
            allowsZstandard: Bool = true,
            requiresKeys: Bool = false
        ) {
            self.byteCountMax = byteCountMax
            self.allowsZstandard = allowsZstandard
            self.requiresKeys = requiresKeys
        }
    }

    private static let controlBit: Int16 = 0x20
    private static let transactionalBit: Int16 = 0x10
    private static let appendTimeBit: Int16 = 0x08
    /// Bit 6 is for what compaction leaves; 7 to 15 mean nothing yet.
    private static let unusedBits = ~Int16(0x3F)
    private static let zstandard: Int16 = 4

    /// Checks `bytes`, all that the request brings for one partition, and copies them into a buffer of `pool`: ready to be
    /// offered. Any thread. `bytes` need to be valid during the call only.
    ///
    /// Takes as long as the checksum, inflating at most `Limits.inflatedBytesMax` and one walk over the records; allocates
    /// the batch's object, and nothing else once the pool is warm. Of a compressed batch the inflated records take
    /// memory during the call, up to that bound.
    package static func sealed(
        _ bytes: UnsafeRawBufferPointer,
        _ rules: Rules,
        pool: BatchBufferPool
    ) throws(BatchRefusal) -> SealedBatch {
        let header = try frame(bytes, rules)
        try check(header, rules)
        let maxTimestamp = try checkRecords(of: bytes, header, rules, pool)
        let buffer = pool.take(atLeast: bytes.count)
        buffer.memory.copyMemory(from: bytes)
        if maxTimestamp != header.maxTimestamp { set(maxTimestamp, in: buffer.memory, byteCount: bytes.count) }
        return SealedBatch(
            buffer: buffer,
            pool: pool,
            byteCount: bytes.count,
            recordCount: Int(header.recordCount),
            baseTimestamp: Timestamp(milliseconds: header.baseTimestamp),
            maxTimestamp: Timestamp(milliseconds: maxTimestamp),
            producer: BatchProducer(header)
        )
    }

    private static func set(_ maxTimestamp: Int64, in memory: UnsafeMutableRawBufferPointer, byteCount: Int) {
        guard let base = memory.baseAddress else { return }
        base.setBigEndian(maxTimestamp, at: 35)
        let covered = UnsafeRawBufferPointer(rebasing: memory[RecordBatchHeader.checksummedFrom..<byteCount])
        base.setBigEndian(CRC32C.checksum(covered), at: 17)
    }

    /// One whole batch of version 2, as it was made.
    private static func frame(
        _ bytes: UnsafeRawBufferPointer,
        _ rules: Rules
    ) throws(BatchRefusal) -> RecordBatchHeader {
        guard !bytes.isEmpty else { throw .invalid(.noBatch) }
        guard let header = RecordBatchHeader(bytes), header.totalBytes >= RecordBatchHeader.byteCount,
            header.totalBytes <= bytes.count
        else { throw .corrupt(.length) }
        guard header.totalBytes == bytes.count else { throw .invalid(.severalBatches) }
        let byteCountMax = min(rules.byteCountMax, Limits.batchBytesMax)
        guard bytes.count <= byteCountMax else {
            throw .tooLarge(byteCount: bytes.count, byteCountMax: byteCountMax)
        }
        guard header.magic == 2 else { throw .invalid(.magic) }
        guard header.matchesChecksum(of: bytes) else { throw .corrupt(.checksum) }
        return header
    }

    private static func check(_ header: RecordBatchHeader, _ rules: Rules) throws(BatchRefusal) {
        let attributes = header.attributes
        guard header.codec <= zstandard, header.codec != zstandard || rules.allowsZstandard else {
            throw .unsupportedCompression(codec: header.codec)
        }
        guard attributes & transactionalBit == 0 else { throw .transactional }
        guard attributes & controlBit == 0 else { throw .invalid(.control) }
        guard attributes & unusedBits == 0 else { throw .invalid(.attributes) }
        guard attributes & appendTimeBit == 0 else { throw .invalidTimestamp(.appendTime) }
        guard header.baseOffset == 0 else { throw .invalid(.baseOffset) }
        guard header.recordCount >= 1, Int64(header.recordCount) == Int64(header.lastOffsetDelta) + 1 else {
            throw .invalid(.recordCount)
        }
        guard header.producerID < 0 || BatchProducer(header) != nil else { throw .invalid(.producer) }
    }

    /// The largest timestamp of the records.
    private static func checkRecords(
        of bytes: UnsafeRawBufferPointer,
        _ header: RecordBatchHeader,
        _ rules: Rules,
        _ pool: BatchBufferPool
    ) throws(BatchRefusal) -> Int64 {
        guard let batch = RecordBatchView(bytes) else { throw .corrupt(.length) }
        var check = RecordCheck(header, requiresKeys: rules.requiresKeys)
        guard header.codec != 0 else {
            try check.check(batch.block)
            return check.maxTimestamp
        }
        let decoder = pool.takeDecoder()
        defer { pool.give(decoder) }
        let block: UnsafeRawBufferPointer
        do {
            block = try decoder.records(of: batch)
        } catch {
            throw .invalid(.inflation)
        }
        try check.check(block)
        return check.maxTimestamp
    }
}
