// One entry of `hooks`, and the wrapper that keeps secrets out of every message.
package import Alerting

/// A hook by its name.
package struct HookConfiguration: Hashable, Sendable {
    /// Letters, digits, `-` and `_`: it becomes a label and the name of a cursor file.
    package var name: String
    package var delivery: HookDelivery
    /// `timeout` of one attempt.
    package var timeout = Duration.seconds(10)
    /// `retry_for`: how long a delivery is tried.
    package var retryFor = AlertingLimits.retryFor
    /// `allow_addresses`: peers that hooks else refuse.
    package var allowedAddresses: [HookAddress] = []
    /// `ca_file`, `cert_file`, `key_file` and `redirects`, of hooks that speak HTTP.
    package var transport = HookTransport()

    /// Whether alerts go there.
    package var takesAlerts: Bool {
        if case .heartbeat = delivery { return false }
        return true
    }

    package init(name: String, delivery: HookDelivery) {
        self.name = name
        self.delivery = delivery
    }
}

/// `type` with the keys of that type.
package enum HookDelivery: Hashable, Sendable {
    /// `url` may carry a token, header values mostly do: both are secrets.
    case webhook(url: Secret, headers: [String: Secret], secret: Secret? = nil)
    /// The program's absolute path and its arguments, which may come from `${...}`; no shell.
    case exec(program: String, arguments: [Secret])
    /// Who knows the topic reads it.
    case ntfy(url: Secret, topic: Secret, headers: [String: Secret])
    case slack(url: Secret)
    case pagerduty(url: String, routingKey: Secret)
    case alertmanager(url: Secret, headers: [String: Secret], resendInterval: Duration)
    /// Gets no alerts.
    case heartbeat(url: Secret, interval: Duration)
    /// `sendmail`: absolute path of the program.
    case email(sendmail: String, from: String, to: [String])
    case mqtt(MQTTHookConfiguration)

    /// The word in `type`.
    package var typeName: String {
        switch self {
        case .webhook: "webhook"
        case .exec: "exec"
        case .ntfy: "ntfy"
        case .slack: "slack"
        case .pagerduty: "pagerduty"
        case .alertmanager: "alertmanager"
        case .email: "email"
        case .mqtt: "mqtt"
        case .heartbeat: "heartbeat"
        }
    }
}

extension HookDelivery {
    /// Of what is spoken HTTP to; nil for others.
    var url: String? {
        switch self {
        case .webhook(let url, _, _), .ntfy(let url, _, _), .slack(let url), .alertmanager(let url, _, _),
            .heartbeat(let url, _):
            url.reveal()
        case .pagerduty(let url, _): url
        case .exec, .email, .mqtt: nil
        }
    }
}

/// Keys of `type: mqtt`; those that the input of this type has are the same.
package struct MQTTHookConfiguration: Hashable, Sendable {
    package var broker = MQTTBroker(host: "127.0.0.1", port: 1883, usesTLS: false)
    package var user: String?
    package var passwordFile: String?
    package var caFile: String?
    package var certFile: String?
    package var keyFile: String?
    /// `client_id`; nil: `forebay-BOX-hook-NAME`.
    package var clientID: String?
    /// `topic`: the first levels.
    package var topic = "forebay/alerts"
    /// `discovery`: Home Assistant finds the alerts.
    package var discovery = false
    package var discoveryPrefix = "homeassistant"

    package init() {}
}

/// Text that no message, status page, log line or mirror may show.
package struct Secret: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let text: String

    package init(_ text: String) {
        self.text = text
    }

    /// The text itself, for the one place that sends it.
    package func reveal() -> String { text }

    package var description: String { "<secret>" }
    package var debugDescription: String { "<secret>" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
