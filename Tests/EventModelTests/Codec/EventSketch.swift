// Events as a test states them: written by `EventEncoder`, and read back from `StoredEvent` as plain values.
import EventModel
import Platform

/// Lends the UTF-8 of a text.
func withBytes<Result>(_ text: String, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    Array(text.utf8).withUnsafeBytes(body)
}

/// A fragment that one of the encoder's static functions writes for a text.
func fragment(_ text: String, _ write: (UnsafeRawBufferPointer, inout ByteBuilder) -> Void) -> [UInt8] {
    var builder = ByteBuilder()
    withBytes(text) { write($0, &builder) }
    return Array(builder.bytes)
}

/// What an event is to hold. `encoded` writes the maps in the order in which ingest does.
struct EventSketch {
    struct Number {
        var name: String
        var value: Double
    }

    struct Word {
        var name: String
        var text: String
    }

    struct Bad {
        var name: String
        var text: String
        var reason: BadValueReason
    }

    var device = "freezer-7"
    var time: Int64 = 1_795_461_000_123
    var received: Int64 = 1_795_461_000_131
    var clock = EventClock.device
    var readings: [Number] = []
    var states: [Word] = []
    var units: [Word] = []
    var labels: [Word] = []
    var bad: [Bad] = []
    var raw: [Number] = []
    var quality = EventQuality.good
    var calibration: Int32?
    var sequence: UInt64?
    var isRetained = false

    func encoded(with encoder: inout EventEncoder) -> [UInt8] {
        fragment(device, EventEncoder.appendDevicePrefix).withUnsafeBytes { prefix in
            encoder.begin(
                devicePrefix: prefix,
                time: Timestamp(milliseconds: time),
                received: Timestamp(milliseconds: received),
                clock: clock
            )
        }
        write(readings, .readings, to: &encoder)
        write(states, .states, to: &encoder)
        write(units, .units, to: &encoder)
        write(labels, .labels, to: &encoder)
        for value in bad {
            fragment(value.name, EventEncoder.appendName).withUnsafeBytes { name in
                withBytes(value.text) { encoder.badValue(nameFragment: name, text: $0, reason: value.reason) }
            }
        }
        write(raw, .raw, to: &encoder)
        encoder.end(quality: quality, calibration: calibration, sequence: sequence, isRetained: isRetained)
        return Array(encoder.bytes)
    }

    /// The same by an encoder of its own, as text.
    func text() -> String {
        var encoder = EventEncoder()
        return String(decoding: encoded(with: &encoder), as: UTF8.self)
    }

    private func write(_ numbers: [Number], _ section: EventEncoder.Section, to encoder: inout EventEncoder) {
        for number in numbers {
            fragment(number.name, EventEncoder.appendName).withUnsafeBytes {
                encoder.pair(section, nameFragment: $0, number: number.value)
            }
        }
    }

    private func write(_ words: [Word], _ section: EventEncoder.Section, to encoder: inout EventEncoder) {
        for word in words {
            fragment(word.name, EventEncoder.appendName).withUnsafeBytes { name in
                withBytes(word.text) { encoder.pair(section, nameFragment: name, text: $0) }
            }
        }
    }
}

/// A `StoredEvent` as values, its texts unescaped.
struct DecodedEvent: Equatable {
    struct Reading: Equatable {
        var metric: String
        var value: Double
        /// The number as it stands in the record.
        var text: String
        var unit = ""
        var isSuspect = false
    }

    struct Pair: Equatable {
        var name: String
        var text: String
    }

    var device = ""
    var time: Int64 = 0
    var received: Int64 = 0
    var readings: [Reading] = []
    var states: [Pair] = []
    var labels: [Pair] = []
    var sequence: Int64?
    var isRetained = false
    var isDuplicate = false
    var hasEscapes = false

    /// Nil where the bytes are not an event.
    init?(_ bytes: [UInt8]) {
        var event = StoredEvent()
        guard event.decode(bytes.span.bytes) else { return nil }
        self.init(event, bytes)
    }

    /// Nil where the text is not an event.
    init?(_ text: String) {
        self.init(Array(text.utf8))
    }

    init(_ event: borrowing StoredEvent, _ bytes: [UInt8]) {
        func text(_ slice: ByteSlice) -> String {
            JSONText.unescaped(bytes.span.bytes, start: slice.start, count: slice.count)
        }
        func pairs(_ list: [StoredPair]) -> [Pair] {
            list.map { Pair(name: text($0.name), text: text($0.text)) }
        }
        device = text(event.device)
        time = event.time
        received = event.received
        readings = event.readings.map { reading in
            Reading(
                metric: text(reading.metric),
                value: reading.value,
                text: text(reading.text),
                unit: text(reading.unit),
                isSuspect: reading.isSuspect
            )
        }
        states = pairs(event.states)
        labels = pairs(event.labels)
        sequence = event.sequence
        isRetained = event.isRetained
        isDuplicate = event.isDuplicate
        hasEscapes = event.hasEscapes
    }
}
