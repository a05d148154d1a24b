// Disks with a bug: what the log would be if it had the bug itself. The simulation must turn red with each of them.
import Platform

/// A mistake that the line does not make. `disk` ones are made by `PlantedDisk`, the last one by the consumer.
enum PlantedBug: String, CaseIterable, Sendable {
    /// A sync that returns at once.
    case acknowledgeBeforeSync
    /// Names are never made durable.
    case noDirectorySync
    /// A failed sync is asked again, and says yes.
    case retryOfFailedSync
    /// A consumer that stores its place, and then delivers.
    case cursorBeforeEffect
}

struct PlantedDisk: Disk {
    let disk: SimulatedDisk
    let bug: PlantedBug

    func open(_ path: String, _ mode: OpenMode) throws(DiskError) -> any DiskFile {
        PlantedFile(file: try disk.open(path, mode), bug: bug)
    }

    func syncDirectory(_ directory: String) throws(DiskError) {
        if bug != .noDirectorySync { try disk.syncDirectory(directory) }
    }

    func list(_ directory: String) throws(DiskError) -> [String] { try disk.list(directory) }
    func createDirectory(_ path: String) throws(DiskError) { try disk.createDirectory(path) }
    func rename(_ from: String, to: String) throws(DiskError) { try disk.rename(from, to: to) }
    func remove(_ path: String) throws(DiskError) { try disk.remove(path) }
    func exists(_ path: String) throws(DiskError) -> Bool { try disk.exists(path) }
    func space(at path: String) throws(DiskError) -> DiskSpace { try disk.space(at: path) }
}

private final class PlantedFile: DiskFile {
    private let file: any DiskFile
    private let bug: PlantedBug

    init(file: any DiskFile, bug: PlantedBug) {
        self.file = file
        self.bug = bug
    }

    var path: String { file.path }

    func sync() throws(DiskError) {
        if bug == .acknowledgeBeforeSync { return }
        do { try file.sync() } catch {
            guard bug == .retryOfFailedSync else { throw error }
            try file.sync()
        }
    }

    func size() throws(DiskError) -> Int64 { try file.size() }
    func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int64) throws(DiskError) -> Int {
        try file.read(into: buffer, at: position)
    }
    func write(_ buffers: [UnsafeRawBufferPointer], at position: Int64) throws(DiskError) {
        try file.write(buffers, at: position)
    }
    func truncate(to size: Int64) throws(DiskError) { try file.truncate(to: size) }
    func refresh() throws(DiskError) { try file.refresh() }
}
