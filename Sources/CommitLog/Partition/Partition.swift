// One partition as everybody sees it: a handle that never changes, and the few numbers that do.
package import Platform
internal import Synchronization

/// What describes one segment to operators.
package struct SegmentDescription: Hashable, Sendable {
    package var path: String
    package var base: Offset
    package var end: Offset
    package var size: ByteCount
    package var isSealed: Bool
    package var firstAppend: AppendTime?
    package var lastAppend: AppendTime?
    package var maxTimestamp: Timestamp?
}

/// Made when the log opens or the partition is created; whoever holds it may keep it, also when it was deleted. Any
/// thread; nothing here blocks but for a leaf lock.
package final class Partition: Sendable {
    package let topicPartition: TopicPartition
    /// Random, made when the topic was, kept in the journals of its partitions: tells a topic from another of the same
    /// name.
    package let topicID: UniqueIdentifier
    /// Whether the configuration file names the topic; others are served as their journal describes them.
    package let isConfigured: Bool
    /// Names this partition in snapshots; never given to another one while the log is open.
    package let slot: Int
    let directory: String

    private let isGone = Atomic<Bool>(false)
    private let sparse: Atomic<Bool>
    private let start: Atomic<Int64>
    private let end: Atomic<Int64>
    private let state: Mutex<State>

    private struct State {
        /// By base offset; the last one is active. Never empty in a log that is open for writing.
        var segments: [Segment]
        var gaps: [OffsetGap]
        var configuration: TopicConfiguration
    }

    init(
        topicPartition: TopicPartition,
        topicID: UniqueIdentifier,
        configuration: TopicConfiguration,
        isConfigured: Bool,
        slot: Int,
        directory: String,
        contents: PartitionContents
    ) {
        self.topicPartition = topicPartition
        self.topicID = topicID
        self.isConfigured = isConfigured
        self.slot = slot
        self.directory = directory
        sparse = Atomic(contents.isSparse)
        start = Atomic(contents.logStart.value)
        end = Atomic(contents.logEnd.value)
        state = Mutex(State(segments: contents.segments, gaps: contents.gaps, configuration: configuration))
    }

    /// As it is in force.
    package var configuration: TopicConfiguration { state.withLock { $0.configuration } }

    /// Whether the topic was deleted while this log was open: reads fail, and what is offered is not written.
    package var isDeleted: Bool { isGone.load(ordering: .acquiring) }

    /// The first offset that is kept.
    package var logStartOffset: Offset { Offset(start.load(ordering: .acquiring)) }

    /// The first offset that is not durable yet: the high watermark. For several partitions at once take a
    /// `LogSnapshot`.
    package var logEndOffset: Offset { Offset(end.load(ordering: .acquiring)) }

    /// Bytes of durable batches in all segments.
    package var sizeBytes: ByteCount {
        ByteCount(segments.reduce(0) { $0 + $1.extent.length })
    }

    package var segmentCount: Int { state.withLock { $0.segments.count } }

    /// Offsets that are known to be missing, by `from`.
    package var gaps: [OffsetGap] { state.withLock { $0.gaps } }

    /// The segments from the oldest to the active one, as they are at the moment of the call.
    package func describeSegments() -> [SegmentDescription] {
        segments.map { segment in
            let extent = segment.extent
            return SegmentDescription(
                path: segment.files.log,
                base: segment.base,
                end: extent.end,
                size: ByteCount(extent.length),
                isSealed: extent.isSealed,
                firstAppend: extent.firstAppend,
                lastAppend: extent.lastAppend,
                maxTimestamp: extent.maxTimestamp
            )
        }
    }

    /// The first offset whose segment may hold records appended at `time` or later: coarse, from the journal alone. The
    /// log end where every segment is older.
    package func offset(forAppendTime time: Timestamp) -> Offset {
        let found = segments.first { segment in
            let extent = segment.extent
            guard extent.isSealed, let last = extent.lastAppend else { return true }
            return last.timestamp >= time
        }
        return max(logStartOffset, min(found?.base ?? logEndOffset, logEndOffset))
    }

    // MARK: - For the log

    /// Whether offsets may be missing between batches, because the topic is compacted or once was.
    var isSparse: Bool { sparse.load(ordering: .acquiring) }

    /// Puts another configuration in force.
    func setConfiguration(_ configuration: TopicConfiguration) {
        if configuration.cleanup == .compact { sparse.store(true, ordering: .releasing) }
        state.withLock { $0.configuration = configuration }
    }

    /// The topic is gone: nothing of it is read from here on.
    func setDeleted() {
        isGone.store(true, ordering: .releasing)
        state.withLock { $0.segments = [] }
    }

    var segments: [Segment] { state.withLock { $0.segments } }

    /// The segment that holds `offset` or, in a gap, the first one after it; nil beyond the last.
    func segment(at offset: Offset) -> Segment? {
        let segments = segments
        var low = 0
        var high = segments.count
        while low < high {
            let middle = (low + high) / 2
            if segments[middle].base <= offset { low = middle + 1 } else { high = middle }
        }
        if low > 0, offset < segments[low - 1].extent.end { return segments[low - 1] }
        return low < segments.count ? segments[low] : nil
    }

    /// Whether a batch at `base` may follow what ends at `expected`: directly, or over offsets that are known to be
    /// missing, or over any where compaction takes records away.
    func continues(_ expected: Offset, at base: Offset) -> Bool {
        if isSparse { return base >= expected }
        guard base > expected else { return base == expected }
        return state.withLock { $0.gaps.contains { $0.from <= expected && $0.to == base } }
    }

    func setHighWatermark(_ offset: Offset) {
        end.store(offset.value, ordering: .releasing)
    }

    func append(_ segment: Segment) {
        state.withLock { $0.segments.append(segment) }
    }

    /// Puts another segment, or none, in the place of one with the same base, whose readers go on with the file that they
    /// have; `gaps`: all that are known since, nil for no news.
    func replace(_ segment: Segment, with successor: Segment?, gaps: [OffsetGap]? = nil) {
        state.withLock { state in
            if let gaps { state.gaps = gaps }
            guard let index = state.segments.firstIndex(where: { $0 === segment }) else { return }
            state.segments.remove(at: index)
            if let successor { state.segments.insert(successor, at: index) }
        }
    }

    /// Takes segments below `logStart` out of sight; the files go afterwards.
    func removeSegments(below logStart: Offset) {
        start.store(logStart.value, ordering: .releasing)
        state.withLock { state in
            state.segments.removeAll { $0.isDeleted(below: logStart) }
        }
    }
}

/// What recovery found in a partition's directory and the log serves from now on.
struct PartitionContents {
    var segments: [Segment]
    var gaps: [OffsetGap]
    var logStart: Offset
    var logEnd: Offset
    var isSparse: Bool
}
