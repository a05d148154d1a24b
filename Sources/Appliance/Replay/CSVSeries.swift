// One column of a CSV file as the readings of one metric of one device.
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
}

/// One reading of a series.
struct SeriesReading: BitwiseCopyable {
    var time: Timestamp
    var value: Double
}

/// One pass over the rows of a series, in the order of the file: a time that repeats or goes back is data.
struct CSVReadings: ~Copyable {
    private let series: CSVSeries
    private let zone: LocalTime
    private var file: CSVFile
    private let columns: (time: Int, value: Int)
    private(set) var report = CSVSeries.Report()

    /// - Throws: 64 where there is no such time zone, 66 where the file cannot be read or has no such column.
    init(_ series: CSVSeries) throws(CommandFailure) {
        let now = Double(SystemClock().now().milliseconds) / 1000
        guard let zone = LocalTime(timeZone: series.timeZone, now: now) else {
            throw CommandFailure(
                ExitStatus.usage,
                "there is no time zone \(series.timeZone)",
                hint: "such as Europe/Berlin"
            )
        }
        let file = try CSVReadings.open(series)
        columns = try CSVReadings.columns(series, file.texts)
        self.series = series
        self.zone = zone
        self.file = file
    }

    /// The file, with its first row read.
    private static func open(_ series: CSVSeries) throws(CommandFailure) -> CSVFile {
        do throws(CSVFile.Failure) {
            var file = try CSVFile(path: series.path)
            _ = try file.next()
            return file
        } catch {
            throw failure(error, series)
        }
    }

    /// The next row with a time and a number; nil at the end.
    mutating func next() throws(CommandFailure) -> SeriesReading? {
        do throws(CSVFile.Failure) {
            while try file.next() {
                report.rows += 1
                let time = time()
                let value = value()
                if let time, let value { return SeriesReading(time: time, value: value) }
                report.skipped += 1
                let what =
                    time == nil ? "no time in column \(series.timeColumn)" : "no number in column \(series.valueColumn)"
                if report.firstSkipped == nil { report.firstSkipped = "\(series.path):\(file.line): \(what)" }
            }
            return nil
        } catch {
            throw CSVReadings.failure(error, series)
        }
    }

    private static func failure(_ failure: CSVFile.Failure, _ series: CSVSeries) -> CommandFailure {
        switch failure {
        case .unreadable(let what): CommandFailure(ExitStatus.noInput, "cannot read \(what)")
        case .rowTooLong(let line):
            CommandFailure(
                ExitStatus.noInput,
                "\(series.path):\(line): a row of over 1 MiB; is there a quote that does not close?"
            )
        }
    }

    private static func columns(
        _ series: CSVSeries,
        _ names: [String]
    ) throws(CommandFailure) -> (time: Int, value: Int) {
        let names = names.map { $0.trimmingCharacters(in: .whitespaces) }
        func column(_ name: String) throws(CommandFailure) -> Int {
            if let index = names.firstIndex(of: name) { return index }
            throw CommandFailure(
                ExitStatus.noInput,
                "\(series.path) has no column `\(name)`\(NearestName.hint(for: name, among: names))",
                hint: "its first row names: \(names.prefix(50).joined(separator: ", "))"
            )
        }
        return (try column(series.timeColumn), try column(series.valueColumn))
    }

    private func time() -> Timestamp? {
        guard let range = file.trimmed(columns.time),
            let parsed = TimestampText.parse(file.row.span.bytes, start: range.lowerBound, count: range.count)
        else { return nil }
        let instant = parsed.hasZone ? parsed.milliseconds : zone.instant(local: parsed.milliseconds)
        return instant.map(Timestamp.init(milliseconds:))
    }

    private func value() -> Double? {
        guard let range = file.trimmed(columns.value) else { return nil }
        return DecimalText.plainNumber(file.row.span.bytes, start: range.lowerBound, count: range.count)?.value
    }
}
