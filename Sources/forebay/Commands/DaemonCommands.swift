// The commands `run`, `demo`, `check` and `reload`: the daemon and its configuration.
import Appliance
import ArgumentParser
import Foundation
import HTTPAPI

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "The daemon in the foreground.",
        discussion: "SIGTERM or SIGINT stops the inputs, commits what they took in, and exits 0; SIGHUP reloads."
    )

    @OptionGroup var configuration: ConfigurationOption

    func run() async throws {
        try await Daemon(try configuration.load()).run()
    }
}

struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Everything at once: a broker, the daemon, devices, a failing freezer, its alert and its webhook.",
        discussion: "Works in a fresh directory under /tmp and leaves nothing behind."
    )

    @Option(help: ArgumentHelp("The first of four ports to use; else free ones.", valueName: "n"))
    var portBase: UInt16?

    @Option(name: .customLong("for"), help: ArgumentHelp("How long, e.g. 30s or 2m.", valueName: "duration"))
    var duration = DurationArgument.minute

    @Option(help: ArgumentHelp("Use this directory, and keep it.", valueName: "dir"), transform: given)
    var keep: String?

    func validate() throws {
        if let portBase, !(1...65_531).contains(portBase) {
            throw ValidationError("--port-base: five ports begin at 1 to 65531, not at \(portBase)")
        }
    }

    func run() async throws {
        let demo: Demo
        do {
            demo = try Demo(portBase: portBase, duration: duration.duration, keep: keep) { line in
                (try? FileHandle.standardOutput.write(contentsOf: Data((line + "\n").utf8))) != nil
            }
        } catch let error as DemoError {
            throw CommandFailure(ExitStatus.unavailable, error.description)
        }
        do {
            guard try await demo.run() else {
                throw CommandFailure(
                    ExitStatus.failed,
                    "the demo ended without its alert having fired, been delivered and resolved"
                )
            }
        } catch let error as DemoError {
            throw CommandFailure(ExitStatus.failed, error.description)
        }
    }
}

extension DurationArgument {
    static let minute = DurationArgument(duration: .seconds(60))

    private init(duration: Duration) {
        self.duration = duration
    }

    var defaultValueDescription: String { "\(duration.components.seconds)s" }
}

struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Everything that is wrong with the configuration, and with what it needs from this machine.",
        discussion: "Exits 78 for the configuration, 1 for the environment only."
    )

    @OptionGroup var configuration: ConfigurationOption

    @Flag(help: "Leave the environment out: ports, directories, devices.")
    var offline = false

    func run() async throws {
        let loaded = try configuration.examine()
        for problem in loaded.problems { Console.line(problem.description) }
        let findings =
            offline
            ? [] : EnvironmentCheck(loaded, daemonIsRunning: BoxAccess.hasDaemon(loaded.configuration.data)).run()
        for finding in findings { Console.line(finding.description) }
        guard loaded.isValid else { throw ExitCode(ExitStatus.configuration) }
        guard findings.allSatisfy({ $0.severity != .error }) else { throw ExitCode(ExitStatus.failed) }
        let files = loaded.files.joined(separator: ", ")
        Console.line(
            "\(files): \(loaded.configuration.inputs.count) inputs, \(loaded.configuration.rules.count) rules, "
                + "\(loaded.configuration.hooks.count) hooks: ok"
        )
    }
}

struct ReloadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract: "Makes the running daemon load its configuration anew, waits, and prints what changed.",
        discussion: "A bad file: exit code 78, and the old configuration stays."
    )

    @OptionGroup var data: DataOption

    func run() async throws {
        let outcome = try await data.withBox { try await $0.reload() }
        guard outcome.applied else {
            for problem in outcome.problems {
                Console.error("\(problem.file):\(problem.line):\(problem.column): \(problem.message)")
            }
            throw CommandFailure(ExitStatus.configuration, "the configuration was not reloaded; the old one stays")
        }
        for change in outcome.changes { Console.line(change) }
        if outcome.changes.isEmpty { Console.line("no changes") }
    }
}
