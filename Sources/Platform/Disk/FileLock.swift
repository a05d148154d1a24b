// An exclusive lock on a file that names its holder by process id; the kernel releases it when the process ends.
internal import Glibc

/// Holds `flock` on a file for as long as it lives. The file is kept: removing it would let two holders pass.
package final class FileLock: Sendable {
    /// Why the lock was not taken.
    package enum Failure: Error, Sendable {
        /// Another process holds it; its id where the file says so.
        case held(processID: Int32?)
        case disk(DiskError)
    }

    /// A command that asks who holds the lock (`holder`) has it for a moment itself; a daemon that starts just then tries
    /// again for about 100 ms instead of giving up.
    private static let attemptsMax = 20
    private static let attemptInterval = Duration.milliseconds(5)

    private let file: PosixFile
    /// Whether the file system does not take the holder's id: it is mounted read-only.
    package let isReadOnly: Bool

    package var path: String { file.path }

    /// Takes the lock, waiting no longer than a probe holds it, and writes this process's id into the file. On a file system
    /// that is mounted read-only it takes the lock of a file that is there.
    package init(path: String) throws(Failure) {
        var descriptor = retryingInterrupted { open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0o640) }
        let refusal = errno
        isReadOnly = descriptor < 0 && refusal == EROFS
        if isReadOnly { descriptor = retryingInterrupted { open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) } }
        guard descriptor >= 0 else { throw .disk(DiskError(operation: .open, path: path, errno: refusal)) }
        file = PosixFile(descriptor: descriptor, path: path)
        let code = FileLock.take(descriptor)
        guard code == 0 else {
            if code == EWOULDBLOCK { throw .held(processID: FileLock.processID(in: descriptor, path: path)) }
            throw .disk(DiskError(operation: .lock, path: path, errno: code))
        }
        guard !isReadOnly else { return }
        do throws(DiskError) {
            try file.truncate(to: 0)
            try file.write(Array("\(getpid())\n".utf8), at: 0)
        } catch {
            throw .disk(error)
        }
    }

    /// 0, or the errno of the last attempt.
    private static func take(_ descriptor: Int32) -> Int32 {
        var attempt = 1
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            let code = errno
            guard code == EWOULDBLOCK, attempt < attemptsMax else { return code }
            attempt += 1
            pauseThread(for: attemptInterval)
        }
        return 0
    }

    /// Whether some process holds the lock at `path`, and which; nil where nobody does or there is no such file.
    package static func holder(of path: String) -> Failure? {
        let descriptor = retryingInterrupted { open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
        guard descriptor >= 0 else {
            return errno == ENOENT ? nil : .disk(DiskError(operation: .open, path: path, errno: errno))
        }
        defer { close(descriptor) }
        if flock(descriptor, LOCK_SH | LOCK_NB) == 0 { return nil }
        return .held(processID: processID(in: descriptor, path: path))
    }

    /// nil also where a holder could not write its own: on a file system that is mounted read-only.
    private static func processID(in descriptor: Int32, path: String) -> Int32? {
        if access(path, W_OK) != 0, errno == EROFS { return nil }
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        guard count > 0 else { return nil }
        let digits = bytes.prefix(count).prefix { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
        return Int32(String(decoding: digits, as: UTF8.self))
    }
}
