// Copies what is valid of a damaged segment, and removes the files of deleted ones.
internal import Platform

enum SegmentRepair {
    private static let chunkBytes = 1 << 20

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
    /// Gives the space of a segment back at once, whoever still reads it, and leaves its name: durable on return.
    static func empty(_ files: SegmentFiles, disk: any Disk) throws(DiskError) {
        let file = try disk.open(files.log, .update)
        try file.truncate(to: 0)
        try file.sync()
    }

    /// Removes the log and its indexes; what is gone already is fine. The caller syncs the directory.
    static func remove(_ files: SegmentFiles, disk: any Disk) throws(DiskError) {
        for path in [files.log, files.offsetIndex, files.timeIndex] {
            do {
                try disk.remove(path)
            } catch {
                guard error.isNotFound else { throw error }
            }
        }
    }
}
