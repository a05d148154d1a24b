// What the configuration says about a serial port.

/// Parity, as `8N1` abbreviates it.
package enum SerialParity: String, CaseIterable, Hashable, Sendable {
    case none, even, odd, mark, space
}

package enum SerialFlowControl: String, CaseIterable, Hashable, Sendable {
    case none
    case rtscts
    case xonxoff
}

/// One serial port as configured.
package struct SerialInputSettings: InputSettings {
    package static let typeName = "serial"

    /// Absolute; best a name under `/dev/serial/by-id`, which stays the same when ports are plugged in another order.
    package var port: String
    package var baud: UInt32 = 115_200
    /// 5 to 8.
    package var dataBits: UInt8 = 8
    package var parity = SerialParity.none
    /// 1 or 2.
    package var stopBits: UInt8 = 1
    package var flowControl = SerialFlowControl.none
    package var lineBytesMax = InputLimits.lineBytesMax

    package init(port: String) {
        self.port = port
    }
}
