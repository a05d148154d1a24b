// Standard output and standard error, and what a command may do to a terminal.
import Appliance
import Foundation

enum Console {
    static let isTerminal = isatty(STDOUT_FILENO) == 1
    /// NO_COLOR is honoured (no-color.org).
    static let usesColour = isTerminal && (ProcessInfo.processInfo.environment["NO_COLOR"] ?? "").isEmpty

    /// One line on standard output.
    static func line(_ text: String) {
        write(Data((text + "\n").utf8))
    }

    /// Ends the process where that fails: quietly where nobody reads any more, else with 74.
    static func write(_ data: Data) {
        do {
            try FileHandle.standardOutput.write(contentsOf: data)
        } catch {
            let cause = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError ?? error as NSError
            if cause.domain == NSPOSIXErrorDomain, cause.code == Int(EPIPE) { exit(ExitStatus.ok) }
            Console.error("forebay: cannot write to standard output: \(String(cString: strerror(Int32(cause.code))))")
            exit(ExitStatus.inputOutput)
        }
    }

    static func error(_ text: String) {
        try? FileHandle.standardError.write(contentsOf: Data((text + "\n").utf8))
    }

    static func bold(_ text: String) -> String { usesColour ? "\u{1B}[1m\(text)\u{1B}[0m" : text }
    static func red(_ text: String) -> String { usesColour ? "\u{1B}[31m\(text)\u{1B}[0m" : text }
    static func green(_ text: String) -> String { usesColour ? "\u{1B}[32m\(text)\u{1B}[0m" : text }
    static func dim(_ text: String) -> String { usesColour ? "\u{1B}[2m\(text)\u{1B}[0m" : text }
}
