// `senml`: RFC 8428 in its JSON form, and the sentences of the payload rules.
import EventModel
import Ingest
import Testing

@Suite("Decoder senml")
struct SenMLDecoderTests {
    @Test("the resolved name's last part is the metric, what stands before it the device")
    func names() throws {
        let decoded = try decode(
            "senml",
            #"[{"bn":"urn:dev:ow:10e2:","n":"temp","u":"Cel","v":23.1},{"n":"hum","u":"%RH","v":40}]"#
        )
        #expect(decoded.events.count == 1)
        #expect(decoded.events.first?.device == "urn:dev:ow:10e2")
        #expect(decoded.readings == [.number("temp", "23.1", "Cel"), .number("hum", "40", "%RH")])
        #expect(decoded.violations.isEmpty)
    }

    @Test(
        "names are resolved wherever the separator stands",
        arguments: [
            (#"[{"n":"hall/north/temp","v":1}]"#, "hall/north", "temp"),
            (#"[{"bn":"hall/no","n":"rth:temp","v":1}]"#, "hall/north", "temp"),
            (#"[{"bn":"a:b/temp","v":1}]"#, "a:b", "temp"), (#"[{"bn":"a","n":"b","v":1}]"#, nil, "ab"),
            (#"[{"bn":"caf\u00e9/","n":"t","v":1}]"#, "café", "t"), (#"[{"n":"t","v":1}]"#, nil, "t"),
        ] as [(String, String?, String)]
    )
    func resolution(payload: String, device: String?, metric: String) throws {
        let decoded = try decode("senml", payload)
        #expect(decoded.events.first?.device == device)
        #expect(decoded.readings.map(\.metric) == [metric])
    }

    @Test("consecutive records of one device and time are one event")
    func grouping() throws {
        let decoded = try decode(
            "senml",
            #"[{"bt":1763925000},{"n":"a/x","v":1},{"n":"a/y","v":2},{"n":"b/x","v":3},{"n":"b/x","v":4,"t":1},{"n":"a/x","v":5}]"#
        )
        #expect(decoded.events.map { $0.readings.map(\.text) } == [["1", "2"], ["3"], ["4"], ["5"]])
        #expect(decoded.events.map(\.device) == ["a", "b", "b", "a"])
        #expect(decoded.events[2].time == "2025-11-23T19:10:01.000Z")
    }

    @Test("times below 2^28 are relative to receipt, and 0 is receipt itself")
    func relativeTime() throws {
        #expect(try decode("senml", #"[{"n":"a/x","v":1,"t":-5.25}]"#).events.first?.time == "receipt -5250")
        #expect(try decode("senml", #"[{"n":"a/x","v":1,"t":0}]"#).events.first?.time == "absent")
        #expect(
            try decode("senml", #"[{"n":"a/x","v":1,"t":268435455}]"#).events.first?.time == "receipt 268435455000"
        )
        #expect(
            try decode("senml", #"[{"n":"a/x","v":1,"t":268435456}]"#).events.first?.time == "1978-07-04T21:24:16.000Z"
        )
        let two = try decode("senml", #"[{"n":"a/x","v":1,"t":-5},{"n":"a/x","v":2}]"#)
        #expect(two.events.count == 2)
    }

    @Test(
        "a sequence may stand in any record of an event, and ends it where it changes",
        arguments: [
            (#"[{"bn":"a/","seq":42},{"n":"x","v":1}]"#, [42]),
            (#"[{"bn":"a/","n":"x","v":1},{"n":"y","v":2,"Sequence":7}]"#, [7]),
            (#"[{"bn":"a/","n":"x","v":1,"fCnt":1},{"n":"x","v":2,"fCnt":2}]"#, [1, 2]),
            (#"[{"n":"a/x","v":1,"seq":-1}]"#, [nil]), (#"[{"n":"a/x","v":1,"seq":{"of":1}}]"#, [nil]),
        ] as [(String, [UInt64?])]
    )
    func sequence(payload: String, sequences: [UInt64?]) throws {
        let decoded = try decode("senml", payload)
        #expect(decoded.events.map(\.sequence) == sequences)
        #expect(decoded.rejects.isEmpty && decoded.violations.isEmpty)
    }

    @Test("strings and Booleans are states, sums and data values are left out and counted")
    func kinds() throws {
        let decoded = try decode(
            "senml",
            #"[{"bn":"a/","n":"s","vs":"Room"},{"n":"b","vb":true},{"n":"d","vd":"aGk"},{"n":"i","s":5},{"n":"n","vs":"7"}]"#
        )
        #expect(decoded.readings == [.word("s", "Room"), .boolean("b", "true"), .number("n", "7")])
        #expect(decoded.leftOut == 2)
    }

    @Test("base unit and base value hold until another one")
    func baseFields() throws {
        let decoded = try decode(
            "senml",
            #"[{"bn":"a/","bu":"V","bv":100,"n":"x","v":0.25},{"n":"y","u":"A","v":1},{"bv":0,"n":"z","v":2.0}]"#
        )
        #expect(decoded.readings == [.number("x", "100.25", "V"), .number("y", "101", "A"), .number("z", "2.0", "V")])
        #expect(decoded.violations.isEmpty)
    }

    @Test("a record that is refused does not take its neighbours with it")
    func resynchronises() throws {
        let decoded = try decode(
            "senml",
            #"[{"bn":"a/","n":"x","v":1},{"n":"y","v":"warm"},{"n":"","v":2},{"n":"z","v":3,"q_":1},{"n":"w","v":4}]"#
        )
        #expect(decoded.readings == [.number("x", "1"), .number("w", "4")])
        #expect(decoded.reasons == [.malformed, .invalidMetric, .malformed])
    }

    @Test(
        "malformed packs are refused at their first bad byte",
        arguments: [
            ("{}", RejectReason.malformed, 0), ("[{\"n\":\"a/x\",\"v\":1}", .malformed, 18), ("[7]", .malformed, 1),
            ("[]", .noReading, 0), ("[{\"bn\":\"a/\"}]", .noReading, 0), ("", .empty, 0),
            ("[{\"bver\":11,\"n\":\"a/x\",\"v\":1}]", .malformed, 9),
        ]
    )
    func malformed(payload: String, reason: RejectReason, position: Int) throws {
        #expect(try decode("senml", payload).rejects == [Reject(reason, position)])
    }

    @Test("more than 256 records of one time are several events")
    func manyRecords() throws {
        let records = (0..<600).map { "{\"n\":\"a/m\($0)\",\"v\":\($0)}" }.joined(separator: ",")
        let decoded = try decode("senml", "[\(records)]")
        #expect(decoded.events.map(\.readings.count) == [256, 256, 88])
    }
}
