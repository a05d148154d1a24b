// The directory that everything lives in: made, locked, opened.
internal import CommitLog
internal import DeviceRegistry
internal import EventModel
internal import Glibc
internal import Platform

/// What a running daemon has open. Closed in the opposite order by `Daemon`.
struct OpenDataDirectory {
    var lock: DirectoryLock
    var log: CommitLog
    var registry: DeviceRegistry
    var registryReport: RegistryOpenReport
    /// nil where everything is written as usual.
    var readOnly: ReadOnlyReason?
}

/// Why the daemon only reads.
enum ReadOnlyReason: Sendable {
    case failing(DiskFailures)
    case mounted

    /// What `status`, `readyz`, the alert and the daemon's messages say.
    var sentence: String {
        let first: String
        let last: String
        switch self {
        case .failing(let failures):
            first = "the disk has failed \(DiskFailures.countMax) times within an hour"
            last =
                "mend the disk, remove \(failures.path) and restart (an hour after the last failure, a restart is enough)"
        case .mounted:
            first =
                "the data directory is mounted read-only, which the kernel does by itself when a disk fails (see `dmesg`)"
            last = "mend the disk, mount it for writing and restart"
        }
        return "\(first): inputs and rules do not run, and what is stored is served; to write again, \(last)"
    }
}

/// Opening a data directory for the daemon.
enum DataDirectory {
    /// Folders of the data directory, beside the log's own.
    static let folders = ["cursors", "hooks", "inputs"]

    /// Makes what is missing, takes the lock, opens registry and log; recovers both. Blocks for as long as that takes.
    ///
    /// Throws with the exit code that belongs to the cause: 73 where something cannot be made or is locked, 74 where the disk
    /// fails, 77 where permission is missing.
    static func open(_ configuration: Configuration, clock: any Clock) throws(CommandFailure) -> OpenDataDirectory {
        let path = configuration.data
        try make(path)
        let lock: DirectoryLock
        do throws(LogError) {
            lock = try DirectoryLock(dataDirectory: path)
        } catch {
            throw failure(error, status: ExitStatus.cannotCreate)
        }
        let failures = DiskFailures(data: path)
        if lock.isReadOnly { return try openReadOnly(configuration, lock, .mounted, clock: clock) }
        if failures.areTooMany(at: clock.now()) {
            return try openReadOnly(configuration, lock, .failing(failures), clock: clock)
        }
        for folder in folders { try make("\(path)/\(folder)") }
        do throws(LogError) {
            // The registry opens first and cannot make room for its files itself.
            try SpaceReserve.makeRoom(configuration.logConfiguration, disk: PosixDisk())
        } catch {
            throw failure(error, status: ExitStatus.inputOutput)
        }
        let registry: DeviceRegistry
        let report: RegistryOpenReport
        do throws(RegistryError) {
            (registry, report) = try DeviceRegistry.open(path: "\(path)/registry.sqlite", at: clock.now())
        } catch {
            throw failure(error)
        }
        do throws(LogError) {
            let log = try CommitLog.open(
                configuration.logConfiguration,
                disk: PosixDisk(),
                clock: clock,
                access: .readWrite
            )
            return OpenDataDirectory(lock: lock, log: log, registry: registry, registryReport: report)
        } catch {
            throw failure(error, status: ExitStatus.inputOutput)
        }
    }

    /// As it is: nothing is created, repaired or migrated. A registry that cannot be read is no reason not to serve the log.
    private static func openReadOnly(
        _ configuration: Configuration,
        _ lock: DirectoryLock,
        _ reason: ReadOnlyReason,
        clock: any Clock
    ) throws(CommandFailure) -> OpenDataDirectory {
        let (registry, report) = try openRegistryReadOnly("\(configuration.data)/registry.sqlite")
        do throws(LogError) {
            let disk = ReadOnlyDisk(PosixDisk())
            let log = try CommitLog.open(configuration.logConfiguration, disk: disk, clock: clock, access: .readOnly)
            return OpenDataDirectory(
                lock: lock,
                log: log,
                registry: registry,
                registryReport: report,
                readOnly: reason
            )
        } catch {
            throw failure(error, status: ExitStatus.inputOutput)
        }
    }

    private static func openRegistryReadOnly(
        _ path: String
    ) throws(CommandFailure) -> (DeviceRegistry, RegistryOpenReport) {
        do throws(RegistryError) {
            return (try DeviceRegistry.openReadOnly(path: path), .opened)
        } catch {
            do throws(RegistryError) {
                return (try DeviceRegistry.openEmpty(for: path), .unreadable(error.message))
            } catch {
                throw failure(error)
            }
        }
    }

    private static func make(_ path: String) throws(CommandFailure) {
        do throws(DiskError) {
            try makeWithParents(path)
        } catch {
            throw CommandFailure(
                error.isPermission ? ExitStatus.permission : ExitStatus.cannotCreate,
                "cannot make \(error.path): \(systemErrorText(error.errno))",
                hint: "`data` in the configuration says where; the daemon's user must be able to write there"
            )
        }
    }

    private static func makeWithParents(_ path: String) throws(DiskError) {
        let disk = PosixDisk()
        do {
            try disk.createDirectory(path)
        } catch {
            guard error.isNotFound, let slash = path.lastIndex(of: "/"), slash > path.startIndex else { throw error }
            try makeWithParents(String(path[..<slash]))
            try disk.createDirectory(path)
        }
    }

    static func failure(_ error: RegistryError) -> CommandFailure {
        guard error.code == .permission else {
            var failure = CommandFailure(ExitStatus.inputOutput, "\(error.path): \(error.message)", hint: error.hint)
            failure.isDeviceFailure = error.sqliteCode.map(failedWriteCodes.contains) ?? false
            return failure
        }
        // SQLite opens a file for reading where it cannot for writing, whatever the cause, and then calls it read-only.
        do {
            _ = try PosixDisk().open(error.path, .update)
        } catch {
            return CommandFailure(error.isPermission ? ExitStatus.permission : ExitStatus.inputOutput, "\(error)")
        }
        return CommandFailure(
            ExitStatus.inputOutput,
            "\(error.path): the disk let it be opened for reading only, though its permissions allow writing",
            hint: "see the kernel's messages (dmesg) for errors of the device"
        )
    }

    /// SQLite's extended result codes for a write, sync, truncation or removal that failed (`SQLITE_IOERR_WRITE`, `_FSYNC`,
    /// `_DIR_FSYNC`, `_TRUNCATE`, `_DELETE`).
    private static let failedWriteCodes: Set<Int32> = [778, 1034, 1290, 1546, 2570]

    static func failure(_ error: LogError, status: Int32) -> CommandFailure {
        let isPermission = error.errno == EACCES || error.errno == EPERM
        guard error.errno != EROFS else {
            return CommandFailure(
                ExitStatus.inputOutput,
                "the file system is mounted read-only: \(error)",
                hint:
                    "the kernel does that by itself when a disk fails: see `dmesg`; the commands that read, with --data, work"
            )
        }
        var failure = CommandFailure(isPermission ? ExitStatus.permission : status, "\(error)")
        failure.isDeviceFailure = error.underlying?.isDeviceFailure == true
        return failure
    }
}
