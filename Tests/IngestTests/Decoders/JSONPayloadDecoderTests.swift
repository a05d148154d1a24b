// `json`: the sentences of the payload rules, one test each.
import EventModel
import Ingest
import Testing

@Suite("Decoder json")
struct JSONPayloadDecoderTests {
    @Test("device, metric and value make one reading, with its unit and sequence")
    func metricAndValue() throws {
        let decoded = try decode(
            "json",
            #"{"device":"freezer-7","metric":"temperature","value":-11.8,"unit":"C","seq":42}"#
        )
        #expect(decoded.events.count == 1)
        #expect(decoded.events.first?.device == "freezer-7")
        #expect(decoded.events.first?.sequence == 42)
        #expect(decoded.readings == [.number("temperature", "-11.8", "C")])
        #expect(decoded.violations.isEmpty)
    }

    @Test("the order of metric, value and unit does not matter")
    func order() throws {
        let decoded = try decode("json", #"{"unit":"C","value":4,"metric":"temperature","device":"a"}"#)
        #expect(decoded.readings == [.number("temperature", "4", "C")])
    }

    @Test("in a flat object every other key is a metric")
    func flat() throws {
        let decoded = try decode("json", #"{"device":"a","temperature":21.5,"humidity":4e1,"door":"open","on":false}"#)
        #expect(
            decoded.readings == [
                .number("temperature", "21.5"), .number("humidity", "4e1"), .word("door", "open"),
                .boolean("on", "false"),
            ]
        )
    }

    @Test("nested objects are joined with a point, arrays inside of objects are left out and counted")
    func nested() throws {
        let decoded = try decode(
            "json",
            #"{"device":"a","energy":{"total":{"kwh":1.5},"list":[1,[2]]},"temperature":{"device":3}}"#
        )
        #expect(decoded.readings == [.number("energy.total.kwh", "1.5"), .number("temperature.device", "3")])
        #expect(decoded.leftOut == 1)
    }

    @Test("an array of objects is one event each")
    func array() throws {
        let decoded = try decode("json", #" [ {"device":"a","t":1} , {"device":"b","t":2} ] "#)
        #expect(decoded.events.map(\.device) == ["a", "b"])
        #expect(decoded.readings == [.number("t", "1"), .number("t", "2")])
        #expect(decoded.rejects.isEmpty)
    }

    @Test("one payload may carry several lines")
    func lines() throws {
        let decoded = try decode("json", "{\"device\":\"a\",\"t\":1}\n{\"device\":\"b\",\"t\":2}\r\n")
        #expect(decoded.events.map(\.device) == ["a", "b"])
    }

    @Test(
        "keys name the device without regard to case, the best rank wins",
        arguments: [
            (#"{"DEVICE":"a","t":1}"#, 1), (#"{"Device_ID":"a","t":1}"#, 2), (#"{"deviceId":"a","t":1}"#, 3),
            (#"{"devEui":"a","t":1}"#, 4), (#"{"dev":"a","t":1}"#, 5), (#"{"sensor":"a","t":1}"#, 6),
            (#"{"id":"a","t":1}"#, 7), (#"{"id":"x","sensor":"y","device":"a","t":1}"#, 1),
            (#"{"d\u0065vice":"a","t":1}"#, 1),
        ]
    )
    func deviceKeys(payload: String, rank: Int) throws {
        let decoded = try decode("json", payload)
        #expect(decoded.events.first?.device == "a")
        #expect(decoded.events.first.map { Int($0.deviceRank) } == rank)
        #expect(decoded.readings == [.number("t", "1")])
    }

    @Test("id names the device only where it is a string")
    func numericIdentifier() throws {
        let decoded = try decode("json", #"{"id":17,"t":1}"#)
        #expect(decoded.events.first?.device == nil)
        #expect(decoded.readings == [.number("id", "17"), .number("t", "1")])
    }

    @Test("a number under a device key is its text")
    func numericDevice() throws {
        #expect(try decode("json", #"{"sensor":17,"t":1}"#).events.first?.device == "17")
    }

    @Test("device_field comes before every other, nested too")
    func deviceField() throws {
        var options = DecoderOptions()
        options.deviceField = "Meta.Name"
        let decoded = try decode("json", #"{"device":"x","meta":{"name":"a","v":2},"t":1}"#, options)
        #expect(decoded.events.first?.device == "a")
        #expect(decoded.events.first?.deviceRank == 0)
        #expect(decoded.readings == [.number("meta.v", "2"), .number("t", "1")])
    }

    @Test(
        "time is RFC 3339 or a number since 1970 scaled by its size",
        arguments: [
            (#""2026-11-23T19:10:00.123Z""#, "2026-11-23T19:10:00.123Z"),
            (#""2026-11-23 20:10:00+01:00""#, "2026-11-23T19:10:00.000Z"),
            (#""2026-11-23T19:10:00""#, "local 2026-11-23T19:10:00.000Z"),
            ("1763925000", "2025-11-23T19:10:00.000Z"), ("1763925000123", "2025-11-23T19:10:00.123Z"),
            ("1763925000123999", "2025-11-23T19:10:00.123Z"), ("1763925000123999999", "2025-11-23T19:10:00.123Z"),
            (#""1763925000""#, "2025-11-23T19:10:00.000Z"), (#""yesterday""#, "unreadable"), ("1e300", "unreadable"),
            ("null", "absent"),
        ]
    )
    func time(value: String, expected: String) throws {
        for key in ["time", "ts", "timestamp"] {
            let decoded = try decode("json", "{\"device\":\"a\",\"\(key)\":\(value),\"t\":1}")
            #expect(decoded.events.first?.time == expected)
            #expect(decoded.readings == [.number("t", "1")])
        }
    }

    @Test("sequence is a whole number under seq, sequence or fCnt", arguments: ["seq", "sequence", "fCnt", "FCNT"])
    func sequence(key: String) throws {
        #expect(try decode("json", "{\"\(key)\":18446744073709551615,\"t\":1}").events.first?.sequence == .max)
        #expect(try decode("json", "{\"\(key)\":\"7\",\"t\":1}").events.first?.sequence == 7)
        let fraction = try decode("json", "{\"\(key)\":1.5}")
        #expect(fraction.readings == [.number(key, "1.5")])
    }

    @Test("a unit is the only number's; where several could have it, it is left out and counted")
    func unit() throws {
        #expect(try decode("json", #"{"temperature":4,"door":"open","u":"C"}"#).readings.first?.unit == "C")
        let several = try decode("json", #"{"temperature":4,"humidity":5,"unit":"C"}"#)
        #expect(several.readings == [.number("temperature", "4"), .number("humidity", "5")])
        #expect(several.leftOut == 1)
        #expect(try decode("json", #"{"u":230.1}"#).readings == [.number("u", "230.1")])
    }

    @Test("a string that is wholly a JSON number is a reading unless numeric_strings is off")
    func numericStrings() throws {
        let payload = #"{"device":"a","t":"21.5","v":"1.2.3","w":"+5","x":" 1"}"#
        let words: [DecodedReading] = [.word("v", "1.2.3"), .word("w", "+5"), .word("x", " 1")]
        #expect(try decode("json", payload).readings == [.number("t", "21.5")] + words)
        var options = DecoderOptions()
        options.numericStrings = false
        #expect(try decode("json", payload, options).readings == [.word("t", "21.5")] + words)
    }

    @Test("words up to 64 bytes are states; longer strings are left out and counted; null is absent")
    func words() throws {
        let word = String(repeating: "x", count: 64)
        let decoded = try decode("json", "{\"a\":\"\(word)\",\"b\":\"\(word)x\",\"c\":null,\"d\":\"\"}")
        #expect(decoded.readings == [.word("a", word)])
        #expect(decoded.leftOut == 2)
        #expect(decoded.rejects.isEmpty)
    }

    @Test("escapes are resolved, surrogate pairs to one scalar")
    func escapes() throws {
        let decoded = try decode("json", #"{"device":"caf\u00E9","st\u0061te":"\ud83d\ude00\n\"\\\/\b\f\r\t"}"#)
        #expect(decoded.events.first?.device == "café")
        #expect(decoded.readings == [.word("state", "😀\n\"\\/\u{8}\u{C}\r\t")])
    }

    @Test("metric without value is a metric like any other, value without metric is called value")
    func halfForms() throws {
        #expect(try decode("json", #"{"metric":"a","t":1}"#).readings == [.number("t", "1"), .word("metric", "a")])
        #expect(try decode("json", #"{"value":1}"#).readings == [.number("value", "1")])
        #expect(try decode("json", #"{"metric":"a","value":null}"#).reasons == [.noReading])
        for nothing in ["null", "\"\"", "[1]", "\"\(String(repeating: "x", count: 65))\""] {
            let decoded = try decode("json", #"{"metric":"a","value":\#(nothing),"battery":98}"#)
            #expect(decoded.readings == [.number("battery", "98")])
        }
        #expect(try decode("json", #"{"value":null,"metric":"a","value":3}"#).readings == [.number("a", "3")])
    }

    @Test(
        "malformed objects are refused at their first bad byte",
        arguments: [
            (#"{"t":1"#, 6), (#"{"t":1,}"#, 7), (#"{"t" 1}"#, 5), (#"{"t":01}"#, 6), (#"{"t":1.}"#, 7),
            (#"{"t":-}"#, 6),
            (#"{"t":hot}"#, 5), (#"{"t":tru}"#, 5), (#"{t:1}"#, 1), (#"{"s":"\x"}"#, 7), (#"{"s":"\ud800"}"#, 6),
            (#"{"s":"\udc00"}"#, 6), (#"{"s":"\ud800\u0041"}"#, 6), (#"{"s":"\u12"}"#, 7), (#"{"t":1e999}"#, 5),
            ("21.5", 0), ("\"a\"", 0), ("  ", 0), ("{\"s\":\"a\u{1}\"}", 7), (#"{"t":NaN}"#, 5),
        ]
    )
    func malformed(payload: String, position: Int) throws {
        let decoded = try decode("json", payload)
        #expect(decoded.events.isEmpty)
        #expect(decoded.rejects == [Reject(.malformed, position)])
    }

    @Test("invalid UTF-8 in a state is malformed")
    func invalidUTF8() throws {
        #expect(try decode("json", Array(#"{"s":""#.utf8) + [0xC3, 0x28] + Array("\"}".utf8)).reasons == [.malformed])
    }

    @Test("an element that is refused does not take its neighbours with it")
    func resynchronises() throws {
        let deep = String(repeating: #"{"a":"#, count: 9) + "1" + String(repeating: "}", count: 9)
        let long = String(repeating: "m", count: 129)
        let payload = #"[{"t":1},7,\#(deep),{"\#(long)":1},{"s":"\ud800"},{"t":2}]"#
        let decoded = try decode("json", payload)
        #expect(decoded.readings == [.number("t", "1"), .number("t", "2")])
        #expect(decoded.reasons == [.malformed, .tooComplex, .invalidMetric, .malformed])
    }

    @Test("what stands before a bad part is decoded all the same, what follows malformed text is not guessed")
    func goodBeforeBad() throws {
        let decoded = try decode("json", #"[{"t":1},{"t":2},{"t":},{"t":3}]"#)
        #expect(decoded.readings == [.number("t", "1"), .number("t", "2")])
        #expect(decoded.rejects == [Reject(.malformed, 22)])
        #expect(try decode("json", #"{"t":1} x"#).rejects == [Reject(.malformed, 8)])
    }

    @Test("depth 8 is followed, depth 9 is too complex")
    func depth() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: #"{"a":"#, count: depth) + "1" + String(repeating: "}", count: depth)
        }
        #expect(try decode("json", nested(8)).readings == [.number("a.a.a.a.a.a.a.a", "1")])
        #expect(try decode("json", nested(9)).reasons == [.tooComplex])
    }

    @Test("metric names have 1 to 128 bytes, are UTF-8 and have no control characters")
    func metricNames() throws {
        let longest = String(repeating: "m", count: 128)
        #expect(try decode("json", "{\"\(longest)\":1}").readings == [.number(longest, "1")])
        #expect(try decode("json", "{\"\(longest)m\":1}").rejects == [Reject(.invalidMetric, 2)])
        #expect(try decode("json", #"{"":1}"#).reasons == [.invalidMetric])
        #expect(try decode("json", #"{"a\u0000":1}"#).reasons == [.invalidMetric])
        #expect(try decode("json", "{\"a\u{7F}\":1}").reasons == [.invalidMetric])
        #expect(try decode("json", "{\"température\":1}").readings == [.number("température", "1")])
        let half = String(repeating: "m", count: 64)
        #expect(try decode("json", "{\"\(half)\":{\"\(half)\":1}}").reasons == [.invalidMetric])
        #expect(try decode("json", #"{"metric":"","value":1}"#).reasons == [.invalidMetric])
    }

    @Test("256 readings are taken, 257 are too many")
    func tooMany() throws {
        func object(_ count: Int) -> String {
            "{" + (0..<count).map { "\"m\($0)\":\($0)" }.joined(separator: ",") + "}"
        }
        #expect(try decode("json", object(256)).readings.count == 256)
        #expect(try decode("json", object(257)).reasons == [.tooManyReadings])
    }

    @Test("an array of a thousand nested events does not run out of scratch")
    func manyNested() throws {
        let name = String(repeating: "n", count: 60)
        let element = "{\"\(name)\":{\"\(name)\":1}}"
        let decoded = try decode("json", "[" + Array(repeating: element, count: 1000).joined(separator: ",") + "]")
        #expect(decoded.events.count == 1000)
        #expect(decoded.rejects.isEmpty)
    }

    @Test("an empty payload is empty, an object without a value has no reading")
    func nothing() throws {
        #expect(try decode("json", "").rejects == [Reject(.empty, 0)])
        #expect(try decode("json", "{}").rejects == [Reject(.noReading, 0)])
        #expect(try decode("json", "[]").rejects == [Reject(.noReading, 0)])
        #expect(try decode("json", #"{"device":"a"}"#).rejects == [Reject(.noReading, 0)])
    }
}
