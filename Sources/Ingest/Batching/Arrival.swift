// What is known of a payload beside its bytes: when and whence it came, and what its topic says.
package import Platform

/// One level of an MQTT topic that a pattern captured under a name of its own.
package struct TopicLabel: BitwiseCopyable {
    package var name: UnsafeRawBufferPointer
    package var value: UnsafeRawBufferPointer
}

/// The captures of a topic beside device and metric: at most `max`, the rest is left out by the pattern's compiler.
package struct TopicLabels: BitwiseCopyable {
    package static let max = 8

    private var labels: [8 of TopicLabel]
    package private(set) var count = 0

    package init() {
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        labels = .init(repeating: TopicLabel(name: nothing, value: nothing))
    }

    package mutating func append(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
        guard count < TopicLabels.max else { return }
        labels[count] = TopicLabel(name: name, value: value)
        count += 1
    }

    package subscript(index: Int) -> TopicLabel { labels[index] }

    /// The value captured under `name`.
    func value(of name: StaticString) -> UnsafeRawBufferPointer? {
        for index in 0..<count
        where labels[index].name.elementsEqual(
            UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
        ) {
            return labels[index].value
        }
        return nil
    }
}

/// One payload's circumstances. All pointers are valid during the call that it is passed to, and no longer.
package struct Arrival: BitwiseCopyable {
    package var receivedAt: Timestamp
    /// Header `from`: `192.0.2.7:5000`, `[2001:db8::1]:5000`, an MQTT topic, or a serial port's path.
    package var from: UnsafeRawBufferPointer
    package var topicDevice: UnsafeRawBufferPointer?
    package var topicMetric: UnsafeRawBufferPointer?
    package var topicLabels = TopicLabels()
    /// From the broker's memory, not from the device now.
    package var isRetained = false
    /// MQTT's packet identifier, header `mid`.
    package var messageID: UInt16?
    /// The broker has sent it before, and had no acknowledgement for it.
    package var isRedelivered = false

    package init(receivedAt: Timestamp, from: UnsafeRawBufferPointer) {
        self.receivedAt = receivedAt
        self.from = from
    }
}
