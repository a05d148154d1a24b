// Readings, states and what is neither: each sentence of the contract on values, through the whole pipeline.
import EventModel
import Ingest
import Testing

@Suite("Normalising: values")
struct ValueTests {
    private func stored(_ value: String) throws -> JSONValue {
        try PipelineBench().event("{\"device\":\"a\",\"x\":\(value)}")
    }

    @Test(
        "a number is a reading",
        arguments: ["21.5", "-0.5", "0", "-0", "1e3", "2.5E-3", "432", "12345678901234567890", "0.1", "1.7e308"]
    )
    func number(_ text: String) throws {
        let event = try stored(text)
        #expect(event["readings"]?.number("x") == Double(text))
        #expect(event["states"] == nil && event["bad"] == nil && event["raw"] == nil)
        #expect(event.text("quality") == "good")
    }

    @Test(
        "a string that is wholly a JSON number is a reading",
        arguments: ["21.5", "-0.5", "0", "1e3", "2.5E-3", "432", "-12"]
    )
    func numericString(_ text: String) throws {
        let event = try stored("\"\(text)\"")
        #expect(event["readings"]?.number("x") == Double(text))
        #expect(event["states"] == nil)
    }

    @Test(
        "a string that is not wholly a JSON number is a word",
        arguments: [
            " 21.5", "21.5 ", "+5", ".5", "5.", "007", "0x1F", "1_000", "1,5", "NaN", "Infinity", "-", "1e", "21.5C",
            "true",
            "null",
        ]
    )
    func nearlyNumeric(_ text: String) throws {
        let event = try stored("\"\(text)\"")
        #expect(event["states"]?.text("x") == text)
        #expect(event["readings"] == nil && event["bad"] == nil)
    }

