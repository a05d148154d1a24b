// Reads the registry's rows into the values that the rest of the product knows.
internal import EventModel
internal import GRDB
internal import Platform

enum RegistryRows {
    private static let deviceColumns = """
        number, id, name, location, profile, state, registered_by, input, first_seen, last_seen,
        expected_interval_ms, calibration_revision
        """

    /// Every device, for the directory.
    static func entries(_ database: Database) throws -> [String: DeviceEntry] {
        var records: [Int64: DeviceRecord] = [:]
        let devices = try Row.fetchCursor(database, sql: "SELECT \(deviceColumns) FROM devices")
        while let row = try devices.next() { records[row[0]] = try record(row) }
        let metrics = try Row.fetchCursor(
            database,
            sql: "SELECT device, metric, kind, unit, scale, \"offset\", first_seen FROM metrics"
        )
        while let row = try metrics.next() { records[row[0]]?.metrics[row[1]] = try metric(row, from: 2) }
        let labels = try Row.fetchCursor(database, sql: "SELECT device, key, value FROM labels")
        while let row = try labels.next() { records[row[0]]?.labels[row[1]] = row[2] }
        return Dictionary(records.values.map { ($0.id, $0.entry) }) { first, _ in first }
    }

    static func record(_ database: Database, id: String) throws -> DeviceRecord? {
        let statement = try database.cachedStatement(sql: "SELECT \(deviceColumns) FROM devices WHERE id = ?")
        guard let row = try Row.fetchOne(statement, arguments: [id]) else { return nil }
        return try completed(row, database)
    }

    static func page(_ database: Database, _ filter: DeviceFilter) throws -> DevicePage {
        let count = min(max(filter.count, 1), DeviceFilter.countMax)
        let rows = try Row.fetchAll(
            database,
            sql: """
                SELECT \(deviceColumns) FROM devices
                WHERE (?1 IS NULL OR id > ?1) AND (?2 IS NULL OR state = ?2) AND (?3 IS NULL OR id GLOB ?3)
                ORDER BY id LIMIT ?4
                """,
            arguments: [filter.after, filter.state?.rawValue, filter.pattern.map(globForSQLite), count + 1]
        )
        let devices = try rows.prefix(count).map { try completed($0, database) }
        return DevicePage(devices: devices, next: rows.count > count ? devices.last?.id : nil)
    }

    /// SQLite's GLOB also has `[...]`; ours does not, so an opening bracket is made to match itself.
    private static func globForSQLite(_ pattern: String) -> String {
        pattern.split(separator: "[", omittingEmptySubsequences: false).joined(separator: "[[]")
    }

    private static func completed(_ row: Row, _ database: Database) throws -> DeviceRecord {
        var record = try record(row)
        let number: Int64 = row[0]
        let metrics = try database.cachedStatement(
            sql: "SELECT metric, kind, unit, scale, \"offset\", first_seen FROM metrics WHERE device = ?"
        )
        for row in try Row.fetchAll(metrics, arguments: [number]) { record.metrics[row[0]] = try metric(row, from: 1) }
        let labels = try database.cachedStatement(sql: "SELECT key, value FROM labels WHERE device = ?")
        for row in try Row.fetchAll(labels, arguments: [number]) { record.labels[row[0]] = row[1] }
        return record
    }

    private static func record(_ row: Row) throws -> DeviceRecord {
        guard let state = DeviceState(rawValue: row[5]), let origin = DeviceOrigin(rawValue: row[6]) else {
            throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "a device has a state that is none")
        }
        return DeviceRecord(
            id: row[1],
            name: row[2],
            location: row[3],
            profile: row[4],
            state: state,
            registeredBy: origin,
            input: row[7],
            expectedIntervalMilliseconds: row[10],
            firstSeen: time(row[8]),
            lastSeen: time(row[9]),
            calibrationRevision: row[11]
        )
    }

    private static func metric(_ row: Row, from first: Int) throws -> MetricRecord {
        guard let kind = MetricKind(rawValue: row[first]) else {
            throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "a metric has a kind that is none")
        }
        return MetricRecord(
            kind: kind,
            unit: row[first + 1],
            scale: row[first + 2],
            offset: row[first + 3],
            firstSeen: time(row[first + 4])
        )
    }

    private static func time(_ milliseconds: Int64?) -> JSONTimestamp? {
        milliseconds.map { JSONTimestamp(Timestamp(milliseconds: $0)) }
    }
}
