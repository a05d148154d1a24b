// The header of a Kafka record batch, version 2 (magic 2): what a segment file consists of. All integers big-endian.
//
// | At | Bytes | Field                | Holds                                                             |
// |---:|------:|----------------------|-------------------------------------------------------------------|
// |  0 |     8 | baseOffset           | offset of the first record; stamped by the log writer              |
// |  8 |     4 | batchLength          | bytes after this field: total - 12; 49 or more                      |
// | 12 |     4 | partitionLeaderEpoch | 0 here; stamped by the log writer, not read                         |
// | 16 |     1 | magic                | 2                                                                 |
// | 17 |     4 | crc                  | CRC-32C of everything from byte 21 to the end of the batch          |
// | 21 |     2 | attributes           | bits 0-2 codec (0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd), 3 LogAppendTime|
// | 23 |     4 | lastOffsetDelta      | offset of the last record - baseOffset                              |
// | 27 |     8 | baseTimestamp        | of the first record, ms since 1970                                  |
// | 35 |     8 | maxTimestamp         | the largest of the batch                                           |
// | 43 |     8 | producerId           | -1: none                                                          |
// | 51 |     2 | producerEpoch        | -1                                                                |
// | 53 |     4 | baseSequence         | -1                                                                |
// | 57 |     4 | recordCount          | records that follow from byte 61, compressed as one block or plain   |
//
// Bytes 0-15 lie outside the checksum, so that stamping does not touch it. A stored batch is valid if its length is in
// bounds and inside the file, magic is 2, the checksum matches, and 1 <= recordCount <= lastOffsetDelta + 1.
internal import Platform

/// The fields that the log itself looks at, as they stand; `isPlausible` says whether they can be true.
package struct RecordBatchHeader: Hashable, Sendable, BitwiseCopyable {
    package static let byteCount = 61
    /// Bytes of a batch that `batchLength` does not count: the base offset and itself.
    static let uncountedBytes = 12
    /// Where the checksum begins to count.
    static let checksummedFrom = 21

    package var baseOffset: Int64
    package var batchLength: Int32
    package var partitionLeaderEpoch: Int32
    package var magic: Int8
    package var crc: UInt32
    package var attributes: Int16
    package var lastOffsetDelta: Int32
    package var baseTimestamp: Int64
    package var maxTimestamp: Int64
    package var producerID: Int64
    package var producerEpoch: Int16
    package var baseSequence: Int32
    package var recordCount: Int32

    /// Reads the header at the start of `bytes`; nil where there are fewer than 61.
    package init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= RecordBatchHeader.byteCount, let base = bytes.baseAddress else { return nil }
        baseOffset = base.bigEndian(at: 0)
        batchLength = base.bigEndian(at: 8)
        partitionLeaderEpoch = base.bigEndian(at: 12)
        magic = base.bigEndian(at: 16)
        crc = base.bigEndian(at: 17)
        attributes = base.bigEndian(at: 21)
        lastOffsetDelta = base.bigEndian(at: 23)
        baseTimestamp = base.bigEndian(at: 27)
        maxTimestamp = base.bigEndian(at: 35)
        producerID = base.bigEndian(at: 43)
        producerEpoch = base.bigEndian(at: 51)
        baseSequence = base.bigEndian(at: 53)
        recordCount = base.bigEndian(at: 57)
    }

    /// Bytes of the whole batch, this header included; below 61 and above the limit only where `isPlausible` is false.
    package var totalBytes: Int { Int(batchLength) + RecordBatchHeader.uncountedBytes }

    package var lastOffset: Offset { Offset(baseOffset) + Int(lastOffsetDelta) }
    /// The offset after the last record.
    package var endOffset: Offset { lastOffset + 1 }

    package var codec: Int16 { attributes & 0x7 }

    /// Whether every checksummed field and the length are in their range: what can be said before the checksum. The
    /// base offset is judged by the place where the batch stands.
    package var isPlausible: Bool {
        magic == 2 && totalBytes >= RecordBatchHeader.byteCount && totalBytes <= Limits.batchBytesMax
            && lastOffsetDelta >= 0 && recordCount >= 1 && Int64(recordCount) <= Int64(lastOffsetDelta) + 1
    }

    /// Whether the checksum over `batch`, the whole batch of `totalBytes`, is the one in the header.
    package func matchesChecksum(of batch: UnsafeRawBufferPointer) -> Bool {
        guard batch.count == totalBytes, batch.count >= RecordBatchHeader.byteCount else { return false }
        return CRC32C.checksum(UnsafeRawBufferPointer(rebasing: batch[RecordBatchHeader.checksummedFrom...])) == crc
    }
}
