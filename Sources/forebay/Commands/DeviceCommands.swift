// The command `devices`: the registry.
import Appliance
import ArgumentParser
import EventModel
import Foundation

struct DevicesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "devices",
        abstract: "What is known about the devices.",
        subcommands: [List.self, Show.self, Set.self]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "All devices, or those that match.")

        @Option(help: "Only devices in this state: \(DeviceState.allCases.map(\.rawValue).joined(separator: ", ")).")
        var state: String?

        @Argument(help: "Only ids that match, e.g. 'freezer-*'.", transform: given)
        var glob: String?

        @OptionGroup var output: OutputOption
        @OptionGroup var data: DataOption

        func run() async throws {
            let wanted = try state.map { try DevicesCommand.state($0) }
            let devices = try await data.withBox { try await $0.devices(state: wanted, pattern: glob) }
            try output.print(devices, headings: ["ID", "STATE", "NAME", "LOCATION", "INPUT", "METRICS", "LAST SEEN"]) {
                device in
                [
                    device.id, device.state.rawValue, device.name ?? "", device.location ?? "", device.input ?? "",
                    device.metrics.keys.sorted().joined(separator: " "),
                    device.lastSeen.map { $0.timestamp.rfc3339 } ?? "never",
                ]
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Everything about one device.")

        @Argument(help: "The device's id.", transform: given)
        var id: String

        @OptionGroup var output: OutputOption
        @OptionGroup var data: DataOption

        func run() async throws {
            let device = try await data.withBox { try await $0.device(id) }
            try output.print(device) { DevicesCommand.text(device) }
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Changes what is known about a device; an empty text clears it.",
            discussion: "Later events carry the change, stored ones do not."
        )

        @Argument(help: "The device's id.", transform: given)
        var id: String

        @Option(help: "Its name for people.") var name: String?
        @Option(help: "Where it is.") var location: String?
        @Option(help: "What kind of device it is.") var profile: String?
        @Option(help: "new, active or blocked.") var state: String?
        @Option(help: ArgumentHelp("A label, KEY=VALUE; KEY= removes it.", valueName: "key=value")) var label:
            [String] = []
        @Option(help: ArgumentHelp("How often it is expected to speak, e.g. 30s.", valueName: "duration"))
        var expectedInterval: DurationArgument?
        @Option(help: "The metric that --unit, --scale and --offset are about.", transform: given) var metric: String?
        @Option(help: "The metric's unit.") var unit: String?
        @Option(parsing: .unconditional, help: "Stored value = payload value x scale + offset.") var scale: Double?
        @Option(parsing: .unconditional, help: "See --scale.") var offset: Double?
        @Flag(help: "Make the device where it is not known yet.") var create = false

        @OptionGroup var output: OutputOption
        @OptionGroup var data: DataOption

        func run() async throws {
            let changes = try changes()
            let device = try await data.withBox { try await $0.change(id, changes) }
            try output.print(device) { DevicesCommand.text(device) }
        }

        private func changes() throws -> DeviceChange {
            var changes = DeviceChange(create: create)
            changes.name = change(name)
            changes.location = change(location)
            changes.profile = change(profile)
            changes.state = try state.map { try DevicesCommand.state($0) }
            for pair in label {
                guard let equals = pair.firstIndex(of: "="), equals > pair.startIndex else {
                    throw ValidationError("--label takes KEY=VALUE.")
                }
                let value = String(pair[pair.index(after: equals)...])
                changes.labels.updateValue(value.isEmpty ? nil : value, forKey: String(pair[..<equals]))
            }
            if let expectedInterval {
                let (seconds, attoseconds) = expectedInterval.duration.components
                changes.expectedIntervalMilliseconds = .set(seconds * 1000 + attoseconds / 1_000_000_000_000_000)
            }
            guard unit != nil || scale != nil || offset != nil else { return changes }
            guard let metric else { throw ValidationError("--unit, --scale and --offset need --metric.") }
            changes.metrics[metric] = MetricChange(
                unit: change(unit),
                scale: scale.map { .set($0) } ?? .keep,
                offset: offset.map { .set($0) } ?? .keep
            )
            return changes
        }

        private func change(_ text: String?) -> FieldChange<String> {
            guard let text else { return .keep }
            return text.isEmpty ? .clear : .set(text)
        }
    }

    static func state(_ text: String) throws -> DeviceState {
        guard let state = DeviceState(rawValue: text) else {
            throw ValidationError("A state is one of \(DeviceState.allCases.map(\.rawValue).joined(separator: ", ")).")
        }
        return state
    }

    static func text(_ device: DeviceRecord) -> String {
        var lines = ["\(device.id)  (\(device.state.rawValue), registered by \(device.registeredBy.rawValue))"]
        if let name = device.name { lines.append("  name               \(name)") }
        if let location = device.location { lines.append("  location           \(location)") }
        if let profile = device.profile { lines.append("  profile            \(profile)") }
        if let input = device.input { lines.append("  input              \(input)") }
        if let interval = device.expectedIntervalMilliseconds { lines.append("  expected interval  \(interval) ms") }
        if let seen = device.firstSeen { lines.append("  first seen         \(seen.timestamp.rfc3339)") }
        if let seen = device.lastSeen { lines.append("  last seen          \(seen.timestamp.rfc3339)") }
        for (key, value) in device.labels.sorted(by: { $0.key < $1.key }) {
            lines.append("  label              \(key)=\(value)")
        }
        for (metric, record) in device.metrics.sorted(by: { $0.key < $1.key }) {
            let entry = record.entry
            let calibration = entry.isIdentity ? "" : "  x \(entry.scale) + \(entry.offset)"
            lines.append("  metric             \(metric)  \(entry.unit ?? "")  \(entry.kind.rawValue)\(calibration)")
        }
        return lines.map(Table.printable).joined(separator: "\n")
    }
}
