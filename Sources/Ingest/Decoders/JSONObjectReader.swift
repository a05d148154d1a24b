// One JSON object to one event: keys to roles and metrics, nested names joined with a point.
internal import EventModel

/// Reads the object at `position`; a value that lives for one object.
struct JSONObjectReader {
    /// Deepest nesting of objects that is followed.
    static let depthMax = 8

    private var scanner: JSONScanner
    private var assembly = EventAssembly()
    private let numericStrings: Bool

    init(position: Int, numericStrings: Bool) {
        scanner = JSONScanner(position: position)
        self.numericStrings = numericStrings
    }

    var position: Int { scanner.position }

    /// Nil, with the event in the collector and the cursor behind the object, or why it is refused.
    ///
    /// This is the hot loop: names and values of the outermost level that are plain text or numbers are handled in
    /// line, with the cursor in registers; everything else is a call.
    mutating func read(
        _ payload: RawSpan,
        _ fields: WellKnownFields,
        into collector: inout EventCollector
    ) -> DecodeFailure? {
        let start = scanner.position
        var cursor = JSONScanner(position: start &+ 1)
        let grammar = TextGrammar.quoted(numericStrings: numericStrings)
        cursor.skipWhitespace(payload)
        guard !cursor.consume(0x7D, payload) else { return DecodeFailure(.noReading, at: start) }
        while true {
            guard let key = cursor.string(payload) else { return DecodeFailure(.malformed, at: cursor.position) }
            cursor.skipWhitespace(payload)
            guard cursor.consume(0x3A, payload) else { return DecodeFailure(.malformed, at: cursor.position) }
            cursor.skipWhitespace(payload)
            let valueStart = cursor.position
            let first = cursor.peek(payload) ?? 0
            let name = TextRef(payloadStart: key.start, count: key.count)
            var reason: RejectReason?
            if first == 0x22, !key.hasEscapes {
                guard let string = cursor.string(payload) else {
                    return DecodeFailure(.malformed, at: cursor.position)
                }
                if string.hasEscapes {
                    let role = fields.role(payload, start: key.start, count: key.count)
                    let failure = escapedText(payload, role, key, string, name: name, into: &collector)
                    if let failure { return failure }
                } else {
                    let role = fields.role(payload, start: key.start, count: key.count)
                    let text = TextRef(payloadStart: string.start, count: string.count)
                    reason = assembly.takeText(
                        role,
                        name: name,
                        text: text,
                        grammar: grammar,
                        payload: payload,
                        into: &collector
                    )
                }
            } else if first == 0x2D || first &- 0x30 <= 9, !key.hasEscapes {
                guard let number = cursor.number(payload) else {
                    return DecodeFailure(.malformed, at: cursor.position)
                }
                let role = fields.role(payload, start: key.start, count: key.count)
                let text = TextRef(payloadStart: number.start, count: number.count)
                reason = assembly.takeNumber(
                    role,
                    name: name,
                    isPlainName: key.isPlain,
                    text: text,
                    value: number.value,
                    payload: payload,
                    into: &collector
                )
            } else {
                scanner.position = cursor.position
                if let failure = outerMember(payload, fields, key, into: &collector) { return failure }
                cursor.position = scanner.position
            }
            if let reason { return DecodeFailure(reason, at: reason == .invalidMetric ? key.start : valueStart) }
            cursor.skipWhitespace(payload)
            guard cursor.consume(0x2C, payload) else { break }
            cursor.skipWhitespace(payload)
        }
        guard cursor.consume(0x7D, payload) else { return DecodeFailure(.malformed, at: cursor.position) }
        scanner.position = cursor.position
        guard let reason = assembly.finish(payload: payload, into: &collector) else { return nil }
        return DecodeFailure(reason, at: start)
    }

    private var malformed: DecodeFailure { DecodeFailure(.malformed, at: scanner.position) }

    /// A member of the outermost level whose name has escapes, or whose value is neither text nor a number.
    @inline(never)
    private mutating func outerMember(
        _ payload: RawSpan,
        _ fields: WellKnownFields,
        _ key: JSONString,
        into collector: inout EventCollector
    ) -> DecodeFailure? {
        guard !key.hasEscapes else {
            return joinedMember(payload, fields, key, prefix: .none, depth: 0, into: &collector)
        }
        let name = TextRef(payloadStart: key.start, count: key.count)
        let role = fields.role(payload, start: key.start, count: key.count)
        return value(payload, fields, role, key, name: name, depth: 0, into: &collector)
    }

    /// Reads `{` members `}` of a nested object from the cursor.
    private mutating func nestedMembers(
        _ payload: RawSpan,
        _ fields: WellKnownFields,
        prefix: TextRef,
        depth: Int,
        into collector: inout EventCollector
    ) -> DecodeFailure? {
        guard depth < JSONObjectReader.depthMax else { return DecodeFailure(.tooComplex, at: scanner.position) }
        scanner.position &+= 1
        scanner.skipWhitespace(payload)
        if scanner.consume(0x7D, payload) { return nil }
        while true {
            guard let key = scanner.string(payload) else { return malformed }
            scanner.skipWhitespace(payload)
            guard scanner.consume(0x3A, payload) else { return malformed }
            scanner.skipWhitespace(payload)
            let failure = joinedMember(payload, fields, key, prefix: prefix, depth: depth, into: &collector)
            if let failure { return failure }
            scanner.skipWhitespace(payload)
            guard scanner.consume(0x2C, payload) else { break }
            scanner.skipWhitespace(payload)
        }
        return scanner.consume(0x7D, payload) ? nil : malformed
    }

