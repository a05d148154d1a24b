// What a partition's journal says of one cut of the log: the journal that a backup holds.
package import Platform

/// The facts that are true of the copied files, and nothing of what came later.
package struct JournalCut: Sendable {
    /// A whole `partition.journal`.
    package var bytes: [UInt8]
    package var logStartOffset: Offset
    /// CRC-32C of the files that are known to be sealed, by base offset.
    package var checksums: [Offset: UInt32]

    /// Reads the journal in `directory`, after the segments with the base offsets `copied` were copied.
    ///
    /// A segment of the cut that is not among them was deleted by retention, which the journal then knows, or its file is
    /// gone, which becomes a gap. `copied` ends with the segment that takes what is appended next. `now` is taken for the
    /// time of the last append, which was not later.
    package init(
        of partition: LogCut.PartitionPart,
        copied: [Offset],
        directory: String,
        disk: any Disk,
        clock: any Clock
    ) throws(LogError) {
        let reading = try diskCall { () throws(DiskError) in
            try PartitionJournal.read(disk: disk, directory: directory, refreshes: false)
        }
        var state = reading.state
        let end = partition.end
        state.logStart = min(state.logStart, end)
        state.sealed = state.sealed.filter { base, known in
            base != copied.last && copied.contains(base) && known.end <= end
        }
        state.gaps.removeAll { $0.to > end }
        let starts = partition.segments.map(\.base)
        var found = partition.freshGaps
        for (base, next) in zip(starts, starts.dropFirst() + [end]) where next > state.logStart && next > base {
            if !copied.contains(base) { found.append(OffsetGap(from: base, to: next, reason: .missingSegment)) }
        }
        for gap in found where !state.gaps.contains(gap) { state.apply(.gap(gap)) }
        state.recoveryPoint = end
        state.lastAppend = AppendTime.now(clock)
        bytes = state.compacted(keeping: copied).flatMap { $0.encoded() }
        logStartOffset = state.logStart
        checksums = state.sealed.mapValues(\.checksum)
    }
}
