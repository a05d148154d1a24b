// The command `explain`: what a payload would meet.
import Appliance
import ArgumentParser
import Foundation

struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract:
            "Which device, metrics, units, labels, partition, rules and hooks a payload would meet, without running it.",
        discussion: "Exits 1 where a part of the payload would be rejected."
    )

    @Argument(help: "The input's name.", transform: given)
    var input: String

    @Argument(help: "The payload; - reads standard input. One that begins with - stands behind --.")
    var payload: String

    @Option(help: "The topic of an MQTT message.", transform: given)
    var topic: String?

    @OptionGroup var output: OutputOption
    @OptionGroup var data: DataOption

    func run() async throws {
        var configuration = try data.configuration.load().configuration
        if data.data != nil { configuration.data = try data.directory() }
        let bytes = payload == "-" ? Array(FileHandle.standardInput.readDataToEndOfFile()) : Array(payload.utf8)
        let explanation = try PayloadExplanation(configuration, input: input, payload: bytes, topic: topic)
        try output.print(explanation) { text(explanation, bytes) }
        guard explanation.rejects.isEmpty else { throw ExitCode(ExitStatus.failed) }
    }

    private func text(_ explanation: PayloadExplanation, _ payload: [UInt8]) -> String {
        let recognised = explanation.recognised.map { ", recognised as \($0)" } ?? ""
        var lines = ["input \(explanation.input) (\(explanation.type)), format \(explanation.format)\(recognised)"]
        for event in explanation.events {
            lines.append("  stored  \(event.value)")
            lines.append(
                "          partition \(event.partition), device \(event.known ? "known" : "new to the registry")"
            )
            lines.append("          rules: \(event.rules.isEmpty ? "none" : event.rules.joined(separator: ", "))")
            if !event.rules.isEmpty {
                lines.append("          hooks: \(event.hooks.isEmpty ? "none" : event.hooks.joined(separator: ", "))")
            }
        }
        for reject in explanation.rejects {
            lines.append("  rejected: \(reject.reason) at byte \(reject.position) of \(payload.count)")
        }
        return lines.map(Table.printable).joined(separator: "\n")
    }
}
