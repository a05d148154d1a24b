// Opens the registry's file: settings, damage check, migration; puts a damaged file aside.
internal import Dispatch
internal import EventModel
internal import GRDB
internal import Glibc
internal import Platform

/// What `DeviceRegistry.open` found.
package enum RegistryOpenReport: Hashable, Sendable {
    /// There was no file; an empty registry was made.
    case created
    case opened
    /// The file was not a sound SQLite database. It lies at this path now, and an empty registry took its place:
    /// the daemon is degraded until an operator has looked at it (DESIGN section 9).
    case damaged(at: String)
    /// The file could not be read, for this reason, and stays where it is; an empty registry in memory stands for it.
    case unreadable(String)

    /// A sentence for the operator; nil where all is well.
    package var problem: String? {
        switch self {
        case .created, .opened: nil
        case .damaged(let path): "the registry was damaged; it is kept as \(path), and a new one was made"
        case .unreadable(let reason): "the registry cannot be read, so no devices are known: \(reason)"
        }
    }
}

/// The settings that make a commit durable, as SQLite reports them.
package struct RegistrySettings: Hashable, Sendable {
    /// `wal` on every registry that is open for writing.
    package var journalMode: String
    /// 2 is FULL: the log is synced at each commit.
    package var synchronous: Int
    package var foreignKeys: Bool
}

enum RegistryFile {
    /// Time to wait for another process that holds SQLite's lock, e.g. an operator's `sqlite3`.
    private static let busySeconds = 5.0
    /// The write-ahead log shrinks back to this size after a burst.
    private static let journalBytesMax = 4 * 1024 * 1024

    /// Opens `path` for reading and writing, with WAL and `synchronous = FULL` asserted.
    static func open(_ path: String, at now: Timestamp) throws(RegistryError) -> (DatabaseQueue, RegistryOpenReport) {
        do throws(RegistryError) {
            guard try isRegularFile(path) else { return (try connect(path), .created) }
            try inspectTwice(path)
            return (try connect(path), .opened)
        } catch {
            guard error.code == .damaged else { throw error }
        }
        let aside = try setAside(path, at: now)
        return (try connect(path), .damaged(at: aside))
    }

    /// Opens `path` for reading only: nothing is created, migrated or put aside.
    static func openReadOnly(_ path: String) throws(RegistryError) -> DatabaseQueue {
        guard try isRegularFile(path) else {
            throw RegistryError(.absent, path: path, message: "there is no registry here")
        }
        let database = try readOnly(path)
        do {
            guard try database.read({ try RegistrySchema.migrator.hasCompletedMigrations($0) }) else {
                let hint = "start the daemon once; it brings the registry up to date"
                throw RegistryError(.notARegistry, path: path, message: "the schema is not complete", hint: hint)
            }
            return database
        } catch {
            throw explained(error, path: path)
        }
    }

    /// A registry in memory, without a device.
    static func openEmpty(for path: String) throws(RegistryError) -> DatabaseQueue {
        do {
            let database = try DatabaseQueue(configuration: configuration)
            try RegistrySchema.migrator.migrate(database)
            return database
        } catch {
            throw explained(error, path: path)
        }
    }

    /// A device that failed once to read a page may find it the next time; what it does not find then is damage.
    private static func inspectTwice(_ path: String) throws(RegistryError) {
        do throws(RegistryError) {
            try inspect(path)
        } catch {
            guard error.sqliteCode == ResultCode.SQLITE_IOERR_READ.rawValue else { throw error }
            try inspect(path)
        }
    }

    /// Checks the file as `readOnly` does. What a power cut left of the file's first transactions, when it had no write-ahead
    /// log yet, SQLite rolls back before anybody reads; only a connection that may write can do that.
    private static func inspect(_ path: String) throws(RegistryError) {
        do throws(RegistryError) {
            _ = try readOnly(path)
        } catch {
            guard error.sqliteCode == ResultCode.SQLITE_READONLY_ROLLBACK.rawValue else { throw error }
            try rollBack(path)
            _ = try readOnly(path)
        }
    }

    private static func rollBack(_ path: String) throws(RegistryError) {
        do {
            let database = try DatabaseQueue(path: path, configuration: configuration)
            _ = try database.inDatabase { try Int.fetchOne($0, sql: "SELECT count(*) FROM sqlite_schema") }
        } catch {
            throw explained(error, path: path)
        }
    }

    /// Opens and checks the file without a byte of it being written, not even by a checkpoint at close, so that what is
    /// refused or put aside is what was found. Where its directory does not let SQLite make the files that it shares with
    /// writers, and a write-ahead log says of no writer, the file is taken for one that nobody changes.
    private static func readOnly(_ path: String) throws(RegistryError) -> DatabaseQueue {
        do throws(RegistryError) {
            return try readOnly(path, openedAs: path)
        } catch {
            let code = error.sqliteCode.map { ResultCode(rawValue: $0).primaryResultCode }
            guard code == .SQLITE_CANTOPEN, access(path + "-wal", F_OK) != 0 else { throw error }
            // What means something in a URI.
            let escapes: [Character: String] = ["%": "%25", "?": "%3f", "#": "%23"]
            let name = path.map { escapes[$0] ?? String($0) }.joined()
            return try readOnly(path, openedAs: "file:\(name)?immutable=1")
        }
    }

    private static func readOnly(_ path: String, openedAs name: String) throws(RegistryError) -> DatabaseQueue {
        var configuration = configuration
        configuration.readonly = true
        do {
            let database = try DatabaseQueue(path: name, configuration: configuration)
            try database.read { try check($0, path: path) }
            return database
        } catch {
            throw explained(error, path: path)
        }
    }

    private static var configuration: Configuration {
        var configuration = Configuration()
        configuration.label = "registry"
        configuration.qos = .utility
        configuration.busyMode = .timeout(busySeconds)
        return configuration
    }

