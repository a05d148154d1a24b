// Encodes one record header entry: varint key length, key, varint value length (-1 for none), value.

/// The encoder of one entry; `BatchBuilder.append` writes the count before them.
public enum RecordHeader {
    /// Appends one entry to `buffer`; keeps within its capacity where the caller reserved it.
    public static func append(
        key: UnsafeRawBufferPointer,
        value: UnsafeRawBufferPointer?,
        to buffer: inout [UInt8]
    ) {
        appendVarint(Int64(key.count), to: &buffer)
        buffer.append(contentsOf: key)
        appendVarint(Int64(value?.count ?? -1), to: &buffer)
        if let value { buffer.append(contentsOf: value) }
    }

    /// Appends one entry whose key is known when the program is compiled.
    public static func append(key: StaticString, value: UnsafeRawBufferPointer?, to buffer: inout [UInt8]) {
        key.withUTF8Buffer { append(key: UnsafeRawBufferPointer($0), value: value, to: &buffer) }
    }

    /// Writes one entry at the start of `space`; the bytes it took, or nil where there is no room and nothing was
    /// written.
    public static func write(
        key: UnsafeRawBufferPointer,
        value: UnsafeRawBufferPointer?,
        into space: UnsafeMutableRawBufferPointer
    ) -> Int? {
        let valueLength = Int64(value?.count ?? -1)
        let size = Varint.size(Int64(key.count)) + key.count + Varint.size(valueLength) + (value?.count ?? 0)
        guard size <= space.count, let start = space.baseAddress else { return nil }
        var at = Varint.write(Int64(key.count), at: start)
        if let source = key.baseAddress { at.copyMemory(from: source, byteCount: key.count) }
        at = Varint.write(valueLength, at: at + key.count)
        if let value, let source = value.baseAddress { at.copyMemory(from: source, byteCount: value.count) }
        return size
    }

    private static func appendVarint(_ value: Int64, to buffer: inout [UInt8]) {
        var rest = Varint.zigzag(value)
        while rest >= 0x80 {
            buffer.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        buffer.append(UInt8(truncatingIfNeeded: rest))
    }
}
