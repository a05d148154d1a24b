// Does what is asked of topics: files first, then what everybody sees.
internal import Platform

/// Owned by the log-writer thread, which calls it between two commits.
final class TopicChanger {
    private let log: CommitLog
    private let writers: PartitionWriters
    private let compaction: Compaction
    private let repairs: DamageRepairs
    private let disposal: Disposal
    private let directories: TopicDirectories
    private let segmentBytes: ByteCount
    private var nextSlot: Int

    init(
        log: CommitLog,
        seed: CommitLog.WriterSeed,
        writers: PartitionWriters,
        compaction: Compaction,
        repairs: DamageRepairs,
        directories: TopicDirectories,
        disposal: Disposal
    ) {
        self.log = log
        self.writers = writers
        self.compaction = compaction
        self.repairs = repairs
        self.directories = directories
        self.disposal = disposal
        segmentBytes = seed.segmentBytes
        nextSlot = seed.nextSlot
    }

    /// Done, durable and visible on return.
    ///
    /// A thrown error without an `underlying` one, or with one that is retriable, has left the topics as they were. After
    /// any other the log must not be written to: the next open ends what was begun.
    ///
    /// `hasRoom`: whether the disk may be asked for more.
    func perform(_ change: TopicChange, hasRoom: Bool) throws(LogError) {
        switch change {
        case .create(let topic, let configuration, let id): try create(topic, configuration, id, hasRoom)
        case .delete(let topic): try delete(topic)
        case .alter(let topic, let configuration): try alter(topic, configuration, hasRoom)
        case .deleteRecords(let partition, let offset): try deleteRecords(partition, below: offset)
        }
    }

    // MARK: - Creating

    private func create(
        _ topic: TopicName,
        _ configuration: TopicConfiguration,
        _ id: UniqueIdentifier,
        _ hasRoom: Bool
    ) throws(LogError) {
        guard log.catalogue.topic(topic) == nil else { throw LogError(.topicExists, "topic \(topic) exists") }
        guard configuration.partitions > 0 else {
            throw LogError(.invalidPartitionCount, "a topic has one partition or more")
        }
        let numbers = try numbers(configuration.partitions, from: 0, hasRoom)
        let facts = PartitionSource.Shared(topicID: id, configuration: configuration.stored)
        let openings = try making(topic, numbers, facts) { () throws(DiskError) in try directories.mark(topic) }
        try final { () throws(DiskError) in try directories.unmark(topic) }
        show(openings)
    }

    /// The numbers of `count` new partitions, 0 or more.
    private func numbers(_ count: Int, from start: Int32, _ hasRoom: Bool) throws(LogError) -> Range<Int32> {
        guard count > 0 else { return start..<start }
        let room = Limits.partitionsMax - max(writers.all.count, Int(start))
        guard count <= min(room, Limits.partitionsPerChangeMax) else {
            throw LogError(
                .tooManyPartitions,
                "\(count) more partitions, where there are \(writers.all.count), may be \(Limits.partitionsMax),"
                    + " and \(Limits.partitionsPerChangeMax) can be made at once"
            )
        }
        guard hasRoom else { throw LogError(.full, "the disk is full") }
        return start..<start + Int32(count)
    }

    /// Makes partitions, durable but for their names, or takes away what there is of them.
    private func making(
        _ topic: TopicName,
        _ numbers: Range<Int32>,
        _ facts: PartitionSource.Shared,
        after begin: () throws(DiskError) -> Void
    ) throws(LogError) -> [PartitionOpening] {
        let names = numbers.map { TopicPartition(topic: topic, partition: PartitionIndex($0)) }
        do throws(DiskError) {
            try begin()
            var openings: [PartitionOpening] = []
            for (index, name) in names.enumerated() {
                // What another attempt may have left.
                try directories.remove(directories.path(name))
                openings.append(try PartitionOpening.create(source(name, facts, slot: nextSlot + index)))
            }
            return openings
        } catch {
            guard isHarmless(error) else { throw LogError(error) }
            try final { () throws(DiskError) in
                for name in names.reversed() { try directories.remove(directories.path(name)) }
                try directories.unmark(topic)
            }
            throw harmless(error)
        }
    }

    private func source(_ name: TopicPartition, _ facts: PartitionSource.Shared, slot: Int) -> PartitionSource {
        PartitionSource(
            disk: log.disk,
            clock: log.clock,
            topicPartition: name,
            directory: directories.path(name),
            configured: nil,
            shared: facts,
            slot: slot,
            segmentBytes: segmentBytes,
            access: .readWrite
        )
    }

