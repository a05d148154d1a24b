// Why the daemon could not start or had to stop, with the exit code of CONTRACT section 1.

/// Exit codes of every command (sysexits.h).
package enum ExitStatus {
    package static let ok: Int32 = 0
    package static let failed: Int32 = 1
    package static let usage: Int32 = 64
    package static let noInput: Int32 = 66
    package static let unavailable: Int32 = 69
    package static let cannotCreate: Int32 = 73
    package static let inputOutput: Int32 = 74
    package static let permission: Int32 = 77
    package static let configuration: Int32 = 78
}

/// An error that ends a command: one sentence, what to type next, and the exit code.
package struct CommandFailure: Error, Sendable, CustomStringConvertible {
    package var status: Int32
    package var message: String
    package var hint: String?
    /// The disk failed a write, a sync or an opening; after a few of these the daemon starts without writing.
    package var isDeviceFailure = false

    package init(_ status: Int32, _ message: String, hint: String? = nil) {
        self.status = status
        self.message = message
        self.hint = hint
    }

    package var description: String {
        hint.map { "\(message)\n  \($0)" } ?? message
    }
}
