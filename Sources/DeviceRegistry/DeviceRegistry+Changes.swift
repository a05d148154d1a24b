// What an operator changes in a device: checked first, then stored whole or not at all.
package import EventModel
internal import GRDB
package import Platform

extension DeviceRegistry {
    /// Applies `changes` to a device, or creates it where they say so; durable and published on return.
    ///
    /// A change of scale or offset raises the calibration revision by one, however many metrics it touches; changes
    /// that change nothing leave everything as it is. A new scale or offset is valid from `now` on: later events carry
    /// it, stored ones do not.
    ///
    /// Throws `unknownDevice`, `invalidChange`, `limitReached`, or why SQLite refused; nothing was stored then. Returns
    /// the device as it is afterwards.
    package func set(
        _ id: String,
        _ changes: DeviceChange,
        at now: Timestamp
    ) async throws(RegistryError) -> DeviceRecord {
        try changes.validate(id: id, path: path)
        return try await change { database, devices in
            let current = try RegistryRows.record(database, id: id)
            guard current != nil || changes.create else { throw self.unknown(id) }
            guard current != nil || devices.count < RegistryLimits.devicesMax else {
                throw self.limit("the registry holds \(RegistryLimits.devicesMax) devices, and no more")
            }
            let before = current ?? DeviceRecord(id: id, state: .active, registeredBy: .operator)
            let after = try self.applied(changes, to: before)
            guard current == nil || after != before else { return (before, directoryChanged: false) }
            try Self.store(after, replacing: current, at: now, database)
            devices[id] = after.entry
            return (after, directoryChanged: true)
        }
    }

    private func limit(_ message: String) -> RegistryError {
        RegistryError(.limitReached, path: path, message: message)
    }

    private func applied(_ changes: DeviceChange, to before: DeviceRecord) throws -> DeviceRecord {
        var record = before
        record.name = changes.name.applied(to: before.name)
        record.location = changes.location.applied(to: before.location)
        record.profile = changes.profile.applied(to: before.profile)
        record.state = changes.state ?? before.state
        record.expectedIntervalMilliseconds =
            changes.expectedIntervalMilliseconds.applied(to: before.expectedIntervalMilliseconds)
        for (key, value) in changes.labels { record.labels[key] = value }
        guard record.labels.count <= RegistryLimits.labelsMax else {
            throw limit("a device has at most \(RegistryLimits.labelsMax) labels")
        }
        var isRecalibrated = false
        for (name, change) in changes.metrics {
            let old = before.metrics[name] ?? MetricRecord()
            var metric = old
            metric.kind = change.kind ?? old.kind
            metric.unit = change.unit.applied(to: old.unit)
            metric.scale = change.scale.applied(to: old.scale) ?? 1
            metric.offset = change.offset.applied(to: old.offset) ?? 0
            record.metrics[name] = metric
            if metric.scale != old.scale || metric.offset != old.offset { isRecalibrated = true }
        }
        guard record.metrics.count <= RegistryLimits.metricsMax else {
            throw limit("a device has at most \(RegistryLimits.metricsMax) metrics")
        }
        if isRecalibrated { record.calibrationRevision += 1 }
        guard record.calibrationRevision <= RegistryLimits.calibrationRevisionMax else {
            throw limit("a device has at most \(RegistryLimits.calibrationRevisionMax) calibrations")
        }
        return record
    }

