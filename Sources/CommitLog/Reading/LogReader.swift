// Reads stored batches: whole, checked, only what is durable.
package import Platform

/// What one read returned.
package struct ReadResult: Hashable, Sendable {
    /// Where to read next: the offset after the last batch returned; where nothing was, the offset asked for, or one behind it up to
    /// which nothing ever will be.
    package var nextOffset: Offset
    package var byteCount: Int
    /// How long the batch is that comes next, where the read met it and had no room for it.
    package var nextByteCount: Int?

    /// Nothing was there below the limit.
    package var isEmpty: Bool { byteCount == 0 }
}

/// One consumer's reader: remembers where it stands in each partition, so that reading on needs no index.
///
/// One thread (or actor) at a time; may block for the disk. Makes one or two reads of a file per call.
package final class LogReader {
    /// Where to read a partition: the end of the last read, or what the index says.
    private struct Place {
        var partition: Partition
        var offset: Offset
        var segment: Segment
        var position: Int64
        /// The base offset that must stand at `position`, but for a known gap.
        var expected: Offset
        var file: any DiskFile

        func goesOn(at offset: Offset) -> Bool { self.offset == offset && position < segment.extent.length }
    }

    private let log: CommitLog
    /// By slot.
    private var places: [Int: Place] = [:]
    private var topicsEpoch: UInt64

    package init(log: CommitLog) {
        self.log = log
        topicsEpoch = log.topicsEpoch
    }

    /// Reads whole batches from the one that contains `from`, as long as they end at or below `upTo`: up to `maxBytes`
    /// together, all of one segment, but the first whatever its size unless `mayPass` is false. Where `from` lies in a gap,
    /// from the first batch after it.
    ///
    /// `upTo` is the caller's snapshot of the high watermark; what is beyond the current one is never returned.
    /// `buffer` is filled anew; its earlier contents are gone whatever the outcome.
    ///
    /// Throws `unknownPartition` where the partition was deleted; `offsetOutOfRange` below the log start or beyond the log end; `damaged`, with `resumeAt`, where the next
    /// batch is not valid (those before it are returned by the call before); `disk` where reading fails. The reader
    /// stays usable.
    package func read(
        _ partition: Partition,
        from: Offset,
        upTo: Offset,
        maxBytes: Int,
        mayPass: Bool = true,
        into buffer: inout ReadBuffer
    ) throws(LogError) -> ReadResult {
        buffer.removeAll()
        forgetDeleted()
        guard !partition.isDeleted else { throw LogReader.deleted(partition) }
        let end = partition.logEndOffset
        guard from >= partition.logStartOffset, from <= end else {
            throw LogError(
                .offsetOutOfRange,
                "the log holds \(partition.logStartOffset) up to \(end)",
                topicPartition: partition.topicPartition,
                offset: from
            )
        }
        let limit = min(upTo, end)
        var isRepeated = false
        while true {
            do {
                return try readBelow(limit, partition, from: from, (maxBytes, mayPass), into: &buffer)
            } catch {
                places[partition.slot] = nil
                guard !partition.isDeleted else { throw LogReader.deleted(partition) }
                // Compaction may have put another file in the place of the one that was looked up.
                if partition.isSparse && !isRepeated {
                    isRepeated = true
                    continue
                }
                // Retention may have taken the segment, or emptied it, since its offsets were in range.
                let isDeleted = from < partition.logStartOffset
                var failure = isDeleted ? LogError(.offsetOutOfRange, "deleted by retention", offset: from) : error
                failure.topicPartition = partition.topicPartition
                throw failure
            }
        }
    }

    /// Lets go of the files of deleted partitions, which nobody reads any more.
    private func forgetDeleted() {
        let epoch = log.topicsEpoch
        guard epoch != topicsEpoch else { return }
        topicsEpoch = epoch
        places = places.filter { !$0.value.partition.isDeleted }
    }

    private static func deleted(_ partition: Partition) -> LogError {
        LogError(.unknownPartition, "the topic was deleted", topicPartition: partition.topicPartition)
    }

    private func readBelow(
        _ limit: Offset,
        _ partition: Partition,
        from: Offset,
        _ most: (bytes: Int, mayPass: Bool),
        into buffer: inout ReadBuffer
    ) throws(LogError) -> ReadResult {
        var offset = from
        while offset < limit {
            guard let segment = segment(in: partition, at: offset) else { break }
            var place: Place
            let found: SegmentWalk.Found
            do {
                place = try self.place(in: partition, at: offset, segment)
                var walk = SegmentWalk(
                    partition: partition,
                    segment: segment,
                    from: offset,
                    limit: limit,
                    maxBytes: most.bytes,
                    mayPass: most.mayPass
                )
                defer { if walk.metDamage { note(segment, in: partition) } }
                found = try walk.fill(
                    &buffer,
                    file: place.file,
                    position: place.position,
                    expecting: place.expected
                )
            } catch {
                places[partition.slot] = nil
                // A repair has put another file in its place meanwhile.
                if offset >= partition.logStartOffset, !partition.segments.contains(where: { $0 === segment }) {
                    continue
                }
                throw error.underlying?.isNotFound == true ? missing(segment, in: partition, offset) : error
            }
            if found.byteCount > 0 {
                place.offset = found.nextOffset
                place.position = found.position
                place.expected = found.nextOffset
            }
            if found.byteCount > 0 || found.nextByteCount != nil {
                places[partition.slot] = place
                return ReadResult(
                    nextOffset: found.nextOffset,
                    byteCount: found.byteCount,
                    nextByteCount: found.nextByteCount
                )
            }
            // Nothing more in this segment: on to the next one, over the gap if there is one.
            places[partition.slot] = nil
            guard let next = partition.segments.first(where: { $0.base > place.segment.base }) else {
                // Its last batches are lost: the extent, as it was when the limit was published or later, has none.
                offset = max(offset, found.end ?? offset)
                break
            }
            offset = max(offset, next.base)
        }
        return ReadResult(nextOffset: max(from, min(offset, limit)), byteCount: 0)
    }

    /// The segment that is read for `offset`: the one read last, as long as it goes on there.
    private func segment(in partition: Partition, at offset: Offset) -> Segment? {
        if let known = places[partition.slot], known.goesOn(at: offset) { return known.segment }
        return partition.segment(at: offset)
    }

    /// Where to read for `offset`: remembered, or found through the segment's index.
    private func place(in partition: Partition, at offset: Offset, _ segment: Segment) throws(LogError) -> Place {
        if let known = places[partition.slot], known.goesOn(at: offset), known.segment === segment { return known }
        return try diskCall { () throws(DiskError) in
            let file = try segment.openForReading()
            let start = try segment.start(for: offset, in: partition)
            return Place(
                partition: partition,
                offset: offset,
                segment: segment,
                position: start.position,
                expected: start.expected,
                file: file
            )
        }
    }

    /// Has the log writer look at a segment.
    private func note(_ segment: Segment, in partition: Partition) {
        log.damage.note(.init(slot: partition.slot, base: segment.base))
    }

    /// The error for a segment whose file is gone: the next one can be read.
    private func missing(_ segment: Segment, in partition: Partition, _ offset: Offset) -> LogError {
        note(segment, in: partition)
        return LogError(
            .damaged,
            "the file is gone",
            path: segment.files.log,
            offset: offset,
            resumeAt: partition.segments.first { $0.base > segment.base }?.base
        )
    }

    /// The first record at or after `timestamp` (record time, not append time) below `upTo`: its offset and timestamp,
    /// looked up inside its batch. nil where there is none.
    package func firstRecord(
        atOrAfter timestamp: Timestamp,
        in partition: Partition,
        upTo: Offset,
        buffer: inout ReadBuffer,
        decoder: RecordDecoder
    ) throws(LogError) -> (offset: Offset, timestamp: Timestamp)? {
        for segment in partition.segments {
            let extent = segment.extent
            if let latest = extent.maxTimestamp, latest < timestamp { continue }
            var offset = max(
                partition.logStartOffset,
                try diskCall { () throws(DiskError) in
                    try segment.offset(before: timestamp, in: partition)
                }
            )
            let limit = min(upTo, extent.end, partition.logEndOffset)
            while offset < limit {
                let result = try read(partition, from: offset, upTo: limit, maxBytes: 64 << 10, into: &buffer)
                if result.isEmpty { break }
                var batches = buffer.batches
                while let batch = batches.next() {
                    guard batch.header.maxTimestamp >= timestamp.milliseconds else { continue }
                    if let found = try LogReader.first(atOrAfter: timestamp, in: batch, from: offset, decoder) {
                        return found
                    }
                }
                offset = result.nextOffset
            }
        }
        return nil
    }

    /// From the offset `from` on, which may lie inside the batch.
    private static func first(
        atOrAfter timestamp: Timestamp,
        in batch: RecordBatchView,
        from: Offset,
        _ decoder: RecordDecoder
    ) throws(LogError) -> (offset: Offset, timestamp: Timestamp)? {
        var cursor = try decoder.open(batch)
        do {
            while let record = try cursor.next() {
                if record.timestamp >= timestamp, record.offset >= from { return (record.offset, record.timestamp) }
            }
            return nil
        } catch {
            throw LogError(.damaged, "a record is malformed", offset: error.offset, resumeAt: batch.endOffset)
        }
    }
}
