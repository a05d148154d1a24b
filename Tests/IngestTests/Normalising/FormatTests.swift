// What each format's payloads become: each sentence of the contract on formats, from bytes to stored records.
import EventModel
import Ingest
import Testing

@Suite("Normalising: formats")
struct FormatTests {
    private func readings(_ events: [JSONValue]) -> [String] {
        events.map { event in
            var text = "\(event.text("device") ?? "none")"
            for section in ["readings", "states"] {
                if let members = event[section] { text += " \(members)" }
            }
            return text
        }
    }

    @Test(
        "json: device, metric, value and unit; or flat; nested objects joined with a point; or an array of such objects",
        arguments: [
            (#"{"device":"a","metric":"temperature","value":21.5}"#, [#"a {"temperature":21.5}"#]),
            (#"{"value":21.5,"metric":"temperature","device":"a"}"#, [#"a {"temperature":21.5}"#]),
            (#"{"DEVICE":"a","Metric":"temperature","VALUE":21.5}"#, [#"a {"temperature":21.5}"#]),
            (#"{"device":"a","metric":"door","value":"open"}"#, [#"a {"door":"open"}"#]),
            (
                #"{"device":"a","temperature":21.5,"humidity":40,"door":"open"}"#,
                [#"a {"humidity":40.0,"temperature":21.5} {"door":"open"}"#]
            ),
            (
                #"{"device":"a","battery":{"level":98,"cell":{"v":3.125}},"ok":true}"#,
                [#"a {"battery.cell.v":3.125,"battery.level":98.0} {"ok":"true"}"#]
            ),
            (
                #"[{"device":"a","t":1.5},{"device":"b","metric":"t","value":2.5}]"#,
                [#"a {"t":1.5}"#, #"b {"t":2.5}"#]
            ),
        ]
    )
    func jsonShapes(_ payload: String, _ stored: [String]) throws {
        #expect(readings(try PipelineBench().events(payload)) == stored)
    }

    @Test("json: the unit beside metric and value is that reading's")
    func jsonUnit() throws {
        let event = try PipelineBench().event(#"{"device":"a","metric":"t","value":21.5,"unit":"degC","x":5}"#)
        #expect(try event["units"] == json(#"{"t":"°C"}"#))
    }

    @Test(
        "line_protocol: device is the tag device, or the names above, or host",
        arguments: ["device", "device_id", "deviceId", "devEui", "dev", "sensor", "id", "host", "DEVICE", "Host"]
    )
    func lineProtocolDevice(_ tag: String) throws {
        let bench = try PipelineBench { $0.format = "line_protocol" }
        #expect(readings(try bench.events("weather,\(tag)=a temperature=21.5")) == [#"a {"temperature":21.5}"#])
    }

    @Test("line_protocol: else the measurement, unless topic or input name one")
    func lineProtocolMeasurement() throws {
        let bench = try PipelineBench { $0.format = "line_protocol" }
        let line = "boiler temperature=60.5"
        #expect(readings(try bench.events(line)) == [#"boiler {"temperature":60.5}"#])
        let way = PayloadWay.topic("up/a", "up/{device}")
        #expect(readings(try bench.events(line, way)) == [#"a {"temperature":60.5}"#])
        let configured = try PipelineBench {
            $0.format = "line_protocol"
            $0.normaliser.device = "b"
        }
        #expect(readings(try configured.events(line)) == [#"b {"temperature":60.5}"#])
    }

    @Test(
        "line_protocol: metric is the field key, a field named value takes the measurement's name, other tags are labels"
    )
    func lineProtocolFields() throws {
        let bench = try PipelineBench { $0.format = "line_protocol" }
        let event = try bench.event("temperature,device=a,line=b,site=c value=21.5,min=20i 1795460400123456789")
        #expect(try event["readings"] == json(#"{"temperature":21.5,"min":20}"#))
        #expect(try event["labels"] == json(#"{"line":"b","site":"c"}"#))
        #expect(event.text("time") == "2026-11-23T19:00:00.123Z")
    }

    @Test("csv: columns of the input")
    func csvColumns() throws {
        let bench = try PipelineBench {
            $0.format = "csv"
            $0.decoder.columns = ["time", "device", "temperature", "door"]
        }
        let event = try bench.event("2026-11-23T19:00:00Z,a,21.5,open")
        #expect(readings([event]) == [#"a {"temperature":21.5} {"door":"open"}"#])
        #expect(event.text("time") == "2026-11-23T19:00:00.000Z")
    }

    @Test("csv: or a header line")
    func csvHeader() throws {
        let bench = try PipelineBench { $0.format = "csv" }
        let events = try bench.events("device,temperature,door\na,21.5,open\nb,22.5,\n")
        #expect(readings(events) == [#"a {"temperature":21.5} {"door":"open"}"#, #"b {"temperature":22.5}"#])
    }

    @Test("csv: else device,metric,value[,time]")
    func csvDefault() throws {
        let bench = try PipelineBench { $0.format = "csv" }
        let events = try bench.events("a,temperature,21.5\nb,door,open,2026-11-23T19:00:00Z\n")
        #expect(readings(events) == [#"a {"temperature":21.5}"#, #"b {"door":"open"}"#])
        #expect(events.map { $0.text("clock") } == ["receive", "device"])
    }

    @Test(
        "key_value: k=v separated by spaces, tabs, commas or semicolons",
        arguments: [" ", "\t", ",", ";", " ; ", ",\t"]
    )
    func keyValue(_ separator: String) throws {
        let bench = try PipelineBench { $0.format = "key_value" }
        let payload = ["device=a", "t=1.5", "door=open"].joined(separator: separator)
        #expect(readings(try bench.events(payload)) == [#"a {"t":1.5} {"door":"open"}"#])
    }

    @Test(
        "value: one number or word; names from the topic",
        arguments: [("21.5", #"a {"x":21.5}"#), ("open", #"a {"x":"open"}"#), ("TRUE\n", #"a {"x":"true"}"#)]
    )
    func value(_ payload: String, _ stored: String) throws {
        let bench = try PipelineBench { $0.format = "value" }
        #expect(readings(try bench.events(payload, .topic("up/a/x", "up/{device}/{metric}"))) == [stored])
    }

    @Test(
        "senml: resolved name, its last / or : part is the metric",
        arguments: [
            (#"[{"n":"hall/north/temperature","v":20.5}]"#, [#"hall/north {"temperature":20.5}"#]),
            (#"[{"bn":"urn:dev:ow:10e2:","n":"temp","v":23.5}]"#, [#"urn:dev:ow:10e2 {"temp":23.5}"#]),
            (#"[{"bn":"hall/","n":"north:t","v":1.5}]"#, [#"hall/north {"t":1.5}"#]),
            (#"[{"bn":"a/","n":"t","v":1.5},{"n":"door","vs":"open"}]"#, [#"a {"t":1.5} {"door":"open"}"#]),
            (#"[{"bn":"a/","n":"x/t","v":1.5},{"n":"y/t","v":2.5}]"#, [#"a/x {"t":1.5}"#, #"a/y {"t":2.5}"#]),
        ]
    )
    func senml(_ payload: String, _ stored: [String]) throws {
        let bench = try PipelineBench { $0.format = "senml" }
        #expect(readings(try bench.events(payload)) == stored)
    }

    @Test("senml: units are canonical")
    func senmlUnit() throws {
        let bench = try PipelineBench { $0.format = "senml" }
        let event = try bench.event(#"[{"bn":"a/","n":"t","u":"Cel","v":1},{"n":"h","u":"%RH","v":2}]"#)
        #expect(try event["units"] == json(#"{"t":"°C","h":"%RH"}"#))
    }

    @Test("nmea: device is the input's device, else the talker")
    func nmea() throws {
        let sentence = "$IIMTW,17.5,C*10\r\n"
        let event = try PipelineBench { $0.format = "nmea" }.event(sentence)
        #expect(readings([event]) == [#"II {"water_temperature":17.5}"#])
        #expect(try event["units"] == json(#"{"water_temperature":"°C"}"#))
        let bench = try PipelineBench {
            $0.format = "nmea"
            $0.normaliser.device = "sounder"
        }
        #expect(readings(try bench.events(sentence)) == [#"sounder {"water_temperature":17.5}"#])
    }

    @Test(
        "one payload may carry several lines",
        arguments: [
            ("json", "{\"device\":\"a\",\"t\":1.5}\n{\"device\":\"b\",\"t\":2.5}\n", ["a", "b"]),
            ("line_protocol", "m,device=a t=1.5\nm,device=b t=2.5\n", ["a", "b"]),
            ("csv", "a,t,1.5\nb,t,2.5", ["a", "b"]),
            ("key_value", "device=a t=1.5\r\ndevice=b t=2.5\r\n", ["a", "b"]),
            ("nmea", "$IIMTW,17.5,C*10\r\n$IIMTW,17.5,C*10\r\n", ["II", "II"]),
            ("auto", "m,device=a t=1.5\nm,device=b t=2.5\n", ["a", "b"]),
        ]
    )
    func severalLines(_ format: String, _ payload: String, _ devices: [String]) throws {
        let bench = try PipelineBench { $0.format = format }
        #expect(try bench.events(payload).map { $0.text("device") } == devices)
        #expect(bench.counts.received == 1 && bench.counts.appended == 1)
        #expect(bench.counts.events == UInt64(devices.count))
    }

    @Test(
        "a topic's {metric} names a bare value; before several metrics it is a prefix",
        arguments: [
            ("21.5", #"a {"climate":21.5}"#), ("open", #"a {"climate":"open"}"#),
            (#"{"value":21.5}"#, #"a {"climate":21.5}"#), (#"{"t":21.5}"#, #"a {"t":21.5}"#),
            (#"{"t":1.5,"h":2.5}"#, #"a {"climate.h":2.5,"climate.t":1.5}"#),
            (#"{"t":1.5,"door":"open"}"#, #"a {"climate.t":1.5} {"climate.door":"open"}"#),
            (#"{"in":{"t":1.5,"h":2.5}}"#, #"a {"climate.in.h":2.5,"climate.in.t":1.5}"#),
            ("t=1.5 h=2.5", #"a {"climate.h":2.5,"climate.t":1.5}"#),
        ]
    )
    func topicMetric(_ payload: String, _ stored: String) throws {
        let bench = try PipelineBench { $0.format = "auto" }
        #expect(readings(try bench.events(payload, .topic("up/a/climate", "up/{device}/{metric}"))) == [stored])
    }

    @Test(
        "a metric's name has 1 to 128 bytes, the topic's part among them",
        arguments: [(63, 64, true), (64, 64, false), (1, 126, true), (1, 127, false)]
    )
    func metricLength(_ topic: Int, _ own: Int, _ isGood: Bool) throws {
        let bench = try PipelineBench()
        let name = String(repeating: "m", count: topic)
        let key = String(repeating: "k", count: own)
        let way = PayloadWay.topic("up/a/\(name)", "up/{device}/{metric}")
        let taken = try bench.take("{\"\(key)\":1,\"y\":2}", way)
        let reasons: [String] = isGood ? [] : ["invalid_metric"]
        #expect(taken.rejects.compactMap { $0.headers["reason"] } == reasons)
        let event = try #require(taken.events.first).json()
        #expect((event["readings"]?.number("\(name).\(key)") == 1) == isGood)
        #expect(event["readings"]?.number("\(name).y") == 2)
    }
}
