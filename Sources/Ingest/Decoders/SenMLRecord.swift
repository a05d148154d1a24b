// One SenML record (RFC 8428 section 4) and the base fields that hold for it.
internal import EventModel

/// The base fields in force; each holds from the record that has it until another one.
struct SenMLBase: BitwiseCopyable, Equatable {
    var name = TextRef.none
    var unit = TextRef.none
    var time = 0.0
    var value = 0.0

    /// Whether a text of the base had to be unescaped.
    var isInScratch: Bool { name.isInScratch || unit.isInScratch }

    static func == (left: SenMLBase, right: SenMLBase) -> Bool {
        left.name.start == right.name.start && left.name.count == right.name.count
            && left.unit.start == right.unit.start && left.unit.count == right.unit.count
    }
}

/// Reads one record; a value that lives for it.
struct SenMLRecord: BitwiseCopyable {
    /// Times below are relative to now.
    private static let relativeTimeMax = 268_435_456.0
    /// The version of RFC 8428; a pack of a later one must not be processed (section 4.4).
    private static let versionMax = 10.0

    private(set) var base: SenMLBase
    private(set) var hasReading = false
    private(set) var device = TextRef.none
    private(set) var sequence: UInt64?
    private(set) var reading = CollectedReading(metric: .none, unit: .none, text: .none, number: 0, kind: .word)
    private var ownTime = 0.0
    private var name = TextRef.none
    private var unit = TextRef.none

    init(base: SenMLBase) {
        self.base = base
    }

    /// Seconds since 1970, or relative to now.
    var time: Double { base.time + ownTime }

    /// Tells the collector device and time of the event that begins with this record.
    func describeEvent(_ collector: inout EventCollector) {
        if !device.isEmpty { collector.offerDevice(device, rank: WellKnownFields.formatRank) }
        guard time != 0 else { return }
        guard let milliseconds = Int64(exactly: (time * 1000).rounded()) else {
            return collector.offerTime(.unreadable)
        }
        collector.offerTime(time < SenMLRecord.relativeTimeMax ? .relative(milliseconds) : .absolute(milliseconds))
    }

    /// Reads the object at the cursor and resolves it; why it is refused, or nil.
    mutating func read(
        _ payload: RawSpan,
        _ scanner: inout JSONScanner,
        numericStrings: Bool,
        into collector: inout EventCollector
    ) -> DecodeFailure? {
        let start = scanner.position
        if let failure = readMembers(payload, &scanner, numericStrings: numericStrings, into: &collector) {
            return failure
        }
        guard hasReading else { return nil }
        if !resolveName(payload, into: &collector) { return DecodeFailure(.tooComplex, at: start) }
        guard collector.isMetricName(reading.metric, payload: payload) else {
            return DecodeFailure(.invalidMetric, at: start)
        }
        reading.unit = unit.isEmpty ? base.unit : unit
        guard reading.kind == .number, base.value != 0 else { return nil }
        reading.number += base.value
        let mark = collector.scratchMark
        guard reading.number.isFinite else { return DecodeFailure(.malformed, at: start) }
        guard collector.appendNumber(reading.number) else { return DecodeFailure(.tooComplex, at: start) }
        reading.text = collector.scratchText(since: mark)
        return nil
    }

    private mutating func readMembers(
        _ payload: RawSpan,
        _ scanner: inout JSONScanner,
        numericStrings: Bool,
        into collector: inout EventCollector
    ) -> DecodeFailure? {
        guard scanner.consume(0x7B, payload) else { return DecodeFailure(.malformed, at: scanner.position) }
        scanner.skipWhitespace(payload)
        if scanner.consume(0x7D, payload) { return nil }
        repeat {
            scanner.skipWhitespace(payload)
            guard let key = scanner.string(payload) else { return DecodeFailure(.malformed, at: scanner.position) }
            scanner.skipWhitespace(payload)
            guard scanner.consume(0x3A, payload) else { return DecodeFailure(.malformed, at: scanner.position) }
            scanner.skipWhitespace(payload)
            let failure = member(key, payload, &scanner, numericStrings: numericStrings, into: &collector)
            if let failure { return failure }
            scanner.skipWhitespace(payload)
        } while scanner.consume(0x2C, payload)
        return scanner.consume(0x7D, payload) ? nil : DecodeFailure(.malformed, at: scanner.position)
    }

    /// Reads the value of one member. Labels are matched without regard to case, as all keys are.
    private mutating func member(
        _ key: JSONString,
        _ payload: RawSpan,
        _ scanner: inout JSONScanner,
        numericStrings: Bool,
        into collector: inout EventCollector
    ) -> DecodeFailure? {
        let start = scanner.position
        let label =
            (1...8).contains(key.count) ? WellKnownFields.foldedWord(payload, start: key.start, count: key.count) : 0
        switch label {
        case 0x6E62: return text(payload, &scanner, &base.name, into: &collector) // bn
        case 0x7562: return text(payload, &scanner, &base.unit, into: &collector) // bu
        case 0x6E: return text(payload, &scanner, &name, into: &collector) // n
        case 0x75: return text(payload, &scanner, &unit, into: &collector) // u
        case 0x7462: return number(payload, &scanner, &base.time) // bt
        case 0x7662: return number(payload, &scanner, &base.value) // bv
        case 0x74: return number(payload, &scanner, &ownTime) // t
        case 0x7265_7662: // bver
            var version = 0.0
            if let failure = number(payload, &scanner, &version) { return failure }
            return version <= SenMLRecord.versionMax ? nil : DecodeFailure(.malformed, at: start)
        case 0x76: return numberValue(payload, &scanner) // v
        case 0x7376: return textValue(payload, &scanner, numericStrings: numericStrings, into: &collector) // vs
        case 0x6276: return booleanValue(payload, &scanner) // vb
        case 0x71_6573, 0x746E_6366, 0x6563_6E65_7571_6573: // seq, fCnt, sequence
            var value = scanner
            if let number = value.number(payload) {
                let text = TextRef(payloadStart: number.start, count: number.count)
                sequence = sequence ?? collector.wholeNumber(text, payload: payload)
            }
        case 0x6476, 0x73: collector.countLeftOut() // vd, s
        default:
            // A label that ends in an underscore must be understood (section 4.4).
            let last = key.start &+ key.count &- 1
            if key.count > 0, payload.unsafeLoad(fromByteOffset: last, as: UInt8.self) == 0x5F {
                return DecodeFailure(.malformed, at: key.start)
            }
        }
        return scanner.skipValue(payload) ? nil : DecodeFailure(.malformed, at: scanner.position)
    }

