// Opening a log: the directories, each partition's recovery.
package import Platform

extension CommitLog {
    /// Opens the log below `configuration.directory`, which must exist; recovers every partition. Blocks for as long as
    /// the active segments take to read.
    ///
    /// Throws where the disk fails or the format is of another version. Damage is no error: it is in `recoveryReport`.
    /// A full disk is none either, as long as there is something that may be given up for what opening has to write: the
    /// log then starts in state `full`.
    package static func open(
        _ configuration: LogConfiguration,
        disk: any Disk,
        clock: any Clock,
        access: Access
    ) throws(LogError) -> CommitLog {
        let started = clock.monotonic()
        let root = configuration.directory + "/log"
        var report = RecoveryReport()
        let listing = try prepare(configuration, root: root, disk: disk, access: access, &report)
        let found = listing.partitions
        report.unknownDirectories = listing.unknown
        var wanted = found
        /// Where a full disk has cost something.
        var emptied: Set<String> = []
        if access == .readWrite {
            for (topic, settings) in configuration.topics {
                for number in 0..<max(1, settings.partitions) {
                    wanted.insert(TopicPartition(topic: topic, partition: PartitionIndex(Int32(clamping: number))))
                }
            }
            try makingRoom(configuration, disk: disk, access, &emptied) { () throws(LogError) in
                try create(wanted.subtracting(found), in: root, configuration, disk: disk)
            }
        }
        let segmentBytes = try segmentBytes(configuration, disk: disk)
        let shared = try sharedFacts(wanted, in: TopicDirectories(disk: disk, root: root), access)
        let sources = wanted.sorted().enumerated().map { slot, topicPartition in
            PartitionSource(
                disk: disk,
                clock: clock,
                topicPartition: topicPartition,
                directory: "\(root)/\(topicPartition)",
                configured: configuration.topics[topicPartition.topic],
                shared: shared[topicPartition.topic],
                slot: slot,
                segmentBytes: segmentBytes,
                access: access
            )
        }
        let openings = try openPartitions(sources, configuration, disk: disk, access, emptied)
        report.partitions = openings.map(\.report)
        let reserve = SpaceReserve(
            directory: configuration.directory,
            bytesMax: configuration.reserveBytesMax,
            disk: disk
        )
        if access == .readWrite { try diskCall { () throws(DiskError) in _ = try reserve.take(leaving: 0) } }
        report.duration = clock.monotonic().since(started)
        return CommitLog(
            configuration: configuration,
            disk: disk,
            clock: clock,
            access: access,
            openings: openings,
            reserve: reserve,
            segmentBytes: segmentBytes,
            report: report
        )
    }

    /// What holds for all partitions of a topic that has several: as the first one that knows its topic has it, because a
    /// crash may have come between two journals, and programs before this one gave each partition an id of its own.
    private static func sharedFacts(
        _ partitions: Set<TopicPartition>,
        in directories: TopicDirectories,
        _ access: Access
    ) throws(LogError) -> [TopicName: PartitionSource.Shared] {
        var facts: [TopicName: PartitionSource.Shared] = [:]
        for (topic, members) in Dictionary(grouping: partitions, by: \.topic) where members.count > 1 {
            var known: PartitionSource.Shared?
            for member in members.sorted() where known == nil {
                let state = try diskCall { () throws(DiskError) in
                    try PartitionJournal.read(
                        disk: directories.disk,
                        directory: directories.path(member),
                        refreshes: access == .readWrite
                    ).state
                }
                guard let id = state.topicID else { continue }
                known = .init(topicID: id, configuration: state.configuration)
            }
            facts[topic] = known ?? .init(topicID: .random(), configuration: nil)
        }
        return facts
    }

    /// `emptied`: where a full disk has cost something before.
    private static func openPartitions(
        _ sources: [PartitionSource],
        _ configuration: LogConfiguration,
        disk: any Disk,
        _ access: Access,
        _ emptied: Set<String>
    ) throws(LogError) -> [PartitionOpening] {
        var emptied = emptied
        var openings: [PartitionOpening] = []
        for source in sources {
            let opening = try makingRoom(configuration, disk: disk, access, &emptied) { () throws(LogError) in
                try PartitionOpening.open(source)
            }
            emptied.remove(source.directory)
            openings.append(opening)
        }
        // What was given up for a later partition is still there in the memory of an earlier one.
        while let directory = emptied.popFirst() {
            guard let slot = sources.firstIndex(where: { $0.directory == directory }) else { continue }
            let first = openings[slot].report
            openings[slot] = try makingRoom(configuration, disk: disk, access, &emptied) { () throws(LogError) in
                try PartitionOpening.open(sources[slot], after: first)
            }
        }
        return openings
    }

    /// Where segments are closed: at the configured length, or sooner on a small disk.
    private static func segmentBytes(_ configuration: LogConfiguration, disk: any Disk) throws(LogError) -> ByteCount {
        let total = try diskCall { () throws(DiskError) in try disk.space(at: configuration.directory).total }
        guard total > 0 else { return configuration.segmentBytes }
        return min(configuration.segmentBytes, ByteCount(max(Limits.segmentBytesMin, total / Limits.segmentDivisor)))
    }

    /// Runs a step of opening again after a full disk has given something up for it; the steps can be repeated.
    private static func makingRoom<Result>(
        _ configuration: LogConfiguration,
        disk: any Disk,
        _ access: Access,
        _ emptied: inout Set<String>,
        _ step: () throws(LogError) -> Result
    ) throws(LogError) -> Result {
        var bytes = Limits.startSpaceBytes
        while true {
            do {
                return try step()
            } catch {
                guard access == .readWrite, error.underlying?.isRetriable == true else { throw error }
                let directories = try SpaceReserve.makeRoom(configuration, disk: disk, bytes: bytes)
                guard !directories.isEmpty else { throw error }
                emptied.formUnion(directories)
                bytes *= 2
            }
        }
    }

    /// Makes sure of the format and of `log/`, and ends what a crash left of topics that are not there; what is in it.
    private static func prepare(
        _ configuration: LogConfiguration,
        root: String,
        disk: any Disk,
        access: Access,
        _ report: inout RecoveryReport
    ) throws(LogError) -> TopicDirectories.Listing {
        let format = LogFormat(disk: disk, directory: configuration.directory)
        report.format = try format.condition(access)
        return try diskCall { () throws(DiskError) in
            if access == .readWrite {
                report.keptFormat = try format.settle(report.format)
                try disk.createDirectory(root)
            }
            let listing = TopicDirectories.Listing(try disk.exists(root) ? try disk.list(root) : [])
            if access == .readWrite { try TopicDirectories(disk: disk, root: root).settle(listing) }
            return listing
        }
    }

    /// Creates the directories of new partitions and makes every name above the partitions durable: those of a process
    /// that was killed before it could sync them look the same as others.
    private static func create(
        _ partitions: Set<TopicPartition>,
        in root: String,
        _ configuration: LogConfiguration,
        disk: any Disk
    ) throws(LogError) {
        try diskCall { () throws(DiskError) in
            for partition in partitions.sorted() { try disk.createDirectory("\(root)/\(partition)") }
            let cursors = configuration.directory + "/cursors"
            if try disk.exists(cursors) { try disk.syncDirectory(cursors) }
            try disk.syncDirectory(root)
            try disk.syncDirectory(configuration.directory)
        }
    }
}