    @Test(
        "numeric_strings: false turns that off",
        arguments: [
            ("json", #"{"device":"a","x":"21.5"}"#), ("line_protocol", #"m,device=a x="21.5""#),
            ("key_value", #"device=a x="21.5""#), ("senml", #"[{"n":"a/x","vs":"21.5"}]"#),
        ]
    )
    func withoutNumericStrings(_ format: String, _ payload: String) throws {
        let usual = try PipelineBench { $0.format = format }
        #expect(try usual.event(payload)["readings"] == json(#"{"x":21.5}"#))
        let bench = try PipelineBench {
            $0.format = format
            $0.decoder.numericStrings = false
        }
        let event = try bench.event(payload)
        #expect(try event["states"] == json(#"{"x":"21.5"}"#))
        #expect(event["readings"] == nil)
    }

    @Test(
        "Booleans are states: true and false as words",
        arguments: [
            ("json", #"{"device":"a","x":true}"#, "true"), ("json", #"{"device":"a","x":false}"#, "false"),
            ("line_protocol", "m,device=a x=t", "true"), ("line_protocol", "m,device=a x=FALSE", "false"),
            ("senml", #"[{"n":"a/x","vb":true}]"#, "true"), ("key_value", "device=a x=False", "false"),
        ]
    )
    func booleans(_ format: String, _ payload: String, _ word: String) throws {
        let event = try PipelineBench { $0.format = format }.event(payload)
        #expect(event["states"]?.text("x") == word)
        #expect(event["readings"] == nil)
    }

    @Test("words up to 64 bytes are states", arguments: [("w", 1), ("w", 63), ("w", 64), ("é", 32), ("😀", 16)])
    func words(_ character: String, _ count: Int) throws {
        let word = String(repeating: character, count: count)
        let bench = try PipelineBench()
        #expect(try bench.event("{\"device\":\"a\",\"x\":\"\(word)\"}")["states"]?.text("x") == word)
        #expect(bench.counts.leftOut == 0)
    }

    @Test(
        "words keep what JSON must escape",
        arguments: [#"a\"b"#, #"a\\b"#, #"a\tb"#, #"a\u0001b"#, #"a\/b"#, #"\u00e9"#]
    )
    func escapedWords(_ text: String) throws {
        let event = try stored("\"\(text)\"")
        #expect(try event["states"] == json("{\"x\":\"\(text)\"}"))
    }

    @Test("longer strings are left out and counted", arguments: [("w", 65), ("é", 33), ("😀", 17), ("w", 5000)])
    func longStrings(_ character: String, _ count: Int) throws {
        let word = String(repeating: character, count: count)
        let bench = try PipelineBench()
        let event = try bench.event("{\"device\":\"a\",\"x\":\"\(word)\",\"t\":1}")
        #expect(try event["readings"] == json(#"{"t":1}"#))
        #expect(event["states"] == nil && event["bad"] == nil)
        #expect(bench.counts.leftOut == 1)
        #expect(bench.counts.appended == 1)
    }

    @Test("null is absent", arguments: [#""x":null,"t":1"#, #""t":1,"x":null"#, #""y":{"z":null},"t":1"#])
    func null(_ members: String) throws {
        let bench = try PipelineBench()
        let event = try bench.event("{\"device\":\"a\",\(members)}")
        #expect(try event["readings"] == json(#"{"t":1}"#))
        let names: Set = ["device", "time", "received", "clock", "readings", "quality"]
        #expect(event.names == names)
        #expect(bench.counts.leftOut == 0)
    }

    @Test(
        "a payload of which nothing is left is rejected",
        arguments: ["null", "\"\(String(repeating: "w", count: 65))\""]
    )
    func nothingLeft(_ value: String) throws {
        #expect(try PipelineBench().refusal("{\"device\":\"a\",\"x\":\(value)}") == "no_reading")
    }

    @Test("a (device, metric) keeps its first kind: a word where numbers came is stored as bad")
    func numberThenWord() throws {
        let bench = try PipelineBench()
        _ = try bench.event(#"{"device":"a","x":21.5}"#)
        let changed = try bench.event(#"{"device":"a","x":"warm","y":1}"#)
        #expect(try changed["bad"] == json(#"{"x":{"value":"warm","reason":"type_changed"}}"#))
        #expect(try changed["readings"] == json(#"{"y":1}"#))
        #expect(changed["states"] == nil)
        #expect(changed.text("quality") == "bad")
        let boolean = try bench.event(#"{"device":"a","x":true}"#)
        #expect(try boolean["bad"] == json(#"{"x":{"value":"true","reason":"type_changed"}}"#))
        let again = try bench.event(#"{"device":"a","x":"22.5"}"#)
        #expect(try again["readings"] == json(#"{"x":22.5}"#))
        #expect(again.text("quality") == "good")
    }

    @Test("and a number where words came", arguments: [("85", "85"), ("\"85\"", "85"), ("-1.50e2", "-1.50e2")])
    func wordThenNumber(_ value: String, _ text: String) throws {
        let bench = try PipelineBench()
        _ = try bench.event(#"{"device":"a","x":"open"}"#)
        let event = try bench.event("{\"device\":\"a\",\"x\":\(value)}")
        #expect(try event["bad"] == json("{\"x\":{\"value\":\"\(text)\",\"reason\":\"type_changed\"}}"))
        #expect(event["readings"] == nil && event["states"] == nil)
        #expect(try bench.event(#"{"device":"a","x":false}"#)["states"] == json(#"{"x":"false"}"#))
    }

    @Test("the kind is the pair's: another device and another metric have their own")
    func kindsArePairs() throws {
        let bench = try PipelineBench()
        _ = try bench.event(#"{"device":"a","x":1,"y":"on"}"#)
        let other = try bench.event(#"{"device":"b","x":"on","y":1}"#)
        #expect(try other["readings"] == json(#"{"y":1}"#))
        #expect(try other["states"] == json(#"{"x":"on"}"#))
        #expect(other["bad"] == nil)
    }

    @Test("the kind holds for the events of one payload too")
    func kindWithinPayload() throws {
        let events = try PipelineBench().events(#"[{"device":"a","x":1},{"device":"a","x":"on"}]"#)
        #expect(events.map { $0.text("quality") } == ["good", "bad"])
    }

    @Test(
        "NaN and the infinities must not be used: they stand in bad and nowhere else",
        arguments: ["nan", "NaN", "inf", "-inf", "+Inf", "infinity"]
    )
    func notANumber(_ text: String) throws {
        let bench = try PipelineBench { $0.format = "line_protocol" }
        let event = try bench.event("m,device=a x=\(text),y=1")
        #expect(try event["bad"] == json("{\"x\":{\"value\":\"\(text)\",\"reason\":\"not_a_number\"}}"))
        #expect(try event["readings"] == json(#"{"y":1}"#))
        #expect(event["states"] == nil && event["raw"] == nil && event["units"] == nil)
        #expect(event.text("quality") == "bad")
    }

    @Test("NaN is of the kind number")
    func kindOfNaN() throws {
        let bench = try PipelineBench { $0.format = "line_protocol" }
        _ = try bench.event("m,device=a x=nan")
        #expect(try bench.event("m,device=a x=1")["readings"] == json(#"{"x":1}"#))
        #expect(try bench.event("m,device=a x=\"on\"")["bad"]?["x"]?.text("reason") == "type_changed")
    }

    @Test("ignored metrics are left out; a payload of nothing else is appended, and leaves no record")
    func ignored() throws {
        let bench = try PipelineBench { $0.normaliser.ignore = ["update.*", "linkquality"] }
        let event = try bench.event(#"{"device":"a","t":1,"linkquality":30,"update":{"state":"idle","size":5}}"#)
        #expect(try event["readings"] == json(#"{"t":1}"#))
        #expect(event["states"] == nil)
        let nothing = try bench.take(#"{"device":"a","linkquality":30}"#)
        #expect(nothing.events.count == 0 && nothing.rejects.count == 0)
        bench.turn()
        #expect(bench.counts.received == 2 && bench.counts.appended == 2 && bench.counts.events == 1)
    }
}
