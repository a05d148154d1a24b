// Topics that clients and commands make: created, altered and deleted, in the daemon and, by a command, without one.
internal import CommitLog
internal import HTTPAPI
internal import KafkaNIO
internal import Platform

/// Over one log that is open for writing and has its writer.
struct TopicChanges: Sendable {
    let log: CommitLog
    let view: LogView
    let clock: any Clock
    /// Whose groups forget topics that are deleted; nil while no listener runs.
    let server: KafkaServer?
    /// For sentences.
    let configurationFile: String?

    /// - Returns: The topic as it is afterwards.
    func create(_ name: String, _ settings: TopicSettings) async throws -> TopicDocument {
        guard let topic = TopicName(name) else {
            throw APIFailure(
                .badRequest,
                "`\(name)` cannot be a topic's name",
                hint: "a name has 1 to \(TopicName.lengthMax) of a-z A-Z 0-9 . _ -"
            )
        }
        try requireFree(topic)
        if server == nil, log.topic(topic) == nil { try await requireForgotten(name) }
        var configuration = KafkaServer.topicDefaults
        try settings.apply(to: &configuration)
        try await perform(.create(topic, configuration, id: .random()))
        return try view.topic(name)
    }

    /// - Returns: The topic as it is afterwards.
    func alter(_ name: String, _ settings: TopicSettings) async throws -> TopicDocument {
        let topic = try found(name)
        var configuration = topic.configuration
        try settings.apply(to: &configuration)
        guard configuration.partitions >= topic.partitions.count else {
            throw APIFailure(
                .badRequest,
                "topic \(name) has \(topic.partitions.count) partitions, and they only grow",
                hint: "a topic with less is another one: forebay topics create"
            )
        }
        if configuration != topic.configuration { try await perform(.alter(topic.name, by: settings.alteration)) }
        return try view.topic(name)
    }

    /// - Returns: What it was.
    func delete(_ name: String) async throws -> TopicDocument {
        let topic = try found(name, toDelete: true)
        let document = try view.topic(name)
        if server == nil { try await requireNoOffsets(of: name) }
        try await perform(.delete(topic.name))
        return document
    }

    private func found(_ name: String, toDelete: Bool = false) throws -> TopicDescription {
        guard let topic = log.topics.first(where: { $0.name.text == name }) else {
            // Its own words for what is not there.
            _ = try view.topic(name)
            throw APIFailure(.notFound, "no topic \(name)")
        }
        try requireFree(topic.name, toDelete: toDelete)
        return topic
    }

    /// Topics that every configuration has are not for commands.
    private func requireFree(_ topic: TopicName, toDelete: Bool = false) throws(APIFailure) {
        guard topic != .consumerOffsets else {
            throw APIFailure(
                .conflict,
                "topic \(topic) holds what consumer groups have committed, and is the Kafka listener's own",
                hint: "forebay groups list shows what is in it"
            )
        }
        guard LogSection().topics.contains(where: { $0.name == topic }) else { return }
        guard !toDelete else {
            throw APIFailure(
                .conflict,
                "topic \(topic) is one of the box's own, and is not deleted",
                hint: "what is in it goes with its retention: `log.topics.\(topic)` in the configuration"
            )
        }
        throw APIFailure(
            .conflict,
            "topic \(topic) is the configuration's",
            hint: "its settings stand under `log.topics.\(topic)` in \(configurationFile ?? "the configuration file"), "
                + "or are the defaults; a change there takes a restart"
        )
    }

    /// Only the coordinator forgets what groups have committed, and another topic of the same name begins at 0 again: a
    /// consumer would skip what comes there.
    private func requireNoOffsets(of topic: String) async throws {
        let groups = try await GroupReader(log: log, executor: view.readers).stored(clock)
            .filter { $0.offsets.contains { $0.name == topic } }.map(\.group.groupID)
        guard !groups.isEmpty else { return }
        let names = groups.prefix(5).joined(separator: ", ") + (groups.count > 5 ? " and others" : "")
        throw APIFailure(
            .unavailable,
            "\(names) have committed offsets in topic \(topic), which only the Kafka listener forgets with it",
            hint: "start the daemon, with `listen.kafka`, and delete the topic then"
        )
    }