    // MARK: Values

    private mutating func numberValue(_ payload: RawSpan, _ scanner: inout JSONScanner) -> DecodeFailure? {
        guard let number = scanner.number(payload) else { return DecodeFailure(.malformed, at: scanner.position) }
        reading.kind = .number
        reading.number = number.value
        reading.text = TextRef(payloadStart: number.start, count: number.count)
        hasReading = true
        return nil
    }

    private mutating func booleanValue(_ payload: RawSpan, _ scanner: inout JSONScanner) -> DecodeFailure? {
        let start = scanner.position
        guard scanner.literal("true", payload) || scanner.literal("false", payload) else {
            return DecodeFailure(.malformed, at: start)
        }
        reading.kind = .boolean
        reading.text = TextRef(payloadStart: start, count: scanner.position &- start)
        hasReading = true
        return nil
    }

    private mutating func textValue(
        _ payload: RawSpan,
        _ scanner: inout JSONScanner,
        numericStrings: Bool,
        into collector: inout EventCollector
    ) -> DecodeFailure? {
        let start = scanner.position
        var word = TextRef.none
        if let failure = text(payload, &scanner, &word, into: &collector) { return failure }
        let value = PlainText.quotedValue(word, numericStrings: numericStrings, payload: payload)
        if case .number(let number, let text) = value {
            (reading.kind, reading.number, reading.text) = (.number, number, text)
        } else {
            guard collector.isUTF8(word, payload: payload) else { return DecodeFailure(.malformed, at: start) }
            guard !word.isEmpty, word.count <= EventCollector.wordBytesMax else {
                collector.countLeftOut()
                return nil
            }
            (reading.kind, reading.text) = (.word, word)
        }
        hasReading = true
        return nil
    }

    private func number(
        _ payload: RawSpan,
        _ scanner: inout JSONScanner,
        _ value: inout Double
    ) -> DecodeFailure? {
        guard let number = scanner.number(payload) else { return DecodeFailure(.malformed, at: scanner.position) }
        value = number.value
        return nil
    }

    private func text(
        _ payload: RawSpan,
        _ scanner: inout JSONScanner,
        _ text: inout TextRef,
        into collector: inout EventCollector
    ) -> DecodeFailure? {
        guard let string = scanner.string(payload) else { return DecodeFailure(.malformed, at: scanner.position) }
        guard string.hasEscapes else {
            text = TextRef(payloadStart: string.start, count: string.count)
            return nil
        }
        let mark = collector.scratchMark
        switch collector.appendUnescaped(string, payload: payload) {
        case .written:
            text = collector.scratchText(since: mark)
            return nil
        case .malformed(let position): return DecodeFailure(.malformed, at: position)
        case .noSpace: return DecodeFailure(.tooComplex, at: string.start)
        }
    }

    // MARK: Names

    /// Splits base name and name, put together, at the last `/` or `:`; false where the scratch is full.
    private mutating func resolveName(_ payload: RawSpan, into collector: inout EventCollector) -> Bool {
        var whole = name.isEmpty ? base.name : name
        if !name.isEmpty, !base.name.isEmpty {
            // Mostly the base name ends with the separator: nothing need be copied.
            if lastSeparator(name, payload, collector) == nil,
                lastSeparator(base.name, payload, collector) == base.name.count &- 1
            {
                device = base.name.slice(from: 0, count: base.name.count &- 1)
                reading.metric = name
                return true
            }
            let mark = collector.scratchMark
            guard collector.appendToScratch(base.name, payload: payload),
                collector.appendToScratch(name, payload: payload)
            else { return false }
            whole = collector.scratchText(since: mark)
        }
        guard let separator = lastSeparator(whole, payload, collector) else {
            reading.metric = whole
            return true
        }
        device = whole.slice(from: 0, count: separator)
        reading.metric = whole.slice(from: separator &+ 1, count: whole.count)
        return true
    }

    /// Where the last `/` or `:` stands in `text`.
    private func lastSeparator(
        _ text: TextRef,
        _ payload: RawSpan,
        _ collector: borrowing EventCollector
    ) -> Int? {
        collector.withText(text, payload) { span, start, count in
            var at = count &- 1
            while at >= 0 {
                let byte = span.unsafeLoad(fromByteOffset: start &+ at, as: UInt8.self)
                if byte == 0x2F || byte == 0x3A { return at }
                at &-= 1
            }
            return nil
        }
    }
}
