// What the input threads know of the registry: an immutable snapshot, swapped by reference.
internal import Synchronization

/// The states of a device in the registry.
package enum DeviceState: String, CaseIterable, Sendable {
    /// Registered itself; nobody has looked at it yet. Its readings are stored and watched.
    case new
    /// Declared or adopted by an operator.
    case active
    /// Refused: payloads of it are rejected as `unknown_device`.
    case blocked
}

/// What a (device, metric) measures; it keeps its first kind, and what comes as the other is stored as bad.
package enum MetricKind: String, BitwiseCopyable, Sendable {
    case number
    /// A Boolean or a word.
    case state
}

/// What the registry says of one metric of one device.
package struct MetricEntry: Hashable, Sendable {
    package var kind: MetricKind
    /// Canonical unit; nil where nobody has said.
    package var unit: String?
    /// stored value = payload value x scale + offset
    package var scale: Double
    package var offset: Double

    package init(kind: MetricKind = .number, unit: String? = nil, scale: Double = 1, offset: Double = 0) {
        self.kind = kind
        self.unit = unit
        self.scale = scale
        self.offset = offset
    }

    package var isIdentity: Bool { scale == 1 && offset == 0 }
}

/// What the registry says of one device.
package struct DeviceEntry: Hashable, Sendable {
    package var id: String
    package var name: String?
    package var location: String?
    package var profile: String?
    package var state: DeviceState
    /// Stamped on each event, over the payload's and the topic's.
    package var labels: [String: String]
    package var expectedInterval: Duration?
    package var metrics: [String: MetricEntry]
    /// Raised at each change of scale or offset; stands in records as `calibration`.
    package var calibrationRevision: Int

    package init(
        id: String,
        name: String? = nil,
        location: String? = nil,
        profile: String? = nil,
        state: DeviceState = .new,
        labels: [String: String] = [:],
        expectedInterval: Duration? = nil,
        metrics: [String: MetricEntry] = [:],
        calibrationRevision: Int = 0
    ) {
        self.id = id
        self.name = name
        self.location = location
        self.profile = profile
        self.state = state
        self.labels = labels
        self.expectedInterval = expectedInterval
        self.metrics = metrics
        self.calibrationRevision = calibrationRevision
    }
}

/// All devices at one moment. Immutable; shared by reference between threads.
package final class DeviceDirectory: Sendable {
    package let devices: [String: DeviceEntry]

    package init(devices: [String: DeviceEntry] = [:]) {
        self.devices = devices
    }
}

/// The place where the registry publishes its newest snapshot and every input thread looks for it: once per wake-up,
/// an atomic load; a lock only when something changed.
package final class DirectoryFeed: Sendable {
    private let version = Atomic<UInt64>(1)
    private let current: Mutex<DeviceDirectory>

    package init(_ directory: DeviceDirectory = DeviceDirectory()) {
        current = Mutex(directory)
    }

    package var generation: UInt64 { version.load(ordering: .acquiring) }

    package func latest() -> (directory: DeviceDirectory, generation: UInt64) {
        current.withLock { ($0, version.load(ordering: .acquiring)) }
    }

    package func publish(_ directory: DeviceDirectory) {
        current.withLock { held in
            held = directory
            version.wrappingAdd(1, ordering: .acquiringAndReleasing)
        }
    }
}
