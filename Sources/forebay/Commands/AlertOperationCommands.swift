// The commands `alerts ack`, `silence` and `unsilence`: what somebody does about alerts, under a name.
import Appliance
import ArgumentParser
import EventModel
import Foundation
import HTTPAPI

/// Who does it.
struct AuthorOption: ParsableArguments {
    @Option(help: ArgumentHelp("Who does it; else the user who types.", valueName: "name"), transform: given)
    var author: String?

    var name: String {
        let typed = ProcessInfo.processInfo.environment["SUDO_USER"].flatMap { $0.isEmpty ? nil : $0 }
        return author ?? typed ?? NSUserName()
    }
}

extension AlertsCommand {
    struct Acknowledge: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ack",
            abstract: "Says that somebody looks after firing alerts: they are not repeated and not escalated.",
            discussion: "Until they resolve. Needs a running daemon."
        )

        @Argument(help: "Fingerprints, or their beginnings.", transform: given)
        var fingerprints: [String]

        @Option(help: "What is being done.", transform: given)
        var comment: String?

        @OptionGroup var author: AuthorOption
        @OptionGroup var output: OutputOption
        @OptionGroup var data: DataOption

        func run() async throws {
            let request = AcknowledgementRequest(fingerprints: fingerprints, author: author.name, comment: comment)
            let made = try await data.withBox { try await $0.acknowledge(request) }
            try output.print(made, headings: ["ALERT", "DEVICE", "METRIC", "FINGERPRINT", "ACKNOWLEDGED BY"]) {
                record in
                ["alert", "device", "metric", "id", "author"].map { record[$0]?.text ?? "" }
            }
        }
    }

    struct SilenceAlerts: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "silence",
            abstract: "Holds back what hooks would be told of alerts that match, for a time.",
            discussion: """
                All that is given must match; patterns are globs. What still fires when the silence ends is told then. Needs a \
                running daemon. Example: forebay alerts silence --device 'freezer-*' --for 2h --comment defrosting
                """
        )

        @Option(help: ArgumentHelp("Name of the rule.", valueName: "glob"), transform: given) var alert: String?
        @Option(help: ArgumentHelp("The device.", valueName: "glob"), transform: given) var device: String?
        @Option(help: ArgumentHelp("The metric.", valueName: "glob"), transform: given) var metric: String?
        @Option(help: ArgumentHelp("The severity.", valueName: "glob"), transform: given) var severity: String?
        @Option(help: ArgumentHelp("A label of the alert.", valueName: "key=glob")) var label: [String] = []
        @Option(name: .customLong("for"), help: ArgumentHelp("How long, e.g. 2h.", valueName: "duration"))
        var duration: DurationArgument?
        @Option(help: ArgumentHelp("Until when, e.g. 2026-11-24T06:00:00Z.", valueName: "time"), transform: given)
        var until: String?
        @Option(help: "Why.", transform: given) var comment: String?

        @OptionGroup var author: AuthorOption
        @OptionGroup var output: OutputOption
        @OptionGroup var data: DataOption

        func validate() throws {
            guard (duration == nil) != (until == nil) else { throw ValidationError("Give one of --for and --until.") }
            guard !(try matchers().isEmpty) else {
                throw ValidationError("Give at least one of --alert, --device, --metric, --severity and --label.")
            }
            _ = try end()
        }

        func run() async throws {
            let request = SilenceRequest(
                matchers: try matchers(),
                endsAt: try end(),
                forMilliseconds: duration.map { $0.duration.components.seconds * 1000 },
                author: author.name,
                comment: comment
            )
            let silence = try await data.withBox { try await $0.silence(request) }
            try output.print(silence) {
                "silence \(silence["id"]?.text ?? "") until \(silence["ends_at"]?.text ?? "")"
            }
        }

        private func matchers() throws -> AlertMatchers {
            var matchers = AlertMatchers(alert: alert, device: device, metric: metric, severity: severity)
            for pair in label {
                guard let equals = pair.firstIndex(of: "="), equals > pair.startIndex else {
                    throw ValidationError("--label takes KEY=GLOB.")
                }
                matchers.labels[String(pair[..<equals])] = String(pair[pair.index(after: equals)...])
            }
            return matchers
        }

        private func end() throws -> JSONTimestamp? {
            guard let until else { return nil }
            guard let time = try? JSONDecoder().decode(JSONTimestamp.self, from: JSONEncoder().encode(until)) else {
                throw ValidationError("--until takes a time with its zone, such as 2026-11-24T06:00:00Z.")
            }
            return time
        }
    }

    struct Unsilence: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Ends silences before their time.",
            discussion: "Needs a running daemon."
        )

        @Argument(help: "Ids of silences, as `alerts list --silences` shows them.", transform: given)
        var ids: [String]

        @OptionGroup var author: AuthorOption
        @OptionGroup var output: OutputOption
        @OptionGroup var data: DataOption

        func run() async throws {
            let request = SilenceEndRequest(ids: ids, author: author.name)
            let ended = try await data.withBox { try await $0.endSilences(request) }
            try AlertsCommand.print(silences: ended, output)
        }
    }

    static func print(silences: [JSONDocument], _ output: OutputOption) throws {
        try output.print(silences, headings: ["ID", "STATE", "UNTIL", "BY", "MATCHERS", "COMMENT"]) { silence in
            func text(_ key: String) -> String { silence[key]?.text ?? "" }
            let matchers = silence["matchers"].map { $0.plainText } ?? ""
            return [text("id"), text("state"), text("ends_at"), text("author"), matchers, text("comment")]
        }
    }
}
