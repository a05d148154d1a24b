// A disk that fails on the cursors of hooks where a test says: the real one behind a wrapper.
import Glibc
import Platform
import Synchronization

final class FailingCursorDisk: Disk {
    struct Plan: Sendable {
        var failsOpening = false
        /// Syncs of cursors that still succeed; nil is no limit.
        var syncsLeft: Int?
        /// The planted bug: the failure of a sync is reported as success.
        var hidesFailedSyncs = false
        /// What failed so far.
        var failures = 0
    }

    let plan = Mutex(Plan())
    private let real = PosixDisk()

    /// Everything succeeds from now on.
    func heal() {
        plan.withLock { plan in
            plan.failsOpening = false
            plan.syncsLeft = nil
        }
    }

    var failures: Int { plan.withLock { $0.failures } }

    func open(_ path: String, _ mode: OpenMode) throws(DiskError) -> any DiskFile {
        guard path.contains("/cursors/") else { return try real.open(path, mode) }
        let fails = plan.withLock { plan in
            if plan.failsOpening { plan.failures += 1 }
            return plan.failsOpening
        }
        if fails { throw DiskError(operation: .open, path: path, errno: EIO) }
        return FailingCursorFile(real: try real.open(path, mode), disk: self)
    }

    func list(_ directory: String) throws(DiskError) -> [String] { try real.list(directory) }
    func createDirectory(_ path: String) throws(DiskError) { try real.createDirectory(path) }
    func rename(_ from: String, to: String) throws(DiskError) { try real.rename(from, to: to) }
    func remove(_ path: String) throws(DiskError) { try real.remove(path) }
    func syncDirectory(_ directory: String) throws(DiskError) { try real.syncDirectory(directory) }
    func exists(_ path: String) throws(DiskError) -> Bool { try real.exists(path) }
    func space(at path: String) throws(DiskError) -> DiskSpace { try real.space(at: path) }

    fileprivate func sync(_ path: String) throws(DiskError) {
        let fails = plan.withLock { plan in
            guard let left = plan.syncsLeft else { return false }
            plan.syncsLeft = max(0, left - 1)
            if left == 0 { plan.failures += 1 }
            return left == 0 && !plan.hidesFailedSyncs
        }
        if fails { throw DiskError(operation: .sync, path: path, errno: EIO) }
    }
}

private final class FailingCursorFile: DiskFile {
    private let real: any DiskFile
    private let disk: FailingCursorDisk
    var path: String { real.path }

    init(real: any DiskFile, disk: FailingCursorDisk) {
        self.real = real
        self.disk = disk
    }

    func size() throws(DiskError) -> Int64 { try real.size() }

    func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int64) throws(DiskError) -> Int {
        try real.read(into: buffer, at: position)
    }

    func write(_ buffers: [UnsafeRawBufferPointer], at position: Int64) throws(DiskError) {
        try real.write(buffers, at: position)
    }

    func sync() throws(DiskError) {
        try disk.sync(path)
        try real.sync()
    }

    func truncate(to size: Int64) throws(DiskError) { try real.truncate(to: size) }
}
