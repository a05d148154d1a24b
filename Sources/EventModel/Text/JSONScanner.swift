// The JSON grammar over bytes: strings, numbers and whole values, without an allocation and without a trap.

/// Where a JSON string's content lies: between its quotes, `start` counted from the start of the span.
public struct JSONString: BitwiseCopyable, Sendable {
    /// The first byte.
    public var start: Int
    /// How many bytes.
    public var count: Int
    /// Whether the content holds a backslash, so that it must pass through `JSONScanner.unescape`.
    public var hasEscapes: Bool
    /// True where the content is printable ASCII for sure; where it is false, `UTF8Text` must tell.
    public var isPlain: Bool

    /// Both in bytes.
    @inlinable
    @inline(__always)
    public init(start: Int, count: Int, hasEscapes: Bool, isPlain: Bool = false) {
        self.start = start
        self.count = count
        self.hasEscapes = hasEscapes
        self.isPlain = isPlain
    }
}

/// Where a JSON number's text lies, and its value.
public struct JSONNumber: BitwiseCopyable, Sendable {
    /// The first byte.
    public var start: Int
    /// How many bytes.
    public var count: Int
    /// The number, finite.
    public var value: Double

    /// The number as an integer, exact where its text is digits alone; nil where it is none, or beyond `Int64`.
    ///
    /// `bytes`: those that the number was read from.
    package func integer(_ bytes: RawSpan) -> Int64? {
        guard start >= 0, count > 0, start <= bytes.byteCount, count <= bytes.byteCount &- start else { return nil }
        let isNegative = bytes.unsafeLoad(fromByteOffset: start, as: UInt8.self) == 0x2D
        var integer: Int64 = 0
        for index in start &+ (isNegative ? 1 : 0)..<start &+ count {
            let digit = bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self) &- 0x30
            guard digit <= 9 else { return Int64(exactly: value) }
            let (tenfold, overflow) = integer.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tenfold.subtractingReportingOverflow(Int64(digit))
            guard !overflow, !carry else { return nil }
            integer = sum
        }
        // Built below zero, where `Int64` reaches one further.
        guard !isNegative else { return integer }
        return integer == .min ? nil : 0 &- integer
    }
}

/// A cursor over JSON text (RFC 8259). The bytes are handed to each call, so that the cursor holds nothing.
///
/// Every function is total: any bytes at all give a value or nil, never a trap and never a read outside of the
/// span. On nil, `position` stands at the byte that could not be read.
public struct JSONScanner: BitwiseCopyable, Sendable {
    /// The next byte to look at, counted from the start of the span.
    public var position: Int

    /// Deepest nesting that `skipValue` follows.
    public static let depthMax = 32
    /// Longest text of a number, in bytes; a longer one is not read.
    public static let numberBytesMax = 120

    /// A cursor at `position`.
    @inlinable
    public init(position: Int = 0) {
        self.position = position
    }

    /// The byte at the cursor, or nil at the end.
    @inlinable
    @inline(__always)
    public func peek(_ bytes: RawSpan) -> UInt8? {
        guard position >= 0, position < bytes.byteCount else { return nil }
        return bytes.unsafeLoad(fromByteOffset: position, as: UInt8.self)
    }

    /// Moves over space, tab, carriage return and line feed.
    @inlinable
    @inline(__always)
    public mutating func skipWhitespace(_ bytes: RawSpan) {
        // Text from machines has none: one comparison, inlined, decides that.
        if let byte = peek(bytes), byte <= 0x20 { skipWhitespaceRun(bytes) }
    }