    private static func connect(_ path: String) throws(RegistryError) -> DatabaseQueue {
        var configuration = configuration
        configuration.journalMode = .wal
        do {
            let database = try DatabaseQueue(path: path, configuration: configuration)
            try database.inDatabase { try configure($0, path: path) }
            try RegistrySchema.migrator.migrate(database)
            return database
        } catch {
            throw explained(error, path: path)
        }
    }

    /// Refuses a file that is broken, or belongs to another program or to a newer version.
    private static func check(_ database: Database, path: String) throws {
        let verdict = try String.fetchOne(database, sql: "PRAGMA quick_check(1)") ?? "no answer"
        guard verdict == "ok" else {
            throw RegistryError(.damaged, path: path, message: "the file is damaged: \(verdict)")
        }
        // The migrator's own table comes first, in a transaction of its own: a box whose power went right then has a registry
        // that is not begun, not another program's.
        let foreign = "SELECT count(*) FROM sqlite_schema WHERE tbl_name <> 'grdb_migrations'"
        let tables = try Int.fetchOne(database, sql: foreign) ?? 0
        let owner = try Int32.fetchOne(database, sql: "PRAGMA application_id") ?? 0
        guard tables == 0 || owner == RegistrySchema.applicationID else {
            let hint = "move it away, or name another data directory"
            throw RegistryError(.notARegistry, path: path, message: "this is another program's database", hint: hint)
        }
        guard try !RegistrySchema.migrator.hasBeenSuperseded(database) else {
            throw RegistryError(
                .newerSchema,
                path: path,
                message: "the registry was written by a newer version of Forebay",
                hint: "install that version again, or restore the registry from a backup of this one"
            )
        }
    }

    /// A transaction that was reported as done survives a power cut only with WAL and FULL, so both are read back:
    /// SQLite falls back in silence where the file system cannot do WAL. GRDB sets NORMAL with WAL; FULL comes after.
    private static func configure(_ database: Database, path: String) throws {
        try database.execute(sql: "PRAGMA synchronous = FULL")
        _ = try Int.fetchOne(database, sql: "PRAGMA journal_size_limit = \(journalBytesMax)")
        let wanted = RegistrySettings(journalMode: "wal", synchronous: 2, foreignKeys: true)
        guard try settings(database) == wanted else {
            throw RegistryError(
                .cannotOpen,
                path: path,
                message: "SQLite does not keep journal_mode=wal, synchronous=full and foreign_keys=on here",
                hint: "the data directory must lie on a local file system"
            )
        }
    }

    static func settings(_ database: Database) throws -> RegistrySettings {
        RegistrySettings(
            journalMode: try String.fetchOne(database, sql: "PRAGMA journal_mode") ?? "",
            synchronous: try Int.fetchOne(database, sql: "PRAGMA synchronous") ?? 0,
            foreignKeys: try Bool.fetchOne(database, sql: "PRAGMA foreign_keys") ?? false
        )
    }

    /// Renames the file and its journal; the three names stay those that `sqlite3` expects together.
    ///
    /// - Returns: The new path of the database file.
    private static func setAside(_ path: String, at now: Timestamp) throws(RegistryError) -> String {
        let aside = "\(path).damaged-\(compactTime(now))"
        for suffix in ["", "-wal", "-shm"] {
            guard rename(path + suffix, aside + suffix) != 0 else { continue }
            let code = errno
            guard code != ENOENT else { continue }
            throw RegistryError(
                code == EACCES || code == EPERM || code == EROFS ? .permission : .inputOutput,
                path: path + suffix,
                message: "the registry is damaged and cannot be put aside: \(systemErrorText(code))"
            )
        }
        return aside
    }

    /// False where there is nothing; `damaged` where there is something else than a file, another error where it cannot be
    /// seen.
    private static func isRegularFile(_ path: String) throws(RegistryError) -> Bool {
        var status = stat()
        for companion in [path + "-wal", path + "-shm"]
        where stat(companion, &status) == 0 && status.st_mode & S_IFMT != S_IFREG {
            throw RegistryError(.damaged, path: companion, message: "this is not a regular file")
        }
        guard stat(path, &status) != 0 else {
            guard status.st_mode & S_IFMT == S_IFREG else {
                throw RegistryError(.damaged, path: path, message: "this is not a regular file")
            }
            return true
        }
        let code = errno
        guard code != ENOENT else { return false }
        throw RegistryError(
            code == EACCES ? .permission : .cannotOpen,
            path: path,
            message: "the registry cannot be seen: \(systemErrorText(code))"
        )
    }

    /// SQLite says "unable to open database file" and no more; the errno of the directory or of a file says why.
    private static func explained(_ error: any Error, path: String) -> RegistryError {
        var explained = RegistryError(error, path: path)
        guard explained.code == .cannotOpen, explained.sqliteCode != nil else { return explained }
        let directory = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        let files = ["", "-wal", "-shm"].map { (path + $0, R_OK | W_OK) }
        let places = [(directory.isEmpty ? "/" : directory, W_OK | X_OK)] + files
        for (place, mode) in places where access(place, mode) != 0 {
            let code = errno
            // A file that is not there yet is no obstacle.
            guard code != ENOENT || mode & X_OK != 0 else { continue }
            explained.message = "\(place) is not usable: \(systemErrorText(code))"
            if code == EACCES || code == EROFS { explained.code = .permission }
            break
        }
        return explained
    }

    /// UTC as `20261123T191000.123Z`: the punctuation of RFC 3339 left out, as it is a nuisance in a file's name.
    private static func compactTime(_ time: Timestamp) -> String {
        TimestampText.string(time).filter { $0 != "-" && $0 != ":" }
    }
}
