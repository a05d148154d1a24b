// The fields of one CSV row (RFC 4180).
internal import EventModel

/// Steps over the fields of a line, which ends where its span ends.
struct CSVFieldReader: BitwiseCopyable {
    enum Next: BitwiseCopyable, Equatable {
        case field(TextRef, isQuoted: Bool)
        /// A quote that does not close, or text behind one; `position` is the bad byte.
        case malformed
        case noSpace

        static func == (left: Next, right: Next) -> Bool {
            switch (left, right) {
            case (.malformed, .malformed), (.noSpace, .noSpace): true
            default: false
            }
        }
    }

    private(set) var position: Int
    /// Whether the row ended, and all of its fields were given out.
    private(set) var isAtEnd = false

    init(position: Int) {
        self.position = position
    }

    /// The next field without the blanks around it, or nil at the end. A line without a comma is one field.
    mutating func next(_ line: RawSpan, into collector: inout EventCollector) -> Next? {
        guard !isAtEnd else { return nil }
        skipBlanks(line)
        if position < line.byteCount, line.unsafeLoad(fromByteOffset: position, as: UInt8.self) == 0x22 {
            return quotedField(line, into: &collector)
        }
        let start = position
        let lineEnd = line.byteCount
        var at = start
        while at < lineEnd, line.unsafeLoad(fromByteOffset: at, as: UInt8.self) != 0x2C { at &+= 1 }
        var end = at
        while end > start, CSVFieldReader.isBlank(line.unsafeLoad(fromByteOffset: end &- 1, as: UInt8.self)) {
            end &-= 1
        }
        isAtEnd = at == lineEnd
        position = at &+ 1
        return .field(TextRef(payloadStart: start, count: end &- start), isQuoted: false)
    }

    private mutating func quotedField(_ line: RawSpan, into collector: inout EventCollector) -> Next {
        var quoted = QuotedText(position: position)
        let outcome = quoted.read(line, escape: .doubledQuote, into: &collector)
        position = quoted.position
        switch outcome {
        case .malformed: return .malformed
        case .noSpace: return .noSpace
        case .text(let text):
            skipBlanks(line)
            isAtEnd = position >= line.byteCount
            guard isAtEnd || line.unsafeLoad(fromByteOffset: position, as: UInt8.self) == 0x2C else {
                return .malformed
            }
            position &+= 1
            return .field(text, isQuoted: true)
        }
    }

    private mutating func skipBlanks(_ line: RawSpan) {
        while position < line.byteCount,
            CSVFieldReader.isBlank(line.unsafeLoad(fromByteOffset: position, as: UInt8.self))
        {
            position &+= 1
        }
    }

    @inline(__always)
    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09
    }
}
