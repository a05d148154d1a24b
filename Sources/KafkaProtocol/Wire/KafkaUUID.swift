// The sixteen bytes by which Kafka names a topic besides its name.

/// Zero means "none": a request that names its topic by name, a response of a broker that has no ids.
package struct KafkaUUID: Hashable, Sendable {
    /// The first eight bytes, big-endian.
    package var high: UInt64
    /// The last eight bytes, big-endian.
    package var low: UInt64

    package static let zero = KafkaUUID(high: 0, low: 0)

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}
