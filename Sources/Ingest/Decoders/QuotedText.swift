// Text in double quotes inside of a line, as CSV, key-value pairs and line protocol have it.
internal import EventModel

/// Reads quoted text at `position`, which stands at the opening quote and, after success, behind the closing one.
struct QuotedText: BitwiseCopyable {
    /// How a quote inside of the text is written.
    enum Escape: BitwiseCopyable {
        /// Twice (RFC 4180).
        case doubledQuote
        /// After a backslash; a backslash before any other byte but itself stands for itself.
        case backslash
    }

    enum Outcome: BitwiseCopyable {
        case text(TextRef)
        /// No closing quote; `position` is the end of the span.
        case malformed
        case noSpace
    }

    var position: Int

    /// The text in the payload itself where it has no escape, else in the scratch.
    mutating func read(_ bytes: RawSpan, escape: Escape, into collector: inout EventCollector) -> Outcome {
        let start = position &+ 1
        let end = bytes.byteCount
        var at = start
        while at < end {
            let byte = bytes.unsafeLoad(fromByteOffset: at, as: UInt8.self)
            if byte == 0x22 {
                if escape == .doubledQuote, QuotedText.isQuote(bytes, at &+ 1) { break }
                position = at &+ 1
                return .text(TextRef(payloadStart: start, count: at &- start))
            }
            if byte == 0x5C, escape == .backslash { break }
            at &+= 1
        }
        guard at < end else {
            position = end
            return .malformed
        }
        return readEscaped(bytes, start: start, firstEscape: at, escape: escape, into: &collector)
    }

    private mutating func readEscaped(
        _ bytes: RawSpan,
        start: Int,
        firstEscape: Int,
        escape: Escape,
        into collector: inout EventCollector
    ) -> Outcome {
        let mark = collector.scratchMark
        guard collector.appendToScratch(bytes, start: start, count: firstEscape &- start) else { return .noSpace }
        var at = firstEscape
        while at < bytes.byteCount {
            let byte = bytes.unsafeLoad(fromByteOffset: at, as: UInt8.self)
            let following = at &+ 1 < bytes.byteCount ? bytes.unsafeLoad(fromByteOffset: at &+ 1, as: UInt8.self) : 0
            let isEscape: Bool
            switch escape {
            case .doubledQuote: isEscape = byte == 0x22 && following == 0x22
            case .backslash: isEscape = byte == 0x5C && (following == 0x22 || following == 0x5C)
            }
            if byte == 0x22, !isEscape {
                position = at &+ 1
                return .text(collector.scratchText(since: mark))
            }
            guard collector.appendToScratch(isEscape ? following : byte) else { return .noSpace }
            at &+= isEscape ? 2 : 1
        }
        position = bytes.byteCount
        return .malformed
    }

    private static func isQuote(_ bytes: RawSpan, _ at: Int) -> Bool {
        at < bytes.byteCount && bytes.unsafeLoad(fromByteOffset: at, as: UInt8.self) == 0x22
    }
}
