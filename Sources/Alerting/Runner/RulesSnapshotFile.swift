// The rules' state on disk: how far the log was read, the alerts that fire, and the engine as it was there.
//
// `<data>/rules/snapshot`, little-endian:
//
// | At | Bytes | Field     | Holds                                                               |
// |---:|------:|-----------|---------------------------------------------------------------------|
// |  0 |     8 | magic     | `FBSTATE2`; the digit is the version                                 |
// |  8 |     4 | checksum  | CRC-32C of everything from byte 12                                   |
// | 12 |     4 | count     | positions that follow                                               |
// |    |       | positions | each: 2 bytes length, `topic-partition`, 8 bytes offset               |
// |    |     1 | has book  | 1 where the book follows, else 0                                     |
// |    |     8 | book      | the offset from which it reads `alerts-0` on                          |
// |    |     4 | firing    | alerts that fire by a record before that offset                      |
// |    |       |           | each: 8 bytes offset, 4 bytes length, the record's value               |
// |    |  rest | engine    | as `RuleEngine.encodeSnapshot` writes it                             |
//
// `alerts-0` among the positions is from where on edges may be derived again: every edge of the state stands before it.
// Without a book, and in version 1, which has none, the book is read from the log's start. Written to `snapshot.new`, synced,
// renamed, directory synced. It can be thrown away: the log is then read from its start.
internal import CommitLog
internal import Platform

/// What was saved: positions by partition, the book, and the engine's bytes.
struct RulesSnapshot: Equatable {
    var positions: [TopicPartition: Offset]
    /// nil where it has to be read from the log.
    var book: AlertBookState?
    var engine: [UInt8]
}

/// Three outcomes, not one optional.
enum RulesSnapshotContents {
    case missing
    case value(RulesSnapshot)
    /// There is a file, and it is none of ours.
    case damaged
}

struct RulesSnapshotFile {
    private static let magic = Array("FBSTATE2".utf8)
    private static let magicWithoutBook = Array("FBSTATE1".utf8)
    private static let checksummedFrom = 12
    private static let positionsMax = 10_000

    private let dataDirectory: String
    private let disk: any Disk
    private var directory: String { dataDirectory + "/rules" }
    private var path: String { directory + "/snapshot" }

    init(dataDirectory: String, disk: any Disk) {
        self.dataDirectory = dataDirectory
        self.disk = disk
    }

    func load() throws(DiskError) -> RulesSnapshotContents {
        guard try disk.exists(path) else { return .missing }
        let bytesMax = AlertingLimits.snapshotBytesMax
        guard try disk.open(path, .read).size() <= bytesMax else { return .damaged }
        let bytes = try disk.wholeFile(path, bytesMax: bytesMax)
        guard let snapshot = RulesSnapshotFile.decode(bytes) else { return .damaged }
        return .value(snapshot)
    }

    /// Durable on return.
    func save(_ snapshot: RulesSnapshot) throws(DiskError) {
        if try !disk.exists(directory) {
            try disk.createDirectory(directory)
            try disk.syncDirectory(dataDirectory)
        }
        try disk.replaceFile(path, in: directory, with: RulesSnapshotFile.encode(snapshot))
    }

    static func encode(_ snapshot: RulesSnapshot) -> [UInt8] {
        var bytes = magic + [0, 0, 0, 0]
        func put<Number: FixedWidthInteger>(_ value: Number) {
            withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
        }
        put(UInt32(clamping: snapshot.positions.count))
        for (partition, offset) in snapshot.positions.sorted(by: { $0.key < $1.key }) {
            let name = Array(partition.description.utf8)
            put(UInt16(clamping: name.count))
            bytes += name
            put(offset.value)
        }
        bytes.append(snapshot.book == nil ? 0 : 1)
        if let book = snapshot.book {
            put(book.position.value)
            put(UInt32(clamping: book.firing.count))
            for alert in book.firing {
                put(alert.offset.value)
                put(UInt32(clamping: alert.json.count))
                bytes += alert.json
            }
        }
        bytes += snapshot.engine
        let crc = bytes[checksummedFrom...].withUnsafeBytes { CRC32C.checksum($0) }
        withUnsafeBytes(of: crc.littleEndian) { bytes.replaceSubrange(8..<12, with: $0) }
        return bytes
    }

    /// nil where the bytes are no snapshot. Total.
    static func decode(_ bytes: [UInt8]) -> RulesSnapshot? {
        let hasBook = bytes.starts(with: magic)
        guard bytes.count >= checksummedFrom + 4, hasBook || bytes.starts(with: magicWithoutBook) else { return nil }
        var reader = SnapshotBytes(bytes, from: 8)
        let crc = bytes[checksummedFrom...].withUnsafeBytes { CRC32C.checksum($0) }
        guard reader.number(UInt32.self) == crc, let count = reader.number(UInt32.self), count <= positionsMax else {
            return nil
        }
        var positions: [TopicPartition: Offset] = [:]
        for _ in 0..<count {
            guard let length = reader.number(UInt16.self), let name = reader.take(Int(length)),
                let offset = reader.offset(),
                let partition = TopicPartition(directoryName: String(decoding: name, as: UTF8.self))
            else {
                return nil
            }
            positions[partition] = offset
        }
        var book: AlertBookState?
        if hasBook {
            switch reader.number(UInt8.self) {
            case 0: break
            case 1:
                guard let found = reader.book() else { return nil }
                book = found
            default: return nil
            }
        }
        return RulesSnapshot(positions: positions, book: book, engine: Array(reader.rest))
    }
}

/// Takes a snapshot's bytes apart. Every length is compared with what is left before it is used.
private struct SnapshotBytes {
    private(set) var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8], from start: Int) {
        rest = bytes[start...]
    }

    mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
        guard count <= rest.count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    mutating func number<Number: FixedWidthInteger>(_ type: Number.Type) -> Number? {
        take(MemoryLayout<Number>.size)?.withUnsafeBytes { Number(littleEndian: $0.loadUnaligned(as: type)) }
    }

    mutating func offset() -> Offset? {
        guard let value = number(Int64.self), value >= 0 else { return nil }
        return Offset(value)
    }

    mutating func book() -> AlertBookState? {
        guard let position = offset(), let count = number(UInt32.self) else { return nil }
        var book = AlertBookState(position: position, firing: [])
        for _ in 0..<count {
            guard let offset = offset(), let length = number(UInt32.self), let json = take(Int(length)) else {
                return nil
            }
            book.firing.append(AlertBookState.Firing(offset: offset, json: Array(json)))
        }
        return book
    }
}
