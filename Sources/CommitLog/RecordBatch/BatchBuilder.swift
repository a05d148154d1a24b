// Builds one record batch in place: encodes each record once, where it will be written from.
//
// A record, after the 61 bytes of the batch header (varints are zigzag):
//
// | Field          | Encoding | Holds                                         |
// |----------------|----------|-----------------------------------------------|
// | length         | varint   | bytes of the record after this field            |
// | attributes     | 1 byte   | 0                                             |
// | timestampDelta | varint   | timestamp - baseTimestamp of the batch          |
// | offsetDelta    | varint   | offset - baseOffset of the batch                |
// | keyLength, key | varint   | -1 for no key                                 |
// | valueLength, value | varint | -1 for no value                             |
// | headerCount, headers | varint | each: keyLength, key, valueLength (-1), value |
//
// Bounds: `append` computes the exact size of the record and compares it with what is left before it stores a byte; no
// store below that guard is checked again.
public import Platform

/// The open batch of one input and partition. Owned by one thread at a time; never locked.
///
/// Lifecycle: empty, `append` until it says false or the caller's time is up, `seal`, empty again.
public final class BatchBuilder {
    /// Plain memory behind a pointer: class properties would pay an exclusivity check per record.
    private struct State {
        var start: UnsafeMutableRawPointer?
        var cursor: UnsafeMutableRawPointer?
        var end: UnsafeMutableRawPointer?
        var count: Int32 = 0
        var baseTimestamp: Int64 = 0
        var maxTimestamp: Int64 = 0
    }

    private let state: UnsafeMutablePointer<State>
    private let pool: BatchBufferPool
    private var buffer: BatchBuffer?

    /// - Parameter pool: the log's; buffers go back to it.
    package init(pool: BatchBufferPool) {
        self.pool = pool
        state = .allocate(capacity: 1)
        state.initialize(to: State())
    }

    deinit {
        if let buffer { pool.give(buffer) }
        state.deallocate()
    }

    /// Records appended since the last seal.
    public var recordCount: Int { Int(state.pointee.count) }

    /// Bytes of the batch as it would be stored uncompressed; 0 while it is empty.
    public var byteCount: Int {
        guard state.pointee.count > 0, let start = state.pointee.start, let cursor = state.pointee.cursor else {
            return 0
        }
        return cursor - start
    }

    /// Whether a record of these sizes can be stored at all, in an empty batch.
    public static func fits(keyBytes: Int, valueBytes: Int, headerBytes: Int) -> Bool {
        let limit = Limits.recordBytesMax
        guard keyBytes <= limit, valueBytes <= limit, headerBytes <= limit else { return false }
        return keyBytes + valueBytes + headerBytes <= limit
    }

    /// Encodes one record; false where it does not fit into this batch: seal and try again. A record for which `fits`
    /// is true always fits into an empty batch. Allocates nothing but, once per batch, the pooled buffer.
    ///
    /// `key` and `value` are nil where the record has none; `headers` are `headerCount` entries as `RecordHeader`
    /// encodes them, one after the other. All three are copied; the entries are not checked.
    public func append(
        timestamp: Timestamp,
        key: UnsafeRawBufferPointer?,
        value: UnsafeRawBufferPointer?,
        headers: UnsafeRawBufferPointer,
        headerCount: Int
    ) -> Bool {
        let count = state.pointee.count
        let base = count == 0 ? timestamp.milliseconds : state.pointee.baseTimestamp
        let delta = timestamp.milliseconds &- base
        let keyLength = Int64(key?.count ?? -1)
        let valueLength = Int64(value?.count ?? -1)
        let fixed =
            1 + Varint.size(delta) + Varint.size(Int64(count)) + Varint.size(keyLength) + Varint.size(valueLength)
        let payload = (key?.count ?? 0) + (value?.count ?? 0) + headers.count
        let body = Int64(fixed + Varint.size(Int64(headerCount)) + payload)
        let total = Varint.size(body) + Int(body)

        guard var at = room(for: total) else { return false }
        at = Varint.write(body, at: at)
        at.storeBytes(of: 0, as: UInt8.self)
        at = Varint.write(delta, at: at + 1)
        at = Varint.write(Int64(count), at: at)
        at = Varint.write(keyLength, at: at)
        if let key { at = BatchBuilder.copy(key, to: at) }
        at = Varint.write(valueLength, at: at)
        if let value { at = BatchBuilder.copy(value, to: at) }
        at = Varint.write(Int64(headerCount), at: at)
        at = BatchBuilder.copy(headers, to: at)

        state.pointee.cursor = at
        state.pointee.count = count + 1
        if count == 0 {
            state.pointee.baseTimestamp = base
            state.pointee.maxTimestamp = base
        } else if timestamp.milliseconds > state.pointee.maxTimestamp {
            state.pointee.maxTimestamp = timestamp.milliseconds
        }
        return true
    }

