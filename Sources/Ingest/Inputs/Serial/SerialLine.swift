// The electrical settings of a serial line: what was asked of the driver, and what it made of it.
internal import CPlatform

/// Baud rate, `8N1` and flow control, as values that can be compared and shown.
struct SerialLine: Equatable, Sendable {
    var baud: UInt32
    var dataBits: UInt8
    var parity: SerialParity
    var stopBits: UInt8
    var flowControl: SerialFlowControl

    init(_ settings: SerialInputSettings) {
        baud = settings.baud
        dataBits = settings.dataBits
        parity = settings.parity
        stopBits = settings.stopBits
        flowControl = settings.flowControl
    }

    init(_ line: forebay_serial_settings) {
        baud = line.baud
        dataBits = line.data_bits
        parity = SerialParity.allCases.first { $0.letter == line.parity } ?? .none
        stopBits = line.stop_bits
        flowControl = SerialFlowControl.allCases.first { $0.letter == line.flow_control } ?? .none
    }

    var forDriver: forebay_serial_settings {
        forebay_serial_settings(
            baud: baud,
            data_bits: dataBits,
            parity: parity.letter,
            stop_bits: stopBits,
            flow_control: flowControl.letter
        )
    }

    /// Such as `115200 8N1`, with the flow control where there is one.
    var text: String {
        let frame = "\(baud) \(dataBits)\(Character(UnicodeScalar(parity.letter)))\(stopBits)"
        return flowControl == .none ? frame : "\(frame) \(flowControl.rawValue)"
    }

    /// What of `wanted` the driver did not do, in words: empty where all is as asked. A UART's divider cannot hit every
    /// rate; receivers live with 2 %.
    func refused(of wanted: SerialLine) -> [String] {
        var refused: [String] = []
        let tolerance = UInt64(wanted.baud) * 2 / 100
        let difference = max(UInt64(baud), UInt64(wanted.baud)) - min(UInt64(baud), UInt64(wanted.baud))
        if difference > tolerance { refused.append("baud \(wanted.baud) (is \(baud))") }
        if dataBits != wanted.dataBits { refused.append("data_bits \(wanted.dataBits) (is \(dataBits))") }
        if parity != wanted.parity { refused.append("parity \(wanted.parity.rawValue) (is \(parity.rawValue))") }
        if stopBits != wanted.stopBits { refused.append("stop_bits \(wanted.stopBits) (is \(stopBits))") }
        if flowControl != wanted.flowControl {
            refused.append("flow_control \(wanted.flowControl.rawValue) (is \(flowControl.rawValue))")
        }
        return refused
    }
}

extension SerialParity {
    /// As in `8N1`, and as the C side has it.
    fileprivate var letter: UInt8 {
        switch self {
        case .none: UInt8(ascii: "N")
        case .even: UInt8(ascii: "E")
        case .odd: UInt8(ascii: "O")
        case .mark: UInt8(ascii: "M")
        case .space: UInt8(ascii: "S")
        }
    }
}

extension SerialFlowControl {
    fileprivate var letter: UInt8 {
        switch self {
        case .none: UInt8(ascii: "N")
        case .rtscts: UInt8(ascii: "R")
        case .xonxoff: UInt8(ascii: "X")
        }
    }
}
