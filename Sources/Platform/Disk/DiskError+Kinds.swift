// The kinds of disk error that callers treat differently, so that nobody else names errno values.
internal import Glibc

extension DiskError {
    /// The file system, the quota or the reserved blocks ran out: a state that passes, not a defect.
    package var isNoSpace: Bool { errno == ENOSPC || errno == EDQUOT }

    /// The disk is full and nothing worse: the same may be tried again later. A failed sync never may, whatever its
    /// errno: it says nothing of what is on the disk.
    package var isRetriable: Bool { isNoSpace && operation != .sync }

    /// The mark of a device that fails: it did not take what was to be written, or cannot find what is to be opened or read.
    /// What the process may not do or has no descriptor or memory for is none.
    package var isDeviceFailure: Bool {
        switch operation {
        case .write, .sync, .truncate, .allocate, .rename, .remove, .createDirectory:
            !isRetriable && ![EACCES, EPERM, EMFILE, ENFILE, ENOMEM].contains(errno)
        case .open, .read, .list, .status: isMediumError
        case .lock: false
        }
    }

    /// The device cannot read what it holds: a bad sector, or a checksum of the file system that does not match.
    private var isMediumError: Bool { errno == EIO || errno == EUCLEAN || errno == EBADMSG }

    /// The file or directory does not exist.
    package var isNotFound: Bool { errno == ENOENT || errno == ENOTDIR }

    /// The directory holds something.
    package var isNotEmpty: Bool { errno == ENOTEMPTY || errno == EEXIST }

    /// Bytes of a file cannot be read.
    package var isUnreadable: Bool { operation == .read && isMediumError }

    /// A file cannot be opened, or looked for, because the device cannot read what describes it.
    package var isUnopenable: Bool { (operation == .open || operation == .status) && isMediumError }

    /// What stands at the path is no file: a directory, a pipe, a socket, a device.
    package var isNoFile: Bool {
        (operation == .open && (errno == EISDIR || errno == ENXIO)) || (operation == .remove && errno == EISDIR)
    }

    /// What is stored could not be opened or read.
    package var isReading: Bool { operation == .open || operation == .read }

    /// The process may not do this.
    package var isPermission: Bool { errno == EACCES || errno == EPERM || errno == EROFS }

    /// An invented failure for fault tests: `ENOSPC`.
    package static func noSpace(_ operation: Operation, _ path: String) -> DiskError {
        DiskError(operation: operation, path: path, errno: ENOSPC)
    }

    /// A failure of the device: `EIO`.
    package static func inputOutput(_ operation: Operation, _ path: String) -> DiskError {
        DiskError(operation: operation, path: path, errno: EIO)
    }
}
