// Copies what is valid of a damaged segment, and removes the files of deleted ones.
internal import Platform

enum SegmentRepair {
    private static let chunkBytes = 1 << 20

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
        if try disk.exists(files.cleaned) { try disk.remove(files.cleaned) }
        let cleaned = try disk.open(files.cleaned, .create)
        try copy(kept, from: file, to: cleaned)
        try cleaned.sync()
        // The original must not leave its name before the cleaned file is sure to have one.
        try disk.syncDirectory(files.directory)
        let damaged = try disk.keptName(for: files.log)
        try disk.rename(files.log, to: damaged)
        try disk.rename(files.cleaned, to: files.log)
        try disk.syncDirectory(files.directory)
        return damaged
    }

    /// Writes the kept extents back to back into `target`, from its start, with base offsets put right. Not synced.
    static func copy(
        _ extents: [SegmentVerdict.Extent],
        from file: any DiskFile,
        to target: any DiskFile
    ) throws(DiskError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: chunkBytes, alignment: 16)
        defer { buffer.deallocate() }
        var position: Int64 = 0
        for extent in extents {
            var copied: Int64 = 0
            while copied < extent.length {
                let wanted = min(buffer.count, Int(clamping: extent.length - copied))
                let room = UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted])
                let count = try file.read(into: room, at: extent.position + copied)
                guard count > 0 else { throw DiskError.inputOutput(.read, file.path) }
                if copied == 0, count >= 8, let offset = extent.restamp {
                    buffer.baseAddress?.setBigEndian(offset.value, at: 0)
                }
                try target.write([UnsafeRawBufferPointer(rebasing: buffer[..<count])], at: position)
                copied += Int64(count)
                position += Int64(count)
            }
        }
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
