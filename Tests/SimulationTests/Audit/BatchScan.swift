// An independent look at the segment files: batches by their lengths, without the log's own reader or indexes.
import CommitLog

/// One batch as it lies in a file.
struct ScannedBatch: Equatable {
    var base: Int64
    var end: Int64
    var position: Int
    var byteCount: Int
    var maxTimestamp: Int64
}

enum BatchScan {
    static let headerBytes = 61

    /// The batches from the start of a file up to `limit` bytes, or to where none stands any more.
    static func batches(in bytes: [UInt8], upTo limit: Int = .max) -> [ScannedBatch] {
        var found: [ScannedBatch] = []
        var at = 0
        while at + headerBytes <= min(limit, bytes.count) {
            let length = Int(integer(bytes, at + 8, Int32.self))
            guard bytes[at + 16] == 2, length >= headerBytes - 12, at + 12 + length <= bytes.count else { break }
            let base = integer(bytes, at, Int64.self)
            found.append(
                ScannedBatch(
                    base: base,
                    end: base + Int64(integer(bytes, at + 23, Int32.self)) + 1,
                    position: at,
                    byteCount: 12 + length,
                    maxTimestamp: integer(bytes, at + 35, Int64.self)
                )
            )
            at += 12 + length
        }
        return found
    }

    private static func integer<Number: FixedWidthInteger>(_ bytes: [UInt8], _ at: Int, _: Number.Type) -> Number {
        bytes.withUnsafeBytes { Number(bigEndian: $0.loadUnaligned(fromByteOffset: at, as: Number.self)) }
    }

    /// The segments of a partition on the disk, by base offset.
    static func segments(of partition: Partition, on disk: SimulatedDisk) -> [(base: Int64, bytes: [UInt8])] {
        let directory = "\(BoxSettings.directory)/log/\(partition.topicPartition)"
        return disk.files(below: directory).compactMap { path, contents in
            guard path.hasSuffix(".log"), let base = Int64(path.dropFirst(directory.count + 1).dropLast(4)) else {
                return nil
            }
            return (base, contents.cached)
        }
    }
}
