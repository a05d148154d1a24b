// The golden text of events: every optional part absent and present, escapes in every name, and the limits of numbers.
import EventModel
import Platform
import Testing

/// What every event of these tests starts with, up to its first optional part.
private let head =
    #"{"device":"freezer-7","time":"2026-11-23T19:10:00.123Z","received":"2026-11-23T19:10:00.131Z","clock":"device""#

/// The optional parts of a record with their text, in the record's order.
private enum Part: Int, CaseIterable {
    case readings, states, units, labels, bad, raw, calibration, sequence, retained

    var text: String {
        switch self {
        case .readings: #","readings":{"temperature":-11.8,"humidity":40}"#
        case .states: #","states":{"door":"open","fan":"true"}"#
        case .units: #","units":{"temperature":"°C","humidity":"%RH"}"#
        case .labels: #","labels":{"line":"a","site":"b"}"#
        case .bad: #","bad":{"t2":{"value":"NaN","reason":"not_a_number"},"t3":{"value":"on","reason":"type_changed"}}"#
        case .raw: #","raw":{"temperature":432}"#
        case .calibration: #","calibration":3"#
        case .sequence: #","seq":42"#
        case .retained: #","retained":true"#
        }
    }

    func add(to sketch: inout EventSketch) {
        switch self {
        case .readings:
            sketch.readings = [.init(name: "temperature", value: -11.8), .init(name: "humidity", value: 40)]
        case .states: sketch.states = [.init(name: "door", text: "open"), .init(name: "fan", text: "true")]
        case .units: sketch.units = [.init(name: "temperature", text: "°C"), .init(name: "humidity", text: "%RH")]
        case .labels: sketch.labels = [.init(name: "line", text: "a"), .init(name: "site", text: "b")]
        case .bad:
            sketch.bad = [
                .init(name: "t2", text: "NaN", reason: .notANumber),
                .init(name: "t3", text: "on", reason: .typeChanged),
            ]
        case .raw: sketch.raw = [.init(name: "temperature", value: 432)]
        case .calibration: sketch.calibration = 3
        case .sequence: sketch.sequence = 42
        case .retained: sketch.isRetained = true
        }
    }
}

@Suite("Event encoder")
struct EventEncoderTests {
    @Test("writes the record of the contract byte for byte")
    func contract() {
        let sketch = EventSketch(
            readings: [.init(name: "temperature", value: -11.8)],
            states: [.init(name: "door", text: "open")],
            units: [.init(name: "temperature", text: "°C")],
            labels: [.init(name: "line", text: "a")],
            sequence: 42
        )
        let golden =
            #"{"device":"freezer-7","time":"2026-11-23T19:10:00.123Z","received":"2026-11-23T19:10:00.131Z","#
            + #""clock":"device","readings":{"temperature":-11.8},"states":{"door":"open"},"#
            + #""units":{"temperature":"°C"},"labels":{"line":"a"},"quality":"good","seq":42}"#
        #expect(sketch.text() == golden)
    }

