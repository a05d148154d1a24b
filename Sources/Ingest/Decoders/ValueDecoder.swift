// `value`: a bare number or word; device and metric come from the topic.
internal import EventModel

/// Decodes payloads such as `21.5` or `open`: one reading without a metric. Each line is an event. A word may stand in
/// double quotes, as a JSON string.
package final class ValueDecoder: PayloadDecoder {
    private let numericStrings: Bool
    private var lines = PayloadLines()

    package init(_ options: DecoderOptions) {
        numericStrings = options.numericStrings
    }

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
        return decode(line, payload, into: &collector)?.outcome ?? .event
    }

    private func decode(
        _ line: PayloadLine,
        _ payload: RawSpan,
        into collector: inout EventCollector
    ) -> DecodeFailure? {
        let isQuoted = payload.unsafeLoad(fromByteOffset: line.start, as: UInt8.self) == 0x22
        var text = TextRef(payloadStart: line.start, count: line.end &- line.start)
        if isQuoted {
            var scanner = JSONScanner(position: line.start)
            let bytes = payload.extracting(0..<line.end)
            guard let string = scanner.string(bytes), scanner.position == line.end, !string.hasEscapes else {
                return DecodeFailure(.malformed, at: min(scanner.position, line.end &- 1))
            }
            text = TextRef(payloadStart: string.start, count: string.count)
        } else if let blank = ValueDecoder.firstBlank(payload, line) {
            return DecodeFailure(.malformed, at: blank)
        }
        let value =
            isQuoted
            ? PlainText.quotedValue(text, numericStrings: numericStrings, payload: payload)
            : PlainText.bareValue(text, payload: payload, into: &collector)
        let reading: CollectedReading
        switch value {
        case .absent: return DecodeFailure(.noReading, at: line.start)
        case .noSpace: return DecodeFailure(.tooComplex, at: line.start)
        case .number(let number, let text): reading = ValueDecoder.reading(.number, text, number)
        case .boolean(let text): reading = ValueDecoder.reading(.boolean, text, 0)
        case .notANumber: reading = ValueDecoder.reading(.notANumber, text, .nan)
        case .word:
            guard collector.isPrintable(text, payload: payload) else {
                return DecodeFailure(.malformed, at: line.start)
            }
            guard !text.isEmpty, text.count <= EventCollector.wordBytesMax else {
                collector.countLeftOut()
                return DecodeFailure(.noReading, at: line.start)
            }
            reading = ValueDecoder.reading(.word, text, 0)
        }
        return collector.addReading(reading) ? nil : DecodeFailure(.tooManyReadings, at: line.start)
    }

    private static func reading(
        _ kind: CollectedReading.Kind,
        _ text: TextRef,
        _ number: Double
    ) -> CollectedReading {
        CollectedReading(metric: .none, unit: .none, text: text, number: number, kind: kind)
    }

    /// The first space or tab inside of the line: more than one word.
    private static func firstBlank(_ payload: RawSpan, _ line: PayloadLine) -> Int? {
        for at in line.start..<line.end {
            let byte = payload.unsafeLoad(fromByteOffset: at, as: UInt8.self)
            if byte == 0x20 || byte == 0x09 { return at }
        }
        return nil
    }
}
