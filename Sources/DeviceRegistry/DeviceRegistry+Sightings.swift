// Stores what the input threads saw: one transaction per drain, however many devices spoke.
package import EventModel
internal import GRDB
package import Platform

/// What `DeviceRegistry.record` did with a report.
package struct SightingOutcome: Hashable, Sendable {
    package var newDevices: Int
    /// Metrics that were not known, or not with a unit.
    package var newMetrics: Int
    /// Sightings that name nothing the registry can hold: an id or metric out of bounds, a device that it does not
    /// know, or a device with `RegistryLimits.metricsMax` metrics.
    package var skipped: Int

    package init(newDevices: Int = 0, newMetrics: Int = 0, skipped: Int = 0) {
        self.newDevices = newDevices
        self.newMetrics = newMetrics
        self.skipped = skipped
    }
}

extension DeviceRegistry {
    /// Stores new devices, new metrics and last receive times; durable on return.
    ///
    /// Repeatable: what is known already changes nothing but the last receive time. Where it throws, nothing of the
    /// report was stored, and the caller keeps it for the next attempt. `now` stands as the first time of a metric
    /// whose device has no receive time in the report. About 6 µs for each device that spoke: call it every few
    /// seconds, not every one, where thousands do.
    package func record(_ report: SightingReport, at now: Timestamp) async throws(RegistryError) -> SightingOutcome {
        guard !report.isEmpty else { return SightingOutcome() }
        return try await change { database, devices in
            var outcome = SightingOutcome()
            for sighting in report.devices {
                try Self.insert(sighting, database, &devices, &outcome)
            }
            for sighting in report.metrics {
                let time = report.lastSeen[sighting.device] ?? now
                try Self.insert(sighting, at: time, database, &devices, &outcome)
            }
            // The newest report wins even where it is earlier: a clock that stood in the future heals itself.
            let update = try database.cachedStatement(
                sql: "UPDATE devices SET first_seen = coalesce(first_seen, ?1), last_seen = ?1 WHERE id = ?2"
            )
            for (id, time) in report.lastSeen {
                guard devices[id] != nil else {
                    outcome.skipped += 1
                    continue
                }
                try update.execute(arguments: [time.milliseconds, id])
            }
            return (outcome, directoryChanged: outcome.newDevices > 0 || outcome.newMetrics > 0)
        }
    }

    private static func insert(
        _ sighting: (id: String, input: String, at: Timestamp),
        _ database: Database,
        _ devices: inout [String: DeviceEntry],
        _ outcome: inout SightingOutcome
    ) throws {
        guard devices[sighting.id] == nil else { return }
        guard RegistryLimits.allows(sighting.id, max: RegistryLimits.idBytesMax),
            devices.count < RegistryLimits.devicesMax
        else {
            outcome.skipped += 1
            return
        }
        let insert = try database.cachedStatement(
            sql: """
                INSERT INTO devices (id, state, registered_by, input, first_seen, last_seen)
                VALUES (?1, 'new', 'automatic', ?2, ?3, ?3)
                """
        )
        try insert.execute(arguments: [sighting.id, sighting.input, sighting.at.milliseconds])
        devices[sighting.id] = DeviceEntry(id: sighting.id)
        outcome.newDevices += 1
    }

    private static func insert(
        _ sighting: MetricSighting,
        at time: Timestamp,
        _ database: Database,
        _ devices: inout [String: DeviceEntry],
        _ outcome: inout SightingOutcome
    ) throws {
        let unit = sighting.unit.flatMap { RegistryLimits.allows($0, max: RegistryLimits.unitBytesMax) ? $0 : nil }
        guard let device = devices[sighting.device],
            RegistryLimits.allows(sighting.metric, max: RegistryLimits.metricBytesMax)
        else {
            outcome.skipped += 1
            return
        }
        if let known = device.metrics[sighting.metric] {
            guard known.unit == nil, unit != nil else { return }
        } else if device.metrics.count >= RegistryLimits.metricsMax {
            outcome.skipped += 1
            return
        }
        let insert = try database.cachedStatement(
            sql: """
                INSERT INTO metrics (device, metric, kind, unit, first_seen)
                SELECT number, ?2, ?3, ?4, ?5 FROM devices WHERE id = ?1
                ON CONFLICT (device, metric)
                DO UPDATE SET
                    unit = coalesce(unit, excluded.unit), first_seen = coalesce(first_seen, excluded.first_seen)
                """
        )
        try insert.execute(arguments: [
            sighting.device, sighting.metric, sighting.kind.rawValue, unit, time.milliseconds,
        ])
        devices[sighting.device]?.metrics[sighting.metric, default: MetricEntry(kind: sighting.kind)].unit = unit
        outcome.newMetrics += 1
    }
}