    private static func store(
        _ after: DeviceRecord,
        replacing before: DeviceRecord?,
        at now: Timestamp,
        _ database: Database
    ) throws {
        let upsert = try database.cachedStatement(
            sql: """
                INSERT INTO devices
                    (id, name, location, profile, state, registered_by, expected_interval_ms, calibration_revision)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                ON CONFLICT (id) DO UPDATE SET name = ?2, location = ?3, profile = ?4, state = ?5,
                    expected_interval_ms = ?7, calibration_revision = ?8
                """
        )
        try upsert.execute(arguments: [
            after.id, after.name, after.location, after.profile, after.state.rawValue, after.registeredBy.rawValue,
            after.expectedIntervalMilliseconds, after.calibrationRevision,
        ])
        guard
            let number = try Int64.fetchOne(
                database,
                sql: "SELECT number FROM devices WHERE id = ?",
                arguments: [after.id]
            )
        else { throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "a stored device is not there") }
        try storeLabels(of: after, replacing: before, device: number, database)
        for (name, metric) in after.metrics where metric != before?.metrics[name] {
            let old = before?.metrics[name] ?? MetricRecord()
            let isRecalibrated = metric.scale != old.scale || metric.offset != old.offset
            try store(metric, named: name, device: number, database)
            guard isRecalibrated else { continue }
            try database.execute(
                sql: """
                    INSERT INTO calibrations (metric, revision, scale, "offset", valid_from)
                    SELECT number, ?, ?, ?, ? FROM metrics WHERE device = ? AND metric = ?
                    """,
                arguments: [
                    after.calibrationRevision, metric.scale, metric.offset, now.milliseconds, number, name,
                ]
            )
        }
    }

    private static func storeLabels(
        of after: DeviceRecord,
        replacing before: DeviceRecord?,
        device: Int64,
        _ database: Database
    ) throws {
        for key in before?.labels.keys.filter({ after.labels[$0] == nil }) ?? [] {
            try database.execute(sql: "DELETE FROM labels WHERE device = ? AND key = ?", arguments: [device, key])
        }
        for (key, value) in after.labels where before?.labels[key] != value {
            try database.execute(
                sql: """
                    INSERT INTO labels (device, key, value) VALUES (?, ?, ?)
                    ON CONFLICT (device, key) DO UPDATE SET value = excluded.value
                    """,
                arguments: [device, key, value]
            )
        }
    }

    private static func store(_ metric: MetricRecord, named name: String, device: Int64, _ database: Database) throws {
        try database.execute(
            sql: """
                INSERT INTO metrics (device, metric, kind, unit, scale, "offset") VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                ON CONFLICT (device, metric) DO UPDATE SET kind = ?3, unit = ?4, scale = ?5, "offset" = ?6
                """,
            arguments: [device, name, metric.kind.rawValue, metric.unit, metric.scale, metric.offset]
        )
    }
}

extension DeviceChange {
    /// Labels that would hide the device's own attributes.
    private static let reservedLabels: Set<String> = ["name", "location", "profile"]

    /// Throws `invalidChange` with the first thing that is out of bounds.
    func validate(id: String, path: String) throws(RegistryError) {
        func refuse(_ message: String, hint: String? = nil) -> RegistryError {
            RegistryError(.invalidChange, path: path, message: message, hint: hint)
        }
        func require(_ text: String, _ what: String, max: Int) throws(RegistryError) {
            guard !RegistryLimits.allows(text, max: max) else { return }
            throw refuse("\(what) must be 1 to \(max) bytes without control characters")
        }
        try require(id, "a device id", max: RegistryLimits.idBytesMax)
        for (change, what) in [(name, "the name"), (location, "the location"), (profile, "the profile")] {
            if case .set(let text) = change { try require(text, what, max: RegistryLimits.textBytesMax) }
        }
        if case .set(let interval) = expectedIntervalMilliseconds {
            guard interval > 0, interval <= RegistryLimits.expectedIntervalMillisecondsMax else {
                throw refuse("the expected interval must be from 1 ms to 366 days")
            }
        }
        for (key, value) in labels {
            try require(key, "a label's name", max: RegistryLimits.labelKeyBytesMax)
            guard !Self.reservedLabels.contains(key), !key.contains("=") else {
                throw refuse(
                    "a label cannot be called `\(key)`",
                    hint: "set the device's own name, location or profile"
                )
            }
            if let value { try require(value, "the label `\(key)`", max: RegistryLimits.labelValueBytesMax) }
        }
        for (metric, change) in metrics {
            try require(metric, "a metric's name", max: RegistryLimits.metricBytesMax)
            if case .set(let unit) = change.unit {
                try require(unit, "the unit of `\(metric)`", max: RegistryLimits.unitBytesMax)
            }
            if case .set(let scale) = change.scale, !scale.isFinite || scale == 0 {
                throw refuse("the scale of `\(metric)` must be a number other than 0")
            }
            if case .set(let offset) = change.offset, !offset.isFinite {
                throw refuse("the offset of `\(metric)` must be a number")
            }
        }
    }
}
