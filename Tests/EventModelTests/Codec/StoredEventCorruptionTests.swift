// Hostile records: every truncation and every changed byte of a golden event, and values that are almost events.
import EventModel
import Platform
import Testing

/// Holds every key that is read, an escape, a text beyond ASCII, and a key that is stepped over.
private let golden = Array(
    (#"{"device":"freezer-\"7\"","time":"2026-11-23T19:10:00.123Z","received":"2026-11-23T19:10:00.131Z","#
        + #""clock":"device","readings":{"temperature":-11.8,"humidity":4.05e1},"states":{"door":"open"},"#
        + #""units":{"temperature":"°C","humidity":"%RH"},"labels":{"line":"a","site":"\u00e9"},"#
        + #""bad":{"t2":{"value":"85","reason":"sentinel"}},"raw":{"temperature":432},"#
        + #""suspect":{"humidity":"above_max"},"quality":"bad","calibration":3,"seq":42,"#
        + #""retained":true,"duplicate":true}"#).utf8
)

/// What is wrong with an answer: a slice outside of the bytes, a number that is none, or leftovers of a refused value.
private func violations(_ event: borrowing StoredEvent, isEvent: Bool, byteCount: Int) -> [String] {
    guard isEvent else {
        let isEmpty =
            event.device.isEmpty && event.time == 0 && event.received == 0 && event.readings.isEmpty
            && event.states.isEmpty && event.labels.isEmpty && event.sequence == nil && !event.isRetained
            && !event.isDuplicate && !event.hasEscapes
        return isEmpty ? [] : ["refused, and not empty"]
    }
    var found: [String] = []
    var slices = [event.device]
    slices += event.readings.flatMap { [$0.metric, $0.text, $0.unit] }
    slices += (event.states + event.labels).flatMap { [$0.name, $0.text] }
    for slice in slices where slice.start < 0 || slice.count < 0 || slice.start + slice.count > byteCount {
        found.append("\(slice) is outside of \(byteCount) bytes")
    }
    if event.device.isEmpty { found.append("no device") }
    if !event.readings.allSatisfy({ $0.value.isFinite && !$0.text.isEmpty }) { found.append("no number") }
    return found
}

@Suite("Stored event, damaged")
struct StoredEventCorruptionTests {
    @Test("the golden event is one")
    func whole() throws {
        let event = try #require(DecodedEvent(golden))
        #expect(event.device == #"freezer-"7""#)
        #expect(
            event.readings == [
                .init(metric: "temperature", value: -11.8, text: "-11.8", unit: "°C"),
                .init(metric: "humidity", value: 40.5, text: "4.05e1", unit: "%RH", isSuspect: true),
            ]
        )
        #expect(event.labels == [.init(name: "line", text: "a"), .init(name: "site", text: "é")])
        #expect(event.isRetained && event.isDuplicate && event.hasEscapes)
    }

    /// The bytes that are cut off still lie behind the span, so that one read too far would find them.
    @Test("no truncation is an event, and none leaves anything behind")
    func truncations() {
        var event = StoredEvent()
        for count in golden.indices {
            let isWhole = event.decode(golden.span.bytes)
            let isEvent = event.decode(golden.span.bytes.extracting(0..<count))
            #expect(isWhole && !isEvent, "cut to \(count)")
            #expect(violations(event, isEvent: isEvent, byteCount: count).isEmpty, "cut to \(count)")
        }
    }

    @Test("no change of one byte breaks a promise, and most are noticed")
    func changedBytes() {
        var event = StoredEvent()
        var bytes = golden
        var found: [String] = []
        var refused = 0
        for index in golden.indices {
            for change in 1...255 as ClosedRange<UInt8> {
                bytes[index] = golden[index] ^ change
                let isEvent = event.decode(bytes.span.bytes)
                if !isEvent { refused += 1 }
                found += violations(event, isEvent: isEvent, byteCount: bytes.count).map {
                    "\(index) ^ \(change): \($0)"
                }
            }
            bytes[index] = golden[index]
        }
        #expect(found.isEmpty, "\(found.prefix(5))")
        #expect(refused > golden.count * 255 / 4)
        let isRestored = event.decode(bytes.span.bytes)
        #expect(isRestored)
    }

    @Test("no byte that is put in or taken out breaks a promise")
    func shiftedBytes() {
        var event = StoredEvent()
        var found: [String] = []
        for index in golden.indices {
            for byte in Array("\"\\{}[]:,0e-. \n\u{0}".utf8) {
                var bytes = golden
                bytes.insert(byte, at: index)
                let isEvent = event.decode(bytes.span.bytes)
                found += violations(event, isEvent: isEvent, byteCount: bytes.count).map {
                    "\(byte) at \(index): \($0)"
                }
            }
            var bytes = golden
            bytes.remove(at: index)
            let isEvent = event.decode(bytes.span.bytes)
            found += violations(event, isEvent: isEvent, byteCount: bytes.count).map { "without \(index): \($0)" }
        }
        #expect(found.isEmpty, "\(found.prefix(5))")
    }

    @Test(
        "what is almost an event is none",
        arguments: [
            "", " ", "{", "{}", "[]", "null", "\"device\"", "{,}", #"{"device":"d"}"#, #"{"device":"d",}"#,
            #"{"time":"2026-11-23T19:10:00.123Z"}"#, #"{"device":"","time":"2026-11-23T19:10:00.123Z"}"#,
        ]
    )
    func almost(text: String) {
        #expect(DecodedEvent(text) == nil)
    }

    @Test(
        "a member of the wrong kind spoils the event",
        arguments: [
            #","device":1"#, #","device":null"#, #","time":1795461000123"#, #","received":null"#, #","readings":[]"#,
            #","readings":{"a":"1"}"#, #","readings":{"a":null}"#, #","readings":{"a":1e999}"#,
            #","readings":{"a":01}"#,
            #","readings":{"a":1,}"#, #","readings":{a:1}"#, #","readings":{"a" 1}"#, #","readings":null"#,
            #","states":{"a":true}"#, #","labels":{"a":{}}"#, #","units":{"a":1}"#, #","units":[]"#,
            #","suspect":["a"]"#, #","suspect":{"a":}"#, #","seq":"1""#, #","seq":null"#, #","retained":yes"#,
            #","duplicate":tru"#, #","x":nul"#, #","x""#, #","x":"#, #",,"x":1"#, #","x":"\q""#, ",\"x\":\"\n\"",
            #","x":"# + String(repeating: "[", count: 33) + String(repeating: "]", count: 33),
        ]
    )
    func wrongKinds(members: String) {
        #expect(DecodedEvent(EventSketch.ending(with: members)) == nil)
    }

    @Test(
        "a time that is not of the record's shape spoils the event",
        arguments: [
            "2026-11-23T19:10:00Z", "2026-11-23T19:10:00.1234Z", "2026-11-23T19:10:00.12Z", "",
            "2026-13-23T19:10:00.123Z",
            "2026-00-23T19:10:00.123Z", "2026-11-00T19:10:00.123Z", "2026-11-32T19:10:00.123Z",
            "2026-11-23T24:10:00.123Z", "2026-11-23T19:60:00.123Z", "2026-11-23T19:10:61.123Z",
            "202x-11-23T19:10:00.123Z", "2026-11-23T19:10:00.12:Z", "2026-11-23T19:10:0/.123Z",
            "2026/11/23T19:10:00.123Z", "2026-11-23 19:10:00.123Z", "2026-11-23T19.10.00.123Z",
            "2026-11-23T19:10:00,123Z", "2026-11-23T19:10:00.123X",
        ]
    )
    func times(time: String) {
        #expect(DecodedEvent(#"{"device":"d","time":"\#(time)","received":"2026-11-23T19:10:00.131Z"}"#) == nil)
        #expect(DecodedEvent(#"{"device":"d","time":"2026-11-23T19:10:00.131Z","received":"\#(time)"}"#) == nil)
    }

    @Test("what follows the event spoils it", arguments: ["}", "x", ",", "{}", "\u{0}", #"{"device":"e"}"#])
    func trailing(text: String) {
        let event = EventSketch.ending(with: "")
        #expect(DecodedEvent(event) != nil)
        #expect(DecodedEvent(event + text) == nil)
    }

    @Test("an event is forgotten when the next value is decoded", arguments: ["", "x", #"{"device":"e"}"#])
    func reuse(next: String) {
        var event = StoredEvent()
        let isFirst = event.decode(golden.span.bytes)
        let nextBytes = Array(next.utf8)
        let isNext = event.decode(nextBytes.span.bytes)
        #expect(isFirst && !isNext)
        #expect(violations(event, isEvent: false, byteCount: 0).isEmpty)
        let plain = Array(EventSketch(readings: [.init(name: "m", value: 1)]).text().utf8)
        let isPlain = event.decode(plain.span.bytes)
        #expect(isPlain)
        #expect(DecodedEvent(event, plain) == DecodedEvent(plain))
        #expect(event.readings.count == 1 && !event.isRetained)
    }
}
