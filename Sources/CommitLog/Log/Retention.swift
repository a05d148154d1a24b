// Which segments may go: by age of their append time, by the topic's bytes, by free space. Whole sealed segments,
// oldest first.
internal import Platform

/// Decides; the log writer deletes. Append time, never a record's own: a device dated 2038 neither holds nor deletes.
struct Retention {
    /// Names a segment, also after one of the same file name has come.
    private struct SegmentKey: Hashable {
        var slot: Int
        var base: Offset
    }

    let configuration: LogConfiguration
    /// Sealed segments whose append time nobody knows: their age counts from the first look with a good clock.
    private var firstSeen: [SegmentKey: Timestamp] = [:]
    private var steps = ClockSteps()

    init(configuration: LogConfiguration) {
        self.configuration = configuration
    }

    /// Looks at the clock for steps. Ages that counted from a first look begin anew after one: that look was at another
    /// clock.
    mutating func look(at clock: any Clock, _ partitions: [Partition]) -> AgeRetention {
        let hasStepped = steps.look(at: clock) {
            let newest = partitions.compactMap { $0.segments.last { $0.extent.length > 0 }?.extent.lastAppend }
            return newest.filter(\.isSynchronised).map(\.timestamp).max()
        }
        if hasStepped { firstSeen.removeAll() }
        return steps.state
    }

    /// The time by which ages are told; not to be believed while they cannot be.
    func now(_ clock: any Clock) -> AppendTime {
        AppendTime(timestamp: clock.now(), isSynchronised: steps.state == .active)
    }

    /// Whether the active segment has outlived its topic's retention and is closed so that it can go: by its first
    /// append or, where the clock could not be believed then, by its last.
    func wantsRoll(_ partition: Partition, now: AppendTime) -> Bool {
        guard now.isSynchronised, partition.configuration.cleanup == .delete,
            let retention = partition.configuration.retention, let extent = partition.segments.last?.extent,
            extent.length > 0,
            let known = [extent.firstAppend, extent.lastAppend].compactMap({ $0 }).first(where: \.isSynchronised)
        else { return false }
        return now.timestamp.since(known.timestamp) > retention
    }

    /// New log start offsets by slot, only where something goes; `wantedBytes` is the room that a waiting commit needs,
    /// 0 for none.
    mutating func logStarts(
        of all: [Partition],
        now: AppendTime,
        space: DiskSpace,
        wantedBytes: Int64
    ) -> [Int: Offset] {
        if !firstSeen.isEmpty {
            let slots = Set(all.map(\.slot))
            firstSeen = firstSeen.filter { slots.contains($0.key.slot) }
        }
        var starts: [Int: Offset] = [:]
        let partitions = all.filter { $0.configuration.cleanup == .delete }
        for partition in partitions {
            if let start = startByAge(partition, now: now) { starts[partition.slot] = start }
        }
        for (_, members) in Dictionary(grouping: partitions, by: \.topicPartition.topic) {
            guard let limit = members.first?.configuration.retentionBytes else { continue }
            let kept = members.reduce(0) { $0 + keptBytes($1, from: starts[$1.slot]) }
            free(kept - limit.value, from: members, &starts)
        }
        let keepFree = bytesKeptFree(of: space)
        let freed = partitions.reduce(0) { $0 + $1.sizeBytes.value - keptBytes($1, from: starts[$1.slot]) }
        let missing = max(keepFree, wantedBytes) - space.free - freed
        let floor: Int64 = wantedBytes > 0 && freed == 0 ? 1 : 0
        free(max(missing, floor), from: partitions.filter { $0.configuration.onFull == .dropOldest }, &starts)
        return starts
    }

    /// Below this much free space the oldest segments go.
    func bytesKeptFree(of space: DiskSpace) -> Int64 {
        Int64(Double(space.total) * max(0, min(1, configuration.keepFreeFraction)))
    }

    private mutating func startByAge(_ partition: Partition, now: AppendTime) -> Offset? {
        guard now.isSynchronised, let retention = partition.configuration.retention else { return nil }
        var start: Offset?
        // What is appended later bounds the age of what came before, so the newest known time is carried backward.
        var times: [Timestamp?] = []
        var bound: Timestamp?
        for segment in partition.segments.reversed() {
            let extent = segment.extent
            // A time that is still to come was no right one; what says so ages from the first look.
            if let last = extent.lastAppend, last.isSynchronised {
                bound = last.timestamp > now.timestamp ? nil : last.timestamp
            }
            times.append(extent.isSealed ? bound : nil)
            if let first = extent.firstAppend, first.isSynchronised, first.timestamp <= now.timestamp {
                bound = first.timestamp
            }
        }
        let key = { (segment: Segment) in SegmentKey(slot: partition.slot, base: segment.base) }
        for (segment, known) in zip(partition.segments, times.reversed()) where known == nil {
            if segment.extent.isSealed && firstSeen[key(segment)] == nil {
                firstSeen[key(segment)] = now.timestamp
            }
        }
        for (segment, known) in zip(partition.segments, times.reversed()) {
            let extent = segment.extent
            guard extent.isSealed, let last = known ?? firstSeen[key(segment)],
                now.timestamp.since(last) > retention
            else { break }
            firstSeen[key(segment)] = nil
            start = extent.end
        }
        return start
    }

    private func keptBytes(_ partition: Partition, from start: Offset?) -> Int64 {
        partition.segments.reduce(0) { sum, segment in
            let extent = segment.extent
            return extent.isSealed && extent.end <= start ?? .zero ? sum : sum + extent.length
        }
    }

    /// Moves log starts over the oldest sealed segments until `bytes` are free or none is left.
    private func free(_ bytes: Int64, from partitions: [Partition], _ starts: inout [Int: Offset]) {
        var missing = bytes
        guard missing > 0 else { return }
        var candidates: [(slot: Int, extent: Segment.Extent, age: Int64)] = []
        for partition in partitions {
            // A clock that stepped back must not put a later segment before an earlier one.
            var age = Int64.min
            for segment in partition.segments {
                let extent = segment.extent
                guard extent.isSealed, extent.end > starts[partition.slot] ?? .zero else { continue }
                age = max(age, extent.lastAppend?.timestamp.milliseconds ?? .min)
                candidates.append((partition.slot, extent, age))
            }
        }
        candidates.sort { ($0.age, $0.extent.end) < ($1.age, $1.extent.end) }
        for candidate in candidates {
            guard missing > 0 else { return }
            starts[candidate.slot] = max(starts[candidate.slot] ?? .zero, candidate.extent.end)
            missing -= candidate.extent.length
        }
    }
}
