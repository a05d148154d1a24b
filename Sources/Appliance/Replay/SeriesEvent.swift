// Readings of one series as stored events: what rules read that nobody has recorded.
internal import EventModel
internal import Platform

/// Writes one event after the other over the same bytes.
struct SeriesEvent: ~Copyable {
    private var encoder = EventEncoder()
    private var devicePrefix = ByteBuilder(capacity: 64)
    private var metric = ByteBuilder(capacity: 64)
    private var unit = ByteBuilder(capacity: 16)
    private var labels = ByteBuilder(capacity: 64)
    private let states: [[UInt8]]

    /// `states`: those that values stand for, by their place; empty: values are numbers.
    init(
        device: String,
        metric: String,
        unit: String? = nil,
        labels: [(name: String, value: String)],
        states: [String] = []
    ) {
        self.states = states.map { Array($0.utf8) }
        Array(device.utf8).withUnsafeBytes { EventEncoder.appendDevicePrefix($0, to: &devicePrefix) }
        Array(metric.utf8).withUnsafeBytes { EventEncoder.appendName($0, to: &self.metric) }
        if let unit { self.unit.append(text: unit) }
        for (index, label) in labels.enumerated() {
            if index > 0 { self.labels.append(0x2C) }
            Array(label.name.utf8).withUnsafeBytes { EventEncoder.appendName($0, to: &self.labels) }
            Array(label.value.utf8).withUnsafeBytes { EventEncoder.appendString($0, to: &self.labels) }
        }
    }

    /// The event of one reading, by the device's clock. `body` sees its bytes during the call.
    mutating func write<Result>(
        _ reading: SeriesReading,
        received: Timestamp,
        _ body: (RawSpan) -> Result
    ) -> Result {
        encoder.begin(devicePrefix: devicePrefix.bytes, time: reading.time, received: received, clock: .device)
        if let place = Int(exactly: reading.value), states.indices.contains(place) {
            states[place].withUnsafeBytes { encoder.pair(.states, nameFragment: metric.bytes, text: $0) }
        } else {
            encoder.pair(.readings, nameFragment: metric.bytes, number: reading.value)
        }
        if unit.count > 0 { encoder.pair(.units, nameFragment: metric.bytes, text: unit.bytes) }
        encoder.labels(members: labels.bytes)
        encoder.end(quality: .good, calibration: nil, sequence: nil, isRetained: false)
        return body(RawSpan(_unsafeBytes: encoder.bytes))
    }
}
