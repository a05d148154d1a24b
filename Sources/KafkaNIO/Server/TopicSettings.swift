// The settings of a topic by Kafka's names, and what they are here.
internal import CommitLog
internal import KafkaProtocol
internal import Platform

/// One setting: how it is read from a topic's configuration, and set in it.
struct TopicSetting: Sendable {
    let name: String
    let type: ConfigType
    let read: @Sendable (TopicConfiguration) -> String
    /// False where the text is no value for it here.
    let write: @Sendable (inout TopicConfiguration, String) -> Bool
    /// Back to what a topic has that says nothing.
    let reset: @Sendable (inout TopicConfiguration) -> Void
    /// Whether the topic has said something.
    let isSet: @Sendable (TopicConfiguration) -> Bool

    /// What a topic is made with that says nothing.
    static let defaults = TopicConfiguration(retention: .seconds(7 * 86_400))

    /// All there are, by name.
    static let all: [TopicSetting] = (allEffective + allFixed + allInert).sorted { $0.name < $1.name }

    private static let byName: [String: TopicSetting] = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

    /// `value` nil: back to the default.
    ///
    /// - Throws: `invalidConfiguration` where the setting cannot be had.
    static func set(_ name: String, _ value: String?, in topic: inout TopicConfiguration) throws(LogError) {
        let setting = try find(name)
        guard let value else { return setting.reset(&topic) }
        try setting.set(value, in: &topic)
    }

    /// Adds items, of which `text` is a list, to a setting that is a list itself; those that are there already stay.
    ///
    /// - Throws: `invalidConfiguration` where it is no list, or the longer one cannot be had.
    static func append(_ text: String, to name: String, in topic: inout TopicConfiguration) throws(LogError) {
        let setting = try list(name)
        try setting.set(ListValue.joined(setting.read(topic) + "," + text), in: &topic)
    }

    /// Takes items, of which `text` is a list, from a setting that is a list itself.
    ///
    /// - Throws: `invalidConfiguration` where it is no list, or what is left cannot be had.
    static func subtract(_ text: String, from name: String, in topic: inout TopicConfiguration) throws(LogError) {
        let setting = try list(name)
        let removed = Set(ListValue.items(text))
        let left = ListValue.items(setting.read(topic)).filter { !removed.contains($0) }
        try setting.set(left.joined(separator: ","), in: &topic)
    }

    private func set(_ value: String, in topic: inout TopicConfiguration) throws(LogError) {
        guard write(&topic, value) else {
            throw LogError(.invalidConfiguration, "\(value.prefix(100)) is no value for \(name) here")
        }
    }

    private static func list(_ name: String) throws(LogError) -> TopicSetting {
        let setting = try find(name)
        guard setting.type == .list else {
            throw LogError(.invalidConfiguration, "\(name) is no list, to which or from which something could be taken")
        }
        return setting
    }

    private static func find(_ name: String) throws(LogError) -> TopicSetting {
        guard let setting = byName[name] else {
            throw LogError(.invalidConfiguration, "there is no setting \(name.prefix(100)) of topics")
        }
        return setting
    }
}

extension TopicConfiguration {
    /// What Kafka counts for each partition, and Forebay for the whole topic: bytes beyond which the oldest go; nil is no
    /// limit.
    var retentionBytesOfPartition: Int64? {
        get { retentionBytes.map { $0.value / Int64(max(1, partitions)) } }
        set {
            retentionBytes = newValue.map { bytes in
                let (whole, overflow) = bytes.multipliedReportingOverflow(by: Int64(max(1, partitions)))
                return ByteCount(overflow ? .max : whole)
            }
        }
    }
}

// MARK: - What has an effect

extension TopicSetting {
    private static let allEffective: [TopicSetting] = [
        TopicSetting(
            "cleanup.policy",
            .list,
            read: { $0.cleanup == .compact ? "compact" : "delete" },
            write: { topic, text in
                switch ListValue.joined(text) {
                case "delete": topic.cleanup = .delete
                case "compact": topic.cleanup = .compact
                default: return false
                }
                return true
            },
            reset: { $0.cleanup = defaults.cleanup }
        ),
        TopicSetting(
            "retention.bytes",
            .long,
            read: { topic in topic.retentionBytesOfPartition.map { "\($0)" } ?? "-1" },
            write: { topic, text in
                guard let bytes = WholeValue.read(text), bytes >= -1 else { return false }
                topic.retentionBytesOfPartition = bytes < 0 ? nil : bytes
                return true
            },
            reset: { $0.retentionBytes = defaults.retentionBytes }
        ),
        TopicSetting(
            "retention.ms",
            .long,
            read: { topic in topic.retention.map { "\($0.wholeMilliseconds)" } ?? "-1" },
            write: { topic, text in
                guard let milliseconds = WholeValue.read(text), milliseconds >= -1 else { return false }
                topic.retention = milliseconds < 0 ? nil : .milliseconds(milliseconds)
                return true
            },
            reset: { $0.retention = defaults.retention }
        ),
        TopicSetting(
            "segment.bytes",
            .int,
            read: { topic in "\((topic.segmentBytes ?? .mebibytes(64)).value)" },
            write: { topic, text in
                guard let bytes = WholeValue.read(text), segmentBytes.contains(bytes) else { return false }
                topic.segmentBytes = ByteCount(max(bytes, segmentBytesMin))
                return true
            },
            reset: { $0.segmentBytes = defaults.segmentBytes }
        ),
    ]

    /// What is less makes more files than are good for a box, and is taken as so much.
    private static let segmentBytesMin: Int64 = 64 << 10

    /// As in the configuration file, but for the lower end, which is Kafka's own.
    private static let segmentBytes: ClosedRange<Int64> = 14...(1 << 30)

    private init(
        _ name: String,
        _ type: ConfigType,
        read: @escaping @Sendable (TopicConfiguration) -> String,
        write: @escaping @Sendable (inout TopicConfiguration, String) -> Bool,
        reset: @escaping @Sendable (inout TopicConfiguration) -> Void
    ) {
        self.init(
            name: name,
            type: type,
            read: read,
            write: write,
            reset: reset,
            isSet: { read($0) != read(TopicSetting.defaults) }
        )
    }
}
