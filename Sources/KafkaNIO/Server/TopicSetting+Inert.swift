// Settings of a topic that change nothing here: those that have one value, and those that are kept to be shown.
internal import CommitLog
internal import KafkaProtocol

extension TopicSetting {
    // MARK: - One value

    /// To ask for these is well, for another value an error: it would be promised and not kept.
    static let allFixed: [TopicSetting] = [
        .fixed("max.compaction.lag.ms", .long, "\(Int64.max)"),
        .fixed("max.message.bytes", .int, "\(Limits.batchBytesMax)"),
        .fixed("message.timestamp.after.max.ms", .long, "\(Int64.max)"),
        .fixed("message.timestamp.before.max.ms", .long, "\(Int64.max)"),
        .fixed("message.timestamp.difference.max.ms", .long, "\(Int64.max)"),
        .fixed("message.timestamp.type", .string, "CreateTime"),
        .fixed("min.compaction.lag.ms", .long, "0"),
        .fixed("min.insync.replicas", .int, "1"),
        .fixed("remote.storage.enable", .boolean, "false"),
    ]

    private static func fixed(_ name: String, _ type: ConfigType, _ value: String) -> TopicSetting {
        TopicSetting(
            name: name,
            type: type,
            read: { _ in value },
            write: { $1 == value },
            reset: { _ in },
            isSet: { _ in false }
        )
    }

    // MARK: - Any of Kafka's values

    /// How a broker goes about its work, or what is so here whatever they say. Values and defaults are Kafka's.
    static let allInert: [TopicSetting] = [
        .inert("compression.gzip.level", .int, "-1") { text in
            WholeValue.read(text).flatMap { $0 == -1 || (1...9).contains($0) ? "\($0)" : nil }
        },
        .int("compression.lz4.level", "9", 1...17),
        .inert("compression.type", .string, "producer") { codecs.contains($0) ? $0 : nil },
        .int("compression.zstd.level", "3", -131_072...22),
        // Tombstones stay for 24 hours: nobody who counts on less misses one.
        .inert("delete.retention.ms", .long, "86400000") { WholeValue.canonical($0, 0...86_400_000) },
        .long("file.delete.delay.ms", "60000", from: 0),
        .long("flush.messages", "\(Int64.max)", from: 1),
        .long("flush.ms", "\(Int64.max)", from: 0),
        .inert("follower.replication.throttled.replicas", .list, "", ListValue.replicas),
        .int("index.interval.bytes", "4096", 0...Int64(Int32.max)),
        .inert("leader.replication.throttled.replicas", .list, "", ListValue.replicas),
        .long("local.retention.bytes", "-2", from: -2),
        .long("local.retention.ms", "-2", from: -2),
        .flag("message.downconversion.enable", true),
        .inert("min.cleanable.dirty.ratio", .double, "0.5") { text in
            let text = text.spaceless
            return Double(text).flatMap { (0...1).contains($0) ? text : nil }
        },
        .flag("preallocate", false),
        .flag("remote.log.copy.disable", false),
        .flag("remote.log.delete.on.disable", false),
        .int("segment.index.bytes", "10485760", 4...Int64(Int32.max)),
        .long("segment.jitter.ms", "0", from: 0),
        .long("segment.ms", "604800000", from: 1),
        .flag("unclean.leader.election.enable", false),
    ]

    private static let codecs: Set<String> = ["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]

    /// `canonical`: the value as it is kept and shown; nil where the text is none.
    private static func inert(
        _ name: String,
        _ type: ConfigType,
        _ value: String,
        _ canonical: @escaping @Sendable (String) -> String?
    ) -> TopicSetting {
        TopicSetting(
            name: name,
            type: type,
            read: { $0.inertSettings[name] ?? value },
            write: { topic, text in
                guard let value = canonical(text) else { return false }
                topic.inertSettings[name] = value
                return true
            },
            reset: { $0.inertSettings[name] = nil },
            isSet: { $0.inertSettings[name] != nil }
        )
    }

    private static func int(_ name: String, _ value: String, _ range: ClosedRange<Int64>) -> TopicSetting {
        inert(name, .int, value) { WholeValue.canonical($0, range) }
    }

    private static func long(_ name: String, _ value: String, from least: Int64) -> TopicSetting {
        inert(name, .long, value) { WholeValue.canonical($0, least...Int64.max) }
    }

    private static func flag(_ name: String, _ isOn: Bool) -> TopicSetting {
        inert(name, .boolean, "\(isOn)") { text in
            let text = text.spaceless.lowercased()
            return Bool(text).map { "\($0)" }
        }
    }
}

/// Whole numbers as Kafka reads them.
enum WholeValue {
    static func read(_ text: String) -> Int64? { Int64(text.spaceless) }

    static func canonical(_ text: String, _ range: ClosedRange<Int64>) -> String? {
        read(text).flatMap { range.contains($0) ? "\($0)" : nil }
    }
}

/// Lists as Kafka reads them: items between commas, with or without spaces around them.
enum ListValue {
    static func items(_ text: String) -> [String] {
        let items = text.split(separator: ",", omittingEmptySubsequences: false).map { String($0).spaceless }
        return items == [""] ? [] : items
    }

    /// Each item once, in their order; empty ones are left out.
    static func joined(_ text: String) -> String {
        items(text).filter { !$0.isEmpty }.distinct { $0 }.elements.joined(separator: ",")
    }

    /// `*`, or pairs of a partition and a broker, as `0:1`; nil for other lists.
    static let replicas: @Sendable (String) -> String? = { text in
        let list = joined(text)
        let isPairs = items(list).allSatisfy { item in
            let parts = item.split(separator: ":", omittingEmptySubsequences: false)
            return parts.count == 2 && parts.allSatisfy { Int32($0).map { $0 >= 0 } ?? false }
        }
        return list == "*" || isPairs ? list : nil
    }
}

extension String {
    /// Without white space at its ends.
    fileprivate var spaceless: String {
        guard let first = firstIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(self[first...].reversed().drop(while: \.isWhitespace).reversed())
    }
}
