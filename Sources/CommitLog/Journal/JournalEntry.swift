// One fact in a partition's journal: what a record batch cannot hold. All integers big-endian.
//
// | At | Bytes | Field    | Holds                                                       |
// |---:|------:|----------|-------------------------------------------------------------|
// |  0 |     4 | length   | bytes of type and payload: 1 or more                          |
// |  4 |     4 | checksum | CRC-32C of type and payload                                  |
// |  8 |     1 | type     | see below                                                  |
// |  9 | length - 1 | payload |                                                         |
//
// | Type | Fact           | Payload                                                                              |
// |-----:|----------------|--------------------------------------------------------------------------------------|
// |    1 | partition      | topic id 16, retention ms 8 (-1 none), retention bytes 8 (-1), segment bytes 8 (-1),   |
// |      |                | compression 1, cleanup 1, on-full 1; where there are inert settings also their number 2  |
// |      |                | and, by name, each: length of its name 2, name, length of its value 2, value         |
// |    2 | segment opened | base offset 8, append time 9, boot id 16                                             |
// |    3 | segment sealed | base offset 8, end offset 8, length 8, CRC-32C of the file 4, max timestamp 8,       |
// |      |                | first append time 9, last append time 9                                              |
// |    4 | recovery point | offset 8: everything below was synced; append time 9 of what ends there, or nothing    |
// |    5 | retention      | new log start offset 8                                                               |
// |    6 | gap            | from 8, to 8 (first offset that is there again), reason 1                              |
// |    7 | gap told       | from 8, to 8: those who run the box have durably been told of this gap                 |
// |    8 | producers      | nothing: batches may name their producer from here on                                |
//
// An append time is 8 bytes of milliseconds since 1970 and one that is 1 where the clock could be believed.
//
// An entry is valid if its length is in bounds and its checksum matches; one of another type is skipped. Later entries
// win. A missing entry deletes nothing: an unknown age counts from now.
package import Platform

/// When something was appended, by the wall clock, and whether that clock could be believed.
package struct AppendTime: Hashable, Sendable, BitwiseCopyable {
    package var timestamp: Timestamp
    package var isSynchronised: Bool

    package init(timestamp: Timestamp, isSynchronised: Bool) {
        self.timestamp = timestamp
        self.isSynchronised = isSynchronised
    }

    static func now(_ clock: any Clock) -> AppendTime {
        AppendTime(timestamp: clock.now(), isSynchronised: clock.quality() == .synchronised)
    }
}

/// What is known of a segment that is closed for good.
struct SealedSegment: Hashable, Sendable {
    var base: Offset
    /// The offset after its last record.
    var end: Offset
    var length: ByteCount
    /// CRC-32C of the whole file.
    var checksum: UInt32
    var maxTimestamp: Timestamp
    var firstAppend: AppendTime
    var lastAppend: AppendTime
}

/// Offsets that are not there and never will be.
package struct OffsetGap: Hashable, Sendable {
    /// How the offsets got lost. Raw values are stored in the journal.
    package enum Reason: UInt8, Sendable {
        /// Bytes in the middle of a segment were no batch; the original file is kept as `.damaged`.
        case damage = 1
        /// The end of a segment that had been synced is gone.
        case lostTail = 2
        /// A whole segment file is gone.
        case missingSegment = 3
        /// Found between valid batches, recorded nowhere.
        case unrecorded = 4
    }

    package var from: Offset
    /// The first offset that is there again.
    package var to: Offset
    package var reason: Reason

    package init(from: Offset, to: Offset, reason: Reason) {
        self.from = from
        self.to = to
        self.reason = reason
    }
}

enum JournalEntry: Hashable, Sendable {
    case partition(topicID: UniqueIdentifier, configuration: TopicConfiguration)
    case segmentOpened(base: Offset, at: AppendTime, bootID: UniqueIdentifier)
    case segmentSealed(SealedSegment)
    case recoveryPoint(Offset, lastAppend: AppendTime?)
    case retention(logStart: Offset)
    case gap(OffsetGap)
    case gapTold(from: Offset, to: Offset)
    case producers

