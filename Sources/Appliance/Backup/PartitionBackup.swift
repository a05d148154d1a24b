// The log's part of a backup: the segments of a cut, their indexes, and a journal that fits them.
internal import CommitLog
internal import Platform

/// Copies partitions. One descriptor at a time: none is held longer than its copy takes, because the space of a segment
/// that retention deletes on a full disk must come free at once. What retention deletes before its turn is left out, and
/// the backup's log begins later.
struct PartitionBackup {
    let data: String
    let disk: any Disk
    let clock: any Clock

    func write(
        _ part: LogCut.PartitionPart,
        to tar: TarWriter,
        _ manifest: inout BackupManifest
    ) throws(CommandFailure) {
        let directory = "\(data)/log/\(part.topicPartition)"
        var copied: [Offset] = []
        var checksums: [Offset: UInt32] = [:]
        for (index, segment) in part.segments.enumerated() {
            let name = BackupMember.segment(part.topicPartition, segment.base, ".log")
            guard let file = try open("\(data)/\(name)") else { continue }
            let size = try onDisk { () throws(DiskError) in try file.size() }
            let written = try tar.add(name, file, size: min(size, segment.length.value))
            manifest.members.append(written.member)
            copied.append(segment.base)
            checksums[segment.base] = written.checksum
            guard index < part.segments.count - 1 else { continue }
            for ending in [".index", ".timeindex"] {
                let name = BackupMember.segment(part.topicPartition, segment.base, ending)
                guard let file = try open("\(data)/\(name)") else { continue }
                let size = try onDisk { () throws(DiskError) in try file.size() }
                manifest.members.append(try tar.add(name, file, size: size).member)
            }
        }
        if copied.isEmpty || copied.last != part.segments.last?.base {
            // Where appending goes on, now that the segment which was active is gone.
            manifest.members.append(try tar.add(BackupMember.segment(part.topicPartition, part.end, ".log"), []))
            copied.append(part.end)
        }
        let journal: JournalCut
        do throws(LogError) {
            journal = try JournalCut(of: part, copied: copied, directory: directory, disk: disk, clock: clock)
        } catch {
            throw DataDirectory.failure(error, status: ExitStatus.inputOutput)
        }
        manifest.members.append(try tar.add(BackupMember.journal(part.topicPartition), journal.bytes))
        for (base, next) in zip(copied, copied.dropFirst())
        where next > journal.logStartOffset && journal.checksums[base] != checksums[base] {
            manifest.unproven.append(BackupMember.segment(part.topicPartition, base, ".log"))
        }
        manifest.partitions.append(
            BackupManifest.Partition(
                topic: part.topicPartition.topic.text,
                partition: Int(part.topicPartition.partition.value),
                logStartOffset: journal.logStartOffset.value,
                logEndOffset: part.end.value
            )
        )
    }

    /// nil where the file is gone.
    private func open(_ path: String) throws(CommandFailure) -> (any DiskFile)? {
        try onDisk { () throws(DiskError) -> (any DiskFile)? in
            do throws(DiskError) {
                return try disk.open(path, .read)
            } catch {
                guard error.isNotFound else { throw error }
                return nil
            }
        }
    }
}
