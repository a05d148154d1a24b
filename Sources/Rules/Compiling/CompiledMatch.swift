// What a rule watches, as globs over bytes.
internal import EventModel

/// The two halves of a match: names, which never change for a device and metric, and labels, which come with events.
struct CompiledMatch: Sendable {
    private struct LabelPattern: Sendable {
        let name: [UInt8]
        /// Alternatives; none: any text.
        let globs: [Glob]

        init(_ name: String, _ patterns: [String]) {
            self.name = Array(name.utf8)
            globs = patterns.map { Glob($0) }
        }
    }

    private let metrics: [Glob]
    private let devices: [Glob]
    private let labels: [LabelPattern]

    init(_ match: RuleMatch) {
        metrics = match.metrics.map { Glob($0) }
        devices = match.devices.map { Glob($0) }
        var labels = match.labels.sorted { $0.key < $1.key }.map { LabelPattern($0.key, $0.value) }
        // Ingest stamps the registry's name, profile and location as labels.
        if !match.names.isEmpty { labels.append(LabelPattern("name", match.names)) }
        if !match.profiles.isEmpty { labels.append(LabelPattern("profile", match.profiles)) }
        if !match.locations.isEmpty { labels.append(LabelPattern("location", match.locations)) }
        self.labels = labels
    }

    var dependsOnLabels: Bool { !labels.isEmpty }

    func matches(device: UnsafeRawBufferPointer, metric: UnsafeRawBufferPointer) -> Bool {
        CompiledMatch.any(metrics, metric) && matches(device: device)
    }

    func matches(device: UnsafeRawBufferPointer) -> Bool { CompiledMatch.any(devices, device) }

    /// `isMatching`: whether the event has a label of that name whose text one of the globs covers.
    func matchesLabels(_ isMatching: (_ name: [UInt8], _ globs: [Glob]) -> Bool) -> Bool {
        labels.allSatisfy { isMatching($0.name, $0.globs) }
    }

    /// No pattern at all watches everything.
    private static func any(_ globs: [Glob], _ text: UnsafeRawBufferPointer) -> Bool {
        globs.isEmpty || globs.contains { $0.matches(text) }
    }
}
