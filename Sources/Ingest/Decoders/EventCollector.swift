// Where a decoder writes what it found: one event at a time, in storage that is allocated once per input.
package import EventModel

/// Some text of the payload in hand: bytes of the payload itself, or bytes that the decoder wrote into the
/// collector's scratch (unescaped strings, joined names). Valid until the next payload.
package struct TextRef: BitwiseCopyable, Sendable {
    var start: UInt32
    /// The top bit says that the bytes are in the scratch.
    private var countAndPlace: UInt32

    package static let none = TextRef(payloadStart: 0, count: 0)

    /// Bytes of the payload; out-of-range values are cut to what 31 bits hold, and checked when resolved.
    package init(payloadStart start: Int, count: Int) {
        self.start = UInt32(clamping: start)
        countAndPlace = UInt32(clamping: count) & 0x7FFF_FFFF
    }

    init(scratchStart start: Int, count: Int) {
        self.start = UInt32(clamping: start)
        countAndPlace = UInt32(clamping: count) | 0x8000_0000
    }

    package var count: Int { Int(countAndPlace & 0x7FFF_FFFF) }
    var isInScratch: Bool { countAndPlace & 0x8000_0000 != 0 }
    package var isEmpty: Bool { count == 0 }

    /// A part of this text; what reaches beyond its end is cut.
    func slice(from offset: Int, count: Int) -> TextRef {
        let offset = min(max(0, offset), self.count)
        let count = min(max(0, count), self.count &- offset)
        let start = Int(start) &+ offset
        return isInScratch ? TextRef(scratchStart: start, count: count) : TextRef(payloadStart: start, count: count)
    }
}

/// What a payload said about its time.
package enum CollectedTime: BitwiseCopyable, Sendable {
    case absent
    /// Milliseconds since 1970, UTC.
    case absolute(Int64)
    /// Milliseconds since 1970 as if the text, which named no zone, were UTC.
    case local(Int64)
    /// Milliseconds from receipt, below zero for the past.
    case relative(Int64)
    /// There was something, and it was no time: receive time is used.
    case unreadable
}

/// One measured value or state of the event in hand.
package struct CollectedReading: BitwiseCopyable, Sendable {
    package enum Kind: UInt8, BitwiseCopyable, Sendable {
        /// `number` is finite; `text` is its text in the JSON grammar, copied as it stands into the record.
        case number
        /// `text` is `true` or `false`.
        case boolean
        /// A word of at most 64 bytes of valid UTF-8 in `text`, unescaped.
        case word
        /// NaN or an infinity in a format that can say so: stored as bad. `text` is what stood there.
        case notANumber
    }

    /// Empty where the payload is a bare value and its name comes from the topic.
    package var metric: TextRef
    package var unit: TextRef
    package var text: TextRef
    package var number: Double
    package var kind: Kind

    @inline(__always)
    package init(metric: TextRef, unit: TextRef, text: TextRef, number: Double, kind: Kind) {
        self.metric = metric
        self.unit = unit
        self.text = text
        self.number = number
        self.kind = kind
    }
}

package struct CollectedLabel: BitwiseCopyable, Sendable {
    package var key: TextRef
    package var value: TextRef
}

/// What a decoder found at one step.
package enum DecodeOutcome: Sendable {
    /// An event is in the collector; call again for the next one.
    case event
    /// A part of the payload was refused; `position` is its first bad byte, from the start of the payload. Call
    /// again: later parts may be good.
    case rejected(RejectReason, position: Int)
    /// Nothing is left.
    case finished
}

