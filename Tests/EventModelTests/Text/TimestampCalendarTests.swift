// Every day of four-digit years, every millisecond of a minute, and the two ends of what 24 characters can say.
import EventModel
import Platform
import Testing

private let day: Int64 = 86_400_000
/// 0000-01-01T00:00:00.000Z and 9999-12-31T23:59:59.999Z.
private let earliest: Int64 = -62_167_219_200_000
private let latest: Int64 = 253_402_300_799_999

private func text(_ milliseconds: Int64) -> String {
    TimestampText.string(Timestamp(milliseconds: milliseconds))
}

/// A calendar that knows nothing but the lengths of months, and counts.
private struct CountingCalendar {
    var year = 0
    var month = 1
    var day = 1

    private var dayCount: Int {
        let isLeapYear = year % 400 == 0 || (year % 4 == 0 && year % 100 != 0)
        return [31, isLeapYear ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
    }

    mutating func advance() {
        day += 1
        guard day > dayCount else { return }
        (day, month) = (1, month + 1)
        guard month > 12 else { return }
        (month, year) = (1, year + 1)
    }
}

@Suite("Timestamp formatter, over the calendar")
struct TimestampCalendarTests {
    /// What the first of the fields says: `count` decimal digits from `start`; -1 where one is none.
    private static func digits(_ bytes: [UInt8], _ start: Int, _ count: Int) -> Int {
        bytes[start..<start + count].reduce(0) { value, byte in
            value >= 0 && (0x30...0x39).contains(byte) ? value * 10 + Int(byte) - 0x30 : -1
        }
    }

    private static func fields(_ bytes: [UInt8]) -> [Int] {
        [(0, 4), (5, 2), (8, 2), (11, 2), (14, 2), (17, 2), (20, 3)].map { digits(bytes, $0, $1) }
    }

    @Test("each day of the years 0000 to 9999 follows the one before", arguments: 0..<10)
    func everyDay(millennium: Int) {
        var formatter = TimestampFormatter()
        var calendar = CountingCalendar()
        var milliseconds = earliest
        var bytes = [UInt8](repeating: 0, count: TimestampFormatter.byteCount)
        var days = 0
        while calendar.year < millennium * 1000 {
            calendar.advance()
            milliseconds += day
        }
        while calendar.year < (millennium + 1) * 1000 {
            bytes.withUnsafeMutableBytes { formatter.write(Timestamp(milliseconds: milliseconds), to: $0) }
            let isRight =
                TimestampCalendarTests.digits(bytes, 0, 4) == calendar.year
                && TimestampCalendarTests.digits(bytes, 5, 2) == calendar.month
                && TimestampCalendarTests.digits(bytes, 8, 2) == calendar.day
            guard isRight else {
                Issue.record("\(String(decoding: bytes, as: UTF8.self)) for \(calendar)")
                return
            }
            calendar.advance()
            milliseconds += day
            days += 1
        }
        // Every fourth century has one leap day more than the others.
        #expect(days == (millennium % 2 == 0 ? 365_243 : 365_242))
    }

    @Test("each millisecond of a minute has its own text, between the minutes beside it")
    func everyMillisecond() {
        let minute: Int64 = 1_795_461_000_000
        var formatter = TimestampFormatter()
        var bytes = [UInt8](repeating: 0, count: TimestampFormatter.byteCount)
        for rest in 0..<60_000 {
            bytes.withUnsafeMutableBytes { formatter.write(Timestamp(milliseconds: minute + Int64(rest)), to: $0) }
            let expected = [2026, 11, 23, 19, 10, rest / 1000, rest % 1000]
            guard TimestampCalendarTests.fields(bytes) == expected else {
                Issue.record("\(String(decoding: bytes, as: UTF8.self)) for \(expected)")
                return
            }
        }
        #expect(text(minute - 1) == "2026-11-23T19:09:59.999Z")
        #expect(text(minute + 60_000) == "2026-11-23T19:11:00.000Z")
    }

