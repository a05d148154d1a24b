// A disk on which nothing changes: every write is refused, and there is nothing to sync.
internal import Glibc

/// For a process that must leave a failing disk as it is and serve what it holds.
package struct ReadOnlyDisk: Disk {
    private let real: any Disk

    package init(_ real: any Disk) {
        self.real = real
    }

    package func open(_ path: String, _ mode: OpenMode) throws(DiskError) -> any DiskFile {
        if mode == .create { throw refusal(.open, path) }
        return ReadOnlyFile(try real.open(path, .read))
    }

    package func list(_ directory: String) throws(DiskError) -> [String] { try real.list(directory) }
    package func exists(_ path: String) throws(DiskError) -> Bool { try real.exists(path) }
    package func space(at path: String) throws(DiskError) -> DiskSpace { try real.space(at: path) }
    package func createDirectory(_ path: String) throws(DiskError) { throw refusal(.createDirectory, path) }
    package func rename(_ from: String, to: String) throws(DiskError) { throw refusal(.rename, from) }
    package func remove(_ path: String) throws(DiskError) { throw refusal(.remove, path) }
    package func syncDirectory(_ directory: String) throws(DiskError) {}
}

private final class ReadOnlyFile: DiskFile {
    private let real: any DiskFile
    var path: String { real.path }

    init(_ real: any DiskFile) {
        self.real = real
    }

    func size() throws(DiskError) -> Int64 { try real.size() }

    func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int64) throws(DiskError) -> Int {
        try real.read(into: buffer, at: position)
    }

    func write(_ buffers: [UnsafeRawBufferPointer], at position: Int64) throws(DiskError) {
        throw refusal(.write, path)
    }
    func truncate(to size: Int64) throws(DiskError) { throw refusal(.truncate, path) }
    func sync() throws(DiskError) {}
    func refresh() throws(DiskError) {}
}

private func refusal(_ operation: DiskError.Operation, _ path: String) -> DiskError {
    DiskError(operation: operation, path: path, errno: EROFS)
}
