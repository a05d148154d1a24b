// `<offset>.snapshot`: what a partition remembers of its producers below an offset, so that recovery need not read all
// segments for it. All integers big-endian.
//
// | At | Bytes | Field    | Holds                                                                        |
// |---:|------:|----------|------------------------------------------------------------------------------|
// |  0 |     4 | checksum | CRC-32C of everything after it                                                |
// |  4 |    16 | topic id | that of the partition's journal                                              |
// | 20 |     8 | offset   | as in the name: every batch below it is in here, none beyond                  |
// | 28 |     4 | count    | producers, at most 1,000                                                     |
// | 32 |       | producers |                                                                             |
//
// A producer:
//
// | At | Bytes | Field       | Holds                                                                     |
// |---:|------:|-------------|---------------------------------------------------------------------------|
// |  0 |     8 | id          | each once                                                                 |
// |  8 |     2 | epoch       |                                                                           |
// | 10 |     1 | uncertain   | 1 where batches after its last may have been lost, 0 else                   |
// | 11 |     9 | append time | of its last batch, or a later one                                          |
// | 20 |     1 | batches     | how many follow, 1 to 5                                                    |
// | 21 | 16 each | batches   | first sequence 4, last sequence 4, base offset 8; offsets ascending, below that of the file |
//
// A snapshot is valid if the checksum matches, the topic id is the partition's, every field is in its range and nothing is left
// over. One that is not is as good as none: recovery reads the headers of all batches in its place.
internal import Platform

enum ProducerSnapshot {
    private static let headerBytes = 32
    private static let entryBytes = 21
    private static let batchBytes = 16
    private static let bytesMax =
        headerBytes + Limits.producersMax * (entryBytes + ProducerTable.batchesMax * batchBytes)

    /// Writes what `producers` holds, which is all that came below `offset`. Its bytes are durable on return, its name is not.
    /// Where something that is no file has the name there is none.
    static func write(
        _ producers: ProducerTable,
        at offset: Offset,
        topicID: UniqueIdentifier,
        in directory: String,
        disk: any Disk
    ) throws(DiskError) {
        let path = SegmentFiles(directory: directory, base: offset).producerSnapshot
        do {
            try disk.writeNew(path, encoded(producers, at: offset, topicID: topicID))
        } catch {
            guard error.isNoFile else { throw error }
        }
    }

    /// Removes one; what is gone already is fine, and what is no file stays.
    static func remove(at offset: Offset, in directory: String, disk: any Disk) throws(DiskError) {
        do {
            try disk.remove(SegmentFiles(directory: directory, base: offset).producerSnapshot)
        } catch {
            guard error.isNotFound || error.isNoFile else { throw error }
        }
    }

    /// The table as of `offset`; nil where the file is none that says so.
    static func read(
        at offset: Offset,
        topicID: UniqueIdentifier,
        in directory: String,
        disk: any Disk
    ) throws(DiskError) -> ProducerTable? {
        let path = SegmentFiles(directory: directory, base: offset).producerSnapshot
        let bytes: [UInt8]
        do {
            bytes = try disk.wholeFile(path, bytesMax: bytesMax)
        } catch {
            // It is a hint: whatever keeps it from being read, the log itself says the same.
            guard error.isReading || error.isUnopenable else { throw error }
            return nil
        }
        return bytes.withUnsafeBytes { decoded($0, at: offset, topicID: topicID) }
    }

    private static func encoded(_ producers: ProducerTable, at offset: Offset, topicID: UniqueIdentifier) -> [UInt8] {
        var body: [UInt8] = []
        body.appendBigEndian(topicID.high)
        body.appendBigEndian(topicID.low)
        body.appendBigEndian(offset.value)
        body.appendBigEndian(UInt32(producers.entries.count))
        for (id, entry) in producers.entries.sorted(by: { $0.key < $1.key }) {
            body.appendBigEndian(id)
            body.appendBigEndian(entry.epoch)
            body.append(entry.isUncertain ? 1 : 0)
            body.appendBigEndian(entry.lastAppend?.timestamp.milliseconds ?? 0)
            body.append(entry.lastAppend?.isSynchronised == true ? 1 : 0)
            body.append(UInt8(entry.batches.count))
            for batch in entry.batches {
                body.appendBigEndian(batch.firstSequence)
                body.appendBigEndian(batch.lastSequence)
                body.appendBigEndian(batch.baseOffset.value)
            }
        }
        var bytes: [UInt8] = []
        bytes.appendBigEndian(body.withUnsafeBytes { CRC32C.checksum($0) })
        return bytes + body
    }

    private static func decoded(
        _ bytes: UnsafeRawBufferPointer,
        at offset: Offset,
        topicID: UniqueIdentifier
    ) -> ProducerTable? {
        var reader = ByteReader(bytes)
        guard let checksum: UInt32 = reader.integer(),
            CRC32C.checksum(UnsafeRawBufferPointer(rebasing: bytes[4...])) == checksum,
            let high: UInt64 = reader.integer(), let low: UInt64 = reader.integer(),
            UniqueIdentifier(high: high, low: low) == topicID,
            let stored: Int64 = reader.integer(), stored == offset.value,
            let count: UInt32 = reader.integer(), count <= Limits.producersMax
        else { return nil }
        var entries: [Int64: ProducerTable.Entry] = [:]
        for _ in 0..<count {
            guard let id: Int64 = reader.integer(), id >= 0, entries[id] == nil,
                let entry = entry(&reader, below: offset)
            else { return nil }
            entries[id] = entry
        }
        return reader.remaining == 0 ? ProducerTable(end: offset, entries: entries) : nil
    }

    private static func entry(_ reader: inout ByteReader, below end: Offset) -> ProducerTable.Entry? {
        guard let epoch: Int16 = reader.integer(), epoch >= 0, let uncertain: UInt8 = reader.integer(), uncertain <= 1,
            let lastAppend = reader.appendTime(),
            let count: UInt8 = reader.integer(), (1...ProducerTable.batchesMax).contains(Int(count))
        else { return nil }
        var batches: [ProducerTable.Batch] = []
        for _ in 0..<count {
            guard let first: Int32 = reader.integer(), first >= 0, let last: Int32 = reader.integer(), last >= 0,
                let base = reader.offset(), base < end, base > batches.last?.baseOffset ?? Offset(-1)
            else { return nil }
            batches.append(.init(firstSequence: first, lastSequence: last, baseOffset: base))
        }
        return ProducerTable.Entry(
            epoch: epoch,
            batches: batches,
            isUncertain: uncertain == 1,
            lastAppend: lastAppend
        )
    }
}
