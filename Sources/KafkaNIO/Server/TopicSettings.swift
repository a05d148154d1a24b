// The settings of a topic by Kafka's names, and what they are here.
internal import CommitLog
internal import KafkaProtocol
internal import Platform

/// One setting: how it is read from a topic's configuration, and set in it.
struct TopicSetting: Sendable {
    let name: String
    let type: ConfigType
    let read: @Sendable (TopicConfiguration) -> String
    /// False where the text is no value for it.
    let write: @Sendable (inout TopicConfiguration, String) -> Bool

    /// What a topic is made with that says nothing.
    static let defaults = TopicConfiguration(retention: .seconds(7 * 86_400))

    /// All there are, by name.
    static let all: [TopicSetting] = [
        TopicSetting(
            name: "cleanup.policy",
            type: .list,
            read: { $0.cleanup == .compact ? "compact" : "delete" },
            write: { topic, text in
                switch text {
                case "delete": topic.cleanup = .delete
                case "compact": topic.cleanup = .compact
                default: return false
                }
                return true
            }
        ),
        .fixed("compression.type", .string, "producer"),
        .fixed("max.message.bytes", .int, "\(Limits.batchBytesMax)"),
        .fixed("message.timestamp.type", .string, "CreateTime"),
        .fixed("min.insync.replicas", .int, "1"),
        TopicSetting(
            name: "retention.bytes",
            type: .long,
            // Kafka counts each partition for itself; Forebay the whole topic.
            read: { topic in
                topic.retentionBytes.map { "\($0.value / Int64(max(1, topic.partitions)))" } ?? "-1"
            },
            write: { topic, text in
                guard let bytes = Int64(text), bytes == -1 || bytes >= 0 else { return false }
                let (whole, overflow) = bytes.multipliedReportingOverflow(by: Int64(max(1, topic.partitions)))
                topic.retentionBytes = bytes < 0 || overflow ? nil : ByteCount(whole)
                return true
            }
        ),
        TopicSetting(
            name: "retention.ms",
            type: .long,
            read: { topic in topic.retention.map { "\($0.wholeMilliseconds)" } ?? "-1" },
            write: { topic, text in
                guard let milliseconds = Int64(text), milliseconds >= -1 else { return false }
                topic.retention = milliseconds < 0 ? nil : .milliseconds(milliseconds)
                return true
            }
        ),
        TopicSetting(
            name: "segment.bytes",
            type: .int,
            read: { topic in "\((topic.segmentBytes ?? .mebibytes(64)).value)" },
            write: { topic, text in
                guard let bytes = Int64(text), TopicSetting.segmentBytes.contains(bytes) else { return false }
                topic.segmentBytes = ByteCount(max(bytes, TopicSetting.segmentBytesMin))
                return true
            }
        ),
    ]

    /// What is less makes more files than are good for a box, and is taken as so much.
    private static let segmentBytesMin: Int64 = 64 << 10

    /// As in the configuration file, but for the lower end, which is Kafka's own.
    private static let segmentBytes: ClosedRange<Int64> = 14...(1 << 30)

    /// One that has a single value here: to ask for it is well, for another an error.
    private static func fixed(_ name: String, _ type: ConfigType, _ value: String) -> TopicSetting {
        TopicSetting(name: name, type: type, read: { _ in value }, write: { $1 == value })
    }

    /// Why a setting cannot be had; nil where it was set. `value` nil: back to the default.
    static func set(_ name: String, _ value: String?, in topic: inout TopicConfiguration) -> String? {
        guard let setting = all.first(where: { $0.name == name }) else {
            return "there is no setting \(name) here; there are \(all.map(\.name).joined(separator: ", "))"
        }
        let text = value ?? setting.read(defaults)
        guard setting.write(&topic, text) else { return "\(text) is no value for \(name) here" }
        return nil
    }
}
