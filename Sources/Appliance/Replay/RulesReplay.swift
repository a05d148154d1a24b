// `forebay rules replay`: rules of a file over the log or over a CSV file; no hook is called.
internal import Alerting
internal import CommitLog
internal import Foundation
package import HTTPAPI
package import Platform
internal import Rules

/// What a file's rules would have found. Each firing is a document with the keys of CONTRACT's `rules replay`.
package struct RulesReplay: Sendable {
    private let rules: RuleSet

    /// - Throws: 66 where there is no such file, 78 with every problem as `file:line:column: message` where the rules are
    ///   wrong.
    package init(rules path: String) throws(CommandFailure) {
        switch ConfigurationLoader().examineRules(paths: [path]) {
        case .failure(let failure): throw CommandFailure(ExitStatus.noInput, failure.description)
        case .success(let loaded):
            guard loaded.isValid, let rules = try? RuleSet(loaded.configuration.rules) else {
                let lines = loaded.problems.filter { $0.severity == .error }.map(\.description)
                throw CommandFailure(ExitStatus.configuration, lines.joined(separator: "\n"))
            }
            self.rules = rules
        }
    }

    /// Over the log of a data directory, whether a daemon runs or not; from the box's time `start` on, or from the log's
    /// beginning. Also how many records could not be read.
    package func overLog(
        data: String,
        from start: Timestamp?
    ) throws(CommandFailure) -> (firings: [JSONDocument], skipped: UInt64) {
        try AccessCheck.require(data, R_OK | X_OK)
        do throws(LogError) {
            let log = try CommitLog.open(
                LogConfiguration(directory: data, topics: [:]),
                disk: PosixDisk(),
                clock: SystemClock(),
                access: .readOnly
            )
            guard !log.recoveryReport.isEmpty else {
                throw LogError(.closed, "there is no log in \(data)")
            }
            let result = try RuleReplay.run(rules, over: log, from: start, seed: randomSeed())
            return (RulesReplay.documents(result.firings), result.skipped)
        } catch {
            throw CommandFailure(error.code == .closed ? ExitStatus.noInput : ExitStatus.inputOutput, "\(error)")
        }
    }

    /// Rules that wait for silence, of which a CSV file knows nothing.
    package var absences: [String] {
        rules.rules.map(\.definition).filter { $0.levels.contains { $0.condition.isAbsence } }.map(\.alert)
    }

    /// Over a CSV file, whose rows are the only clock.
    package func over(_ series: CSVSeries) throws(CommandFailure) -> (firings: [JSONDocument], report: CSVSeries.Report)
    {
        var replay = RuleReplay(rules, seed: randomSeed())
        let report = try series.feed(&replay)
        return (RulesReplay.documents(replay.firings()), report)
    }

    private static func documents(_ firings: [Firing]) -> [JSONDocument] {
        firings.compactMap { firing in
            (try? JSONEncoder().encode(firing)).flatMap { AlertingParts.document(Array($0)) }
        }
    }
}
