// `auto`: recognises the format of each payload from its first bytes.
internal import EventModel

/// What `auto` can recognise; the raw value is the decoder's name in the registry.
package enum RecognisedFormat: String, Sendable, CaseIterable {
    case json
    case senml
    case lineProtocol = "line_protocol"
    case csv
    case keyValue = "key_value"
    case value
    case nmea

    /// Bytes of a payload that recognition looks at.
    package static let lookBytesMax = 512

    /// Recognises a payload, in this order, from its first line and at most its first 512 bytes:
    ///
    /// 1. `$` or `!` and a letter: `nmea`.
    /// 2. `{`: `json`. `[`: `senml` where its first object has `bn`, or `n` and one of `v`, `vs`, `vb`, `vd`; else `json`.
    /// 3. A string in quotes, or text without blanks, commas, semicolons and equals signs: `value`.
    /// 4. An equals sign before any separator: `key_value`.
    /// 5. An equals sign behind a comma or a space: `line_protocol`; a line that begins with `#` too.
    /// 6. A comma: `csv`.
    ///
    /// Nil where none of them fits, or where the look meets a control character that text does not have.
    package static func recognise(_ payload: RawSpan) -> RecognisedFormat? {
        var lines = PayloadLines()
        let look = payload.extracting(0..<min(payload.byteCount, lookBytesMax))
        guard let line = lines.next(look) else { return nil }
        for at in line.start..<line.end {
            let byte = look.unsafeLoad(fromByteOffset: at, as: UInt8.self)
            if byte == 0x7F || (byte < 0x20 && byte != 0x09) { return nil }
        }
        let second = line.start &+ 1 < line.end ? look.unsafeLoad(fromByteOffset: line.start &+ 1, as: UInt8.self) : 0
        switch look.unsafeLoad(fromByteOffset: line.start, as: UInt8.self) {
        case 0x24, 0x21: return (second | 0x20) &- 0x61 < 26 ? .nmea : nil
        case 0x7B: return .json
        case 0x5B: return isSenML(look, at: line.start) ? .senml : .json
        case 0x23: return .lineProtocol
        case 0x22: return isQuotedWord(look, line) ? .value : delimited(look, line)
        default: return delimited(look, line)
        }
    }

    private static func isQuotedWord(_ look: RawSpan, _ line: PayloadLine) -> Bool {
        var scanner = JSONScanner(position: line.start)
        return scanner.string(look) != nil && scanner.position == line.end
    }

    /// Formats of fields between separators, and the bare value that has none.
    private static func delimited(_ look: RawSpan, _ line: PayloadLine) -> RecognisedFormat? {
        var at = line.start
        var separator: UInt8 = 0
        while at < line.end {
            let byte = look.unsafeLoad(fromByteOffset: at, as: UInt8.self)
            if byte == 0x5C {
                at &+= 2
                continue
            }
            if byte == 0x3D { return .keyValue }
            if byte == 0x2C || byte == 0x20 || byte == 0x09 || byte == 0x3B {
                separator = byte
                break
            }
            at &+= 1
        }
        if separator == 0 { return .value }
        guard separator == 0x2C || separator == 0x20 else { return nil }
        while at < line.end {
            if look.unsafeLoad(fromByteOffset: at, as: UInt8.self) == 0x3D { return .lineProtocol }
            at &+= 1
        }
        return separator == 0x2C || hasComma(look, line) ? .csv : nil
    }

    private static func hasComma(_ look: RawSpan, _ line: PayloadLine) -> Bool {
        for at in line.start..<line.end where look.unsafeLoad(fromByteOffset: at, as: UInt8.self) == 0x2C {
            return true
        }
        return false
    }

    /// Whether the first object of the array at `at` has the labels of a SenML record.
    private static func isSenML(_ look: RawSpan, at: Int) -> Bool {
        var scanner = JSONScanner(position: at &+ 1)
        scanner.skipWhitespace(look)
        guard scanner.consume(0x7B, look) else { return false }
        var hasName = false
        var hasValue = false
        repeat {
            scanner.skipWhitespace(look)
            guard let key = scanner.string(look) else { break }
            scanner.skipWhitespace(look)
            guard scanner.consume(0x3A, look) else { break }
            scanner.skipWhitespace(look)
            let isText = scanner.peek(look) == 0x22
            switch (1...2).contains(key.count)
                ? WellKnownFields.foldedWord(look, start: key.start, count: key.count) : 0
            {
            case 0x6E62 where isText: return true // bn
            case 0x6E where isText: hasName = true // n
            case 0x76, 0x7376, 0x6276, 0x6476: hasValue = true // v, vs, vb, vd
            default: break
            }
            guard scanner.skipValue(look) else { break }
            scanner.skipWhitespace(look)
        } while scanner.consume(0x2C, look)
        return hasName && hasValue
    }
}

/// Hands each payload to the decoder of the format that `RecognisedFormat.recognise` finds in it.
package final class AutoDecoder: PayloadDecoder {
    private enum Place {
        case start
        case inside(RecognisedFormat)
        case finished
    }

    private let json: JSONPayloadDecoder
    private let senml: SenMLDecoder
    private let lineProtocol: LineProtocolDecoder
    private let csv: CSVDecoder
    private let keyValue: KeyValueDecoder
    private let value: ValueDecoder
    private let nmea: NMEADecoder
    private var place = Place.start

    package init(_ options: DecoderOptions) throws(DecoderOptionError) {
        json = JSONPayloadDecoder(options)
        senml = SenMLDecoder(options)
        lineProtocol = LineProtocolDecoder(options)
        csv = try CSVDecoder(options)
        keyValue = KeyValueDecoder(options)
        value = ValueDecoder(options)
        nmea = NMEADecoder(options)
    }

    package func begin() {
        place = .start
    }

    package func next(_ payload: RawSpan, into collector: inout EventCollector) -> DecodeOutcome {
        switch place {
        case .finished: return .finished
        case .inside(let format): return next(format, payload, into: &collector)
        case .start:
            guard let format = RecognisedFormat.recognise(payload) else {
                place = .finished
                return .rejected(payload.byteCount == 0 ? .empty : .unknownFormat, position: 0)
            }
            place = .inside(format)
            begin(format)
            return next(format, payload, into: &collector)
        }
    }

    private func begin(_ format: RecognisedFormat) {
        switch format {
        case .json: json.begin()
        case .senml: senml.begin()
        case .lineProtocol: lineProtocol.begin()
        case .csv: csv.begin()
        case .keyValue: keyValue.begin()
        case .value: value.begin()
        case .nmea: nmea.begin()
        }
    }

    private func next(
        _ format: RecognisedFormat,
        _ payload: RawSpan,
        into collector: inout EventCollector
    ) -> DecodeOutcome {
        switch format {
        case .json: json.next(payload, into: &collector)
        case .senml: senml.next(payload, into: &collector)
        case .lineProtocol: lineProtocol.next(payload, into: &collector)
        case .csv: csv.next(payload, into: &collector)
        case .keyValue: keyValue.next(payload, into: &collector)
        case .value: value.next(payload, into: &collector)
        case .nmea: nmea.next(payload, into: &collector)
        }
    }
}
