// The lines of a payload, for the formats that say one event per line.
internal import EventModel

/// A line of a payload: `start..<end` from the payload's start, without its line feed and the white space around it.
struct PayloadLine: BitwiseCopyable {
    var start: Int
    var end: Int
}

/// Walks over the lines of one payload. A value that its decoder copies to a local while it works.
struct PayloadLines: BitwiseCopyable {
    private var position = 0
    private var hasYielded = false
    private var isAtEnd = false

    /// The next line that is not blank, or nil at the end.
    mutating func next(_ payload: RawSpan) -> PayloadLine? {
        while position < payload.byteCount {
            var start = position
            var end = PayloadLines.lineFeed(payload, from: start)
            position = end &+ 1
            while start < end, PayloadLines.isBlank(payload.unsafeLoad(fromByteOffset: start, as: UInt8.self)) {
                start &+= 1
            }
            while end > start, PayloadLines.isBlank(payload.unsafeLoad(fromByteOffset: end &- 1, as: UInt8.self)) {
                end &-= 1
            }
            if start < end { return PayloadLine(start: start, end: end) }
        }
        return nil
    }

    /// The next line that is an event, noted as such here and in the collector; nil at the end. A line that begins with
    /// `comment` is none.
    mutating func nextEvent(
        _ payload: RawSpan,
        comment: UInt8? = nil,
        into collector: inout EventCollector
    ) -> PayloadLine? {
        collector.rewindScratch(to: 0)
        while let line = next(payload) {
            if payload.unsafeLoad(fromByteOffset: line.start, as: UInt8.self) == comment { continue }
            noteContent()
            collector.noteEventStart(line.start)
            return line
        }
        return nil
    }

    /// Something came of a line, or it was refused: the payload is not without content.
    mutating func noteContent() {
        hasYielded = true
    }

    /// What to answer when no line is left: once a refusal, where nothing came of the payload, then the end.
    mutating func outcomeAtEnd(_ payload: RawSpan) -> DecodeOutcome {
        guard !hasYielded, !isAtEnd else { return .finished }
        isAtEnd = true
        return .rejected(payload.byteCount == 0 ? .empty : .noReading, position: 0)
    }

    @inline(__always)
    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0D
    }

    /// Position of the first line feed from `start`, or the payload's end.
    private static func lineFeed(_ payload: RawSpan, from start: Int) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let end = payload.byteCount
        var at = start
        while at &+ 8 <= end {
            let word = payload.unsafeLoadUnaligned(fromByteOffset: at, as: UInt64.self).littleEndian ^ (ones &* 0x0A)
            let found = (word &- ones) & ~word & 0x8080_8080_8080_8080
            if found != 0 { return at &+ found.trailingZeroBitCount / 8 }
            at &+= 8
        }
        while at < end, payload.unsafeLoad(fromByteOffset: at, as: UInt8.self) != 0x0A {
            at &+= 1
        }
        return at
    }
}
