// Reads every byte of the log and says what is there and what is wrong: `log verify`.
internal import Platform

/// What one partition holds.
package struct PartitionVerification: Hashable, Sendable {
    package var topicPartition: TopicPartition
    package var logStartOffset: Offset
    package var logEndOffset: Offset
    package var segments = 0
    /// Of valid batches.
    package var bytes = ByteCount(0)
    package var records = 0
    /// Offsets that are known to be missing.
    package var gaps: [OffsetGap] = []
}

/// Something that is not as it was written.
package struct LogDamage: Hashable, Sendable {
    /// What is wrong; its description is the sentence for operators.
    package enum Kind: Hashable, Sendable, CustomStringConvertible {
        /// Offsets between two segments are in no file.
        case missingOffsets
        case missingFile
        /// What was synced at the end of the log is gone.
        case lostTail
        case length(found: Int64, sealed: Int64)
        /// Bytes that are no valid batch.
        case noBatch
        /// A valid batch with another base offset than its place has.
        case baseOffset(Offset)
        /// A batch whose checksum matches and whose records cannot be read.
        case records(String)
        /// Every batch is valid, and the whole differs from what was sealed.
        case checksum

        package var description: String {
            switch self {
            case .missingOffsets: "offsets are in no segment"
            case .missingFile: "the file is gone"
            case .lostTail: "synced records are gone"
            case .length(let found, let sealed): "the file has \(found) bytes, \(sealed) were sealed"
            case .noBatch: "no valid batch"
            case .baseOffset(let offset): "a batch says offset \(offset)"
            case .records(let message): message
            case .checksum: "the file differs from what was sealed"
            }
        }

        /// Whether the log writer, told of it, makes it a gap: then the next look finds nothing.
        fileprivate var isRepairable: Bool {
            switch self {
            case .missingOffsets, .lostTail, .records, .checksum: false
            case .missingFile, .length, .noBatch, .baseOffset: true
            }
        }

        /// Whether a gap that is on record explains it: offsets that are missing between two valid batches are history.
        fileprivate var isExplainedByGap: Bool {
            switch self {
            case .missingOffsets, .baseOffset: true
            default: false
            }
        }
    }

    package var topicPartition: TopicPartition
    package var path: String
    /// Where in the file.
    package var position: Position
    /// Offsets that cannot be read because of it; empty where none are missing.
    package var from: Offset
    package var to: Offset
    package var kind: Kind
    /// Whether the journal has recorded these offsets as a gap already.
    package var isKnownGap: Bool
}

/// What a walk over the whole log found: `forebay log verify`.
package struct LogVerification: Hashable, Sendable {
    package var partitions: [PartitionVerification] = []
    package var damage: [LogDamage] = []

    /// Whether there is damage that nobody has been told of: exit code 1.
    package var hasUnknownDamage: Bool { damage.contains { !$0.isKnownGap } }
}

