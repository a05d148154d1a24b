// The disk seam in memory: durable is what was synced, names included; everything else is for the power cut to decide.
import Platform

/// One seed's disk. It has one thread, which is also the only one that looks behind it.
final class SimulatedDisk: Disk, @unchecked Sendable {
    let space = SpaceMeter()
    var armed = ArmedFaults()
    private(set) var counts = FaultCounts()
    /// The power is off: every call fails until `restorePower`.
    private(set) var isDead = false
    /// Calls that change something, so far.
    private(set) var calls = 0
    /// A write or a new file has found no room.
    private(set) var wasFull = false
    /// A failed sync has left pages that the device never got, since the power was last off.
    private(set) var hasStaleCache = false
    fileprivate(set) var boot = 0
    fileprivate let trace: Trace
    fileprivate var dice: Dice
    private let root = SimulatedDirectory()
    /// Directories by path.
    private var directories: [String: SimulatedDirectory]

    /// A disk with one durable, empty directory.
    init(directory: String, dice: Dice, trace: Trace) {
        self.dice = dice
        self.trace = trace
        let first = SimulatedDirectory()
        root.change([(String(directory.dropFirst()), .directory(first))])
        root.sync()
        directories = ["": root, directory: first]
    }

    // MARK: For the scheduler

    func plan(_ fault: Fault) { counts.plan(fault) }
    func note(_ fault: Fault) { counts.inject(fault) }

    /// The crash: decides what of the unsynced is there when the power is back. Open files are dead.
    func cutPower() {
        isDead = true
        boot += 1
        hasStaleCache = false
        root.losePower(&dice, &counts)
        directories = ["": root]
        collect(root, path: "")
    }

    private func collect(_ directory: SimulatedDirectory, path: String) {
        for (name, node) in directory.names {
            guard case .directory(let below) = node else { continue }
            directories["\(path)/\(name)"] = below
            collect(below, path: "\(path)/\(name)")
        }
    }

    func restorePower() { isDead = false }

    /// Open files of a killed process are dead; what it wrote is there.
    func killProcess() { boot += 1 }

    /// Contents by path, below `directory`, in order.
    func files(below directory: String) -> [(path: String, contents: SimulatedContents)] {
        guard let found = directories[directory] else { return [] }
        var files: [(path: String, contents: SimulatedContents)] = []
        for (name, node) in found.names.sorted(by: { $0.key < $1.key }) {
            switch node {
            case .file(let contents): files.append(("\(directory)/\(name)", contents))
            case .directory: files += self.files(below: "\(directory)/\(name)")
            }
        }
        return files
    }

    /// The first call that finds no room is the fault.
    fileprivate func noteFull() {
        guard !wasFull else { return }
        wasFull = true
        counts.inject(.diskFull)
    }

    // MARK: Calls

    /// Counts a call that changes something, and the fault that strikes it, if any.
    fileprivate func begin(
        _ call: ArmedFaults.Call,
        _ operation: DiskError.Operation,
        _ path: String
    ) throws(DiskError) -> Fault? {
        guard !isDead else { throw .inputOutput(operation, path) }
        calls += 1
        guard let fault = armed.strike(call) else { return nil }
        trace.note("fault", fault.rawValue, calls)
        if fault == .powerCut { isDead = true } else { counts.inject(fault) }
        if fault == .syncErrorClean { hasStaleCache = true }
        return fault
    }

    private func change(_ operation: DiskError.Operation, _ path: String) throws(DiskError) {
        if try begin(.other, operation, path) != nil { throw .inputOutput(operation, path) }
    }

    private func look(_ operation: DiskError.Operation, _ path: String) throws(DiskError) {
        guard !isDead else { throw .inputOutput(operation, path) }
    }

