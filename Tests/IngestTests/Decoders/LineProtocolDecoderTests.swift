// `line_protocol`: the sentences of the payload rules, one test each.
import EventModel
import Ingest
import Testing

@Suite("Decoder line_protocol")
struct LineProtocolDecoderTests {
    @Test("the device is the tag device, field keys are metrics, other tags are labels")
    func plain() throws {
        let decoded = try decode(
            "line_protocol",
            "weather,site=hall,device=w1 temperature=82,humidity=71i 1763925000123456789\n"
        )
        let event = try #require(decoded.events.first)
        #expect(event.device == "w1")
        #expect(event.labels == ["site=hall"])
        #expect(event.readings == [.number("temperature", "82"), .number("humidity", "71")])
        #expect(event.time == "2025-11-23T19:10:00.123Z")
        #expect(decoded.violations.isEmpty)
    }

    @Test("without a device tag it is host, without that the measurement")
    func deviceRanks() throws {
        #expect(try decode("line_protocol", "cpu,host=h1 load=1").events.first?.device == "h1")
        let bare = try decode("line_protocol", "boiler temperature=60").events.first
        #expect(bare?.device == "boiler")
        #expect(bare?.deviceRank == 200)
    }

    @Test("of several device tags the best one is the device, the others are labels")
    func losingDeviceTags() throws {
        let event = try decode("line_protocol", "m,host=h,id=i,device=d,sensor=s t=1").events.first
        #expect(event?.device == "d")
        #expect(event?.labels == ["host=h", "id=i", "sensor=s"])
    }

    @Test("a field named value takes the measurement's name")
    func valueField() throws {
        #expect(
            try decode("line_protocol", "temperature,device=a value=21.5,min=20").readings == [
                .number("temperature", "21.5"), .number("min", "20"),
            ]
        )
    }

    @Test("a tag unit is the only reading's unit, else a label")
    func unitTag() throws {
        #expect(try decode("line_protocol", "t,device=a,unit=C value=1").readings == [.number("t", "1", "C")])
        #expect(try decode("line_protocol", "t,device=a,unit=C x=1,y=2").events.first?.labels == ["unit=C"])
    }

    @Test("floats, integers with i and u, Booleans and strings")
    func kinds() throws {
        let decoded = try decode(
            "line_protocol",
            #"m a=1.5,b=-2i,c=3u,d=t,e=FALSE,f="on",g=F,h=true,i=1e3,j="7",k=007i,l=.5"#
        )
        #expect(
            decoded.readings == [
                .number("a", "1.5"), .number("b", "-2"), .number("c", "3"), .boolean("d", "true"),
                .boolean("e", "false"),
                .word("f", "on"), .boolean("g", "false"), .boolean("h", "true"), .number("i", "1e3"), .number("j", "7"),
                .number("k", "7"), .number("l", "0.5"),
            ]
        )
    }

    @Test("escapes of names, tags and strings are resolved, other backslashes stay")
    func escapes() throws {
        let decoded = try decode(
            "line_protocol",
            #"wea\,ther\ st,ta\=g=v\ al,device=c:\x te\ mp=21.5,s="a\"b\\c\n, d=e" 1763925000"#
        )
        let event = try #require(decoded.events.first)
        #expect(event.device == #"c:\x"#)
        #expect(event.labels == ["ta=g=v al"])
        #expect(event.readings == [.number("te mp", "21.5"), .word("s", #"a"b\c\n, d=e"#)])
        #expect(event.time == "2025-11-23T19:10:00.000Z")
    }

    @Test("several lines, comments and blank lines; a bad line is refused alone")
    func lines() throws {
        let decoded = try decode("line_protocol", "# c\na,device=x t=1\n\nb,device=y t=warm\nc,device=z t=3\r\n")
        #expect(decoded.events.map(\.device) == ["x", "z"])
        #expect(decoded.rejects == [Reject(.malformed, 33)])
    }

    @Test("NaN and infinities are no numbers", arguments: ["NaN", "+Inf", "-inf", "Infinity"])
    func notANumber(text: String) throws {
        #expect(try decode("line_protocol", "m t=\(text)").readings == [.notANumber("t", text)])
    }

    @Test("numeric_strings decides about numbers in quotes")
    func numericStrings() throws {
        var options = DecoderOptions()
        options.numericStrings = false
        #expect(try decode("line_protocol", #"m t="7""#, options).readings == [.word("t", "7")])
    }

    @Test("device_field may name a tag or a field; sequence and time may be fields")
    func fieldsAboutTheEvent() throws {
        var options = DecoderOptions()
        options.deviceField = "probe"
        let event = try decode("line_protocol", #"m,device=d t=1,probe="p",seq=9i,ts=1763925000"#, options).events.first
        #expect(event?.device == "p")
        #expect(event?.sequence == 9)
        #expect(event?.time == "2025-11-23T19:10:00.000Z")
        #expect(event?.readings == [.number("t", "1")])
    }

    @Test(
        "malformed lines are refused at their first bad byte",
        arguments: [
            ("m", 1), ("m,a=1", 5), ("m, t=1", 2), ("m,a t=1", 3), ("m,a= t=1", 4), (",a=1 t=1", 0), ("m t", 3),
            ("m t=", 4), ("m t=1,", 6), ("m t=1 x", 6), ("m t=1 1 2", 7), ("m s=\"a", 4), ("m s=\"a\"b", 7),
            ("m t=1x", 4),
            ("m t=1.5i", 4), ("m t=i", 4), ("m t=null", 4),
        ]
    )
    func malformed(payload: String, position: Int) throws {
        let decoded = try decode("line_protocol", payload)
        #expect(decoded.events.isEmpty)
        #expect(decoded.rejects == [Reject(.malformed, position)])
    }

    @Test("an empty payload is empty, comments alone have no reading")
    func nothing() throws {
        #expect(try decode("line_protocol", "").rejects == [Reject(.empty, 0)])
        #expect(try decode("line_protocol", "# only\n").rejects == [Reject(.noReading, 0)])
    }

    @Test("labels beyond 32 are left out and counted")
    func manyTags() throws {
        let tags = (0..<40).map { "t\($0)=v" }.joined(separator: ",")
        let decoded = try decode("line_protocol", "m,\(tags) x=1")
        #expect(decoded.events.first?.labels.count == 32)
        #expect(decoded.leftOut == 8)
    }
}
