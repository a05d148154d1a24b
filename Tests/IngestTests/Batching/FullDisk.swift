// A disk that has no room for readings while a test says so: the real one behind a wrapper.
import Platform
import Synchronization

final class FullDisk: Disk {
    private let real = PosixDisk()
    private let full = Atomic<Bool>(false)

    var isFull: Bool {
        get { full.load(ordering: .relaxed) }
        set { full.store(newValue, ordering: .relaxed) }
    }

    func open(_ path: String, _ mode: OpenMode) throws(DiskError) -> any DiskFile {
        FullFile(real: try real.open(path, mode), disk: self)
    }

    func list(_ directory: String) throws(DiskError) -> [String] { try real.list(directory) }
    func createDirectory(_ path: String) throws(DiskError) { try real.createDirectory(path) }
    func rename(_ from: String, to: String) throws(DiskError) { try real.rename(from, to: to) }
    func remove(_ path: String) throws(DiskError) { try real.remove(path) }
    func syncDirectory(_ directory: String) throws(DiskError) { try real.syncDirectory(directory) }
    func exists(_ path: String) throws(DiskError) -> Bool { try real.exists(path) }
    func space(at path: String) throws(DiskError) -> DiskSpace { try real.space(at: path) }
}

private final class FullFile: DiskFile {
    private let real: any DiskFile
    private let disk: FullDisk

    init(real: any DiskFile, disk: FullDisk) {
        self.real = real
        self.disk = disk
    }

    var path: String { real.path }

    func write(_ buffers: [UnsafeRawBufferPointer], at position: Int64) throws(DiskError) {
        if disk.isFull, path.contains("/readings-") { throw .noSpace(.write, path) }
        try real.write(buffers, at: position)
    }

    func size() throws(DiskError) -> Int64 { try real.size() }
    func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int64) throws(DiskError) -> Int {
        try real.read(into: buffer, at: position)
    }
    func sync() throws(DiskError) { try real.sync() }
    func truncate(to size: Int64) throws(DiskError) { try real.truncate(to: size) }
}
