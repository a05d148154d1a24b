// When an event was: each sentence of the contract on times, through the whole pipeline.
import EventModel
import Ingest
import Platform
import Testing

/// When the bench's payloads are received.
private let received = "2026-11-23T19:10:00.131Z"

/// Central European time from 2025 on.
private let berlin = LocalTime(spans: [
    LocalTime.Span(from: 1_761_440_400_000, offset: 3_600_000),
    LocalTime.Span(from: 1_774_746_000_000, offset: 7_200_000),
    LocalTime.Span(from: 1_792_890_000_000, offset: 3_600_000),
])

@Suite("Normalising: time")
struct TimeTests {
    private func expect(
        _ event: JSONValue,
        _ time: String,
        _ clock: String,
        location: SourceLocation = #_sourceLocation
    ) {
        #expect(event.text("time") == time, sourceLocation: location)
        #expect(event.text("clock") == clock, sourceLocation: location)
        #expect(event.text("received") == received, sourceLocation: location)
        #expect(event["readings"] == JSONValue.object(["t": JSONValue.number(1)]), sourceLocation: location)
    }

    @Test(
        "time, ts and timestamp say the time, without regard to case",
        arguments: ["time", "ts", "timestamp", "Time", "TS", "TimeStamp"]
    )
    func keys(_ key: String) throws {
        let event = try PipelineBench().event("{\"device\":\"a\",\"\(key)\":\"2026-11-23T19:00:00.25Z\",\"t\":1}")
        expect(event, "2026-11-23T19:00:00.250Z", "device")
    }

    @Test(
        "a time is RFC 3339",
        arguments: [
            ("2026-11-23T19:00:00Z", "2026-11-23T19:00:00.000Z"), ("2026-11-23t19:00:00z", "2026-11-23T19:00:00.000Z"),
            ("2026-11-23 19:00:00Z", "2026-11-23T19:00:00.000Z"),
            ("2026-11-23T20:00:00+01:00", "2026-11-23T19:00:00.000Z"),
            ("2026-11-23T13:30:00.1239-05:30", "2026-11-23T19:00:00.123Z"),
            ("2026-11-23T19:00:00.5Z", "2026-11-23T19:00:00.500Z"),
            ("2024-02-29T23:59:59.999999Z", "2024-02-29T23:59:59.999Z"),
        ]
    )
    func calendarTimes(_ text: String, _ time: String) throws {
        expect(try PipelineBench().event("{\"device\":\"a\",\"time\":\"\(text)\",\"t\":1}"), time, "device")
    }

    @Test(
        "or a number since 1970: below 1e11 s, below 1e14 ms, below 1e17 µs, else ns",
        arguments: [
            ("1795460400", "2026-11-23T19:00:00.000Z"), ("1795460400.25", "2026-11-23T19:00:00.250Z"),
            ("1.7954604e9", "2026-11-23T19:00:00.000Z"), ("1795460400123", "2026-11-23T19:00:00.123Z"),
            ("1795460400123456", "2026-11-23T19:00:00.123Z"), ("1795460400123456789", "2026-11-23T19:00:00.123Z"),
            ("99999999999", "5138-11-16T09:46:39.000Z"), ("100000000000", "1973-03-03T09:46:40.000Z"),
            ("99999999999999", "5138-11-16T09:46:39.999Z"), ("100000000000000", "1973-03-03T09:46:40.000Z"),
            ("99999999999999999", "5138-11-16T09:46:39.999Z"), ("100000000000000000", "1973-03-03T09:46:40.000Z"),
            ("\"1795460400\"", "2026-11-23T19:00:00.000Z"), ("\"1795460400123\"", "2026-11-23T19:00:00.123Z"),
        ]
    )
    func numbers(_ number: String, _ time: String) throws {
        let bench = try PipelineBench {
            $0.normaliser.believedAgo = .seconds(2_000_000_000)
            $0.normaliser.believedAhead = .seconds(100_000_000_000)
        }
        expect(try bench.event("{\"device\":\"a\",\"time\":\(number),\"t\":1}"), time, "device")
    }

    @Test(
        "believable from 2000-01-01 to 10 minutes after receipt, else receive time is used",
        arguments: [
            ("2000-01-01T00:00:00.000Z", true), ("1999-12-31T23:59:59.999Z", false),
            ("2026-11-23T19:10:00.131Z", true), ("2026-11-23T19:20:00.131Z", true),
            ("2026-11-23T19:20:00.132Z", false), ("1970-01-01T00:00:00.000Z", false),
            ("2038-01-19T03:14:07.000Z", false), ("9999-12-31T23:59:59.999Z", false),
        ]
    )
    func believable(_ time: String, _ isBelieved: Bool) throws {
        let event = try PipelineBench().event("{\"device\":\"a\",\"time\":\"\(time)\",\"t\":1}")
        expect(event, isBelieved ? time : received, isBelieved ? "device" : "receive")
    }

