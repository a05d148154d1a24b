// One line of line protocol to one event.
internal import EventModel

/// Reads one line, which ends where its span ends; a value that lives for one line.
struct LineProtocolReader {
    /// A tag that says something about the event itself, kept until all tags are known.
    private struct Tag: BitwiseCopyable {
        var key = TextRef.none
        var value = TextRef.none
    }

    /// Text up to a stop byte, its escapes still in it.
    private struct Token: BitwiseCopyable {
        var start: Int
        var count: Int
        var hasEscapes: Bool
    }

    private var position: Int
    private let numericStrings: Bool
    private var assembly = EventAssembly()
    private var measurement = TextRef.none
    private var device = Tag()
    private var deviceRank = EventCollector.noDevice
    private var unit = Tag()

    init(position: Int, numericStrings: Bool) {
        self.position = position
        self.numericStrings = numericStrings
    }

    /// Nil, with the event in the collector, or why the line is refused.
    mutating func read(
        _ line: RawSpan,
        _ fields: WellKnownFields,
        into collector: inout EventCollector
    ) -> DecodeFailure? {
        let start = position
        if let failure = readMeasurement(line, into: &collector) { return failure }
        while byte(line, position) == 0x2C {
            if let failure = readTag(line, fields, into: &collector) { return failure }
        }
        guard skipSpaces(line) else { return malformed }
        repeat {
            if let failure = readField(line, fields, into: &collector) { return failure }
        } while consumeComma(line)
        if skipSpaces(line), let failure = readTime(line, into: &collector) { return failure }
        guard position >= line.byteCount else { return malformed }
        return finish(line, start: start, into: &collector)
    }

    private var malformed: DecodeFailure { DecodeFailure(.malformed, at: position) }

    private mutating func finish(
        _ line: RawSpan,
        start: Int,
        into collector: inout EventCollector
    ) -> DecodeFailure? {
        collector.offerDevice(measurement, rank: WellKnownFields.lastRank)
        if !device.key.isEmpty { collector.offerDevice(device.value, rank: deviceRank) }
        if !unit.key.isEmpty {
            // A unit is one reading's; beside several it is a tag like any other.
            if collector.readingCount == 1 {
                collector.setUnitWhereMissing(unit.value)
            } else {
                collector.addLabel(key: unit.key, value: unit.value)
            }
        }
        return collector.readingCount > 0 ? nil : DecodeFailure(.noReading, at: start)
    }

    // MARK: Parts of a line

    private mutating func readMeasurement(
        _ line: RawSpan,
        into collector: inout EventCollector
    ) -> DecodeFailure? {
        let token = readToken(line, stopsAtEquals: false)
        guard token.count > 0 else { return malformed }
        return unescaped(token, line, into: &collector, &measurement)
    }

    private mutating func readTag(
        _ line: RawSpan,
        _ fields: WellKnownFields,
        into collector: inout EventCollector
    ) -> DecodeFailure? {
        position &+= 1
        let keyToken = readToken(line, stopsAtEquals: true)
        guard keyToken.count > 0, byte(line, position) == 0x3D else { return malformed }
        position &+= 1
        let valueToken = readToken(line, stopsAtEquals: true)
        guard valueToken.count > 0, byte(line, position) != 0x3D else { return malformed }
        var tag = Tag()
        if let failure = unescaped(keyToken, line, into: &collector, &tag.key) { return failure }
        if let failure = unescaped(valueToken, line, into: &collector, &tag.value) { return failure }
        guard collector.isUTF8(tag.key, payload: line) else { return DecodeFailure(.malformed, at: keyToken.start) }
        guard collector.isUTF8(tag.value, payload: line) else { return DecodeFailure(.malformed, at: valueToken.start) }
        take(tag, keyToken, line, fields, into: &collector)
        return nil
    }

