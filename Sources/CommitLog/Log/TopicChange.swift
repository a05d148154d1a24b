// What may be asked of the log about its topics while it is open.
package import Platform

/// Changes a topic's configuration, or throws what speaks against that. Quick, and the same however often it is called: on the
/// log-writer thread between two commits, and for `CommitLog.refusal` on any other.
package typealias TopicAlteration = @Sendable (inout TopicConfiguration) throws(LogError) -> Void

/// Done whole by the log-writer thread between two commits, in the order in which it was asked, and durable when it is
/// reported; see `CommitLog.change`.
package enum TopicChange: Sendable {
    /// A topic that is not there yet: all of its partitions, or none.
    ///
    /// `id`: random, never used before. Refused with `topicExists`, `invalidPartitionCount`, `tooManyPartitions`,
    /// `invalidConfiguration`, and with `full` while the disk is.
    case create(TopicName, TopicConfiguration, id: UniqueIdentifier)
    /// Takes the topic out of sight at once; its files go between later commits. After a crash it is whole or gone.
    ///
    /// Batches that wait for it are not written: their tickets become durable, their base offsets are nil. Refused with
    /// `unknownPartition`, and with `configured`.
    case delete(TopicName)
    /// Another configuration, by which what is stored is kept from then on; codec and `segmentBytes` are for what comes. The
    /// alteration gets the one that is in force when its turn has come, so that changes that overlap all count.
    /// More partitions than before are created first; after a crash some of them may be there, and where the disk is full
    /// for the rest of the change, all.
    ///
    /// Refused with `unknownPartition`, `configured`, `invalidPartitionCount` for less than there are, `tooManyPartitions`,
    /// `invalidConfiguration`, what the alteration throws and, for more partitions, with `full` while the disk is.
    case alter(TopicName, by: TopicAlteration)
    /// Moves the log start offset up to `before`, also into the middle of a batch, which stays as it is; nothing where it is
    /// there already. Whole segments below it are removed.
    ///
    /// Refused with `unknownPartition`, and with `offsetOutOfRange` beyond the high watermark.
    case deleteRecords(TopicPartition, before: Offset)
}
