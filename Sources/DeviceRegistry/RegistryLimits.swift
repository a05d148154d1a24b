// The bounds of what the registry holds, each with its reason.

/// Sizes that no caller can exceed; text is measured in bytes of UTF-8.
package enum RegistryLimits {
    /// CONTRACT section 3: the length of a device id.
    package static let idBytesMax = 128
    /// As long as an id, for a metric may come from a topic as an id does.
    package static let metricBytesMax = 128
    /// Names, locations and profiles stand in alerts and tables; a line is enough.
    package static let textBytesMax = 256
    /// The longest UCUM unit seen in practice has 12 characters.
    package static let unitBytesMax = 32
    package static let labelKeyBytesMax = 64
    package static let labelValueBytesMax = 256
    /// As many as an event can carry.
    package static let labelsMax = 32
    /// The largest `devices.max_metrics` there can be: an input counts first, this guards the file.
    package static let metricsMax = 4096
    /// The largest `devices.max_automatic` there can be. About 200 bytes of memory for each device in the directory: 200 MB is where one box ends.
    package static let devicesMax = 1_000_000
    /// A revision is a row that stays, for records name it.
    package static let calibrationRevisionMax = 10_000
    /// A device that speaks less than once a year is not watched by its interval.
    package static let expectedIntervalMillisecondsMax: Int64 = 366 * 86_400_000

    /// Whether `text` has 1 to `max` bytes and no control characters.
    package static func allows(_ text: String, max: Int) -> Bool {
        let count = text.utf8.count
        guard count >= 1, count <= max else { return false }
        return !text.unicodeScalars.contains { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) }
    }
}
