// One column of a CSV file as the readings of one metric of one device.
internal import Alerting
internal import EventModel
internal import Foundation
internal import Ingest
internal import Platform

/// Which columns of which file are whose readings.
package struct CSVSeries: Sendable {
    package var path: String
    package var device: String
    package var metric: String
    /// Names of columns, as in the file's first row.
    package var timeColumn: String
    package var valueColumn: String
    package var labels: [(name: String, value: String)]
    /// Of times that name no zone: an identifier such as `Europe/Berlin`.
    package var timeZone: String

    package init(
        path: String,
        device: String,
        metric: String,
        timeColumn: String,
        valueColumn: String,
        labels: [(name: String, value: String)] = [],
        timeZone: String = "UTC"
    ) {
        self.path = path
        self.device = device
        self.metric = metric
        self.timeColumn = timeColumn
        self.valueColumn = valueColumn
        self.labels = labels
        self.timeZone = timeZone
    }

    /// What became of the rows.
    package struct Report: Hashable, Sendable {
        package var rows = 0
        /// Rows without a time or a number.
        package var skipped = 0
        /// The first of them, in words.
        package var firstSkipped: String?
    }

    /// Feeds each row to `replay`, in the order of the file: a time that repeats or goes back is data.
    func feed(_ replay: inout RuleReplay) throws(CommandFailure) -> Report {
        guard let zone = LocalTime(timeZone: timeZone, now: Double(SystemClock().now().milliseconds) / 1000) else {
            throw CommandFailure(ExitStatus.usage, "there is no time zone \(timeZone)", hint: "such as Europe/Berlin")
        }
        do throws(CSVFile.Failure) {
            var file = try CSVFile(path: path)
            let columns = try columns(try file.next() ?? []).get()
            var report = Report()
            var event = SeriesEvent(self)
            while let row = try file.next() {
                report.rows += 1
                let time = columns.time < row.count ? CSVSeries.time(row[columns.time], zone) : nil
                let value = columns.value < row.count ? CSVSeries.number(row[columns.value]) : nil
                if let time, let value, event.feed(time: time, value: value, to: &replay) { continue }
                report.skipped += 1
                let what =
                    time == nil
                    ? "no time in column \(timeColumn)"
                    : value == nil ? "no number in column \(valueColumn)" : "a time that no event can have"
                if report.firstSkipped == nil { report.firstSkipped = "\(path):\(file.line): \(what)" }
            }
            return report
        } catch {
            throw failure(error)
        }
    }

    private func failure(_ failure: CSVFile.Failure) -> CommandFailure {
        switch failure {
        case .unreadable(let what): CommandFailure(ExitStatus.noInput, "cannot read \(what)")
        case .rowTooLong(let line):
            CommandFailure(
                ExitStatus.noInput,
                "\(path):\(line): a row of over 1 MiB; is there a quote that does not close?"
            )
        case .noColumn(let name, let names):
            CommandFailure(
                ExitStatus.noInput,
                "\(path) has no column `\(name)`\(NearestName.hint(for: name, among: names))",
                hint: "its first row names: \(names.prefix(50).joined(separator: ", "))"
            )
        }
    }

    private func columns(_ names: [String]) -> Result<(time: Int, value: Int), CSVFile.Failure> {
        let trimmed = names.map { $0.trimmingCharacters(in: .whitespaces) }
        guard let time = trimmed.firstIndex(of: timeColumn) else { return .failure(.noColumn(timeColumn, trimmed)) }
        guard let value = trimmed.firstIndex(of: valueColumn) else { return .failure(.noColumn(valueColumn, trimmed)) }
        return .success((time, value))
    }

    private static func time(_ text: String, _ zone: LocalTime) -> Timestamp? {
        let bytes = Array(text.trimmingCharacters(in: .whitespaces).utf8)
        guard let parsed = TimestampText.parse(bytes.span.bytes, start: 0, count: bytes.count) else { return nil }
        let instant = parsed.hasZone ? parsed.milliseconds : zone.instant(local: parsed.milliseconds)
        return instant.map(Timestamp.init(milliseconds:))
    }

    private static func number(_ text: String) -> Double? {
        let bytes = Array(text.trimmingCharacters(in: .whitespaces).utf8)
        return DecimalText.plainNumber(bytes.span.bytes, start: 0, count: bytes.count)?.value
    }
}

/// Writes readings of one series as events, one after the other over the same bytes.
private struct SeriesEvent: ~Copyable {
    private var builder = ByteBuilder(capacity: 512)
    private var formatter = TimestampFormatter()
    private let head: [UInt8]
    private let middle: [UInt8]
    private let tail: [UInt8]

    init(_ series: CSVSeries) {
        func quoted(_ text: String) -> [UInt8] {
            var builder = ByteBuilder(capacity: 64)
            Array(text.utf8).withUnsafeBytes { builder.append(escaping: $0) }
            return [0x22] + Array(builder.bytes) + [0x22]
        }
        head = Array(#"{"device":"#.utf8) + quoted(series.device) + Array(#","time":""#.utf8)
        middle = Array(#"","clock":"device","readings":{"#.utf8) + quoted(series.metric) + [0x3A]
        let labels = series.labels.map { quoted($0.name) + [0x3A] + quoted($0.value) }.joined(separator: [0x2C])
        let map = series.labels.isEmpty ? [] : Array(#","labels":{"#.utf8) + Array(labels) + [0x7D]
        tail = [0x7D] + map + Array(#","quality":"good"}"#.utf8)
    }

    mutating func feed(time: Timestamp, value: Double, to replay: inout RuleReplay) -> Bool {
        builder.removeAll()
        append(head)
        builder.append(time, with: &formatter)
        builder.append(#"","received":""#)
        builder.append(time, with: &formatter)
        append(middle)
        builder.append(number: value)
        append(tail)
        return replay.observe(RawSpan(_unsafeBytes: builder.bytes))
    }

    private mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { builder.append($0) }
    }
}
