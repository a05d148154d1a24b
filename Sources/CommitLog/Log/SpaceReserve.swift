// `<data>/reserve`: room that belongs to nobody while the disk has some, and that is given up when it is full, so that
// alerts, cursors, the journal and the registry can go on writing.
//
// The file's bytes mean nothing. It is allocated, not sparse; given up it has length 0 and keeps its name. Readings are
// committed only while it is held: what it gives up is not for them.
package import Platform

extension TopicName {
    /// Topics that only Forebay writes, little at a time, and whose records are wanted most while the disk is full.
    var usesReserve: Bool { self == .alerts || self == .system || self == .gaps || self == .operations }
}

/// Owned by the log-writer thread (by the opening thread before that).
package final class SpaceReserve {
    private static let fileName = "reserve"

    private let directory: String
    private let bytesMax: Int64
    private let disk: any Disk
    private(set) var isHeld: Bool

    /// `bytesMax` is 0 for none, which always counts as held.
    init(directory: String, bytesMax: ByteCount, disk: any Disk) {
        self.directory = directory
        self.bytesMax = max(0, bytesMax.value)
        self.disk = disk
        isHeld = bytesMax.value <= 0
    }

    private var path: String { "\(directory)/\(SpaceReserve.fileName)" }

    /// The room that the file system must have before the reserve can be taken; 0 where it is held.
    func missingBytes(of space: DiskSpace) -> Int64 {
        isHeld ? 0 : size(in: space) + Limits.lowSpaceBytes
    }

    private func size(in space: DiskSpace) -> Int64 {
        min(bytesMax, space.total / Limits.reserveDivisor) & ~4095
    }

    /// Takes the reserve where that leaves `bytes` and a little more for others; whether it is held on return.
    func take(leaving bytes: Int64) throws(DiskError) -> Bool {
        if isHeld { return true }
        let space = try disk.space(at: directory)
        let file = try open()
        let held = try file?.size() ?? 0
        guard let file, space.free + held >= missingBytes(of: space) + bytes else { return false }
        do {
            let size = size(in: space)
            if held > size { try file.truncate(to: size) }
            if size > 0 { try file.allocate(to: size) }
            try file.sync()
            isHeld = true
        } catch {
            guard error.isRetriable else { throw error }
            try giveUp(file)
        }
        return isHeld
    }

    /// Gives its room to whoever needs it; durable on return.
    func giveUp() throws(DiskError) {
        guard bytesMax > 0 else { return }
        isHeld = false
        if let file = try open() { try giveUp(file) }
    }

    private func giveUp(_ file: any DiskFile) throws(DiskError) {
        try file.truncate(to: 0)
        // File systems that keep a journal hand freed blocks out again only after its commit.
        try file.sync()
    }

    /// nil where there is no file and no room for its name.
    private func open() throws(DiskError) -> (any DiskFile)? {
        do {
            if try disk.exists(path) { return try disk.open(path, .update) }
            let file = try disk.open(path, .create)
            try disk.syncDirectory(directory)
            return file
        } catch {
            guard error.isRetriable else { throw error }
            return nil
        }
    }

    // MARK: - Before the log is open

    /// Makes room for a start on a full disk: the reserve goes first, then the oldest sealed segments of topics that drop
    /// their oldest, until `bytes` are free or nothing is left to go.
    ///
    /// For who holds the data directory's lock. A segment is emptied and keeps its name, which recovery takes for deleted.
    ///
    /// - Returns: the directory of each file that went; a partition that is open already has to be opened anew.
    @discardableResult
    package static func makeRoom(
        _ configuration: LogConfiguration,
        disk: any Disk,
        bytes: Int64 = Limits.startSpaceBytes
    ) throws(LogError) -> Set<String> {
        try diskCall { () throws(DiskError) in
            var directories: Set<String> = []
            while try disk.space(at: configuration.directory).free < bytes {
                guard let directory = try giveUpOne(configuration, disk: disk) else { break }
                directories.insert(directory)
            }
            return directories
        }
    }

    /// The directory of what went; nil where nothing is left.
    private static func giveUpOne(_ configuration: LogConfiguration, disk: any Disk) throws(DiskError) -> String? {
        let path = "\(configuration.directory)/\(fileName)"
        if try disk.exists(path), try disk.open(path, .read).size() > 0 {
            let file = try disk.open(path, .update)
            try file.truncate(to: 0)
            try file.sync()
            return configuration.directory
        }
        guard let oldest = try largestOldest(configuration, disk: disk) else { return nil }
        try SegmentRemoval.empty(oldest, disk: disk)
        return oldest.directory
    }

    /// nil for what is no file, or cannot be opened: opening sees to it.
    private static func size(of path: String, disk: any Disk) throws(DiskError) -> Int64? {
        do throws(DiskError) {
            return try disk.open(path, .read).size()
        } catch {
            guard error.isNoFile || error.isUnopenable else { throw error }
            return nil
        }
    }

    /// What the journal says; nil where it does not.
    private static func storedConfiguration(
        in directory: String,
        disk: any Disk
    ) throws(DiskError) -> TopicConfiguration? {
        try PartitionJournal.read(disk: disk, directory: directory, refreshes: false).state.configuration
    }

    /// The oldest sealed segment of the droppable partition that has most to give.
    private static func largestOldest(
        _ configuration: LogConfiguration,
        disk: any Disk
    ) throws(DiskError) -> SegmentFiles? {
        let root = configuration.directory + "/log"
        guard try disk.exists(root) else { return nil }
        var best: (bytes: Int64, files: SegmentFiles)?
        for name in try disk.list(root).sorted() {
            guard let partition = TopicPartition(directoryName: name) else { continue }
            let directory = "\(root)/\(name)"
            var settings = configuration.topics[partition.topic]
            if settings == nil { settings = try storedConfiguration(in: directory, disk: disk) }
            guard settings?.dropsOldest == true else { continue }
            let bases = try disk.list(directory).compactMap { SegmentFiles.base(of: $0, ending: ".log") }.sorted()
            var bytes: Int64 = 0
            var oldest: SegmentFiles?
            for base in bases.dropLast() {
                let files = SegmentFiles(directory: directory, base: base)
                guard let size = try SpaceReserve.size(of: files.log, disk: disk) else { continue }
                bytes += size
                if size > 0 && oldest == nil { oldest = files }
            }
            if let oldest, bytes > best?.bytes ?? 0 { best = (bytes, oldest) }
        }
        return best?.files
    }
}
