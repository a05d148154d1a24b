// The stored event, written: the value of a record in topic `readings` (docs/schema/readings.json).
public import Platform

/// Where an event's time comes from, as `clock` states it.
public enum EventClock: UInt8, Sendable {
    case device, receive, unsynced

    var text: StaticString {
        switch self {
        case .device: "device"
        case .receive: "receive"
        case .unsynced: "unsynced"
        }
    }
}

/// The worst of an event's values.
public enum EventQuality: UInt8, Comparable, Sendable {
    case good, suspect, bad

    var text: StaticString {
        switch self {
        case .good: "good"
        case .suspect: "suspect"
        case .bad: "bad"
        }
    }

    /// `good` before `suspect` before `bad`: the larger one is the worse.
    public static func < (left: EventQuality, right: EventQuality) -> Bool { left.rawValue < right.rawValue }
}

/// Why a value stands in `bad`.
public enum BadValueReason: UInt8, BitwiseCopyable, Sendable {
    /// NaN or an infinity.
    case notANumber
    /// The (device, metric) measured numbers before and sends a state now, or the other way round.
    case typeChanged

    var text: StaticString {
        switch self {
        case .notANumber: "not_a_number"
        case .typeChanged: "type_changed"
        }
    }
}

/// Writes one event at a time into a buffer that it keeps. Called per reading from the inputs' threads.
///
/// Names and texts that repeat come as fragments that were escaped once: `nameFragment` is `"temperature":`, with its
/// quotes and its colon. Empty maps are left out. One owner.
public struct EventEncoder: ~Copyable {
    /// The maps of an event, in the order in which they are written.
    public enum Section: UInt8, Sendable {
        case readings, states, units, labels, bad, raw

        var opening: StaticString {
            switch self {
            case .readings: ",\"readings\":{"
            case .states: ",\"states\":{"
            case .units: ",\"units\":{"
            case .labels: ",\"labels\":{"
            case .bad: ",\"bad\":{"
            case .raw: ",\"raw\":{"
            }
        }
    }

    private var buffer = ByteBuilder(capacity: 2048)
    private var timeFormatter = TimestampFormatter()
    private var openSection: Section?

    /// Allocates the buffer that every event is written to.
    public init() {}

    /// The event as written so far. Valid until the next call.
    @inline(__always)
    public var bytes: UnsafeRawBufferPointer { buffer.bytes }

    /// The fragment that `begin` takes, for a device id of valid UTF-8.
    public static func appendDevicePrefix(_ device: UnsafeRawBufferPointer, to fragments: inout ByteBuilder) {
        fragments.append("{\"device\":\"")
        fragments.append(escaping: device)
        fragments.append("\",\"time\":\"")
    }

    /// The fragment that `pair` takes, for a name of valid UTF-8.
    public static func appendName(_ name: UnsafeRawBufferPointer, to fragments: inout ByteBuilder) {
        fragments.append(0x22)
        fragments.append(escaping: name)
        fragments.append("\":")
    }

    /// A JSON string for a text of valid UTF-8.
    public static func appendString(_ text: UnsafeRawBufferPointer, to fragments: inout ByteBuilder) {
        fragments.append(0x22)
        fragments.append(escaping: text)
        fragments.append(0x22)
    }

    /// Starts a new event and forgets the one before: device, both times and the clock are written.
    public mutating func begin(
        devicePrefix: UnsafeRawBufferPointer,
        time: Timestamp,
        received: Timestamp,
        clock: EventClock
    ) {
        buffer.removeAll()
        openSection = nil
        buffer.append(devicePrefix)
        buffer.append(time, with: &timeFormatter)
        buffer.append("\",\"received\":\"")
        buffer.append(received, with: &timeFormatter)
        buffer.append("\",\"clock\":\"")
        buffer.append(clock.text)
        buffer.append(0x22)
    }

    /// One member of `section`, whose value is JSON text already. Members of one section come one after the other.
    @inline(__always)
    public mutating func pair(
        _ section: Section,
        nameFragment: UnsafeRawBufferPointer,
        json: UnsafeRawBufferPointer
    ) {
        open(section, nameFragment: nameFragment)
        buffer.append(json)
    }

    /// One member whose value is a text of valid UTF-8.
    public mutating func pair(
        _ section: Section,
        nameFragment: UnsafeRawBufferPointer,
        text: UnsafeRawBufferPointer
    ) {
        open(section, nameFragment: nameFragment)
        EventEncoder.appendString(text, to: &buffer)
    }

    /// One member whose value is a finite number.
    public mutating func pair(_ section: Section, nameFragment: UnsafeRawBufferPointer, number: Double) {
        open(section, nameFragment: nameFragment)
        buffer.append(number: number)
    }

    /// One member of `bad`: the value as it came, and why it must not be used.
    public mutating func badValue(
        nameFragment: UnsafeRawBufferPointer,
        text: UnsafeRawBufferPointer,
        reason: BadValueReason
    ) {
        open(.bad, nameFragment: nameFragment)
        buffer.append("{\"value\":")
        EventEncoder.appendString(text, to: &buffer)
        buffer.append(",\"reason\":\"")
        buffer.append(reason.text)
        buffer.append("\"}")
    }

    /// All labels at once, as members that were escaped before: `"line":"a","site":"b"`.
    public mutating func labels(members: UnsafeRawBufferPointer) {
        closeSection()
        guard members.count > 0 else { return }
        buffer.append(Section.labels.opening)
        buffer.append(members)
        buffer.append(0x7D)
    }

    /// Closes the event.
    public mutating func end(
        quality: EventQuality,
        calibration: Int32?,
        sequence: UInt64?,
        isRetained: Bool
    ) {
        closeSection()
        buffer.append(",\"quality\":\"")
        buffer.append(quality.text)
        buffer.append(0x22)
        if let calibration {
            buffer.append(",\"calibration\":")
            buffer.append(integer: Int64(calibration))
        }
        if let sequence {
            buffer.append(",\"seq\":")
            buffer.append(integer: Int64(clamping: sequence))
        }
        if isRetained { buffer.append(",\"retained\":true") }
        buffer.append(0x7D)
    }

    /// Says of the event that was closed last that it is in the log already.
    public mutating func markDuplicate() {
        buffer.truncate(to: buffer.count - 1)
        buffer.append(",\"duplicate\":true}")
    }

    @inline(__always)
    private mutating func open(_ section: Section, nameFragment: UnsafeRawBufferPointer) {
        if openSection == section {
            buffer.append(0x2C)
        } else {
            closeSection()
            buffer.append(section.opening)
            openSection = section
        }
        buffer.append(nameFragment)
    }

    @inline(__always)
    private mutating func closeSection() {
        guard openSection != nil else { return }
        buffer.append(0x7D)
        openSection = nil
    }
}
