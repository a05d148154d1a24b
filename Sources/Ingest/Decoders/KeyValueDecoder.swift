// `key_value`: `k=v` pairs separated by spaces, tabs, commas or semicolons; each line is an event.
internal import EventModel

/// Decodes lines such as `device=freezer-7 temperature=-11.8 door=open`. A value in double quotes may hold separators;
/// in it `\"` and `\\` stand for the quote and the backslash. A value that is missing is absent.
package final class KeyValueDecoder: PayloadDecoder {
    private let fields: WellKnownFields
    private let numericStrings: Bool
    private var lines = PayloadLines()

    package init(_ options: DecoderOptions) {
        fields = WellKnownFields(options)
        numericStrings = options.numericStrings
    }

    package func begin() {
        lines = PayloadLines()
    }

    package func next(_ payload: RawSpan, into collector: inout EventCollector) -> DecodeOutcome {
        var lines = lines
        defer { self.lines = lines }
        guard let line = lines.nextEvent(payload, into: &collector) else { return lines.outcomeAtEnd(payload) }
        var reader = KeyValueReader(position: line.start, numericStrings: numericStrings)
        let text = payload.extracting(0..<line.end)
        return reader.read(text, fields, into: &collector)?.outcome ?? .event
    }
}

/// Reads one line, which ends where its span ends; a value that lives for one line.
private struct KeyValueReader {
    private var position: Int
    private let numericStrings: Bool
    private var assembly = EventAssembly()

    init(position: Int, numericStrings: Bool) {
        self.position = position
        self.numericStrings = numericStrings
    }

    mutating func read(
        _ line: RawSpan,
        _ fields: WellKnownFields,
        into collector: inout EventCollector
    ) -> DecodeFailure? {
        let start = position
        while position < line.byteCount {
            if KeyValueReader.isSeparator(line.unsafeLoad(fromByteOffset: position, as: UInt8.self)) {
                position &+= 1
            } else if let failure = pair(line, fields, into: &collector) {
                return failure
            }
        }
        return assembly.finish(payload: line, into: &collector).map { DecodeFailure($0, at: start) }
    }

    private mutating func pair(
        _ line: RawSpan,
        _ fields: WellKnownFields,
        into collector: inout EventCollector
    ) -> DecodeFailure? {
        let keyStart = position
        guard let keyEnd = equalsSign(line), keyEnd > keyStart else {
            return DecodeFailure(.malformed, at: keyStart)
        }
        let role = fields.role(line, start: keyStart, count: keyEnd &- keyStart)
        let name = TextRef(payloadStart: keyStart, count: keyEnd &- keyStart)
        position = keyEnd &+ 1
        let valueStart = position
        var text = TextRef.none
        var grammar = TextGrammar.bare
        if position < line.byteCount, line.unsafeLoad(fromByteOffset: position, as: UInt8.self) == 0x22 {
            var quoted = QuotedText(position: position)
            switch quoted.read(line, escape: .backslash, into: &collector) {
            case .text(let content): text = content
            case .malformed: return DecodeFailure(.malformed, at: quoted.position)
            case .noSpace: return DecodeFailure(.tooComplex, at: valueStart)
            }
            position = quoted.position
            guard isAtBoundary(line) else { return DecodeFailure(.malformed, at: position) }
            grammar = .quoted(numericStrings: numericStrings)
        } else {
            skipToSeparator(line)
            text = TextRef(payloadStart: valueStart, count: position &- valueStart)
        }
        if text.isEmpty {
            assembly.takeAbsent(role)
            return nil
        }
        let reason = assembly.takeText(role, name: name, text: text, grammar: grammar, payload: line, into: &collector)
        return reason.map { DecodeFailure($0, at: $0 == .invalidMetric ? keyStart : valueStart) }
    }

    /// Position of the `=` that ends the key at the cursor; nil where a separator or the end comes first.
    private func equalsSign(_ line: RawSpan) -> Int? {
        var at = position
        while at < line.byteCount {
            let byte = line.unsafeLoad(fromByteOffset: at, as: UInt8.self)
            if byte == 0x3D { return at }
            if KeyValueReader.isSeparator(byte) { return nil }
            at &+= 1
        }
        return nil
    }

    private mutating func skipToSeparator(_ line: RawSpan) {
        var at = position
        while at < line.byteCount, !KeyValueReader.isSeparator(line.unsafeLoad(fromByteOffset: at, as: UInt8.self)) {
            at &+= 1
        }
        position = at
    }

    private func isAtBoundary(_ line: RawSpan) -> Bool {
        position >= line.byteCount
            || KeyValueReader.isSeparator(line.unsafeLoad(fromByteOffset: position, as: UInt8.self))
    }

    @inline(__always)
    private static func isSeparator(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x2C || byte == 0x3B || byte == 0x0D
    }
}