    @inline(__always)
    private static func copy(_ bytes: UnsafeRawBufferPointer, to at: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer
    {
        guard let source = bytes.baseAddress else { return at }
        at.copyMemory(from: source, byteCount: bytes.count)
        return at + bytes.count
    }

    /// The place for a record of `total` bytes; nil where this batch has no room for it.
    @inline(__always)
    private func room(for total: Int) -> UnsafeMutableRawPointer? {
        if let cursor = state.pointee.cursor, let end = state.pointee.end, total <= end - cursor { return cursor }
        return state.pointee.count == 0 ? freshRoom(for: total) : nil
    }

    /// Takes a buffer for an empty batch: the usual one, or a larger one for a single large record.
    private func freshRoom(for total: Int) -> UnsafeMutableRawPointer? {
        let needed = total + RecordBatchHeader.byteCount
        guard needed <= Limits.batchBytesMax else { return nil }
        if let buffer { pool.give(buffer) }
        let taken = pool.take(atLeast: max(needed, Limits.batchBufferBytes))
        buffer = taken
        let start = taken.memory.baseAddress
        state.pointee.start = start
        state.pointee.cursor = start.map { $0 + RecordBatchHeader.byteCount }
        state.pointee.end = start.map { $0 + min(taken.capacity, Limits.batchBytesMax) }
        return state.pointee.cursor
    }

    /// Ends the batch: compresses it, writes the header and the checksum, and leaves the builder empty.
    ///
    /// At least one record must have been appended. A batch that does not shrink is stored uncompressed.
    package func seal(compression: Compression) -> SealedBatch {
        let byteCount = byteCount
        guard byteCount > 0, let full = buffer else {
            preconditionFailure("only a batch that holds records is sealed")
        }
        let current = state.pointee
        let records = UnsafeRawBufferPointer(rebasing: full.memory[RecordBatchHeader.byteCount..<byteCount])
        let sealed: (buffer: BatchBuffer, count: Int, codec: Compression)
        if let compressed = compress(records, compression) {
            sealed = (compressed.buffer, compressed.count, compression)
        } else if byteCount <= full.capacity / 2 {
            // A small batch moves to a small buffer: what waits for the writer then holds about what it weighs.
            let small = pool.take(atLeast: byteCount)
            small.memory.copyMemory(from: UnsafeRawBufferPointer(rebasing: full.memory[..<byteCount]))
            sealed = (small, byteCount, .none)
        } else {
            sealed = (full, byteCount, .none)
        }
        if sealed.buffer === full { buffer = nil }
        reset()
        let batch = SealedBatch(
            buffer: sealed.buffer,
            pool: pool,
            byteCount: sealed.count,
            recordCount: Int(current.count),
            baseTimestamp: Timestamp(milliseconds: current.baseTimestamp),
            maxTimestamp: Timestamp(milliseconds: current.maxTimestamp)
        )
        batch.writeHeader(codec: sealed.codec)
        return batch
    }

    /// Empties the batch; a usual buffer is kept, a large one goes back.
    private func reset() {
        if let kept = buffer, kept.capacity > Limits.batchBufferBytes {
            pool.give(kept)
            buffer = nil
        }
        var fresh = State()
        if let start = buffer?.memory.baseAddress {
            fresh.start = start
            fresh.cursor = start + RecordBatchHeader.byteCount
            fresh.end = start + min(buffer?.capacity ?? 0, Limits.batchBytesMax)
        }
        state.pointee = fresh
    }

    /// The batch compressed into a buffer of its own size, header room included; nil where that does not pay.
    private func compress(_ records: UnsafeRawBufferPointer, _ codec: Compression) -> (buffer: BatchBuffer, count: Int)?
    {
        guard codec != .none else { return nil }
        let compressor = pool.takeCompressor()
        defer { pool.give(compressor) }
        guard let compressed = compressor.compress(records, codec), compressed.count < records.count else { return nil }
        let count = RecordBatchHeader.byteCount + compressed.count
        let target = pool.take(atLeast: count)
        UnsafeMutableRawBufferPointer(rebasing: target.memory[RecordBatchHeader.byteCount..<count])
            .copyMemory(from: compressed)
        return (target, count)
    }
}
