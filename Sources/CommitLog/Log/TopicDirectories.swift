// The directories below `log/`, and how a whole topic comes and goes through a crash.
//
// | Name below `log/`         | Is                                                                    |
// |---------------------------|-----------------------------------------------------------------------|
// | `<topic>-<partition>`     | a partition                                                           |
// | `<topic>.gone`, empty     | says that this topic is not there, whatever directories it has         |
// | `<uuid>.deleted`          | what was a partition of a deleted topic; on its way out               |
//
// A topic is created below its mark, which is removed last, and deleted by making the mark, which is removed when the
// directories have left their names. Each is the one step that decides, over all partitions at once.
internal import Platform

/// Owned by the log-writer thread (by the opening thread before that). A mark is a name and no bytes, so that a full disk
/// has room for it.
struct TopicDirectories {
    /// What names below `log/` mean.
    struct Listing {
        /// Of topics that are there.
        var partitions: Set<TopicPartition> = []
        /// Topics that are not there.
        var gone: Set<TopicName> = []
        /// Directories of those.
        fileprivate var leftPartitions: [String] = []
        /// What was deleted and not removed yet.
        fileprivate var deleted: [String] = []
        var unknown: [String] = []

        init(_ names: [String]) {
            gone = Set(names.compactMap { TopicDirectories.marked(by: $0) })
            for name in names where TopicDirectories.marked(by: name) == nil {
                if let partition = TopicPartition(directoryName: name) {
                    if gone.contains(partition.topic) {
                        leftPartitions.append(name)
                    } else {
                        partitions.insert(partition)
                    }
                } else if TopicDirectories.isDeleted(name) {
                    deleted.append(name)
                } else {
                    unknown.append(name)
                }
            }
        }
    }

    let disk: any Disk
    /// The directory `log/`.
    let root: String

    private static let goneEnding = ".gone"
    private static let deletedEnding = ".deleted"

    private static func marked(by name: String) -> TopicName? {
        name.hasSuffix(goneEnding) ? TopicName(String(name.dropLast(goneEnding.count))) : nil
    }

    private static func isDeleted(_ name: String) -> Bool {
        guard name.hasSuffix(deletedEnding) else { return false }
        let stem = String(name.dropLast(deletedEnding.count))
        return UniqueIdentifier(text: stem)?.description == stem
    }

    private func markPath(_ topic: TopicName) -> String { "\(root)/\(topic)\(TopicDirectories.goneEnding)" }

    func path(_ partition: TopicPartition) -> String { "\(root)/\(partition)" }

    /// Says that the topic is not there. Durable on return.
    func mark(_ topic: TopicName) throws(DiskError) {
        if try !disk.exists(markPath(topic)) { _ = try disk.open(markPath(topic), .create) }
        try sync()
    }

    /// Says so no longer. Durable on return, and so is everything below `log/` that was done before.
    func unmark(_ topic: TopicName) throws(DiskError) {
        try sync()
        guard try disk.exists(markPath(topic)) else { return }
        try disk.remove(markPath(topic))
        try sync()
    }

    /// Makes names below `log/` durable.
    func sync() throws(DiskError) { try disk.syncDirectory(root) }

    /// Takes the directory of a partition, whose topic is marked, out of its name.
    ///
    /// - Returns: where it is now; nil where there was no room for another name and it was removed at once.
    func setAside(_ partition: TopicPartition) throws(DiskError) -> String? {
        let aside = "\(root)/\(UniqueIdentifier.random())\(TopicDirectories.deletedEnding)"
        do {
            try disk.rename(path(partition), to: aside)
            return aside
        } catch {
            guard error.isRetriable else { throw error }
            try remove(path(partition))
            return nil
        }
    }

    /// Removes a directory with all that is in it, where there is one.
    func remove(_ directory: String) throws(DiskError) {
        guard try disk.exists(directory) else { return }
        for name in try disk.list(directory) { try removeAll("\(directory)/\(name)") }
        try disk.remove(directory)
    }

    /// Removes a file, or a directory with all that is in it.
    func removeAll(_ path: String) throws(DiskError) {
        do {
            try disk.remove(path)
        } catch {
            guard error.isNotEmpty else { throw error }
            try remove(path)
        }
    }

    /// Ends what a crash cut off: the directories of topics that are not there go, then their marks.
    func settle(_ listing: Listing) throws(DiskError) {
        for name in listing.deleted + listing.leftPartitions { try remove("\(root)/\(name)") }
        for topic in listing.gone.sorted() { try unmark(topic) }
    }
}

/// Directories of deleted topics, removed file by file between two commits. Owned by the log-writer thread.
final class Disposal {
    private let disk: any Disk
    private let root: TopicDirectories
    /// The next one last.
    private var directories: [String] = []
    /// Files of the last of them that are still there.
    private var files: [String]?
    private var sliceAt: MonotonicInstant?

    init(_ root: TopicDirectories) {
        self.root = root
        disk = root.disk
    }

    var isActive: Bool { !directories.isEmpty }

    func add(_ directory: String) {
        directories.insert(directory, at: 0)
    }

    /// Removes one file: at once where the writer is idle, else no more often than `Limits.upkeepInterval`.
    func slice(at now: MonotonicInstant, isIdle: Bool) throws(DiskError) {
        guard isActive else { return }
        if !isIdle, let sliceAt, now < sliceAt { return }
        sliceAt = now.advanced(by: Limits.upkeepInterval)
        try removeNext()
    }

    /// Removes all of them, for a disk that has no room.
    func finish() throws(DiskError) {
        while isActive { try removeNext() }
    }

    private func removeNext() throws(DiskError) {
        guard let directory = directories.last else { return }
        var left: [String]
        if let files { left = files } else { left = try disk.list(directory) }
        guard let name = left.popLast() else {
            try disk.remove(directory)
            directories.removeLast()
            files = nil
            return
        }
        let path = "\(directory)/\(name)"
        // Gives the room back at once, whoever still has the file open.
        if SegmentFiles.base(of: name, ending: ".log") != nil { try empty(path) }
        try root.removeAll(path)
        files = left
    }

    private func empty(_ path: String) throws(DiskError) {
        do {
            try disk.open(path, .update).truncate(to: 0)
        } catch {
            guard error.operation == .open else { throw error }
        }
    }
}
