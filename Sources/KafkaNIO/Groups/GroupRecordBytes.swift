// Big-endian fields of Kafka's non-flexible schemas, written and read. Reading is total: nil where the bytes do not
// hold it.

/// Appends fields to a record's key or value.
struct GroupRecordWriter {
    private(set) var bytes: [UInt8] = []

    mutating func integer(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    /// int16 length, UTF-8. Every text that is stored was bounded far below 32 KiB when it came, or read from such a
    /// field.
    mutating func string(_ text: String) {
        precondition(text.utf8.count <= Int(Int16.max), "A stored text was not bounded when it came.")
        integer(Int16(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }

    /// As `string`; length -1 for nil.
    mutating func nullableString(_ text: String?) {
        if let text { string(text) } else { integer(Int16(-1)) }
    }

    /// int32 length, bytes.
    mutating func byteString(_ value: [UInt8]) {
        precondition(value.count <= Int(Int32.max), "Stored bytes were not bounded when they came.")
        integer(Int32(value.count))
        bytes.append(contentsOf: value)
    }
}

/// Reads fields of a record's key or value; the bytes come from a disk.
struct GroupRecordReader {
    private let bytes: UnsafeRawBufferPointer
    private var at = 0

    /// - Parameter bytes: must outlive the reader.
    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    var remaining: Int { bytes.count - at }

    mutating func integer<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type = Value.self) -> Value? {
        guard remaining >= MemoryLayout<Value>.size else { return nil }
        defer { at += MemoryLayout<Value>.size }
        return Value(bigEndian: bytes.loadUnaligned(fromByteOffset: at, as: type))
    }

    mutating func string() -> String? {
        guard let length = integer(Int16.self) else { return nil }
        return text(Int(length))
    }

    /// The outer optional is nil where the bytes are no such field, the inner one where it is null.
    mutating func nullableString() -> String?? {
        guard let length = integer(Int16.self) else { return .none }
        if length == -1 { return .some(nil) }
        guard let text = text(Int(length)) else { return .none }
        return .some(text)
    }

    mutating func byteString() -> [UInt8]? {
        guard let length = integer(Int32.self), let taken = take(Int(length)) else { return nil }
        return [UInt8](taken)
    }

    private mutating func text(_ count: Int) -> String? {
        guard let taken = take(count) else { return nil }
        return String(validating: taken, as: UTF8.self)
    }

    private mutating func take(_ count: Int) -> UnsafeRawBufferPointer? {
        guard count >= 0, remaining >= count else { return nil }
        defer { at += count }
        return UnsafeRawBufferPointer(rebasing: bytes[at..<at + count])
    }
}
