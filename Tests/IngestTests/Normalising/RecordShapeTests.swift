// The shape of a record in topic `readings`: each sentence of the contract's section on records.
import EventModel
import Ingest
import Platform
import Testing

@Suite("Records of topic readings")
struct RecordShapeTests {
    @Test("the example of the contract, to the letter")
    func example() throws {
        let taken = try PipelineBench().take(
            #"{"device":"freezer-7","time":"2026-11-23T19:10:00.123Z","temperature":-11.8,"unit":"C","door":"open","seq":42}"#,
            .topic("plant/a/up", "plant/{line}/up")
        )
        let record = try #require(taken.events.first)
        let expected = """
            {"device":"freezer-7","time":"2026-11-23T19:10:00.123Z","received":"2026-11-23T19:10:00.131Z","clock":"device",
             "readings":{"temperature":-11.8},"states":{"door":"open"},"units":{"temperature":"°C"},
             "labels":{"line":"a"},"quality":"good","seq":42}
            """
        #expect(try record.json() == json(expected))
        let lines = expected.split(separator: "\n").map { line in String(line.drop { $0 == " " }) }
        #expect(record.text == lines.joined(separator: ""))
        #expect(RecordPromises(record).broken.isEmpty)
    }

    @Test("key is the device id, the record's timestamp the event's time")
    func keyAndTimestamp() throws {
        let taken = try PipelineBench().take(#"[{"device":"a","ts":1795460400123,"t":1},{"device":"b","t":2}]"#)
        #expect(taken.events.map(\.key) == ["a", "b"])
        #expect(taken.events.map(\.timestamp) == [Timestamp(milliseconds: 1_795_460_400_123), BenchClock.start])
    }

    @Test("headers are input and from: peer address or port")
    func headers() throws {
        let bench = try PipelineBench { $0.input = "lan" }
        for from in ["192.0.2.7:5000", "[2001:db8::1]:5000", "/dev/serial/by-id/usb-FTDI"] {
            let taken = try bench.take(#"{"device":"a","t":1}"#, PayloadWay(from: from))
            let record = try #require(taken.events.first)
            #expect(record.headers == ["input": "lan", "from": from])
        }
    }

    @Test("for MQTT from is the topic, and mid the message's")
    func messageHeaders() throws {
        let way = PayloadWay.topic("plant/a/up", "plant/{device}/up", messageID: 65_535)
        let taken = try PipelineBench().take("{\"t\":1}\n{\"t\":2}", way)
        let headers = ["input": "plant", "from": "plant/a/up", "mid": "65535"]
        #expect(taken.events.map(\.headers) == [headers, headers])
    }

    @Test(
        "time and received always have 24 characters",
        arguments: [
            "", #""time":"2026-11-23T19:00:00Z","#, #""time":1795460400,"#, #""time":946684800,"#,
            #""time":"2026-11-23T19:00:00.1Z","#, #""time":1795460400.0009,"#, #""time":"2026-01-02T03:04:05.006Z","#,
        ]
    )
    func times(_ member: String) throws {
        let taken = try PipelineBench().take("{\"device\":\"a\",\(member)\"t\":1}")
        let record = try #require(taken.events.first)
        let event = try record.json()
        #expect(event.text("time")?.utf8.count == 24)
        #expect(event.text("received")?.utf8.count == 24)
        #expect(RecordPromises(record).broken.isEmpty)
    }

    @Test("readings maps to numbers only, states to strings only, whatever the payload mixes")
    func kinds() throws {
        let payload = #"{"device":"a","n":1,"s":"2","w":"on","b":true,"f":false,"z":null,"o":{"n":-1e-3},"l":[1]}"#
        let taken = try PipelineBench().take(payload)
        let record = try #require(taken.events.first)
        let event = try record.json()
        #expect(try event["readings"] == json(#"{"n":1,"s":2,"o.n":-0.001}"#))
        #expect(try event["states"] == json(#"{"w":"on","b":"true","f":"false"}"#))
        #expect(RecordPromises(record).broken.isEmpty)
    }

    @Test("only what there is: empty maps are left out")
    func emptyMaps() throws {
        let always: Set = ["device", "time", "received", "clock", "quality"]
        let bench = try PipelineBench { $0.format = "line_protocol" }
        #expect(try bench.event("m,device=a t=1").names == always.union(["readings"]))
        #expect(try bench.event("m,device=a s=true").names == always.union(["states"]))
        #expect(try bench.event("m,device=a n=nan").names == always.union(["bad"]))
        #expect(try bench.event("m,device=a,unit=C t=1").names == always.union(["readings", "units"]))
        #expect(try bench.event("m,device=a,line=b t=1").names == always.union(["readings", "labels"]))
    }

    @Test("quality is the worst of the values: one bad one is enough")
    func quality() throws {
        let bench = try PipelineBench { $0.format = "line_protocol" }
        #expect(try bench.event("m,device=a x=1,y=2").text("quality") == "good")
        #expect(try bench.event("m,device=a x=1,y=nan").text("quality") == "bad")
        #expect(try bench.event("m,device=a x=nan,y=nan").text("quality") == "bad")
        #expect(try bench.event("m,device=a s=\"on\"").text("quality") == "good")
        #expect(try bench.event("m,device=a x=\"on\",y=2").text("quality") == "bad")
    }

    @Test("a value that must not be used keeps its text, and the others of its event stay")
    func bad() throws {
        let bench = try PipelineBench { $0.format = "line_protocol" }
        _ = try bench.event("m,device=a,unit=C temperature=21.5")
        let event = try bench.event(#"m,device=a temperature="hot \"85\"",humidity=40,door="open",wind=-Inf"#)
        #expect(
            try event["bad"]
                == json(
                    #"""
                    {"temperature":{"value":"hot \"85\"","reason":"type_changed"},
                     "wind":{"value":"-Inf","reason":"not_a_number"}}
                    """#
                )
        )
        #expect(try event["readings"] == json(#"{"humidity":40}"#))
        #expect(try event["states"] == json(#"{"door":"open"}"#))
    }

    @Test("retained is true where so, else absent")
    func retained() throws {
        let bench = try PipelineBench()
        let payload = #"{"t":1}"#
        let old = try bench.event(payload, .topic("up/a", "up/{device}", isRetained: true))
        #expect(old.flag("retained") == true)
        let new = try bench.event(payload, .topic("up/a", "up/{device}"))
        #expect(new["retained"] == nil)
    }

    @Test(
        "names and texts of a payload cannot break out of their strings",
        arguments: [#"\""#, #"\\"#, #"}],\"x\":[{"#, "é😀"]
    )
    func escapes(_ text: String) throws {
        let payload = "{\"device\":\"d\(text)\",\"m\(text)\":1,\"s\(text)\":\"w\(text)\"}"
        let taken = try PipelineBench().take(payload)
        let record = try #require(taken.events.first)
        let sent = try json(payload)
        let event = try record.json()
        #expect(record.key == sent.text("device"))
        #expect(event.text("device") == sent.text("device"))
        #expect(try event["readings"] == json("{\"m\(text)\":1}"))
        #expect(try event["states"] == json("{\"s\(text)\":\"w\(text)\"}"))
        #expect(RecordPromises(record).broken.isEmpty)
    }

    @Test("the check of these promises notices a record that breaks them")
    func plantedRecords() throws {
        let taken = try PipelineBench().take(#"{"device":"a","t":1}"#)
        let good = try #require(taken.events.first)
        #expect(RecordPromises(good).broken.isEmpty)
        for (part, planted) in [
            (#""t":1"#, #""t":"1""#), (#""quality":"good""#, #""quality":"bad""#), (#""device":"a""#, #""device":"b""#),
            (#"{"t":1}"#, "{}"), (#""clock":"receive""#, #""clock":"mine""#), (":10:00.131Z", ":10:00Z"),
            (#""t":1"#, #""t":1,"t":2"#), (#""t":1"#, #""t":01"#),
        ] {
            var text = good.text
            let range = try #require(text.firstRange(of: part))
            text.replaceSubrange(range, with: planted)
            var record = good
            record.value = Array(text.utf8)
            #expect(!RecordPromises(record).broken.isEmpty, "\(planted)")
        }
    }
}
