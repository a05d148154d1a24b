// Puts keys and values together to one event: the rules of the payload section that all formats share.
internal import EventModel

/// How the text of a value is to be understood.
enum TextGrammar: BitwiseCopyable {
    /// A string that said it was one, in quotes: a word, or a number of the JSON grammar where `numeric_strings` is on.
    case quoted(numericStrings: Bool)
    /// Bare text: a number in any usual form, a Boolean, NaN, `null` or a word.
    case bare
}

/// What an event under construction knows beside its collector.
///
/// Its functions return nil, or the reason why the event is refused.
struct EventAssembly: BitwiseCopyable {
    /// What stood under `metric`: the name of the reading under `value`, wherever that comes.
    private var metricName = TextRef.none
    private var metricKey = TextRef.none
    private var hasMetricName = false
    private var hasValue = false
    /// The first reading under `value`; a `value` that is null or left out makes none.
    private var valueIndex = -1
    private var unit = TextRef.none
    /// Numbers among the readings, and the last of them.
    private var numberCount = 0
    private var numberIndex = -1

    // MARK: Values by kind

    @inline(__always)
    mutating func takeNumber(
        _ role: FieldRole,
        name: TextRef,
        isPlainName: Bool = false,
        text: TextRef,
        value: Double,
        payload: RawSpan,
        into collector: inout EventCollector
    ) -> RejectReason? {
        switch role {
        case .device(let rank):
            collector.offerDevice(text, rank: rank)
            return nil
        case .time:
            // Seconds and milliseconds are exact doubles; finer units are read from their digits.
            let time = value.magnitude < 1e14 ? TimestampText.scaled(value) : nil
            collector.offerTime(time.map { .absolute($0) } ?? collector.offeredTime(text, payload: payload))
            return nil
        case .sequence:
            // Whole numbers up to 2^53 are exact; beyond that the digits tell.
            let sequence = value < 0x20_0000_0000_0000 ? UInt64(exactly: value) : nil
            if let sequence = sequence ?? collector.wholeNumber(text, payload: payload) {
                collector.setSequence(sequence)
                return nil
            }
        case .value: noteValue(collector.readingCount)
        case .identifier, .unit, .metric, .other: break
        }
        if isPlainName, name.count &- 1 < EventCollector.metricBytesMax, !name.isEmpty {
            return append(.number, name: name, text: text, value: value, into: &collector)
        }
        return add(.number, name: name, text: text, value: value, payload: payload, into: &collector)
    }

    mutating func takeBoolean(
        _ role: FieldRole,
        name: TextRef,
        text: TextRef,
        payload: RawSpan,
        into collector: inout EventCollector
    ) -> RejectReason? {
        if role == .value { noteValue(collector.readingCount) }
        return add(.boolean, name: name, text: text, value: 0, payload: payload, into: &collector)
    }

    /// A key whose value is null, empty or left out.
    mutating func takeAbsent(_ role: FieldRole) {
        if role == .value { hasValue = true }
    }

    /// Text that may name something, or be a value. Only text that stands in the payload as it is can be a number or
    /// a time; what had to be unescaped is a word.
    @inline(__always)
    mutating func takeText(
        _ role: FieldRole,
        name: TextRef,
        text: TextRef,
        grammar: TextGrammar,
        payload: RawSpan,
        into collector: inout EventCollector
    ) -> RejectReason? {
        switch role {
        case .device(let rank):
            collector.offerDevice(text, rank: rank)
            return nil
        case .metric:
            (metricName, metricKey, hasMetricName) = (text, name, true)
            return nil
        case .value:
            let index = collector.readingCount
            let reason = addText(name: name, text: text, grammar: grammar, payload: payload, into: &collector)
            if collector.readingCount > index { noteValue(index) } else { hasValue = true }
            return reason
        case .other: break
        case .identifier, .time, .sequence, .unit:
            return takeSpecial(role, name: name, text: text, grammar: grammar, payload: payload, into: &collector)
        }
        return addText(name: name, text: text, grammar: grammar, payload: payload, into: &collector)
    }

    private mutating func takeSpecial(
        _ role: FieldRole,
        name: TextRef,
        text: TextRef,
        grammar: TextGrammar,
        payload: RawSpan,
        into collector: inout EventCollector
    ) -> RejectReason? {
        switch role {
        case .time:
            if !text.isEmpty { collector.offerTime(collector.offeredTime(text, payload: payload)) }
            return nil
        case .sequence:
            if let sequence = collector.wholeNumber(text, payload: payload) {
                collector.setSequence(sequence)
                return nil
            }
        case .identifier:
            if case .quoted = grammar {
                collector.offerDevice(text, rank: WellKnownFields.identifierRank)
                return nil
            }
            if PlainText.number(text, payload) == nil {
                if !text.isEmpty { collector.offerDevice(text, rank: WellKnownFields.identifierRank) }
                return nil
            }
        case .unit:
            if PlainText.number(text, payload) == nil {
                return takeUnit(text, payload: payload, into: &collector)
            }
        case .device, .metric, .value, .other: break
        }
        return addText(name: name, text: text, grammar: grammar, payload: payload, into: &collector)
    }

