// Times as text: what devices write, and the 24 characters that records carry.
import EventModel
import Glibc
import Platform
import Testing

private func parse(_ text: String) -> ParsedTimestamp? {
    let bytes = Array(text.utf8)
    return bytes.withUnsafeBytes { TimestampText.parse($0.bytes, start: 0, count: $0.count) }
}

@Suite("Timestamp text")
struct TimestampTextTests {
    @Test(
        "reads RFC 3339",
        arguments: [
            ("2026-11-23T19:10:00Z", 1_795_461_000_000, true), ("2026-11-23t19:10:00.5z", 1_795_461_000_500, true),
            ("2026-11-23 19:10:00.1239999+00:00", 1_795_461_000_123, true),
            ("2026-11-23T20:10:00+01:00", 1_795_461_000_000, true),
            ("2026-11-23T14:10:00-0500", 1_795_461_000_000, true), ("2026-11-23T19:10:00", 1_795_461_000_000, false),
            ("2026-11-23 19:10:00.25", 1_795_461_000_250, false), ("1970-01-01T00:00:00Z", 0, true),
            ("1969-12-31T23:59:59.999Z", -1, true), ("2016-12-31T23:59:60Z", 1_483_228_800_000, true),
            ("2024-02-29T00:00:00Z", 1_709_164_800_000, true), ("0000-01-01T00:00:00Z", -62_167_219_200_000, true),
        ] as [(String, Int64, Bool)]
    )
    func calendar(text: String, milliseconds: Int64, hasZone: Bool) {
        #expect(parse(text)?.milliseconds == milliseconds)
        #expect(parse(text)?.hasZone == hasZone)
    }

    @Test(
        "scales numbers since 1970 by their size",
        arguments: [
            ("1763925000", 1_763_925_000_000), ("1763925000.1234", 1_763_925_000_123),
            ("99999999999", 99_999_999_999_000),
            ("100000000000", 100_000_000_000), ("99999999999999", 99_999_999_999_999),
            ("100000000000000", 100_000_000_000),
            ("99999999999999999", 99_999_999_999_999), ("100000000000000000", 100_000_000_000),
            ("1763925000123456789", 1_763_925_000_123), ("0", 0), ("-1", -1000),
        ] as [(String, Int64)]
    )
    func numbers(text: String, milliseconds: Int64) {
        #expect(parse(text)?.milliseconds == milliseconds)
        #expect(parse(text)?.hasZone == true)
    }

    @Test(
        "refuses what is no time",
        arguments: [
            "", "now", "2026-11-23", "2026-11-23T19:10", "2026-11-23T19:10Z", "2026-13-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-11-31T00:00:00Z", "2026-11-23T24:00:00Z", "2026-11-23T19:60:00Z", "2026-11-23T19:10:61Z",
            "2026-11-23T19:10:00.Z",
            "2026-11-23T19:10:00X", "2026-11-23T19:10:00+1", "2026-11-23T19:10:00+24:00", "2026-11-23T19:10:00+01:60",
            "2026-11-23T19:10:00ZZ", "2026/11/23T19:10:00Z", "202a-11-23T19:10:00Z", "1e300", "12:30",
        ]
    )
    func refused(text: String) {
        #expect(parse(text) == nil)
    }

    @Test("no truncation of a time traps")
    func truncations() {
        let text = "2026-11-23T19:10:00.123456+01:00"
        for count in 0...text.count {
            let parsed = parse(String(text.prefix(count)))
            // The year alone is a number.
            #expect(count >= 19 || parsed == nil || (1...4).contains(count))
        }
    }
}

@Suite("Timestamp formatter")
struct TimestampFormatterTests {
    private func format(_ milliseconds: Int64, _ formatter: inout TimestampFormatter) -> String {
        var bytes = [UInt8](repeating: 0x78, count: 26)
        bytes.withUnsafeMutableBytes { formatter.write(Timestamp(milliseconds: milliseconds), to: $0) }
        #expect(bytes[24...] == [0x78, 0x78])
        return String(decoding: bytes[..<24], as: UTF8.self)
    }

    @Test("writes 24 characters, and instants outside of four-digit years as the nearest one inside")
    func known() {
        var formatter = TimestampFormatter()
        #expect(format(1_795_461_000_123, &formatter) == "2026-11-23T19:10:00.123Z")
        #expect(format(0, &formatter) == "1970-01-01T00:00:00.000Z")
        #expect(format(-1, &formatter) == "1969-12-31T23:59:59.999Z")
        #expect(format(.min, &formatter) == "0000-01-01T00:00:00.000Z")
        #expect(format(.max, &formatter) == "9999-12-31T23:59:59.999Z")
        #expect(format(951_782_400_000, &formatter) == "2000-02-29T00:00:00.000Z")
        #expect(TimestampText.string(Timestamp(milliseconds: 1_795_461_000_123)) == "2026-11-23T19:10:00.123Z")
    }

    @Test("agrees with the C library on 100,000 random instants, and reads back as the same")
    func agreement() {
        var formatter = TimestampFormatter()
        for _ in 0..<100_000 {
            let milliseconds = Int64.random(in: -62_167_219_200_000...253_402_300_799_999)
            let text = format(milliseconds, &formatter)
            var seconds = time_t((milliseconds - (milliseconds % 1000 + 1000) % 1000) / 1000)
            var parts = tm()
            gmtime_r(&seconds, &parts)
            let expected = [
                Int(parts.tm_year) + 1900, Int(parts.tm_mon) + 1, Int(parts.tm_mday), Int(parts.tm_hour),
                Int(parts.tm_min),
                Int(parts.tm_sec), Int((milliseconds % 1000 + 1000) % 1000),
            ]
            #expect(text.split { "-T:.Z".contains($0) }.map { Int($0) } == expected)
            #expect(parse(text)?.milliseconds == milliseconds)
        }
    }
}