    /// Sorts a tag: the best device and the first unit are kept back, everything else is a label.
    private mutating func take(
        _ tag: Tag,
        _ key: Token,
        _ line: RawSpan,
        _ fields: WellKnownFields,
        into collector: inout EventCollector
    ) {
        var rank = EventCollector.noDevice
        switch fields.role(line, start: key.start, count: key.count) {
        case .device(let found): rank = found
        case .identifier: rank = WellKnownFields.identifierRank
        case .unit where unit.key.isEmpty:
            unit = tag
            return
        default:
            if WellKnownFields.isHost(line, start: key.start, count: key.count) { rank = WellKnownFields.hostRank }
        }
        guard rank < deviceRank else { return collector.addLabel(key: tag.key, value: tag.value) }
        if !device.key.isEmpty { collector.addLabel(key: device.key, value: device.value) }
        device = tag
        deviceRank = rank
    }

    private mutating func readField(
        _ line: RawSpan,
        _ fields: WellKnownFields,
        into collector: inout EventCollector
    ) -> DecodeFailure? {
        let key = readToken(line, stopsAtEquals: true)
        guard key.count > 0, byte(line, position) == 0x3D else { return malformed }
        position &+= 1
        var name = TextRef.none
        if let failure = unescaped(key, line, into: &collector, &name) { return failure }
        var role = fields.role(line, start: key.start, count: key.count)
        switch role {
        case .value:
            name = measurement
            role = .other
        case .device(WellKnownFields.configuredRank), .time, .sequence: break
        case .device, .identifier, .unit, .metric, .other: role = .other
        }
        let valueStart = position
        let reason = readValue(line, role, name: name, into: &collector)
        return reason.map { DecodeFailure($0, at: $0 == .invalidMetric ? key.start : valueStart) }
    }

    /// Reads the value of a field; the reason where the line is refused.
    private mutating func readValue(
        _ line: RawSpan,
        _ role: FieldRole,
        name: TextRef,
        into collector: inout EventCollector
    ) -> RejectReason? {
        if byte(line, position) == 0x22 {
            var quoted = QuotedText(position: position)
            switch quoted.read(line, escape: .backslash, into: &collector) {
            case .malformed: return .malformed
            case .noSpace: return .tooComplex
            case .text(let text):
                position = quoted.position
                let grammar = TextGrammar.quoted(numericStrings: numericStrings)
                return assembly.takeText(
                    role,
                    name: name,
                    text: text,
                    grammar: grammar,
                    payload: line,
                    into: &collector
                )
            }
        }
        let token = readToken(line, stopsAtEquals: false)
        guard token.count > 0, !token.hasEscapes else { return .malformed }
        return takeBare(token, line, role, name: name, into: &collector)
    }

    private mutating func takeBare(
        _ token: Token,
        _ line: RawSpan,
        _ role: FieldRole,
        name: TextRef,
        into collector: inout EventCollector
    ) -> RejectReason? {
        let last = byte(line, token.start &+ token.count &- 1)
        let first = byte(line, token.start)
        // `12i` and `12u` are whole numbers; `inf` and a lone suffix are not.
        let isWhole = token.count > 1 && (last == 0x69 || last == 0x75) && (first &- 0x30 <= 9 || first == 0x2D)
        let text = TextRef(payloadStart: token.start, count: isWhole ? token.count &- 1 : token.count)
        switch LineProtocolReader.value(text, isWhole: isWhole, first: first, line, into: &collector) {
        case .number(let number, let text):
            return assembly.takeNumber(
                role,
                name: name,
                text: text,
                value: number,
                payload: line,
                into: &collector
            )
        case .boolean(let text):
            return assembly.takeBoolean(role, name: name, text: text, payload: line, into: &collector)
        case .notANumber:
            return assembly.add(.notANumber, name: name, text: text, value: .nan, payload: line, into: &collector)
        case .noSpace: return .tooComplex
        case .word, .absent: return .malformed
        }
    }

