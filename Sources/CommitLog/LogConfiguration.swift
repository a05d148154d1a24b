// What the log is told: where it lies, which topics it has, and how long they are kept.
internal import Platform

/// The codec of batches that are written here. Readers understand all of them whatever this says.
package enum Compression: UInt8, Sendable {
    /// Raw values are Kafka's codec numbers (attributes, bits 0-2).
    case none = 0
    case lz4 = 3
    case zstd = 4
}

/// How old records leave a topic.
package enum Cleanup: UInt8, Sendable {
    /// Whole segments, oldest first.
    case delete = 0
    /// Records whose key has a newer one; retention by age, bytes and free space is not for these topics.
    case compact = 1
}

/// What happens to a topic when the disk is full.
package enum FullPolicy: UInt8, Sendable {
    /// Offers are refused until there is room.
    case refuse = 0
    /// The oldest segments are deleted to make room.
    case dropOldest = 1
}

/// How one topic is kept. Stored in the journal of each of its partitions, but for the number of them; where journals
/// disagree, the first partition's counts.
package struct TopicConfiguration: Hashable, Sendable {
    /// 1 or more; never reduced for a topic that exists.
    package var partitions: Int
    /// Age by append time after which a segment goes; nil keeps for ever.
    package var retention: Duration?
    /// Of the whole topic, all partitions together; nil is no limit.
    package var retentionBytes: ByteCount?
    package var compression: Compression
    package var cleanup: Cleanup
    package var onFull: FullPolicy
    /// Where a segment is closed; nil takes the log's. One commit may pass it.
    package var segmentBytes: ByteCount?
    /// Settings of clients that change nothing here, by Kafka's names: kept to be shown. As a journal holds them at most
    /// `Limits.inertSettingsBytesMax` bytes.
    package var inertSettings: [String: String]

    /// Of `inertSettings` in a journal: each name and each value behind its length.
    var inertSettingsBytes: Int { inertSettings.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count + 4 } }

    /// Whether the oldest segments go where the disk is full.
    var dropsOldest: Bool { onFull == .dropOldest && cleanup == .delete }

    /// As a partition's journal holds it: whole milliseconds, no limit that is less than none, and no more than fits.
    var stored: TopicConfiguration {
        var stored = self
        stored.partitions = 1
        stored.retention = retention.flatMap { $0 < .zero ? nil : .milliseconds($0.wholeMilliseconds) }
        stored.retentionBytes = retentionBytes.flatMap { $0.value < 0 ? nil : $0 }
        stored.segmentBytes = segmentBytes.flatMap { $0.value <= 0 ? nil : $0 }
        if inertSettingsBytes > Limits.inertSettingsBytesMax { stored.inertSettings = [:] }
        return stored
    }

    /// Where the topic's segments are closed in a log that has `bytes` for those that say nothing.
    func segmentBytes(orLog bytes: ByteCount) -> ByteCount {
        let wanted = segmentBytes ?? bytes
        return cleanup == .compact ? min(wanted, Limits.compactSegmentBytes) : wanted
    }

    package init(
        partitions: Int = 1,
        retention: Duration? = nil,
        retentionBytes: ByteCount? = nil,
        compression: Compression = .none,
        cleanup: Cleanup = .delete,
        onFull: FullPolicy = .refuse,
        segmentBytes: ByteCount? = nil,
        inertSettings: [String: String] = [:]
    ) {
        self.partitions = partitions
        self.retention = retention
        self.retentionBytes = retentionBytes
        self.compression = compression
        self.cleanup = cleanup
        self.onFull = onFull
        self.segmentBytes = segmentBytes
        self.inertSettings = inertSettings
    }
}

/// What a log is opened with.
package struct LogConfiguration: Sendable {
    /// The data directory, absolute; the log lies in `log/` below it. It must exist.
    package var directory: String
    package var topics: [TopicName: TopicConfiguration]
    /// The longest that an input lets a batch grow; the writer itself never waits.
    package var commitInterval: Duration
    package var segmentBytes: ByteCount
    /// The part of the file system, 0 to 1, that free-space retention keeps free.
    package var keepFreeFraction: Double
    /// Memory of the batches that wait for the writer.
    package var inboxBytesMax: Int
    /// Room kept for what must go on when the disk is full, at most; 0 keeps none.
    package var reserveBytesMax: ByteCount

    package init(
        directory: String,
        topics: [TopicName: TopicConfiguration],
        commitInterval: Duration = .milliseconds(10),
        segmentBytes: ByteCount = .mebibytes(64),
        keepFreeFraction: Double = 0.1,
        inboxBytesMax: Int = Limits.inboxBytesMax,
        reserveBytesMax: ByteCount = ByteCount(0)
    ) {
        self.directory = directory
        self.topics = topics
        self.commitInterval = commitInterval
        self.segmentBytes = segmentBytes
        self.keepFreeFraction = keepFreeFraction
        self.inboxBytesMax = inboxBytesMax
        self.reserveBytesMax = reserveBytesMax
    }
}
