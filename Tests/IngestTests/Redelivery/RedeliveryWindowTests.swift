// What is taken for the same message, and what is not.
import EventModel
import Ingest
import Platform
import Testing

private func part(
    _ value: String = event(),
    messageID: UInt16 = 7,
    topic: String = "t/dev"
) throws -> StoredPartPrint {
    var decoded = StoredEvent()
    let bytes = Array(value.utf8)
    let topic = Array(topic.utf8)
    return try bytes.withUnsafeBytes { bytes in
        guard decoded.decode(RawSpan(_unsafeBytes: bytes)) else { throw TestFailure("no event: \(value)") }
        return topic.withUnsafeBytes {
            StoredPartPrint(messageID: messageID, topic: $0, event: decoded, value: bytes)
        }
    }
}

private func event(
    device: String = "dev",
    time: String = "2026-11-23T19:10:00.123Z",
    readings: String = #""temperature":21.5"#,
    rest: String = #""quality":"good","seq":42"#
) -> String {
    #"{"device":"\#(device)","time":"\#(time)","received":"\#(time)","clock":"receive","#
        + #""readings":{\#(readings)},\#(rest)}"#
}

@Suite("Redelivery window")
struct RedeliveryWindowTests {
    @Test("a part that is stored is found once, and as often as it is stored")
    func claims() throws {
        var window = RedeliveryWindow()
        #expect(window.isEmpty)
        window.note(try part())
        window.note(try part())
        window.note(try part(messageID: 8))
        let claims = [
            window.claim(try part()), window.claim(try part()), window.claim(try part()),
            window.claim(try part(messageID: 8)),
        ]
        #expect(claims == [true, true, false, true])
        #expect(window.isEmpty)
    }

    @Test(
        "what a redelivery may change makes no other part",
        arguments: [
            event(time: "1970-01-01T00:00:05.000Z"),
            event(rest: #""units":{"temperature":"°C"},"labels":{"line":"a"},"quality":"good","seq":42"#),
            event(rest: #""quality":"good","seq":42,"duplicate":true"#),
        ]
    )
    func same(value: String) throws {
        var window = RedeliveryWindow()
        window.note(try part())
        let isFound = window.claim(try part(value))
        #expect(isFound)
    }

    @Test(
        "what a device says of itself does",
        arguments: [
            event(device: "dev2"), event(readings: #""temperature":21.6"#), event(readings: #""humidity":21.5"#),
            event(readings: #""temperature":21.5,"humidity":1"#), event(rest: #""quality":"good","seq":43"#),
            event(rest: #""states":{"door":"open"},"quality":"good","seq":42"#), event(rest: #""quality":"good""#),
        ]
    )
    func different(value: String) throws {
        var window = RedeliveryWindow()
        window.note(try part())
        let isFound = window.claim(try part(value))
        #expect(!isFound)
    }

    @Test("another message id or topic makes another message")
    func otherMessage() throws {
        var window = RedeliveryWindow()
        window.note(try part())
        let areFound = [window.claim(try part(messageID: 8)), window.claim(try part(topic: "t/dev2"))]
        #expect(areFound == [false, false])
    }

    @Test("names and texts do not run into one another")
    func borders() throws {
        var window = RedeliveryWindow()
        window.note(try part(event(readings: #""a1":2"#)))
        let isFound = window.claim(try part(event(readings: #""a":12"#)))
        #expect(!isFound)
    }

    @Test("a refused payload is compared by its beginning")
    func rejects() {
        func part(_ count: Int, last: UInt8 = 0) -> StoredPartPrint {
            let bytes = [UInt8](repeating: 0x41, count: count) + [last]
            return bytes.withUnsafeBytes {
                StoredPartPrint(messageID: 1, topic: UnsafeRawBufferPointer(rebasing: $0.prefix(1)), payload: $0)
            }
        }
        #expect(part(100) == part(100))
        #expect(part(100) != part(100, last: 1))
        #expect(part(100) != part(101))
        #expect(part(5000) == part(900_000, last: 1))
    }
}
