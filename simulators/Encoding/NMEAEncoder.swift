// NMEA 0183 sentences: wind, depth, position, weather, and transducers for the rest.

/// `$`, talker and sentence, fields, `*` and the XOR of the bytes between `$` and `*` in two hexadecimal digits. The
/// line's end (CR LF) belongs to the framing. NMEA has no place for a sequence number.
enum NMEAEncoder {
    static func append(_ device: Device, _ values: Values, time: Int64?, to buffer: inout PayloadBuffer) {
        buffer.append("$")
        let start = buffer.count
        switch device.kind {
        case .wind:
            buffer.append("WIMWV,")
            buffer.append(hundredths: values.first)
            buffer.append(",R,")
            buffer.append(hundredths: values.second)
            buffer.append(",M,A")
        case .depth:
            buffer.append("SDDPT,")
            buffer.append(hundredths: values.first)
            buffer.append(",0.5")
        case .position:
            appendPosition(values, time, &buffer)
        case .climate:
            // Only air temperature and relative humidity are measured; the other fields are null.
            buffer.append("WIMDA,,I,,B,")
            buffer.append(hundredths: values.first)
            buffer.append(",C,,C,")
            buffer.append(hundredths: values.second)
            buffer.append(",,,C,,T,,M,,N,,M")
        case .barometer:
            // In bar; hundredths of a hectopascal are hundred-thousandths of a bar.
            buffer.append("WIXDR,P,")
            buffer.append(decimal: values.first / 100_000)
            buffer.append(".")
            buffer.append(padded: values.first % 100_000, width: 5)
            buffer.append(",B,BARO")
        case .power:
            appendTransducer(type: "U", values.second, unit: "V", name: "MAINS", &buffer)
        case .tank:
            appendTransducer(type: "G", values.first, unit: "P", name: "TANK", &buffer)
        case .freezer:
            appendTransducer(type: "C", values.first, unit: "C", name: "", &buffer)
        }
        var checksum: UInt8 = 0
        for index in start..<buffer.count { checksum ^= buffer[index] }
        buffer.append("*")
        appendHex(checksum >> 4, &buffer)
        appendHex(checksum & 15, &buffer)
    }

    private static func appendPosition(_ values: Values, _ time: Int64?, _ buffer: inout PayloadBuffer) {
        buffer.append("GPGGA,")
        if let time { buffer.append(nmeaTime: time) }
        buffer.append(",53")
        appendMinutes(values.first, &buffer)
        buffer.append(",N,009")
        appendMinutes(values.second, &buffer)
        buffer.append(",E,1,08,0.9,12.0,M,46.9,M,,")
    }

    private static func appendMinutes(_ hundredths: Int64, _ buffer: inout PayloadBuffer) {
        buffer.append(padded: hundredths / 100, width: 2)
        buffer.append(".")
        buffer.append(padded: hundredths % 100, width: 2)
    }

    private static func appendTransducer(
        type: StaticString,
        _ value: Int64,
        unit: StaticString,
        name: StaticString,
        _ buffer: inout PayloadBuffer
    ) {
        buffer.append("IIXDR,")
        buffer.append(type)
        buffer.append(",")
        buffer.append(hundredths: value)
        buffer.append(",")
        buffer.append(unit)
        buffer.append(",")
        buffer.append(name)
    }

    private static func appendHex(_ digit: UInt8, _ buffer: inout PayloadBuffer) {
        buffer.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "A") + digit - 10)
    }
}