    private func split(_ path: String) -> (directory: String, name: String) {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return ("", path) }
        return (String(path[..<slash]), String(path[path.utf8.index(after: slash)...]))
    }

    private func node(at path: String) -> SimulatedDirectory.Node? {
        let (directory, name) = split(path)
        return directories[directory]?.names[name]
    }

    private func parent(
        of path: String,
        _ operation: DiskError.Operation
    ) throws(DiskError) -> (
        directory: SimulatedDirectory, name: String
    ) {
        let (directory, name) = split(path)
        guard let found = directories[directory] else { throw .notFound(operation, path) }
        return (found, name)
    }

    // MARK: Disk

    func open(_ path: String, _ mode: OpenMode) throws(DiskError) -> any DiskFile {
        if mode != .create {
            try look(.open, path)
            guard case .file(let contents) = node(at: path) else { throw .notFound(.open, path) }
            return SimulatedFile(path: path, contents: contents, disk: self)
        }
        let (directory, name) = try parent(of: path, .open)
        guard directory.names[name] == nil else { throw DiskError(operation: .open, path: path, errno: 17) }
        try change(.open, path)
        guard space.free > 0 else {
            noteFull()
            throw .noSpace(.open, path)
        }
        let contents = SimulatedContents(meter: space)
        directory.change([(name, .file(contents))])
        return SimulatedFile(path: path, contents: contents, disk: self)
    }

    func list(_ directory: String) throws(DiskError) -> [String] {
        try look(.list, directory)
        guard let found = directories[directory] else { throw .notFound(.list, directory) }
        return found.names.keys.sorted()
    }

    func createDirectory(_ path: String) throws(DiskError) {
        if directories[path] != nil { return }
        let (directory, name) = try parent(of: path, .createDirectory)
        try change(.createDirectory, path)
        let created = SimulatedDirectory()
        directory.change([(name, .directory(created))])
        directories[path] = created
    }

    func rename(_ from: String, to: String) throws(DiskError) {
        let (source, oldName) = try parent(of: from, .rename)
        let (target, newName) = try parent(of: to, .rename)
        guard let node = source.names[oldName] else { throw .notFound(.rename, from) }
        precondition(source === target, "the log renames within a directory only")
        try change(.rename, from)
        source.change([(oldName, nil), (newName, node)])
        guard case .directory = node else { return }
        for (path, found) in directories where path == from || path.hasPrefix(from + "/") {
            directories[path] = nil
            directories[to + path.dropFirst(from.count)] = found
        }
    }

    func remove(_ path: String) throws(DiskError) {
        let (directory, name) = try parent(of: path, .remove)
        guard let node = directory.names[name] else { throw .notFound(.remove, path) }
        if case .directory(let found) = node, !found.names.isEmpty {
            throw DiskError(operation: .remove, path: path, errno: 39)
        }
        try change(.remove, path)
        directory.change([(name, nil)])
        directories[path] = nil
    }

    func syncDirectory(_ directory: String) throws(DiskError) {
        guard let found = directories[directory] else { throw .notFound(.sync, directory) }
        try change(.sync, directory)
        found.sync()
    }

    func exists(_ path: String) throws(DiskError) -> Bool {
        try look(.status, path)
        return node(at: path) != nil
    }

    func space(at path: String) throws(DiskError) -> DiskSpace {
        try look(.status, path)
        let total = space.capacity == .max ? Int64(1 << 40) : Int64(space.capacity)
        return DiskSpace(total: total, free: max(0, total - Int64(space.used)))
    }
}

extension DiskError {
    fileprivate static func notFound(_ operation: Operation, _ path: String) -> DiskError {
        DiskError(operation: operation, path: path, errno: 2)
    }
}

/// An open file of the simulated disk; dead once the process or the power that opened it is gone.
private final class SimulatedFile: DiskFile, @unchecked Sendable {
    // Sendable: as its disk.
    let path: String
    private let contents: SimulatedContents
    private let disk: SimulatedDisk
    private let boot: Int

    init(path: String, contents: SimulatedContents, disk: SimulatedDisk) {
        self.path = path
        self.contents = contents
        self.disk = disk
        boot = disk.boot
    }

    private func look(_ operation: DiskError.Operation) throws(DiskError) {
        guard !disk.isDead, boot == disk.boot else { throw .inputOutput(operation, path) }
    }

    func size() throws(DiskError) -> Int64 {
        try look(.status)
        return Int64(contents.cached.count)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int64) throws(DiskError) -> Int {
        try look(.read)
        let start = Int(clamping: position)
        let count = max(0, min(buffer.count, contents.cached.count - start))
        guard count > 0 else { return 0 }
        contents.cached.withUnsafeBytes { bytes in
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[start..<(start + count)]))
        }
        return count
    }

    func write(_ buffers: [UnsafeRawBufferPointer], at position: Int64) throws(DiskError) {
        try look(.write)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(buffers.reduce(0) { $0 + $1.count })
        for buffer in buffers { bytes.append(contentsOf: buffer) }
        let start = Int(clamping: position)
        let total = bytes.count
        let fault = try disk.begin(.write, .write, path)
        if fault == .writeError { bytes.removeLast(total - disk.dice.below(total + 1)) }
        let growth = max(0, start + bytes.count - contents.cached.count)
        if growth > disk.space.free {
            bytes.removeLast(min(bytes.count, growth - disk.space.free))
        }
        if !bytes.isEmpty { contents.write(bytes, at: start) }
        disk.trace.note("write", total, bytes.count)
        // Under a cut the bytes are in flight: the crash decides which of them arrived.
        if fault != nil { throw .inputOutput(.write, path) }
        if bytes.count < total {
            disk.noteFull()
            throw .noSpace(.write, path)
        }
    }

    func sync() throws(DiskError) {
        try look(.sync)
        switch try disk.begin(.sync, .sync, path) {
        case .syncErrorClean: contents.failSync(reverts: false, &disk.dice)
        case .syncErrorReverted: contents.failSync(reverts: true, &disk.dice)
        case nil:
            disk.trace.note("sync", contents.cached.count, contents.pending.count)
            return contents.sync()
        default: break
        }
        throw .inputOutput(.sync, path)
    }

    func refresh() throws(DiskError) {
        try sync()
        contents.dropCache()
    }

    func truncate(to size: Int64) throws(DiskError) {
        try look(.truncate)
        if try disk.begin(.other, .truncate, path) != nil { throw .inputOutput(.truncate, path) }
        disk.trace.note("truncate", contents.cached.count, Int(clamping: size))
        contents.truncate(to: Int(clamping: size))
    }
}
