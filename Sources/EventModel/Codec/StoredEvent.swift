// The stored event, read back: the value of a record in topic `readings`, as the rules and the commands see it.

/// A range of bytes inside of the record's value.
public struct ByteSlice: BitwiseCopyable, Hashable, Sendable {
    /// The first byte.
    public var start: Int
    /// How many bytes.
    public var count: Int

    /// No bytes.
    public static let none = ByteSlice(start: 0, count: 0)

    /// Nothing is checked here; whoever follows the range checks it against the bytes.
    @inlinable
    public init(start: Int, count: Int) {
        self.start = start
        self.count = count
    }

    /// Whether there is no byte.
    @inlinable public var isEmpty: Bool { count == 0 }
}

/// `"metric": number` of `readings`, or one name and text of `states`, `units`, `labels`.
public struct StoredReading: BitwiseCopyable, Sendable {
    /// The metric's name.
    public var metric: ByteSlice
    /// The number, finite.
    public var value: Double
    /// The number's text as it stands in the record.
    public var text: ByteSlice
    /// The unit of `units`; empty where the record has none for this metric.
    public var unit: ByteSlice
    /// Named in `suspect`.
    public var isSuspect: Bool
}

/// A name and a text, both without their quotes, still escaped where `StoredEvent.hasEscapes`.
public struct StoredPair: BitwiseCopyable, Sendable {
    /// What stands before the colon.
    public var name: ByteSlice
    /// What stands behind it.
    public var text: ByteSlice
}

/// One event of the log, decoded in place: every text is a slice of the value's bytes.
///
/// One owner, and reused from record to record, so that decoding allocates nothing once its arrays have grown. Total on
/// any bytes: `decode` answers false where the value is not an event, and the event is then empty.
public struct StoredEvent: ~Copyable, Sendable {
    /// The device's id.
    public private(set) var device = ByteSlice.none
    /// Event time, in milliseconds since 1970.
    public private(set) var time: Int64 = 0
    /// Receive time, in milliseconds since 1970.
    public private(set) var received: Int64 = 0
    /// Whether event time is the device's own: `clock` is `device`.
    public private(set) var clockIsDevice = false
    /// `readings`, in the record's order.
    public private(set) var readings: [StoredReading] = []
    /// `states`, in the record's order.
    public private(set) var states: [StoredPair] = []
    /// `labels`, in the record's order.
    public private(set) var labels: [StoredPair] = []
    /// `seq`.
    public private(set) var sequence: Int64?
    /// From the broker's memory, not from the sensor: rules skip the event entirely.
    public private(set) var isRetained = false
    /// Recognised as a redelivery of an event that is in the log already.
    public private(set) var isDuplicate = false
    /// Some name or text holds a backslash: compare after `JSONText.unescaped`.
    public private(set) var hasEscapes = false

    private var recordTime = RecordTime()
    private var hasTime = false
    private var hasReceived = false
    private var units: [StoredPair] = []
    private var suspects: [ByteSlice] = []

    package init() {}

    private mutating func clear() {
        device = .none
        time = 0
        received = 0
        clockIsDevice = false
        hasTime = false
        hasReceived = false
        // Emptying an array is a call, even where it is empty; most events have one map or two.
        if !readings.isEmpty { readings.removeAll(keepingCapacity: true) }
        if !states.isEmpty { states.removeAll(keepingCapacity: true) }
        if !labels.isEmpty { labels.removeAll(keepingCapacity: true) }
        if !units.isEmpty { units.removeAll(keepingCapacity: true) }
        if !suspects.isEmpty { suspects.removeAll(keepingCapacity: true) }
        sequence = nil
        isRetained = false
        isDuplicate = false
        hasEscapes = false
    }

    /// Reads one record's value; false where it is not an event of CONTRACT section 4.
    public mutating func decode(_ value: RawSpan) -> Bool {
        clear()
        var scanner = JSONScanner()
        guard decodeMembers(value, &scanner), !device.isEmpty, hasTime, hasReceived else {
            clear()
            return false
        }
        attachUnitsAndDoubts(value)
        return true
    }

