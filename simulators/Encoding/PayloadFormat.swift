// The payload formats that the simulators write, each an encoder of its own.
import ArgumentParser

enum PayloadFormat: String, ExpressibleByArgument, CaseIterable {
    case json
    case lineProtocol = "line_protocol"
    case csv
    case keyValue = "key_value"
    case value
    case nmea
    case senml
}

/// Encodes readings. Written from the formats' specifications alone: nothing is shared with the decoders.
struct PayloadEncoder {
    let format: PayloadFormat
    /// Whether a CSV payload opens with a line that names its columns.
    let csvHeader: Bool
    /// Whether every reading has a device time.
    let hasTime: Bool

    /// Opens a payload of `readings` readings.
    func begin(readings: Int, into buffer: inout PayloadBuffer) {
        switch format {
        case .json where readings > 1, .senml:
            buffer.append("[")
        case .csv where csvHeader:
            buffer.append(hasTime ? "device,metric,value,seq,time\n" : "device,metric,value,seq\n")
        default:
            break
        }
    }

    /// Stands between two readings of one payload.
    func separate(into buffer: inout PayloadBuffer) {
        switch format {
        case .json, .senml: buffer.append(",")
        case .nmea: buffer.append("\r\n")
        default: buffer.append("\n")
        }
    }

    func end(readings: Int, into buffer: inout PayloadBuffer) {
        switch format {
        case .json where readings > 1, .senml:
            buffer.append("]")
        default:
            break
        }
    }

    /// Appends one reading of `device`. `metric` (0 or 1) chooses where the format has room for one value; `time` is
    /// in milliseconds since 1970.
    func append(_ device: Device, _ values: Values, metric: Int, time: Int64?, to buffer: inout PayloadBuffer) {
        switch format {
        case .json: appendJSON(device, values, time, &buffer)
        case .lineProtocol: appendLineProtocol(device, values, time, &buffer)
        case .csv: appendCSV(device, values, metric, time, &buffer)
        case .keyValue: appendKeyValue(device, values, time, &buffer)
        case .value: buffer.append(hundredths: metric == 0 ? values.first : values.second)
        case .nmea: NMEAEncoder.append(device, values, time: time, to: &buffer)
        case .senml: appendSenML(device, values, time, &buffer)
        }
    }

    /// `{"device":"sensor-0001","temperature":21.37,"humidity":45.20,"seq":12}`
    private func appendJSON(_ device: Device, _ values: Values, _ time: Int64?, _ buffer: inout PayloadBuffer) {
        buffer.append("{\"device\":\"")
        buffer.append(device.name)
        buffer.append("\",\"")
        buffer.append(device.kind.first.name)
        buffer.append("\":")
        buffer.append(hundredths: values.first)
        if let second = device.kind.second {
            buffer.append(",\"")
            buffer.append(second.name)
            buffer.append("\":")
            buffer.append(hundredths: values.second)
        }
        if let time {
            buffer.append(",\"time\":\"")
            buffer.append(rfc3339: time)
            buffer.append("\"")
        }
        buffer.append(",\"seq\":")
        buffer.append(decimal: device.sequence)
        buffer.append("}")
    }

    /// `sensors,device=sensor-0001,line=a temperature=21.37,humidity=45.20,seq=12i 1795461000123000000`
    private func appendLineProtocol(_ device: Device, _ values: Values, _ time: Int64?, _ buffer: inout PayloadBuffer) {
        buffer.append("sensors,device=")
        buffer.append(device.name)
        buffer.append(",line=")
        buffer.append(device.line)
        buffer.append(" ")
        buffer.append(device.kind.first.name)
        buffer.append("=")
        buffer.append(hundredths: values.first)
        if let second = device.kind.second {
            buffer.append(",")
            buffer.append(second.name)
            buffer.append("=")
            buffer.append(hundredths: values.second)
        }
        buffer.append(",seq=")
        buffer.append(decimal: device.sequence)
        buffer.append("i")
        if let time {
            buffer.append(" ")
            buffer.append(decimal: time)
            buffer.append("000000")
        }
    }

    /// `sensor-0001,temperature,21.37,12`, and `,2026-11-23T19:10:00.123Z` where there is a device time
    private func appendCSV(
        _ device: Device,
        _ values: Values,
        _ metric: Int,
        _ time: Int64?,
        _ buffer: inout PayloadBuffer
    ) {
        buffer.append(device.name)
        buffer.append(",")
        buffer.append(metric == 0 ? device.kind.first.name : device.kind.second?.name ?? device.kind.first.name)
        buffer.append(",")
        buffer.append(hundredths: metric == 0 ? values.first : values.second)
        buffer.append(",")
        buffer.append(decimal: device.sequence)
        guard let time else { return }
        buffer.append(",")
        buffer.append(rfc3339: time)
    }

    /// `device=sensor-0001 temperature=21.37 humidity=45.20 seq=12`
    private func appendKeyValue(_ device: Device, _ values: Values, _ time: Int64?, _ buffer: inout PayloadBuffer) {
        buffer.append("device=")
        buffer.append(device.name)
        buffer.append(" ")
        buffer.append(device.kind.first.name)
        buffer.append("=")
        buffer.append(hundredths: values.first)
        if let second = device.kind.second {
            buffer.append(" ")
            buffer.append(second.name)
            buffer.append("=")
            buffer.append(hundredths: values.second)
        }
        if let time {
            buffer.append(" time=")
            buffer.append(decimal: time)
        }
        buffer.append(" seq=")
        buffer.append(decimal: device.sequence)
    }

    /// Records of RFC 8428, without the array's brackets. `seq` is a field of the first record, which RFC 8428
    /// section 4.4 lets a reader ignore.
    private func appendSenML(_ device: Device, _ values: Values, _ time: Int64?, _ buffer: inout PayloadBuffer) {
        buffer.append("{\"bn\":\"")
        buffer.append(device.name)
        buffer.append("/\",")
        if let time {
            buffer.append("\"bt\":")
            buffer.append(decimal: time / 1000)
            buffer.append(".")
            buffer.append(padded: time % 1000, width: 3)
            buffer.append(",")
        }
        appendSenMLValue(device.kind.first, values.first, &buffer)
        buffer.append(",\"seq\":")
        buffer.append(decimal: device.sequence)
        buffer.append("}")
        if let second = device.kind.second {
            buffer.append(",{")
            appendSenMLValue(second, values.second, &buffer)
            buffer.append("}")
        }
    }

    private func appendSenMLValue(_ metric: Metric, _ value: Int64, _ buffer: inout PayloadBuffer) {
        buffer.append("\"n\":\"")
        buffer.append(metric.name)
        buffer.append("\",\"u\":\"")
        buffer.append(metric.senMLUnit)
        buffer.append("\",\"v\":")
        buffer.append(hundredths: value)
    }
}
