// Why a payload, or a part of one, was refused: the closed list that docs/configuration.md explains.

/// A reason for a reject. The raw value is the label of the metric and the header in topic `rejected`.
public enum RejectReason: UInt8, CaseIterable, Sendable {
    /// No byte at all.
    case empty
    /// Longer than the input's payload limit.
    case tooLarge
    /// A serial line that did not end within the line limit, or that had a parity or framing error.
    case framing
    /// Does not follow the grammar of its format.
    case malformed
    /// Nested deeper, joined to longer names, come under a longer topic, or multiplied to more records than a payload may
    /// be.
    case tooComplex
    /// A checksum that does not match.
    case checksum
    /// `auto` recognised no format.
    case unknownFormat
    /// Neither payload, topic nor configuration names a device.
    case noDevice
    /// A device id that is empty, over 128 bytes, not UTF-8, or has control characters.
    case invalidDevice
    /// A metric name that is empty, over 128 bytes, not UTF-8, or has control characters.
    case invalidMetric
    /// Well-formed, but with nothing to measure.
    case noReading
    /// More readings in one event than the limit.
    case tooManyReadings
    /// Registration is by allow list, and the device is not on it.
    case unknownDevice
    /// The budget of automatically registered devices is spent.
    case tooManyDevices
    /// The device has its full number of metrics already.
    case tooManyMetrics
    /// An event whose record would not fit into one batch.
    case recordTooLarge

    /// The word of header `reason` and of the metric's label.
    public var name: StaticString {
        switch self {
        case .empty: "empty"
        case .tooLarge: "too_large"
        case .framing: "framing"
        case .malformed: "malformed"
        case .tooComplex: "too_complex"
        case .checksum: "checksum"
        case .unknownFormat: "unknown_format"
        case .noDevice: "no_device"
        case .invalidDevice: "invalid_device"
        case .invalidMetric: "invalid_metric"
        case .noReading: "no_reading"
        case .tooManyReadings: "too_many_readings"
        case .unknownDevice: "unknown_device"
        case .tooManyDevices: "too_many_devices"
        case .tooManyMetrics: "too_many_metrics"
        case .recordTooLarge: "record_too_large"
        }
    }
}
