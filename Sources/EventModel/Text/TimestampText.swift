// What devices write for a time: RFC 3339, or a number since 1970 whose size tells its unit.
package import Platform

/// A time as it was read from text.
public struct ParsedTimestamp: BitwiseCopyable, Sendable {
    /// Milliseconds since 1970, UTC; where the text named no zone, as if it were UTC.
    public var milliseconds: Int64
    /// Whether the text said which zone it is in; a number since 1970 always does.
    public var hasZone: Bool
}

/// Times read from text and numbers; nothing here traps or allocates.
public enum TimestampText {
    /// Milliseconds since 1970 of a number since 1970: below 1e11 seconds, below 1e14 milliseconds, below 1e17
    /// microseconds, else nanoseconds. Seconds are rounded to the nearest millisecond, finer units downward. Nil where it
    /// is not finite or beyond `Int64`.
    public static func scaled(_ number: Double) -> Int64? {
        let magnitude = number.magnitude
        guard magnitude.isFinite else { return nil }
        if magnitude < 1e11 { return Int64(exactly: (number * 1000).rounded()) }
        if magnitude < 1e14 { return Int64(exactly: number.rounded(.down)) }
        if magnitude < 1e17 { return Int64(exactly: (number / 1000).rounded(.down)) }
        return Int64(exactly: (number / 1_000_000).rounded(.down))
    }

    /// The same of a whole number that is not negative; exact where a double is not.
    private static func scaled(_ number: UInt64) -> Int64? {
        if number < 100_000_000_000 { return Int64(number) * 1000 }
        if number < 100_000_000_000_000 { return Int64(number) }
        return Int64(number < 100_000_000_000_000_000 ? number / 1000 : number / 1_000_000)
    }

    /// The number, where all of the bytes are digits, and few enough to fit.
    private static func wholeNumber(_ bytes: RawSpan, start: Int, count: Int) -> UInt64? {
        guard count <= 19 else { return nil }
        var value: UInt64 = 0
        for at in start..<start &+ count {
            let digit = byte(bytes, at) &- 0x30
            guard digit <= 9 else { return nil }
            value = value &* 10 &+ UInt64(digit)
        }
        return value
    }

    /// Reads the whole of `count` bytes from `start`: RFC 3339 (`T` or a space, any fraction, `Z`, `+hh:mm`, `+hhmm` or
    /// no zone) or a number as `scaled` has it. Nil where they are neither.
    public static func parse(_ bytes: RawSpan, start: Int, count: Int) -> ParsedTimestamp? {
        guard start >= 0, count > 0, start <= bytes.byteCount, count <= bytes.byteCount &- start else { return nil }
        if count >= 19, bytes.unsafeLoad(fromByteOffset: start &+ 4, as: UInt8.self) == 0x2D {
            return calendarTime(bytes, start: start, end: start &+ count)
        }
        guard let number = DecimalText.plainNumber(bytes, start: start, count: count) else { return nil }
        let milliseconds = wholeNumber(bytes, start: start, count: count).map(scaled) ?? scaled(number.value)
        return milliseconds.map { ParsedTimestamp(milliseconds: $0, hasZone: true) }
    }

    /// Milliseconds since 1970 of a date and time of day in the Gregorian calendar, UTC; nil where there is no such
    /// date. A leap second counts as the first of the next minute.
    public static func milliseconds(
        year: Int,
        month: Int,
        day: Int,
        hour: Int,
        minute: Int,
        second: Int,
        millisecond: Int = 0
    ) -> Int64? {
        guard (0...9999).contains(year), (1...12).contains(month), day >= 1, day <= dayCount(year: year, month: month),
            (0...23).contains(hour), (0...59).contains(minute), (0...60).contains(second),
            (0...999).contains(millisecond)
        else { return nil }
        let seconds = days(year: year, month: month, day: day) * 86_400 + Int64(hour * 3600 + minute * 60 + second)
        return seconds * 1000 + Int64(millisecond)
    }

