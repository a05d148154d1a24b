// Takes records out of a stored batch, leaving those that stay where they are: base offset, last offset and times of the
// batch do not change, and the bytes of a record that stays are those that were written.
internal import Platform

/// One thread at a time; keeps its memory between batches.
final class BatchFilter {
    enum Result {
        /// Every record stays.
        case unchanged
        /// No record stays.
        case empty
        /// The batch without what went.
        case filtered([UInt8])
        /// Some records should go, but the batch can only be kept as it is: it cannot be read, or not be made small enough.
        case stuck
    }

    private let decoder = RecordDecoder()
    private let compressor = BatchCompressor()
    private var kept: [UInt8] = []

    /// Calls `body` with each record of a valid batch; false where the records cannot be read to their end.
    func forEachRecord(in bytes: UnsafeRawBufferPointer, _ body: (Record) -> Void) -> Bool {
        guard let batch = RecordBatchView(bytes), var cursor = try? decoder.open(batch) else { return false }
        do {
            while let record = try cursor.next() { body(record) }
            return true
        } catch {
            return false
        }
    }

    func filter(_ bytes: UnsafeRawBufferPointer, removing isRemoved: (Record) -> Bool) -> Result {
        guard let batch = RecordBatchView(bytes), var cursor = try? decoder.open(batch) else { return .stuck }
        kept.removeAll(keepingCapacity: true)
        kept.append(contentsOf: bytes[..<RecordBatchHeader.byteCount])
        var count: Int32 = 0
        do {
            var start = cursor.position
            while let record = try cursor.next() {
                if let from = start, let end = cursor.position, !isRemoved(record) {
                    kept.append(contentsOf: UnsafeRawBufferPointer(start: from, count: end - from))
                    count += 1
                }
                start = cursor.position
            }
        } catch {
            return .stuck
        }
        if count == batch.header.recordCount { return .unchanged }
        if count == 0 { return .empty }
        return close(batch.header, count: count)
    }

    /// Compresses what is kept as it was compressed before, and writes the fields that have changed.
    private func close(_ header: RecordBatchHeader, count: Int32) -> Result {
        var codec = Compression.none
        let wanted = Compression(rawValue: UInt8(truncatingIfNeeded: header.codec)) ?? .none
        let block = kept.withUnsafeBytes { bytes -> [UInt8]? in
            let records = UnsafeRawBufferPointer(rebasing: bytes[RecordBatchHeader.byteCount...])
            guard let block = compressor.compress(records, wanted), block.count < records.count else { return nil }
            return Array(block)
        }
        if let block {
            kept.replaceSubrange(RecordBatchHeader.byteCount..., with: block)
            codec = wanted
        }
        guard kept.count <= Limits.batchBytesMax else { return .stuck }
        kept.withUnsafeMutableBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            base.setBigEndian(Int32(truncatingIfNeeded: bytes.count - RecordBatchHeader.uncountedBytes), at: 8)
            base.setBigEndian(header.attributes & ~0x7 | Int16(codec.rawValue), at: 21)
            base.setBigEndian(count, at: 57)
            let covered = UnsafeRawBufferPointer(rebasing: bytes[RecordBatchHeader.checksummedFrom...])
            base.setBigEndian(CRC32C.checksum(covered), at: 17)
        }
        return .filtered(kept)
    }
}