    static let headerBytes = 8
    /// Larger than any entry that this version writes, small enough to bound a search through damage.
    static let lengthMax = 4096
    /// Positions in a segment are 32 bits wide, so none is longer; sums of lengths cannot overflow either.
    private static let segmentBytesMax = Int64(Int32.max)

    private var type: UInt8 {
        switch self {
        case .partition: 1
        case .segmentOpened: 2
        case .segmentSealed: 3
        case .recoveryPoint: 4
        case .retention: 5
        case .gap: 6
        case .gapTold: 7
        case .producers: 8
        }
    }

    /// The entry with its length and checksum.
    func encoded() -> [UInt8] {
        var body: [UInt8] = [type]
        switch self {
        case .partition(let topicID, let configuration):
            body.appendBigEndian(topicID.high)
            body.appendBigEndian(topicID.low)
            body.appendBigEndian(configuration.retention?.wholeMilliseconds ?? -1)
            body.appendBigEndian(configuration.retentionBytes?.value ?? -1)
            body.appendBigEndian(configuration.segmentBytes?.value ?? -1)
            body += [configuration.compression.rawValue, configuration.cleanup.rawValue, configuration.onFull.rawValue]
            JournalEntry.append(configuration.inertSettings, to: &body)
        case .segmentOpened(let base, let time, let bootID):
            body.appendBigEndian(base.value)
            JournalEntry.append(time, to: &body)
            body.appendBigEndian(bootID.high)
            body.appendBigEndian(bootID.low)
        case .segmentSealed(let segment):
            body.appendBigEndian(segment.base.value)
            body.appendBigEndian(segment.end.value)
            body.appendBigEndian(segment.length.value)
            body.appendBigEndian(segment.checksum)
            body.appendBigEndian(segment.maxTimestamp.milliseconds)
            JournalEntry.append(segment.firstAppend, to: &body)
            JournalEntry.append(segment.lastAppend, to: &body)
        case .recoveryPoint(let offset, let lastAppend):
            body.appendBigEndian(offset.value)
            if let lastAppend { JournalEntry.append(lastAppend, to: &body) }
        case .retention(let offset):
            body.appendBigEndian(offset.value)
        case .gap(let gap):
            body.appendBigEndian(gap.from.value)
            body.appendBigEndian(gap.to.value)
            body.append(gap.reason.rawValue)
        case .gapTold(let from, let to):
            body.appendBigEndian(from.value)
            body.appendBigEndian(to.value)
        case .producers: break
        }
        var entry: [UInt8] = []
        entry.appendBigEndian(UInt32(truncatingIfNeeded: body.count))
        entry.appendBigEndian(body.withUnsafeBytes { CRC32C.checksum($0) })
        return entry + body
    }

    /// Nothing where there are none, so that programs which know of none read their own entries.
    private static func append(_ settings: [String: String], to body: inout [UInt8]) {
        guard !settings.isEmpty else { return }
        body.appendBigEndian(UInt16(truncatingIfNeeded: settings.count))
        for (name, value) in settings.sorted(by: { $0.key < $1.key }) {
            for text in [name.utf8, value.utf8] {
                body.appendBigEndian(UInt16(truncatingIfNeeded: text.count))
                body += text
            }
        }
    }

    private static func append(_ time: AppendTime, to body: inout [UInt8]) {
        body.appendBigEndian(time.timestamp.milliseconds)
        body.append(time.isSynchronised ? 1 : 0)
    }

