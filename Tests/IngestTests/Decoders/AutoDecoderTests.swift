// `auto`: which format is recognised in which bytes, in the documented order.
import EventModel
import Ingest
import Testing

@Suite("Decoder auto")
struct AutoDecoderTests {
    @Test(
        "recognises a payload from its first bytes",
        arguments: [
            ("$WIMWV,214.8,R,0.1,K,A*28", RecognisedFormat.nmea), ("!AIVDM,1", .nmea), (" \n{\"a\":1}", .json),
            ("[{\"a\":1}]", .json), ("[{\"n\":\"x\",\"v\":1}]", .senml),
            ("[ {\"u\":\"C\",\"vs\":\"on\",\"n\":\"a/b\"}]", .senml),
            ("[{\"bn\":\"x\"}]", .senml), ("[{\"n\":5,\"v\":1}]", .json), ("[1,2]", .json), ("21.5", .value),
            ("open", .value),
            ("\"wide open\"", .value), ("-4\r\n", .value), ("12:30:00", .value), ("t=1 u=2", .keyValue),
            ("t=1,u=2", .keyValue),
            ("t=1;u=2", .keyValue), ("m t=1", .lineProtocol), ("m,a=b t=1 17", .lineProtocol),
            ("# c\nm t=1", .lineProtocol),
            (#"my\ house,device=a t=1"#, .lineProtocol), ("a,b,1", .csv), ("hall 3,t,1", .csv), ("\"a\",b,1", .csv),
            ("time,device,t\n1,a,2", .csv),
        ]
    )
    func recognises(payload: String, format: RecognisedFormat) {
        let bytes = Array(payload.utf8)
        #expect(bytes.withUnsafeBytes { RecognisedFormat.recognise($0.bytes) } == format)
    }

    @Test(
        "does not guess where nothing fits",
        arguments: ["the door is open", "1;2;3", "a\u{1}", "$1,2", "$", "", " \n"]
    )
    func unknown(payload: String) throws {
        let bytes = Array(payload.utf8)
        #expect(bytes.withUnsafeBytes { RecognisedFormat.recognise($0.bytes) } == nil)
        #expect(try decode("auto", payload).rejects == [Reject(payload.isEmpty ? .empty : .unknownFormat, 0)])
    }

    @Test("gives what the recognised decoder gives, and each payload its own")
    func delegates() throws {
        let definition = try #require(DecoderRegistry.definition(named: "auto"))
        let decoder = try definition.make(DecoderOptions())
        var collector = EventCollector()
        for (format, payload) in [
            ("json", "{\"device\":\"a\",\"t\":1}"), ("csv", "a,t,1"), ("key_value", "device=a t=1"), ("value", "1"),
            ("senml", "[{\"n\":\"a/t\",\"v\":1}]"), ("line_protocol", "m,device=a t=1"), ("json", "{\"t\":}"),
        ] {
            #expect(try decode(decoder, Array(payload.utf8), &collector) == decode(format, payload))
        }
    }

    @Test("every recognised format is in the registry")
    func registered() {
        for format in RecognisedFormat.allCases {
            #expect(DecoderRegistry.definition(named: format.rawValue) != nil)
        }
    }
}
