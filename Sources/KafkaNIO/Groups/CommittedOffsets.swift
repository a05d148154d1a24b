// The offsets of one group: those that are durable, which everybody sees, and how many are on their way there.
internal import Platform

/// A partition as a group names it; that it exists, nobody has checked here.
struct ConsumedPartition: Hashable, Sendable {
    var topic: String
    var partition: Int32
}

/// An offset on its way to the disk.
struct PreparedOffset {
    var partition: ConsumedPartition
    var committed: CommittedOffset

    func record(groupID: String) -> GroupRecord {
        let key = GroupRecordKey.offset(groupID: groupID, topic: partition.topic, partition: partition.partition)
        return GroupRecord(key: key.bytes, value: committed.bytes)
    }
}

/// A value of its group's.
struct CommittedOffsets {
    private var topics: [String: [Int32: CommittedOffset]] = [:]
    private var inFlight: [ConsumedPartition: Int] = [:]
    /// What the durable ones cost in memory.
    private(set) var byteCount = 0

    var isEmpty: Bool { topics.isEmpty }
    var hasInFlight: Bool { !inFlight.isEmpty }

    /// The durable one.
    subscript(partition: ConsumedPartition) -> CommittedOffset? {
        topics[partition.topic]?[partition.partition]
    }

    // MARK: Two steps of a commit

    /// Notes that these are being written. Nobody sees them before `end` was told that they are durable.
    mutating func prepare(_ offsets: [PreparedOffset]) {
        for offset in offsets { inFlight[offset.partition, default: 0] += 1 }
    }

    /// Those that became durable end in the order in which they were prepared, so that the last one wins. `seen` says
    /// whether one of them is to be seen from now on.
    mutating func end(_ offsets: [PreparedOffset], seen: (PreparedOffset) -> Bool) {
        for offset in offsets {
            let count = inFlight[offset.partition] ?? 0
            inFlight[offset.partition] = count > 1 ? count - 1 : nil
        }
        for offset in offsets where seen(offset) { set(offset.committed, for: offset.partition) }
    }

    // MARK: Changes

    /// As a record said it.
    mutating func set(_ committed: CommittedOffset, for partition: ConsumedPartition) {
        let previous = topics[partition.topic, default: [:]].updateValue(committed, forKey: partition.partition)
        byteCount += cost(committed, partition) - (previous.map { cost($0, partition) } ?? 0)
    }

    /// As a tombstone said it.
    mutating func remove(_ partition: ConsumedPartition) {
        guard let previous = topics[partition.topic]?.removeValue(forKey: partition.partition) else { return }
        byteCount -= cost(previous, partition)
        if topics[partition.topic]?.isEmpty == true { topics[partition.topic] = nil }
    }

    /// All durable ones of a topic.
    mutating func remove(topic: String) {
        for (partition, previous) in topics.removeValue(forKey: topic) ?? [:] {
            byteCount -= cost(previous, ConsumedPartition(topic: topic, partition: partition))
        }
    }

    // MARK: Questions

    /// How much `byteCount` grows at most when these have become durable.
    func growth(by offsets: [PreparedOffset]) -> Int {
        offsets.reduce(0) { sum, offset in
            let previous = self[offset.partition].map { cost($0, offset.partition) } ?? 0
            return sum + max(0, cost(offset.committed, offset.partition) - previous)
        }
    }

    /// What a deletion must write a tombstone for: offsets that are being written have their records before it.
    func isKnown(_ partition: ConsumedPartition) -> Bool {
        self[partition] != nil || inFlight[partition] != nil
    }

    func isInFlight(_ partition: ConsumedPartition) -> Bool { inFlight[partition] != nil }

    /// Partitions of a topic that are `isKnown`.
    func known(of topic: String) -> Set<Int32> {
        let durable = topics[topic].map { Set($0.keys) } ?? []
        return durable.union(inFlight.keys.lazy.filter { $0.topic == topic }.map(\.partition))
    }

    /// Topics with durable offsets.
    var topicNames: some Sequence<String> { topics.keys }

    /// All of `isKnown`, in order.
    var known: [ConsumedPartition] {
        ordered(Set(durable).union(inFlight.keys))
    }

    /// Durable ones that the test is true of, but for those that are being written anew; in order.
    func settled(where isWanted: (CommittedOffset) -> Bool) -> [ConsumedPartition] {
        ordered(durable.filter { inFlight[$0] == nil && self[$0].map(isWanted) == true })
    }

    var count: Int { topics.values.reduce(0) { $0 + $1.count } }

    /// What a fetch is told: of these, or of all. Where nothing was committed that is `absent`.
    func fetch(_ wanted: [TopicPartitions]?) -> [TopicOffsets] {
        let wanted =
            wanted
            ?? topics.keys.sorted().map { name in
                TopicPartitions(name: name, partitions: topics[name]?.keys.sorted() ?? [])
            }
        return wanted.map { topic in
            let stored = topics[topic.name] ?? [:]
            return TopicOffsets(
                name: topic.name,
                partitions: topic.partitions.map { TopicOffsets.Partition(index: $0, committed: stored[$0] ?? .absent) }
            )
        }
    }

    private var durable: [ConsumedPartition] {
        topics.flatMap { name, partitions in partitions.keys.map { ConsumedPartition(topic: name, partition: $0) } }
    }

    private func ordered(_ partitions: some Sequence<ConsumedPartition>) -> [ConsumedPartition] {
        partitions.sorted { ($0.topic, $0.partition) < ($1.topic, $1.partition) }
    }

    private func cost(_ committed: CommittedOffset, _ partition: ConsumedPartition) -> Int {
        GroupLimits.offsetBytes + committed.metadata.utf8.count + partition.topic.utf8.count
    }
}
