// The file `partition.journal`: appended and synced entry by entry, cut where it is torn, rewritten when it is long.
internal import Platform

/// What reading a journal found.
struct JournalReading {
    enum Condition: Hashable {
        /// Every byte is part of a valid entry.
        case whole
        /// There is no file.
        case missing
        /// The last entry was not completed; harmless.
        case tornTail
        /// Bytes that are no entry, with valid entries after them, or a file too large to be one: facts may be missing.
        case damaged
    }

    var state = JournalState()
    var condition: Condition
    /// Where the valid part ends; new entries go here.
    var validBytes: Int64 = 0
}

/// Owned by the log-writer thread (by the opening thread before that).
final class PartitionJournal {
    static let fileName = "partition.journal"

    private let disk: any Disk
    private let directory: String
    private var file: any DiskFile
    private var length: Int64
    private(set) var state: JournalState
    private let wasWhole: Bool

    /// Whether every gap there is is in it: kept since the partition was made, undamaged, and none forgotten.
    var isComplete: Bool { wasWhole && state.gaps.count < Limits.gapsMax }

    private init(
        disk: any Disk,
        directory: String,
        file: any DiskFile,
        length: Int64,
        state: JournalState,
        wasWhole: Bool
    ) {
        self.wasWhole = wasWhole
        self.disk = disk
        self.directory = directory
        self.file = file
        self.length = length
        self.state = state
    }

    private static func path(in directory: String) -> String { "\(directory)/\(fileName)" }
    /// A rewritten journal that is not in place yet.
    private static func successorPath(in directory: String) -> String { path(in: directory) + ".new" }

    /// Reads the journal of a partition directory, changing nothing. `refreshes`: as the device has it, not the cache; whoever
    /// only reads does without one that the device does not let be opened.
    static func read(disk: any Disk, directory: String, refreshes: Bool) throws(DiskError) -> JournalReading {
        let path = path(in: directory)
        do throws(DiskError) {
            if try disk.exists(path) { return try read(path, disk: disk, refreshes: refreshes) }
            return try successor(disk: disk, directory: directory) ?? JournalReading(condition: .missing)
        } catch {
            guard error.isNoFile || (!refreshes && error.isUnopenable) else { throw error }
            return JournalReading(condition: .damaged)
        }
    }

    /// Ends a rewrite that was cut off: its file takes the place of a journal that is not there any more, and goes where
    /// the old one still is. Durable on return.
    static func finishRewrite(disk: any Disk, directory: String) throws(DiskError) {
        let path = path(in: directory)
        let temporary = successorPath(in: directory)
        guard try disk.exists(temporary) else { return }
        if try !disk.exists(path), try successor(disk: disk, directory: directory) != nil {
            try disk.rename(temporary, to: path)
        } else {
            try disk.remove(temporary)
        }
        try disk.syncDirectory(directory)
    }

    /// What a rewrite left that was cut off between its two renames. It was synced before the first of them, so
    /// it is whole; an empty or a torn one is that of a partition which had no journal yet, and says nothing.
    private static func successor(disk: any Disk, directory: String) throws(DiskError) -> JournalReading? {
        let temporary = successorPath(in: directory)
        guard try disk.exists(temporary) else { return nil }
        let reading = try read(temporary, disk: disk, refreshes: false)
        return reading.condition == .whole && reading.validBytes > 0 ? reading : nil
    }

    private static func read(_ path: String, disk: any Disk, refreshes: Bool) throws(DiskError) -> JournalReading {
        let file = try disk.open(path, .read)
        if refreshes { try file.refresh() }
        let size = try file.size()
        guard size <= Limits.journalBytesMax else { return JournalReading(condition: .damaged) }
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(size), alignment: 8)
        defer { bytes.deallocate() }
        let count = try file.salvage(into: bytes, at: 0).count
        return fold(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
    }

    private static func fold(_ bytes: UnsafeRawBufferPointer) -> JournalReading {
        var reading = JournalReading(condition: .whole)
        var at = 0
        while at < bytes.count {
            if let body = body(in: bytes, at: at) {
                if let entry = JournalEntry(body: body) { reading.state.apply(entry) }
                at += JournalEntry.headerBytes + body.count
                reading.validBytes = Int64(at)
                continue
            }
            guard let next = (at + 1..<bytes.count).first(where: { self.body(in: bytes, at: $0) != nil }) else {
                // A journal whose damage was found stays damaged, whatever its tail is.
                if reading.condition == .whole { reading.condition = .tornTail }
                return reading
            }
            reading.condition = .damaged
            at = next
        }
        return reading
    }

