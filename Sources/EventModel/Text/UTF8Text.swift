// Whether bytes are UTF-8 (RFC 3629), and whether they are fit for a name; eight at a time where they are ASCII.

/// Checks of text from a wire; nothing here traps or allocates.
public enum UTF8Text {
    /// Position of the first byte in `start..<start + count` that begins no valid UTF-8 sequence; nil where all is
    /// valid. A range outside of the span counts as invalid at `start`.
    @inlinable
    public static func firstInvalid(_ bytes: RawSpan, start: Int, count: Int) -> Int? {
        guard start >= 0, count >= 0, start <= bytes.byteCount, count <= bytes.byteCount &- start else { return start }
        let end = start &+ count
        var at = start
        while at &+ 8 <= end {
            let word = bytes.unsafeLoadUnaligned(fromByteOffset: at, as: UInt64.self)
            guard word & 0x8080_8080_8080_8080 == 0 else { break }
            at &+= 8
        }
        while at < end, bytes.unsafeLoad(fromByteOffset: at, as: UInt8.self) < 0x80 {
            at &+= 1
        }
        return at == end ? nil : firstInvalidSequence(bytes, from: at, to: end)
    }

    /// Whether the range is valid UTF-8 as a whole.
    @inlinable
    public static func isValid(_ bytes: RawSpan, start: Int, count: Int) -> Bool {
        firstInvalid(bytes, start: start, count: count) == nil
    }

    /// Whether the bytes are valid UTF-8 without control characters (U+0000 to U+001F, U+007F to U+009F).
    @inlinable
    public static func isPrintable(_ bytes: RawSpan, start: Int, count: Int) -> Bool {
        guard start >= 0, count >= 0, start <= bytes.byteCount, count <= bytes.byteCount &- start else { return false }
        let end = start &+ count
        var at = start
        while at &+ 8 <= end {
            let word = bytes.unsafeLoadUnaligned(fromByteOffset: at, as: UInt64.self)
            guard isPrintableASCII(word) else { return isPrintableSequence(bytes, from: at, to: end) }
            at &+= 8
        }
        if at < end, at &+ 8 <= bytes.byteCount {
            let spaces: UInt64 = 0x2020_2020_2020_2020
            let foreign = ~UInt64(0) << (UInt64(end &- at) &* 8)
            let word = bytes.unsafeLoadUnaligned(fromByteOffset: at, as: UInt64.self).littleEndian
            return isPrintableASCII((word & ~foreign) | (spaces & foreign))
                || isPrintableSequence(bytes, from: at, to: end)
        }
        return isPrintableSequence(bytes, from: at, to: end)
    }

    /// The same for all of `bytes`.
    @inlinable
    public static func isPrintable(_ bytes: UnsafeRawBufferPointer) -> Bool {
        isPrintable(bytes.bytes, start: 0, count: bytes.count)
    }

    @inlinable
    static func isPrintableASCII(_ word: UInt64) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let delete = word ^ (ones &* 0x7F)
        let stops = word | ((word &- (ones &* 0x20)) & ~word) | ((delete &- ones) & ~delete)
        return stops & 0x8080_8080_8080_8080 == 0
    }

    @usableFromInline
    static func firstInvalidSequence(_ bytes: RawSpan, from start: Int, to end: Int) -> Int? {
        var at = start
        while at < end {
            let count = sequenceCount(bytes, at: at, end: end)
            guard count > 0 else { return at }
            at &+= count
        }
        return nil
    }

    @usableFromInline
    static func isPrintableSequence(_ bytes: RawSpan, from start: Int, to end: Int) -> Bool {
        var at = start
        while at < end {
            let byte = bytes.unsafeLoad(fromByteOffset: at, as: UInt8.self)
            let count = sequenceCount(bytes, at: at, end: end)
            guard count > 0, byte >= 0x20, byte != 0x7F else { return false }
            if byte == 0xC2, bytes.unsafeLoad(fromByteOffset: at &+ 1, as: UInt8.self) < 0xA0 { return false }
            at &+= count
        }
        return true
    }

    /// Bytes of the sequence at `at`, or 0 where there is none: the table of RFC 3629 section 4.
    private static func sequenceCount(_ bytes: RawSpan, at: Int, end: Int) -> Int {
        let first = bytes.unsafeLoad(fromByteOffset: at, as: UInt8.self)
        if first < 0x80 { return 1 }
        let count: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch first {
        case 0xC2...0xDF: count = 2
        case 0xE0: (count, second) = (3, 0xA0...0xBF)
        case 0xED: (count, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: count = 3
        case 0xF0: (count, second) = (4, 0x90...0xBF)
        case 0xF4: (count, second) = (4, 0x80...0x8F)
        case 0xF1...0xF3: count = 4
        default: return 0
        }
        guard count <= end &- at, second.contains(bytes.unsafeLoad(fromByteOffset: at &+ 1, as: UInt8.self)) else {
            return 0
        }
        for index in 2..<max(2, count)
        where bytes.unsafeLoad(fromByteOffset: at &+ index, as: UInt8.self) & 0xC0 != 0x80 {
            return 0
        }
        return count
    }
}
