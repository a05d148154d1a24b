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
        case .alter(let topic, let alteration): try alter(topic, alteration, hasRoom)
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
        let numbers = try log.catalogue.partitions(of: topic, madeWith: configuration)
        guard hasRoom else { throw LogError(.full, "the disk is full") }
        let facts = PartitionSource.Shared(topicID: id, configuration: configuration.stored)
        let openings = try making(topic, numbers, facts) { () throws(DiskError) in try directories.mark(topic) }
        try final { () throws(DiskError) in try directories.unmark(topic) }
        show(openings)
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
        let partitions = try log.catalogue.changeable(topic).partitions
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
        let partition = try log.catalogue.partition(topicPartition, reaching: offset)
        guard let writer = writers[partition.slot] else {
            throw LogError(.unknownPartition, topicPartition: topicPartition)
        }
        guard offset > partition.logStartOffset else { return }
        try final { () throws(DiskError) in
            try compaction.abandon(partition.slot)
            try writer.deleteRecords(below: offset)
        }
    }

    // MARK: - Altering

    private func alter(_ topic: TopicName, _ alteration: TopicAlteration, _ hasRoom: Bool) throws(LogError) {
        let altered = try log.catalogue.altered(topic, by: alteration)
        let found = altered.topic
        if !altered.added.isEmpty {
            guard hasRoom else { throw LogError(.full, "the disk is full") }
            let facts = PartitionSource.Shared(topicID: found.id, configuration: found.configuration.stored)
            let openings = try making(topic, altered.added, facts) {}
            try final { () throws(DiskError) in try directories.sync() }
            show(openings)
        }
        let stored = altered.configuration.stored
        guard found.configuration.stored != stored else { return }
        let partitions = log.catalogue.topic(topic)?.partitions ?? []
        let all = partitions.compactMap { writers[$0.slot] }
        try final { () throws(DiskError) in
            // The first partition's journal is the one that counts, so it comes last.
            for writer in all.reversed() { try writer.record(stored) }
            for writer in all {
                if stored.cleanup == .compact { try repairs.abandon(writer.partition.slot) }
                if stored.cleanup == .delete { try compaction.abandon(writer.partition.slot) }
                writer.apply(stored, segmentBytes: stored.segmentBytes(orLog: segmentBytes))
                compaction.follow(writer)
            }
        }
        log.show(writers.all.map(\.partition))
    }

    // MARK: - Failures

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
