// `key_value` and `value`: the sentences of the payload rules, one test each.
import EventModel
import Ingest
import Testing

@Suite("Decoder key_value")
struct KeyValueDecoderTests {
    @Test("pairs are separated by spaces, tabs, commas or semicolons")
    func separators() throws {
        let decoded = try decode("key_value", "device=a,t=1;u=2\tdoor=open  on=True")
        #expect(decoded.events.first?.device == "a")
        #expect(
            decoded.readings == [.number("t", "1"), .number("u", "2"), .word("door", "open"), .boolean("on", "true")]
        )
    }

    @Test("metric, value, unit, time and sequence are understood as in JSON")
    func wellKnown() throws {
        let decoded = try decode("key_value", "sensor=s metric=level value=4.2 unit=m seq=7 ts=1763925000")
        #expect(decoded.readings == [.number("level", "4.2", "m")])
        #expect(decoded.events.first?.sequence == 7)
        #expect(decoded.events.first?.time == "2025-11-23T19:10:00.000Z")
    }

    @Test("each line is an event, a bad line is refused alone")
    func lines() throws {
        let decoded = try decode("key_value", "device=a t=1\nnoise\r\n\n device=b t=2")
        #expect(decoded.events.map(\.device) == ["a", "b"])
        #expect(decoded.rejects == [Reject(.malformed, 13)])
    }

    @Test("values in quotes may hold separators; quoted numbers follow numeric_strings")
    func quoted() throws {
        let decoded = try decode("key_value", #"device="hall 3" note="a, \"b\" \\ c" t="21.5""#)
        #expect(decoded.events.first?.device == "hall 3")
        #expect(decoded.readings == [.word("note", #"a, "b" \ c"#), .number("t", "21.5")])
        var options = DecoderOptions()
        options.numericStrings = false
        #expect(
            try decode("key_value", #"t="21.5" u=21.5"#, options).readings == [
                .word("t", "21.5"), .number("u", "21.5"),
            ]
        )
    }

    @Test(
        "numbers that JSON would not write are written anew",
        arguments: [
            ("+5", "5"), (".5", "0.5"), ("5.", "5"), ("-.25e3", "-0.25e3"), ("007", "7"), ("00.50", "0.50"),
            ("-0", "-0"),
            ("+1E+3", "1E+3"), ("-00", "-0"),
        ]
    )
    func plainNumbers(text: String, expected: String) throws {
        let decoded = try decode("key_value", "t=\(text)")
        #expect(decoded.readings == [.number("t", expected)])
        #expect(decoded.violations.isEmpty)
    }

    @Test("NaN and the infinities are no numbers", arguments: ["NaN", "nan", "inf", "-Infinity", "+INF"])
    func notANumber(text: String) throws {
        #expect(try decode("key_value", "t=\(text)").readings == [.notANumber("t", text)])
    }

    @Test(
        "words that begin like numbers stay words",
        arguments: ["1.2.3", "12:30", "-", "+", ".", "5e", "1e+", "0x1F", "1e999"]
    )
    func words(text: String) throws {
        #expect(try decode("key_value", "t=\(text)").readings == [.word("t", text)])
    }

    @Test("null and a missing value are absent")
    func absent() throws {
        #expect(try decode("key_value", "a= b=null c=1").readings == [.number("c", "1")])
        #expect(try decode("key_value", "a=").rejects == [Reject(.noReading, 0)])
    }

    @Test("id is a device unless it is a number")
    func identifier() throws {
        #expect(try decode("key_value", "id=x t=1").events.first?.device == "x")
        #expect(try decode("key_value", "id=7 t=1").readings == [.number("id", "7"), .number("t", "1")])
    }

    @Test(
        "malformed lines are refused at their first bad byte",
        arguments: [("a=1 b", 4), ("=1", 0), ("a=1 =2", 4), ("a=\"x", 4), ("a=\"x\"y", 5)]
    )
    func malformed(payload: String, position: Int) throws {
        #expect(try decode("key_value", payload).rejects == [Reject(.malformed, position)])
    }

    @Test("an empty payload is empty, blank lines have no reading")
    func nothing() throws {
        #expect(try decode("key_value", "").rejects == [Reject(.empty, 0)])
        #expect(try decode("key_value", " \r\n\n").rejects == [Reject(.noReading, 0)])
    }
}

@Suite("Decoder value")
struct ValueDecoderTests {
    @Test(
        "one number or word without a metric of its own",
        arguments: [
            ("21.5", DecodedReading.number("", "21.5")), (" -4 \r\n", .number("", "-4")), ("+.5", .number("", "0.5")),
            ("open", .word("", "open")), ("\"on\"", .word("", "on")), ("\"21\"", .number("", "21")),
            ("TRUE", .boolean("", "true")), ("false", .boolean("", "false")), ("NaN", .notANumber("", "NaN")),
            ("offen°", .word("", "offen°")),
        ]
    )
    func values(payload: String, expected: DecodedReading) throws {
        let decoded = try decode("value", payload)
        #expect(decoded.readings == [expected])
        #expect(decoded.events.first?.device == nil)
        #expect(decoded.rejects.isEmpty)
    }

    @Test("each line is an event")
    func lines() throws {
        #expect(try decode("value", "1\n2\n").readings == [.number("", "1"), .number("", "2")])
    }

    @Test(
        "anything else is refused",
        arguments: [
            ("two words", RejectReason.malformed, 3), ("null", .noReading, 0), ("", .empty, 0), (" ", .noReading, 0),
            ("\"open", .malformed, 4), ("a\u{1}b", .malformed, 0),
        ]
    )
    func refused(payload: String, reason: RejectReason, position: Int) throws {
        let decoded = try decode("value", payload)
        #expect(decoded.events.isEmpty)
        #expect(decoded.rejects == [Reject(reason, position)])
    }

    @Test("a word of 64 bytes is a state, a longer one is left out and counted")
    func limit() throws {
        let word = String(repeating: "x", count: 64)
        #expect(try decode("value", word).readings == [.word("", word)])
        let longer = try decode("value", word + "x")
        #expect(longer.reasons == [.noReading])
        #expect(longer.leftOut == 1)
    }
}
