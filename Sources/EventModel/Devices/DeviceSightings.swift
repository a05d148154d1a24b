// What the input threads tell the registry: new devices and metrics, and when a device was last heard.
package import Platform
internal import Synchronization

/// One metric that a device sent for the first time.
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

/// The shared budget of devices that may register themselves, the kinds of metrics that the registry does not know yet,
/// and the mailbox of sightings.
///
/// Called on a new name and once a second per input with what was heard, never per reading. One leaf lock.
package final class DeviceSightings: Sendable {
    private struct Pair: Hashable {
        var device: String
        var metric: String
    }

    private struct State {
        var budget: Int
        var claimed: Set<String> = []
        var kinds: [Pair: MetricKind] = [:]
        /// Those of them that the directory has known for a round.
        var published: [Pair] = []
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

    /// Claims the kind of a metric that the directory does not know: that of the first sighting, by whichever input.
    package func claim(_ sighting: MetricSighting) -> MetricKind {
        state.withLock { state in
            let pair = Pair(device: sighting.device, metric: sighting.metric)
            if let kind = state.kinds[pair] { return kind }
            state.kinds[pair] = sighting.kind
            state.report.metrics.append(sighting)
            return sighting.kind
        }
    }

    /// The directory holds what `report` says. Its claims end a round later, when every input has looked there.
    package func notePublished(_ report: SightingReport) {
        state.withLock { state in
            for pair in state.published { state.kinds[pair] = nil }
            state.published = report.metrics.map { Pair(device: $0.device, metric: $0.metric) }
        }
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
