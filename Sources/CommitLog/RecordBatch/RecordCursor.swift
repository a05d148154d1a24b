// Walks the records of stored batches without an allocation per record. Total on hostile bytes: every field is checked.
//
// Bounds: the cursor holds `at` and `end` of one block; every length is compared with what is left before it is used.
public import Platform

/// One stored record. Its pointers lie in the caller's read buffer or the decoder's inflated block and are valid until
/// either is used again.
public struct Record {
    /// Its place in the partition.
    public var offset: Offset
    /// As the producer gave it, or the append time where the batch says so.
    public var timestamp: Timestamp
    /// nil where the record has no key.
    public var key: UnsafeRawBufferPointer?
    /// nil where the record has no value.
    public var value: UnsafeRawBufferPointer?
    /// `headerCount` entries, one after the other; already checked, walk them with `RecordHeaders`.
    public var headers: UnsafeRawBufferPointer
    /// Entries in `headers`.
    public var headerCount: Int
}

/// Bytes of a batch that are no valid record.
public struct RecordDamage: Error, Hashable, Sendable {
    /// Of the record that should have stood there.
    public var offset: Offset
}

/// The records of one batch, in order.
public struct RecordCursor {
    private var at: UnsafeRawPointer?
    /// Where the next record starts.
    var position: UnsafeRawPointer? { at }
    private let end: UnsafeRawPointer?
    private let baseOffset: Offset
    private let baseTimestamp: Int64
    private let logAppendTime: Int64?
    private let lastOffsetDelta: Int64
    private var remaining: Int32
    private var previousDelta: Int64 = -1

    init(block: UnsafeRawBufferPointer, header: RecordBatchHeader) {
        at = block.baseAddress
        end = block.baseAddress.map { $0 + block.count }
        baseOffset = Offset(header.baseOffset)
        baseTimestamp = header.baseTimestamp
        logAppendTime = header.attributes & 0x8 != 0 ? header.maxTimestamp : nil
        lastOffsetDelta = Int64(header.lastOffsetDelta)
        remaining = header.recordCount
    }

    /// The next record; nil after the last one. Throws once where the bytes are no record, or bytes are left over.
    public mutating func next() throws(RecordDamage) -> Record? {
        guard remaining > 0 else {
            if at != end {
                at = end
                throw damage()
            }
            return nil
        }
        guard var cursor = at, let end else { throw stopped() }
        guard let length = Varint.read(&cursor, end: end), length > 0, length <= Int64(end - cursor) else {
            throw stopped()
        }
        let recordEnd = cursor + Int(length)
        cursor += 1 // attributes: reserved, unused by Kafka
        guard let timestampDelta = Varint.read(&cursor, end: recordEnd),
            let offsetDelta = Varint.read(&cursor, end: recordEnd),
            offsetDelta > previousDelta, offsetDelta <= lastOffsetDelta,
            let key = RecordCursor.field(&cursor, end: recordEnd),
            let value = RecordCursor.field(&cursor, end: recordEnd),
            let headerCount = Varint.read(&cursor, end: recordEnd), headerCount >= 0,
            RecordHeaders.areValid(from: cursor, to: recordEnd, count: headerCount)
        else { throw stopped() }
        at = recordEnd
        remaining -= 1
        previousDelta = offsetDelta
        return Record(
            offset: baseOffset + Int(offsetDelta),
            timestamp: Timestamp(milliseconds: logAppendTime ?? baseTimestamp &+ timestampDelta),
            key: key.bytes,
            value: value.bytes,
            headers: UnsafeRawBufferPointer(start: cursor, count: recordEnd - cursor),
            headerCount: Int(headerCount)
        )
    }

    private struct Field {
        var bytes: UnsafeRawBufferPointer?
    }

    /// A length and that many bytes; nil where they are not there, a field without bytes for length -1.
    @inline(__always)
    private static func field(_ at: inout UnsafeRawPointer, end: UnsafeRawPointer) -> Field? {
        guard let length = Varint.read(&at, end: end), length >= -1, length <= Int64(end - at) else { return nil }
        guard length >= 0 else { return Field(bytes: nil) }
        defer { at += Int(length) }
        return Field(bytes: UnsafeRawBufferPointer(start: at, count: Int(length)))
    }

    private func damage() -> RecordDamage {
        RecordDamage(offset: baseOffset + Int(previousDelta + 1))
    }

    /// Ends the walk, so that a caller that goes on gets nil.
    private mutating func stopped() -> RecordDamage {
        let found = damage()
        remaining = 0
        at = end
        return found
    }
}

/// The header entries of one record, in order.
public struct RecordHeaders {
    private var at: UnsafeRawPointer?
    private let end: UnsafeRawPointer?

    /// Walks the entries of `record`, and is valid as long as it.
    public init(_ record: Record) {
        at = record.headers.baseAddress
        end = record.headers.baseAddress.map { $0 + record.headers.count }
    }

    /// The next entry, or nil after the last. Pointers are valid as long as the record's.
    public mutating func next() -> (key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer?)? {
        guard var cursor = at, let end, cursor < end, let entry = RecordHeaders.entry(&cursor, end: end) else {
            return nil
        }
        at = cursor
        return entry
    }

    /// The value of the first entry with this key: nil where there is none or it has no value.
    public static func value(of key: StaticString, in record: Record) -> UnsafeRawBufferPointer? {
        var headers = RecordHeaders(record)
        while let entry = headers.next() {
            let isEqual = key.withUTF8Buffer { wanted in
                wanted.count == entry.key.count && zip(wanted, entry.key).allSatisfy { $0 == $1 }
            }
            if isEqual { return entry.value }
        }
        return nil
    }

    /// Whether exactly `count` entries fill the bytes from `start` to `end`.
    @inline(__always)
    static func areValid(from start: UnsafeRawPointer, to end: UnsafeRawPointer, count: Int64) -> Bool {
        var at = start
        var left = count
        while left > 0 {
            guard entry(&at, end: end) != nil else { return false }
            left -= 1
        }
        return at == end
    }

    private static func entry(
        _ at: inout UnsafeRawPointer,
        end: UnsafeRawPointer
    ) -> (key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer?)? {
        guard let keyLength = Varint.read(&at, end: end), keyLength >= 0, keyLength <= Int64(end - at) else {
            return nil
        }
        let key = UnsafeRawBufferPointer(start: at, count: Int(keyLength))
        at += Int(keyLength)
        guard let length = Varint.read(&at, end: end), length >= -1, length <= Int64(end - at) else { return nil }
        guard length >= 0 else { return (key, nil) }
        defer { at += Int(length) }
        return (key, UnsafeRawBufferPointer(start: at, count: Int(length)))
    }
}