    /// A timestamp as `2026-11-23T19:10:00.123Z`; for the control plane, since it makes a `String`.
    package static func string(_ timestamp: Timestamp) -> String {
        var formatter = TimestampFormatter()
        return String(unsafeUninitializedCapacity: TimestampFormatter.byteCount) { buffer in
            formatter.write(timestamp, to: UnsafeMutableRawBufferPointer(buffer))
            return TimestampFormatter.byteCount
        }
    }

    private static func calendarTime(_ bytes: RawSpan, start: Int, end: Int) -> ParsedTimestamp? {
        guard let year = digits(bytes, at: start, count: 4), let month = digits(bytes, at: start &+ 5, count: 2),
            let day = digits(bytes, at: start &+ 8, count: 2), let hour = digits(bytes, at: start &+ 11, count: 2),
            let minute = digits(bytes, at: start &+ 14, count: 2),
            let second = digits(bytes, at: start &+ 17, count: 2),
            byte(bytes, start &+ 7) == 0x2D, byte(bytes, start &+ 13) == 0x3A, byte(bytes, start &+ 16) == 0x3A
        else { return nil }
        let separator = byte(bytes, start &+ 10)
        guard separator | 0x20 == 0x74 || separator == 0x20 else { return nil }
        var at = start &+ 19
        guard let millisecond = fraction(bytes, at: &at, end: end),
            let local = milliseconds(
                year: year,
                month: month,
                day: day,
                hour: hour,
                minute: minute,
                second: second,
                millisecond: millisecond
            )
        else { return nil }
        guard at < end else { return ParsedTimestamp(milliseconds: local, hasZone: false) }
        guard let offset = zone(bytes, at: at, end: end) else { return nil }
        return ParsedTimestamp(milliseconds: local - offset, hasZone: true)
    }

    /// Milliseconds of `.fff…`, cut to three digits; 0 where there is no fraction, nil where a point has no digit.
    private static func fraction(_ bytes: RawSpan, at: inout Int, end: Int) -> Int? {
        guard at < end, byte(bytes, at) == 0x2E || byte(bytes, at) == 0x2C else { return 0 }
        at &+= 1
        let first = at
        var value = 0
        var weight = 100
        while at < end, byte(bytes, at) &- 0x30 <= 9 {
            value &+= weight &* Int(byte(bytes, at) &- 0x30)
            weight /= 10
            at &+= 1
        }
        return at > first ? value : nil
    }

    /// Milliseconds east of UTC of the zone that fills `at..<end`.
    private static func zone(_ bytes: RawSpan, at: Int, end: Int) -> Int64? {
        let sign = byte(bytes, at)
        if sign | 0x20 == 0x7A { return at &+ 1 == end ? 0 : nil }
        guard sign == 0x2B || sign == 0x2D else { return nil }
        let minuteStart: Int
        switch end &- at {
        case 6 where byte(bytes, at &+ 3) == 0x3A: minuteStart = at &+ 4
        case 5: minuteStart = at &+ 3
        default: return nil
        }
        guard let hour = digits(bytes, at: at &+ 1, count: 2), let minute = digits(bytes, at: minuteStart, count: 2),
            hour <= 23, minute <= 59
        else { return nil }
        let offset = Int64(hour * 60 + minute) * 60_000
        return sign == 0x2D ? 0 - offset : offset
    }

    @inline(__always)
    private static func byte(_ bytes: RawSpan, _ at: Int) -> UInt8 {
        bytes.unsafeLoad(fromByteOffset: at, as: UInt8.self)
    }

    private static func digits(_ bytes: RawSpan, at: Int, count: Int) -> Int? {
        var value = 0
        for index in at..<at &+ count {
            let digit = byte(bytes, index) &- 0x30
            guard digit <= 9 else { return nil }
            value = value &* 10 &+ Int(digit)
        }
        return value
    }

    private static func dayCount(year: Int, month: Int) -> Int {
        switch month {
        case 4, 6, 9, 11: return 30
        case 2: return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        default: return 31
        }
    }

    /// Days from 1970-01-01 to a Gregorian date. Years are counted from March, so that the leap day is the last of
    /// its year (Hinnant, "chrono-compatible low-level date algorithms").
    private static func days(year: Int, month: Int, day: Int) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return Int64(era * 146_097 + dayOfEra - 719_468)
    }
}