    /// Reads the whole value; false where it is not one object of what `decodeMember` knows.
    @inline(__always)
    private mutating func decodeMembers(_ value: RawSpan, _ scanner: inout JSONScanner) -> Bool {
        if !decodeOpening(value, &scanner) {
            scanner.skipWhitespace(value)
            guard scanner.consume(0x7B, value) else { return false }
            scanner.skipWhitespace(value)
            guard decodeMember(value, &scanner) else { return false }
            scanner.skipWhitespace(value)
        }
        while scanner.consume(0x2C, value) {
            guard decodeMember(value, &scanner) else { return false }
            scanner.skipWhitespace(value)
        }
        guard scanner.consume(0x7D, value) else { return false }
        scanner.skipWhitespace(value)
        return scanner.position == value.byteCount
    }

    /// Reads what every event begins with as `EventEncoder` writes it: the device, both times, the clock. False, and
    /// nothing read, where the value begins otherwise: `decodeMember` reads any order.
    @inline(__always)
    private mutating func decodeOpening(_ value: RawSpan, _ scanner: inout JSONScanner) -> Bool {
        var ahead = scanner
        guard ahead.step(over: "{\"device\":", value), let name = ahead.string(value),
            ahead.step(over: ",\"time\":", value), let time = instant(value, &ahead),
            ahead.step(over: ",\"received\":", value), let received = instant(value, &ahead),
            ahead.step(over: ",\"clock\":", value)
        else { return false }
        let isDevice = ahead.step(over: "\"device\"", value)
        guard isDevice || ahead.step(over: "\"receive\"", value) || ahead.step(over: "\"unsynced\"", value) else {
            return false
        }
        (hasEscapes, hasTime, hasReceived) = (name.hasEscapes, true, true)
        (device, clockIsDevice) = (ByteSlice(start: name.start, count: name.count), isDevice)
        (self.time, self.received) = (time, received)
        scanner = ahead
        return true
    }

    private mutating func decodeMember(_ value: RawSpan, _ scanner: inout JSONScanner) -> Bool {
        guard let key = key(value, &scanner) else { return false }
        switch key {
        case .device:
            guard let found = text(value, &scanner, after: nil) else { return false }
            device = found
        case .time:
            guard let instant = instant(value, &scanner) else { return false }
            time = instant
            hasTime = true
        case .received:
            guard let instant = instant(value, &scanner) else { return false }
            received = instant
            hasReceived = true
        case .clock:
            guard let found = text(value, &scanner, after: nil) else { return false }
            clockIsDevice = value.equals(found, "device")
        case .readings:
            return decodeNumbers(value, &scanner)
        case .states:
            return decodePairs(value, &scanner, into: .states)
        case .units:
            return decodePairs(value, &scanner, into: .units)
        case .labels:
            return decodePairs(value, &scanner, into: .labels)
        case .suspect:
            return decodeSuspects(value, &scanner)
        case .sequence:
            guard let number = scanner.number(value) else { return false }
            sequence = number.integer(value)
        case .retained:
            isRetained = scanner.peek(value) == 0x74
            return scanner.skipValue(value)
        case .duplicate:
            isDuplicate = scanner.peek(value) == 0x74
            return scanner.skipValue(value)
        case .other:
            return scanner.skipValue(value)
        }
        return true
    }

    /// Reads the name of a member, and the colon behind it.
    @inline(__always)
    private mutating func key(_ value: RawSpan, _ scanner: inout JSONScanner) -> EventKey? {
        if let known = EventKey.step(over: value, &scanner) { return known }
        scanner.skipWhitespace(value)
        guard let name = text(value, &scanner, after: 0x3A) else { return nil }
        return EventKey(name, of: value)
    }

