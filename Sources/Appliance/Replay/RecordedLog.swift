// The log of a data directory for commands that only read it, whether a daemon runs or not.
internal import CommitLog
internal import Foundation
internal import Platform

enum RecordedLog {
    /// Opens the log of `data`, lets `body` read it, and says what went wrong with its exit code.
    static func read<Value>(
        _ data: String,
        _ body: (CommitLog) throws(LogError) -> Value
    ) throws(CommandFailure) -> Value {
        try AccessCheck.require(data, R_OK | X_OK)
        do throws(LogError) {
            let log = try CommitLog.open(
                LogConfiguration(directory: data, topics: [:]),
                disk: PosixDisk(),
                clock: SystemClock(),
                access: .readOnly
            )
            guard !log.recoveryReport.isEmpty else {
                throw LogError(.closed, "there is no log in \(data)")
            }
            return try body(log)
        } catch {
            throw CommandFailure(error.code == .closed ? ExitStatus.noInput : ExitStatus.inputOutput, "\(error)")
        }
    }
}
