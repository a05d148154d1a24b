// Copies what is valid of a damaged segment, and removes the files of deleted ones.
internal import Platform

enum SegmentRepair {
    /// Writes what is to be kept into a file of its own and swaps it with the original, which stays as `.damaged`, then
    /// `.damaged-1` and so on. Durable on return.
    ///
    /// - Returns: the path of the original.
    static func replace(
        _ files: SegmentFiles,
        with kept: [SegmentVerdict.Extent],
        of file: any DiskFile,
        disk: any Disk
    ) throws(DiskError) -> String {
        var copy = SegmentCopy(kept, of: file, to: try create(files, disk: disk))
        while !copy.isComplete { _ = try copy.advance(upTo: .max) }
        try copy.target.sync()
        return try swap(files, disk: disk)
    }

    /// An empty file for what is to be kept.
    static func create(_ files: SegmentFiles, disk: any Disk) throws(DiskError) -> any DiskFile {
        if try disk.exists(files.cleaned) { try disk.remove(files.cleaned) }
        return try disk.open(files.cleaned, .create)
    }

    /// Puts the cleaned file, which is synced, in the place of the original. Durable on return.
    ///
    /// - Returns: the path of the original.
    static func swap(_ files: SegmentFiles, disk: any Disk) throws(DiskError) -> String {
        // The original must not leave its name before the cleaned file is sure to have one.
        try disk.syncDirectory(files.directory)
        let damaged = try disk.keptName(for: files.log)
        try disk.rename(files.log, to: damaged)
        try disk.rename(files.cleaned, to: files.log)
        try disk.syncDirectory(files.directory)
        return damaged
    }
}

/// Writes the kept extents of a segment back to back into `target`, from its start, with base offsets put right; syncs
/// nothing. One thread.
struct SegmentCopy {
    private static let chunkBytes = 256 << 10

    private let extents: [SegmentVerdict.Extent]
    private let file: any DiskFile
    let target: any DiskFile
    private var index = 0
    /// Of the extent in work.
    private var copied: Int64 = 0
    private var position: Int64 = 0

    init(_ extents: [SegmentVerdict.Extent], of file: any DiskFile, to target: any DiskFile) {
        self.extents = extents
        self.file = file
        self.target = target
    }

    var isComplete: Bool { index == extents.count }

    /// Copies on, about `bytesMax` bytes.
    ///
    /// - Returns: how many were copied.
    mutating func advance(upTo bytesMax: Int64) throws(DiskError) -> Int64 {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: SegmentCopy.chunkBytes, alignment: 16)
        defer { buffer.deallocate() }
        let start = position
        while index < extents.count, position - start < bytesMax {
            let extent = extents[index]
            let wanted = min(buffer.count, Int(clamping: extent.length - copied))
            let room = UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted])
            let count = wanted == 0 ? 0 : try file.read(into: room, at: extent.position + copied)
            guard count > 0 || wanted == 0 else { throw DiskError.inputOutput(.read, file.path) }
            if copied == 0, count >= 8, let offset = extent.restamp {
                buffer.baseAddress?.setBigEndian(offset.value, at: 0)
            }
            try target.write([UnsafeRawBufferPointer(rebasing: buffer[..<count])], at: position)
            copied += Int64(count)
            position += Int64(count)
            if copied == extent.length {
                index += 1
                copied = 0
            }
        }
        return position - start
    }
}

enum SegmentRemoval {
    /// Gives the space of a segment back at once, whoever still reads it, and leaves its name: durable on return. The
    /// indexes go first: a log of 0 bytes that has one was not emptied here.
    static func empty(_ files: SegmentFiles, disk: any Disk) throws(DiskError) {
        try removeIndexes(files, disk: disk)
        try disk.syncDirectory(files.directory)
        let file = try disk.open(files.log, .update)
        try file.truncate(to: 0)
        try file.sync()
    }

    /// Removes the log and its indexes; what is gone already is fine. The caller syncs the directory.
    static func remove(_ files: SegmentFiles, disk: any Disk) throws(DiskError) {
        try remove([files.log, files.offsetIndex, files.timeIndex], disk: disk)
    }

    /// Removes the indexes, which are rebuilt from the log; what is gone already is fine.
    static func removeIndexes(_ files: SegmentFiles, disk: any Disk) throws(DiskError) {
        try remove([files.offsetIndex, files.timeIndex], disk: disk)
    }

    private static func remove(_ paths: [String], disk: any Disk) throws(DiskError) {
        for path in paths {
            do {
                try disk.remove(path)
            } catch {
                guard error.isNotFound else { throw error }
            }
        }
    }
}