    /// Type and payload of a valid entry at `at`; nil where none stands there.
    private static func body(in bytes: UnsafeRawBufferPointer, at: Int) -> UnsafeRawBufferPointer? {
        var reader = ByteReader(UnsafeRawBufferPointer(rebasing: bytes[at...]))
        guard let length: UInt32 = reader.integer(), let checksum: UInt32 = reader.integer(),
            length >= 1, length <= JournalEntry.lengthMax, let body = reader.take(Int(length)),
            CRC32C.checksum(body) == checksum
        else { return nil }
        return body
    }

    /// The journal of a partition that is being made, with its first entries: durable on return, its name is not.
    static func create(
        disk: any Disk,
        directory: String,
        entries: [JournalEntry]
    ) throws(DiskError) -> PartitionJournal {
        let bytes = entries.flatMap { $0.encoded() }
        try disk.writeNew(path(in: directory), bytes)
        var state = JournalState()
        for entry in entries { state.apply(entry) }
        return PartitionJournal(
            disk: disk,
            directory: directory,
            file: try disk.open(path(in: directory), .update),
            length: Int64(bytes.count),
            state: state,
            wasWhole: true
        )
    }

    /// Opens the journal for appending after `reading`: cuts a torn tail, rewrites a damaged or missing one (the
    /// damaged file is kept as `partition.journal.damaged`). Durable on return, what an earlier process wrote and did not
    /// live to sync included.
    static func open(
        disk: any Disk,
        directory: String,
        reading: JournalReading,
        bases: [Offset]
    ) throws(DiskError) -> PartitionJournal {
        let path = path(in: directory)
        switch reading.condition {
        case .whole, .tornTail:
            let file = try disk.open(path, .update)
            if reading.condition == .tornTail { try file.truncate(to: reading.validBytes) }
            try file.sync()
            return PartitionJournal(
                disk: disk,
                directory: directory,
                file: file,
                length: reading.validBytes,
                state: reading.state,
                wasWhole: reading.condition == .whole && reading.state.topicID != nil
            )
        case .damaged, .missing:
            let (file, length) = try replace(
                disk: disk,
                directory: directory,
                entries: reading.state.compacted(keeping: bases),
                keepsOld: reading.condition == .damaged
            )
            return PartitionJournal(
                disk: disk,
                directory: directory,
                file: file,
                length: length,
                state: reading.state,
                wasWhole: reading.condition == .missing && bases.isEmpty
            )
        }
    }

    /// Writes a new journal beside the old one and puts it in its place; the old one is kept as `.damaged`, then
    /// `.damaged-1` and so on, where it is asked for.
    private static func replace(
        disk: any Disk,
        directory: String,
        entries: [JournalEntry],
        keepsOld: Bool = false
    ) throws(DiskError) -> (file: any DiskFile, length: Int64) {
        let path = path(in: directory)
        let temporary = successorPath(in: directory)
        let bytes = entries.flatMap { $0.encoded() }
        try disk.writeNew(temporary, bytes)
        if keepsOld {
            // The old name must not go before the new one is sure to be there.
            try disk.syncDirectory(directory)
            try disk.rename(path, to: try disk.keptName(for: path))
        }
        try disk.rename(temporary, to: path)
        try disk.syncDirectory(directory)
        return (try disk.open(path, .update), Int64(bytes.count))
    }

    /// Appends entries in one write and syncs: durable on return. After a failed write the file is cut back where the
    /// disk allows it, so that a later attempt starts at the same place; a failed sync is for the caller to treat as
    /// final.
    func append(_ entries: [JournalEntry]) throws(DiskError) {
        let bytes = entries.flatMap { $0.encoded() }
        do {
            try file.write(bytes, at: length)
        } catch {
            try file.truncate(to: length)
            throw error
        }
        try file.sync()
        length += Int64(bytes.count)
        for entry in entries { state.apply(entry) }
    }

    /// Rewrites the journal where it has grown past its bound and is mostly history. Durable on return.
    func rewriteIfLong(keeping bases: [Offset]) throws(DiskError) {
        guard length > Limits.journalRewriteBytes else { return }
        let entries = state.compacted(keeping: bases)
        let needed = entries.reduce(0) { $0 + $1.encoded().count }
        guard Int64(needed) < length / 2 else { return }
        (file, length) = try PartitionJournal.replace(disk: disk, directory: directory, entries: entries)
        var fresh = JournalState()
        for entry in entries { fresh.apply(entry) }
        state = fresh
    }
}