    private mutating func takeUnit(
        _ text: TextRef,
        payload: RawSpan,
        into collector: inout EventCollector
    ) -> RejectReason? {
        guard text.count <= EventCollector.wordBytesMax else {
            collector.countLeftOut()
            return nil
        }
        guard collector.isUTF8(text, payload: payload) else { return .malformed }
        if unit.isEmpty { unit = text }
        return nil
    }

    private mutating func noteValue(_ index: Int) {
        if valueIndex < 0 { valueIndex = index }
        hasValue = true
    }

    // MARK: Readings

    private mutating func addText(
        name: TextRef,
        text: TextRef,
        grammar: TextGrammar,
        payload: RawSpan,
        into collector: inout EventCollector
    ) -> RejectReason? {
        let value: PlainValue
        switch grammar {
        case .quoted(let numericStrings):
            value = PlainText.quotedValue(text, numericStrings: numericStrings, payload: payload)
        case .bare: value = PlainText.bareValue(text, payload: payload, into: &collector)
        }
        switch value {
        case .absent: return nil
        case .noSpace: return .tooComplex
        case .number(let number, let text):
            return add(.number, name: name, text: text, value: number, payload: payload, into: &collector)
        case .boolean(let text):
            return add(.boolean, name: name, text: text, value: 0, payload: payload, into: &collector)
        case .notANumber:
            return add(.notANumber, name: name, text: text, value: .nan, payload: payload, into: &collector)
        case .word:
            guard collector.isUTF8(text, payload: payload) else { return .malformed }
            guard !text.isEmpty, text.count <= EventCollector.wordBytesMax else {
                collector.countLeftOut()
                return nil
            }
            return add(.word, name: name, text: text, value: 0, payload: payload, into: &collector)
        }
    }

    /// Adds one reading whose kind is known.
    @inline(__always)
    mutating func add(
        _ kind: CollectedReading.Kind,
        name: TextRef,
        text: TextRef,
        value: Double,
        payload: RawSpan,
        into collector: inout EventCollector
    ) -> RejectReason? {
        guard collector.isMetricName(name, payload: payload) else { return .invalidMetric }
        return append(kind, name: name, text: text, value: value, into: &collector)
    }

    /// Adds one reading whose name has been checked.
    @inline(__always)
    private mutating func append(
        _ kind: CollectedReading.Kind,
        name: TextRef,
        text: TextRef,
        value: Double,
        into collector: inout EventCollector
    ) -> RejectReason? {
        if kind == .number {
            numberCount &+= 1
            numberIndex = collector.readingCount
        }
        let reading = CollectedReading(metric: name, unit: .none, text: text, number: value, kind: kind)
        return collector.addReading(reading) ? nil : .tooManyReadings
    }

    // MARK: End

    /// Brings `metric`, `value` and `unit` together. The unit belongs to the reading under `value`; without one, to the
    /// only number; where there are several, it could be anyone's and is left out and counted.
    @inline(__always)
    mutating func finish(payload: RawSpan, into collector: inout EventCollector) -> RejectReason? {
        if hasMetricName {
            if let reason = finishMetricName(payload: payload, into: &collector) { return reason }
        } else if valueIndex >= 0 {
            collector.noteBareValue(valueIndex)
        }
        if !unit.isEmpty {
            if valueIndex >= 0 {
                collector.setUnit(unit, ofReading: valueIndex)
            } else if numberCount == 1 {
                collector.setUnit(unit, ofReading: numberIndex)
            } else {
                collector.countLeftOut()
            }
        }
        return collector.readingCount > 0 ? nil : .noReading
    }

    private mutating func finishMetricName(
        payload: RawSpan,
        into collector: inout EventCollector
    ) -> RejectReason? {
        guard hasValue else {
            // Nothing stands under `value`, so that `metric` is a key like any other.
            let grammar = TextGrammar.quoted(numericStrings: false)
            return addText(name: metricKey, text: metricName, grammar: grammar, payload: payload, into: &collector)
        }
        guard collector.isMetricName(metricName, payload: payload) else { return .invalidMetric }
        collector.setMetric(metricName, ofReading: valueIndex)
        return nil
    }
}
