// Every bound of the log, with its reason. Nothing in this target grows beyond a number that stands here.

package enum Limits {
    /// The largest stored batch: Kafka's default `max.message.bytes`. Whatever a client sends by its defaults is taken, and
    /// every client and a real cluster take our batches with theirs.
    package static let batchBytesMax = 1_048_588

    /// The largest record: one that fills a batch alone, less the batch header and the record's own length fields.
    package static let recordBytesMax = batchBytesMax - RecordBatchHeader.byteCount - 64

    /// How much a batch under construction holds: at 80-byte events some 1,500 records, where lz4 has reached its
    /// ratio, and small enough that every input has one. A larger single record gets a larger buffer.
    package static let batchBufferBytes = 256 << 10

    /// Buffers that the pool keeps between one commit and the next: as many as a full inbox gives back at once. Freed and
    /// taken anew, their pages cost more than everything else about an append.
    package static let poolBytesMax = inboxBytesMax

    /// What of them it keeps when nobody has used them for a while: what a busy second needs, and no more of an idle box's
    /// 48 MiB.
    package static let poolIdleBytesMax = 2 << 20

    /// Batches that wait for the writer, by the memory they hold. At 200,000 readings a second of 150 bytes this is
    /// half a second of disk stall before inputs feel it.
    package static let inboxBytesMax = 16 << 20

    /// The same for what may use the reserve when the disk is full: alerts and ticks, a few hundred bytes each.
    package static let reservedInboxBytesMax = 2 << 20

    /// Partitions of all topics together beyond which none is created; more that lie on disk are served. Each holds two
    /// open files, its journal and its active segment (the service may have 65,536), up to 2 MiB of index while its segment
    /// grows, and costs a sync of its own in each commit that it is part of and once a minute.
    package static let partitionsMax = 1000

    /// Partitions that one change creates: no commit comes in between, and each costs two syncs, which is a second or two
    /// on an SD card.
    package static let partitionsPerChangeMax = 100

    /// Changes of topics that wait for the writer, a few hundred bytes each; it does one between two commits.
    package static let topicChangesMax = 256

    /// The reserve takes one part in so many of the file system, at most `reserveBytesMax`: alerts of a bad week on a
    /// large disk, 256 KiB on one of 16 MiB.
    package static let reserveDivisor: Int64 = 64
    package static let reserveBytesMax = ByteCount.mebibytes(16)

    /// Free space below which a disk counts as full, and which must be there beside the reserve before it does no
    /// longer: a few blocks for each file that a commit, a roll or a registry transaction may touch.
    package static let lowSpaceBytes: Int64 = 64 << 10

    /// What a start wants to find free, for the registry's files and new partitions.
    package static let startSpaceBytes: Int64 = 256 << 10

    /// Keys of which one compaction pass knows the newest offset, about 8 MiB; more take several passes.
    package static let compactionKeysMax = 1 << 17

    /// What compaction or a repair reads or writes, and syncs, between two commits at most: some milliseconds.
    package static let upkeepSliceBytes: Int64 = 256 << 10

    /// While commits follow one another without a pause, a slice comes after so long.
    package static let upkeepInterval = Duration.milliseconds(100)

    /// Only closed segments are compacted, so those of compacted topics are closed early.
    package static let compactSegmentBytes = ByteCount.mebibytes(1)

    /// How long a tombstone stays after what it hides is gone: what Kafka has.
    package static let tombstoneRetention = Duration.seconds(86_400)

    /// A segment holds at most one part in so many of the file system, so that giving up the oldest one does not cost a
    /// small disk all that it has; but never less than `segmentBytesMin`.
    package static let segmentDivisor: Int64 = 64
    package static let segmentBytesMin: Int64 = 64 << 10

    /// Inflated size of one batch: no honest encoder exceeds 16 times, and the absolute bound protects a small box.
    package static let inflatedBytesMax = min(16 * batchBytesMax, 64 << 20)

    /// Records that the refusal of one batch names: as many as librdkafka puts into a batch by default. An answer that names
    /// them all stays below 1 MiB.
    package static let recordRefusalsMax = 10_000

    /// How long a producer that has fallen silent is remembered: what Kafka has.
    package static let producerRetention = Duration.seconds(86_400)

    /// Producers that one partition remembers, about 200 bytes each; the one that has been idle for longest goes first. What
    /// is lost with it is that a batch it sends again is recognised, and a client sends again within minutes: a thousand
    /// others would have to appear in the partition meanwhile.
    package static let producersMax = 1000

    /// An index entry per this many bytes of log. Kafka has 4 KiB; batches here are often larger than that, and a read
    /// that scans 16 KiB costs one disk access all the same.
    package static let indexIntervalBytes = 16 << 10

    /// Index entries of the active segment in memory: 12 + 16 bytes each, so 1 GiB segments need below 2 MiB.
    package static let indexEntriesMax = 1 << 16

    /// Settings of one topic that are only shown: all of Kafka's several times, and with the rest of it in one entry of a
    /// journal, which has 4 KiB.
    package static let inertSettingsBytesMax = 3 << 10

    /// A partition's journal: rewritten when it is this large and mostly history.
    package static let journalRewriteBytes: Int64 = 256 << 10

    /// A journal beyond this is damage, not history: 10,000 segments need about 1 MiB.
    package static let journalBytesMax: Int64 = 64 << 20

    /// Gaps that a partition's journal remembers; the oldest are forgotten first.
    package static let gapsMax = 1000

    /// Repairs of this process that `status` can name; the oldest are forgotten first, the gaps stay in the journal.
    package static let repairsMax = 100

    /// The window through which recovery and verification read a segment.
    package static let scanWindowBytes = (1 << 20) + batchBytesMax

    /// What one read returns at most, so that a caller's mistake does not become memory.
    package static let readBytesMax = 8 << 20

    /// Zeros that follow the end of an active segment, written as often as small commits have used them up.
    package static let zeroTailBytes: Int64 = 64 << 10

    /// From this many bytes a commit on, zeros cost more than they save: a page of the file system's journal.
    package static let zeroTailCommitBytesMax: Int64 = 4 << 10

    /// With less free space none are written.
    package static let zeroTailSpaceMin: Int64 = 64 << 20

    /// Opaque bytes of one cursor; with its header and checksum a slot fits a 4 KiB page.
    package static let cursorBytesMax = 4000

    /// Threads that sync beside the log writer's when a commit has several dirty files; four files are as many as the
    /// appliance's own topics make dirty at once.
    package static let syncHelpersMax = 3

    /// How long the writer waits before it tries a full disk again.
    package static let fullRetryInterval = Duration.milliseconds(250)

    /// Cadence of retention by age and bytes, and of the recovery point.
    package static let maintenanceInterval = Duration.seconds(60)

    /// A wall clock that moves by more than this against the monotonic one puts off retention by age for so long: enough
    /// for time services to put a wrong step right, and for people to see it.
    package static let clockStepMin = Duration.seconds(3600)
    package static let clockStepSuspension = Duration.seconds(600)

    /// Cadence of asking for free space: one call of about a microsecond.
    package static let spaceInterval = Duration.seconds(1)
}
