// What opening the log found and did: for the operator, the health page and the built-in alert.

/// Of one partition.
package struct PartitionRecovery: Sendable {
    package let topicPartition: TopicPartition
    package internal(set) var segments = 0
    /// Bytes of the active segment that were read and checked.
    package internal(set) var scannedBytes = ByteCount(0)
    /// Bytes of a torn tail: never acknowledged, cut off.
    package internal(set) var cutBytes = ByteCount(0)
    /// Offsets found missing by this start; those recorded earlier are in `Partition.gaps`.
    package internal(set) var gaps: [OffsetGap] = []
    /// Base offsets that were wrong outside the checksum and put right from what stands around them.
    package internal(set) var restampedBatches = 0
    /// Originals that were kept before a repair.
    package internal(set) var keptFiles: [String] = []
    package internal(set) var journal = JournalCondition.whole
    package internal(set) var isNew = false

    /// What reading the journal found; only `damaged` and `missing` may have cost facts, and those delete nothing.
    package enum JournalCondition: String, Sendable {
        case whole, missing, tornTail, damaged
    }

    init(topicPartition: TopicPartition) {
        self.topicPartition = topicPartition
    }

    /// Whether anything that had been acknowledged may be gone.
    package var foundLoss: Bool { !gaps.isEmpty }
}

/// What opening a log found and did, by partition in the order of `CommitLog.partitions`.
package struct RecoveryReport: Sendable {
    package internal(set) var partitions: [PartitionRecovery] = []
    package internal(set) var duration: Duration = .zero
    /// Of the file `FORMAT`; written anew where it is not whole.
    var format = LogFormat.Condition.whole
    /// Where a damaged `FORMAT` is kept.
    package internal(set) var keptFormat: String?
    /// Directories below `log/` that are no partition; left alone.
    package internal(set) var unknownDirectories: [String] = []

    package var foundLoss: Bool { partitions.contains { $0.foundLoss } }

    /// Whether the directory holds no log: neither `FORMAT` nor a partition.
    package var isEmpty: Bool { format == .missing && partitions.isEmpty }

    /// How many offsets this start found missing.
    package var lostOffsets: UInt64 {
        partitions.flatMap(\.gaps).reduce(0) { $0 &+ UInt64(max(0, $1.to - $1.from)) }
    }
}
