// The registry of devices: SQLite on disk, an immutable directory in memory for everybody who only looks.
package import EventModel
internal import GRDB
package import Platform

/// The devices of one box, in `<data>/registry.sqlite`.
///
/// Lifecycle: `open`, any number of calls, `close`. One process writes at a time; the daemon's lock sees to that.
/// Calls may come from any task. All of them run one after the other on the database's own queue, never on an
/// event loop or an input thread, and block nobody else. Every change is one transaction, durable on return; after
/// its commit, still on that queue, the new directory is published to `feed`, so that snapshots appear in the order
/// of the commits.
package final class DeviceRegistry: Sendable {
    /// The file of the registry.
    package let path: String
    /// Where the newest directory is published; input threads look here.
    package let feed: DirectoryFeed
    /// As they were when the registry was opened.
    package let settings: RegistrySettings
    let database: DatabaseQueue

    private init(path: String, database: DatabaseQueue) throws(RegistryError) {
        self.path = path
        self.database = database
        do {
            settings = try database.inDatabase { try RegistryFile.settings($0) }
            feed = DirectoryFeed(try database.read { DeviceDirectory(devices: try RegistryRows.entries($0)) })
        } catch {
            throw RegistryError(error, path: path)
        }
    }

    /// Opens the registry, creating or migrating it; a damaged file is put aside and an empty one made.
    ///
    /// Blocks: reads the whole file once. The directory of `path` must exist; `now` names a file that is put aside.
    /// Throws `permission`, `cannotOpen`, `notARegistry`, `newerSchema`, `busy`, `diskFull` or `inputOutput`, and the
    /// file is as it was.
    package static func open(
        path: String,
        at now: Timestamp
    ) throws(RegistryError) -> (registry: DeviceRegistry, report: RegistryOpenReport) {
        let (database, report) = try RegistryFile.open(path, at: now)
        return (try DeviceRegistry(path: path, database: database), report)
    }

    /// Opens the registry for `list` and `show` without a daemon; the other calls throw `permission`.
    ///
    /// - Throws: As `open`, and `absent` or `damaged`.
    package static func openReadOnly(path: String) throws(RegistryError) -> DeviceRegistry {
        try DeviceRegistry(path: path, database: RegistryFile.openReadOnly(path))
    }

    /// An empty registry in memory, for a daemon that only reads and cannot read the one at `path`.
    package static func openEmpty(for path: String) throws(RegistryError) -> DeviceRegistry {
        try DeviceRegistry(path: path, database: RegistryFile.openEmpty(for: path))
    }

    /// Folds the write-ahead log back into the file and closes it. Nothing may be called afterwards.
    package func close() throws(RegistryError) {
        do {
            try database.close()
        } catch {
            throw RegistryError(error, path: path)
        }
    }

    /// The devices as of the last commit.
    package func directory() -> DeviceDirectory {
        feed.latest().directory
    }

    /// Devices that registered themselves, for the budget of `devices.max_automatic`.
    package func automaticCount() async throws(RegistryError) -> Int {
        try await read { database in
            try Int.fetchOne(database, sql: "SELECT count(*) FROM devices WHERE registered_by = 'automatic'") ?? 0
        }
    }

    /// Devices by state; every state is there.
    package func countsByState() -> [DeviceState: Int] {
        var counts = Dictionary(uniqueKeysWithValues: DeviceState.allCases.map { ($0, 0) })
        for device in directory().devices.values { counts[device.state, default: 0] += 1 }
        return counts
    }

    /// One page of devices, ordered by the bytes of their ids.
    package func list(_ filter: DeviceFilter = DeviceFilter()) async throws(RegistryError) -> DevicePage {
        try await read { try RegistryRows.page($0, filter) }
    }

    /// Ids of devices in `state`, the last to appear first.
    package func newest(_ state: DeviceState, count: Int) async throws(RegistryError) -> [String] {
        try await read { database in
            try String.fetchAll(
                database,
                sql: "SELECT id FROM devices WHERE state = ? ORDER BY first_seen DESC, id LIMIT ?",
                arguments: [state.rawValue, count]
            )
        }
    }

    /// Everything about one device.
    ///
    /// - Throws: `unknownDevice`.
    package func show(_ id: String) async throws(RegistryError) -> DeviceRecord {
        guard let record = try await read({ try RegistryRows.record($0, id: id) }) else { throw unknown(id) }
        return record
    }

    func unknown(_ id: String) -> RegistryError {
        RegistryError(
            .unknownDevice,
            path: path,
            message: "there is no device `\(id)`",
            hint: "forebay devices list shows those that are there; --create adds it"
        )
    }

    private func read<Value: Sendable>(
        _ body: @Sendable (Database) throws -> Value
    ) async throws(RegistryError) -> Value {
        do {
            return try await database.read(body)
        } catch {
            throw RegistryError(error, path: path)
        }
    }

    /// Runs `body` in one transaction on a copy of the devices, and publishes the copy after the commit if `body`
    /// says that it changed.
    func change<Value: Sendable>(
        _ body: @Sendable (Database, inout [String: DeviceEntry]) throws -> (Value, directoryChanged: Bool)
    ) async throws(RegistryError) -> Value {
        do {
            return try await database.writeWithoutTransaction { database in
                var devices = self.directory().devices
                var result: (Value, directoryChanged: Bool)?
                try database.inTransaction(.immediate) {
                    result = try body(database, &devices)
                    return .commit
                }
                guard let (value, directoryChanged) = result else { throw CancellationError() }
                if directoryChanged { self.feed.publish(DeviceDirectory(devices: devices)) }
                return value
            }
        } catch {
            throw RegistryError(error, path: path)
        }
    }
}
