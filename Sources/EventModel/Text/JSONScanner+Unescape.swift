// The escapes of JSON strings (RFC 8259 section 7), written out as UTF-8.

/// How writing out a string's content ended.
public enum JSONUnescapeOutcome: BitwiseCopyable, Sendable {
    /// So many bytes stand at the start of the output.
    case written(Int)
    /// An escape that is none, or half a surrogate pair; `position` is its backslash.
    case malformed(position: Int)
    /// The output is shorter than the content as it stands in the text; nothing was written.
    case noSpace
}

extension JSONScanner {
    /// Writes the content of `string`, a string that was read from `bytes`, into `output` with its escapes resolved.
    /// The result is never longer than the content; UTF-8 that stands there is copied unchecked.
    public static func unescape(
        _ string: JSONString,
        _ bytes: RawSpan,
        into output: UnsafeMutableRawBufferPointer
    ) -> JSONUnescapeOutcome {
        guard string.start >= 0, string.count >= 0, string.start <= bytes.byteCount,
            string.count <= bytes.byteCount &- string.start
        else { return .malformed(position: 0) }
        guard string.count <= output.count else { return .noSpace }
        let end = string.start &+ string.count
        var at = string.start
        var written = 0
        while at < end {
            let byte = bytes.unsafeLoad(fromByteOffset: at, as: UInt8.self)
            guard byte == 0x5C else {
                output[written] = byte
                written &+= 1
                at &+= 1
                continue
            }
            guard let escape = scalar(ofEscape: bytes, at: at, end: end) else { return .malformed(position: at) }
            written &+= write(escape.scalar, to: output, at: written)
            at &+= escape.count
        }
        return .written(written)
    }

    /// The scalar of the escape at `at`, and its length: 2, 6 or, for a surrogate pair, 12 bytes.
    private static func scalar(ofEscape bytes: RawSpan, at: Int, end: Int) -> (scalar: UInt32, count: Int)? {
        guard at &+ 1 < end else { return nil }
        switch bytes.unsafeLoad(fromByteOffset: at &+ 1, as: UInt8.self) {
        case 0x22: return (0x22, 2)
        case 0x5C: return (0x5C, 2)
        case 0x2F: return (0x2F, 2)
        case 0x62: return (0x08, 2)
        case 0x66: return (0x0C, 2)
        case 0x6E: return (0x0A, 2)
        case 0x72: return (0x0D, 2)
        case 0x74: return (0x09, 2)
        case 0x75: return unicodeScalar(bytes, at: at, end: end)
        default: return nil
        }
    }

    private static func unicodeScalar(_ bytes: RawSpan, at: Int, end: Int) -> (scalar: UInt32, count: Int)? {
        guard let first = hexadecimal(bytes, at: at &+ 2, end: end) else { return nil }
        guard first & 0xF800 == 0xD800 else { return (first, 6) }
        guard first < 0xDC00, at &+ 7 < end, bytes.unsafeLoad(fromByteOffset: at &+ 6, as: UInt8.self) == 0x5C,
            bytes.unsafeLoad(fromByteOffset: at &+ 7, as: UInt8.self) == 0x75,
            let second = hexadecimal(bytes, at: at &+ 8, end: end), second & 0xFC00 == 0xDC00
        else { return nil }
        return (0x10000 &+ ((first & 0x3FF) << 10) &+ (second & 0x3FF), 12)
    }

    private static func hexadecimal(_ bytes: RawSpan, at: Int, end: Int) -> UInt32? {
        guard at &+ 4 <= end else { return nil }
        var value: UInt32 = 0
        for index in at..<at &+ 4 {
            let byte = bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self)
            let digit: UInt8
            switch byte {
            case 0x30...0x39: digit = byte &- 0x30
            case 0x41...0x46, 0x61...0x66: digit = (byte | 0x20) &- 0x57
            default: return nil
            }
            value = value << 4 | UInt32(digit)
        }
        return value
    }

    /// Writes a scalar as UTF-8, one to four bytes: never more than its escape had, so that there is room.
    private static func write(_ scalar: UInt32, to output: UnsafeMutableRawBufferPointer, at: Int) -> Int {
        func put(_ index: Int, _ value: UInt32) {
            output[at &+ index] = UInt8(truncatingIfNeeded: value)
        }
        if scalar < 0x80 {
            put(0, scalar)
            return 1
        }
        if scalar < 0x800 {
            put(0, 0xC0 | scalar >> 6)
            put(1, 0x80 | scalar & 0x3F)
            return 2
        }
        if scalar < 0x10000 {
            put(0, 0xE0 | scalar >> 12)
            put(1, 0x80 | scalar >> 6 & 0x3F)
            put(2, 0x80 | scalar & 0x3F)
            return 3
        }
        put(0, 0xF0 | scalar >> 18)
        put(1, 0x80 | scalar >> 12 & 0x3F)
        put(2, 0x80 | scalar >> 6 & 0x3F)
        put(3, 0x80 | scalar & 0x3F)
        return 4
    }
}
