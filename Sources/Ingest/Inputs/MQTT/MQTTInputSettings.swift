// What the configuration says about an MQTT input, and where the broker is.

/// The MQTT versions that an input may speak.
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

/// `host:port`, with an IPv6 number in brackets.
package struct HostAndPort: Hashable, Sendable {
    package var host: String
    package var port: UInt16

    /// Nil where there is no host, a port that is none, or no port and no default for it.
    package init?(_ text: Substring, defaultPort: UInt16?) {
        let host: Substring
        var rest: Substring
        if text.first == "[" {
            guard let close = text.firstIndex(of: "]") else { return nil }
            host = text[text.index(after: text.startIndex)..<close]
            rest = text[text.index(after: close)...]
        } else {
            let colon = text.firstIndex(of: ":") ?? text.endIndex
            host = text[..<colon]
            rest = text[colon...]
        }
        guard !host.isEmpty, !host.contains("/"), !host.utf8.contains(0) else { return nil }
        self.host = String(host)
        if rest.isEmpty {
            guard let defaultPort else { return nil }
            port = defaultPort
            return
        }
        guard rest.first == ":" else { return nil }
        rest = rest.dropFirst()
        guard let first = rest.first, first.isASCII, first.isNumber, let port = UInt16(rest) else { return nil }
        self.port = port
    }
}

/// One MQTT input as configured. Every limit has its reason beside it.
package struct MQTTInputSettings: InputSettings {
    package static let typeName = "mqtt"

    package var broker = BrokerAddress(host: "127.0.0.1", port: 1883, usesTLS: false)
    package var user: String?
    /// Holds the password. Read at each connection, so that a changed one needs no reload.
    package var passwordFile: String?
    /// Certificates that the broker's must descend from; without it, those of the system.
    package var caFile: String?
    package var certificateFile: String?
    package var keyFile: String?
    /// Stable, for the session on the broker hangs on it. `forebay-<box name>-<input name>` unless configured.
    package var clientID: String
    /// Patterns; the first one that matches a topic counts.
    package var subscribe: [String]
    /// Messages with such a topic are acknowledged and left aside; they are no payloads of this input.
    package var exclude: [String] = []
    /// At least 60 s is sound: no ping can flow while acknowledgements are held.
    package var keepAlive = Duration.seconds(60)
    /// Messages that the broker may have in flight (MQTT 5): the window that one commit acknowledges.
    package var receiveMaximum: UInt16 = 2000
    /// Larger packets are never sent by an MQTT 5 broker: it drops them, and nobody is told. So this is far above the
    /// payload limit: what is only too large for the pipeline arrives, is counted, and is kept as a reject.
    package var packetBytesMax = MQTTInputSettings.packetBytesMax(payloadBytesMax: InputLimits.payloadBytesMax)
    package var protocolVersion = MQTTProtocol.auto
    /// How long the broker keeps the session and its queue while we are away (MQTT 5).
    package var sessionExpiry = Duration.seconds(7 * 86_400)
    package var reconnectFirst = Duration.milliseconds(500)
    package var reconnectLongest = Duration.seconds(30)

    package init(clientID: String, subscribe: [String]) {
        self.clientID = clientID
        self.subscribe = subscribe
    }

    /// Four times the payload limit, and 4 MiB at least.
    package static func packetBytesMax(payloadBytesMax: Int) -> UInt32 {
        4 * UInt32(clamping: min(max(payloadBytesMax, 1024 * 1024), 1 << 28))
    }
}
