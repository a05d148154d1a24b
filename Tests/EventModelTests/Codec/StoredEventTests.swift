// Stored events: whatever the encoder writes reads back, and what else a record may hold is stepped over.
import EventModel
import Platform
import Testing

@Suite("Stored event")
struct StoredEventTests {
    @Test("reads the record of the contract")
    func contract() throws {
        let text =
            #"{"device":"freezer-7","time":"2026-11-23T19:10:00.123Z","received":"2026-11-23T19:10:00.131Z","#
            + #""clock":"device","readings":{"temperature":-11.8},"states":{"door":"open"},"#
            + #""units":{"temperature":"°C"},"labels":{"line":"a"},"quality":"good","seq":42}"#
        let event = try #require(DecodedEvent(text))
        #expect(event.device == "freezer-7")
        #expect(event.time == 1_795_461_000_123)
        #expect(event.received == 1_795_461_000_131)
        #expect(event.readings == [.init(metric: "temperature", value: -11.8, text: "-11.8", unit: "°C")])
        #expect(event.states == [.init(name: "door", text: "open")])
        #expect(event.labels == [.init(name: "line", text: "a")])
        #expect(event.sequence == 42)
        #expect(!event.isRetained && !event.isDuplicate && !event.hasEscapes)
    }

    @Test("reads back what the encoder wrote", arguments: [1, 2, 3, 2026] as [UInt64])
    func roundTrip(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var encoder = EventEncoder()
        for round in 0..<500 {
            let sketch = EventSketch.random(using: &generator)
            let event = try #require(DecodedEvent(sketch.encoded(with: &encoder)), "seed \(seed), round \(round)")
            #expect(event.device == sketch.device, "seed \(seed), round \(round)")
            #expect(event.time == sketch.time, "seed \(seed), round \(round)")
            #expect(event.received == sketch.received, "seed \(seed), round \(round)")
            #expect(event.readings.map(\.metric) == sketch.readings.map(\.name), "seed \(seed), round \(round)")
            #expect(event.readings.map(\.value) == sketch.readings.map(\.value), "seed \(seed), round \(round)")
            #expect(event.readings.map { Double($0.text) } == sketch.readings.map(\.value))
            let units = sketch.readings.map { reading in sketch.units.first { $0.name == reading.name }?.text ?? "" }
            #expect(event.readings.map(\.unit) == units, "seed \(seed), round \(round)")
            #expect(event.states == sketch.states.map { .init(name: $0.name, text: $0.text) })
            #expect(event.labels == sketch.labels.map { .init(name: $0.name, text: $0.text) })
            #expect(event.sequence == sketch.sequence.map { Int64(clamping: $0) }, "seed \(seed), round \(round)")
            #expect(event.isRetained == sketch.isRetained, "seed \(seed), round \(round)")
        }
    }

    /// A sequence past 2^53 is no double: read through one, neighbours become the same number or none.
    @Test(
        "reads every sequence that the encoder writes, digit by digit",
        arguments: [
            0, 1, 9_007_199_254_740_992, 9_007_199_254_740_993, 1_795_461_000_123_456_789, 9_223_372_036_854_775_806,
            9_223_372_036_854_775_807,
        ] as [UInt64]
    )
    func sequences(sequence: UInt64) {
        #expect(DecodedEvent(EventSketch(sequence: sequence).text())?.sequence == Int64(sequence))
    }

    @Test(
        "a sequence that is no whole number is none",
        arguments: [("-1", -1), ("1e3", 1000), ("1.5", nil), ("1e300", nil)] as [(String, Int64?)]
    )
    func otherSequences(text: String, sequence: Int64?) throws {
        let event = try #require(DecodedEvent(EventSketch.ending(with: #","seq":\#(text)"#)))
        #expect(event.sequence == sequence)
    }

