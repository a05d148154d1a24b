// The rules' state on disk: how far the log was read, and the engine as it was there.
//
// `<data>/rules/snapshot`, little-endian:
//
// | At | Bytes | Field     | Holds                                                               |
// |---:|------:|-----------|---------------------------------------------------------------------|
// |  0 |     8 | magic     | `FBSTATE1`; the digit is the version                                 |
// |  8 |     4 | checksum  | CRC-32C of everything from byte 12                                   |
// | 12 |     4 | count     | positions that follow                                               |
// |    |       | positions | each: 2 bytes length, `topic-partition`, 8 bytes offset               |
// |    |  rest | engine    | as `RuleEngine.encodeSnapshot` writes it                             |
//
// `alerts-0` is where the fold of edges goes on: every edge of the state stands before it. Written to `snapshot.new`,
// synced, renamed, directory synced. It can be thrown away: the log is then read from its start.
internal import CommitLog
internal import Platform

/// What was saved: positions by partition, and the engine's bytes.
struct RulesSnapshot: Equatable {
    var positions: [TopicPartition: Offset]
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
    private static let magic = Array("FBSTATE1".utf8)
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
        let file = try disk.open(path, .read)
        let size = try file.size()
        guard size > 0, size <= AlertingLimits.snapshotBytesMax else { return .damaged }
        var bytes = [UInt8](repeating: 0, count: Int(size))
        let count: Result<Int, DiskError> = bytes.withUnsafeMutableBytes { buffer in
            Result { () throws(DiskError) in try file.read(into: buffer, at: 0) }
        }
        guard try count.get() == bytes.count, let snapshot = RulesSnapshotFile.decode(bytes) else { return .damaged }
        return .value(snapshot)
    }

    /// Durable on return.
    func save(_ snapshot: RulesSnapshot) throws(DiskError) {
        if try !disk.exists(directory) {
            try disk.createDirectory(directory)
            try disk.syncDirectory(dataDirectory)
        }
        let temporary = path + ".new"
        if try disk.exists(temporary) { try disk.remove(temporary) }
        let file = try disk.open(temporary, .create)
        let written: Result<Void, DiskError> = RulesSnapshotFile.encode(snapshot).withUnsafeBytes { bytes in
            Result { () throws(DiskError) in try file.write([bytes], at: 0) }
        }
        try written.get()
        try file.sync()
        try disk.rename(temporary, to: path)
        try disk.syncDirectory(directory)
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
        bytes += snapshot.engine
        let crc = bytes[checksummedFrom...].withUnsafeBytes { CRC32C.checksum($0) }
        withUnsafeBytes(of: crc.littleEndian) { bytes.replaceSubrange(8..<12, with: $0) }
        return bytes
    }

    /// nil where the bytes are no snapshot. Total.
    static func decode(_ bytes: [UInt8]) -> RulesSnapshot? {
        guard bytes.count >= checksummedFrom + 4, bytes.starts(with: magic) else { return nil }
        var at = 8
        func number<Number: FixedWidthInteger>(_ type: Number.Type) -> Number? {
            let size = MemoryLayout<Number>.size
            guard size <= bytes.count - at else { return nil }
            defer { at += size }
            return bytes.withUnsafeBytes { Number(littleEndian: $0.loadUnaligned(fromByteOffset: at, as: type)) }
        }
        let crc = bytes[checksummedFrom...].withUnsafeBytes { CRC32C.checksum($0) }
        guard number(UInt32.self) == crc, let count = number(UInt32.self), count <= positionsMax else { return nil }
        var positions: [TopicPartition: Offset] = [:]
        for _ in 0..<count {
            guard let length = number(UInt16.self), Int(length) <= bytes.count - at else { return nil }
            let name = String(decoding: bytes[at..<at + Int(length)], as: UTF8.self)
            at += Int(length)
            guard let offset = number(Int64.self), offset >= 0, let partition = TopicPartition(directoryName: name)
            else {
                return nil
            }
            positions[partition] = Offset(offset)
        }
        return RulesSnapshot(positions: positions, engine: Array(bytes[at...]))
    }
}
