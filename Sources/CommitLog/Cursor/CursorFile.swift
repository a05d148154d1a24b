// A small durable value that is overwritten in place: how far an internal consumer has come.
//
// `<data>/cursors/<name>`: 8,192 bytes, two slots of 4,096 that are written in turn. All integers big-endian.
//
// | At | Bytes | Field    | Holds                                                       |
// |---:|------:|----------|-------------------------------------------------------------|
// |  0 |     4 | checksum | CRC-32C of everything after it up to the end of the payload    |
// |  4 |     4 | length   | bytes of the payload, at most 4,000                           |
// |  8 |     8 | sequence | 1 for the first value ever stored, then one more each time     |
// | 16 |  length | payload | opaque                                                      |
//
// A slot is valid if its length is in bounds and the checksum matches; zeros are an empty slot. The valid slot with the
// larger sequence holds the value. A torn write hits the older slot, so the value before it stays.
package import Platform

/// One consumer's cursor. One thread (or actor) at a time; `store` blocks for a sync.
package final class CursorFile {
    /// Three outcomes, not one optional.
    package enum Contents: Hashable, Sendable {
        /// Nothing was ever stored.
        case missing
        case value([UInt8])
        /// There is a file with something in it, and neither slot is valid.
        case damaged
    }

    private static let slotBytes = 4096
    private static let headerBytes = 16

    package let path: String
    private let file: any DiskFile
    /// Of the newest valid slot; nil until the slots have been read.
    private var sequence: UInt64?
    /// Set by a failed write or sync: what the file holds then is not known, and a sync is not repeated.
    private var failure: DiskError?

    /// Opens `<data>/cursors/<name>`, creating it (durably) where it is not there. A name is 1 to 249 of the characters
    /// of a topic name. That a name which is there already is durable too is for `CommitLog.open` to see to, which comes
    /// first.
    package init(dataDirectory: String, name: String, disk: any Disk) throws(LogError) {
        guard TopicName(name) != nil else { throw LogError(.invalidName, "\"\(name)\" is no name for a cursor") }
        let directory = dataDirectory + "/cursors"
        path = "\(directory)/\(name)"
        let path = path
        file = try diskCall { () throws(DiskError) in
            if try disk.exists(path) { return try disk.open(path, .update) }
            if try !disk.exists(directory) {
                try disk.createDirectory(directory)
                try disk.syncDirectory(dataDirectory)
            }
            let created = try disk.open(path, .create)
            try created.write([UInt8](repeating: 0, count: 2 * CursorFile.slotBytes), at: 0)
            try created.sync()
            try disk.syncDirectory(directory)
            return created
        }
    }

    /// Reads both slots. After `.damaged` the next `store` begins anew. Durable on return: a process that was killed
    /// between its write and its sync leaves a value that only the page cache has, and nobody may act on it before the
    /// device has it too; what a failed sync left in the cache is not read at all. After a disk error the cursor is unusable and throws it again.
    package func load() throws(LogError) -> Contents {
        let file = file
        try attempt { () throws(DiskError) in try file.refresh() }
        var bytes = [UInt8](repeating: 0, count: 2 * CursorFile.slotBytes)
        let result: Result<Int, DiskError> = bytes.withUnsafeMutableBytes { buffer in
            Result { () throws(DiskError) in try file.salvage(into: buffer, at: 0).count }
        }
        do { _ = try result.get() } catch { throw LogError(error) }
        let slots = [bytes[..<CursorFile.slotBytes], bytes[CursorFile.slotBytes...]].compactMap { half in
            half.withUnsafeBytes { CursorFile.slot($0) }
        }
        guard let newest = slots.max(by: { $0.sequence < $1.sequence }) else {
            sequence = 0
            return bytes.allSatisfy { $0 == 0 } ? .missing : .damaged
        }
        sequence = newest.sequence
        return .value(newest.payload)
    }

    private static func slot(_ bytes: UnsafeRawBufferPointer) -> (sequence: UInt64, payload: [UInt8])? {
        var reader = ByteReader(bytes)
        guard let checksum: UInt32 = reader.integer(), let length: UInt32 = reader.integer(),
            length <= Limits.cursorBytesMax, let sequence: UInt64 = reader.integer(), sequence > 0,
            let payload = reader.take(Int(length)),
            CRC32C.checksum(UnsafeRawBufferPointer(rebasing: bytes[4..<headerBytes + Int(length)])) == checksum
        else { return nil }
        return (sequence, Array(payload))
    }

    /// Stores a value in the older slot: durable on return.
    ///
    /// Throws `tooLarge` beyond 4,000 bytes, changing nothing. After a disk error the cursor is unusable and throws it
    /// again.
    package func store(_ payload: [UInt8]) throws(LogError) {
        guard payload.count <= Limits.cursorBytesMax else {
            throw LogError(.tooLarge, "a cursor holds \(Limits.cursorBytesMax) bytes, not \(payload.count)", path: path)
        }
        if sequence == nil { _ = try load() }
        let next = (sequence ?? 0) &+ 1
        var body: [UInt8] = []
        body.appendBigEndian(UInt32(payload.count))
        body.appendBigEndian(next)
        body += payload
        var slot: [UInt8] = []
        slot.appendBigEndian(body.withUnsafeBytes { CRC32C.checksum($0) })
        slot += body
        try attempt { () throws(DiskError) in
            try file.write(slot, at: Int64(next % 2) * Int64(CursorFile.slotBytes))
            try file.sync()
        }
        sequence = next
    }

    private func attempt(_ body: () throws(DiskError) -> Void) throws(LogError) {
        if let failure { throw LogError(failure) }
        do {
            try body()
        } catch {
            failure = error
            throw LogError(error)
        }
    }
}
