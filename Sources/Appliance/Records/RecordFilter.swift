// Which records a query is about.
internal import CommitLog
internal import EventModel
internal import HTTPAPI
internal import Platform

/// `--device`, `--metric` and the times of `--from` and `--to`, applied to one record.
///
/// The device of a record in `readings` is its key; elsewhere, and for the metric of an alert, it is the member of the
/// value. TIME is receive time: `received` of an event, else the record's own timestamp.
struct RecordFilter: ~Copyable {
    private let device: Glob?
    private let metric: String?
    private let since: Timestamp?
    private let until: Timestamp?
    private let isReadings: Bool
    private var event = StoredEvent()
    /// Whether a record of the time of `--to` or later came by.
    private(set) var hasSeenEnd = false

    init(_ query: RecordQuery) {
        device = query.device.map(Glob.init)
        metric = query.metric
        isReadings = query.topic == TopicName.readings.text
        if case .time(let time) = query.from { since = time } else { since = nil }
        if case .time(let time) = query.to { until = time } else { until = nil }
    }

    /// Whether no record needs to be looked into.
    var acceptsAll: Bool { device == nil && metric == nil && since == nil && until == nil }

    mutating func accepts(_ record: Record) -> Bool {
        if acceptsAll { return true }
        guard let value = record.value else { return false }
        let isEvent = isReadings && event.decode(value.bytes)
        let received = isEvent ? Timestamp(milliseconds: event.received) : record.timestamp
        if let until, received >= until {
            hasSeenEnd = true
            return false
        }
        if let since, received < since { return false }
        if let device, !matches(device, record, value) { return false }
        guard let metric else { return true }
        guard isEvent else { return TopLevelMember.text("metric", in: value).map { $0 == metric } ?? false }
        func isWanted(_ name: ByteSlice) -> Bool {
            JSONText.unescaped(value.bytes, start: name.start, count: name.count) == metric
        }
        return event.readings.contains { isWanted($0.metric) } || event.states.contains { isWanted($0.name) }
    }

    private func matches(_ glob: Glob, _ record: Record, _ value: UnsafeRawBufferPointer) -> Bool {
        if isReadings { return record.key.map { glob.matches($0) } ?? false }
        return TopLevelMember.text("device", in: value).map { glob.matches($0) } ?? false
    }
}

/// One string member of a JSON object, found without decoding the rest.
enum TopLevelMember {
    /// The text of `name`; nil where the value is no object, or has no such member, or it is no plain string.
    static func text(_ name: String, in value: UnsafeRawBufferPointer) -> String? {
        let bytes = value.bytes
        var scanner = JSONScanner()
        scanner.skipWhitespace(bytes)
        guard scanner.consume(0x7B, bytes) else { return nil }
        repeat {
            scanner.skipWhitespace(bytes)
            guard let key = scanner.string(bytes) else { return nil }
            scanner.skipWhitespace(bytes)
            guard scanner.consume(0x3A, bytes) else { return nil }
            scanner.skipWhitespace(bytes)
            if value[key.start..<key.start + key.count].elementsEqual(name.utf8) {
                guard let text = scanner.string(bytes), !text.hasEscapes else { return nil }
                return String(decoding: value[text.start..<text.start + text.count], as: UTF8.self)
            }
            guard scanner.skipValue(bytes) else { return nil }
            scanner.skipWhitespace(bytes)
        } while scanner.consume(0x2C, bytes)
        return nil
    }
}
