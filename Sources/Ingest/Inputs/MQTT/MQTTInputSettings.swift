// What the configuration says about an MQTT input.
package import MQTT

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

    /// Its part that a client needs.
    var connection: MQTTConnectionSettings {
        var connection = MQTTConnectionSettings(broker: broker, clientID: clientID)
        connection.user = user
        connection.passwordFile = passwordFile
        connection.caFile = caFile
        connection.certificateFile = certificateFile
        connection.keyFile = keyFile
        connection.keepAlive = keepAlive
        connection.protocolVersion = protocolVersion
        connection.sessionExpiry = sessionExpiry
        connection.receiveMaximum = receiveMaximum
        connection.packetBytesMax = packetBytesMax
        connection.reconnectFirst = reconnectFirst
        connection.reconnectLongest = reconnectLongest
        return connection
    }
}
