// Sequence and unit of an event: each sentence of the contract on them, through the whole pipeline.
import EventModel
import Ingest
import Testing

@Suite("Normalising: sequence and unit")
struct UnitTests {
    @Test(
        "seq, sequence and fCnt say the sequence, without regard to case",
        arguments: ["seq", "sequence", "fCnt", "SEQ", "Sequence", "FCNT"]
    )
    func sequence(_ key: String) throws {
        let event = try PipelineBench().event("{\"device\":\"a\",\"\(key)\":42,\"t\":1}")
        #expect(event.number("seq") == 42)
        #expect(try event["readings"] == json(#"{"t":1}"#))
    }

    @Test(
        "a sequence is a whole number, in quotes too",
        arguments: [("0", 0), ("\"42\"", 42), ("9007199254740993", 9_007_199_254_740_993)]
    )
    func wholeSequence(_ text: String, _ sequence: Int) throws {
        let taken = try PipelineBench().take("{\"device\":\"a\",\"seq\":\(text),\"t\":1}")
        #expect(taken.events.first?.text.contains("\"seq\":\(sequence)}") == true)
    }

    @Test("without a sequence there is no seq")
    func noSequence() throws {
        #expect(try PipelineBench().event(#"{"device":"a","seq":null,"t":1}"#)["seq"] == nil)
        #expect(try PipelineBench().event(#"{"device":"a","t":1}"#)["seq"] == nil)
    }

    @Test("unit and u say the unit, without regard to case", arguments: ["unit", "u", "Unit", "U"])
    func unit(_ key: String) throws {
        let event = try PipelineBench().event(
            "{\"device\":\"a\",\"metric\":\"temperature\",\"value\":21.5,\"\(key)\":\"°C\"}"
        )
        #expect(try event["units"] == json(#"{"temperature":"°C"}"#))
        #expect(try event["readings"] == json(#"{"temperature":21.5}"#))
        #expect(event["states"] == nil)
    }

    @Test(
        "C, Cel, degC and ℃ become °C; so do their other cases",
        arguments: ["C", "Cel", "degC", "℃", "°C", "c", "CEL", "DEGC", "celsius"]
    )
    func celsius(_ spelling: String) throws {
        let event = try PipelineBench().event("{\"device\":\"a\",\"t\":21.5,\"unit\":\"\(spelling)\"}")
        #expect(try event["units"] == json(#"{"t":"°C"}"#))
        let stored = try #require(event["units"]?.text("t"))
        #expect(Array(stored.utf8) == [0xC2, 0xB0, 0x43])
    }

    @Test("every spelling of the table is stored as its canonical one", arguments: UnitName.spellings.indices)
    func table(_ index: Int) throws {
        let unit = UnitName.spellings[index]
        let bench = try PipelineBench()
        for (place, spelling) in ([unit.canonical] + unit.others).enumerated() {
            let event = try bench.event("{\"device\":\"d\(place)\",\"t\":1,\"unit\":\"\(spelling)\"}")
            #expect(event["units"]?.text("t") == unit.canonical, "\(spelling)")
        }
    }

    @Test("a unit that is not in the table is stored as sent")
    func unknownUnit() throws {
        let event = try PipelineBench().event(#"{"device":"a","t":1,"unit":"Furlong/h"}"#)
        #expect(try event["units"] == json(#"{"t":"Furlong/h"}"#))
    }

    @Test("a unit with quotes and backslashes is one string in the record")
    func escapedUnit() throws {
        let event = try PipelineBench().event(#"{"device":"a","t":1,"unit":"\"in\\"}"#)
        #expect(try event["units"] == json(#"{"t":"\"in\\"}"#))
    }

    @Test("states have no unit")
    func statesWithoutUnit() throws {
        let event = try PipelineBench().event(#"{"device":"a","metric":"door","value":"open","unit":"C"}"#)
        #expect(try event["states"] == json(#"{"door":"open"}"#))
        #expect(event["units"] == nil)
    }

    @Test("a value that must not be used has no unit")
    func badWithoutUnit() throws {
        let bench = try PipelineBench()
        _ = try bench.event(#"{"device":"a","door":"open"}"#)
        let event = try bench.event(#"{"device":"a","door":1,"unit":"C"}"#)
        #expect(try event["bad"] == json(#"{"door":{"value":"1","reason":"type_changed"}}"#))
        #expect(event["units"] == nil)
    }

    @Test("each event of a payload has its own unit")
    func unitsOfEvents() throws {
        let events = try PipelineBench().events(
            #"[{"device":"a","t":1,"unit":"C"},{"device":"a","t":2,"u":"F"},{"device":"a","t":3}]"#
        )
        #expect(events.map { $0["units"]?.text("t") } == ["°C", "°F", nil])
    }
}
