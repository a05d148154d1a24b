// The commands `alerts` and `hooks`: what the rules found, and whether it can be delivered.
import Appliance
import ArgumentParser
import Foundation
import HTTPAPI

struct AlertsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alerts",
        abstract: "What the rules found, and what was done about it.",
        subcommands: [List.self, History.self, Show.self, Acknowledge.self, SilenceAlerts.self, Unsilence.self]
    )

    /// One record of topic `alerts`.
    struct Transition: Decodable {
        var offset: Int64
        var value: JSONDocument

        subscript(key: String) -> String { value[key]?.text ?? "" }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Alerts that are firing, and those that wait for their time to fire; or silences."
        )

        @Flag(help: "Lists silences instead.")
        var silences = false

        @OptionGroup var output: OutputOption
        @OptionGroup var data: DataOption

        func run() async throws {
            if silences {
                let silences = try await data.withBox { try await $0.silences() }
                return try AlertsCommand.print(silences: silences, output)
            }
            let alerts = try await data.withBox { try await $0.alerts() }
            try AlertsCommand.print(alerts, output, withOperations: true)
        }
    }

    struct History: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Every firing and resolving, oldest first.")

        @Option(help: "Where to begin: earliest, an offset, or a time.", transform: given)
        var from: String?

        @Option(help: ArgumentHelp("Only devices that match.", valueName: "glob"), transform: given)
        var device: String?

        @Option(help: ArgumentHelp("The newest so many.", valueName: "n"))
        var max = 100

        @OptionGroup var output: OutputOption
        @OptionGroup var data: DataOption

        func run() async throws {
            var start: HTTPAPI.RecordPosition?
            if let from {
                guard let position = HTTPAPI.RecordPosition(from) else {
                    throw ValidationError("--from takes earliest, an offset, or a time such as 2026-11-23T19:10:00Z.")
                }
                start = position
            }
            let query = RecordQuery(topic: "alerts", from: start, device: device, count: start == nil ? max : nil)
            var newest: [Transition] = []
            try await AlertsCommand.transitions(data, query) { transition in
                newest.append(transition)
                if newest.count >= 2 * APILimits.lastRecordsMax { newest.removeFirst(newest.count - max) }
            }
            try AlertsCommand.print(newest.suffix(max).map(\.value), output)
        }

        func validate() throws {
            guard (1...APILimits.lastRecordsMax).contains(max) else {
                throw ValidationError("--max is from 1 to \(APILimits.lastRecordsMax).")
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "One alert: its newest transition, in full.")

        @Argument(help: "The fingerprint, or its beginning.", transform: given)
        var fingerprint: String

        @OptionGroup var output: OutputOption
        @OptionGroup var data: DataOption

        func run() async throws {
            var matching: [String: Transition] = [:]
            try await AlertsCommand.transitions(data, RecordQuery(topic: "alerts", from: .earliest)) { transition in
                let found = transition["fingerprint"]
                if found.hasPrefix(fingerprint) { matching[found] = transition }
            }
            guard let newest = matching.values.first else {
                throw CommandFailure(
                    ExitStatus.noInput,
                    "no alert has the fingerprint \(fingerprint)",
                    hint: "forebay alerts history shows them"
                )
            }
            guard matching.count == 1 else {
                throw CommandFailure(ExitStatus.usage, "\(fingerprint) begins several fingerprints; give more of it")
            }
            let text = try JSONText.pretty(newest.value)
            try output.print(newest.value) { text }
        }
    }

    static func transitions(_ data: DataOption, _ query: RecordQuery, _ body: (Transition) -> Void) async throws {
        try await data.withBox { box in
            try await box.records(query) { line in
                if let transition = try? JSONDecoder().decode(Transition.self, from: line) { body(transition) }
                return true
            }
        }
    }

    /// `withOperations`: of alerts that stand, with what was done about them.
    static func print(_ alerts: [JSONDocument], _ output: OutputOption, withOperations: Bool = false) throws {
        let done = withOperations ? ["ACKNOWLEDGED BY", "SILENCED BY"] : []
        try output.print(
            alerts,
            headings: ["AT", "STATE", "SEVERITY", "ALERT", "DEVICE", "METRIC", "VALUE", "FINGERPRINT"] + done
        ) { value in
            func text(_ key: String) -> String { value[key]?.text ?? "" }
            let number = value["value"]?.plainText ?? ""
            let unit = value["unit"]?.text.map { " \($0)" } ?? ""
            return [
                text("at"), text("state"), text("severity"), text("alert"), text("device"), text("metric"),
                number + unit,
                text("fingerprint"),
            ] + (withOperations ? [text("acknowledged_by"), text("silenced_by")] : [])
        }
    }
}

struct HooksCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hooks",
        abstract: "Where alerts are delivered.",
        subcommands: [Test.self, DeadLetters.self]
    )

    struct DeadLetters: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "dead-letters",
            abstract: "What could not be delivered; or sends it again.",
            discussion: "With --resend it exits 1 where something is left, and needs a running daemon."
        )

        @Argument(help: "The hook's name.", transform: given)
        var name: String

        @Flag(help: "Tries each once more, oldest first; what gets through is no dead letter any more.")
        var resend = false

        @OptionGroup var output: OutputOption
        @OptionGroup var data: DataOption

        func run() async throws {
            guard !resend else { return try await sendAgain() }
            let document = try await data.withBox { try await $0.deadLetters(name) }
            try output.print(document.letters, headings: ["AT", "STATUS", "ALERTS", "ERROR", "DELIVERY"]) { letter in
                var alerts: [String] = []
                if case .array(let edges)? = letter["alerts"] {
                    alerts = edges.map { edge in
                        ["alert", "state", "device"].compactMap { edge[$0]?.text }.joined(separator: " ")
                    }
                }
                return [
                    letter["at"]?.text ?? "", letter["status"]?.plainText ?? "", alerts.joined(separator: ", "),
                    letter["error"]?.text ?? "", letter["key"]?.text ?? "",
                ]
            }
        }

        private func sendAgain() async throws {
            let outcome = try await data.withBox { try await $0.resendDeadLetters(name) }
            try output.print(outcome) {
                let rest = outcome.left == 0 ? "" : ", \(outcome.left) left: \(outcome.error ?? "no reason given")"
                return "\(outcome.hook): \(outcome.delivered) delivered\(rest)"
            }
            guard outcome.left == 0 else { throw ExitCode(ExitStatus.failed) }
        }
    }

    struct Test: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Sends one alert, marked as a test, and says how it went.",
            discussion: "Exits 1 where it was not delivered."
        )

        @Argument(help: "The hook's name.", transform: given)
        var name: String

        @OptionGroup var output: OutputOption
        @OptionGroup var data: DataOption

        func run() async throws {
            let outcome = try await data.withBox { try await $0.testHook(name) }
            try output.print(outcome) {
                let status = outcome.status.map { ", status \($0)" } ?? ""
                let took = String(format: "%.1f ms", outcome.latencyMilliseconds)
                return outcome.delivered
                    ? "\(outcome.hook): delivered in \(took)\(status)"
                    : "\(outcome.hook): not delivered after \(took)\(status): \(outcome.error ?? "no reason given")"
            }
            guard outcome.delivered else { throw ExitCode(ExitStatus.failed) }
        }
    }
}
