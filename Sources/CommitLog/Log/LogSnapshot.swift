// The ends of all partitions as one commit left them.

/// A consistent cut: exactly the high watermarks of commit `generation`, never some of the next one's.
package struct LogSnapshot: Sendable {
    /// Counts commits since the log was opened.
    package let generation: UInt64
    /// By `Partition.slot`.
    private let ends: [Offset]

    init(generation: UInt64, ends: [Offset]) {
        self.generation = generation
        self.ends = ends
    }

    /// The first offset of `partition` that was not durable yet.
    package func highWatermark(of partition: Partition) -> Offset {
        ends.indices.contains(partition.slot) ? ends[partition.slot] : .zero
    }

    func moved(_ change: (inout [Offset]) -> Void) -> LogSnapshot {
        var next = ends
        change(&next)
        return LogSnapshot(generation: generation &+ 1, ends: next)
    }
}

/// Where the partitions will end once the commit that is being stamped is durable: what a deferred batch may name.
package struct CommitEnds: Sendable {
    private let ends: [Offset]
    private let slots: [TopicPartition: Int]

    init(ends: [Offset], slots: [TopicPartition: Int]) {
        self.ends = ends
        self.slots = slots
    }

    /// nil for a partition that the log does not have.
    package func end(of topicPartition: TopicPartition) -> Offset? {
        slots[topicPartition].map { ends[$0] }
    }
}
