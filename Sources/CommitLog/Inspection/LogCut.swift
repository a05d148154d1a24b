// The log as it stands below one snapshot of the high watermarks, file by file: what a backup copies.
internal import Platform

/// How much of which files makes up the log of one moment, over all partitions at once.
///
/// Nothing is held: retention may delete a segment while it is copied, and what is appended later lies behind what is
/// named here. Sealed segments never change, and of the active one only the durable part is named.
package struct LogCut: Sendable {
    /// The beginning of one segment file.
    package struct SegmentPart: Hashable, Sendable {
        package var base: Offset
        /// How many bytes of the file belong to the cut: whole batches.
        package var length: ByteCount

        package init(base: Offset, length: ByteCount) {
            self.base = base
            self.length = length
        }
    }

    /// What one partition has in the cut.
    package struct PartitionPart: Hashable, Sendable {
        package var topicPartition: TopicPartition
        /// The high watermark.
        package var end: Offset
        /// From the oldest to the one that was active.
        package var segments: [SegmentPart]
        /// Offsets that an opening for reading only has found missing, and that no journal records yet.
        package var freshGaps: [OffsetGap]

        package init(
            topicPartition: TopicPartition,
            end: Offset,
            segments: [SegmentPart],
            freshGaps: [OffsetGap] = []
        ) {
            self.topicPartition = topicPartition
            self.end = end
            self.segments = segments
            self.freshGaps = freshGaps
        }
    }

    package var partitions: [PartitionPart]

    package init(partitions: [PartitionPart]) {
        self.partitions = partitions
    }

    /// Takes the cut; any thread, while the log is written. Reads a few batches where a commit came in between.
    ///
    /// - Throws: `disk`, or `damaged` where the end of the cut cannot be found in its segment.
    package init(_ log: CommitLog) throws(LogError) {
        let snapshot = log.snapshot()
        partitions = []
        for partition in log.partitions {
            let end = snapshot.highWatermark(of: partition)
            let segments: [SegmentPart]
            do {
                segments = try LogCut.segments(of: partition, below: end)
            } catch {
                guard partition.isDeleted else { throw error }
                continue
            }
            guard !partition.isDeleted else { continue }
            partitions.append(
                PartitionPart(
                    topicPartition: partition.topicPartition,
                    end: end,
                    segments: segments,
                    freshGaps: log.access == .readOnly ? partition.gaps : []
                )
            )
        }
    }

    private static func segments(of partition: Partition, below end: Offset) throws(LogError) -> [SegmentPart] {
        var segments: [SegmentPart] = []
        for segment in partition.segments where segment.base <= end {
            let length = try LogCut.length(of: segment, below: end, in: partition)
            segments.append(SegmentPart(base: segment.base, length: ByteCount(length)))
        }
        return segments
    }

    /// Bytes of the batches below `end`: an extent moves before the snapshot that makes it visible does.
    private static func length(
        of segment: Segment,
        below end: Offset,
        in partition: Partition
    ) throws(LogError) -> Int64 {
        let extent = segment.extent
        guard extent.end > end else { return extent.length }
        guard segment.base < end else { return 0 }
        return try diskCall { () throws(DiskError) in
            let scanner = SegmentScanner(file: try segment.openForReading(), length: extent.length)
            var position = try segment.start(for: end, in: partition).position
            while case .batch(let header) = try scanner.finding(at: position), header.baseOffset < end.value {
                position += Int64(header.totalBytes)
            }
            return position
        }
    }
}
