// A CSV file, row by row (RFC 4180), without holding more of it than a row.
internal import Foundation

/// One pass over a file. Fields may be quoted, with doubled quotes and line ends inside; a byte order mark is no field.
struct CSVFile: ~Copyable {
    enum Failure: Error {
        case unreadable(String)
        /// A row longer than any honest one: a quote that does not close, or no text at all.
        case rowTooLong(line: Int)
    }

    private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
    private static let chunkBytes = 1 << 20
    private static let rowBytesMax = 1 << 20
    private static let (quote, comma, lineFeed, carriageReturn) = (UInt8(0x22), UInt8(0x2C), UInt8(0x0A), UInt8(0x0D))

    private let handle: FileHandle
    private var chunk: [UInt8] = []
    private var at = 0
    private var hasBegun = false
    /// Of the row that was read last, from 1.
    private(set) var line = 0
    private var nextLine = 1
    /// The fields of the row that was read last, without quotes, one behind the other, and where each lies in them.
    private(set) var row: [UInt8] = []
    private(set) var fields: [Range<Int>] = []

    init(path: String) throws(Failure) {
        guard let handle = FileHandle(forReadingAtPath: path) else { throw .unreadable(path) }
        self.handle = handle
    }

    /// The texts of the row that was read last.
    var texts: [String] { fields.map { String(decoding: row[$0], as: UTF8.self) } }

    /// The bytes of a field, without the blanks around it; nil where the row has fewer.
    func trimmed(_ field: Int) -> Range<Int>? {
        guard fields.indices.contains(field) else { return nil }
        var range = fields[field]
        while let first = range.first, CSVFile.isBlank(row[first]) { range = range.dropFirst() }
        while let last = range.last, CSVFile.isBlank(row[last]) { range = range.dropLast() }
        return range
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    /// Reads the next row that is not empty; false at the end.
    mutating func next() throws(Failure) -> Bool {
        while try readRow() {
            if fields.count > 1 || !row.isEmpty { return true }
        }
        return false
    }

    private mutating func readRow() throws(Failure) -> Bool {
        line = nextLine
        row.removeAll(keepingCapacity: true)
        fields.removeAll(keepingCapacity: true)
        guard try fill() else { return false }
        var start = 0
        var isQuoted = false
        var byteCount = 0
        while try fill() {
            let byte = chunk[at]
            at &+= 1
            byteCount &+= 1
            guard byteCount <= CSVFile.rowBytesMax else { throw .rowTooLong(line: line) }
            if byte == CSVFile.lineFeed { nextLine &+= 1 }
            if isQuoted {
                if byte != CSVFile.quote {
                    row.append(byte)
                } else if try fill(), chunk[at] == CSVFile.quote {
                    at &+= 1
                    row.append(byte)
                } else {
                    isQuoted = false
                }
                continue
            }
            switch byte {
            case CSVFile.quote where row.count == start: isQuoted = true
            case CSVFile.comma: start = endField(start)
            case CSVFile.lineFeed:
                _ = endField(start)
                return true
            default: row.append(byte)
            }
        }
        _ = endField(start)
        return true
    }

    /// - Returns: where the next field starts.
    private mutating func endField(_ start: Int) -> Int {
        if row.count > start, row[row.count - 1] == CSVFile.carriageReturn { row.removeLast() }
        fields.append(start..<row.count)
        return row.count
    }

    /// Sees to it that there is a byte at `at`; false at the end of the file.
    @inline(__always)
    private mutating func fill() throws(Failure) -> Bool {
        if at < chunk.count { return true }
        return try readChunk()
    }

    private mutating func readChunk() throws(Failure) -> Bool {
        do { chunk = [UInt8](try handle.read(upToCount: CSVFile.chunkBytes) ?? Data()) } catch {
            throw .unreadable("\(error.localizedDescription)")
        }
        at = !hasBegun && chunk.starts(with: CSVFile.byteOrderMark) ? CSVFile.byteOrderMark.count : 0
        hasBegun = true
        return at < chunk.count
    }
}
