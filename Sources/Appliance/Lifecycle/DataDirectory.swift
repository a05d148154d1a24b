// The directory that everything lives in: made, locked, opened.
internal import CommitLog
internal import DeviceRegistry
internal import EventModel
internal import Foundation
internal import Platform

/// What a running daemon has open. Closed in the opposite order by `Daemon`.
struct OpenDataDirectory {
    var lock: DirectoryLock
    var log: CommitLog
    var registry: DeviceRegistry
    var registryReport: RegistryOpenReport
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
        if DiskFailures(data: path).areTooMany(at: clock.now()) {
            return try openReadOnly(configuration, lock, clock: clock)
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

    /// As it is, after too many failures of the disk: nothing is created, repaired or migrated.
    private static func openReadOnly(
        _ configuration: Configuration,
        _ lock: DirectoryLock,
        clock: any Clock
    ) throws(CommandFailure) -> OpenDataDirectory {
        let registry: DeviceRegistry
        do throws(RegistryError) {
            registry = try DeviceRegistry.openReadOnly(path: "\(configuration.data)/registry.sqlite")
        } catch {
            throw failure(error)
        }
        do throws(LogError) {
            let disk = ReadOnlyDisk(PosixDisk())
            let log = try CommitLog.open(configuration.logConfiguration, disk: disk, clock: clock, access: .readOnly)
            return OpenDataDirectory(lock: lock, log: log, registry: registry, registryReport: .opened)
        } catch {
            throw failure(error, status: ExitStatus.inputOutput)
        }
    }

    private static func make(_ path: String) throws(CommandFailure) {
        do {
            try FileManager.default.createDirectory(
                atPath: path,
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o750]
            )
        } catch {
            let code = (error as NSError).code
            let isPermission = code == CocoaError.fileWriteNoPermission.rawValue
            throw CommandFailure(
                isPermission ? ExitStatus.permission : ExitStatus.cannotCreate,
                "cannot make \(path): \(error.localizedDescription)",
                hint: "`data` in the configuration says where; the daemon's user must be able to write there"
            )
        }
    }

    static func failure(_ error: RegistryError) -> CommandFailure {
        let isPermission = error.code == .permission
        return CommandFailure(
            isPermission ? ExitStatus.permission : ExitStatus.inputOutput,
            "\(error.path): \(error.message)",
            hint: error.hint
        )
    }

    static func failure(_ error: LogError, status: Int32) -> CommandFailure {
        let isPermission = error.errno == EACCES || error.errno == EPERM
        return CommandFailure(isPermission ? ExitStatus.permission : status, "\(error)")
    }
}
