// What the pipeline makes of payloads, whatever transport they came by: bounds, counts, names and rejects.
import CommitLog
import EventModel
import Ingest
import Platform
import Testing

/// The members of `readings`, record by record.
private func readings(_ harness: PipelineHarness) throws -> [String] {
    try harness.readings().map { record in
        let start = try #require(record.value.firstRange(of: "\"readings\":{")).upperBound
        return String(record.value[start...].prefix { $0 != "}" })
    }
}

@Suite("Bounds of a payload")
struct PayloadBoundsTests {
    @Test("a topic over the limit is refused, and the reject keeps its beginning")
    func longTopic() throws {
        let harness = try PipelineHarness()
        let longest = String(repeating: "a", count: InputLimits.topicBytesMax)
        harness.accept(#"{"t":1}"#, topic: longest, device: "d")
        harness.accept(#"{"t":2}"#, topic: longest + "b", device: "d")
        try harness.commit()
        #expect(harness.counts.appended == 1 && harness.counts.rejected == [.tooComplex: 1])
        #expect(try harness.rejects().map(\.value) == [#"{"t":2}"#])
        #expect(try harness.rejects().first?.headers["from"] == longest)
    }

    @Test("a payload that becomes too many records is stopped; those so far are stored")
    func manyRecords() throws {
        let harness = try PipelineHarness()
        let payload = String(repeating: "{\"t\":1}\n", count: InputLimits.payloadBytesMax / 8)
        let topic = String(repeating: "a", count: InputLimits.topicBytesMax)
        harness.accept(payload, topic: topic, device: "d")
        try harness.commit()
        let counts = harness.counts
        #expect(counts.rejected == [.tooComplex: 1] && counts.appended == 0)
        #expect(counts.events > 10_000 && counts.events < InputLimits.payloadOutputBytesMax / InputLimits.topicBytesMax)
        #expect(UInt64(try harness.readings().count) == counts.events)
        #expect(try harness.rejects().first?.headers["position"] == String(counts.events * 8))
    }

    @Test("a refused payload is kept as far as one record reaches, and says where it was cut")
    func longReject() throws {
        let harness = try PipelineHarness()
        harness.accept(String(repeating: "a", count: 900_000))
        harness.accept(String(repeating: "b", count: 1_200_000))
        try harness.commit()
        let rejects = try harness.rejects()
        #expect(rejects.map { $0.headers["reason"] } == ["too_large", "too_large"])
        #expect(rejects.map { $0.headers["length"] } == [nil, "1200000"])
        #expect(rejects.first?.value.utf8.count == 900_000)
        #expect((rejects.last?.value.utf8.count ?? 0) > 990_000)
    }
}

@Suite("Counts of payloads")
struct PayloadCountsTests {
    @Test("what the log has not taken when the input stops is dropped, and nothing is counted twice")
    func stopped() throws {
        let harness = try PipelineHarness(inboxBytesMax: 1)
        harness.holdCommits()
        for number in 1...3 {
            harness.accept("{\"t\":\(number)}", device: "d")
            _ = harness.pipeline.handOver()
        }
        harness.accept(#"{"t":4}"#, device: "d")
        #expect(harness.counts.appended == 0)
        harness.pipeline.finish()
        #expect(harness.counts.appended == 0 && harness.counts.dropped == [.logStopped: 3])
        harness.releaseCommits()
        harness.close()
        let counts = harness.counts
        #expect(counts.received == 4 && counts.appended == 1 && counts.dropped == [.logStopped: 3])
    }

    @Test("a payload in an open batch is not counted as appended before its batch is handed over")
    func openBatch() throws {
        let harness = try PipelineHarness()
        // The first batch fills up and is handed over alone; the last payload is in the next one.
        harness.holdCommits()
        var count: UInt64 = 0
        while harness.log.inbox.waitingBytes == 0, count < 100_000 {
            harness.accept(#"{"t":1}"#, device: "d")
            count += 1
        }
        #expect(harness.counts.appended == 0)
        harness.releaseCommits()
        while harness.counts.appended == 0 { pauseThread(for: .milliseconds(1)) }
        #expect(harness.counts.appended == count - 1)
        try harness.commit()
        #expect(harness.counts.appended == count)
    }

    @Test("a header line of a stream alone is in order, and so is a payload of ignored metrics")
    func withoutRecord() throws {
        var options = DecoderOptions()
        options.isStream = true
        let harness = try PipelineHarness(options: options) { $0.normaliser.ignore = ["link*"] }
        harness.accept("time,temperature,humidity\n", device: "d")
        harness.accept(#"{"linkquality":30}"#, device: "d")
        harness.pipeline.turn(now: SystemClock().monotonic())
        #expect(harness.counts.received == 2 && harness.counts.appended == 2)
        #expect(harness.counts.rejected.isEmpty)
    }

    @Test("a metric that is named twice keeps its last value; the other is counted as left out")
    func twice() throws {
        let harness = try PipelineHarness()
        harness.accept(#"{"t":1,"t":2}"#, device: "d")
        try harness.commit()
        #expect(try readings(harness) == [#""t":2"#])
        #expect(harness.counts.leftOut == 1)
    }

    @Test("labels that cannot be stored are counted as left out")
    func labels() throws {
        let harness = try PipelineHarness()
        harness.accept("m,a=1,b=\(String(repeating: "x", count: 257)),a=2 t=1", device: "d")
        try harness.commit()
        #expect(try harness.readings().first?.value.contains(#""labels":{"a":"2"}"#) == true)
        #expect(harness.counts.leftOut == 2)
    }

    @Test("a reject of an event says where the event begins")
    func position() throws {
        let harness = try PipelineHarness()
        harness.accept("{\"device\":\"d\",\"t\":1}\n {\"t\":2}")
        try harness.commit()
        #expect(harness.counts.rejected == [.noDevice: 1])
        #expect(try harness.rejects().first?.headers["position"] == "22")
    }
}

@Suite("Names of metrics")
struct MetricNamesTests {
    @Test(
        "a topic's metric names a bare value, goes before several metrics, and leaves a single one alone",
        arguments: [
            ("21.5", #""env":21.5"#), (#"{"value":21.5}"#, #""env":21.5"#), (#"{"Value":21.5}"#, #""env":21.5"#),
            (#"{"temperature":21.5}"#, #""temperature":21.5"#),
            (#"{"metric":"value","value":1}"#, #""value":1"#),
            (#"{"temperature":21.5,"humidity":40}"#, #""env.temperature":21.5,"env.humidity":40"#),
            (#"{"temperature":21.5,"linkquality":40}"#, #""temperature":21.5"#),
            (#"{"value":21.5,"linkquality":40}"#, #""env":21.5"#),
            (#"{"a":1,"linkquality":40,"b":2}"#, #""env.a":1,"env.b":2"#),
        ]
    )
    func topic(payload: String, stored: String) throws {
        let harness = try PipelineHarness { $0.normaliser.ignore = ["linkquality"] }
        harness.accept(payload, device: "d", metric: "env")
        try harness.commit()
        #expect(try readings(harness) == [stored])
    }

    @Test("no device can fill the tables of names: what it may not have is not remembered")
    func limits() throws {
        let harness = try PipelineHarness { $0.normaliser.metricsMax = 2 }
        harness.accept(#"{"a":1,"b":2,"c":3}"#, device: "d")
        harness.accept(#"{"c":3,"a":4}"#, device: "e")
        try harness.commit()
        #expect(harness.counts.rejected == [.tooManyMetrics: 1])
        #expect(try readings(harness) == [#""a":1,"b":2"#, #""c":3,"a":4"#])
    }

    @Test("a metric may change the spelling of its unit a few times")
    func spellings() throws {
        let harness = try PipelineHarness()
        for number in 0..<8 { harness.accept(#"{"t":1,"unit":"u\#(number)"}"#, device: "d") }
        harness.accept(#"{"t":1,"unit":"u3"}"#, device: "d")
        try harness.commit()
        let hasUnit = try harness.readings().map { $0.value.contains("\"units\"") }
        #expect(hasUnit == [true, true, true, true, true, false, false, false, true])
    }
}
