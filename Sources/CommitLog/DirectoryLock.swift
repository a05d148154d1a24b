// One process per data directory.
internal import Platform

/// Holds `<data>/lock` for as long as it lives; the kernel releases it when the process ends, however it ends.
package final class DirectoryLock: Sendable {
    private let lock: FileLock

    /// Whether the directory lies on a file system that is mounted read-only.
    package var isReadOnly: Bool { lock.isReadOnly }

    /// Throws `locked`, naming the process that holds it, or `disk` (which the message names) where the file cannot be
    /// made.
    package init(dataDirectory: String) throws(LogError) {
        let path = DirectoryLock.path(in: dataDirectory)
        do {
            lock = try FileLock(path: path)
        } catch {
            throw DirectoryLock.error(error, path: path)
        }
    }

    /// The error that `init` would throw because another process holds the lock; nil where none does.
    package static func holder(dataDirectory: String) -> LogError? {
        let path = path(in: dataDirectory)
        return FileLock.holder(of: path).map { error($0, path: path) }
    }

    private static func path(in dataDirectory: String) -> String { dataDirectory + "/lock" }

    private static func error(_ failure: FileLock.Failure, path: String) -> LogError {
        switch failure {
        case .held(let processID):
            let who = processID.map { "process \($0)" } ?? "another process"
            return LogError(.locked, "\(who) uses this data directory", path: path)
        case .disk(let error):
            return LogError(error)
        }
    }
}
