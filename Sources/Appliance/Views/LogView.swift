// The log as the API and the commands see it: topics, records, verification.
internal import CommitLog
internal import HTTPAPI
internal import Platform
internal import Rules

/// Answers for one open log, whether the daemon's or a read-only one of a command.
struct LogView: LogBrowser {
    let log: CommitLog
    let disk: any Disk
    /// Reads block; they have a thread of their own.
    let readers: ThreadExecutor

    func topics() -> [TopicDocument] {
        Set(log.partitions.map(\.topicPartition.topic)).sorted().map(document)
    }

    func topic(_ name: String) throws -> TopicDocument {
        guard let topic = log.partitions.map(\.topicPartition.topic).first(where: { $0.text == name }) else {
            throw APIFailure(.notFound, "no topic \(name)", hint: "the log has \(topicNames)")
        }
        return document(topic)
    }

    func records(_ query: RecordQuery) throws -> LineSequence {
        RecordLines(stream: try RecordStream(query, log: log, executor: readers))
    }

    func verify() async throws -> VerificationDocument {
        // It reads for minutes, and the readers' thread is there for those who wait.
        let thread = ThreadExecutor(name: "verify")
        let found: Result<VerificationDocument, any Error>
        do { found = .success(try await Verifier(log: log, executor: thread).run()) } catch { found = .failure(error) }
        await thread.stop()
        return try found.get()
    }

    private var topicNames: String {
        Set(log.partitions.map(\.topicPartition.topic.text)).sorted().joined(separator: ", ")
    }

    private func document(_ topic: TopicName) -> TopicDocument {
        let partitions = log.partitions.filter { $0.topicPartition.topic == topic }
        let snapshot = log.snapshot()
        return TopicDocument(
            topic: topic.text,
            configuration: partitions.first.map { LogView.words($0, count: partitions.count) } ?? [:],
            partitions: partitions.map { partition in
                PartitionDocument(
                    topic: topic.text,
                    partition: Int(partition.topicPartition.partition.value),
                    logStartOffset: partition.logStartOffset.value,
                    highWatermark: snapshot.highWatermark(of: partition).value,
                    logEndOffset: partition.logEndOffset.value,
                    segments: partition.segmentCount,
                    bytes: partition.sizeBytes.value
                )
            }
        )
    }

    /// A topic's settings in the words of the configuration.
    private static func words(_ partition: Partition, count: Int) -> [String: String] {
        let topic = partition.configuration
        var words = [
            "partitions": String(count),
            "compression": "\(topic.compression)",
            "cleanup": "\(topic.cleanup)",
            "on_full": topic.onFull == .refuse ? "refuse" : "drop_oldest",
            "configured": String(partition.isConfigured),
        ]
        // What is compacted is not removed by time.
        if topic.cleanup == .delete, let retention = topic.retention {
            words["retention"] = RuleText.duration(milliseconds: retention.wholeMilliseconds)
        }
        if let bytes = topic.retentionBytes { words["retention_bytes"] = LogView.words(bytes) }
        return words
    }

    /// `8GiB`: the largest unit in which it is a whole number.
    private static func words(_ size: ByteCount) -> String {
        let units: [(name: String, bytes: Int64)] = [
            ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10),
        ]
        let unit = units.first { size.value >= $0.bytes && size.value % $0.bytes == 0 }
        return unit.map { "\(size.value / $0.bytes)\($0.name)" } ?? "\(size.value)B"
    }
}

extension VerificationDocument {
    /// What `LogVerify` found, in the keys of the contract.
    init(_ found: LogVerification) {
        self.init(
            partitions: found.partitions.map { partition in
                Partition(
                    topic: partition.topicPartition.topic.text,
                    partition: Int(partition.topicPartition.partition.value),
                    logStartOffset: partition.logStartOffset.value,
                    logEndOffset: partition.logEndOffset.value,
                    segments: partition.segments,
                    bytes: partition.bytes.value,
                    records: Int64(partition.records)
                )
            },
            damage: found.damage.map { damage in
                Damage(
                    topic: damage.topicPartition.topic.text,
                    partition: Int(damage.topicPartition.partition.value),
                    segment: damage.path,
                    position: damage.position.value,
                    reason: damage.kind.description,
                    known: damage.isKnownGap
                )
            }
        )
    }
}

/// Reads every byte of the log on a thread of its own.
private actor Verifier {
    private let log: CommitLog
    private let executor: ThreadExecutor

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    init(log: CommitLog, executor: ThreadExecutor) {
        self.log = log
        self.executor = executor
    }

    func run() throws -> VerificationDocument {
        VerificationDocument(try LogVerify.run(log))
    }
}