    @Test("0 and negative numbers are times, and not believed", arguments: ["0", "-1", "-1795460400", "1e30"])
    func unbelievableNumbers(_ number: String) throws {
        let event = try PipelineBench().event("{\"device\":\"a\",\"time\":\(number),\"t\":1}")
        expect(event, received, "receive")
    }

    @Test(
        "believe: past and future bound it anew",
        arguments: [
            ("2026-11-23T18:10:00.131Z", true), ("2026-11-23T18:10:00.130Z", false),
            ("2026-11-23T19:10:05.131Z", true), ("2026-11-23T19:10:05.132Z", false),
        ]
    )
    func configuredBelief(_ time: String, _ isBelieved: Bool) throws {
        let bench = try PipelineBench {
            $0.normaliser.believedAgo = .seconds(3600)
            $0.normaliser.believedAhead = .seconds(5)
        }
        let event = try bench.event("{\"device\":\"a\",\"time\":\"\(time)\",\"t\":1}")
        expect(event, isBelieved ? time : received, isBelieved ? "device" : "receive")
    }

    @Test(
        "without a zone it is in the input's time_zone",
        arguments: [
            ("2026-11-23T20:00:00", "2026-11-23T19:00:00.000Z"), ("2026-07-01 12:00:00.5", "2026-07-01T10:00:00.500Z"),
            // The hour that is there twice: the first time; the one that is not there: as if the clock had not moved.
            ("2026-10-25T02:30:00", "2026-10-25T00:30:00.000Z"), ("2026-10-25T03:00:00", "2026-10-25T02:00:00.000Z"),
            ("2026-03-29T01:59:59", "2026-03-29T00:59:59.000Z"), ("2026-03-29T02:30:00", "2026-03-29T01:30:00.000Z"),
            ("2026-03-29T03:00:00", "2026-03-29T01:00:00.000Z"),
        ]
    )
    func localTimes(_ text: String, _ time: String) throws {
        let bench = try PipelineBench { $0.normaliser.localTime = berlin }
        expect(try bench.event("{\"device\":\"a\",\"time\":\"\(text)\",\"t\":1}"), time, "device")
    }

    @Test("a time_zone does not move what names a zone", arguments: ["\"2026-11-23T19:00:00Z\"", "1795460400"])
    func zonedBesideTimeZone(_ time: String) throws {
        let bench = try PipelineBench { $0.normaliser.localTime = berlin }
        expect(try bench.event("{\"device\":\"a\",\"time\":\(time),\"t\":1}"), "2026-11-23T19:00:00.000Z", "device")
    }

    @Test("and not believed where none is set")
    func noTimeZone() throws {
        let event = try PipelineBench().event(#"{"device":"a","time":"2026-11-23T19:00:00","t":1}"#)
        expect(event, received, "receive")
    }

    @Test(
        "else receive time is used: absent, null, or not a time",
        arguments: [
            "", #""time":null,"#, #""time":"","#, #""time":"yesterday","#, #""time":"2026-02-30T10:00:00Z","#,
            #""time":"19:10:00","#, #""time":"2026-11-23T19:10:00X","#,
        ]
    )
    func unreadable(_ member: String) throws {
        expect(try PipelineBench().event("{\"device\":\"a\",\(member)\"t\":1}"), received, "receive")
    }

    @Test("where the box's own clock is not set, receive time is unsynced, and a device's time is the device's")
    func unsynced() throws {
        let bench = try PipelineBench()
        bench.clock.set(.unsynchronised)
        bench.turn()
        expect(try bench.event(#"{"device":"a","t":1}"#), received, "unsynced")
        expect(try bench.event(#"{"device":"a","time":"2031-01-01T00:00:00Z","t":1}"#), received, "unsynced")
        let own = try bench.event(#"{"device":"a","time":"2026-11-23T19:00:00Z","t":1}"#)
        expect(own, "2026-11-23T19:00:00.000Z", "device")
        bench.clock.set(.synchronised)
        bench.turn(after: .seconds(1))
        expect(try bench.event(#"{"device":"a","t":1}"#), received, "receive")
    }

    @Test("the record's timestamp is the event's time")
    func recordTimestamp() throws {
        let bench = try PipelineBench()
        let own = try bench.take(#"{"device":"a","ts":1795460400123,"t":1}"#)
        #expect(own.events.map(\.timestamp) == [Timestamp(milliseconds: 1_795_460_400_123)])
        let none = try bench.take(#"{"device":"a","t":1}"#)
        #expect(none.events.map(\.timestamp) == [BenchClock.start])
    }
}
