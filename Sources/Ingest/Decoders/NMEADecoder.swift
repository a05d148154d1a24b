// `nmea`: NMEA 0183 sentences, `$` talker and sentence, fields, `*` and a checksum.
internal import EventModel

/// Decodes one sentence per line. The checksum is required and verified. A sentence that says nothing to measure
/// (`TXT`, `ZDA`, AIS, one without a fix) is refused with the reason `no_reading`.
///
/// The talker (`GP`, `WI`) is offered as the device with the lowest rank there is.
package final class NMEADecoder: PayloadDecoder {
    private var lines = PayloadLines()

    package init(_ options: DecoderOptions) {}

    package func begin() {
        lines = PayloadLines()
    }

    package func next(_ payload: RawSpan, into collector: inout EventCollector) -> DecodeOutcome {
        collector.rewindScratch(to: 0)
        var lines = lines
        defer { self.lines = lines }
        guard let line = lines.next(payload) else { return lines.outcomeAtEnd(payload) }
        lines.noteContent()
        collector.noteEventStart(line.start)
        let text = payload.extracting(0..<line.end)
        var fields = NMEAFields()
        if let failure = fields.read(text, start: line.start) { return failure.outcome }
        let sentence = NMEASentence(fields: fields)
        return sentence.decode(text, into: &collector)?.outcome ?? .event
    }
}

/// Where the fields of one sentence lie; field 0 is the address, `WIMWV`.
struct NMEAFields {
    static let countMax = 64

    private var starts = InlineArray<65, Int32>(repeating: 0)
    private(set) var count = 0

    /// Checks frame and checksum, and finds the fields; why the sentence is refused, or nil.
    mutating func read(_ line: RawSpan, start: Int) -> DecodeFailure? {
        let end = line.byteCount
        let first = NMEAFields.byte(line, start)
        guard first == 0x24 || first == 0x21 else { return DecodeFailure(.malformed, at: start) }
        var sum: UInt8 = 0
        var at = start &+ 1
        starts[0] = Int32(clamping: at)
        count = 1
        while at < end {
            let byte = line.unsafeLoad(fromByteOffset: at, as: UInt8.self)
            if byte == 0x2A { break }
            guard byte >= 0x20, byte < 0x7F else { return DecodeFailure(.malformed, at: at) }
            sum ^= byte
            at &+= 1
            if byte == 0x2C {
                guard count < NMEAFields.countMax else { return DecodeFailure(.tooComplex, at: at) }
                starts[count] = Int32(clamping: at)
                count &+= 1
            }
        }
        starts[count] = Int32(clamping: at &+ 1)
        guard at &+ 3 == end, let high = NMEAFields.hexadecimal(line, at &+ 1),
            let low = NMEAFields.hexadecimal(line, at &+ 2), high << 4 | low == sum
        else { return DecodeFailure(.checksum, at: min(at, end)) }
        return nil
    }

    /// The field at `index`, empty where there is none.
    func field(_ index: Int) -> TextRef {
        guard index >= 0, index < count else { return .none }
        let start = Int(starts[index])
        return TextRef(payloadStart: start, count: max(0, Int(starts[index &+ 1]) &- 1 &- start))
    }

    /// The byte at `at`, or 0 at the end.
    @inline(__always)
    static func byte(_ bytes: RawSpan, _ at: Int) -> UInt8 {
        at >= 0 && at < bytes.byteCount ? bytes.unsafeLoad(fromByteOffset: at, as: UInt8.self) : 0
    }

    private static func hexadecimal(_ bytes: RawSpan, _ at: Int) -> UInt8? {
        let byte = byte(bytes, at)
        switch byte {
        case 0x30...0x39: return byte &- 0x30
        case 0x41...0x46, 0x61...0x66: return (byte | 0x20) &- 0x57
        default: return nil
        }
    }
}