    @usableFromInline
    mutating func skipWhitespaceRun(_ bytes: RawSpan) {
        while let byte = peek(bytes), byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
            position &+= 1
        }
    }

    /// Steps over `byte`; false, and no step, where something else stands there.
    @inlinable
    @inline(__always)
    public mutating func consume(_ byte: UInt8, _ bytes: RawSpan) -> Bool {
        guard let found = peek(bytes), found == byte else { return false }
        position &+= 1
        return true
    }

    /// Steps over exactly the ASCII of `text`; false, and no step, where something else stands there.
    @inlinable
    @inline(__always)
    public mutating func step(over text: StaticString, _ bytes: RawSpan) -> Bool {
        guard bytes.equals(ByteSlice(start: position, count: text.utf8CodeUnitCount), text) else { return false }
        position &+= text.utf8CodeUnitCount
        return true
    }

    /// Reads a string with its quotes. Control characters inside of it are refused, as the RFC has it; escapes
    /// are checked for their form; surrogate pairs by `unescape`, UTF-8 by `UTF8Text`.
    @inlinable
    @inline(__always)
    public mutating func string(_ bytes: RawSpan) -> JSONString? {
        guard consume(0x22, bytes) else { return nil }
        let start = position
        let wordEnd = bytes.byteCount &- 8
        let highs: UInt64 = 0x8080_8080_8080_8080
        var at = start
        var foreign: UInt64 = 0
        while at <= wordEnd {
            let word = bytes.unsafeLoadUnaligned(fromByteOffset: at, as: UInt64.self).littleEndian
            let stops = JSONScanner.stops(word)
            // A high bit where a byte is 0x7F or more; a carry out of 0xFF only adds bits.
            let foreignBytes = (word | (word &+ 0x0101_0101_0101_0101)) & highs
            guard stops != 0 else {
                foreign |= foreignBytes
                at &+= 8
                continue
            }
            foreign |= foreignBytes & ((stops & (0 &- stops)) &- 1)
            let bit = stops.trailingZeroBitCount
            at &+= bit / 8
            guard (word >> UInt64(truncatingIfNeeded: bit & 0x38)) & 0xFF == 0x22 else { break }
            position = at &+ 1
            return JSONString(start: start, count: at &- start, hasEscapes: false, isPlain: foreign == 0)
        }
        return stringTail(bytes, start: start, from: at)
    }

    /// Reads on from a byte that the fast path could not pass: an escape, a control character, or the last bytes of
    /// the span.
    @usableFromInline
    mutating func stringTail(_ bytes: RawSpan, start: Int, from first: Int) -> JSONString? {
        let end = bytes.byteCount
        var at = first
        var hasEscapes = false
        while at < end {
            let byte = bytes.unsafeLoad(fromByteOffset: at, as: UInt8.self)
            if byte == 0x22 {
                position = at &+ 1
                return JSONString(start: start, count: at &- start, hasEscapes: hasEscapes, isPlain: false)
            }
            if byte < 0x20 { break }
            at &+= 1
            if byte == 0x5C {
                hasEscapes = true
                guard let next = JSONScanner.afterEscape(bytes, at) else { break }
                at = next
            }
        }
        position = at
        return nil
    }

    /// The place after what follows a backslash, one of the eight letters, or `u` and four hexadecimal digits; nil
    /// where it is none of them.
    private static func afterEscape(_ bytes: RawSpan, _ start: Int) -> Int? {
        guard start < bytes.byteCount else { return nil }
        switch bytes.unsafeLoad(fromByteOffset: start, as: UInt8.self) {
        case 0x22, 0x5C, 0x2F, 0x62, 0x66, 0x6E, 0x72, 0x74:
            return start &+ 1
        case 0x75:
            guard bytes.byteCount &- start > 4 else { return nil }
            for index in 1...4 {
                let digit = bytes.unsafeLoad(fromByteOffset: start &+ index, as: UInt8.self)
                guard digit &- 0x30 <= 9 || (digit | 0x20) &- 0x61 <= 5 else { return nil }
            }
            return start &+ 5
        default:
            return nil
        }
    }

    /// The high bits of those of eight bytes that are a quote, a backslash or a control character; bits above the
    /// lowest one may be wrong.
    @inlinable
    @inline(__always)
    static func stops(_ word: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let quote = word ^ (ones &* 0x22)
        let backslash = word ^ (ones &* 0x5C)
        let quotes = (quote &- ones) & ~quote
        let backslashes = (backslash &- ones) & ~backslash
        let controls = (word &- (ones &* 0x20)) & ~word
        return (quotes | backslashes | controls) & 0x8080_8080_8080_8080
    }

    /// Reads a number of the JSON grammar. A magnitude beyond a double is refused, not rounded to infinity;
    /// `position` then stands at the number's start.
    public mutating func number(_ bytes: RawSpan) -> JSONNumber? {
        let start = position
        var digits = DecimalDigits()
        guard scanNumber(bytes, &digits) else { return nil }
        let count = position &- start
        guard count <= JSONScanner.numberBytesMax,
            let value = digits.exactValue ?? DecimalText.value(bytes, start: start, count: count)
        else {
            position = start
            return nil
        }
        return JSONNumber(start: start, count: count, value: value)
    }

    @inline(__always)
    private mutating func scanNumber(_ bytes: RawSpan, _ digits: inout DecimalDigits) -> Bool {
        digits.isNegative = consume(0x2D, bytes)
        guard let first = peek(bytes), first &- 0x30 <= 9 else { return false }
        if first == 0x30 {
            position &+= 1
        } else {
            _ = readDigits(bytes, &digits)
        }
        if consume(0x2E, bytes) {
            let count = readDigits(bytes, &digits)
            digits.exponent &-= count
            guard count > 0 else { return false }
        }
        guard let next = peek(bytes), next | 0x20 == 0x65 else { return true }
        return readExponent(bytes, &digits)
    }

    /// Reads decimal digits into the mantissa; how many there were.
    @inline(__always)
    mutating func readDigits(_ bytes: RawSpan, _ digits: inout DecimalDigits) -> Int {
        let first = max(0, position)
        let end = bytes.byteCount
        var at = first
        var mantissa = digits.mantissa
        while at < end {
            let digit = bytes.unsafeLoad(fromByteOffset: at, as: UInt8.self) &- 0x30
            guard digit <= 9 else { break }
            mantissa = mantissa &* 10 &+ UInt64(digit)
            at &+= 1
        }
        digits.mantissa = mantissa
        digits.count &+= at &- first
        position = at
        return at &- first
    }

    /// Reads the `e`, which the caller has seen, a sign and digits; false where there is no digit.
    mutating func readExponent(_ bytes: RawSpan, _ digits: inout DecimalDigits) -> Bool {
        position &+= 1
        let isNegative = consume(0x2D, bytes)
        if !isNegative { _ = consume(0x2B, bytes) }
        let first = position
        var exponent = 0
        while let byte = peek(bytes), byte &- 0x30 <= 9 {
            exponent = min(10_000, exponent &* 10 &+ Int(byte &- 0x30))
            position &+= 1
        }
        digits.exponent &+= isNegative ? 0 &- exponent : exponent
        return position > first
    }

    /// Reads `true`, `false` or `null` (or any other lower-case word given).
    public mutating func literal(_ word: StaticString, _ bytes: RawSpan) -> Bool {
        let count = word.utf8CodeUnitCount
        guard position >= 0, count <= bytes.byteCount &- position else { return false }
        for index in 0..<count
        where bytes.unsafeLoad(fromByteOffset: position &+ index, as: UInt8.self) != word.utf8Start[index] {
            return false
        }
        position &+= count
        return true
    }

    /// How stepping over a value ended.
    public enum SkipOutcome: Sendable {
        case skipped
        case malformed
        /// Nested deeper than `depthMax`.
        case tooDeep
    }

    /// Steps over one value of any kind; false where it is not JSON or nested deeper than `depthMax`.
    public mutating func skipValue(_ bytes: RawSpan) -> Bool {
        skip(bytes) == .skipped
    }

    /// Steps over one value of any kind and says why it could not. Numbers are held to the grammar only.
    public mutating func skip(_ bytes: RawSpan) -> SkipOutcome {
        skip(bytes, depth: 0)
    }

    private mutating func skip(_ bytes: RawSpan, depth: Int) -> SkipOutcome {
        guard let byte = peek(bytes) else { return .malformed }
        let isValue: Bool
        switch byte {
        case 0x7B: return skipMembers(bytes, depth: depth, close: 0x7D, named: true)
        case 0x5B: return skipMembers(bytes, depth: depth, close: 0x5D, named: false)
        case 0x22: isValue = string(bytes) != nil
        case 0x74: isValue = literal("true", bytes)
        case 0x66: isValue = literal("false", bytes)
        case 0x6E: isValue = literal("null", bytes)
        default:
            var digits = DecimalDigits()
            isValue = scanNumber(bytes, &digits)
        }
        return isValue ? .skipped : .malformed
    }

    private mutating func skipMembers(_ bytes: RawSpan, depth: Int, close: UInt8, named: Bool) -> SkipOutcome {
        guard depth < JSONScanner.depthMax else { return .tooDeep }
        position &+= 1
        skipWhitespace(bytes)
        if consume(close, bytes) { return .skipped }
        while true {
            skipWhitespace(bytes)
            if named {
                guard string(bytes) != nil else { return .malformed }
                skipWhitespace(bytes)
                guard consume(0x3A, bytes) else { return .malformed }
                skipWhitespace(bytes)
            }
            let outcome = skip(bytes, depth: depth &+ 1)
            guard outcome == .skipped else { return outcome }
            skipWhitespace(bytes)
            if consume(close, bytes) { return .skipped }
            guard consume(0x2C, bytes) else { return .malformed }
        }
    }
}