    @Test("writes any choice of the optional parts, and no empty map", arguments: 0..<(1 << Part.allCases.count))
    func everyChoice(mask: Int) {
        var sketch = EventSketch()
        var golden = head
        for part in Part.allCases {
            if part == .calibration { golden += #","quality":"good""# }
            guard mask & 1 << part.rawValue != 0 else { continue }
            part.add(to: &sketch)
            golden += part.text
        }
        #expect(sketch.text() == golden + "}")
    }

    @Test(
        "names the clock",
        arguments: [(EventClock.device, "device"), (.receive, "receive"), (.unsynced, "unsynced")]
    )
    func clocks(clock: EventClock, word: String) {
        let golden = String(head.dropLast(#""device""#.count)) + #""\#(word)","quality":"good"}"#
        #expect(EventSketch(clock: clock).text() == golden)
    }

    @Test("names the quality", arguments: [(EventQuality.good, "good"), (.suspect, "suspect"), (.bad, "bad")])
    func qualities(quality: EventQuality, word: String) {
        #expect(EventSketch(quality: quality).text() == head + #","quality":"\#(word)"}"#)
    }

    @Test("of two qualities the worse one is the larger")
    func worse() {
        #expect([EventQuality.bad, .good, .suspect].sorted() == [.good, .suspect, .bad])
        #expect(max(EventQuality.suspect, .good) == .suspect)
    }

    @Test(
        "escapes what a JSON string cannot hold, and nothing else, in every name and text",
        arguments: [
            (#"a"b"#, #"a\"b"#), (#"a\b"#, #"a\\b"#), ("a\nb", #"a\nb"#), ("a\rb", #"a\rb"#), ("a\tb", #"a\tb"#),
            ("\u{0}", #"\u0000"#), ("\u{8}", #"\u0008"#), ("\u{C}", #"\u000c"#), ("\u{1F}", #"\u001f"#),
            ("\u{7F}", "\u{7F}"), ("a/b", "a/b"), ("grün ☂ 😀", "grün ☂ 😀"), ("\"\"", #"\"\""#),
            ("eight by\\te", #"eight by\\te"#),
        ]
    )
    func escapes(name: String, escaped: String) {
        let sketch = EventSketch(
            device: name,
            readings: [.init(name: name, value: 1)],
            states: [.init(name: name, text: name)],
            units: [.init(name: name, text: name)],
            labels: [.init(name: name, text: name)],
            bad: [.init(name: name, text: name, reason: .notANumber)],
            raw: [.init(name: name, value: 2)]
        )
        let golden =
            #"{"device":"\#(escaped)","time":"2026-11-23T19:10:00.123Z","received":"2026-11-23T19:10:00.131Z","#
            + #""clock":"device","readings":{"\#(escaped)":1},"states":{"\#(escaped)":"\#(escaped)"},"#
            + #""units":{"\#(escaped)":"\#(escaped)"},"labels":{"\#(escaped)":"\#(escaped)"},"#
            + #""bad":{"\#(escaped)":{"value":"\#(escaped)","reason":"not_a_number"}},"raw":{"\#(escaped)":2},"#
            + #""quality":"good"}"#
        #expect(sketch.text() == golden)
    }

    @Test("finds what to escape at any place of a word of eight bytes", arguments: 0..<20)
    func escapePlaces(place: Int) {
        for (byte, escaped) in [("\"", #"\""#), ("\\", #"\\"#), ("\n", #"\n"#), ("\u{1}", #"\u0001"#)] {
            let before = String(repeating: "x", count: place)
            let after = String(repeating: "é", count: 19 - place)
            let written = fragment(before + byte + after, EventEncoder.appendString)
            #expect(String(decoding: written, as: UTF8.self) == "\"" + before + escaped + after + "\"")
        }
    }

    @Test(
        "writes the shortest text of a number that JSON allows",
        arguments: [
            (0, "0"), (1, "1"), (-1, "-1"), (21.5, "21.5"), (-273.15, "-273.15"), (0.1, "0.1"), (100, "100"),
            (1e15, "1000000000000000"), (9_007_199_254_740_991, "9007199254740991"),
            (-9_007_199_254_740_991, "-9007199254740991"), (1e300, "1e+300"), (.leastNonzeroMagnitude, "5e-324"),
        ] as [(Double, String)]
    )
    func numbers(value: Double, text: String) {
        let sketch = EventSketch(readings: [.init(name: "m", value: value)])
        #expect(sketch.text() == head + #","readings":{"m":\#(text)},"quality":"good"}"#)
    }

    @Test(
        "writes sequences up to the largest signed one, and that for all beyond",
        arguments: [
            (0, "0"), (9, "9"), (10, "10"), (9_223_372_036_854_775_807, "9223372036854775807"),
            (9_223_372_036_854_775_808, "9223372036854775807"), (.max, "9223372036854775807"),
        ] as [(UInt64, String)]
    )
    func sequences(sequence: UInt64, text: String) {
        #expect(EventSketch(sequence: sequence).text() == head + #","quality":"good","seq":\#(text)}"#)
    }

    @Test(
        "writes calibrations of any size",
        arguments: [(0, "0"), (.max, "2147483647"), (.min, "-2147483648")] as [(Int32, String)]
    )
    func calibrations(calibration: Int32, text: String) {
        #expect(EventSketch(calibration: calibration).text() == head + #","quality":"good","calibration":\#(text)}"#)
    }
}

@Suite("Event encoder, reused")
struct EventEncoderReuseTests {
    @Test("a new event has nothing of the one before, even where that one was never ended")
    func reuse() {
        var encoder = EventEncoder()
        var full = EventSketch()
        for part in Part.allCases { part.add(to: &full) }
        let first = full.encoded(with: &encoder)
        let plain = EventSketch(labels: [.init(name: "line", text: "a")])
        let second = plain.encoded(with: &encoder)
        #expect(String(decoding: second, as: UTF8.self) == plain.text())
        fragment("abandoned", EventEncoder.appendDevicePrefix).withUnsafeBytes { prefix in
            let time = Timestamp(milliseconds: 0)
            encoder.begin(devicePrefix: prefix, time: time, received: time, clock: .receive)
        }
        fragment("m", EventEncoder.appendName).withUnsafeBytes { encoder.pair(.labels, nameFragment: $0, number: 1) }
        let third = full.encoded(with: &encoder)
        #expect(third == first)
    }

    @Test("takes values that are JSON text already, and labels that are members already")
    func ready() {
        var encoder = EventEncoder()
        fragment("freezer-7", EventEncoder.appendDevicePrefix).withUnsafeBytes { prefix in
            let (time, received) = (1_795_461_000_123 as Int64, 1_795_461_000_131 as Int64)
            encoder.begin(
                devicePrefix: prefix,
                time: Timestamp(milliseconds: time),
                received: Timestamp(milliseconds: received),
                clock: .device
            )
        }
        fragment("m", EventEncoder.appendName).withUnsafeBytes { name in
            withBytes("-0.50e1") { encoder.pair(.readings, nameFragment: name, json: $0) }
        }
        withBytes(#""line":"a","site":"b""#) { encoder.labels(members: $0) }
        withBytes("") { encoder.labels(members: $0) }
        encoder.end(quality: .good, calibration: nil, sequence: nil, isRetained: false)
        let text = String(decoding: encoder.bytes, as: UTF8.self)
        #expect(text == head + #","readings":{"m":-0.50e1},"labels":{"line":"a","site":"b"},"quality":"good"}"#)
    }

    @Test("an event outgrows the first buffer", arguments: [1, 100, 1000])
    func growth(count: Int) {
        let names = (0..<count).map { "metric-\($0)" }
        let sketch = EventSketch(readings: names.enumerated().map { .init(name: $1, value: Double($0)) })
        let members = names.enumerated().map { "\"\($1)\":\($0)" }.joined(separator: ",")
        #expect(sketch.text() == head + #","readings":{\#(members)},"quality":"good"}"#)
    }
}
