// The records of a query as lines of JSON, read on demand, below the high watermark, and followed where asked.
package import CommitLog
internal import EventModel
package import HTTPAPI
package import NIOCore
package import Platform

/// One query being answered. Its reads block, so it runs on the readers' thread and not on Swift's pool.
///
/// Partitions are read one after the other in the order of their numbers; while following, in turns.
package actor RecordStream {
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
    private var walk: RecordWalk
    private var filter: RecordFilter
    private var line = RecordLine()
    private var spans: [Span] = []
    private var left: Int
    private var hasFoundLast = false
    private var wakeups: AsyncStream<Void>.Iterator?
    private var listener: LogTail.ListenerID?

    nonisolated package var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// - Throws: `APIFailure` where the query names no topic or partition of the log, or wants too many of the last records.
    package init(_ query: RecordQuery, log: CommitLog, executor: ThreadExecutor) throws {
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
        walk = RecordWalk(log: log)
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

    /// The next lines, each with its newline, `linesBytesMax` or one longer line of them; nil at the end, and where the task
    /// was cancelled.
    ///
    /// Between two stretches of the log the readers' thread is given to whoever else waits for it: a query whose filter
    /// nothing passes reads all of the log before it returns.
    package func next() async throws -> ByteBuffer? {
        if query.from == nil, !hasFoundLast { try await findLast() }
        while left > 0, !Task.isCancelled {
            switch try readStretch() {
            case .lines(let lines): return lines
            case .nothing: await Task.yield()
            case .caughtUp:
                guard !hasReachedEnd(), await waitForCommit() else {
                    stopListening()
                    return nil
                }
            }
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

    private enum Outcome {
        case lines(ByteBuffer)
        /// Records, none of which passed.
        case nothing
        /// Every partition was read as far as it goes now.
        case caughtUp
    }

    /// Reads one stretch of the first span that has something left.
    private func readStretch() throws -> Outcome {
        let snapshot = log.snapshot()
        for index in spans.indices {
            let span = spans[index]
            let visible = snapshot.highWatermark(of: span.partition)
            let limit = min(visible, span.end ?? Offset(.max))
            guard span.next < limit else { continue }
            var lines = ByteBuffer()
            spans[index].next = try walk.stretch(of: span.partition, from: span.next, upTo: limit, visible: visible) {
                record in
                guard filter.accepts(record) else { return true }
                line.encode(record, of: span.partition.topicPartition)
                lines.writeBytes(line.bytes)
                lines.writeInteger(UInt8(0x0A))
                left -= 1
                return left > 0 && lines.readableBytes < RecordStream.linesBytesMax
            }
            return lines.readableBytes > 0 ? .lines(lines) : .nothing
        }
        return .caughtUp
    }

    /// Without `from`: moves the spans to where the last records that pass begin, looking back in growing strides. Only the
    /// places of records are kept, so that it does not matter how large they are; they are read again from there.
    private func findLast() async throws {
        hasFoundLast = true
        var last = LastPlaces(count: left)
        for stride in RecordStream.strides {
            last.removeAll()
            var reachesStart = true
            for index in spans.indices {
                let span = spans[index]
                let limit = min(span.next, span.end ?? span.next)
                var next = max(span.partition.logStartOffset, limit + -stride)
                if next > span.partition.logStartOffset { reachesStart = false }
                while next < limit {
                    guard !Task.isCancelled else { return }
                    next = try walk.stretch(of: span.partition, from: next, upTo: limit, visible: span.next) { record in
                        if filter.accepts(record) { last.append(span: index, record.offset) }
                        return true
                    }
                    await Task.yield()
                }
            }
            if last.isFull || reachesStart { break }
        }
        for index in spans.indices {
            let limit = min(spans[index].next, spans[index].end ?? spans[index].next)
            spans[index].next = last.first(ofSpan: index) ?? limit
        }
        // What lies between there and the end is as many as were wanted.
        left = .max
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
    /// Lines that are held at once: enough to amortise the write, and little for each of the clients there may be.
    package static let linesBytesMax = 256 << 10
    private static let strides = [1 << 10, 1 << 14, 1 << 18, 1 << 22, Int(Int32.max)]
}

/// Where the last so many records of several spans are, that are gone through one after the other.
private struct LastPlaces {
    private let count: Int
    private var places: [(span: Int, offset: Offset)] = []
    /// The oldest one, once there are as many as are wanted.
    private var oldest = 0

    init(count: Int) {
        self.count = count
    }

    var isFull: Bool { places.count >= count }

    mutating func removeAll() {
        places.removeAll(keepingCapacity: true)
        oldest = 0
    }

    mutating func append(span: Int, _ offset: Offset) {
        guard isFull else { return places.append((span, offset)) }
        guard count > 0 else { return }
        places[oldest] = (span, offset)
        oldest = (oldest + 1) % count
    }

    func first(ofSpan span: Int) -> Offset? {
        places.lazy.filter { $0.span == span }.map(\.offset).min()
    }
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
