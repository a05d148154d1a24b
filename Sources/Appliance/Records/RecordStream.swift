// The records of a query as lines of JSON, read on demand, below the high watermark, and followed where asked.
internal import CommitLog
internal import EventModel
internal import HTTPAPI
internal import NIOCore
internal import Platform

/// One query being answered. Its reads block, so it runs on the readers' thread and not on Swift's pool.
///
/// Partitions are read one after the other in the order of their numbers; while following, in turns.
actor RecordStream {
    /// One partition of the query, and what is left of it.
    private struct Span {
        var partition: Partition
        var next: Offset
        /// Exclusive; nil: as far as the log goes.
        var end: Offset?
    }

    private let log: CommitLog
    private let query: RecordQuery
    private let executor: ThreadExecutor
    private let reader: LogReader
    private let decoder = RecordDecoder()
    private var filter: RecordFilter
    private var buffer = ReadBuffer()
    private var line = RecordLine()
    private var spans: [Span] = []
    private var left: Int
    private var hasGivenLast = false
    private var wakeups: AsyncStream<Void>.Iterator?
    private var listener: LogTail.ListenerID?

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// - Throws: `APIFailure` where the query names no topic or partition of the log, or wants too many of the last records.
    init(_ query: RecordQuery, log: CommitLog, executor: ThreadExecutor) throws {
        if query.from == nil, let count = query.count, count > APILimits.lastRecordsMax {
            throw APIFailure(
                .badRequest,
                "the last \(count) records are more than \(APILimits.lastRecordsMax)",
                hint: "give `from`: earliest, an offset, or a time"
            )
        }
        self.query = query
        self.log = log
        self.executor = executor
        reader = LogReader(log: log)
        filter = RecordFilter(query)
        left = query.count ?? (query.from == nil ? RecordStream.defaultCount : Int.max)
        let partitions = log.partitions.filter { partition in
            partition.topicPartition.topic.text == query.topic
                && (query.partition.map { $0 == Int(partition.topicPartition.partition.value) } ?? true)
        }
        guard !partitions.isEmpty else {
            let names = Set(log.partitions.map(\.topicPartition.topic.text)).sorted().joined(separator: ", ")
            throw APIFailure(.notFound, "no topic or partition \(query.topic)", hint: "the log has \(names)")
        }
        let snapshot = log.snapshot()
        spans = partitions.map { partition in
            let start = partition.logStartOffset
            let high = snapshot.highWatermark(of: partition)
            let next: Offset =
                switch query.from {
                case nil, .latest: high
                case .earliest: start
                case .offset(let offset): min(max(start, Offset(offset)), high)
                case .time(let time): partition.offset(forAppendTime: time)
                }
            let end: Offset? =
                switch query.to {
                case .earliest: start
                case .latest: high
                case .offset(let offset): query.follow ? Offset(offset) : min(Offset(offset), high)
                case nil, .time: query.follow ? nil : high
                }
            return Span(partition: partition, next: next, end: end)
        }
    }

    /// The next lines, each with its newline; nil at the end.
    func next() async throws -> ByteBuffer? {
        if query.from == nil, let lines = try lastLines() { return lines }
        while left > 0, !Task.isCancelled {
            if let lines = try readSome() { return lines }
            if hasReachedEnd() { break }
            guard await waitForCommit() else { break }
        }
        stopListening()
        return nil
    }

    /// Whether every partition was read up to its end.
    ///
    /// While following up to a time the end shows only when a record of that time or later comes: what was received
    /// earlier then lies below the high watermarks as they are, so that a partition where nothing comes ends as well.
    private func hasReachedEnd() -> Bool {
        if filter.hasSeenEnd {
            let snapshot = log.snapshot()
            for index in spans.indices where spans[index].end == nil {
                spans[index].end = snapshot.highWatermark(of: spans[index].partition)
            }
        }
        return spans.allSatisfy { span in span.end.map { span.next >= $0 } ?? false }
    }

    // MARK: Reading

    /// Lines of the first span that has some.
    private func readSome() throws -> ByteBuffer? {
        let snapshot = log.snapshot()
        for index in spans.indices {
            let visible = snapshot.highWatermark(of: spans[index].partition)
            let limit = min(visible, spans[index].end ?? Offset(.max))
            while spans[index].next < limit, left > 0 {
                var lines = ByteBuffer()
                try read(&spans[index], upTo: limit, visible: visible) { line in
                    lines.writeBytes(line)
                    lines.writeInteger(UInt8(0x0A))
                }
                if lines.readableBytes > 0 { return lines }
            }
        }
        return nil
    }

    /// Reads one stretch of batches; `take` gets each record that passes as a line, without its newline.
    ///
    /// `visible`: the high watermark; a batch that reaches beyond `limit` is read as well, up to it.
    private func read(
        _ span: inout Span,
        upTo limit: Offset,
        visible: Offset,
        _ take: (UnsafeRawBufferPointer) -> Void
    ) throws {
        let result: ReadResult
        do {
            result = try reader.read(
                span.partition,
                from: span.next,
                upTo: visible,
                maxBytes: RecordStream.readBytes,
                into: &buffer
            )
        } catch {
            if error.code == .damaged {
                // The log has taken note; what follows the damage is served.
                span.next = max(span.next + 1, error.resumeAt ?? limit)
            } else {
                // Retention has overtaken the reader: go on with what is there.
                guard span.next < span.partition.logStartOffset else { throw error }
                span.next = span.partition.logStartOffset
            }
            return
        }
        guard !result.isEmpty else {
            span.next = limit
            return
        }
        var batches = buffer.batches
        while let batch = batches.next() {
            // A batch that is as it was written and yet cannot be read, by its codec or its records, hides no other.
            guard var records = try? decoder.open(batch) else { continue }
            while let record = try? records.next() {
                guard record.offset >= span.next, record.offset < limit, left > 0, filter.accepts(record) else {
                    continue
                }
                line.encode(record, of: span.partition.topicPartition)
                take(line.bytes)
                left -= 1
            }
        }
        span.next = max(span.next, min(result.nextOffset, limit))
    }

    /// Without `from`: the last `count` records that pass, found by looking back in growing strides. Nil where there are
    /// none or they were given already.
    private func lastLines() throws -> ByteBuffer? {
        let wanted = left
        guard wanted > 0, !hasGivenLast else { return nil }
        hasGivenLast = true
        var newest: [[UInt8]] = []
        for stride in RecordStream.strides {
            newest = []
            var reachesStart = true
            for span in spans {
                let visible = span.next
                let limit = min(visible, span.end ?? visible)
                var back = span
                back.next = max(span.partition.logStartOffset, limit + -stride)
                if back.next > span.partition.logStartOffset { reachesStart = false }
                while back.next < limit {
                    left = Int.max
                    try read(&back, upTo: limit, visible: visible) { newest.append(Array($0)) }
                    if newest.count > 2 * wanted + 1000 { newest.removeFirst(newest.count - wanted) }
                }
            }
            if newest.count >= wanted || reachesStart { break }
        }
        left = query.follow ? Int.max : 0
        guard !newest.isEmpty else { return nil }
        var lines = ByteBuffer()
        for line in newest.suffix(wanted) {
            lines.writeBytes(line)
            lines.writeInteger(UInt8(0x0A))
        }
        return lines
    }

    // MARK: Following

    /// False where the task was cancelled.
    private func waitForCommit() async -> Bool {
        var iterator: AsyncStream<Void>.Iterator
        if let wakeups {
            iterator = wakeups
        } else {
            let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
            listener = log.tail.addListener { continuation.yield() }
            iterator = stream.makeAsyncIterator()
            continuation.yield()
        }
        let hasMore = await iterator.next(isolation: self) != nil
        wakeups = iterator
        return hasMore
    }

    private func stopListening() {
        if let listener { log.tail.removeListener(listener) }
        listener = nil
        wakeups = nil
    }

    deinit {
        if let listener { log.tail.removeListener(listener) }
    }

    /// What `tail` shows without options.
    private static let defaultCount = 10
    private static let readBytes = 256 << 10
    private static let strides = [1 << 10, 1 << 14, 1 << 18, 1 << 22, Int(Int32.max)]
}

/// A query's lines as the API streams them.
struct RecordLines: AsyncSequence, Sendable {
    typealias Element = ByteBuffer
    typealias Failure = any Error

    let stream: RecordStream

    struct AsyncIterator: AsyncIteratorProtocol {
        let stream: RecordStream

        mutating func next() async throws -> ByteBuffer? {
            try await stream.next()
        }
    }

    func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(stream: stream)
    }
}
