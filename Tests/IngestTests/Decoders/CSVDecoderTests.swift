// `csv`: the sentences of the payload rules, one test each.
import EventModel
import Ingest
import Testing

@Suite("Decoder csv")
struct CSVDecoderTests {
    @Test("without anything else a row is device, metric, value and perhaps time")
    func byDefault() throws {
        let decoded = try decode("csv", "freezer-7,temperature,-11.8\nfreezer-8, door , open ,2026-11-23T19:10:00Z\n")
        #expect(decoded.events.map(\.device) == ["freezer-7", "freezer-8"])
        #expect(decoded.readings == [.number("temperature", "-11.8"), .word("door", "open")])
        #expect(decoded.events.last?.time == "2026-11-23T19:10:00.000Z")
        #expect(decoded.violations.isEmpty)
    }

    @Test("columns name the fields of every row")
    func configured() throws {
        var options = DecoderOptions()
        options.columns = ["ts", "Sensor", "temperature", "", "humidity"]
        let decoded = try decode("csv", "1763925000,a,21.5,x,40\n1763925000,b,,y,41\n", options)
        #expect(decoded.events.map(\.device) == ["a", "b"])
        #expect(
            decoded.readings == [.number("temperature", "21.5"), .number("humidity", "40"), .number("humidity", "41")]
        )
        #expect(decoded.events.first?.time == "2025-11-23T19:10:00.000Z")
    }

    @Test("device_field may name a column")
    func deviceField() throws {
        var options = DecoderOptions()
        options.deviceField = "probe"
        options.columns = ["Probe", "t"]
        #expect(try decode("csv", "p1,4", options).events.first?.device == "p1")
    }

    @Test("a header line with a well-known name holds for the rows of its payload")
    func header() throws {
        let decoded = try decode(
            "csv",
            "time,device,temperature\n2026-11-23T19:10:00Z,a,21.5\n2026-11-23T19:10:00Z,b,22\n"
        )
        #expect(decoded.events.map(\.device) == ["a", "b"])
        #expect(decoded.readings == [.number("temperature", "21.5"), .number("temperature", "22")])
        #expect(decoded.rejects.isEmpty)
    }

    @Test("metric and value columns name one reading, with a unit")
    func metricColumns() throws {
        let decoded = try decode("csv", "sensor,value,unit,metric\ns1,4.5,C,temperature\n")
        #expect(decoded.readings == [.number("temperature", "4.5", "C")])
    }

    @Test("on a stream a header holds for later payloads until another one comes")
    func remembered() throws {
        let definition = try #require(DecoderRegistry.definition(named: "csv"))
        var options = DecoderOptions()
        options.isStream = true
        let decoder = try definition.make(options)
        var collector = EventCollector()
        let header = decode(decoder, Array("time,temperature,humidity\n".utf8), &collector)
        #expect(header.events.isEmpty && header.rejects.isEmpty)
        for _ in 0..<2 {
            #expect(
                decode(decoder, Array("1763925000,21.5,40".utf8), &collector).readings == [
                    .number("temperature", "21.5"), .number("humidity", "40"),
                ]
            )
        }
        #expect(decode(decoder, Array("device,t\na,1".utf8), &collector).readings == [.number("t", "1")])
        #expect(decode(decoder, Array("b,2".utf8), &collector).readings == [.number("t", "2")])
    }

    @Test("elsewhere a header does not touch later payloads, and alone has no reading")
    func forgotten() throws {
        let decoder = try #require(DecoderRegistry.definition(named: "csv")).make(DecoderOptions())
        var collector = EventCollector()
        #expect(decode(decoder, Array("device,t,u\n".utf8), &collector).rejects == [Reject(.noReading, 0)])
        #expect(decode(decoder, Array("device,t\na,1".utf8), &collector).readings == [.number("t", "1")])
        #expect(decode(decoder, Array("freezer-7,level,3".utf8), &collector).readings == [.number("level", "3")])
    }

    @Test("a quoted header is a header")
    func quotedHeader() throws {
        #expect(try decode("csv", "\"device\",\"t\"\na,1").readings == [.number("t", "1")])
    }

    @Test("a row of words in the default layout is data, not a header")
    func rowOfWords() throws {
        let decoded = try decode("csv", "freezer-7,door,open\n")
        #expect(decoded.readings == [.word("door", "open")])
    }

    @Test("fields in quotes may hold commas and doubled quotes")
    func quoted() throws {
        let decoded = try decode("csv", "\"hall, 3\",note,\"open, \"\"wide\"\"\"\r\n\"a\",t,\"21.5\" \n")
        #expect(decoded.events.map(\.device) == ["hall, 3", "a"])
        #expect(decoded.readings == [.word("note", "open, \"wide\""), .number("t", "21.5")])
    }

    @Test(
        "malformed rows are refused alone, at their first bad byte",
        arguments: [("a,b", 3), ("a,b,1,2026-11-23T19:10:00Z,x", 27), ("a,b,\"1", 6), ("a,b,\"1\"x", 7)]
    )
    func malformed(row: String, position: Int) throws {
        let decoded = try decode("csv", row + "\nf,t,1\n")
        #expect(decoded.rejects == [Reject(.malformed, position)])
        #expect(decoded.readings == [.number("t", "1")])
    }

    @Test("an empty value is absent, a row of them has no reading")
    func absent() throws {
        #expect(try decode("csv", "freezer-7,temperature,\n").rejects == [Reject(.noReading, 0)])
        #expect(try decode("csv", "").rejects == [Reject(.empty, 0)])
    }

    @Test("columns that cannot be are refused when the decoder is made")
    func badColumns() {
        for columns in [[], ["a", "a"], [String(repeating: "x", count: 129)], ["a\u{1}"]] {
            var options = DecoderOptions()
            options.columns = columns
            #expect(throws: DecoderOptionError.self) { try decode("csv", "1", options) }
        }
    }

    @Test("a header of 128 columns is taken, a longer one is refused")
    func manyColumns() throws {
        func payload(_ count: Int) -> String {
            (["device"] + (1..<count).map { "m\($0)" }).joined(separator: ",") + "\n"
                + (["a"] + (1..<count).map { "\($0)" }).joined(separator: ",")
        }
        #expect(try decode("csv", payload(128)).readings.count == 127)
        #expect(try decode("csv", payload(129)).reasons.first == .tooComplex)
    }
}
