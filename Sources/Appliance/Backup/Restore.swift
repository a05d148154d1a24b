// `forebay restore`: an archive becomes a data directory, whole and verified, or nothing happens.
internal import CommitLog
internal import DeviceRegistry
internal import Foundation
internal import Platform

/// One restore into one directory, by way of `DIR.restoring` beside it.
package struct Restore {
    /// What was put in place.
    package struct Outcome {
        package var created: String
        package var members: Int
        package var records: Int
        /// The folder with the configuration; nil where the backup has none.
        package var configuration: String?
        /// What whoever restored should know now.
        package var remarks: [String] = []
    }

    private let directory: String
    private let disk: any Disk = PosixDisk()

    private var staging: String { directory + ".restoring" }
    private var parent: String { URL(fileURLWithPath: directory).deletingLastPathComponent().path }

    /// - Parameter directory: absolute; it must not exist, or be empty.
    package init(directory: String) {
        self.directory = directory
    }

    /// Reads the archive at `path`, `-` for standard input. Durable on return; a failure leaves the directory as it was and
    /// nothing beside it.
    package func read(_ path: String) throws -> Outcome {
        try requireEmpty()
        let source = try open(path)
        let lock = try stage()
        do {
            let archive = try RestoredArchive(reading: TarReader(source), into: staging, disk: disk)
            let outcome = try verify(archive)
            try onDisk { () throws(DiskError) in
                for folder in archive.folders.reversed() { try disk.syncDirectory("\(staging)/\(folder)") }
                try disk.syncDirectory(staging)
                try disk.rename(staging, to: directory)
                try disk.syncDirectory(parent)
            }
            withExtendedLifetime(lock) {}
            return outcome
        } catch {
            try? FileManager.default.removeItem(atPath: staging)
            guard let error = error as? ArchiveError else { throw error }
            let name = path == "-" ? "standard input" : path
            throw CommandFailure(
                ExitStatus.failed,
                "\(name) is no whole backup: \(error.message); nothing was restored"
            )
        }
    }

    private func open(_ path: String) throws(CommandFailure) -> FileHandle {
        guard path != "-" else {
            guard isatty(FileHandle.standardInput.fileDescriptor) == 0 else {
                throw CommandFailure(ExitStatus.usage, "standard input is a terminal", hint: "forebay restore - < FILE")
            }
            return .standardInput
        }
        try AccessCheck.require(path, R_OK)
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), !isDirectory.boolValue,
            let file = FileHandle(forReadingAtPath: path)
        else {
            throw CommandFailure(ExitStatus.noInput, "there is no backup \(path)")
        }
        return file
    }

    private func requireEmpty() throws(CommandFailure) {
        guard (try? FileManager.default.contentsOfDirectory(atPath: directory))?.isEmpty != true else { return }
        guard try onDisk({ () throws(DiskError) in try disk.exists(directory) }) else { return }
        throw CommandFailure(
            ExitStatus.cannotCreate,
            "\(directory) is there and not an empty directory",
            hint: "name another directory, or move this one away first"
        )
    }

    /// Makes the directory that everything is unpacked in, and locks it; one that a killed restore left goes first.
    private func stage() throws(CommandFailure) -> DirectoryLock {
        try AccessCheck.require(parent, W_OK | X_OK)
        if try onDisk({ () throws(DiskError) in try disk.exists(staging) }) {
            if let holder = DirectoryLock.holder(dataDirectory: staging) {
                throw CommandFailure(ExitStatus.cannotCreate, "another restore is at work: \(holder)")
            }
            let names = (try? FileManager.default.contentsOfDirectory(atPath: staging)) ?? ["?"]
            guard names.isEmpty || names.contains("lock") else {
                throw CommandFailure(
                    ExitStatus.cannotCreate,
                    "\(staging) is not what a restore leaves behind",
                    hint: "move it away first"
                )
            }
            do {
                try FileManager.default.removeItem(atPath: staging)
            } catch {
                throw CommandFailure(ExitStatus.cannotCreate, "cannot remove \(staging): \(error.localizedDescription)")
            }
        }
        do throws(DiskError) {
            try disk.createDirectory(staging)
        } catch {
            throw CommandFailure(ExitStatus.cannotCreate, "\(error)")
        }
        do throws(LogError) {
            return try DirectoryLock(dataDirectory: staging)
        } catch {
            throw DataDirectory.failure(error, status: ExitStatus.cannotCreate)
        }
    }

    // MARK: Verification

    private func verify(_ archive: RestoredArchive) throws -> Outcome {
        let manifest = archive.manifest
        var outcome = Outcome(created: manifest.created, members: manifest.members.count + 2, records: 0)
        let log: CommitLog
        let found: LogVerification
        do throws(LogError) {
            log = try CommitLog.open(
                LogConfiguration(directory: staging, topics: [:]),
                disk: disk,
                clock: SystemClock(),
                access: .readOnly
            )
            found = try LogVerify.run(log)
        } catch {
            throw DataDirectory.failure(error, status: ExitStatus.inputOutput)
        }
        let ends = found.partitions.map { partition in
            BackupManifest.Partition(
                topic: partition.topicPartition.topic.text,
                partition: Int(partition.topicPartition.partition.value),
                logStartOffset: partition.logStartOffset.value,
                logEndOffset: partition.logEndOffset.value
            )
        }
        outcome.records = found.partitions.reduce(0) { $0 + $1.records }
        for wanted in manifest.partitions where !ends.contains(where: { $0.hasSameEnd(as: wanted) }) {
            throw ArchiveError("the log of \(wanted.topic)-\(wanted.partition) does not end at \(wanted.logEndOffset)")
        }
        for damage in found.damage where !damage.isKnownGap {
            let name = String(damage.path.dropFirst(staging.utf8.count + 1))
            let text = "\(name): damage at byte \(damage.position): \(damage.kind)"
            guard manifest.unproven.contains(name) else { throw ArchiveError(text) }
            outcome.remarks.append("\(text); it was there before the backup")
        }
        let registry = "\(staging)/\(BackupMember.registry)"
        if archive.names.contains(BackupMember.registry) {
            do throws(RegistryError) {
                try DeviceRegistry.openReadOnly(path: registry).close()
            } catch {
                throw ArchiveError("the registry: \(error.message)")
            }
        }
        if archive.folders.contains(BackupMember.configuration) {
            outcome.configuration = "\(directory)/\(BackupMember.configuration)"
        }
        return outcome
    }
}

extension BackupManifest.Partition {
    fileprivate func hasSameEnd(as other: BackupManifest.Partition) -> Bool {
        topic == other.topic && partition == other.partition && logEndOffset == other.logEndOffset
    }
}
