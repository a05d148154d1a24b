// What a partition's journal says, folded: the newest word on each thing.
internal import Platform

/// A plain value; the order of entries is the order of `apply`.
struct JournalState: Sendable {
    struct Opened: Hashable, Sendable {
        var at: AppendTime
        var bootID: UniqueIdentifier
    }

    var topicID: UniqueIdentifier?
    /// As last configured; `partitions` is not kept, the directories say it.
    var configuration: TopicConfiguration?
    /// Whether the topic was ever compacted: records may be missing between batches without a gap on record.
    var wasCompacted = false
    var opened: [Offset: Opened] = [:]
    var sealed: [Offset: SealedSegment] = [:]
    /// Everything below was synced once, by explicit entry or because a segment was sealed.
    var recoveryPoint = Offset.zero
    /// When the last record below the recovery point was appended, or a later time; nil where nobody knows.
    var lastAppend: AppendTime?
    var logStart = Offset.zero
    /// By `from`; at most `Limits.gapsMax`.
    var gaps: [OffsetGap] = []
    /// Whether batches may name their producer; without it none does.
    var hasProducers = false
    /// Where those of them begin that nobody has durably been told of.
    private var untold: Set<Offset> = []

    var untoldGaps: [OffsetGap] { gaps.filter { untold.contains($0.from) } }

    mutating func apply(_ entry: JournalEntry) {
        switch entry {
        case .partition(let topicID, let configuration):
            self.topicID = topicID
            self.configuration = configuration
            if configuration.cleanup == .compact { wasCompacted = true }
        case .segmentOpened(let base, let time, let bootID):
            opened[base] = Opened(at: time, bootID: bootID)
        case .segmentSealed(let segment):
            sealed[segment.base] = segment
            advance(to: segment.end, segment.lastAppend)
        case .recoveryPoint(let offset, let lastAppend):
            advance(to: offset, lastAppend)
        case .retention(let offset):
            logStart = max(logStart, offset)
        case .gap(let gap):
            add(gap)
        case .gapTold(let from, let to):
            // Not one that has grown meanwhile.
            if gaps.contains(where: { $0.from == from && $0.to == to }) { untold.remove(from) }
        case .producers:
            hasProducers = true
        }
    }

    private mutating func advance(to offset: Offset, _ time: AppendTime?) {
        guard offset >= recoveryPoint else { return }
        recoveryPoint = offset
        lastAppend = time
    }

    private mutating func add(_ gap: OffsetGap) {
        gaps.removeAll { $0.from == gap.from }
        let index = gaps.firstIndex { $0.from > gap.from } ?? gaps.count
        gaps.insert(gap, at: index)
        untold.insert(gap.from)
        if gaps.count > Limits.gapsMax { untold.remove(gaps.removeFirst().from) }
    }

    /// The entries of a journal that says the same about the segments in `bases` and nothing about others.
    func compacted(keeping bases: [Offset]) -> [JournalEntry] {
        var entries: [JournalEntry] = []
        if let topicID, let configuration {
            if wasCompacted && configuration.cleanup != .compact {
                var once = configuration
                once.cleanup = .compact
                entries.append(.partition(topicID: topicID, configuration: once))
            }
            entries.append(.partition(topicID: topicID, configuration: configuration))
        }
        if hasProducers { entries.append(.producers) }
        if logStart > .zero { entries.append(.retention(logStart: logStart)) }
        for base in bases {
            if let known = opened[base] {
                entries.append(.segmentOpened(base: base, at: known.at, bootID: known.bootID))
            }
            if let known = sealed[base] { entries.append(.segmentSealed(known)) }
        }
        for gap in gaps where gap.to > logStart {
            entries.append(.gap(gap))
            if !untold.contains(gap.from) { entries.append(.gapTold(from: gap.from, to: gap.to)) }
        }
        if recoveryPoint > .zero { entries.append(.recoveryPoint(recoveryPoint, lastAppend: lastAppend)) }
        return entries
    }
}
