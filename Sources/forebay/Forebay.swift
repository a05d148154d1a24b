// The command line: one binary for the daemon and everything that is done with it.
import Appliance
import ArgumentParser
import Foundation

@main
struct Forebay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forebay",
        abstract:
            "Sensor readings over MQTT, UDP and serial lines into a durable, Kafka-format log, with rules and hooks.",
        version: ProductVersion.text,
        subcommands: [
            RunCommand.self, DemoCommand.self, CheckCommand.self, ReloadCommand.self, ExplainCommand.self,
            TailCommand.self, TopicsCommand.self, GroupsCommand.self, LogCommand.self, DevicesCommand.self,
            RulesCommand.self, AlertsCommand.self, StatusCommand.self, HooksCommand.self, UsersCommand.self,
            BackupCommand.self, RestoreCommand.self,
        ]
    )

    static func main() async {
        let arguments = Array(CommandLine.arguments.dropFirst())
        if let words = LaterCommands.match(arguments) {
            Console.error("forebay \(words): not in this version")
            Foundation.exit(ExitStatus.usage)
        }
        do {
            var command = try parseAsRoot(arguments)
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let failure as CommandFailure {
            Console.error("forebay: \(failure)")
            Foundation.exit(failure.status)
        } catch {
            exit(withError: error)
        }
    }
}

/// Commands of the contract that a later version brings: absent, and said so.
enum LaterCommands {
    private static let words: [[String]] = [
        ["redecode"],
        ["devices", "rename"], ["devices", "adopt"], ["devices", "calibrate"], ["devices", "import"],
        ["devices", "export"],
    ]

    /// The words of the command that is not there yet; nil where it is another one.
    static func match(_ arguments: [String]) -> String? {
        words.first { arguments.starts(with: $0) }?.joined(separator: " ")
    }
}
