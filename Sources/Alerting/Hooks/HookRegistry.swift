// The types of hooks. A new one is a file beside this one and a line here.

/// What a hook is made of.
struct HookParts: Sendable {
    let settings: HookSettings
    let client: HookClient
    let origin: AlertOrigin
}

/// A type of hook by the word that stands in `type`.
package struct HookDefinition: Sendable {
    package let typeName: String
    /// nil where the settings are of another type.
    let make: @Sendable (HookParts) -> (any Hook)?
}

/// A hook and what it holds. Whoever made it closes it.
package struct MadeHook: Sendable {
    package let typeName: String
    let hook: any Hook
    fileprivate let client: HookClient

    /// Exactly once, when no delivery is on its way.
    package func close() async {
        await hook.close()
        await client.close()
    }
}

package enum HookRegistry {
    package static let all = [
        HookDefinition(typeName: "webhook") { WebhookHook($0.settings, client: $0.client) },
        HookDefinition(typeName: "exec") { ExecHook($0.settings) },
        HookDefinition(typeName: "ntfy") { NtfyHook($0.settings, client: $0.client) },
        HookDefinition(typeName: "slack") { SlackHook($0.settings, client: $0.client) },
        HookDefinition(typeName: "pagerduty") { PagerDutyHook($0.settings, client: $0.client) },
        HookDefinition(typeName: "alertmanager") { AlertmanagerHook($0.settings, client: $0.client) },
        HookDefinition(typeName: "email") { EmailHook($0.settings) },
        HookDefinition(typeName: "mqtt") { MQTTHook($0.settings, origin: $0.origin) },
        HookDefinition(typeName: "heartbeat") { HeartbeatHook($0.settings, client: $0.client) },
    ]

    /// The hook of these settings, at work for `origin`.
    package static func make(_ settings: HookSettings, http: HookHTTP, origin: AlertOrigin) -> MadeHook? {
        let parts = HookParts(
            settings: settings,
            client: HookClient(settings.transport, http: http),
            origin: origin
        )
        for definition in all {
            if let hook = definition.make(parts) {
                return MadeHook(typeName: definition.typeName, hook: hook, client: parts.client)
            }
        }
        return nil
    }
}
