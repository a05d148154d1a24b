// Gives out producer ids, none of them twice.
//
// `<data>/producer-ids`: 12 bytes, replaced as a whole. All integers big-endian.
//
// | At | Bytes | Field    | Holds                                      |
// |---:|------:|----------|--------------------------------------------|
// |  0 |     4 | checksum | CRC-32C of the rest                        |
// |  4 |     8 | next     | every id below was, or may have been, given out |
//
// Ids are reserved in blocks of 1,000: written, synced and renamed before the first of them is given out. What of a block
// a restart leaves is never used.
//
// Without a valid file nobody knows which ids clients hold: the log does not, for an id may be given out long before its first
// batch, and be used on after its state has expired. Two producers with one id are worse than refused: a batch of one
// can be taken for a batch of the other, and be acknowledged without being stored. So counting then begins at a place in
// 2^62 that is drawn at random. That holds for a new data directory too, which cannot be told from one that has lost the file
// or that a backup was put back into; a backup must not bring the file, or the ids given out since would come again.
package import Platform

/// One thread at a time. Blocks for syncs with the first id and each thousandth.
package final class ProducerIDs {
    /// What was found at the start.
    package enum Origin: String, Sendable {
        case resumed
        /// There was no file.
        case new
        /// There was one, and it was not valid.
        case damaged
    }

    private static let blockSize: Int64 = 1000
    private static let byteCount = 12

    package let origin: Origin
    private let directory: String
    private let disk: any Disk
    /// The next id to be given out.
    private var nextID: Int64
    /// The end of what is reserved.
    private var end: Int64
    /// Set by a failure that is not that of a full disk: what the file holds then is not known.
    private var failure: DiskError?

    private var path: String { ProducerIDs.path(in: directory) }

    private static func path(in directory: String) -> String { directory + "/producer-ids" }

    /// Reads the file; writes nothing.
    ///
    /// `seed`: a number that nobody can guess, for where to begin without one.
    package init(dataDirectory: String, disk: any Disk, seed: UInt64 = randomSeed()) throws(LogError) {
        directory = dataDirectory
        self.disk = disk
        let path = ProducerIDs.path(in: dataDirectory)
        let found = try diskCall { () throws(DiskError) in try ProducerIDs.read(path, disk) }
        origin = found.origin
        nextID = found.next ?? Int64(seed >> 2) / ProducerIDs.blockSize * ProducerIDs.blockSize
        end = nextID
    }

    private static func read(_ path: String, _ disk: any Disk) throws(DiskError) -> (origin: Origin, next: Int64?) {
        let bytes: [UInt8]
        do {
            guard try disk.exists(path) else { return (.new, nil) }
            bytes = try disk.wholeFile(path, bytesMax: byteCount)
        } catch {
            guard error.isReading || error.isUnopenable else { throw error }
            return (.damaged, nil)
        }
        let next = bytes.withUnsafeBytes { raw -> Int64? in
            var reader = ByteReader(raw)
            guard raw.count == byteCount, let checksum: UInt32 = reader.integer(),
                CRC32C.checksum(UnsafeRawBufferPointer(rebasing: raw[4...])) == checksum,
                let next: Int64 = reader.integer(), next >= 0, next <= Int64.max - blockSize
            else { return nil }
            return next
        }
        return (next == nil ? .damaged : .resumed, next)
    }

    /// An id that was never given out before, from 0 up.
    ///
    /// Throws where a block cannot be reserved: on a full disk the next call tries again, after any other failure every
    /// call throws the same.
    package func next() throws(LogError) -> Int64 {
        if nextID == end { try reserve() }
        defer { nextID += 1 }
        return nextID
    }

    private func reserve() throws(LogError) {
        if let failure { throw LogError(failure) }
        // Past 2^62 ids and more the beginning would come again; a box does not live so long.
        guard end <= Int64.max - ProducerIDs.blockSize else {
            throw LogError(.tooLarge, "all producer ids are given out", path: path)
        }
        let reserved = end + ProducerIDs.blockSize
        var body: [UInt8] = []
        body.appendBigEndian(reserved)
        var bytes: [UInt8] = []
        bytes.appendBigEndian(body.withUnsafeBytes { CRC32C.checksum($0) })
        do {
            try disk.replaceFile(path, in: directory, with: bytes + body)
        } catch {
            if !error.isRetriable { failure = error }
            throw LogError(error)
        }
        end = reserved
    }
}