    @Test("gives units and doubts to the readings that they name, in whatever order they come")
    func units() throws {
        let text = EventSketch.ending(
            with: #","suspect":{"c":"above_max","z":"stuck"},"units":{"c":"V","x":"A","a":"°C"},"#
                + #""readings":{"a":1,"b":2,"c":3},"quality":"suspect""#
        )
        let event = try #require(DecodedEvent(text))
        #expect(
            event.readings == [
                .init(metric: "a", value: 1, text: "1", unit: "°C"), .init(metric: "b", value: 2, text: "2"),
                .init(metric: "c", value: 3, text: "3", unit: "V", isSuspect: true),
            ]
        )
    }

    @Test(
        "reads the two flags",
        arguments: [
            ("", false, false), (#","retained":true"#, true, false), (#","duplicate":true"#, false, true),
            (#","retained":true,"duplicate":true"#, true, true),
            (#","retained":false,"duplicate":false"#, false, false),
            (#","retained":null"#, false, false),
        ]
    )
    func flags(members: String, isRetained: Bool, isDuplicate: Bool) throws {
        let event = try #require(DecodedEvent(EventSketch.ending(with: members)))
        #expect(event.isRetained == isRetained)
        #expect(event.isDuplicate == isDuplicate)
    }

    @Test(
        "says whether a name or text is escaped",
        arguments: [
            (#","labels":{"a":"b"}"#, false), (#","labels":{"a\n":"b"}"#, true), (#","labels":{"a":"\"b"}"#, true),
            (#","states":{"a":"\u00e9"}"#, true), (#","units":{"a":"\\"}"#, true), (#","readings":{"a\t":1}"#, true),
        ]
    )
    func escapes(members: String, hasEscapes: Bool) throws {
        let event = try #require(DecodedEvent(EventSketch.ending(with: members)))
        #expect(event.hasEscapes == hasEscapes)
    }

    @Test(
        "steps over keys that it does not know, whatever they hold",
        arguments: [
            "null", "true", "false", "-1.5e9", #""text \" }""#, "{}", "[]", #"{"a":{"b":[1,{"c":"}]"}]}}"#,
            #"{"temperature":{"value":"85","reason":"sentinel"}}"#,
            String(repeating: "[", count: 32) + String(repeating: "]", count: 32),
        ]
    )
    func unknownKeys(value: String) throws {
        for key in ["future", "x", "", "tim", "times", "Device", "seq2", "readingsX", "qualities!"] {
            let text = EventSketch.ending(with: #","\#(key)":\#(value),"readings":{"m":1}"#)
            let event = try #require(DecodedEvent(text), "\(key)")
            #expect(event.device == "d", "\(key)")
            #expect(event.readings == [.init(metric: "m", value: 1, text: "1")], "\(key)")
        }
    }

    @Test("of a key that is there twice the last text counts, and both maps")
    func duplicates() throws {
        let text = EventSketch.ending(
            with: #","device":"e","seq":1,"readings":{"m":1,"m":2},"seq":2,"labels":{"a":"b"},"#
                + #""readings":{"n":3},"labels":{"a":"c"},"received":"2026-11-23T19:10:00.131Z""#
        )
        let event = try #require(DecodedEvent(text))
        #expect(event.device == "e")
        #expect(event.sequence == 2)
        #expect(event.received == 1_795_461_000_131)
        #expect(event.readings.map(\.metric) == ["m", "m", "n"])
        #expect(event.readings.map(\.value) == [1, 2, 3])
        #expect(event.labels == [.init(name: "a", text: "b"), .init(name: "a", text: "c")])
    }

    @Test("space between the parts does not matter")
    func whitespace() throws {
        let tight = EventSketch.ending(
            with:
                #","readings":{"a":1,"b":-2.5},"units":{"b":"V"},"suspect":{"a":"x"},"labels":{},"seq":7,"retained":true"#
        )
        var loose = " \t"
        var isInside = false
        for character in tight {
            if character == "\"" { isInside.toggle() }
            let isPunctuation = !isInside && "{}:,".contains(character)
            loose += isPunctuation ? "\r\n \(character) \t" : String(character)
        }
        let event = try #require(DecodedEvent(loose))
        #expect(event == DecodedEvent(tight))
        #expect(event.readings.count == 2)
    }
}

extension EventSketch {
    /// An event of device `d` with members that the encoder would not write.
    static func ending(with members: String) -> String {
        #"{"device":"d","time":"2026-11-23T19:10:00.123Z","received":"2026-11-23T19:10:00.123Z"\#(members)}"#
    }

    /// An event of up to five members in each map, its metrics without a duplicate.
    static func random(using generator: inout SeededGenerator) -> EventSketch {
        let years: ClosedRange<Int64> = -62_167_219_200_000...253_402_300_799_999
        let metrics = (0..<Int.random(in: 0...5, using: &generator)).map { "\($0)" + String.random(using: &generator) }
        let words = (0..<Int.random(in: 0...5, using: &generator)).map { index in
            Word(name: "\(index)" + String.random(using: &generator), text: .random(using: &generator))
        }
        return EventSketch(
            device: "d" + String.random(using: &generator),
            time: Int64.random(in: years, using: &generator),
            received: Int64.random(in: years, using: &generator),
            readings: metrics.map { Number(name: $0, value: .randomFinite(using: &generator)) },
            states: words,
            units: metrics.shuffled(using: &generator).dropFirst().map {
                Word(name: $0, text: .random(using: &generator))
            },
            labels: words.reversed(),
            bad: metrics.prefix(2).map { Bad(name: $0, text: .random(using: &generator), reason: .typeChanged) },
            raw: metrics.prefix(1).map { Number(name: $0, value: .randomFinite(using: &generator)) },
            calibration: Bool.random(using: &generator) ? Int32.random(in: 0...9, using: &generator) : nil,
            sequence: Bool.random(using: &generator) ? UInt64.random(in: 0...1 << 53, using: &generator) : nil,
            isRetained: Bool.random(using: &generator)
        )
    }
}

extension String {
    /// Up to twelve characters, plain ones and those that must be escaped.
    fileprivate static func random(using generator: inout SeededGenerator) -> String {
        let characters = Array("abcdefghij 0123456789-_/\"\\\n\t\u{0}\u{1F}é☂😀")
        let count = Int.random(in: 0...12, using: &generator)
        return String((0..<count).map { _ in characters[Int.random(in: characters.indices, using: &generator)] })
    }
}

extension Double {
    /// A sensor's value, or any finite one.
    fileprivate static func randomFinite(using generator: inout SeededGenerator) -> Double {
        let value = Double(bitPattern: generator.next())
        let isPlain = Bool.random(using: &generator)
        return isPlain || !value.isFinite ? Double(Int.random(in: -100_000...100_000, using: &generator)) / 100 : value
    }
}
