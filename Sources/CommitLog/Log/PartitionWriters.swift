// The writing halves of all partitions, by slot and in order.
internal import Platform

/// Owned by the log-writer thread; shared with what works for it.
final class PartitionWriters {
    /// In the order of their slots.
    private(set) var all: [PartitionWriter]
    /// Where in `all` each partition stands.
    private(set) var positions: [TopicPartition: Int] = [:]
    private var bySlot: [Int: PartitionWriter] = [:]

    init(_ writers: [PartitionWriter]) {
        all = writers
        index()
    }

    /// nil where the partition was deleted.
    subscript(slot: Int) -> PartitionWriter? { bySlot[slot] }

    /// nil where there is no such partition.
    subscript(topicPartition: TopicPartition) -> PartitionWriter? { positions[topicPartition].map { all[$0] } }

    /// Where every partition ends once what is stamped is durable.
    var stampedEnds: CommitEnds { CommitEnds(ends: all.map(\.stampedEnd), positions: positions) }

    /// Takes writers whose slots are larger than all before.
    func add(_ writers: [PartitionWriter]) {
        all += writers
        index()
    }

    func remove(slots: Set<Int>) {
        all.removeAll { slots.contains($0.partition.slot) }
        index()
    }

    private func index() {
        bySlot = Dictionary(uniqueKeysWithValues: all.map { ($0.partition.slot, $0) })
        positions = Dictionary(
            uniqueKeysWithValues: all.enumerated().map { ($0.element.partition.topicPartition, $0.offset) }
        )
    }
}
