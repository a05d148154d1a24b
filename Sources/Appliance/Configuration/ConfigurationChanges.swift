// What a reload changes, in sentences, and which of it waits for a restart.
internal import Rules

/// One difference between two configurations.
package struct ConfigurationChange: Hashable, Sendable, CustomStringConvertible {
    /// What changed, e.g. "`log.commit_interval`: 10ms -> 100ms"; secrets stay secret.
    package var text: String
    /// The running daemon keeps the old value until it is started again.
    package var needsRestart: Bool

    package var description: String { needsRestart ? "\(text) (after a restart)" : text }
}

extension Configuration {
    /// Keys that a running daemon cannot change: they are in its sockets, its open files and its clock.
    private static let restartKeys = ["data", "clock", "listen", "log"]

    /// Below them, what it can.
    private static let changeableKeys = ["listen.kafka.users_file", "listen.kafka.permissions"]

    /// What differs from `old` to this configuration, in the order of the settings; empty where nothing does.
    package func changes(from old: Configuration) -> [ConfigurationChange] {
        let before = Dictionary(grouping: old.settings, by: \.part)
        let after = Dictionary(grouping: settings, by: \.part)
        var changes: [ConfigurationChange] = []
        for part in parts {
            guard let earlier = before[part] else {
                changes.append(ConfigurationChange(text: "\(Configuration.noun(part)) is new", needsRestart: false))
                continue
            }
            changes += Configuration.differences(earlier, after[part] ?? [])
        }
        for part in old.parts where after[part] == nil {
            changes.append(ConfigurationChange(text: "\(Configuration.noun(part)) is gone", needsRestart: false))
        }
        return changes
    }

    private var parts: [ConfigurationSetting.Part] {
        [.box] + inputs.map { .input($0.name) } + hooks.map { .hook($0.name) } + rules.map { .rule($0.alert) }
    }

    private static func differences(
        _ old: [ConfigurationSetting],
        _ new: [ConfigurationSetting]
    ) -> [ConfigurationChange] {
        let before = Dictionary(old.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
        let after = Dictionary(new.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
        var changes: [ConfigurationChange] = []
        for setting in new where before[setting.key] != setting {
            let text: String
            if let earlier = before[setting.key] {
                text =
                    earlier.value == setting.value
                    ? "`\(setting.path)`: the secret is another one"
                    : "`\(setting.path)`: \(earlier.value) -> \(setting.value)"
            } else {
                text = "`\(setting.path)`: \(setting.value), was not set"
            }
            changes.append(ConfigurationChange(text: text, needsRestart: needsRestart(setting)))
        }
        for setting in old where after[setting.key] == nil {
            let text = "`\(setting.path)`: no longer set, was \(setting.value)"
            changes.append(ConfigurationChange(text: text, needsRestart: needsRestart(setting)))
        }
        return changes
    }

    private static func needsRestart(_ setting: ConfigurationSetting) -> Bool {
        guard setting.part == .box, !changeableKeys.contains(where: setting.path.hasPrefix) else { return false }
        return restartKeys.contains(String(setting.key.prefix { $0 != "." }))
    }

    private static func noun(_ part: ConfigurationSetting.Part) -> String {
        switch part {
        case .box: "the box"
        case .input(let name): "input `\(name)`"
        case .hook(let name): "hook `\(name)`"
        case .rule(let alert): "rule `\(alert)`"
        }
    }
}