    private static func value(
        _ text: TextRef,
        isWhole: Bool,
        first: UInt8,
        _ line: RawSpan,
        into collector: inout EventCollector
    ) -> PlainValue {
        if text.count == 1, !isWhole {
            switch first {
            case 0x74, 0x54: return PlainText.boolean(true, text, payload: line, into: &collector)
            case 0x66, 0x46: return PlainText.boolean(false, text, payload: line, into: &collector)
            default: break
            }
        }
        guard isWhole else { return PlainText.bareValue(text, payload: line, into: &collector) }
        guard let number = PlainText.number(text, line), number.fractionCount == 0, number.exponentCount == 0 else {
            return .word
        }
        if number.isJSON { return .number(number.value, text: text) }
        return PlainText.rewritten(number, payload: line, into: &collector)
    }

    private mutating func readTime(_ line: RawSpan, into collector: inout EventCollector) -> DecodeFailure? {
        let start = position
        let isNegative = byte(line, start) == 0x2D
        var at = isNegative ? start &+ 1 : start
        let firstDigit = at
        while byte(line, at) &- 0x30 <= 9 { at &+= 1 }
        guard at > firstDigit, at == line.byteCount, at &- firstDigit <= 20 else {
            return DecodeFailure(.malformed, at: at)
        }
        collector.time = collector.offeredTime(TextRef(payloadStart: start, count: at &- start), payload: line)
        position = at
        return nil
    }

    // MARK: Bytes

    /// The byte at `at`, or 0 at the end, which stands for nothing here.
    @inline(__always)
    private func byte(_ line: RawSpan, _ at: Int) -> UInt8 {
        at < line.byteCount ? line.unsafeLoad(fromByteOffset: at, as: UInt8.self) : 0
    }

    private mutating func consumeComma(_ line: RawSpan) -> Bool {
        guard byte(line, position) == 0x2C else { return false }
        position &+= 1
        return true
    }

    /// Steps over spaces; false where there was none.
    private mutating func skipSpaces(_ line: RawSpan) -> Bool {
        let start = position
        while byte(line, position) == 0x20 { position &+= 1 }
        return position > start
    }

    /// Reads up to a comma, a space, or (where asked for) an equals sign that has no backslash before it.
    @inline(__always)
    private mutating func readToken(_ line: RawSpan, stopsAtEquals: Bool) -> Token {
        let start = position
        let end = line.byteCount
        var at = start
        var hasEscapes = false
        while at < end {
            let byte = line.unsafeLoad(fromByteOffset: at, as: UInt8.self)
            if byte == 0x2C || byte == 0x20 || (stopsAtEquals && byte == 0x3D) { break }
            if byte == 0x5C, at &+ 1 < end {
                hasEscapes = true
                at &+= 1
            }
            at &+= 1
        }
        position = at
        return Token(start: start, count: at &- start, hasEscapes: hasEscapes)
    }

    /// The token's text: in the payload where it has no escapes, else in the scratch. A backslash before anything but
    /// a comma, a space or an equals sign stands for itself.
    private func unescaped(
        _ token: Token,
        _ line: RawSpan,
        into collector: inout EventCollector,
        _ text: inout TextRef
    ) -> DecodeFailure? {
        guard token.hasEscapes else {
            text = TextRef(payloadStart: token.start, count: token.count)
            return nil
        }
        let mark = collector.scratchMark
        let end = token.start &+ token.count
        var at = token.start
        while at < end {
            var byte = byte(line, at)
            if byte == 0x5C, at &+ 1 < end {
                let escaped = self.byte(line, at &+ 1)
                if escaped == 0x2C || escaped == 0x20 || escaped == 0x3D {
                    byte = escaped
                    at &+= 1
                }
            }
            guard collector.appendToScratch(byte) else { return DecodeFailure(.tooComplex, at: at) }
            at &+= 1
        }
        text = collector.scratchText(since: mark)
        return nil
    }
}
