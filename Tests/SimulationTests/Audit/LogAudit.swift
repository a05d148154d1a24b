// The log as it lies on the disk against the log as it is read: scan, indexes, and a recovery that changes nothing more.
import CommitLog
import Platform

enum LogAudit {
    /// What a recovery came to.
    struct Shape: Equatable {
        var starts: [Offset]
        var ends: [Offset]
        var gaps: [[OffsetGap]]

        init(_ log: CommitLog) {
            starts = log.partitions.map(\.logStartOffset)
            ends = log.partitions.map(\.logEndOffset)
            gaps = log.partitions.map(\.gaps)
        }
    }

    /// Offsets follow one another in the files but for reported gaps, and index reads find what the scan finds.
    static func expectAgreement(_ log: CommitLog, _ disk: SimulatedDisk, _ witness: Witness, _ dice: inout Dice) throws
    {
        for partition in log.partitions {
            let topic = partition.topicPartition.topic
            let segments = BatchScan.segments(of: partition, on: disk)
            var batches: [ScannedBatch] = []
            var expected = partition.logStartOffset.value
            for (base, bytes) in segments where base < partition.logEndOffset.value {
                for batch in BatchScan.batches(in: bytes) where batch.end > partition.logStartOffset.value {
                    // Bytes that a flipped bit has hit say nothing of where they stand.
                    guard !witness.isHit(topic, batch.base), !witness.hasHits else { continue }
                    guard batch.end <= partition.logEndOffset.value else { break }
                    guard batch.base == expected || isGap(partition, from: expected, to: batch.base) else {
                        throw Violation("\(topic): a scan finds offset \(batch.base) after \(expected)")
                    }
                    expected = batch.end
                    batches.append(batch)
                }
            }
            guard !witness.hasHits else { continue }
            guard
                expected == partition.logEndOffset.value
                    || isGap(partition, from: expected, to: partition.logEndOffset.value)
            else { throw Violation("\(topic): a scan ends at \(expected), the log at \(partition.logEndOffset)") }
            try expectReads(partition, log, batches, &dice)
        }
    }

    private static func isGap(_ partition: Partition, from: Int64, to: Int64) -> Bool {
        partition.gaps.contains { $0.from.value <= from && $0.to.value >= to } && to > from
    }

    private static func expectReads(
        _ partition: Partition,
        _ log: CommitLog,
        _ batches: [ScannedBatch],
        _ dice: inout Dice
    ) throws {
        guard !batches.isEmpty else { return }
        let decoder = RecordDecoder()
        var buffer = ReadBuffer()
        for _ in 0..<6 {
            let reader = LogReader(log: log)
            let wanted = batches[dice.below(batches.count)]
            let offset = wanted.base + Int64(dice.below(Int(wanted.end - wanted.base)))
            let end = partition.logEndOffset
            _ = try reader.read(partition, from: Offset(offset), upTo: end, maxBytes: 1, into: &buffer)
            var found = buffer.batches
            guard let batch = found.next(), batch.baseOffset.value == wanted.base, batch.bytes.count == wanted.byteCount
            else { throw Violation("\(partition.topicPartition): the index does not lead to offset \(offset)") }
            let time = Timestamp(milliseconds: wanted.maxTimestamp)
            let first = batches.first { $0.maxTimestamp >= time.milliseconds }
            let hit = try reader.firstRecord(
                atOrAfter: time,
                in: partition,
                upTo: end,
                buffer: &buffer,
                decoder: decoder
            )
            guard let first, let hit, (first.base..<first.end).contains(hit.offset.value) else {
                throw Violation("\(partition.topicPartition): the time index does not lead to \(time.milliseconds)")
            }
        }
    }

    /// What a command that only reads makes of the log before it is recovered; it changes nothing.
    static func readOnly(
        _ settings: BoxSettings,
        _ disk: any Disk,
        _ simulated: SimulatedDisk,
        _ clock: SimulatedClock
    ) throws -> Shape? {
        let calls = simulated.calls
        let log = try CommitLog.open(settings.logConfiguration, disk: disk, clock: clock, access: .readOnly)
        guard simulated.calls == calls else { throw Violation("opening for reading only changes the disk") }
        // Before the first start there is nothing to compare.
        return log.partitions.count == settings.topics.count ? Shape(log) : nil
    }

    /// Opens the log once more: a second recovery finds nothing to do, and the disk holds the same bytes.
    static func recoverTwice(
        _ settings: BoxSettings,
        _ disk: any Disk,
        _ simulated: SimulatedDisk,
        _ clock: SimulatedClock,
        cutsPower: Bool
    ) throws -> CommitLog {
        let first = try CommitLog.open(settings.logConfiguration, disk: disk, clock: clock, access: .readWrite)
        let shape = Shape(first)
        let image = fingerprint(of: simulated)
        if cutsPower {
            simulated.cutPower()
            simulated.restorePower()
        } else {
            simulated.killProcess()
        }
        let second = try CommitLog.open(settings.logConfiguration, disk: disk, clock: clock, access: .readWrite)
        guard Shape(second) == shape else {
            throw Violation("a second recovery comes to \(Shape(second)), the first to \(shape)")
        }
        for partition in second.recoveryReport.partitions {
            guard partition.gaps.isEmpty, partition.cutBytes == ByteCount(0), partition.keptFiles.isEmpty,
                partition.restampedBatches == 0
            else { throw Violation("a second recovery of \(partition.topicPartition) repairs again") }
        }
        let again = fingerprint(of: simulated)
        if let changed = Set(image.keys).union(again.keys).sorted().first(where: { image[$0] != again[$0] }) {
            throw Violation("a second recovery changes \(changed)")
        }
        return second
    }

    private static func fingerprint(of disk: SimulatedDisk) -> [String: UInt32] {
        var found: [String: UInt32] = [:]
        // Indexes are hints: one that was not finished may be anything.
        for (path, contents) in disk.files(below: "\(BoxSettings.directory)/log") where !path.hasSuffix("index") {
            found[path] = contents.cached.withUnsafeBytes { CRC32C.checksum($0) }
        }
        return found
    }
}
