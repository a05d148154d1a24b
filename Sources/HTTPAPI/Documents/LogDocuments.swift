// What the API says of topics, and how records are asked for. Kafka's words keep Kafka's spelling here.
internal import EventModel
package import Platform

/// Where one partition stands; the same keys as `forebay log verify` prints.
package struct PartitionDocument: Hashable, Codable, Sendable {
    package var topic: String
    package var partition: Int
    package var logStartOffset: Int64
    /// The first offset that readers do not see yet.
    package var highWatermark: Int64
    package var logEndOffset: Int64
    package var segments: Int
    package var bytes: Int64

    package init(
        topic: String,
        partition: Int,
        logStartOffset: Int64,
        highWatermark: Int64,
        logEndOffset: Int64,
        segments: Int,
        bytes: Int64
    ) {
        self.topic = topic
        self.partition = partition
        self.logStartOffset = logStartOffset
        self.highWatermark = highWatermark
        self.logEndOffset = logEndOffset
        self.segments = segments
        self.bytes = bytes
    }
}

/// One topic: its configuration as in the configuration file's words, and its partitions.
package struct TopicDocument: Hashable, Codable, Sendable {
    package var topic: String
    /// Effective settings, e.g. `retention`: `400d`.
    package var configuration: [String: String]
    package var partitions: [PartitionDocument]

    package init(topic: String, configuration: [String: String], partitions: [PartitionDocument]) {
        self.topic = topic
        self.configuration = configuration
        self.partitions = partitions
    }
}

/// The answer of `GET /api/v1/topics`.
package struct TopicsDocument: Hashable, Codable, Sendable {
    package var topics: [TopicDocument]

    package init(topics: [TopicDocument]) {
        self.topics = topics
    }
}

/// The answer of `GET /api/v1/log/verify`: every byte was read.
package struct VerificationDocument: Hashable, Codable, Sendable {
    package struct Partition: Hashable, Codable, Sendable {
        package var topic: String
        package var partition: Int
        package var logStartOffset: Int64
        package var logEndOffset: Int64
        package var segments: Int
        package var bytes: Int64
        package var records: Int64

        package init(
            topic: String,
            partition: Int,
            logStartOffset: Int64,
            logEndOffset: Int64,
            segments: Int,
            bytes: Int64,
            records: Int64
        ) {
            self.topic = topic
            self.partition = partition
            self.logStartOffset = logStartOffset
            self.logEndOffset = logEndOffset
            self.segments = segments
            self.bytes = bytes
            self.records = records
        }
    }

    /// A place where bytes are not what they were.
    package struct Damage: Hashable, Codable, Sendable {
        package var topic: String
        package var partition: Int
        /// The segment's file name.
        package var segment: String
        /// Byte position in that file.
        package var position: Int64
        package var reason: String
        /// Whether it is known as a gap already.
        package var known: Bool

        package init(topic: String, partition: Int, segment: String, position: Int64, reason: String, known: Bool) {
            self.topic = topic
            self.partition = partition
            self.segment = segment
            self.position = position
            self.reason = reason
            self.known = known
        }
    }

    package var partitions: [Partition]
    package var damage: [Damage]

    package init(partitions: [Partition], damage: [Damage]) {
        self.partitions = partitions
        self.damage = damage
    }
}

/// A place in a topic, as `--from` and `--to` name it.
package enum RecordPosition: Hashable, Sendable {
    case earliest
    case latest
    case offset(Int64)
    /// Receive time.
    case time(Timestamp)

    /// Reads `earliest`, `latest`, an offset, or an RFC 3339 time with a zone; nil for anything else.
    package init?(_ text: String) {
        switch text {
        case "earliest": self = .earliest
        case "latest": self = .latest
        default:
            if let offset = Int64(text), offset >= 0 {
                self = .offset(offset)
                return
            }
            let bytes = Array(text.utf8)
            guard (19...64).contains(bytes.count), bytes[4] == UInt8(ascii: "-"),
                let time = TimestampText.parse(bytes.span.bytes, start: 0, count: bytes.count), time.hasZone
            else { return nil }
            self = .time(Timestamp(milliseconds: time.milliseconds))
        }
    }
}

/// Which records of a topic to send.
package struct RecordQuery: Hashable, Sendable {
    package var topic: String
    /// Nil: the last `count` records (10 where that is nil too), or, with `follow`, those to come.
    package var from: RecordPosition?
    /// Exclusive; nil: the end as it is when the request comes.
    package var to: RecordPosition?
    /// Nil: all of them.
    package var partition: Int?
    /// Glob over the record's device.
    package var device: String?
    package var metric: String?
    package var count: Int?
    /// Goes on with what is appended, until the client leaves.
    package var follow: Bool

    package init(
        topic: String,
        from: RecordPosition? = nil,
        to: RecordPosition? = nil,
        partition: Int? = nil,
        device: String? = nil,
        metric: String? = nil,
        count: Int? = nil,
        follow: Bool = false
    ) {
        self.topic = topic
        self.from = from
        self.to = to
        self.partition = partition
        self.device = device
        self.metric = metric
        self.count = count
        self.follow = follow
    }
}
