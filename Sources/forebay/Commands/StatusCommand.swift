// The command `status`: how the box is, and what to type next.
import Appliance
import ArgumentParser
import Foundation
import HTTPAPI

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Inputs, devices, alerts, hooks, clock and disk of the running daemon.",
        discussion:
            "--exit-code as Nagios has it: 0 well, 1 degraded, 2 an alert of severity critical or not serving, 3 unknown."
    )

    @Flag(help: "Again every two seconds.")
    var watch = false

    @Flag(help: "Say it with the exit code.")
    var exitCode = false

    @OptionGroup var output: OutputOption
    @OptionGroup var data: DataOption

    func run() async throws {
        repeat {
            let status: StatusDocument
            do {
                status = try await data.withBox { try await $0.status() }
            } catch let error where exitCode {
                Console.line("UNKNOWN: \((error as? CommandFailure)?.message ?? "\(error)")")
                throw ExitCode(StatusCommand.unknown)
            }
            if watch, Console.isTerminal { Console.line("\u{1B}[H\u{1B}[2J") }
            try output.print(status) { StatusText(status).text }
            if exitCode { throw ExitCode(StatusCommand.severity(status)) }
            if watch { try await Task.sleep(for: .seconds(2)) }
        } while watch
    }

    private static let unknown: Int32 = 3

    private static func severity(_ status: StatusDocument) -> Int32 {
        let isCritical = status.alerts.firing.contains { $0["severity"]?.text == "critical" }
        if isCritical || status.state == .stopping || status.state == .starting { return 2 }
        return status.state == .ok && status.alerts.firing.isEmpty ? 0 : 1
    }
}
