// A program that the demo starts, watches and ends.
internal import Foundation
internal import Platform

/// One child process; its output goes to a file.
final class ChildProcess: Sendable {
    let name: String
    private let process: Process

    /// Starts `executable`; standard output and standard error go to `log`.
    init(_ name: String, executable: String, arguments: [String], log: URL) throws {
        self.name = name
        try Data().write(to: log)
        let output = try FileHandle(forWritingTo: log)
        process = Process()
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = output
        try withNoSignalBlocked { try process.run() }
    }

    var isRunning: Bool { process.isRunning }

    var processIdentifier: Int32 { process.processIdentifier }

    /// Asks the process to end, and after `patience` makes it.
    func stop(patience: Duration = .seconds(10)) async {
        guard process.isRunning else { return }
        process.terminate()
        let clock = SystemClock()
        let deadline = clock.monotonic().advanced(by: patience)
        while process.isRunning, clock.monotonic() < deadline {
            try? await Task.sleep(for: .milliseconds(20))
        }
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
    }
}

/// Where a program lies.
enum ProgramLookup {
    /// The first of `directories` and `PATH` that holds an executable of this name; nil where none does.
    static func path(of program: String, in directories: [String] = []) -> String? {
        let search = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
        return (directories + search + ["/usr/sbin", "/usr/local/sbin"])
            .map { "\($0)/\(program)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }
}