/// One event as a decoder builds it. Owned by the input's thread; allocates only when it is created.
package struct EventCollector: ~Copyable {
    package static let readingsMax = 256
    package static let labelsMax = 32
    package static let scratchBytesMax = 64 * 1024
    /// Longest word kept as a state; longer strings are left out and counted.
    package static let wordBytesMax = 64
    /// `deviceRank` where no device was found. The configured `device_field` has rank 0.
    package static let noDevice: UInt8 = 255

    package private(set) var device = TextRef.none
    package private(set) var deviceRank = EventCollector.noDevice
    package var time = CollectedTime.absent
    package private(set) var sequence: UInt64?
    /// Where the event in hand begins, in bytes from the start of the payload.
    package private(set) var eventStart = 0
    /// The reading that stands under `value` with no `metric` beside it: a topic may name it. -1 where there is none.
    package private(set) var bareValueIndex = -1
    /// Strings too long to be a state, since the payload began.
    package private(set) var leftOutCount = 0
    package private(set) var readingCount = 0
    package private(set) var labelCount = 0
    private var scratchCount = 0

    private let readings: UnsafeMutableBufferPointer<CollectedReading>
    private let labels: UnsafeMutableBufferPointer<CollectedLabel>
    private let scratch: UnsafeMutableRawBufferPointer

    package init() {
        readings = .allocate(capacity: EventCollector.readingsMax)
        labels = .allocate(capacity: EventCollector.labelsMax)
        scratch = .allocate(byteCount: EventCollector.scratchBytesMax, alignment: 16)
    }

    deinit {
        readings.deallocate()
        labels.deallocate()
        scratch.deallocate()
    }

    /// Forgets everything, the scratch included: a new payload begins.
    package mutating func beginPayload() {
        scratchCount = 0
        leftOutCount = 0
        beginEvent()
    }

    /// Forgets the event in hand; text refs of the same payload stay valid.
    package mutating func beginEvent() {
        device = .none
        deviceRank = EventCollector.noDevice
        time = .absent
        sequence = nil
        eventStart = 0
        bareValueIndex = -1
        readingCount = 0
        labelCount = 0
    }

    mutating func noteEventStart(_ position: Int) {
        eventStart = position
    }

    mutating func noteBareValue(_ index: Int) {
        bareValueIndex = index
    }

    /// Offers a device id; the lowest rank wins, the first of equals.
    package mutating func offerDevice(_ text: TextRef, rank: UInt8) {
        guard rank < deviceRank else { return }
        device = text
        deviceRank = rank
    }

    package mutating func setSequence(_ value: UInt64) {
        if sequence == nil { sequence = value }
    }

    /// Offers a time; the first readable one stays.
    mutating func offerTime(_ offered: CollectedTime) {
        switch time {
        case .absent, .unreadable: time = offered
        case .absolute, .local, .relative: break
        }
    }

    package mutating func countLeftOut() {
        leftOutCount &+= 1
    }

    /// False where the event is full (`RejectReason.tooManyReadings`).
    package mutating func addReading(_ reading: CollectedReading) -> Bool {
        guard readingCount < EventCollector.readingsMax else { return false }
        readings[readingCount] = reading
        readingCount &+= 1
        return true
    }

    /// A label beyond `labelsMax` is left out and counted.
    package mutating func addLabel(key: TextRef, value: TextRef) {
        guard labelCount < EventCollector.labelsMax else { return countLeftOut() }
        labels[labelCount] = CollectedLabel(key: key, value: value)
        labelCount &+= 1
    }

    /// Renames a reading whose name came after its value; an index that does not exist changes nothing.
    mutating func setMetric(_ metric: TextRef, ofReading index: Int) {
        guard index >= 0, index < readingCount else { return }
        readings[index].metric = metric
    }

    /// Gives a reading its unit; an index that does not exist changes nothing.
    mutating func setUnit(_ unit: TextRef, ofReading index: Int) {
        guard index >= 0, index < readingCount else { return }
        readings[index].unit = unit
    }

    package func reading(_ index: Int) -> CollectedReading {
        precondition(index >= 0 && index < readingCount, "reading index out of range")
        return readings[index]
    }

    package func label(_ index: Int) -> CollectedLabel {
        precondition(index >= 0 && index < labelCount, "label index out of range")
        return labels[index]
    }

    /// Gives every reading without a unit this one (the `unit` key beside `metric` and `value`).
    package mutating func setUnitWhereMissing(_ unit: TextRef) {
        for index in 0..<readingCount where readings[index].unit.isEmpty {
            readings[index].unit = unit
        }
    }

    // MARK: Scratch

    /// Bytes already written to the scratch; the start of the text that a decoder is about to write.
    package var scratchMark: Int { scratchCount }

    /// False where the scratch is full (`RejectReason.tooComplex`).
    package mutating func appendToScratch(_ byte: UInt8) -> Bool {
        guard scratchCount < scratch.count else { return false }
        scratch[scratchCount] = byte
        scratchCount &+= 1
        return true
    }

    /// Appends `count` bytes of `payload` from `start`; false where they are not there or the scratch is full.
    package mutating func appendToScratch(_ payload: RawSpan, start: Int, count: Int) -> Bool {
        guard start >= 0, count >= 0, start <= payload.byteCount, count <= payload.byteCount &- start,
            count <= scratch.count &- scratchCount
        else { return false }
        let free = UnsafeMutableRawBufferPointer(rebasing: scratch[scratchCount...])
        payload.extracting(start..<start &+ count).withUnsafeBytes { free.copyMemory(from: $0) }
        scratchCount &+= count
        return true
    }

    /// Appends a copy of text that was collected before; false where the scratch is full.
    package mutating func appendToScratch(_ text: TextRef, payload: RawSpan) -> Bool {
        guard text.isInScratch else { return appendToScratch(payload, start: Int(text.start), count: text.count) }
        let start = Int(text.start)
        guard text.count <= scratchCount, start <= scratchCount &- text.count,
            text.count <= scratch.count &- scratchCount
        else { return false }
        let free = UnsafeMutableRawBufferPointer(rebasing: scratch[scratchCount...])
        free.copyMemory(from: UnsafeRawBufferPointer(rebasing: scratch[start..<start &+ text.count]))
        scratchCount &+= text.count
        return true
    }

    /// Appends ASCII of the program; false where the scratch is full.
    mutating func appendToScratch(_ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard count <= scratch.count &- scratchCount else { return false }
        let free = UnsafeMutableRawBufferPointer(rebasing: scratch[scratchCount...])
        free.copyMemory(from: UnsafeRawBufferPointer(start: text.utf8Start, count: count))
        scratchCount &+= count
        return true
    }

    /// Appends a JSON string's content with its escapes resolved. Where it is no content, nothing is appended.
    mutating func appendUnescaped(_ string: JSONString, payload: RawSpan) -> JSONUnescapeOutcome {
        let free = UnsafeMutableRawBufferPointer(rebasing: scratch[scratchCount...])
        let outcome = JSONScanner.unescape(string, payload, into: free)
        if case .written(let count) = outcome { scratchCount &+= count }
        return outcome
    }

    /// Appends a finite number as text of the JSON grammar; false where the scratch is full.
    mutating func appendNumber(_ value: Double) -> Bool {
        guard value.isFinite, scratch.count &- scratchCount >= DecimalText.writtenBytesMax else { return false }
        let free = UnsafeMutableRawBufferPointer(rebasing: scratch[scratchCount...])
        scratchCount &+= DecimalText.write(value, into: free)
        return true
    }

    /// What was written to the scratch since `mark`.
    package func scratchText(since mark: Int) -> TextRef {
        TextRef(scratchStart: mark, count: max(0, scratchCount &- mark))
    }

    /// Takes back what was written since `mark`.
    package mutating func rewindScratch(to mark: Int) {
        scratchCount = min(scratchCount, max(0, mark))
    }

    /// The bytes of `text`. The pointer is valid until the scratch or the payload changes; an impossible reference
    /// gives no bytes.
    package func bytes(of text: TextRef, in payload: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        let source = text.isInScratch ? UnsafeRawBufferPointer(scratch) : payload
        let start = Int(text.start)
        guard start <= source.count, text.count <= source.count &- start else {
            return UnsafeRawBufferPointer(start: nil, count: 0)
        }
        return UnsafeRawBufferPointer(rebasing: source[start..<start &+ text.count])
    }

    /// Calls `body` with the span that holds `text`, and its place in it; an impossible reference is an empty text.
    @inline(__always)
    func withText<Result>(_ text: TextRef, _ payload: RawSpan, _ body: (RawSpan, Int, Int) -> Result) -> Result {
        let start = Int(text.start)
        if text.isInScratch {
            let span = UnsafeRawBufferPointer(scratch).bytes
            guard start <= span.byteCount, text.count <= span.byteCount &- start else { return body(span, 0, 0) }
            return body(span, start, text.count)
        }
        guard start <= payload.byteCount, text.count <= payload.byteCount &- start else { return body(payload, 0, 0) }
        return body(payload, start, text.count)
    }
}
