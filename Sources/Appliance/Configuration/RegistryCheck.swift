// What rules look for, against the devices that the registry knows.
internal import DeviceRegistry
internal import EventModel
internal import Foundation
internal import Rules

/// Opens the registry of a configuration's `data` read-only. A registry that is empty, or not there yet, says nothing about what
/// will come. Blocks for the disk.
struct RegistryCheck {
    private let loaded: LoadedConfiguration
    /// Without those that are blocked; nil where the registry cannot be read.
    private let devices: [DeviceEntry]?
    private let failure: ConfigurationProblem?

    init(_ loaded: LoadedConfiguration) {
        self.loaded = loaded
        let path = "\(loaded.configuration.data)/registry.sqlite"
        guard FileManager.default.fileExists(atPath: path) else {
            (devices, failure) = ([], nil)
            return
        }
        do throws(RegistryError) {
            let registry = try DeviceRegistry.openReadOnly(path: path)
            let found = registry.directory().devices.values.filter { $0.state != .blocked }
            try registry.close()
            (devices, failure) = (found, nil)
        } catch {
            (devices, failure) = (nil, ConfigurationProblem(.warning, loaded.place(of: "data"), error.description))
        }
    }

    /// Rules that fit no device.
    func reach() -> [ConfigurationProblem] {
        guard let devices else { return [failure].compactMap(\.self) }
        guard !devices.isEmpty else { return [] }
        return loaded.configuration.rules.compactMap { reach($0, devices) }
    }

    /// The same with the very patterns of devices and metrics that fit nothing, and the name that was perhaps meant.
    func names() -> [ConfigurationProblem] {
        guard let devices, !devices.isEmpty else { return reach() }
        let ids = devices.map(\.id).sorted()
        let metrics = Set(devices.flatMap(\.metrics.keys)).sorted()
        return loaded.configuration.rules.flatMap { rule in
            let found =
                unknown(rule.match.metrics, "metric", rule, metrics, "no device of the registry has a metric")
                + unknown(rule.match.devices, "device", rule, ids, "there is no device in the registry that is")
            return found.isEmpty ? [reach(rule, devices)].compactMap(\.self) : found
        }
    }

    private func reach(_ rule: RuleDefinition, _ devices: [DeviceEntry]) -> ConfigurationProblem? {
        let watched = WatchedDevices(rule.match)
        guard !devices.contains(where: watched.contains) else { return nil }
        return ConfigurationProblem(
            .warning,
            loaded.place(of: "rules.\(rule.alert).match"),
            "rule `\(rule.alert)` reaches no device: it fits none of the \(devices.count) in the registry"
        )
    }

    private func unknown(
        _ patterns: [String],
        _ key: String,
        _ rule: RuleDefinition,
        _ names: [String],
        _ what: String
    ) -> [ConfigurationProblem] {
        patterns.filter { pattern in
            let glob = Glob(pattern)
            return !names.contains { glob.matches($0) }
        }.map { pattern in
            ConfigurationProblem(
                .warning,
                loaded.place(of: "rules.\(rule.alert).match.\(key)"),
                "rule `\(rule.alert)`: \(what) `\(pattern)`\(NearestName.hint(for: pattern, among: names))"
            )
        }
    }
}

/// The devices of the registry whose readings a match can fit.
private struct WatchedDevices {
    private let metrics: [Glob]
    private let devices: [Glob]
    private let names: [Glob]
    private let profiles: [Glob]
    private let locations: [Glob]
    private let labels: [String: [Glob]]

    init(_ match: RuleMatch) {
        metrics = match.metrics.map { Glob($0) }
        devices = match.devices.map { Glob($0) }
        names = match.names.map { Glob($0) }
        profiles = match.profiles.map { Glob($0) }
        locations = match.locations.map { Glob($0) }
        labels = match.labels.mapValues { $0.map { Glob($0) } }
    }

    func contains(_ device: DeviceEntry) -> Bool {
        fit(devices, device.id) && (metrics.isEmpty || device.metrics.keys.contains { fit(metrics, $0) })
            && fit(names, device.name) && fit(profiles, device.profile) && fit(locations, device.location)
            // Payloads and topics bring labels that the registry does not have.
            && labels.allSatisfy { key, globs in device.labels[key].map { fit(globs, $0) } ?? true }
    }

    /// No pattern at all takes everything, even nothing.
    private func fit(_ globs: [Glob], _ text: String?) -> Bool {
        globs.isEmpty || text.map { text in globs.contains { $0.matches(text) } } ?? false
    }
}