/// Walks a log that is open, for reading only or while it is being written: each partition up to its end at the start
/// of the walk. Blocks for as long as the disk takes.
package struct LogVerify {
    private let log: CommitLog
    private let decoder = RecordDecoder()
    private var result = LogVerification()

    /// - Throws: `disk` where a file cannot be read at all.
    package static func run(_ log: CommitLog) throws(LogError) -> LogVerification {
        var verify = LogVerify(log: log)
        for partition in log.partitions {
            do {
                try verify.check(partition)
            } catch {
                guard partition.isDeleted else { throw error }
            }
            if partition.isDeleted { verify.forget(partition.topicPartition) }
        }
        return verify.result
    }

    /// Its files went while they were looked at.
    private mutating func forget(_ topicPartition: TopicPartition) {
        result.partitions.removeAll { $0.topicPartition == topicPartition }
        result.damage.removeAll { $0.topicPartition == topicPartition }
    }

    private init(log: CommitLog) {
        self.log = log
    }

    private mutating func check(_ partition: Partition) throws(LogError) {
        var found = PartitionVerification(
            topicPartition: partition.topicPartition,
            logStartOffset: partition.logStartOffset,
            logEndOffset: partition.logEndOffset,
            gaps: recordedGaps(of: partition)
        )
        let segments = partition.segments
        // Deleting by hand leaves the beginning of a segment that is needed.
        var expected = min(found.logStartOffset, segments.first?.base ?? found.logStartOffset)
        for segment in segments {
            let extent = segment.extent
            found.segments += 1
            if segment.base > expected {
                note(
                    partition,
                    found,
                    segment.files.log,
                    0,
                    from: expected,
                    to: segment.base,
                    .missingOffsets
                )
            }
            expected = max(expected, segment.base)
            do {
                try walk(segment, extent, partition, &found, &expected)
            } catch {
                guard error.isNotFound, extent.isSealed else { throw LogError(error) }
                note(partition, found, segment.files.log, 0, from: expected, to: extent.end, .missingFile)
            }
            expected = max(expected, extent.end)
        }
        noteFreshGaps(of: partition, found)
        result.partitions.append(found)
    }

    /// What the opening found missing, and the walk could not see because nothing is left of it: a tail that was synced.
    private mutating func noteFreshGaps(of partition: Partition, _ found: PartitionVerification) {
        for gap in freshGaps(of: partition) {
            let isNoted = result.damage.contains {
                $0.topicPartition == partition.topicPartition && $0.from <= gap.from && $0.to >= gap.to
            }
            let path = partition.segments.last?.files.log ?? partition.directory
            if !isNoted { note(partition, found, path, 0, from: gap.from, to: gap.to, .lostTail) }
        }
    }

    /// Gaps that the journal holds: for a log that is open for reading only, without those that this opening has found.
    private func recordedGaps(of partition: Partition) -> [OffsetGap] {
        let fresh = freshGaps(of: partition)
        return partition.gaps.filter { !fresh.contains($0) }
    }

    /// Gaps that this opening, which only reads, has found and nobody has recorded.
    private func freshGaps(of partition: Partition) -> [OffsetGap] {
        guard log.access == .readOnly, log.recoveryReport.partitions.indices.contains(partition.slot) else { return [] }
        return log.recoveryReport.partitions[partition.slot].gaps
    }

    private mutating func walk(
        _ segment: Segment,
        _ extent: Segment.Extent,
        _ partition: Partition,
        _ found: inout PartitionVerification,
        _ expected: inout Offset
    ) throws(DiskError) {
        let path = segment.files.log
        let file = try segment.openForReading()
        let size = try file.size()
        if extent.isSealed && size != extent.length {
            let kind = LogDamage.Kind.length(found: size, sealed: extent.length)
            note(partition, found, path, min(size, extent.length), from: expected, to: expected, kind)
        }
        let scanner = SegmentScanner(file: file, length: min(size, extent.length))
        var position: Int64 = 0
        var checksum: UInt32 = 0
        while position < scanner.length {
            guard case .batch(let header) = try scanner.finding(at: position) else {
                let next = try scanner.nextBatch(after: position, expecting: expected)
                let resumed = next.map { Offset($0.header.baseOffset) } ?? extent.end
                note(partition, found, path, position, from: expected, to: resumed, .noBatch)
                expected = max(expected, resumed)
                guard let next else { break }
                position = next.position
                continue
            }
            if !partition.continues(expected, at: Offset(header.baseOffset)) {
                let stored = Offset(header.baseOffset)
                note(partition, found, path, position, from: expected, to: stored, .baseOffset(stored))
            }
            let bytes = try scanner.batchBytes(at: position, header)
            checksum = CRC32C.checksum(bytes, seed: checksum)
            if let message = badRecords(in: bytes) {
                let range = (Offset(header.baseOffset), header.endOffset)
                note(partition, found, path, position, from: range.0, to: range.1, .records(message))
            }
            found.records += Int(header.recordCount)
            found.bytes = ByteCount(found.bytes.value + Int64(header.totalBytes))
            expected = header.endOffset
            position += Int64(header.totalBytes)
        }
        if let sealed = extent.checksum, extent.isSealed, size == extent.length, checksum != sealed {
            note(partition, found, path, 0, from: expected, to: expected, .checksum)
        }
    }

    /// Why the records of a batch whose checksum matches cannot be read; nil where they can.
    private func badRecords(in bytes: UnsafeRawBufferPointer) -> String? {
        guard let batch = RecordBatchView(bytes) else { return "the batch is cut off" }
        do {
            var cursor = try decoder.open(batch)
            while try cursor.next() != nil {}
            return nil
        } catch {
            return "the records cannot be read: \(error)"
        }
    }

    private mutating func note(
        _ partition: Partition,
        _ found: PartitionVerification,
        _ path: String,
        _ position: Int64,
        from: Offset,
        to: Offset,
        _ kind: LogDamage.Kind
    ) {
        let isKnown = from < to && found.gaps.contains { $0.from <= from && $0.to >= to }
        if isKnown && kind.isExplainedByGap { return }
        if kind.isRepairable, let base = partition.segment(at: from)?.base {
            log.damage.note(.init(slot: partition.slot, base: base))
        }
        result.damage.append(
            LogDamage(
                topicPartition: partition.topicPartition,
                path: path,
                position: Position(position),
                from: from,
                to: max(from, to),
                kind: kind,
                isKnownGap: isKnown
            )
        )
    }
}
