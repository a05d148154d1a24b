// The disk seam: the few file operations that the log, the cursors and the snapshots are built on.

/// A failed file operation: what was tried, on which path, and the kernel's errno.
package struct DiskError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Operation: String, Sendable {
        case open, read, write, sync, truncate, allocate, rename, remove, list, createDirectory = "mkdir", status, lock
    }

    package var operation: Operation
    package var path: String
    package var errno: Int32

    package init(operation: Operation, path: String, errno: Int32) {
        self.operation = operation
        self.path = path
        self.errno = errno
    }

    package var description: String {
        "\(operation.rawValue) \(path): \(systemErrorText(errno)) (errno \(errno))"
    }
}

package enum OpenMode: Sendable {
    case read
    /// Reading and writing; the file must exist.
    case update
    /// Reading and writing; the file must not exist yet. Its name is durable only after `syncDirectory`.
    case create
}

/// What a file system says of itself, in bytes.
package struct DiskSpace: Hashable, Sendable {
    package var total: Int64
    /// Available to an unprivileged process (`f_bavail`).
    package var free: Int64

    package init(total: Int64, free: Int64) {
        self.total = total
        self.free = free
    }
}

/// A file system as Forebay uses it. Paths are absolute. Every call may block; none retries.
///
/// An existential is called at most a few times per batch, never per reading.
package protocol Disk: Sendable {
    func open(_ path: String, _ mode: OpenMode) throws(DiskError) -> any DiskFile
    /// Names in a directory, without `.` and `..`, in no order.
    func list(_ directory: String) throws(DiskError) -> [String]
    /// Creates one directory (mode 0750); succeeds where it is there already. Durable after `syncDirectory` of its
    /// parent.
    func createDirectory(_ path: String) throws(DiskError)
    func rename(_ from: String, to: String) throws(DiskError)
    /// Removes a file, or a directory that is empty.
    func remove(_ path: String) throws(DiskError)
    /// Makes creations, renames and removals inside `directory` durable.
    func syncDirectory(_ directory: String) throws(DiskError)
    func exists(_ path: String) throws(DiskError) -> Bool
    func space(at path: String) throws(DiskError) -> DiskSpace
}

/// An open file. One owner writes; reads may come from any thread. Closed when the last reference goes.
package protocol DiskFile: AnyObject, Sendable {
    var path: String { get }
    /// Length in bytes.
    func size() throws(DiskError) -> Int64
    /// Reads up to `buffer.count` bytes from `position`; fewer only at the end of the file.
    func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int64) throws(DiskError) -> Int
    /// Writes all of `buffers`, one after the other, from `position`: one vectored call where the kernel takes it
    /// whole. On return the bytes are in the page cache, not durable.
    func write(_ buffers: [UnsafeRawBufferPointer], at position: Int64) throws(DiskError)
    /// `fdatasync`: on return all that was written is durable. A failure must be treated as final: never retried.
    func sync() throws(DiskError)
    func truncate(to size: Int64) throws(DiskError)
    /// Makes the file at least `size` bytes long with space that is really its own; what is added reads as zeros. Not
    /// durable before `sync`. After an error the file may have any length up to `size`.
    func allocate(to size: Int64) throws(DiskError)
    /// Makes what was written durable and lets go of cached pages, so that later reads show what the device holds. A
    /// sync that failed in an earlier process leaves pages that read well and were never stored.
    func refresh() throws(DiskError)
}

extension DiskFile {
    /// Enough where nothing is cached.
    package func refresh() throws(DiskError) { try sync() }

    /// Writes the zeros, for disks that have no better way.
    package func allocate(to size: Int64) throws(DiskError) {
        let zeros = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
        defer { zeros.deallocate() }
        zeros.initializeMemory(as: UInt8.self, repeating: 0)
        var at = try self.size()
        while at < size {
            let part = UnsafeRawBufferPointer(rebasing: zeros[..<min(zeros.count, Int(clamping: size - at))])
            try write([part], at: at)
            at += Int64(part.count)
        }
    }
}
