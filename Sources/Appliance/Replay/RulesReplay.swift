// `forebay rules replay`: rules of a file over the log or over a CSV file; no hook is called.
internal import Alerting
internal import CommitLog
internal import Foundation
package import HTTPAPI
package import Platform
internal import Rules

/// What a file's rules would have found. Each firing is a document with the keys of CONTRACT's `rules replay`.
package struct RulesReplay: Sendable {
    /// What was found, in the order in which it fired.
    package struct Findings: Sendable {
        package var firings: [JSONDocument]
        /// The series around the first of them, where they were asked for.
        package var pictures: [String] = []
    }

    private let rules: RuleSet

    /// - Throws: 66 where there is no such file, 78 with every problem as `file:line:column: message` where the rules are
    ///   wrong.
    package init(rules path: String) throws(CommandFailure) {
        rules = try RulesReplay.rules(of: path)
    }

    /// The rules of a file, as `init` has them.
    static func rules(of path: String) throws(CommandFailure) -> RuleSet {
        switch ConfigurationLoader().examineRules(paths: [path]) {
        case .failure: throw CommandFailure(ExitStatus.noInput, "there is no file of rules \(path)")
        case .success(let loaded):
            guard loaded.isValid, let rules = try? RuleSet(loaded.configuration.rules) else {
                let lines = loaded.problems.filter { $0.severity == .error }.map(\.description)
                throw CommandFailure(ExitStatus.configuration, lines.joined(separator: "\n"))
            }
            return rules
        }
    }

    /// Over the log of a data directory, whether a daemon runs or not; from the box's time `start` on, or from the log's
    /// beginning. Also how many records could not be read.
    ///
    /// `draws`: pictures are wanted, for which the log is read once more.
    package func overLog(
        data: String,
        from start: Timestamp?,
        draws: Bool
    ) throws(CommandFailure) -> (found: Findings, skipped: UInt64) {
        try RecordedLog.read(data) { (log: CommitLog) throws(LogError) -> (found: Findings, skipped: UInt64) in
            let result = try RuleReplay.run(rules, over: log, from: start, seed: randomSeed())
            let pictures = draws ? try FiringPictures.over(log, from: start, result.firings) : []
            return (RulesReplay.findings(result.firings, pictures), result.skipped)
        }
    }

    /// Rules that wait for silence, of which a CSV file knows nothing.
    package var absences: [String] {
        rules.rules.map(\.definition).filter { $0.levels.contains { $0.condition.isAbsence } }.map(\.alert)
    }

    /// Over a CSV file, whose rows are the only clock. `draws`: as of `overLog`.
    package func over(
        _ series: CSVSeries,
        draws: Bool
    ) throws(CommandFailure) -> (found: Findings, report: CSVSeries.Report) {
        var replay = RuleReplay(rules, seed: randomSeed())
        var readings = try CSVReadings(series)
        var event = SeriesEvent(device: series.device, metric: series.metric, labels: series.labels)
        while let reading = try readings.next() {
            // Every time and number makes an event.
            _ = event.write(reading, received: reading.time) { replay.observe($0) }
        }
        let firings = replay.firings()
        let pictures = draws && !firings.isEmpty ? try RulesReplay.pictures(of: firings, series) : []
        return (RulesReplay.findings(firings, pictures), readings.report)
    }

    private static func pictures(of firings: [Firing], _ series: CSVSeries) throws(CommandFailure) -> [String] {
        let pictures = FiringPictures(firings)
        var readings = try CSVReadings(series)
        while let reading = try readings.next() {
            pictures.take(device: series.device, metric: series.metric, time: reading.time, value: reading.value)
        }
        return pictures.texts
    }

    private static func findings(_ firings: [Firing], _ pictures: [String]) -> Findings {
        let documents = firings.compactMap { firing in
            (try? JSONEncoder().encode(firing)).flatMap { AlertingParts.document(Array($0)) }
        }
        return Findings(firings: documents, pictures: pictures)
    }
}
