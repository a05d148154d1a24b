// How a client reaches a broker, and what it is there.
internal import Platform

/// The MQTT versions that a client may speak.
package enum MQTTProtocol: String, Hashable, Sendable {
    /// MQTT 5, and 3.1.1 where the broker refuses it.
    case auto
    case version5 = "5"
    case version311 = "3.1.1"
}

/// Where a broker listens: `mqtt://host[:port]` or `mqtts://host[:port]`, an IPv6 number in brackets.
package struct BrokerAddress: Hashable, Sendable, CustomStringConvertible {
    package var host: String
    package var port: UInt16
    package var usesTLS: Bool

    package init(host: String, port: UInt16, usesTLS: Bool) {
        self.host = host
        self.port = port
        self.usesTLS = usesTLS
    }

    /// Nil where `url` has another scheme, no host, a port that is none, or anything behind the port.
    package init?(url: String) {
        let schemes: [(prefix: String, port: UInt16, usesTLS: Bool)] = [
            ("mqtt://", 1883, false), ("mqtts://", 8883, true),
        ]
        guard let scheme = schemes.first(where: { url.hasPrefix($0.prefix) }) else { return nil }
        var rest = Substring(url.dropFirst(scheme.prefix.count))
        if rest.hasSuffix("/") { rest = rest.dropLast() }
        guard let parts = HostAndPort(rest, defaultPort: scheme.port), !parts.host.contains("@") else { return nil }
        self.init(host: parts.host, port: parts.port, usesTLS: scheme.usesTLS)
    }

    package var description: String {
        let shownHost = host.contains(":") ? "[\(host)]" : host
        return "\(usesTLS ? "mqtts" : "mqtt")://\(shownHost):\(port)"
    }
}

/// One client of one broker.
package struct MQTTConnectionSettings: Hashable, Sendable {
    package var broker: BrokerAddress
    package var user: String?
    /// Holds the password. Read at each connection, so that a changed one needs no reload.
    package var passwordFile: String?
    /// Certificates that the broker's must descend from; without it, those of the system.
    package var caFile: String?
    package var certificateFile: String?
    package var keyFile: String?
    /// Of two clients with the same one the broker throws out the first.
    package var clientID: String
    /// A broker that says nothing for one and a half times as long is gone.
    package var keepAlive = Duration.seconds(60)
    package var protocolVersion = MQTTProtocol.auto
    /// How long the broker keeps the session while the client is away (MQTT 5); nil: there is none to keep.
    package var sessionExpiry: Duration?
    /// Messages that the broker may have in flight (MQTT 5); nil: libmosquitto's own number.
    package var receiveMaximum: UInt16?
    /// Larger packets are not sent by the broker (MQTT 5); nil: it knows no limit.
    package var packetBytesMax: UInt32?
    package var reconnectFirst = Duration.milliseconds(500)
    package var reconnectLongest = Duration.seconds(30)

    package init(broker: BrokerAddress, clientID: String) {
        self.broker = broker
        self.clientID = clientID
    }
}
