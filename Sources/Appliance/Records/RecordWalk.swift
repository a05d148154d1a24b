// Reads a partition in stretches: what record streams and the samples of `status` share.
internal import CommitLog
internal import Platform

/// One consumer's reads of one or more partitions, over whatever is damaged or was deleted meanwhile.
///
/// One thread (or actor) at a time. A call blocks for the disk, and for no more than one stretch: whoever shares a thread
/// with others gives it up between two calls.
struct RecordWalk: ~Copyable {
    private let reader: LogReader
    private let decoder = RecordDecoder()
    private var buffer = ReadBuffer()

    init(log: CommitLog) {
        reader = LogReader(log: log)
    }

    /// Hands the records from `next` up to `limit` to `body`, of one stretch: `stretchBytes` as they are stored, or one batch
    /// where that is larger. `body` answers whether it takes more; the record's pointers are valid during the call.
    ///
    /// `visible`: the high watermark; a batch that reaches beyond `limit` is read as well, up to it.
    /// - Returns: where to go on; at or beyond `limit` there is nothing more.
    ///
    /// Throws where the disk fails.
    mutating func stretch(
        of partition: Partition,
        from next: Offset,
        upTo limit: Offset,
        visible: Offset,
        _ body: (Record) -> Bool
    ) throws(LogError) -> Offset {
        let result: ReadResult
        do {
            result = try reader.read(
                partition,
                from: next,
                upTo: visible,
                maxBytes: RecordWalk.stretchBytes,
                into: &buffer
            )
        } catch {
            // The log has taken note of damage; what follows it is served.
            if error.code == .damaged { return max(next + 1, error.resumeAt ?? limit) }
            // Retention has overtaken the reader: go on with what is there.
            guard next < partition.logStartOffset else { throw error }
            return partition.logStartOffset
        }
        guard !result.isEmpty else { return limit }
        var batches = buffer.batches
        while let batch = batches.next() {
            // A batch that is as it was written and yet cannot be read, by its codec or its records, hides no other.
            guard var records = try? decoder.open(batch) else { continue }
            while let record = try? records.next() {
                guard record.offset >= next, record.offset < limit else { continue }
                guard body(record) else { return record.offset + 1 }
            }
        }
        return max(next, min(result.nextOffset, limit))
    }

    /// Some milliseconds of work.
    private static let stretchBytes = 256 << 10
}
