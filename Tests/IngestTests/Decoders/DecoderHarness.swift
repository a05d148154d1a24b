// Runs a decoder over a payload the way an input does, and checks what every decoder promises.
import EventModel
import Ingest
import Platform

struct DecodedReading: Equatable, CustomStringConvertible {
    var metric: String
    var kind: CollectedReading.Kind
    var text: String
    var unit = ""

    var description: String { "\(metric)=\(text) \(unit) [\(kind)]" }

    static func number(_ metric: String, _ text: String, _ unit: String = "") -> DecodedReading {
        DecodedReading(metric: metric, kind: .number, text: text, unit: unit)
    }
    static func word(_ metric: String, _ text: String) -> DecodedReading {
        DecodedReading(metric: metric, kind: .word, text: text)
    }
    static func boolean(_ metric: String, _ text: String) -> DecodedReading {
        DecodedReading(metric: metric, kind: .boolean, text: text)
    }
    static func notANumber(_ metric: String, _ text: String) -> DecodedReading {
        DecodedReading(metric: metric, kind: .notANumber, text: text)
    }
}

struct DecodedEvent: Equatable {
    var device: String?
    var deviceRank = EventCollector.noDevice
    var time = "absent"
    var sequence: UInt64?
    var readings: [DecodedReading] = []
    var labels: [String] = []
}

struct Reject: Equatable {
    var reason: RejectReason
    var position: Int

    init(_ reason: RejectReason, _ position: Int) {
        self.reason = reason
        self.position = position
    }
}

struct Decoded: Equatable {
    var events: [DecodedEvent] = []
    var rejects: [Reject] = []
    var leftOut = 0
    /// Promises that were broken; empty for every correct decoder.
    var violations: [String] = []

    var readings: [DecodedReading] { events.flatMap(\.readings) }
    var reasons: [RejectReason] { rejects.map(\.reason) }
}

/// Decodes a payload that lies in the middle of other bytes, as in a receive slot, twice with different ones: what
/// stands behind the payload must not matter.
func decode(_ format: String, _ payload: [UInt8], _ options: DecoderOptions = DecoderOptions()) throws -> Decoded {
    guard let definition = DecoderRegistry.definition(named: format) else { throw UnknownDecoder(name: format) }
    let decoder = try definition.make(options)
    var collector = EventCollector()
    return decode(decoder, payload, &collector)
}

func decode(_ format: String, _ payload: String, _ options: DecoderOptions = DecoderOptions()) throws -> Decoded {
    try decode(format, Array(payload.utf8), options)
}

struct UnknownDecoder: Error {
    var name: String
}

func decode(_ decoder: any PayloadDecoder, _ payload: [UInt8], _ collector: inout EventCollector) -> Decoded {
    let first = decodeOnce(decoder, payload, stale: Array("77777777,\"a\"=1}]".utf8), &collector)
    var second = decodeOnce(decoder, payload, stale: Array(repeating: 0, count: 16), &collector)
    if first != second { second.violations.append("bytes behind the payload change the result") }
    return second
}

private func decodeOnce(
    _ decoder: any PayloadDecoder,
    _ payload: [UInt8],
    stale: [UInt8],
    _ collector: inout EventCollector
) -> Decoded {
    var decoded = Decoded()
    let slot = payload + stale
    slot.withUnsafeBytes { slot in
        let bytes = UnsafeRawBufferPointer(rebasing: slot[..<payload.count])
        decoder.begin()
        collector.beginPayload()
        for _ in 0..<stepsMax(payload.count) {
            switch decoder.next(bytes.bytes, into: &collector) {
            case .event:
                decoded.violations += violations(collector, bytes)
                decoded.events.append(event(collector, bytes))
            case .rejected(let reason, let position):
                if position < 0 || position > payload.count { decoded.violations.append("position \(position)") }
                decoded.rejects.append(Reject(reason, position))
            case .finished:
                decoded.leftOut = collector.leftOutCount
                return
            }
            collector.beginEvent()
        }
        decoded.violations.append("no end after \(stepsMax(payload.count)) steps")
    }
    return decoded
}

/// A byte can begin at most one event and one reject.
func stepsMax(_ byteCount: Int) -> Int { 2 * byteCount + 8 }

private func event(_ collector: borrowing EventCollector, _ payload: UnsafeRawBufferPointer) -> DecodedEvent {
    var event = DecodedEvent()
    if collector.deviceRank != EventCollector.noDevice {
        event.device = text(collector, collector.device, payload)
        event.deviceRank = collector.deviceRank
    }
    switch collector.time {
    case .absent: event.time = "absent"
    case .unreadable: event.time = "unreadable"
    case .absolute(let time): event.time = TimestampText.string(Timestamp(milliseconds: time))
    case .local(let time): event.time = "local " + TimestampText.string(Timestamp(milliseconds: time))
    case .relative(let milliseconds): event.time = "receipt \(milliseconds)"
    }
    event.sequence = collector.sequence
    for index in 0..<collector.readingCount {
        let reading = collector.reading(index)
        event.readings.append(
            DecodedReading(
                metric: text(collector, reading.metric, payload),
                kind: reading.kind,
                text: text(collector, reading.text, payload),
                unit: text(collector, reading.unit, payload)
            )
        )
    }
    for index in 0..<collector.labelCount {
        let label = collector.label(index)
        event.labels.append(text(collector, label.key, payload) + "=" + text(collector, label.value, payload))
    }
    return event
}

private func text(
    _ collector: borrowing EventCollector,
    _ text: TextRef,
    _ payload: UnsafeRawBufferPointer
) -> String {
    String(decoding: collector.bytes(of: text, in: payload), as: UTF8.self)
}

/// What holds for every event of every decoder, however hostile the bytes.
func violations(_ collector: borrowing EventCollector, _ payload: UnsafeRawBufferPointer) -> [String] {
    var found: [String] = []
    if collector.readingCount == 0 { found.append("event without a reading") }
    if collector.eventStart < 0 || collector.eventStart >= payload.count { found.append("start of the event") }
    if collector.bytes(of: collector.device, in: payload).count != collector.device.count { found.append("device") }
    for index in 0..<collector.readingCount {
        let reading = collector.reading(index)
        for part in [reading.metric, reading.unit, reading.text]
        where collector.bytes(of: part, in: payload).count != part.count {
            found.append("text of reading \(index) lies outside")
        }
        let metric = collector.bytes(of: reading.metric, in: payload)
        if metric.count > 128 || !UTF8Text.isPrintable(metric) { found.append("metric name of reading \(index)") }
        let text = collector.bytes(of: reading.text, in: payload)
        switch reading.kind {
        case .number:
            var scanner = JSONScanner()
            let number = scanner.number(text.bytes)
            if number?.value != reading.number || scanner.position != text.count {
                found.append("number \(String(decoding: text, as: UTF8.self)) is not \(reading.number)")
            }
        case .boolean:
            let word = String(decoding: text, as: UTF8.self)
            if word != "true", word != "false" { found.append("boolean \(word)") }
        case .word:
            if text.isEmpty || text.count > 64 || !UTF8Text.isValid(text.bytes, start: 0, count: text.count) {
                found.append("word of reading \(index)")
            }
        case .notANumber:
            if !reading.number.isNaN { found.append("\(reading.number) is a number") }
        }
    }
    for index in 0..<collector.labelCount {
        let label = collector.label(index)
        for part in [label.key, label.value] where collector.bytes(of: part, in: payload).count != part.count {
            found.append("label \(index) lies outside")
        }
    }
    return found
}
