// The shape of a record in topic `rejected`: each sentence of the contract on rejects.
import CommitLog
import EventModel
import Ingest
import Platform
import Testing

@Suite("Records of topic rejected")
struct RejectedRecordTests {
    @Test("key is the input's name; value the payload; headers input, from, format, reason, position, received")
    func wholeRecord() throws {
        let bench = try PipelineBench { $0.input = "lan" }
        let payload = #"{"device":"a","t":hot}"#
        let taken = try bench.take(payload)
        #expect(taken.events.count == 0)
        let record = try #require(taken.rejects.first)
        #expect(taken.rejects.count == 1)
        #expect(record.key == "lan")
        #expect(record.value == Array(payload.utf8))
        #expect(
            record.headers == [
                "input": "lan", "from": "192.0.2.7:5000", "format": "json", "reason": "malformed", "position": "18",
                "received": "2026-11-23T19:10:00.131Z",
            ]
        )
    }

    @Test("from is the topic for MQTT")
    func topic() throws {
        let taken = try PipelineBench().take("no", .topic("up/a", "up/{device}", messageID: 7))
        #expect(taken.rejects.first?.headers["from"] == "up/a")
    }

    @Test("format is the one of the input", arguments: DecoderRegistry.all.map(\.name))
    func format(_ name: String) throws {
        let bench = try PipelineBench { $0.format = name }
        #expect(try bench.take("").rejects.first?.headers["format"] == name)
    }

    @Test("the payload is untouched, whatever its bytes")
    func untouched() throws {
        let bench = try PipelineBench()
        for payload in [
            Array(0...255), [0], [0xFF, 0xFE], Array("\r\n".utf8), Array(repeating: 0x7B, count: 70_000), [],
        ] as [[UInt8]] {
            let taken = try bench.take(payload)
            #expect(taken.rejects.map(\.value) == [payload])
        }
    }

    @Test(
        "a payload over the input's limit is untouched too",
        arguments: [(100, 101), (100, 65_535), (262_144, 900_000)]
    )
    func tooLarge(_ limit: Int, _ count: Int) throws {
        let bench = try PipelineBench { $0.payloadBytesMax = limit }
        let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let taken = try bench.take(payload)
        #expect(taken.rejects.map { $0.headers["reason"] } == ["too_large"])
        #expect(taken.rejects.compactMap { $0.headers["position"] } == [String(limit)])
        #expect(taken.rejects.map(\.value) == [payload])
    }

    @Test("a payload as long as the input's limit is not too large")
    func longest() throws {
        let payload = #"{"device":"a","t":1}"#
        let bench = try PipelineBench { $0.payloadBytesMax = payload.utf8.count }
        #expect(try bench.event(payload).text("device") == "a")
        #expect(try bench.refusal(payload + " ") == "too_large")
    }

    @Test(
        "reason is one of the closed list",
        arguments: [
            ("json", "", "empty"), ("json", #"{"device":"a","t":hot}"#, "malformed"), ("json", "{", "malformed"),
            ("json", #"{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":1}}}}}}}}}"#, "too_complex"),
            ("nmea", "$IIMTW,17.5,C*11\r\n", "checksum"), ("auto", "the door is open", "unknown_format"),
            ("json", #"{"t":1}"#, "no_device"), ("json", #"{"device":"","t":1}"#, "invalid_device"),
            ("json", #"{"device":"a","":1}"#, "invalid_metric"), ("json", #"{"device":"a"}"#, "no_reading"),
            ("json", "[]", "no_reading"), ("line_protocol", "# nothing\n", "no_reading"),
        ]
    )
    func reasons(_ format: String, _ payload: String, _ reason: String) throws {
        let bench = try PipelineBench { $0.format = format }
        #expect(try bench.refusal(payload) == reason)
        #expect(bench.counts.rejected.map { "\($0.key.name) \($0.value)" } == ["\(reason) 1"])
        #expect(bench.counts.received == 1 && bench.counts.appended == 0)
    }

    @Test("an event of more readings than allowed is rejected with that reason")
    func tooManyReadings() throws {
        let bench = try PipelineBench { $0.normaliser.metricsMax = 1000 }
        func payload(_ count: Int) -> String {
            "{\"device\":\"a\",\((0..<count).map { "\"m\($0)\":1" }.joined(separator: ","))}"
        }
        #expect(try bench.event(payload(256))["readings"]?.members.count == 256)
        #expect(try bench.refusal(payload(257)) == "too_many_readings")
    }

    @Test("a payload that its transport found wanting is kept the same way")
    func refusedByTransport() throws {
        let bench = try PipelineBench { $0.format = "nmea" }
        try bench.refuse([0x24, 0x00, 0xFF], .framing, position: 1)
        try bench.commit()
        let rejects = try bench.records(of: .rejected)
        let record = try #require(rejects.first)
        #expect(record.key == "plant" && record.value == [0x24, 0x00, 0xFF])
        #expect(
            record.headers == [
                "input": "plant", "from": "192.0.2.7:5000", "format": "nmea", "reason": "framing", "position": "1",
                "received": "2026-11-23T19:10:00.131Z",
            ]
        )
    }

    @Test(
        "position is that of the first bad part; good parts are appended all the same, and there is one record",
        arguments: [
            // The payload, what is stored of it, why it is rejected, and where.
            ("line_protocol", "m,device=a t=1\nm,device=b t=warm\nm,device=c t=3\n", ["a", "c"], "malformed", 28...28),
            ("json", #"[{"device":"a","t":1},7,{"device":"b","t":2}]"#, ["a", "b"], "malformed", 22...22),
            ("json", #"[{"device":"a","t":1},{"t":2},{"device":"c","t":3}]"#, ["a", "c"], "no_device", 22...28),
            ("json", "{\"device\":\"a\",\"t\":1}\n{\"device\":\"\",\"t\":2}", ["a"], "invalid_device", 21...39),
            ("key_value", "device=a t=1\nnoise\ndevice=c t=3\n", ["a", "c"], "malformed", 13...17),
            ("csv", "a,t,1\nb,t\nc,t,3\n", ["a", "c"], "malformed", 6...9),
            ("nmea", "$IIMTW,17.5,C*10\r\n$IIMTW,18.5,C*10\r\n", ["II"], "checksum", 18...35),
            (
                "senml", #"[{"n":"a/t","v":1},{"n":"b/","v":2},{"n":"c/t","v":3}]"#, ["a", "c"], "invalid_metric",
                19...34
            ),
            // Two bad parts of different kinds: the first one counts.
            ("line_protocol", "m,device=a t=1\nm,device=b t=x\nm,device=\u{7} t=3\n", ["a"], "malformed", 28...28),
            ("line_protocol", "m,device=\u{7} t=1\nm,device=b t=x\nm,device=c t=3\n", ["c"], "invalid_device", 0...13),
        ] as [(String, String, [String], String, ClosedRange<Int>)]
    )
    func positions(
        _ format: String,
        _ payload: String,
        _ stored: [String],
        _ reason: String,
        _ position: ClosedRange<Int>
    ) throws {
        let bench = try PipelineBench { $0.format = format }
        let taken = try bench.take(payload)
        #expect(taken.events.map(\.key) == stored)
        let record = try #require(taken.rejects.first)
        #expect(taken.rejects.count == 1)
        #expect(record.headers["reason"] == reason)
        let place = try #require(record.headers["position"].flatMap { Int($0) })
        #expect(position.contains(place), "\(place)")
        #expect(record.value == Array(payload.utf8))
        #expect(bench.counts.rejectedTotal == 1 && bench.counts.appended == 0)
        #expect(bench.counts.events == UInt64(stored.count))
    }
}