    /// Nor must a topic have what was committed for a deleted one of its name.
    private func requireForgotten(_ topic: String) async throws {
        guard try await GroupReader(log: log, executor: view.readers).topics(clock).contains(topic) else { return }
        throw APIFailure(
            .unavailable,
            "groups have committed offsets for a deleted topic \(topic), which only the Kafka listener forgets",
            hint: "start the daemon, with `listen.kafka`, and create the topic then"
        )
    }

    private func perform(_ change: TopicChange) async throws(APIFailure) {
        guard log.access == .readWrite else { throw APIFailure(.unavailable, "the daemon only reads") }
        let outcome: Result<Void, LogError>? = await firstAnswer(within: TopicChanges.patience) { done in
            if let server {
                server.change(change, completion: done)
            } else {
                log.change(change, completion: done)
            }
        }
        guard let outcome else {
            throw APIFailure(
                .unavailable,
                "the disk has not done it within half a minute, and may yet",
                hint: "forebay topics list shows whether it has"
            )
        }
        do { try outcome.get() } catch { throw APIFailure(error) }
    }

    /// A disk may stall for seconds.
    private static let patience = Duration.seconds(30)
}

extension TopicSettings {
    /// Sets what is named in the configuration that is in force by then.
    fileprivate var alteration: TopicAlteration {
        { (topic: inout TopicConfiguration) throws(LogError) in
            do throws(APIFailure) {
                try apply(to: &topic)
            } catch {
                throw LogError(.invalidConfiguration, error.error)
            }
        }
    }

    /// Sets what is named.
    func apply(to topic: inout TopicConfiguration) throws(APIFailure) {
        if let partitions {
            guard partitions > 0 else { throw APIFailure(.badRequest, "a topic has one partition or more") }
            topic.partitions = partitions
        }
        if let retention {
            let range = Duration.seconds(60)...Duration.days(36_500)
            topic.retention = try TopicSettings.limit(retention, "retention", .duration(range))
        }
        if let retentionBytes {
            let range: ClosedRange<Int64> = (64 << 10)...(1 << 50)
            topic.retentionBytes = try TopicSettings.limit(retentionBytes, "retention_bytes", .byteCount(range))
                .map { ByteCount($0) }
        }
        if let cleanup { topic.cleanup = try TopicSettings.value(cleanup, "cleanup", .cleanup) }
        if let compression { topic.compression = try TopicSettings.value(compression, "compression", .compression) }
        if let onFull { topic.onFull = try TopicSettings.value(onFull, "on_full", .fullPolicy) }
        guard topic.cleanup == .compact else { return }
        let refused = [
            ("retention", retention != nil), ("retention_bytes", retentionBytes != nil),
            ("on_full: drop_oldest", topic.onFull == .dropOldest),
        ]
        for (name, isThere) in refused where isThere {
            throw APIFailure(
                .badRequest,
                "`\(name)` is not for a topic with `cleanup: compact`, which keeps the newest record of each key"
            )
        }
    }

    /// nil for `none`.
    private static func limit<Value>(
        _ text: String,
        _ key: String,
        _ type: ScalarType<Value>
    ) throws(APIFailure) -> Value? {
        try text == "none" ? nil : value(text, key, type)
    }

    private static func value<Value>(
        _ text: String,
        _ key: String,
        _ type: ScalarType<Value>
    ) throws(APIFailure) -> Value {
        do {
            return try type.read(ScalarValue(text: text, isQuoted: false, shown: text, directory: "/"))
        } catch {
            throw APIFailure(.badRequest, "`\(key)`: \(error.message)")
        }
    }
}

extension APIFailure {
    /// A change that the log has refused, or failed to do.
    init(_ error: LogError) {
        let kind: Kind =
            switch error.code {
            case .unknownPartition: .notFound
            case .topicExists, .configured, .tooManyPartitions: .conflict
            case .invalidPartitionCount, .invalidConfiguration: .badRequest
            case .full, .busy, .closed: .unavailable
            default: .failed
            }
        self.init(kind, error.description)
    }
}
