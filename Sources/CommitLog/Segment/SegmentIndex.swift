// The sparse indexes of one segment: hints that save a scan, rebuilt from the log whenever they are missing or wrong.
//
// `<base>.index`, entries of 8 bytes, ascending:
//
// | At | Bytes | Field    | Holds                                                          |
// |---:|------:|----------|----------------------------------------------------------------|
// |  0 |     4 | offset   | last offset of a batch - base offset of the segment                |
// |  4 |     4 | position | where that batch starts in the file                              |
//
// `<base>.timeindex`, entries of 12 bytes, ascending, the last one written at seal:
//
// | At | Bytes | Field     | Holds                                                         |
// |---:|------:|-----------|---------------------------------------------------------------|
// |  0 |     8 | timestamp | largest record timestamp of the segment up to here               |
// |  8 |     4 | offset    | last offset of the batch that brought it - base offset            |
//
// Integers are big-endian. One entry per `Limits.indexIntervalBytes` of log, as Kafka does it per 4 KiB. While a
// segment is active its indexes live in memory; the files are written when it is sealed. Nothing is checksummed: the
// last entry is compared with the batch it names, and the index rebuilt where they disagree; so is the entry that a
// reader uses, and where that disagrees it reads from the segment's start.
internal import Platform

struct SegmentIndex: Sendable {
    struct OffsetEntry: Hashable, Sendable, BitwiseCopyable {
        var lastOffset: Int32
        var position: Int32

        static let byteCount = 8
    }

    struct TimeEntry: Hashable, Sendable, BitwiseCopyable {
        var timestamp: Int64
        var offset: Int32

        static let byteCount = 12
    }

    let base: Offset
    private(set) var offsets: [OffsetEntry] = []
    private(set) var times: [TimeEntry] = []
    /// The largest record timestamp so far, and the last offset of the batch that brought it.
    private(set) var latest: (timestamp: Timestamp, offset: Int32)?
    private var bytesSinceEntry = 0

    init(base: Offset) {
        self.base = base
    }

    /// Whether another batch ending at `end` can be indexed: relative offsets and positions are 32 bits wide.
    func hasRoom(endingAt end: Offset, length: Int64) -> Bool {
        end - base < Int(Int32.max) && length < Int64(Int32.max) && offsets.count < Limits.indexEntriesMax
    }

    /// Notes a batch in file order.
    mutating func add(endOffset: Offset, maxTimestamp: Timestamp, position: Int64, byteCount: Int) {
        let relative = Int32(clamping: endOffset + -1 - base)
        if latest.map({ maxTimestamp > $0.timestamp }) ?? true { latest = (maxTimestamp, relative) }
        if bytesSinceEntry > Limits.indexIntervalBytes, let latest {
            offsets.append(OffsetEntry(lastOffset: relative, position: Int32(clamping: position)))
            if times.last.map({ latest.timestamp.milliseconds > $0.timestamp }) ?? true {
                times.append(TimeEntry(timestamp: latest.timestamp.milliseconds, offset: latest.offset))
            }
            bytesSinceEntry = 0
        }
        bytesSinceEntry += byteCount
    }

    /// The last entry whose batch begins at or before the one that holds `offset`; nil where there is none.
    func entry(for offset: Offset) -> OffsetEntry? {
        let relative = offset - base
        var low = 0
        var high = offsets.count
        while low < high {
            let middle = (low + high) / 2
            if Int(offsets[middle].lastOffset) <= relative { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? nil : offsets[low - 1]
    }

    /// The last entry of a batch before which no record has a timestamp of `timestamp` or later; nil where there is none.
    func timeEntry(before timestamp: Timestamp) -> TimeEntry? {
        var low = 0
        var high = times.count
        while low < high {
            let middle = (low + high) / 2
            if times[middle].timestamp < timestamp.milliseconds { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? nil : times[low - 1]
    }

    /// The bytes of `.index` and `.timeindex`.
    func encoded() -> (offsets: [UInt8], times: [UInt8]) {
        var offsetBytes: [UInt8] = []
        offsetBytes.reserveCapacity(offsets.count * OffsetEntry.byteCount)
        for entry in offsets {
            offsetBytes.appendBigEndian(entry.lastOffset)
            offsetBytes.appendBigEndian(entry.position)
        }
        var all = times
        if let latest, all.last?.timestamp != latest.timestamp.milliseconds {
            all.append(TimeEntry(timestamp: latest.timestamp.milliseconds, offset: latest.offset))
        }
        var timeBytes: [UInt8] = []
        timeBytes.reserveCapacity(all.count * TimeEntry.byteCount)
        for entry in all {
            timeBytes.appendBigEndian(entry.timestamp)
            timeBytes.appendBigEndian(entry.offset)
        }
        return (offsetBytes, timeBytes)
    }

    /// Reads both files; nil where their sizes or order cannot be those of a segment of `length` bytes.
    init?(base: Offset, offsetBytes: UnsafeRawBufferPointer, timeBytes: UnsafeRawBufferPointer, length: Int64) {
        self.base = base
        guard offsetBytes.count % OffsetEntry.byteCount == 0, timeBytes.count % TimeEntry.byteCount == 0,
            offsetBytes.count / OffsetEntry.byteCount <= Limits.indexEntriesMax
        else { return nil }
        var reader = ByteReader(offsetBytes)
        var previous = OffsetEntry(lastOffset: -1, position: 0)
        while let lastOffset: Int32 = reader.integer(), let position: Int32 = reader.integer() {
            guard lastOffset > previous.lastOffset, position > previous.position, Int64(position) < length else {
                return nil
            }
            previous = OffsetEntry(lastOffset: lastOffset, position: position)
            offsets.append(previous)
        }
        var timeReader = ByteReader(timeBytes)
        while let timestamp: Int64 = timeReader.integer(), let offset: Int32 = timeReader.integer() {
            if let last = times.last { guard timestamp > last.timestamp, offset >= last.offset else { return nil } }
            guard offset >= 0 else { return nil }
            times.append(TimeEntry(timestamp: timestamp, offset: offset))
        }
    }
}
