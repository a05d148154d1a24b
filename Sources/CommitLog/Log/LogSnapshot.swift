// The ends of all partitions as one commit left them.

/// A consistent cut: exactly the high watermarks of commit `generation`, never some of the next one's.
package struct LogSnapshot: Sendable {
    /// Counts commits since the log was opened.
    package let generation: UInt64
    /// Of the partitions that there were, ascending.
    private let slots: [Int]
    /// In the order of `slots`.
    private let ends: [Offset]

    init(_ partitions: [Partition]) {
        self.init(generation: 0, partitions.map { ($0.slot, $0.logEndOffset) })
    }

    private init(generation: UInt64, _ ends: [(slot: Int, end: Offset)]) {
        let ordered = ends.sorted { $0.slot < $1.slot }
        self.init(generation: generation, slots: ordered.map(\.slot), ends: ordered.map(\.end))
    }

    private init(generation: UInt64, slots: [Int], ends: [Offset]) {
        self.generation = generation
        self.slots = slots
        self.ends = ends
    }

    /// The first offset of `partition` that was not durable yet; 0 where there was no such partition.
    package func highWatermark(of partition: Partition) -> Offset {
        position(of: partition.slot).map { ends[$0] } ?? .zero
    }

    private func position(of slot: Int) -> Int? {
        // As long as no topic was deleted.
        if slots.indices.contains(slot), slots[slot] == slot { return slot }
        var low = 0
        var high = slots.count
        while low < high {
            let middle = (low + high) / 2
            if slots[middle] < slot { low = middle + 1 } else { high = middle }
        }
        return low < slots.count && slots[low] == slot ? low : nil
    }

    /// The next commit's.
    func moved(_ published: [(partition: Partition, end: Offset)]) -> LogSnapshot {
        var next = ends
        for (partition, end) in published {
            if let position = position(of: partition.slot) { next[position] = end }
        }
        return LogSnapshot(generation: generation &+ 1, slots: slots, ends: next)
    }

    /// The same commit's, of other partitions.
    func of(_ partitions: [Partition]) -> LogSnapshot {
        LogSnapshot(
            generation: generation,
            partitions.map { partition in
                (partition.slot, position(of: partition.slot).map { ends[$0] } ?? partition.logEndOffset)
            }
        )
    }
}

/// Where the partitions will end once the commit that is being stamped is durable: what a deferred batch may name.
package struct CommitEnds: Sendable {
    private let ends: [Offset]
    /// Where in `ends` each partition stands.
    private let positions: [TopicPartition: Int]

    init(ends: [Offset], positions: [TopicPartition: Int]) {
        self.ends = ends
        self.positions = positions
    }

    /// nil for a partition that the log does not have.
    package func end(of topicPartition: TopicPartition) -> Offset? {
        positions[topicPartition].map { ends[$0] }
    }
}
