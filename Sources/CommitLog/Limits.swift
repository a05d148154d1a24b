// Every bound of the log, with its reason. Nothing in this target grows beyond a number that stands here.

package enum Limits {
    /// The largest stored batch. Kafka's default `max.message.bytes` is 1,048,588; staying below it lets every client
    /// and a real cluster take our batches with their defaults.
    package static let batchBytesMax = 1_000_000

    /// The largest record: one that fills a batch alone, less the batch header and the record's own length fields.
    package static let recordBytesMax = batchBytesMax - RecordBatchHeader.byteCount - 64

    /// How much a batch under construction holds: at 80-byte events some 1,500 records, where lz4 has reached its
    /// ratio, and small enough that every input has one. A larger single record gets a larger buffer.
    package static let batchBufferBytes = 256 << 10

    /// Buffers that the pool keeps while nobody uses them: what a busy second needs, and no more of an idle box's 48
    /// MiB.
    package static let poolIdleBytesMax = 2 << 20

    /// Batches that wait for the writer, by the memory they hold. At 200,000 readings a second of 150 bytes this is
    /// half a second of disk stall before inputs feel it.
    package static let inboxBytesMax = 16 << 20

    /// Inflated size of one batch: no honest encoder exceeds 16 times, and the absolute bound protects a small box.
    package static let inflatedBytesMax = min(16 * batchBytesMax, 64 << 20)

    /// An index entry per this many bytes of log. Kafka has 4 KiB; batches here are often larger than that, and a read
    /// that scans 16 KiB costs one disk access all the same.
    package static let indexIntervalBytes = 16 << 10

    /// Index entries of the active segment in memory: 12 + 16 bytes each, so 1 GiB segments need below 2 MiB.
    package static let indexEntriesMax = 1 << 16

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

    /// Opaque bytes of one cursor; with its header and checksum a slot fits a 4 KiB page.
    package static let cursorBytesMax = 4000

    /// Threads that sync beside the log writer's when a commit has several dirty files; four files are as many as the
    /// appliance's own topics make dirty at once.
    package static let syncHelpersMax = 3

    /// How long the writer waits before it tries a full disk again.
    package static let fullRetryInterval = Duration.milliseconds(250)

    /// Cadence of retention, of the recovery point and of asking for free space.
    package static let maintenanceInterval = Duration.seconds(60)
}
