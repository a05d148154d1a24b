// The commands `rules check`, `test`, `diff` and `explain`: work on rules before the daemon has them.
import Appliance
import ArgumentParser
import Foundation
import HTTPAPI
import Platform

extension RulesCommand {
    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "What is wrong with rules, and what they look for in vain.",
            discussion:
                "Exits 78 where the daemon would refuse the rules. Hooks and devices are those of the configuration, if there is one."
        )

        @Argument(help: "Files of rules; without one, the rules of the configuration.", transform: given)
        var files: [String] = []

        @OptionGroup var configuration: ConfigurationOption

        func run() async throws {
            let check = try RulesCheck(files: files, configuration: configuration.config)
            for problem in check.problems { Console.line(problem.description) }
            if check.isAlone {
                Console.error("forebay: there is no configuration: hooks and devices were not looked at")
            }
            guard check.isValid else { throw ExitCode(ExitStatus.configuration) }
            Console.line("\(check.files.joined(separator: ", ")): \(check.ruleCount) rules: ok")
        }
    }

    struct Test: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tests of rules: readings that a file makes up, and the alerts that must come of them.",
            discussion:
                "Exits 1 where a test failed, 78 where a file or its rules are wrong. See docs/rules-testing.md."
        )

        @Argument(help: "Files of tests.", transform: given)
        var files: [String]

        @Option(help: ArgumentHelp("Write the results as JUnit XML, too.", valueName: "file"), transform: given)
        var junit: String?

        @OptionGroup var output: OutputOption

        func run() async throws {
            let results = try RulesTest.run(files)
            for result in results {
                for omission in result.omissions { Console.error("forebay: \(result.test): \(omission)") }
            }
            if output.format == .table {
                for line in results.flatMap(\.lines) { Console.line(coloured(Table.printable(line))) }
                let failed = results.count { !$0.passed }
                Console.line("\(results.count) tests, \(failed) failed")
            } else {
                try output.print(results, headings: ["file", "line", "test", "passed", "expectations", "failures"]) {
                    [
                        $0.file, String($0.line), $0.test, String($0.passed), String($0.expectations),
                        String($0.failures.count),
                    ]
                }
            }
            if let junit { try RulesTest.writeJUnit(results, to: junit) }
            guard results.allSatisfy(\.passed) else { throw ExitCode(ExitStatus.failed) }
        }

        private func coloured(_ line: String) -> String {
            line.hasPrefix("FAIL") ? Console.red(line) : line.hasPrefix("ok") ? Console.green(line) : line
        }
    }

    struct Diff: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Which alerts a change of rules keeps, gains, loses and changes in what was recorded."
        )

        @Argument(help: "A file of rules.", transform: given)
        var old: String

        @Argument(help: "Another one.", transform: given)
        var new: String

        @OptionGroup var start: LogStartOption
        @OptionGroup var output: OutputOption
        @OptionGroup var data: DataOption

        func run() async throws {
            let diff = try RulesDiff(old: old, new: new)
            let (differences, skipped) = try diff.overLog(data: try data.directory(), from: try start.time())
            if skipped > 0 { Console.error("forebay: \(skipped) records are damaged or gone, and were not seen") }
            try output.print(
                differences,
                headings: [
                    "CHANGE", "ALERT", "DEVICE", "METRIC", "OLD SEVERITY", "OLD FIRED", "OLD RESOLVED", "NEW SEVERITY",
                    "NEW FIRED", "NEW RESOLVED",
                ]
            ) { difference in
                func text(_ key: String) -> String { difference[key]?.plainText ?? "" }
                let instants = ["old", "new"].flatMap { side in
                    ["severity", "fired_at", "resolved_at"].map { difference[side]?[$0]?.plainText ?? "" }
                }
                return [text("change"), text("alert"), text("device"), text("metric")] + instants
            }
        }
    }

    struct Explain: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Why an alert fires for a device at a time, or why it does not.",
            discussion: "Reads the log up to that time with the rules of the configuration, as the daemon has read it."
        )

        @Argument(help: "The alert's name.", transform: given)
        var alert: String

        @Option(help: "The device.", transform: given)
        var device: String

        @Option(help: "The metric; by default each one that the rule watches.", transform: given)
        var metric: String?

        @Option(
            help: ArgumentHelp("The box's time, such as 2026-11-23T19:10:00Z.", valueName: "time"),
            transform: given
        )
        var at: String

        @OptionGroup var output: OutputOption
        @OptionGroup var data: DataOption

        func run() async throws {
            var configuration = try data.configuration.load().configuration
            if data.data != nil { configuration.data = try data.directory() }
            let explanations = try RuleExplanation.all(
                configuration,
                alert: alert,
                device: device,
                metric: metric,
                at: try LogStartOption.time(at, of: "--at")
            )
            guard output.format == .table else {
                return try output.print(
                    explanations,
                    headings: ["alert", "device", "metric", "at", "state", "severity", "why"]
                ) {
                    [
                        $0.alert, $0.device, $0.metric ?? "", $0.at, $0.state, $0.severity ?? "",
                        $0.why.joined(separator: "; "),
                    ]
                }
            }
            for (index, explanation) in explanations.enumerated() {
                if index > 0 { Console.line("") }
                for line in explanation.lines { Console.line(Table.printable(line)) }
            }
        }
    }
}

/// Where in the log to begin.
struct LogStartOption: ParsableArguments {
    @Option(
        help: ArgumentHelp("Where in the log to begin; its start by default.", valueName: "time"),
        transform: given
    )
    var from: String?

    /// nil: at the log's start.
    func time() throws -> Timestamp? { try from.map { try LogStartOption.time($0, of: "--from") } }

    static func time(_ text: String, of option: String) throws -> Timestamp {
        guard case .time(let time)? = HTTPAPI.RecordPosition(text) else {
            throw ValidationError("\(option) takes a time such as 2026-11-23T19:10:00Z.")
        }
        return time
    }
}
