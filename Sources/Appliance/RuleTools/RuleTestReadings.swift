// The series of a test as one stream, in the order in which a box would have received their readings.
internal import EventModel
internal import Platform

/// Where the readings of one series come from, one after the other.
private protocol ReadingSource: AnyObject {
    /// nil at the end.
    func next() throws(CommandFailure) -> SeriesReading?
    /// Where the series begins although it may be silent there; nil: with its first reading.
    var start: Timestamp? { get }
    /// What was left out so far, in words.
    var omission: String? { get }
}

/// Series merged by time; of readings of one instant, those of the series that was written first come first.
final class RuleTestReadings {
    private struct Cursor {
        let series: RuleTestSeries
        let key: Int
        let source: any ReadingSource
        let writer: EventWriter
        var next: SeriesReading?
        /// When the next one is received: a time that goes back is received late.
        var received: Timestamp
    }

    private var cursors: [Cursor] = []
    /// Device and metric of each key.
    private(set) var keys: [(device: String, metric: String)] = []
    /// The first instant: where the earliest series begins.
    private(set) var start = Timestamp.testStart

    init(_ series: [RuleTestSeries]) throws(CommandFailure) {
        for one in series {
            let known = keys.firstIndex { $0.device == one.device && $0.metric == one.metric }
            if known == nil { keys.append((one.device, one.metric)) }
            let source: any ReadingSource =
                switch one.readings {
                case .pattern(let pattern, let start, let every): PatternSource(pattern, start: start, every: every)
                case .file(let file): FileSource(try CSVReadings(file))
                }
            let first = try source.next()
            cursors.append(
                Cursor(
                    series: one,
                    key: known ?? keys.count - 1,
                    source: source,
                    writer: EventWriter(one),
                    next: first,
                    received: first?.time ?? .testStart
                )
            )
        }
        start = cursors.compactMap { $0.source.start ?? $0.next?.time }.min() ?? .testStart
    }

    /// What was left out of the series' files, in words.
    var omissions: [String] { cursors.compactMap(\.source.omission) }

    /// When the next reading is received, and the place of its series; nil at the end.
    var next: (received: Timestamp, place: ConfigurationPlace)? {
        earliest.map { (cursors[$0].received, cursors[$0].series.place) }
    }

    /// Takes the next reading away. `body` sees it as an event, as people are shown it, and which key it is of. Only where
    /// there is a next one.
    func take(_ body: (RawSpan, RuleTestResult.Reading, _ key: Int) -> Void) throws(CommandFailure) {
        guard let index = earliest, let reading = cursors[index].next else { return }
        cursors[index].writer.write(reading, received: cursors[index].received) {
            body($0, cursors[index].series.shown(reading), cursors[index].key)
        }
        let next = try cursors[index].source.next()
        cursors[index].next = next
        if let next { cursors[index].received = max(cursors[index].received, next.time) }
    }

    private var earliest: Int? {
        var earliest: Int?
        for (index, cursor) in cursors.enumerated() where cursor.next != nil {
            if let known = earliest, cursors[known].received <= cursor.received { continue }
            earliest = index
        }
        return earliest
    }
}

/// The events of one series.
private final class EventWriter {
    private var event: SeriesEvent

    init(_ series: RuleTestSeries) {
        event = SeriesEvent(
            device: series.device,
            metric: series.metric,
            unit: series.unit,
            labels: series.labels,
            states: series.states
        )
    }

    func write(_ reading: SeriesReading, received: Timestamp, _ body: (RawSpan) -> Void) {
        event.write(reading, received: received, body)
    }
}

private final class PatternSource: ReadingSource {
    let start: Timestamp?
    private let pattern: ValuePattern
    private let every: Duration
    private var time: Timestamp
    private var run = 0
    /// Steps of that run that are over.
    private var step: Int64 = 0

    init(_ pattern: ValuePattern, start: Timestamp, every: Duration) {
        self.pattern = pattern
        self.start = start
        self.every = every
        time = start
    }

    var omission: String? { nil }

    func next() -> SeriesReading? {
        while run < pattern.runs.count {
            let current = pattern.runs[run]
            guard step < current.count else {
                run += 1
                step = 0
                continue
            }
            let (value, at) = (current.value(step), time)
            step += 1
            time = time.advanced(by: every)
            if let value { return SeriesReading(time: at, value: value) }
        }
        return nil
    }
}

private final class FileSource: ReadingSource {
    private var readings: CSVReadings

    init(_ readings: consuming CSVReadings) {
        self.readings = readings
    }

    var start: Timestamp? { nil }

    var omission: String? {
        let report = readings.report
        return report.firstSkipped.map { "\(report.skipped) of \(report.rows) rows were left out; the first: \($0)" }
    }

    func next() throws(CommandFailure) -> SeriesReading? { try readings.next() }
}
