// Names of topics and partitions, valid by construction.

/// A Kafka topic name: 1 to 249 of `a-z A-Z 0-9 . _ -`, and neither `.` nor `..`, so that it is a safe file name.
package struct TopicName: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let text: String

    package static let lengthMax = 249

    /// nil where `text` is not a topic name.
    package init?(_ text: String) {
        let isLegal = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): true
            default: false
            }
        }
        guard isLegal, (1...TopicName.lengthMax).contains(text.utf8.count), text != ".", text != ".." else {
            return nil
        }
        self.text = text
    }

    private init(trusted text: String) {
        self.text = text
    }

    package static let readings = TopicName(trusted: "readings")
    package static let alerts = TopicName(trusted: "alerts")
    package static let rejected = TopicName(trusted: "rejected")
    package static let system = TopicName(trusted: "system")
    package static let gaps = TopicName(trusted: "gaps")
    package static let operations = TopicName(trusted: "operations")
    /// What consumer groups have committed, and who is in them, in Kafka's own format.
    package static let consumerOffsets = TopicName(trusted: "__consumer_offsets")

    package static func < (left: TopicName, right: TopicName) -> Bool {
        left.text < right.text
    }

    package var description: String { text }
}

/// The number of a partition in its topic, from 0.
package struct PartitionIndex: Hashable, Comparable, Sendable, BitwiseCopyable, CustomStringConvertible {
    package var value: Int32

    package static let zero = PartitionIndex(0)

    package init(_ value: Int32) {
        self.value = value
    }

    package static func < (left: PartitionIndex, right: PartitionIndex) -> Bool {
        left.value < right.value
    }

    package var description: String { String(value) }
}

/// One partition of one topic; written `readings-0`, as its directory is named.
package struct TopicPartition: Hashable, Comparable, Sendable, CustomStringConvertible {
    package var topic: TopicName
    package var partition: PartitionIndex

    package init(topic: TopicName, partition: PartitionIndex) {
        self.topic = topic
        self.partition = partition
    }

    /// Reads a directory name, split at its last `-`; nil where it names no partition.
    package init?(directoryName: String) {
        guard let dash = directoryName.lastIndex(of: "-") else { return nil }
        let digits = directoryName[directoryName.index(after: dash)...]
        guard let topic = TopicName(String(directoryName[..<dash])), let number = Int32(digits), number >= 0,
            String(number) == digits
        else { return nil }
        self.init(topic: topic, partition: PartitionIndex(number))
    }

    package static func < (left: TopicPartition, right: TopicPartition) -> Bool {
        (left.topic, left.partition) < (right.topic, right.partition)
    }

    package var description: String { "\(topic)-\(partition)" }
}
