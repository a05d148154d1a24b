// The types of hooks. A new one is a file beside this one and a line here.
package import AsyncHTTPClient

/// A type of hook by the word that stands in `type`.
package struct HookDefinition: Sendable {
    package let typeName: String
    /// nil where the settings are of another type.
    let make: @Sendable (HookSettings, HTTPClient) -> (any Hook)?
}

package enum HookRegistry {
    package static let all = [
        HookDefinition(typeName: "webhook") { WebhookHook($0, client: $1) },
        HookDefinition(typeName: "exec") { settings, _ in ExecHook(settings) },
        HookDefinition(typeName: "ntfy") { NtfyHook($0, client: $1) },
        HookDefinition(typeName: "slack") { SlackHook($0, client: $1) },
        HookDefinition(typeName: "pagerduty") { PagerDutyHook($0, client: $1) },
        HookDefinition(typeName: "alertmanager") { AlertmanagerHook($0, client: $1) },
        HookDefinition(typeName: "email") { settings, _ in EmailHook(settings) },
        HookDefinition(typeName: "heartbeat") { HeartbeatHook($0, client: $1) },
    ]

    /// The hook of these settings, and the name of its type.
    package static func make(_ settings: HookSettings, client: HTTPClient) -> (type: String, hook: any Hook)? {
        for definition in all {
            if let hook = definition.make(settings, client) { return (definition.typeName, hook) }
        }
        return nil
    }
}
