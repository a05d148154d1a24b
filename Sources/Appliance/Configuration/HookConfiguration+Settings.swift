// From the configuration's words to what the hooks take.
package import Alerting
internal import MQTT

extension Configuration {
    /// In the order of the configuration, with what is secret in them.
    package var hookSettings: [HookSettings] {
        hooks.map { hook in
            HookSettings(
                name: hook.name,
                target: target(of: hook),
                timeout: hook.timeout,
                retryFor: hook.retryFor,
                transport: hook.transport
            )
        }
    }

    /// What any of them may reach beyond the usual.
    package var hookAddresses: Set<HookAddress> { Set(hooks.flatMap(\.allowedAddresses)) }

    private func target(of hook: HookConfiguration) -> HookTarget {
        func revealed(_ headers: [String: Secret]) -> [String: String] { headers.mapValues { $0.reveal() } }
        return switch hook.delivery {
        case .webhook(let url, let headers, let secret):
            .webhook(url: url.reveal(), headers: revealed(headers), secret: secret?.reveal())
        case .exec(let program, let arguments): .exec(command: [program] + arguments.map { $0.reveal() })
        case .heartbeat(let url, let interval): .heartbeat(url: url.reveal(), interval: interval)
        case .email(let sendmail, let from, let to): .email(sendmail: sendmail, from: from, to: to)
        case .ntfy(let url, let topic, let headers):
            .ntfy(url: url.reveal(), topic: topic.reveal(), headers: revealed(headers))
        case .slack(let url): .slack(url: url.reveal())
        case .pagerduty(let url, let routingKey): .pagerduty(url: url, routingKey: routingKey.reveal())
        case .alertmanager(let url, let headers, let resendInterval):
            .alertmanager(url: url.reveal(), headers: revealed(headers), resendInterval: resendInterval)
        case .mqtt(let mqtt): .mqtt(target(of: hook, mqtt))
        }
    }

    private func target(of hook: HookConfiguration, _ mqtt: MQTTHookConfiguration) -> MQTTHookTarget {
        var connection = MQTTConnectionSettings(
            broker: BrokerAddress(host: mqtt.broker.host, port: mqtt.broker.port, usesTLS: mqtt.broker.usesTLS),
            clientID: clientID(of: hook.name, mqtt)
        )
        connection.user = mqtt.user
        connection.passwordFile = mqtt.passwordFile
        connection.caFile = mqtt.caFile
        connection.certificateFile = mqtt.certFile
        connection.keyFile = mqtt.keyFile
        return MQTTHookTarget(
            connection: connection,
            topic: mqtt.topic,
            discoveryPrefix: mqtt.discovery ? mqtt.discoveryPrefix : nil
        )
    }
}
