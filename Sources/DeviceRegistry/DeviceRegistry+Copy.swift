// A copy of the registry for a backup.
internal import GRDB

extension DeviceRegistry {
    /// Writes the registry as of one moment to `target`, where nothing must be: one file without a write-ahead log, not
    /// synced. Blocks; whoever writes to the registry meanwhile is not held up.
    package func copy(to target: String) throws(RegistryError) {
        do {
            try database.inDatabase { try $0.execute(sql: "VACUUM INTO ?", arguments: [target]) }
        } catch {
            throw RegistryError(error, path: target)
        }
    }
}
