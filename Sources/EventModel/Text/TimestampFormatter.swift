// A timestamp as the 24 characters that every record carries, twice; called per event.
public import Platform

/// Writes `2026-11-23T19:10:00.123Z`. Remembers the minute it wrote last, so that neighbours in time cost three
/// stores and a few divisions by constants. A value of its owner's thread.
public struct TimestampFormatter: BitwiseCopyable, Sendable {
    /// Bytes of every timestamp.
    public static let byteCount = 24

    /// 0000-01-01T00:00:00.000Z and 9999-12-31T23:59:59.999Z: what four digits of a year can say.
    private static let earliest: Int64 = -62_167_219_200_000
    private static let latest: Int64 = 253_402_300_799_999

    private var minute = Int64.min
    /// `2026-11-` and `23T19:10`, the first byte lowest.
    private var date: UInt64 = 0
    private var time: UInt64 = 0

    /// Remembers no minute yet.
    public init() {}

    /// Writes 24 bytes to the start of `output`, which holds at least as many. Instants outside of the years 0000 to
    /// 9999 are written as the nearest one inside.
    public mutating func write(_ timestamp: Timestamp, to output: UnsafeMutableRawBufferPointer) {
        precondition(output.count >= TimestampFormatter.byteCount, "room for 24 bytes")
        let milliseconds = min(max(timestamp.milliseconds, TimestampFormatter.earliest), TimestampFormatter.latest)
        let shifted = UInt64(milliseconds - TimestampFormatter.earliest)
        let wanted = Int64(shifted / 60_000)
        if wanted != minute { setMinute(wanted) }
        let rest = UInt32(shifted % 60_000)
        let (second, millisecond) = (rest / 1000, rest % 1000)
        var last: UInt64 = 0x5A00_0000_2E00_003A
        last |= pair(second) << 8
        last |= UInt64(0x30 + millisecond / 100) << 32
        last |= pair(millisecond % 100) << 40
        output.storeBytes(of: date.littleEndian, toByteOffset: 0, as: UInt64.self)
        output.storeBytes(of: time.littleEndian, toByteOffset: 8, as: UInt64.self)
        output.storeBytes(of: last.littleEndian, toByteOffset: 16, as: UInt64.self)
    }

    /// - Parameter value: minutes since the beginning of the year 0000, at most 5.3e9.
    private mutating func setMinute(_ value: Int64) {
        minute = value
        let (year, month, day) = TimestampFormatter.civilDate(daysSinceYear0: Int(value / 1440))
        let minuteOfDay = UInt32(value % 1440)
        date = pair(UInt32(year / 100)) | pair(UInt32(year % 100)) << 16 | 0x2D << 32
        date |= pair(UInt32(month)) << 40 | 0x2D << 56
        time = pair(UInt32(day)) | 0x54 << 16 | pair(minuteOfDay / 60) << 24
        time |= 0x3A << 40 | pair(minuteOfDay % 60) << 48
    }

    /// Two decimal digits of a number below 100, the first in the lowest byte.
    @inline(__always)
    private func pair(_ value: UInt32) -> UInt64 {
        UInt64(0x30 + value / 10) | UInt64(0x30 + value % 10) << 8
    }

    /// The Gregorian date of a day counted from 0000-01-01. Years are counted from March, so that the leap day is the
    /// last of its year (Hinnant, "chrono-compatible low-level date algorithms").
    private static func civilDate(daysSinceYear0 day: Int) -> (year: Int, month: Int, day: Int) {
        // 0000-03-01 is day 60; one era (400 years, 146,097 days) is added so that nothing is negative.
        let shifted = day - 60 + 146_097
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + (era - 1) * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
    }
}
