// A device as people and programs see it: what the registry answers, in the shape of the API's JSON.

extension DeviceState: Codable {}
extension MetricKind: Codable {}

/// How a device came into the registry.
package enum DeviceOrigin: String, CaseIterable, Codable, Sendable {
    /// It sent something and registered itself; counts against `devices.max_automatic`.
    case automatic
    /// An operator declared it.
    case `operator`
}

/// What the registry holds of one metric of one device.
package struct MetricRecord: Hashable, Codable, Sendable {
    package var kind: MetricKind
    /// Canonical unit; nil where nobody has said.
    package var unit: String?
    /// stored value = payload value x scale + offset
    package var scale: Double
    package var offset: Double
    /// Nil where the metric was declared and never heard.
    package var firstSeen: JSONTimestamp?

    package init(
        kind: MetricKind = .number,
        unit: String? = nil,
        scale: Double = 1,
        offset: Double = 0,
        firstSeen: JSONTimestamp? = nil
    ) {
        self.kind = kind
        self.unit = unit
        self.scale = scale
        self.offset = offset
        self.firstSeen = firstSeen
    }

    enum CodingKeys: String, CodingKey {
        case kind, unit, scale, offset
        case firstSeen = "first_seen"
    }
}

/// What the registry holds of one device. As JSON: snake_case keys, absent where there is nothing.
package struct DeviceRecord: Hashable, Codable, Sendable {
    package var id: String
    package var name: String?
    package var location: String?
    package var profile: String?
    package var state: DeviceState
    package var registeredBy: DeviceOrigin
    /// The input that first heard the device; nil where it was declared and never heard.
    package var input: String?
    package var labels: [String: String]
    package var expectedIntervalMilliseconds: Int64?
    package var firstSeen: JSONTimestamp?
    package var lastSeen: JSONTimestamp?
    /// Raised at each change of scale or offset; stands in records as `calibration`.
    package var calibrationRevision: Int
    package var metrics: [String: MetricRecord]

    package init(
        id: String,
        name: String? = nil,
        location: String? = nil,
        profile: String? = nil,
        state: DeviceState,
        registeredBy: DeviceOrigin,
        input: String? = nil,
        labels: [String: String] = [:],
        expectedIntervalMilliseconds: Int64? = nil,
        firstSeen: JSONTimestamp? = nil,
        lastSeen: JSONTimestamp? = nil,
        calibrationRevision: Int = 0,
        metrics: [String: MetricRecord] = [:]
    ) {
        self.id = id
        self.name = name
        self.location = location
        self.profile = profile
        self.state = state
        self.registeredBy = registeredBy
        self.input = input
        self.labels = labels
        self.expectedIntervalMilliseconds = expectedIntervalMilliseconds
        self.firstSeen = firstSeen
        self.lastSeen = lastSeen
        self.calibrationRevision = calibrationRevision
        self.metrics = metrics
    }

    enum CodingKeys: String, CodingKey {
        case id, name, location, profile, state, input, labels, metrics
        case registeredBy = "registered_by"
        case expectedIntervalMilliseconds = "expected_interval_ms"
        case firstSeen = "first_seen"
        case lastSeen = "last_seen"
        case calibrationRevision = "calibration_revision"
    }
}

extension MetricRecord {
    /// The part that the input threads need.
    package var entry: MetricEntry { MetricEntry(kind: kind, unit: unit, scale: scale, offset: offset) }
}

extension DeviceRecord {
    /// The part that the input threads need.
    package var entry: DeviceEntry {
        DeviceEntry(
            id: id,
            name: name,
            location: location,
            profile: profile,
            state: state,
            labels: labels,
            expectedInterval: expectedIntervalMilliseconds.map { .milliseconds($0) },
            metrics: metrics.mapValues(\.entry),
            calibrationRevision: calibrationRevision
        )
    }
}

/// Which devices to list, and from where.
package struct DeviceFilter: Hashable, Sendable {
    /// The largest page, so that one answer is bounded.
    package static let countMax = 10_000

    package var state: DeviceState?
    /// Glob over the id: `*` any text, `?` one character.
    package var pattern: String?
    /// Ids after this one, in byte order; `DevicePage.next` of the page before.
    package var after: String?
    /// Devices in one page; taken as 1 to `countMax`.
    package var count: Int

    package init(state: DeviceState? = nil, pattern: String? = nil, after: String? = nil, count: Int = 1000) {
        self.state = state
        self.pattern = pattern
        self.after = after
        self.count = count
    }
}

/// One page of devices, ordered by id.
package struct DevicePage: Hashable, Codable, Sendable {
    package var devices: [DeviceRecord]
    /// Give this as `after` to get the next page; nil where this was the last.
    package var next: String?

    package init(devices: [DeviceRecord], next: String? = nil) {
        self.devices = devices
        self.next = next
    }
}