    /// A member whose name has escapes or a prefix: the name is put together in the scratch. In nested objects only
    /// `device_field` says something about the event.
    private mutating func joinedMember(
        _ payload: RawSpan,
        _ fields: WellKnownFields,
        _ key: JSONString,
        prefix: TextRef,
        depth: Int,
        into collector: inout EventCollector
    ) -> DecodeFailure? {
        let mark = collector.scratchMark
        if depth > 0 {
            guard prefix.count &+ key.count < EventCollector.metricBytesMax else {
                return DecodeFailure(.invalidMetric, at: key.start)
            }
            guard collector.appendToScratch(prefix, payload: payload), collector.appendToScratch(0x2E) else {
                return DecodeFailure(.tooComplex, at: key.start)
            }
        }
        if let failure = append(key, payload, into: &collector) { return failure }
        let name = collector.scratchText(since: mark)
        let role = collector.withText(name, payload) { span, start, count in
            if depth == 0 { return fields.role(span, start: start, count: count) }
            let isDevice = fields.isDeviceField(span, start: start, count: count)
            return isDevice ? FieldRole.device(rank: WellKnownFields.configuredRank) : .other
        }
        return value(payload, fields, role, key, name: name, depth: depth, into: &collector)
    }

    /// Appends a string's content to the scratch.
    private func append(
        _ string: JSONString,
        _ payload: RawSpan,
        into collector: inout EventCollector
    ) -> DecodeFailure? {
        guard string.hasEscapes else {
            let isAppended = collector.appendToScratch(payload, start: string.start, count: string.count)
            return isAppended ? nil : DecodeFailure(.tooComplex, at: string.start)
        }
        switch collector.appendUnescaped(string, payload: payload) {
        case .written: return nil
        case .malformed(let position): return DecodeFailure(.malformed, at: position)
        case .noSpace: return DecodeFailure(.tooComplex, at: string.start)
        }
    }

    /// Reads the value at the cursor.
    private mutating func value(
        _ payload: RawSpan,
        _ fields: WellKnownFields,
        _ role: FieldRole,
        _ key: JSONString,
        name: TextRef,
        depth: Int,
        into collector: inout EventCollector
    ) -> DecodeFailure? {
        guard let first = scanner.peek(payload) else { return malformed }
        let start = scanner.position
        let reason: RejectReason?
        switch first {
        case 0x22:
            guard let string = scanner.string(payload) else { return malformed }
            if string.hasEscapes {
                return escapedText(payload, role, key, string, name: name, into: &collector)
            }
            let text = TextRef(payloadStart: string.start, count: string.count)
            let grammar = TextGrammar.quoted(numericStrings: numericStrings)
            reason = assembly.takeText(
                role,
                name: name,
                text: text,
                grammar: grammar,
                payload: payload,
                into: &collector
            )
        case 0x2D, 0x30...0x39:
            guard let number = scanner.number(payload) else { return malformed }
            let text = TextRef(payloadStart: number.start, count: number.count)
            reason = assembly.takeNumber(
                role,
                name: name,
                text: text,
                value: number.value,
                payload: payload,
                into: &collector
            )
        case 0x7B:
            return nestedMembers(payload, fields, prefix: name, depth: depth &+ 1, into: &collector)
        default:
            return rareValue(payload, role, key, name: name, first: first, into: &collector)
        }
        guard let reason else { return nil }
        return DecodeFailure(reason, at: reason == .invalidMetric ? key.start : start)
    }

    private mutating func escapedText(
        _ payload: RawSpan,
        _ role: FieldRole,
        _ key: JSONString,
        _ string: JSONString,
        name: TextRef,
        into collector: inout EventCollector
    ) -> DecodeFailure? {
        let mark = collector.scratchMark
        if let failure = append(string, payload, into: &collector) { return failure }
        let text = collector.scratchText(since: mark)
        let grammar = TextGrammar.quoted(numericStrings: numericStrings)
        let reason = assembly.takeText(
            role,
            name: name,
            text: text,
            grammar: grammar,
            payload: payload,
            into: &collector
        )
        guard let reason else { return nil }
        return DecodeFailure(reason, at: reason == .invalidMetric ? key.start : string.start)
    }

    /// Booleans, null and arrays; an array inside of an object has no names for its values and is left out.
    private mutating func rareValue(
        _ payload: RawSpan,
        _ role: FieldRole,
        _ key: JSONString,
        name: TextRef,
        first: UInt8,
        into collector: inout EventCollector
    ) -> DecodeFailure? {
        let start = scanner.position
        switch first {
        case 0x74, 0x66:
            guard first == 0x74 ? scanner.literal("true", payload) : scanner.literal("false", payload) else {
                return malformed
            }
            let text = TextRef(payloadStart: start, count: scanner.position &- start)
            let reason = assembly.takeBoolean(role, name: name, text: text, payload: payload, into: &collector)
            return reason.map { DecodeFailure($0, at: key.start) }
        case 0x6E:
            assembly.takeAbsent(role)
            return scanner.literal("null", payload) ? nil : malformed
        case 0x5B:
            assembly.takeAbsent(role)
            collector.countLeftOut()
            switch scanner.skip(payload) {
            case .skipped: return nil
            case .malformed: return malformed
            case .tooDeep: return DecodeFailure(.tooComplex, at: scanner.position)
            }
        default: return malformed
        }
    }
}
