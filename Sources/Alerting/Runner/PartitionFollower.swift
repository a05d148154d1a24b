// Reads one partition record by record, over whatever is missing or damaged: what rules, the book and hooks share.
internal import CommitLog
internal import EventModel

/// One consumer's place in one partition. One thread (or actor) at a time; `read` blocks for the disk.
final class PartitionFollower {
    let partition: Partition
    /// Nothing is read from here on.
    let end: Offset
    /// The next record's offset.
    private(set) var position: Offset
    /// Offsets that retention or damage took before they were read.
    private(set) var skipped: UInt64 = 0
    /// Those of them that `takeMissed` has not given out, and up to where they were noted: going back finds them again.
    private var missed: [MissedOffsets] = []
    private var missedUpTo = Offset.zero
    private let log: CommitLog
    private let reader: LogReader
    private let waitsForRepair: Bool
    private let decoder = RecordDecoder()
    private var buffer = ReadBuffer()

    /// `waitsForRepair`: damage that the log writer is about to repair is not passed over, but ends the read before it.
    init(
        partition: Partition,
        log: CommitLog,
        position: Offset,
        end: Offset = Offset(.max),
        waitsForRepair: Bool = false
    ) {
        self.partition = partition
        self.end = end
        self.position = position
        self.log = log
        self.waitsForRepair = waitsForRepair
        reader = LogReader(log: log)
    }

    /// Moves on without reading.
    func move(to offset: Offset) {
        position = max(position, offset)
    }

    /// Back to an earlier record, to read it again.
    func rewind(to offset: Offset) {
        position = min(position, offset)
    }

    /// What was skipped since the call before.
    func takeMissed() -> [MissedOffsets] {
        defer { missed.removeAll() }
        return missed
    }

    /// Calls `body` for the records from `position` up to `limit`, until `countMax` of them or more were read (a batch is
    /// finished). The record's pointers are valid during the call.
    ///
    /// `visible`: a high watermark at or beyond `limit`.
    /// - Returns: how many records `body` saw.
    ///
    /// Throws only where the disk fails; the position then stands behind the last record that `body` saw.
    func read(
        upTo limit: Offset,
        visible: Offset,
        countMax: Int,
        _ body: (Record) -> Void
    ) throws(LogError) -> Int {
        var count = 0
        while position < limit, count < countMax {
            let result: ReadResult
            do {
                result = try reader.read(
                    partition,
                    from: position,
                    upTo: visible,
                    maxBytes: AlertingLimits.readBytes,
                    into: &buffer
                )
            } catch {
                if waitsForRepair, error.code == .damaged, log.isUnderRepair(partition, at: position) { return count }
                try recover(from: error, limit: limit)
                continue
            }
            guard !result.isEmpty else {
                skip(to: limit, .damage)
                break
            }
            count += walk(upTo: limit, body)
            // Offsets that no batch has, at the end of what was read.
            move(to: min(result.nextOffset, limit))
        }
        return count
    }

    private func recover(from error: LogError, limit: Offset) throws(LogError) {
        switch error.code {
        case .offsetOutOfRange:
            // Retention took what lies before its start; beyond the end there is nothing to read.
            let start = partition.logStartOffset
            skip(to: position < start ? start : limit, .retention)
        case .damaged:
            skip(to: error.resumeAt ?? limit, .damage)
        default:
            throw error
        }
    }

    private func skip(to offset: Offset, _ kind: GapKind) {
        guard offset > position else { return }
        let from = max(position, missedUpTo)
        if from < offset {
            let count = UInt64(max(0, offset - from))
            skipped &+= count
            if let last = missed.last, last.kind == kind, last.to == from {
                missed[missed.count - 1].to = offset
                missed[missed.count - 1].count &+= count
            } else {
                missed.append(MissedOffsets(kind: kind, from: from, to: offset, count: count))
            }
            missedUpTo = offset
        }
        position = offset
    }

    private func walk(upTo limit: Offset, _ body: (Record) -> Void) -> Int {
        var count = 0
        var batches = buffer.batches
        while let batch = batches.next() {
            do {
                var reached = position
                defer { position = reached }
                var cursor = try decoder.open(batch)
                while let record = try next(&cursor, in: batch) {
                    guard record.offset >= reached else { continue }
                    guard record.offset < limit else { return count }
                    body(record)
                    reached = record.offset + 1
                    count += 1
                }
            } catch {
                // The batch's bytes are as they were written, and yet no records: nobody can read them.
                skip(to: min(batch.endOffset, limit), .damage)
            }
        }
        return count
    }

    private func next(_ cursor: inout RecordCursor, in batch: RecordBatchView) throws(LogError) -> Record? {
        do { return try cursor.next() } catch {
            throw LogError(.damaged, "a record is malformed", offset: error.offset, resumeAt: batch.endOffset)
        }
    }
}
