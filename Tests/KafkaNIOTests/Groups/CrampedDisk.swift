// A disk that has no room for what consumers commit while a test says so: the real one behind a wrapper.
import Platform
import Synchronization

final class CrampedDisk: Disk {
    let isFull = Atomic(false)
    private let real = PosixDisk()

    func open(_ path: String, _ mode: OpenMode) throws(DiskError) -> any DiskFile {
        let file = try real.open(path, mode)
        return path.contains("/__consumer_offsets-") ? CrampedFile(file, self) : file
    }

    func list(_ directory: String) throws(DiskError) -> [String] { try real.list(directory) }
    func createDirectory(_ path: String) throws(DiskError) { try real.createDirectory(path) }
    func rename(_ from: String, to: String) throws(DiskError) { try real.rename(from, to: to) }
    func remove(_ path: String) throws(DiskError) { try real.remove(path) }
    func syncDirectory(_ directory: String) throws(DiskError) { try real.syncDirectory(directory) }
    func exists(_ path: String) throws(DiskError) -> Bool { try real.exists(path) }
    func space(at path: String) throws(DiskError) -> DiskSpace { try real.space(at: path) }
}

private final class CrampedFile: DiskFile {
    private let real: any DiskFile
    private let disk: CrampedDisk
    var path: String { real.path }

    init(_ real: any DiskFile, _ disk: CrampedDisk) {
        self.real = real
        self.disk = disk
    }

    private func requireRoom() throws(DiskError) {
        if disk.isFull.load(ordering: .relaxed) { throw DiskError.noSpace(.write, path) }
    }

    func size() throws(DiskError) -> Int64 { try real.size() }

    func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int64) throws(DiskError) -> Int {
        try real.read(into: buffer, at: position)
    }

    func write(_ buffers: [UnsafeRawBufferPointer], at position: Int64) throws(DiskError) {
        try requireRoom()
        try real.write(buffers, at: position)
    }

    func sync() throws(DiskError) { try real.sync() }
    func truncate(to size: Int64) throws(DiskError) { try real.truncate(to: size) }

    func allocate(to size: Int64) throws(DiskError) {
        try requireRoom()
        try real.allocate(to: size)
    }
}
