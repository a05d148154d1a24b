// A CSV file, row by row (RFC 4180), without holding more of it than a row.
internal import Foundation

/// One pass over a file. Fields may be quoted, with doubled quotes and line ends inside; a byte order mark is no field.
struct CSVFile: ~Copyable {
    enum Failure: Error {
        case unreadable(String)
        /// A row longer than any honest one: a quote that does not close, or no text at all.
        case rowTooLong(line: Int)
        case noColumn(String, [String])
    }

    private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
    private static let chunkBytes = 1 << 20
    private static let rowBytesMax = 1 << 20
    private static let (quote, comma, lineFeed, carriageReturn) = (UInt8(0x22), UInt8(0x2C), UInt8(0x0A), UInt8(0x0D))

    private let handle: FileHandle
    private var chunk = Data()
    private var at = 0
    private var hasBegun = false
    /// Of the row that was read last, from 1.
    private(set) var line = 0
    private var nextLine = 1

    init(path: String) throws(Failure) {
        guard let handle = FileHandle(forReadingAtPath: path) else { throw .unreadable(path) }
        self.handle = handle
    }

    /// The fields of the next row that is not empty; nil at the end.
    mutating func next() throws(Failure) -> [String]? {
        while true {
            guard let fields = try row() else { return nil }
            if fields != [""] { return fields }
        }
    }

    private mutating func row() throws(Failure) -> [String]? {
        line = nextLine
        var fields: [String] = []
        var field: [UInt8] = []
        var isQuoted = false
        var byteCount = 0
        while let byte = try byte() {
            byteCount += 1
            guard byteCount <= CSVFile.rowBytesMax else { throw .rowTooLong(line: line) }
            if byte == CSVFile.lineFeed { nextLine += 1 }
            if isQuoted {
                guard byte == CSVFile.quote else {
                    field.append(byte)
                    continue
                }
                guard try peek() == CSVFile.quote else {
                    isQuoted = false
                    continue
                }
                at += 1
                field.append(byte)
                continue
            }
            switch byte {
            case CSVFile.quote where field.isEmpty: isQuoted = true
            case CSVFile.comma:
                fields.append(CSVFile.text(&field))
            case CSVFile.lineFeed:
                return fields + [CSVFile.text(&field)]
            default: field.append(byte)
            }
        }
        return byteCount == 0 ? nil : fields + [CSVFile.text(&field)]
    }

    private static func text(_ field: inout [UInt8]) -> String {
        defer { field.removeAll(keepingCapacity: true) }
        if field.last == carriageReturn { field.removeLast() }
        return String(decoding: field, as: UTF8.self)
    }

    private mutating func byte() throws(Failure) -> UInt8? {
        let byte = try peek()
        if byte != nil { at += 1 }
        return byte
    }

    private mutating func peek() throws(Failure) -> UInt8? {
        if at == chunk.count {
            do { chunk = try handle.read(upToCount: CSVFile.chunkBytes) ?? Data() } catch {
                throw .unreadable("\(error.localizedDescription)")
            }
            at = !hasBegun && chunk.starts(with: CSVFile.byteOrderMark) ? CSVFile.byteOrderMark.count : 0
            hasBegun = true
            if at >= chunk.count { return nil }
        }
        return chunk[chunk.startIndex + at]
    }
}