    /// Reads a string, and the byte that must follow it (a colon) where one is named.
    @inline(__always)
    private mutating func text(_ value: RawSpan, _ scanner: inout JSONScanner, after: UInt8?) -> ByteSlice? {
        scanner.skipWhitespace(value)
        guard let string = scanner.string(value) else { return nil }
        if string.hasEscapes { hasEscapes = true }
        if let after {
            scanner.skipWhitespace(value)
            guard scanner.consume(after, value) else { return nil }
            scanner.skipWhitespace(value)
        }
        return ByteSlice(start: string.start, count: string.count)
    }

    private mutating func instant(_ value: RawSpan, _ scanner: inout JSONScanner) -> Int64? {
        guard scanner.consume(0x22, value) else { return nil }
        let slice = ByteSlice(start: scanner.position, count: RecordTime.byteCount)
        guard let milliseconds = recordTime.milliseconds(value, slice) else { return nil }
        scanner.position &+= RecordTime.byteCount
        return scanner.consume(0x22, value) ? milliseconds : nil
    }

    private mutating func decodeNumbers(_ value: RawSpan, _ scanner: inout JSONScanner) -> Bool {
        guard scanner.consume(0x7B, value) else { return false }
        scanner.skipWhitespace(value)
        if scanner.consume(0x7D, value) { return true }
        repeat {
            guard let name = text(value, &scanner, after: 0x3A), let number = scanner.number(value) else {
                return false
            }
            let slice = ByteSlice(start: number.start, count: number.count)
            readings.append(
                StoredReading(metric: name, value: number.value, text: slice, unit: .none, isSuspect: false)
            )
            scanner.skipWhitespace(value)
        } while scanner.consume(0x2C, value)
        return scanner.consume(0x7D, value)
    }

    private mutating func decodePairs(
        _ value: RawSpan,
        _ scanner: inout JSONScanner,
        into map: EventKey
    ) -> Bool {
        guard scanner.consume(0x7B, value) else { return false }
        scanner.skipWhitespace(value)
        if scanner.consume(0x7D, value) { return true }
        repeat {
            guard let name = text(value, &scanner, after: 0x3A), let found = text(value, &scanner, after: nil) else {
                return false
            }
            let pair = StoredPair(name: name, text: found)
            switch map {
            case .states: states.append(pair)
            case .units: units.append(pair)
            default: labels.append(pair)
            }
            scanner.skipWhitespace(value)
        } while scanner.consume(0x2C, value)
        return scanner.consume(0x7D, value)
    }

    private mutating func decodeSuspects(_ value: RawSpan, _ scanner: inout JSONScanner) -> Bool {
        guard scanner.consume(0x7B, value) else { return false }
        scanner.skipWhitespace(value)
        if scanner.consume(0x7D, value) { return true }
        repeat {
            guard let name = text(value, &scanner, after: 0x3A), scanner.skipValue(value) else { return false }
            suspects.append(name)
            scanner.skipWhitespace(value)
        } while scanner.consume(0x2C, value)
        return scanner.consume(0x7D, value)
    }

    /// Units and readings stand in the same order in what Forebay writes, so the first comparison nearly always hits.
    private mutating func attachUnitsAndDoubts(_ value: RawSpan) {
        var hint = 0
        for index in readings.indices where !units.isEmpty {
            for step in units.indices {
                let candidate = (hint + step) % units.count
                guard value.equalBytes(units[candidate].name, readings[index].metric) else { continue }
                readings[index].unit = units[candidate].text
                hint = candidate + 1
                break
            }
        }
        for doubt in suspects {
            for index in readings.indices where value.equalBytes(doubt, readings[index].metric) {
                readings[index].isSuspect = true
            }
        }
    }
}

/// The keys of an event.
private enum EventKey {
    case device, time, received, clock, readings, states, units, labels, suspect, sequence, retained, duplicate, other

    private static let names: [(StaticString, EventKey)] = [
        ("device", .device), ("time", .time), ("received", .received), ("clock", .clock), ("readings", .readings),
        ("states", .states), ("units", .units), ("labels", .labels), ("suspect", .suspect), ("seq", .sequence),
        ("retained", .retained), ("duplicate", .duplicate),
    ]

