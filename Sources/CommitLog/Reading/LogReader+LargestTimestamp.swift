// Finds the record with the largest timestamp of a partition without reading all of it.
package import Platform

extension LogReader {
    /// A record's place and time.
    package typealias Found = (offset: Offset, timestamp: Timestamp)

    /// The offsets of one segment, and how late a record of it can be; nil where nobody knows.
    private struct Part {
        var segment: Segment
        var range: Range<Offset>
        var bound: Timestamp?

        /// Those come first in which later records may be.
        static func isBefore(_ left: Part, _ right: Part) -> Bool {
            guard let leftBound = left.bound, let rightBound = right.bound, leftBound != rightBound else {
                if (left.bound == nil) != (right.bound == nil) { return left.bound == nil }
                return left.segment.base < right.segment.base
            }
            return leftBound > rightBound
        }

        /// Whether it may hold a better record than `best`.
        func mayBeat(_ best: Found) -> Bool {
            guard let bound, bound <= best.timestamp else { return true }
            return bound == best.timestamp && range.lowerBound < best.offset
        }
    }

    /// The record with the largest timestamp (record time, not append time) below `upTo`, the first where several have it;
    /// nil where there is none. Kafka's ListOffsets -3.
    ///
    /// Segments know how late their records can be, so that as a rule one of them is looked into, through its time index.
    /// Errors as those of `read`.
    package func largestTimestamp(
        in partition: Partition,
        upTo: Offset,
        buffer: inout ReadBuffer,
        decoder: RecordDecoder
    ) throws(LogError) -> Found? {
        let start = partition.logStartOffset
        let limit = min(upTo, partition.logEndOffset)
        let parts = partition.segments.compactMap { segment -> Part? in
            let extent = segment.extent
            let (from, end) = (max(start, segment.base), min(limit, extent.end))
            return from < end ? Part(segment: segment, range: from..<end, bound: extent.maxTimestamp) : nil
        }
        var best: Found?
        for part in parts.sorted(by: Part.isBefore) {
            if let best, !part.mayBeat(best) { continue }
            guard let found = try largest(in: part, of: partition, &buffer, decoder) else { continue }
            if let best, best.timestamp > found.timestamp { continue }
            if let known = best, known.timestamp == found.timestamp, known.offset < found.offset { continue }
            best = found
        }
        return best
    }

    private func largest(
        in part: Part,
        of partition: Partition,
        _ buffer: inout ReadBuffer,
        _ decoder: RecordDecoder
    ) throws(LogError) -> Found? {
        if let bound = part.bound {
            let near = try diskCall { () throws(DiskError) in try part.segment.offset(before: bound, in: partition) }
            if part.range.contains(near) {
                let rest = near..<part.range.upperBound
                let found = try largest(in: rest, of: partition, upTo: bound, &buffer, decoder)
                if let found, found.timestamp >= bound { return found }
            }
        }
        // Deleted by hand, compacted away or not visible yet: the segment promises more than there is.
        return try largest(in: part.range, of: partition, upTo: part.bound, &buffer, decoder)
    }

    /// The first that reaches `bound` or, where none does, the first of the largest.
    private func largest(
        in range: Range<Offset>,
        of partition: Partition,
        upTo bound: Timestamp?,
        _ buffer: inout ReadBuffer,
        _ decoder: RecordDecoder
    ) throws(LogError) -> Found? {
        var best: Found?
        var offset = range.lowerBound
        while offset < range.upperBound {
            let result = try read(partition, from: offset, upTo: range.upperBound, maxBytes: 64 << 10, into: &buffer)
            if result.isEmpty { break }
            var batches = buffer.batches
            while let batch = batches.next() {
                if let best, batch.header.maxTimestamp <= best.timestamp.milliseconds { continue }
                guard let found = try LogReader.largest(in: batch, from: range.lowerBound, decoder) else { continue }
                if let known = best, known.timestamp >= found.timestamp { continue }
                best = found
                if let bound, found.timestamp >= bound { return found }
            }
            offset = result.nextOffset
        }
        return best
    }

    private static func largest(
        in batch: RecordBatchView,
        from: Offset,
        _ decoder: RecordDecoder
    ) throws(LogError) -> Found? {
        var cursor = try decoder.open(batch)
        var best: Found?
        do {
            while let record = try cursor.next() {
                guard record.offset >= from, best.map({ record.timestamp > $0.timestamp }) ?? true else { continue }
                best = (record.offset, record.timestamp)
            }
        } catch {
            throw LogError(.damaged, "a record is malformed", offset: error.offset, resumeAt: batch.endOffset)
        }
        return best
    }
}
