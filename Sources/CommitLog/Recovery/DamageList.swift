// Segments in which damage was met, on their way to the log writer; what became of them, and who knows of it.
internal import Synchronization

/// What the log writer did about one damaged segment.
package struct DamageRepair: Hashable, Sendable {
    package var topicPartition: TopicPartition
    /// Offsets that are lost by it; empty where the damage hit no record.
    package var gaps: [OffsetGap]
    /// Where the original is kept; nil where there is none: the file was gone.
    package var keptFile: String?
}

/// A gap of one partition.
package struct LostOffsets: Hashable, Sendable {
    package var topicPartition: TopicPartition
    package var gap: OffsetGap
}

/// Any thread notes; the log-writer thread, the only owner of segment files, takes and repairs. The lock is leaf-level.
final class DamageList: Sendable {
    struct Item: Hashable, Sendable {
        var slot: Int
        var base: Offset
    }

    private struct State {
        /// In the order of their notes; each once, so no longer than the log has segments.
        var waiting: [Item] = []
        /// Taken, and not settled or released yet.
        var working: Item?
        /// Looked at and found to be no better after a repair: what reads them again is not worth another scan.
        var settled: Set<Item> = []
        /// Whose repair was given up once: it may come yet, but nobody waits for it.
        var postponed: Set<Item> = []
        var repairs: [DamageRepair] = []
        /// What nobody has durably been told of.
        var untold: [LostOffsets] = []
        /// What somebody has, and the journals do not say so yet.
        var told: [LostOffsets] = []
    }

    private let state = Mutex(State())

    func note(_ item: Item) {
        state.withLock { state in
            guard state.working != item, !state.waiting.contains(item), !state.settled.contains(item) else { return }
            state.waiting.append(item)
        }
    }

    /// The oldest note, which is then in work; nil where there is none.
    func take() -> Item? {
        state.withLock { state in
            state.working = state.waiting.isEmpty ? nil : state.waiting.removeFirst()
            return state.working
        }
    }

    /// Whether a repair is to be expected soon.
    func isAwaited(_ item: Item) -> Bool {
        state.withLock { state in
            (state.waiting.contains(item) || state.working == item) && !state.postponed.contains(item)
        }
    }

    /// Nothing could be repaired: the segment is not looked at again by this process.
    func settle(_ item: Item) {
        state.withLock { state in
            state.settled.insert(item)
            if state.working == item { state.working = nil }
        }
    }

    /// Given up for now: what meets damage in it again may note it again.
    func postpone(_ item: Item) {
        state.withLock { _ = $0.postponed.insert(item) }
        release(item)
    }

    /// It was repaired: what meets damage in it again may note it again.
    func release(_ item: Item) {
        state.withLock { if $0.working == item { $0.working = nil } }
    }

    /// Forgets what was noted of a partition that is gone.
    func forget(_ slot: Int) {
        state.withLock { state in
            state.waiting.removeAll { $0.slot == slot }
            state.settled = state.settled.filter { $0.slot != slot }
            state.postponed = state.postponed.filter { $0.slot != slot }
            if state.working?.slot == slot { state.working = nil }
        }
    }

    /// Gaps of a partition that is gone: nobody misses them.
    func forgetGaps(of topicPartition: TopicPartition) {
        state.withLock { state in
            state.untold.removeAll { $0.topicPartition == topicPartition }
            state.told.removeAll { $0.topicPartition == topicPartition }
        }
    }

    func add(_ repair: DamageRepair) {
        state.withLock { state in
            state.repairs.append(repair)
            state.untold += repair.gaps.map { LostOffsets(topicPartition: repair.topicPartition, gap: $0) }
            if state.repairs.count > Limits.repairsMax { state.repairs.removeFirst() }
        }
    }

    /// Gaps that an opening has found in a journal.
    func addUntold(_ gaps: [OffsetGap], of topicPartition: TopicPartition) {
        state.withLock { $0.untold += gaps.map { LostOffsets(topicPartition: topicPartition, gap: $0) } }
    }

    var untold: [LostOffsets] { state.withLock { $0.untold } }

    func markTold(_ told: [LostOffsets]) {
        state.withLock { state in
            state.untold.removeAll(where: Set(told).contains)
            state.told += told
        }
    }

    /// For the journals; once.
    func takeTold() -> [LostOffsets] {
        state.withLock { state in
            defer { state.told = [] }
            return state.told
        }
    }

    /// Since the log was opened, oldest first; at most `Limits.repairsMax`.
    var repairs: [DamageRepair] { state.withLock { $0.repairs } }
}
