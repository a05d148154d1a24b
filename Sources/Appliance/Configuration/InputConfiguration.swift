// One entry of `inputs`: what is common to all types, and what belongs to a transport.
package import Ingest

/// An input by its name. Everything but the transport is the same for every type.
package struct InputConfiguration: Hashable, Sendable {
    /// Letters, digits, `-` and `_`: it becomes a label, a header and part of a client id.
    package var name: String
    package var transport: InputTransport
    /// `format`: a name of the decoder registry.
    package var format = "auto"
    /// `device`: of every payload that names none itself.
    package var device: String?
    /// `device_field`: the key or column that names the device, before every other.
    package var deviceField: String?
    /// `device_prefix`: put before every device id of this input.
    package var devicePrefix: String?
    /// `numeric_strings`: a string that is wholly a JSON number is a reading.
    package var numericStrings = true
    /// `time_zone`: of device times without one; nil: such times are not believed.
    package var timeZone: String?
    package var believe = BelieveWindow()
    /// `ignore`: globs of metrics that are left out.
    package var ignore: [String] = []
    /// `required`: `/readyz` waits for it.
    package var isRequired = false
    /// `columns` of `csv`; nil: the header line's.
    package var columns: [String]?
    /// `payload_bytes_max`: longer ones are rejected.
    package var payloadBytesMax: Int

    package init(name: String, transport: InputTransport) {
        self.name = name
        self.transport = transport
        payloadBytesMax = transport.payloadBytesMaxByDefault
    }
}

/// `believe`: which device times are used.
package struct BelieveWindow: Hashable, Sendable {
    /// How far before receipt; nil: back to 2000-01-01.
    package var past: Duration?
    /// How far after receipt.
    package var future = Duration.seconds(600)

    package init() {}
}

/// `type` with the keys of that type.
package enum InputTransport: Hashable, Sendable {
    case mqtt(MQTTConfiguration)
    case udp(UDPConfiguration)
    case serial(SerialConfiguration)

    /// The word in `type`.
    package var typeName: String {
        switch self {
        case .mqtt: "mqtt"
        case .udp: "udp"
        case .serial: "serial"
        }
    }

    var payloadBytesMaxByDefault: Int {
        switch self {
        case .mqtt: InputLimits.payloadBytesMax
        case .udp: InputLimits.datagramBytesMax
        case .serial: InputLimits.lineBytesMax
        }
    }
}

/// Keys of `type: mqtt`.
package struct MQTTConfiguration: Hashable, Sendable {
    /// `url`: `mqtt://HOST[:PORT]` or `mqtts://HOST[:PORT]`.
    package var broker = MQTTBroker(host: "127.0.0.1", port: 1883, usesTLS: false)
    /// `subscribe`: topic patterns; at least one.
    package var subscribe: [String] = []
    /// `exclude`: MQTT topic filters whose messages are left alone.
    package var exclude: [String] = []
    package var user: String?
    /// `password_file`: absolute path; read at each connect, so a changed password needs no reload.
    package var passwordFile: String?
    /// `ca_file`, `cert_file`, `key_file`: absolute paths of PEM files. Without `ca_file` the system's authorities.
    package var caFile: String?
    package var certFile: String?
    package var keyFile: String?
    /// `client_id`; nil: `forebay-BOX-INPUT`. The broker keeps our session under it.
    package var clientID: String?
    /// `keepalive`; 60 s or more, because no PING can flow while acknowledgements are held for a slow sync.
    package var keepalive = Duration.seconds(60)
    /// `receive_maximum`: messages that the broker may have in flight to us.
    package var receiveMaximum = 2000
    /// `duplicates`: what happens to messages that the broker delivers again and that are stored already.
    package var duplicates = DuplicatePolicy.mark

    package init() {}
}

/// Where a broker listens.
package struct MQTTBroker: Hashable, Sendable, CustomStringConvertible {
    package var host: String
    package var port: UInt16
    package var usesTLS: Bool

    package init(host: String, port: UInt16, usesTLS: Bool) {
        self.host = host
        self.port = port
        self.usesTLS = usesTLS
    }

    package var description: String {
        "\(usesTLS ? "mqtts" : "mqtt")://\(HostPort(host: host, port: port))"
    }
}

/// Keys of `type: udp`.
package struct UDPConfiguration: Hashable, Sendable {
    package var listen = HostPort(host: "127.0.0.1", port: 8094)
    /// `receive_buffer_bytes`: asked of the kernel, by force where that is permitted.
    package var receiveBufferBytes = 32 << 20

    package init() {}
}

/// Keys of `type: serial`.
package struct SerialConfiguration: Hashable, Sendable {
    /// `port`: absolute path of the device; best one under `/dev/serial/by-id`, which survives replugging.
    package var port: String
    /// Any rate in bit/s.
    package var baud = 115_200
    package var dataBits = 8
    package var parity = SerialParity.none
    package var stopBits = 1
    package var flowControl = SerialFlowControl.none
    package var framing = SerialFraming.line

    package init(port: String) {
        self.port = port
    }
}

/// `framing`: how a port's bytes become payloads.
package enum SerialFraming: String, CaseIterable, Sendable {
    case line
}
