// The command `rules`: the engine of the daemon, offline.
import Appliance
import ArgumentParser
import Foundation
import HTTPAPI

struct RulesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rules",
        abstract: "What is wrong with rules, what they find, and why.",
        subcommands: [Check.self, Test.self, Replay.self, Diff.self, Explain.self]
    )

    struct Replay: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Rules of a file over the log, or over a CSV file; no hook is called."
        )

        @Argument(help: "A file of rules: `rules:` with a list, or the list alone.", transform: given)
        var rules: String

        @Option(help: ArgumentHelp("Read this file, not the log.", valueName: "file"), transform: given)
        var csv: String?

        @Option(help: "The device whose readings the file holds.", transform: given)
        var device: String?

        @Option(help: "Their metric.", transform: given)
        var metric: String?

        @Option(help: ArgumentHelp("The column of their times.", valueName: "column"), transform: given)
        var timeColumn: String?

        @Option(help: ArgumentHelp("The column of their values.", valueName: "column"), transform: given)
        var valueColumn: String?

        @Option(
            help: ArgumentHelp("A label of the device; may be repeated.", valueName: "name=value"),
            transform: given
        )
        var label: [String] = []

        @Option(help: ArgumentHelp("Of times without one; UTC by default.", valueName: "zone"), transform: given)
        var timeZone: String?

        @OptionGroup var start: LogStartOption
        @OptionGroup var output: OutputOption
        @OptionGroup var data: DataOption

        func run() async throws {
            let draws = output.format == .table
            let replay = try RulesReplay(rules: rules)
            guard let csv else {
                let (found, skipped) = try replay.overLog(
                    data: try data.directory(),
                    from: try start.time(),
                    draws: draws
                )
                if skipped > 0 { Console.error("forebay: \(skipped) records are damaged or gone, and were not seen") }
                return try print(found)
            }
            for rule in replay.absences {
                Console.error("forebay: rule \(rule) waits for silence, of which a file of rows knows nothing")
            }
            let (found, report) = try replay.over(try series(csv), draws: draws)
            if let first = report.firstSkipped {
                Console.error("forebay: \(report.skipped) of \(report.rows) rows were left out; the first: \(first)")
            }
            try print(found)
        }

        private func series(_ path: String) throws -> CSVSeries {
            guard let device, let metric, let timeColumn, let valueColumn else {
                throw ValidationError("--csv wants --device, --metric, --time-column and --value-column, too.")
            }
            let labels = try label.map { text in
                let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
                guard parts.count == 2, !parts[0].isEmpty else {
                    throw ValidationError("--label takes name=value, not `\(text)`.")
                }
                return (name: parts[0], value: parts[1])
            }
            return CSVSeries(
                path: path,
                device: device,
                metric: metric,
                timeColumn: timeColumn,
                valueColumn: valueColumn,
                labels: labels,
                timeZone: timeZone ?? "UTC"
            )
        }

        private func print(_ found: RulesReplay.Findings) throws {
            var pictures = found.pictures.makeIterator()
            let drawn = found.pictures.isEmpty ? [] : ["SERIES"]
            try output.print(
                found.firings,
                headings: ["FIRED", "RESOLVED", "SECONDS", "ALERT", "SEVERITY", "DEVICE", "METRIC", "PEAK", "SAMPLES"]
                    + drawn
            ) { firing in
                func text(_ key: String) -> String { firing[key]?.plainText ?? "" }
                let cells = [
                    text("fired_at"), text("resolved_at"), text("duration_s"), text("alert"), text("severity"),
                    text("device"), text("metric"), text("peak"), text("samples"),
                ]
                return drawn.isEmpty ? cells : cells + [pictures.next() ?? ""]
            }
        }

        func validate() throws {
            guard csv == nil else {
                if start.from != nil { throw ValidationError("--from is for the log, not for --csv.") }
                return
            }
            let given = [device, metric, timeColumn, valueColumn, timeZone].contains { $0 != nil } || !label.isEmpty
            if given { throw ValidationError("--device, --metric, --time-column and the like are for --csv.") }
        }
    }
}
