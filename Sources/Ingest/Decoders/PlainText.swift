// What a piece of text says as a value: number, Boolean, NaN, null or a word.
internal import EventModel

/// A value as it was read from text.
enum PlainValue: BitwiseCopyable {
    case absent
    /// `text` is of the JSON grammar.
    case number(Double, text: TextRef)
    /// `text` is `true` or `false`.
    case boolean(text: TextRef)
    case notANumber
    case word
    /// The scratch has no room for the text.
    case noSpace
}

enum PlainText {
    /// The number that `text` wholly is, in any usual form; nil for text that stands in the scratch.
    static func number(_ text: TextRef, _ payload: RawSpan) -> PlainNumber? {
        guard !text.isInScratch, Int(text.start) < payload.byteCount, !text.isEmpty,
            isNumberStart(payload.unsafeLoad(fromByteOffset: Int(text.start), as: UInt8.self))
        else { return nil }
        return DecimalText.plainNumber(payload, start: Int(text.start), count: text.count)
    }

    /// A digit, a sign or a point.
    @inline(__always)
    private static func isNumberStart(_ byte: UInt8) -> Bool {
        byte &- 0x30 <= 9 || byte == 0x2D || byte == 0x2B || byte == 0x2E
    }

    /// A quoted string: a word, or, where that is asked for, the JSON number that it wholly is.
    @inline(__always)
    static func quotedValue(_ text: TextRef, numericStrings: Bool, payload: RawSpan) -> PlainValue {
        guard numericStrings, !text.isInScratch, Int(text.start) < payload.byteCount, !text.isEmpty else {
            return .word
        }
        let first = payload.unsafeLoad(fromByteOffset: Int(text.start), as: UInt8.self)
        guard first &- 0x30 <= 9 || first == 0x2D else { return .word }
        guard let number = number(text, payload), number.isJSON else { return .word }
        return .number(number.value, text: text)
    }

    /// Bare text. Numbers and Booleans that are written in another way than JSON's are written anew to the scratch.
    static func bareValue(_ text: TextRef, payload: RawSpan, into collector: inout EventCollector) -> PlainValue {
        guard !text.isEmpty else { return .absent }
        guard !text.isInScratch, Int(text.start) < payload.byteCount else { return .word }
        let first = payload.unsafeLoad(fromByteOffset: Int(text.start), as: UInt8.self)
        if isNumberStart(first) {
            if let number = number(text, payload) {
                guard !number.isJSON else { return .number(number.value, text: text) }
                return rewritten(number, payload: payload, into: &collector)
            }
        }
        return special(text, payload: payload, into: &collector)
    }

    /// The number's text in the JSON grammar, in the scratch: `+.50e3` becomes `0.50e3`.
    static func rewritten(
        _ number: PlainNumber,
        payload: RawSpan,
        into collector: inout EventCollector
    ) -> PlainValue {
        let mark = collector.scratchMark
        var isWritten = !number.isNegative || collector.appendToScratch("-")
        if number.integerCount == 0 {
            isWritten = isWritten && collector.appendToScratch("0")
        } else {
            isWritten =
                isWritten
                && collector.appendToScratch(payload, start: number.integerStart, count: number.integerCount)
        }
        if number.fractionCount > 0 {
            isWritten =
                isWritten && collector.appendToScratch(".")
                && collector.appendToScratch(payload, start: number.fractionStart, count: number.fractionCount)
        }
        isWritten =
            isWritten && collector.appendToScratch(payload, start: number.exponentStart, count: number.exponentCount)
        guard isWritten else { return .noSpace }
        return .number(number.value, text: collector.scratchText(since: mark))
    }

    /// `true` and `false`, NaN and the infinities, `null`, each in any case; anything else is a word.
    private static func special(
        _ text: TextRef,
        payload: RawSpan,
        into collector: inout EventCollector
    ) -> PlainValue {
        var start = Int(text.start)
        var count = text.count
        let first = payload.unsafeLoad(fromByteOffset: start, as: UInt8.self)
        let isSigned = first == 0x2B || first == 0x2D
        if isSigned {
            start &+= 1
            count &-= 1
        }
        guard count >= 3, count <= 8, start <= payload.byteCount &- count else { return .word }
        switch WellKnownFields.foldedWord(payload, start: start, count: count) {
        case 0x6E_616E, 0x66_6E69, 0x7974_696E_6966_6E69: return .notANumber // nan, inf, infinity
        case 0x6575_7274 where !isSigned: return boolean(true, text, payload: payload, into: &collector)
        case 0x65_736C_6166 where !isSigned: return boolean(false, text, payload: payload, into: &collector)
        case 0x6C6C_756E where !isSigned: return .absent // null
        default: return .word
        }
    }

    /// A Boolean whose text is `text` where that is in lower case already, else a copy in the scratch.
    static func boolean(
        _ value: Bool,
        _ text: TextRef,
        payload: RawSpan,
        into collector: inout EventCollector
    ) -> PlainValue {
        var scanner = JSONScanner(position: Int(text.start))
        let isPlain = value ? scanner.literal("true", payload) : scanner.literal("false", payload)
        if isPlain, text.count == (value ? 4 : 5) { return .boolean(text: text) }
        let mark = collector.scratchMark
        guard value ? collector.appendToScratch("true") : collector.appendToScratch("false") else { return .noSpace }
        return .boolean(text: collector.scratchText(since: mark))
    }
}