    private func show(_ openings: [PartitionOpening]) {
        let created = openings.compactMap(\.writer)
        nextSlot += openings.count
        writers.add(created)
        for writer in created { compaction.follow(writer) }
        log.show(writers.all.map(\.partition))
    }

    // MARK: - Deleting

    private func delete(_ topic: TopicName) throws(LogError) {
        let partitions = try changeable(topic).partitions
        do throws(DiskError) {
            try directories.mark(topic)
        } catch {
            throw isHarmless(error) ? harmless(error) : LogError(error)
        }
        hide(partitions)
        try final { () throws(DiskError) in
            for partition in partitions {
                if let aside = try directories.setAside(partition.topicPartition) { disposal.add(aside) }
            }
            try directories.unmark(topic)
        }
    }

    private func hide(_ partitions: [Partition]) {
        for partition in partitions {
            compaction.forget(partition.slot)
            repairs.forget(partition.slot)
            log.damage.forgetGaps(of: partition.topicPartition)
        }
        writers.remove(slots: Set(partitions.map(\.slot)))
        // Before they are missed in the list, so that readers who see that something has changed see what.
        for partition in partitions { partition.setDeleted() }
        log.show(writers.all.map(\.partition))
    }

    private func deleteRecords(_ topicPartition: TopicPartition, below offset: Offset) throws(LogError) {
        guard let writer = writers[topicPartition] else { throw unknown("partition \(topicPartition)") }
        let partition = writer.partition
        guard offset >= .zero, offset <= partition.logEndOffset else {
            throw LogError(
                .offsetOutOfRange,
                "the log ends at \(partition.logEndOffset)",
                topicPartition: topicPartition,
                offset: offset
            )
        }
        guard offset > partition.logStartOffset else { return }
        try final { () throws(DiskError) in
            try compaction.abandon(partition.slot)
            try writer.deleteRecords(below: offset)
        }
    }

    // MARK: - Altering

    private func alter(
        _ topic: TopicName,
        _ configuration: TopicConfiguration,
        _ hasRoom: Bool
    ) throws(LogError) {
        let found = try changeable(topic)
        let count = found.partitions.count
        guard configuration.partitions >= count else {
            throw LogError(.invalidPartitionCount, "topic \(topic) has \(count) partitions")
        }
        let last = found.partitions.last?.topicPartition.partition.value ?? 0
        let added = try numbers(configuration.partitions - count, from: max(last, last &+ 1), hasRoom)
        if !added.isEmpty {
            let facts = PartitionSource.Shared(topicID: found.id, configuration: found.configuration.stored)
            let openings = try making(topic, added, facts) {}
            try final { () throws(DiskError) in try directories.sync() }
            show(openings)
        }
        let stored = configuration.stored
        guard found.configuration.stored != stored else { return }
        let partitions = log.catalogue.topic(topic)?.partitions ?? []
        let altered = partitions.compactMap { writers[$0.slot] }
        try final { () throws(DiskError) in
            // The first partition's journal is the one that counts, so it comes last.
            for writer in altered.reversed() { try writer.record(stored) }
            for writer in altered {
                if stored.cleanup == .compact { try repairs.abandon(writer.partition.slot) }
                if stored.cleanup == .delete { try compaction.abandon(writer.partition.slot) }
                writer.apply(stored, segmentBytes: stored.segmentBytes(orLog: segmentBytes))
                compaction.follow(writer)
            }
        }
        log.show(writers.all.map(\.partition))
    }

    // MARK: - Refusals and failures

    /// A topic that may be altered and deleted.
    private func changeable(_ topic: TopicName) throws(LogError) -> TopicDescription {
        guard let found = log.catalogue.topic(topic) else { throw unknown("topic \(topic)") }
        guard !found.isConfigured else {
            throw LogError(.configured, "topic \(topic) is named in the configuration, which decides about it")
        }
        return found
    }

    private func unknown(_ what: String) -> LogError { LogError(.unknownPartition, "\(what) is not there") }

    /// Whether what was tried has not been done, and what was done can be taken back.
    private func isHarmless(_ error: DiskError) -> Bool { error.operation != .sync && !error.isDeviceFailure }

    private func harmless(_ error: DiskError) -> LogError {
        error.isRetriable ? LogError(.full, underlying: error) : LogError(.disk, error.description, path: error.path)
    }

    /// Runs steps that cannot be taken back.
    private func final(_ steps: () throws(DiskError) -> Void) throws(LogError) {
        do { try steps() } catch { throw error.isRetriable ? LogError(.full, underlying: error) : LogError(error) }
    }
}
