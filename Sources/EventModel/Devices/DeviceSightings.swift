// What the input threads tell the registry: new devices and metrics, and when a device was last heard.
package import Platform
internal import Synchronization

/// One metric that a device sent for the first time since start.
package struct MetricSighting: Hashable, Sendable {
    package var device: String
    package var metric: String
    package var kind: MetricKind
    package var unit: String?

    package init(device: String, metric: String, kind: MetricKind, unit: String?) {
        self.device = device
        self.metric = metric
        self.kind = kind
        self.unit = unit
    }
}

/// All that the input threads saw since the registry last asked.
package struct SightingReport: Sendable {
    /// First heard, in the order of arrival. Repeatable from the log: losing a report loses nothing.
    package var devices: [(id: String, input: String, at: Timestamp)] = []
    package var metrics: [MetricSighting] = []
    /// Last receive time per device.
    package var lastSeen: [String: Timestamp] = [:]

    package init() {}

    /// Adds a later report.
    package mutating func merge(_ later: SightingReport) {
        devices += later.devices
        metrics += later.metrics
        lastSeen.merge(later.lastSeen) { max($0, $1) }
    }

    package var isEmpty: Bool { devices.isEmpty && metrics.isEmpty && lastSeen.isEmpty }
}

/// The shared budget of devices that may register themselves, and the mailbox of sightings.
///
/// Called on a new name and once a second per input with what was heard, never per reading. One leaf lock.
package final class DeviceSightings: Sendable {
    private struct State {
        var budget: Int
        var claimed: Set<String> = []
        var report = SightingReport()
    }

    private let state: Mutex<State>

    /// - Parameter automaticMax: `devices.max_automatic` less the devices that registered themselves already.
    package init(automaticMax: Int) {
        state = Mutex(State(budget: automaticMax))
    }

    /// Claims a place for a device that the directory does not know. True also where another input has claimed it;
    /// false where the budget is spent.
    package func claim(device: String, input: String, at time: Timestamp) -> Bool {
        state.withLock { state in
            if state.claimed.contains(device) { return true }
            guard state.budget > 0 else { return false }
            state.budget -= 1
            state.claimed.insert(device)
            state.report.devices.append((device, input, time))
            return true
        }
    }

    package func noteMetric(_ sighting: MetricSighting) {
        state.withLock { $0.report.metrics.append(sighting) }
    }

    /// Merges the last receive times of one input.
    package func noteLastSeen(_ times: [String: Timestamp]) {
        state.withLock { state in
            state.report.lastSeen.merge(times) { max($0, $1) }
        }
    }

    /// Takes everything reported since the last call.
    package func drain() -> SightingReport {
        state.withLock { state in
            let report = state.report
            state.report = SightingReport()
            return report
        }
    }

    /// Gives places back or takes them, after a device was deleted or the limit changed.
    package func setBudget(_ budget: Int) {
        state.withLock { $0.budget = budget }
    }
}
