// The file system of the machine, through POSIX calls.
internal import Glibc

/// The real `Disk`. Stateless; any thread.
package struct PosixDisk: Disk {
    package init() {}

    /// `open` with `O_CLOEXEC`; new files get mode 0640. `EISDIR` for a directory, `ENXIO` for what else is no file: opening
    /// a pipe does not wait for its other end.
    package func open(_ path: String, _ mode: OpenMode) throws(DiskError) -> any DiskFile {
        let flags =
            switch mode {
            case .read: O_RDONLY
            case .update: O_RDWR
            case .create: O_RDWR | O_CREAT | O_EXCL
            }
        let descriptor = retryingInterrupted { Glibc.open(path, flags | O_CLOEXEC | O_NONBLOCK, 0o640) }
        guard descriptor >= 0 else { throw DiskError(operation: .open, path: path, errno: errno) }
        let file = PosixFile(descriptor: descriptor, path: path)
        let type = try file.status().st_mode & S_IFMT
        guard type == S_IFREG else {
            throw DiskError(operation: .open, path: path, errno: type == S_IFDIR ? EISDIR : ENXIO)
        }
        return file
    }

    /// `readdir`, in the order of the file system.
    package func list(_ directory: String) throws(DiskError) -> [String] {
        guard let stream = opendir(directory) else {
            throw DiskError(operation: .list, path: directory, errno: errno)
        }
        defer { closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                let code = errno
                guard code == 0 else { throw DiskError(operation: .list, path: directory, errno: code) }
                return names
            }
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
    }

    /// `mkdir` with mode 0750.
    package func createDirectory(_ path: String) throws(DiskError) {
        guard mkdir(path, 0o750) != 0 else { return }
        let code = errno
        var status = stat()
        if code == EEXIST, stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { return }
        throw DiskError(operation: .createDirectory, path: path, errno: code)
    }

    /// `rename`: replaces what is there, atomically.
    package func rename(_ from: String, to: String) throws(DiskError) {
        guard Glibc.rename(from, to) == 0 else { throw DiskError(operation: .rename, path: from, errno: errno) }
    }

    /// `unlink`, and `rmdir` for a directory.
    package func remove(_ path: String) throws(DiskError) {
        if unlink(path) == 0 { return }
        if errno == EISDIR, rmdir(path) == 0 { return }
        throw DiskError(operation: .remove, path: path, errno: errno)
    }

    /// `fsync` of the directory.
    package func syncDirectory(_ directory: String) throws(DiskError) {
        let descriptor = retryingInterrupted { Glibc.open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard descriptor >= 0 else { throw DiskError(operation: .sync, path: directory, errno: errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw DiskError(operation: .sync, path: directory, errno: errno) }
    }

    /// `stat`; a path through something that is no directory does not exist.
    package func exists(_ path: String) throws(DiskError) -> Bool {
        var status = stat()
        if stat(path, &status) == 0 { return true }
        let code = errno
        if code == ENOENT || code == ENOTDIR { return false }
        throw DiskError(operation: .status, path: path, errno: code)
    }

    /// `statvfs`.
    package func space(at path: String) throws(DiskError) -> DiskSpace {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { throw DiskError(operation: .status, path: path, errno: errno) }
        let block = UInt64(status.f_frsize)
        return DiskSpace(
            total: Int64(clamping: UInt64(status.f_blocks).multipliedReportingOverflow(by: block).partialValue),
            free: Int64(clamping: UInt64(status.f_bavail).multipliedReportingOverflow(by: block).partialValue)
        )
    }
}

/// An open descriptor; closed by `deinit`. Positioned calls only, so threads share no file offset.
final class PosixFile: DiskFile {
    let path: String
    let descriptor: Int32

    init(descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit {
        close(descriptor)
    }

    func size() throws(DiskError) -> Int64 { Int64(try status().st_size) }

    fileprivate func status() throws(DiskError) -> stat {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure(.status) }
        return status
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int64) throws(DiskError) -> Int {
        var filled = 0
        while filled < buffer.count, let base = buffer.baseAddress {
            let count = retryingInterrupted {
                pread(descriptor, base + filled, buffer.count - filled, off_t(position) + off_t(filled))
            }
            guard count >= 0 else { throw failure(.read) }
            if count == 0 { break }
            filled += count
        }
        return filled
    }

    /// `IOV_MAX` of Linux: the most buffers that one vectored call takes.
    private static let vectorsMax = 1024

    func write(_ buffers: [UnsafeRawBufferPointer], at position: Int64) throws(DiskError) {
        var at = position
        var index = 0
        while index < buffers.count {
            let end = min(buffers.count, index + PosixFile.vectorsMax)
            at += try writeGroup(buffers[index..<end], at: at)
            index = end
        }
    }

    /// Writes at most `vectorsMax` buffers whole, continuing after short writes; returns how many bytes they hold.
    private func writeGroup(_ group: ArraySlice<UnsafeRawBufferPointer>, at position: Int64) throws(DiskError) -> Int64
    {
        let total = group.reduce(0) { $0 + $1.count }
        let code: Int32 = withUnsafeTemporaryAllocation(of: iovec.self, capacity: group.count) { vectors in
            for (slot, buffer) in group.enumerated() {
                let base = UnsafeMutableRawPointer(mutating: buffer.baseAddress)
                vectors.initializeElement(at: slot, to: iovec(iov_base: base, iov_len: buffer.count))
            }
            var first = 0
            var written = 0
            while written < total, let base = vectors.baseAddress {
                var count = retryingInterrupted {
                    pwritev(descriptor, base + first, Int32(group.count - first), off_t(position) + off_t(written))
                }
                // A call that takes nothing makes no progress: only a full disk explains it.
                guard count != 0 else { return ENOSPC }
                guard count > 0 else { return errno }
                written += count
                while first < group.count, count >= vectors[first].iov_len {
                    count -= vectors[first].iov_len
                    first += 1
                }
                if count > 0 {
                    vectors[first].iov_base = vectors[first].iov_base.map { $0 + count }
                    vectors[first].iov_len -= count
                }
            }
            return 0
        }
        guard code == 0 else { throw DiskError(operation: .write, path: path, errno: code) }
        return Int64(total)
    }

    func sync() throws(DiskError) {
        guard fdatasync(descriptor) == 0 else { throw failure(.sync) }
    }

    func refresh() throws(DiskError) {
        try sync()
        // Advice: the kernel drops clean pages, and a page that a failed sync left behind is clean.
        _ = posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
    }

    func truncate(to size: Int64) throws(DiskError) {
        let result = retryingInterrupted { Int(ftruncate(descriptor, off_t(size))) }
        guard result == 0 else { throw failure(.truncate) }
    }

    /// `posix_fallocate`, which writes where the file system cannot allocate.
    func allocate(to size: Int64) throws(DiskError) {
        var code = posix_fallocate(descriptor, 0, off_t(size))
        while code == EINTR { code = posix_fallocate(descriptor, 0, off_t(size)) }
        guard code == 0 else { throw DiskError(operation: .allocate, path: path, errno: code) }
    }

    private func failure(_ operation: DiskError.Operation) -> DiskError {
        DiskError(operation: operation, path: path, errno: errno)
    }
}

/// Repeats a call that a signal interrupted (EINTR): the one error after which nothing was done.
func retryingInterrupted<Result: SignedInteger>(_ call: () -> Result) -> Result {
    while true {
        let result = call()
        if result != -1 || errno != EINTR { return result }
    }
}
