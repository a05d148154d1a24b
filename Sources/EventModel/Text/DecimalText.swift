// Decimal text to a double and back: exact in one multiplication or division for nearly all sensor values.
internal import Glibc

/// The digits of a decimal number as they are read: value = mantissa x 10^exponent, as long as there are few enough
/// digits for the mantissa to hold; it wraps around beyond.
struct DecimalDigits: BitwiseCopyable {
    var mantissa: UInt64 = 0
    var exponent = 0
    /// Digits read into the mantissa, leading zeros among them.
    var count = 0
    var isNegative = false

    /// The correctly rounded value where mantissa and power of ten are both exact doubles (Clinger's fast path),
    /// else nil. 18 digits fit into the mantissa.
    @inline(__always)
    var exactValue: Double? {
        guard count <= 18, mantissa <= 1 << 53, exponent >= -22, exponent <= 22 else { return nil }
        let magnitude = Double(mantissa)
        let scaled = exponent < 0 ? magnitude / powersOfTen[0 &- exponent] : magnitude * powersOfTen[exponent]
        return isNegative ? -scaled : scaled
    }
}

private let powersOfTen: [23 of Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
]

/// A number as people write it: `+5`, `.5`, `5.` and `007` besides all of the JSON grammar.
///
/// Sign, integer digits without leading zeros, fraction digits and exponent are kept apart, so that text of the
/// JSON grammar can be put together from them.
public struct PlainNumber: BitwiseCopyable, Sendable {
    /// What the text says, finite.
    public var value: Double
    /// Whether a minus sign leads.
    public var isNegative: Bool
    /// Whether the text is of the JSON grammar as it stands.
    public var isJSON: Bool
    /// Digits before the point; none stands for 0.
    public var integerStart: Int
    /// In bytes.
    public var integerCount: Int
    /// Digits after the point; none where there is no point, or nothing after it.
    public var fractionStart: Int
    /// In bytes.
    public var fractionCount: Int
    /// The exponent with its `e`; none where there is none.
    public var exponentStart: Int
    /// In bytes.
    public var exponentCount: Int
}

/// Numbers read from text and written as text; nothing here traps or allocates.
public enum DecimalText {
    /// The longest text that `write` produces, in bytes.
    public static let writtenBytesMax = 32

    /// The value of any number of the JSON grammar, or of `PlainNumber`'s, by the C library (the process never
    /// leaves locale "C"); nil beyond a double's range.
    static func value(_ bytes: RawSpan, start: Int, count: Int) -> Double? {
        guard count <= JSONScanner.numberBytesMax else { return nil }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: JSONScanner.numberBytesMax + 1) { text in
            for index in 0..<count {
                text[index] = CChar(bitPattern: bytes.unsafeLoad(fromByteOffset: start &+ index, as: UInt8.self))
            }
            text[count] = 0
            guard let base = text.baseAddress else { return nil }
            let value = strtod(base, nil)
            return value.isFinite ? value : nil
        }
    }

    /// Reads `count` bytes from `start` that are wholly a number; nil where they are not one, or are beyond a double's
    /// range or longer than `JSONScanner.numberBytesMax`.
    public static func plainNumber(_ bytes: RawSpan, start: Int, count: Int) -> PlainNumber? {
        guard start >= 0, count > 0, count <= JSONScanner.numberBytesMax, start <= bytes.byteCount,
            count <= bytes.byteCount &- start
        else { return nil }
        let text = bytes.extracting(0..<start &+ count)
        var scanner = JSONScanner(position: start)
        var digits = DecimalDigits()
        digits.isNegative = scanner.consume(0x2D, text)
        let hasPlus = !digits.isNegative && scanner.consume(0x2B, text)
        let firstDigit = scanner.position
        let digitCount = scanner.readDigits(text, &digits)
        let integerStart = firstNonZero(text, from: firstDigit, to: firstDigit &+ digitCount)
        let integerCount = firstDigit &+ digitCount &- integerStart
        let hasPoint = scanner.consume(0x2E, text)
        let fractionStart = scanner.position
        let fractionCount = hasPoint ? scanner.readDigits(text, &digits) : 0
        digits.exponent &-= fractionCount
        guard digitCount &+ fractionCount > 0 else { return nil }
        let exponentStart = scanner.position
        if let byte = scanner.peek(text) {
            guard byte | 0x20 == 0x65, scanner.readExponent(text, &digits) else { return nil }
        }
        guard scanner.position == start &+ count,
            let value = digits.exactValue ?? value(bytes, start: start, count: count)
        else { return nil }
        let hasLeadingZeros = digitCount > max(1, integerCount)
        return PlainNumber(
            value: value,
            isNegative: digits.isNegative,
            isJSON: !hasPlus && digitCount > 0 && !hasLeadingZeros && (!hasPoint || fractionCount > 0),
            integerStart: integerStart,
            integerCount: integerCount,
            fractionStart: fractionStart,
            fractionCount: fractionCount,
            exponentStart: exponentStart,
            exponentCount: scanner.position &- exponentStart
        )
    }

    private static func firstNonZero(_ bytes: RawSpan, from start: Int, to end: Int) -> Int {
        var at = start
        while at < end, bytes.unsafeLoad(fromByteOffset: at, as: UInt8.self) == 0x30 {
            at &+= 1
        }
        return at
    }

    /// Writes a finite number as text of the JSON grammar that reads back as the same double, with the fewest of 15,
    /// 16 or 17 digits that do. `output` holds at least `writtenBytesMax` bytes; the count of those written.
    public static func write(_ value: Double, into output: UnsafeMutableRawBufferPointer) -> Int {
        precondition(value.isFinite && output.count >= writtenBytesMax, "a finite number and room for it")
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: writtenBytesMax + 1) { text in
            guard let base = text.baseAddress else { return 0 }
            for digits in 15...17 {
                _ = gcvt(value, Int32(digits), base)
                if strtod(base, nil) == value { break }
            }
            let count = min(strlen(base), writtenBytesMax)
            output.copyMemory(from: UnsafeRawBufferPointer(start: base, count: count))
            return count
        }
    }
}
