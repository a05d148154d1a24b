// The inside of a JSON string as text, for people's eyes and rare paths; never per reading.

package enum JSONText {
    /// The text of the escaped bytes; as they stand where an escape is malformed, and empty for a range outside.
    package static func unescaped(_ bytes: RawSpan, start: Int, count: Int) -> String {
        guard start >= 0, count > 0, start <= bytes.byteCount, count <= bytes.byteCount - start else { return "" }
        let string = JSONString(start: start, count: count, hasEscapes: true)
        return withUnsafeTemporaryAllocation(byteCount: count, alignment: 1) { output in
            if case .written(let length) = JSONScanner.unescape(string, bytes, into: output) {
                return String(decoding: output[..<length], as: UTF8.self)
            }
            return bytes.withUnsafeBytes { String(decoding: $0[start..<start + count], as: UTF8.self) }
        }
    }

    /// The text of escaped bytes that stand alone.
    package static func unescaped(_ bytes: UnsafeRawBufferPointer) -> String {
        unescaped(bytes.bytes, start: 0, count: bytes.count)
    }
}
