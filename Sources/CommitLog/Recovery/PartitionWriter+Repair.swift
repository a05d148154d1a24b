// Repairs a sealed segment in which damage was met: recovery's verdict and swap of files, while the log is open.
internal import Platform

extension PartitionWriter {
    /// Makes the segment at `base` what is valid of it; nil where nothing is wrong or retention took it. Between commits.
    ///
    /// As at opening: gaps are in the journal before the damaged file leaves its place, the journal's word on the new
    /// file comes last, and a crash anywhere leaves a file whose length disagrees with the journal, which is looked at
    /// again. The active segment is sealed first. Readers that hold the old file go on in it up to the damage.
    func repair(_ base: Offset) throws(DiskError) -> DamageRepair? {
        // Where offsets may be missing, a wrong base offset cannot be told from a right one: readers step over the damage.
        guard !partition.isSparse else { return nil }
        guard let segment = partition.segments.first(where: { $0.base == base }) else { return nil }
        if !segment.extent.isSealed { try roll() }
        let extent = segment.extent
        let file: any DiskFile
        do { file = try segment.openForReading() } catch {
            guard error.isNotFound else { throw error }
            return try giveUp(segment, extent)
        }
        let size = try file.size()
        var verdict = try SegmentRecovery(
            scanner: SegmentScanner(file: file, length: min(size, extent.length)),
            base: base,
            limit: extent.end,
            knownGaps: journal.state.gaps,
            journalIsComplete: journal.isComplete,
            keepsPositions: false
        ).judge()
        if verdict.end < extent.end, !verdict.isCovered(verdict.end, extent.end, by: journal.state.gaps) {
            verdict.gaps.append(OffsetGap(from: verdict.end, to: extent.end, reason: .damage))
        }
        let isRewritten = verdict.needsRewrite || verdict.validBytes < size || !verdict.gaps.isEmpty
        let isKnown = extent.length == verdict.keptBytes && extent.checksum ?? verdict.checksum == verdict.checksum
        guard isRewritten || !isKnown else { return nil }
        if !verdict.gaps.isEmpty { try journal.append(verdict.gaps.map { .gap($0) }) }
        var kept: String?
        if isRewritten {
            try SegmentRemoval.removeIndexes(segment.files, disk: disk)
            kept = try SegmentRepair.replace(segment.files, with: verdict.kept, of: file, disk: disk)
        }
        try serve(verdict, extent, in: segment)
        return DamageRepair(topicPartition: partition.topicPartition, gaps: verdict.gaps, keptFile: kept)
    }

    /// Puts the repaired segment in the place of the old one, for readers and in the journal, with its indexes.
    private func serve(_ verdict: SegmentVerdict, _ old: Segment.Extent, in segment: Segment) throws(DiskError) {
        var extent = old
        extent.length = verdict.keptBytes
        extent.checksum = verdict.checksum
        let repaired = Segment(files: segment.files, disk: disk, extent: extent, index: nil)
        partition.replace(segment, with: repaired, gaps: journal.state.gaps)
        let known = journal.state.sealed[segment.base]
        let now = AppendTime.now(clock)
        let sealed = SealedSegment(
            base: segment.base,
            end: extent.end,
            length: ByteCount(extent.length),
            checksum: verdict.checksum,
            maxTimestamp: known?.maxTimestamp ?? verdict.index.latest?.timestamp ?? Timestamp(milliseconds: 0),
            firstAppend: known?.firstAppend ?? extent.firstAppend ?? now,
            lastAppend: known?.lastAppend ?? extent.lastAppend ?? now
        )
        try journal.append([.segmentSealed(sealed)])
        let encoded = verdict.index.encoded()
        try replaceFile(segment.files.offsetIndex, encoded.offsets)
        try replaceFile(segment.files.timeIndex, encoded.times)
        try disk.syncDirectory(partition.directory)
    }

    /// The file is gone: so are its offsets.
    private func giveUp(_ segment: Segment, _ extent: Segment.Extent) throws(DiskError) -> DamageRepair? {
        let gap = OffsetGap(from: segment.base, to: extent.end, reason: .missingSegment)
        try journal.append([.gap(gap)])
        partition.replace(segment, with: nil, gaps: journal.state.gaps)
        return DamageRepair(topicPartition: partition.topicPartition, gaps: [gap], keptFile: nil)
    }
}