    /// Reads type and payload, whose checksum the caller has compared; nil for a type or a value of another version.
    init?(body: UnsafeRawBufferPointer) {
        var reader = ByteReader(body)
        guard let type: UInt8 = reader.integer() else { return nil }
        switch type {
        case 1:
            guard let entry = JournalEntry.partition(&reader) else { return nil }
            self = entry
        case 2:
            guard let base = reader.offset(), let time = reader.appendTime(), let high: UInt64 = reader.integer(),
                let low: UInt64 = reader.integer()
            else { return nil }
            self = .segmentOpened(base: base, at: time, bootID: UniqueIdentifier(high: high, low: low))
        case 3:
            guard let base = reader.offset(), let end = reader.offset(), end >= base, let length = reader.offset(),
                length.value <= JournalEntry.segmentBytesMax, let checksum: UInt32 = reader.integer(),
                let latest: Int64 = reader.integer(), let first = reader.appendTime(), let last = reader.appendTime()
            else { return nil }
            self = .segmentSealed(
                SealedSegment(
                    base: base,
                    end: end,
                    length: ByteCount(length.value),
                    checksum: checksum,
                    maxTimestamp: Timestamp(milliseconds: latest),
                    firstAppend: first,
                    lastAppend: last
                )
            )
        case 4:
            guard let offset = reader.offset() else { return nil }
            self = .recoveryPoint(offset, lastAppend: reader.appendTime())
        case 5:
            guard let offset = reader.offset() else { return nil }
            self = .retention(logStart: offset)
        case 6:
            guard let from = reader.offset(), let to = reader.offset(), to >= from, let code: UInt8 = reader.integer(),
                let reason = OffsetGap.Reason(rawValue: code)
            else { return nil }
            self = .gap(OffsetGap(from: from, to: to, reason: reason))
        case 7:
            guard let from = reader.offset(), let to = reader.offset() else { return nil }
            self = .gapTold(from: from, to: to)
        case 8: self = .producers
        default:
            return nil
        }
    }

    private static func partition(_ reader: inout ByteReader) -> JournalEntry? {
        guard let high: UInt64 = reader.integer(), let low: UInt64 = reader.integer(),
            let retention: Int64 = reader.integer(), let retentionBytes: Int64 = reader.integer(),
            let segmentBytes: Int64 = reader.integer(),
            let compressionCode: UInt8 = reader.integer(), let compression = Compression(rawValue: compressionCode),
            let cleanupCode: UInt8 = reader.integer(), let cleanup = Cleanup(rawValue: cleanupCode),
            let onFullCode: UInt8 = reader.integer(), let onFull = FullPolicy(rawValue: onFullCode)
        else { return nil }
        let configuration = TopicConfiguration(
            retention: retention < 0 ? nil : .milliseconds(retention),
            retentionBytes: retentionBytes < 0 ? nil : ByteCount(retentionBytes),
            compression: compression,
            cleanup: cleanup,
            onFull: onFull,
            segmentBytes: segmentBytes <= 0 ? nil : ByteCount(segmentBytes),
            inertSettings: reader.settings()
        )
        return .partition(topicID: UniqueIdentifier(high: high, low: low), configuration: configuration)
    }
}

extension ByteReader {
    /// Eight bytes that are not negative: an offset, or a length.
    mutating func offset() -> Offset? {
        guard let value: Int64 = integer(), value >= 0 else { return nil }
        return Offset(value)
    }

    /// Names with their values; what is cut off is left out.
    fileprivate mutating func settings() -> [String: String] {
        var settings: [String: String] = [:]
        let count: UInt16 = integer() ?? 0
        for _ in 0..<count {
            guard let name = text(), let value = text() else { break }
            settings[name] = value
        }
        return settings
    }

    private mutating func text() -> String? {
        guard let length: UInt16 = integer(), let bytes = take(Int(length)) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    mutating func appendTime() -> AppendTime? {
        guard let milliseconds: Int64 = integer(), let quality: UInt8 = integer() else { return nil }
        return AppendTime(timestamp: Timestamp(milliseconds: milliseconds), isSynchronised: quality == 1)
    }
}
