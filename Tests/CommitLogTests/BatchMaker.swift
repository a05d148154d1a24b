// Makes batches field by field, so that a test can lie in each of them.
import CommitLog
import Platform

/// One record, with any field to be told wrong.
struct MadeRecord {
    var timestampDelta: Int64 = 0
    var offsetDelta: Int64
    var key: [UInt8]? = [0x6B]
    var value: [UInt8]? = [0x76]
    var headers: [(key: [UInt8]?, value: [UInt8]?)] = []
    /// What it says of its header entries; nil for the truth.
    var headerCount: Int64?
    /// Added to the length that is true.
    var lengthError: Int64 = 0
    /// What stands for the key, value and headers in place of the encoded fields.
    var body: [UInt8]?

    var encoded: [UInt8] {
        var bytes: [UInt8] = [0]
        bytes += MadeRecord.varint(timestampDelta) + MadeRecord.varint(offsetDelta)
        if let body {
            bytes += body
        } else {
            bytes += MadeRecord.field(key) + MadeRecord.field(value)
            bytes += MadeRecord.varint(headerCount ?? Int64(headers.count))
            for header in headers { bytes += MadeRecord.field(header.key) + MadeRecord.field(header.value) }
        }
        return MadeRecord.varint(Int64(bytes.count) + lengthError) + bytes
    }

    static func field(_ bytes: [UInt8]?) -> [UInt8] { varint(Int64(bytes?.count ?? -1)) + (bytes ?? []) }

    static func varint(_ value: Int64) -> [UInt8] {
        var rest = UInt64(bitPattern: (value << 1) ^ (value >> 63))
        var bytes: [UInt8] = []
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(truncatingIfNeeded: rest)]
    }
}

/// One batch; its length and checksum are true.
struct MadeBatch {
    var records: [MadeRecord]
    var attributes: Int16 = 0
    var baseOffset: Int64 = 0
    var magic: UInt8 = 2
    var baseTimestamp: Int64 = 1_795_000_000_000
    /// nil for the truth.
    var maxTimestamp: Int64?
    var producerID: Int64 = -1
    var producerEpoch: Int16 = -1
    var baseSequence: Int32 = -1
    /// nil for the truth.
    var recordCount: Int32?
    var lastOffsetDelta: Int32?
    /// After the last record.
    var trailing: [UInt8] = []

    /// `count` records with a timestamp each, and key and value `k`, `v`.
    init(count: Int) {
        records = (0..<count).map { MadeRecord(timestampDelta: Int64($0), offsetDelta: Int64($0)) }
    }

    /// A batch of one idempotent producer.
    init(count: Int, producer id: Int64, epoch: Int16, sequence: Int32) {
        self.init(count: count)
        producerID = id
        producerEpoch = epoch
        baseSequence = sequence
    }

    var bytes: [UInt8] {
        let largest = records.map { baseTimestamp &+ $0.timestampDelta }.max() ?? 0
        let block = records.flatMap(\.encoded) + trailing
        var bytes: [UInt8] = []
        func add(_ value: some FixedWidthInteger) { withUnsafeBytes(of: value.bigEndian) { bytes += $0 } }
        add(baseOffset)
        add(Int32(49 + block.count))
        add(Int32(-1))
        bytes += [magic, 0, 0, 0, 0]
        add(attributes)
        add(lastOffsetDelta ?? Int32(records.count - 1))
        add(baseTimestamp)
        add(maxTimestamp ?? largest)
        add(producerID)
        add(producerEpoch)
        add(baseSequence)
        add(recordCount ?? Int32(records.count))
        return MadeBatch.checksummed(bytes + block)
    }

    /// The batch with the checksum that its bytes have.
    static func checksummed(_ batch: [UInt8]) -> [UInt8] {
        var bytes = batch
        guard bytes.count >= 21 else { return bytes }
        let checksum = bytes[21...].withUnsafeBytes { CRC32C.checksum($0) }
        for shift in 0..<4 { bytes[17 + shift] = UInt8(truncatingIfNeeded: checksum >> UInt32(24 - 8 * shift)) }
        return bytes
    }
}

extension ForeignBatch {
    /// `sealed` for bytes in an array.
    static func sealed(
        _ bytes: [UInt8],
        _ rules: Rules = Rules(),
        pool: BatchBufferPool
    ) throws(BatchRefusal) -> SealedBatch {
        let result: Result<SealedBatch, BatchRefusal> = bytes.withUnsafeBytes { raw in
            Result { () throws(BatchRefusal) in try sealed(raw, rules, pool: pool) }
        }
        return try result.get()
    }

    /// Why `bytes` are refused; nil where they are taken.
    static func refusal(
        of bytes: [UInt8],
        _ rules: Rules = Rules(),
        pool: BatchBufferPool = BatchBufferPool()
    ) -> BatchRefusal? {
        do {
            _ = try sealed(bytes, rules, pool: pool)
            return nil
        } catch {
            return error
        }
    }
}
