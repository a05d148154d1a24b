// `Retry-After`: read in every form that there is, bounded, and waited for.
import Alerting
import Platform
import Testing

@Suite("Retry-After", .timeLimit(.minutes(5)))
struct RetryAfterTests {
    @Test(
        "seconds and all three forms of a date are read, and cut to an hour",
        arguments: [
            ("0", 0), ("1", 1), ("120", 120), ("3600", 3600), ("3601", 3600), ("99999999999999999999", 3600),
            // The clock stands at 2027-01-15T08:00:00Z.
            ("Fri, 15 Jan 2027 08:00:30 GMT", 30), ("Friday, 15-Jan-27 08:00:30 GMT", 30),
            ("Fri Jan 15 08:00:30 2027", 30), ("Fri Jan  5 08:00:30 2027", 0), ("Fri, 15 Jan 2027 07:00:00 GMT", 0),
            ("Fri, 15 Jan 2032 08:00:30 GMT", 3600), ("Friday, 15-Jan-69 08:00:30 GMT", 3600),
            ("Friday, 15-Jan-94 08:00:30 GMT", 0),
        ] as [(String, Int64)]
    )
    func forms(text: String, seconds: Int64) throws {
        let value = try #require(RetryAfter(text))
        #expect(value.pause(at: instant(0)) == .seconds(seconds))
    }

    @Test(
        "anything else is nothing",
        arguments: [
            "", " ", "-1", "1.5", "soon", "٣", "Fri, 15 Jan 2027 08:00:30", "Fri, 32 Jan 2027 08:00:30 GMT",
            "Fri, 15 Foo 2027 08:00:30 GMT", "Fri, 15 Jan 2027 8:00:30 GMT", "Fri, 15 Jan 2027 08:00 GMT",
            "Fri, 15 Jan 2027 25:00:30 GMT", "Fri, 15 Jan 2027 08:00:30 CET", "Fri, 15 Jan 20270 08:00:30 GMT",
            String(repeating: "9", count: 10_000) + "x",
        ]
    )
    func nonsense(text: String) {
        #expect(RetryAfter(text) == nil)
    }

    /// How long after the first attempt the second one came, where the first was answered so.
    private func wait(after headers: [String: String], status: Int = 503) async throws -> Duration {
        let receiver = try HTTPReceiver { _, number in
            number == 1 ? .status(status, headers: headers) : .status(200)
        }
        let harness = try AlertingHarness()
        try await withHooks(harness, [webhook("pager", receiver)]) { dispatcher in
            try harness.appendAlerts([.sample()])
            try await eventually("it is delivered") { dispatcher.status().delivered == 1 }
            #expect(dispatcher.status().failed == 1)
        }
        let times = receiver.requests.map(\.at)
        try #require(times.count == 2)
        return times[1].since(times[0])
    }

    @Test(
        "the next attempt comes no earlier than the receiver asks for",
        arguments: [
            ["Retry-After": "1"], ["Retry-After": "Fri, 15 Jan 2027 08:00:01 GMT"],
            // The receiver's clock is decades behind the box's: what counts is the distance.
            ["Date": "Sun, 06 Nov 1994 08:49:37 GMT", "Retry-After": "Sun, 06 Nov 1994 08:49:38 GMT"],
        ],
        [429, 503]
    )
    func honoured(headers: [String: String], status: Int) async throws {
        #expect(try await wait(after: headers, status: status) >= .seconds(1))
    }

    /// Honoured, it would come in an hour: no test waits for that.
    @Test("the planted bug: a receiver whose wish is not read is asked again at once")
    func ignored() async throws {
        #expect(try await wait(after: ["X-Retry-After": "3600"]) > .zero)
    }
}