    init(_ name: ByteSlice, of value: RawSpan) {
        self = EventKey.names.first { value.equals(name, $0.0) }?.1 ?? .other
    }

    /// Steps over a key that Forebay writes often, with its quotes and the colon; nil, and no step, where something else
    /// stands there, a space included.
    @inline(__always)
    static func step(over value: RawSpan, _ scanner: inout JSONScanner) -> EventKey? {
        switch JSONScanner(position: scanner.position &+ 1).peek(value) {
        case 0x6C: scanner.step(over: "\"labels\":", value) ? .labels : nil
        case 0x71: scanner.step(over: "\"quality\":", value) ? .other : nil
        case 0x72: scanner.step(over: "\"readings\":", value) ? .readings : nil
        case 0x73:
            scanner.step(over: "\"seq\":", value)
                ? .sequence : scanner.step(over: "\"states\":", value) ? .states : nil
        case 0x75: scanner.step(over: "\"units\":", value) ? .units : nil
        default: nil
        }
    }
}

/// Reads the 24 characters of `time` and `received` without a calendar library. Remembers the minute that it read last, so
/// that neighbours in time cost five digits.
struct RecordTime: Sendable {
    /// `2026-11-23T19:10:00.123Z`
    static let byteCount = 24

    /// `2026-11-` and `23T19:10`, as they stand in memory; never zero in a time that was read.
    private var date: UInt64 = 0
    private var clock: UInt64 = 0
    /// The start of that minute, in milliseconds since 1970.
    private var minute: Int64 = 0

    /// `2026-11-23T19:10:00.123Z` to milliseconds since 1970; nil where it is not exactly that shape.
    mutating func milliseconds(_ bytes: RawSpan, _ slice: ByteSlice) -> Int64? {
        let count = RecordTime.byteCount
        guard slice.count == count, slice.start >= 0, slice.start <= bytes.byteCount - count else { return nil }
        let text = bytes.extracting(slice.start..<slice.start + count)
        let date = text.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt64.self)
        let clock = text.unsafeLoadUnaligned(fromByteOffset: 8, as: UInt64.self)
        if date != self.date || clock != self.clock {
            guard let start = RecordTime.minute(text) else { return nil }
            (self.date, self.clock, minute) = (date, clock, start)
        }
        guard let second = RecordTime.digits(text, 17, 2), let milli = RecordTime.digits(text, 20, 3), second < 61,
            RecordTime.holds(text, 16, 0x3A), RecordTime.holds(text, 19, 0x2E), RecordTime.holds(text, 23, 0x5A)
        else { return nil }
        return minute + Int64(second) * 1000 + Int64(milli)
    }

    private static func minute(_ text: RawSpan) -> Int64? {
        guard let year = digits(text, 0, 4), let month = digits(text, 5, 2), let day = digits(text, 8, 2),
            let hour = digits(text, 11, 2), let minute = digits(text, 14, 2), (1...12).contains(month),
            (1...31).contains(day), hour < 24, minute < 60,
            holds(text, 4, 0x2D), holds(text, 7, 0x2D), holds(text, 10, 0x54), holds(text, 13, 0x3A)
        else { return nil }
        return Int64((daysSince1970(year: year, month: month, day: day) * 24 + hour) * 60 + minute) * 60_000
    }

    @inline(__always)
    private static func digits(_ text: RawSpan, _ offset: Int, _ count: Int) -> Int? {
        var number = 0
        for index in offset..<offset &+ count {
            let digit = text.unsafeLoad(fromByteOffset: index, as: UInt8.self) &- 0x30
            guard digit <= 9 else { return nil }
            number = number &* 10 &+ Int(digit)
        }
        return number
    }

    @inline(__always)
    private static func holds(_ text: RawSpan, _ offset: Int, _ byte: UInt8) -> Bool {
        text.unsafeLoad(fromByteOffset: offset, as: UInt8.self) == byte
    }

    /// Days from 1970-01-01 in the proleptic Gregorian calendar (Hinnant's algorithm).
    private static func daysSince1970(year: Int, month: Int, day: Int) -> Int {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }
}