    @Test("each minute of a day has its own text")
    func everyMinute() {
        for minute in 0..<1440 {
            let bytes = Array(text(1_709_164_800_000 + Int64(minute) * 60_000).utf8)
            #expect(TimestampCalendarTests.fields(bytes) == [2024, 2, 29, minute / 60, minute % 60, 0, 0])
        }
    }

    @Test(
        "knows the leap days",
        arguments: [
            ("0000-02-29", "0000-03-01"), ("0004-02-29", "0004-03-01"), ("1600-02-29", "1600-03-01"),
            ("1900-02-28", "1900-03-01"), ("2000-02-29", "2000-03-01"), ("2024-02-29", "2024-03-01"),
            ("2025-02-28", "2025-03-01"), ("2100-02-28", "2100-03-01"), ("9996-02-29", "9996-03-01"),
            ("1969-12-31", "1970-01-01"), ("1999-12-31", "2000-01-01"),
        ]
    )
    func leapDays(before: String, after: String) throws {
        let bytes = Array((after + "T00:00:00Z").utf8)
        let start = try #require(bytes.withUnsafeBytes { TimestampText.parse($0.bytes, start: 0, count: $0.count) })
        #expect(text(start.milliseconds) == after + "T00:00:00.000Z")
        #expect(text(start.milliseconds - 1) == before + "T23:59:59.999Z")
    }

    @Test(
        "instants outside of the years 0000 to 9999 are written as the nearest one inside",
        arguments: [
            (earliest, "0000-01-01T00:00:00.000Z"), (earliest - 1, "0000-01-01T00:00:00.000Z"),
            (earliest + 1, "0000-01-01T00:00:00.001Z"), (.min, "0000-01-01T00:00:00.000Z"),
            (.min + 1, "0000-01-01T00:00:00.000Z"), (latest, "9999-12-31T23:59:59.999Z"),
            (latest + 1, "9999-12-31T23:59:59.999Z"), (latest - 999, "9999-12-31T23:59:59.000Z"),
            (.max, "9999-12-31T23:59:59.999Z"), (.max - 1, "9999-12-31T23:59:59.999Z"),
        ] as [(Int64, String)]
    )
    func ends(milliseconds: Int64, expected: String) {
        #expect(text(milliseconds) == expected)
        #expect(expected.utf8.count == TimestampFormatter.byteCount)
    }

    @Test("what it remembers of the instant before changes nothing", arguments: [1, 2, 2026] as [UInt64])
    func memory(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var formatter = TimestampFormatter()
        var milliseconds: Int64 = 0
        for _ in 0..<50_000 {
            let steps: [Int64] = [0, 1, -1, 999, 59_999, -60_000, day, -31 * day]
            switch Int.random(in: 0..<10, using: &generator) {
            case 0: milliseconds = Int64.random(in: earliest - day...latest + day, using: &generator)
            case 1: milliseconds = [.min, .max, 0][Int.random(in: 0..<3, using: &generator)]
            default: milliseconds = milliseconds &+ steps[Int.random(in: steps.indices, using: &generator)]
            }
            var bytes = [UInt8](repeating: 0, count: TimestampFormatter.byteCount)
            bytes.withUnsafeMutableBytes { formatter.write(Timestamp(milliseconds: milliseconds), to: $0) }
            #expect(bytes == Array(text(milliseconds).utf8), "seed \(seed): \(milliseconds)")
        }
    }

    @Test("the text is ordered as the time is", arguments: [1, 2026] as [UInt64])
    func order(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let instants = (0..<5000).map { _ in Int64.random(in: earliest...latest, using: &generator) }
        #expect(instants.sorted().map(text) == instants.map(text).sorted(), "seed \(seed)")
    }

    @Test("writes the first 24 bytes of what it is given, and no other")
    func room() {
        var formatter = TimestampFormatter()
        var bytes = [UInt8](repeating: 0xAA, count: 40)
        bytes.withUnsafeMutableBytes { formatter.write(Timestamp(milliseconds: 0), to: $0) }
        #expect(String(decoding: bytes[..<24], as: UTF8.self) == "1970-01-01T00:00:00.000Z")
        #expect(bytes[24...].allSatisfy { $0 == 0xAA })
    }
}
