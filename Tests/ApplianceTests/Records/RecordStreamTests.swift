// Queries against a log: how much of it is held at once, and whom a long one keeps waiting.
import Appliance
import CommitLog
import Dispatch
import Foundation
import HTTPAPI
import NIOCore
import Platform
import Synchronization
import Testing

@Suite("Record queries", .timeLimit(.minutes(5)))
struct RecordStreamTests {
    private static let large = 900_000

    private func value(_ index: Int, bytes: Int) -> [UInt8] {
        Array("\(index) ".utf8) + [UInt8](repeating: UInt8(ascii: "x"), count: bytes)
    }

    /// The chunks of a query's answer, each by its size and the offsets of its lines.
    private func chunks(
        _ query: RecordQuery,
        _ stored: StoredLog
    ) async throws -> [(bytes: Int, offsets: [Int])] {
        struct Line: Decodable {
            var offset: Int
        }
        let readers = ThreadExecutor(name: "readers")
        let stream = try RecordStream(query, log: stored.log, executor: readers)
        var chunks: [(bytes: Int, offsets: [Int])] = []
        while let chunk = try await stream.next() {
            let lines = chunk.readableBytesView.split(separator: 0x0A)
            let offsets = try lines.map { try JSONDecoder().decode(Line.self, from: Data($0)).offset }
            chunks.append((chunk.readableBytes, offsets))
        }
        await readers.stop()
        return chunks
    }

    @Test(
        "the last records come in chunks of bounded size, however large they are, and however small as they are stored",
        arguments: [Compression.none, .lz4]
    )
    func lastLargeRecords(compression: Compression) async throws {
        let stored = try StoredLog()
        for index in 0..<60 {
            let value = value(index, bytes: RecordStreamTests.large)
            try stored.append(value, to: .rejected, compression: compression)
        }
        let chunks = try await chunks(RecordQuery(topic: "rejected", count: 40), stored)
        #expect(chunks.flatMap(\.offsets) == Array(20..<60))
        let lineMax = RecordStreamTests.large + 200
        #expect(chunks.allSatisfy { $0.bytes <= RecordStream.linesBytesMax + lineMax })
        #expect(chunks.count == 40, "a chunk is full with one such record")
    }

    @Test("many small records come in few chunks", arguments: [nil, RecordPosition.earliest])
    func smallRecords(from: RecordPosition?) async throws {
        let stored = try StoredLog()
        for index in 0..<2000 { try stored.append(value(index, bytes: 300), to: .rejected) }
        let chunks = try await chunks(RecordQuery(topic: "rejected", from: from, count: 1500), stored)
        #expect(chunks.flatMap(\.offsets) == Array(from == nil ? 500..<2000 : 0..<1500))
        #expect(chunks.allSatisfy { $0.bytes <= RecordStream.linesBytesMax + 1000 })
        #expect(chunks.count < 10)
    }

    @Test("following goes on behind the last records, and gives none twice")
    func followBehindLast() async throws {
        let stored = try StoredLog()
        for index in 0..<20 { try stored.append(value(index, bytes: 10), to: .rejected) }
        let readers = ThreadExecutor(name: "readers")
        let query = RecordQuery(topic: "rejected", count: 3, follow: true)
        let stream = try RecordStream(query, log: stored.log, executor: readers)
        var text = String(buffer: try #require(try await stream.next()))
        try stored.append(value(20, bytes: 10), to: .rejected)
        text += String(buffer: try #require(try await stream.next()))
        await readers.stop()
        let offsets = text.split(separator: "\n").compactMap { line in
            line.firstMatch(of: /"offset":([0-9]+)/).flatMap { Int($0.1) }
        }
        #expect(offsets == [17, 18, 19, 20])
    }

    /// A log of so many stretches that a query reads one after the other.
    private func manyStretches() throws -> StoredLog {
        let stored = try StoredLog()
        for index in 0..<30 { try stored.append(value(index, bytes: RecordStreamTests.large), to: .readings) }
        stored.disk.watch.withLock { $0.reads = 0 }
        return stored
    }

    private static let fruitless: [RecordQuery] = [
        RecordQuery(topic: "readings", from: .earliest, device: "nope"),
        RecordQuery(topic: "readings", device: "nope"),
    ]

    @Test("a query that nothing passes stops reading when its task is cancelled", arguments: fruitless)
    func cancelled(query: RecordQuery) async throws {
        let stored = try manyStretches()
        let readers = ThreadExecutor(name: "readers")
        let stream = try RecordStream(query, log: stored.log, executor: readers)
        let isCancelled = DispatchSemaphore(value: 0)
        let (reads, continuation) = AsyncStream.makeStream(of: Int.self)
        stored.disk.watch.withLock { watch in
            watch.onRead = { number in
                guard number == 1 else { return }
                continuation.yield(number)
                isCancelled.wait()
            }
        }
        let scan = Task { try await stream.next() }
        for await _ in reads { break }
        scan.cancel()
        isCancelled.signal()
        #expect(try await scan.value == nil)
        #expect(stored.disk.watch.withLock { $0.reads } <= 2, "the stretch under way, and no other")
        await readers.stop()
    }

    /// Says when a job is queued for `inner`.
    private final class AnnouncingExecutor: SerialExecutor {
        let inner: ThreadExecutor
        let queued = DispatchSemaphore(value: 0)

        init(_ inner: ThreadExecutor) {
            self.inner = inner
        }

        func enqueue(_ job: consuming ExecutorJob) {
            inner.enqueue(job)
            queued.signal()
        }
    }

    /// Somebody else who needs the readers' thread.
    private actor Neighbour {
        private let executor: AnnouncingExecutor
        nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

        init(_ executor: AnnouncingExecutor) {
            self.executor = executor
        }

        /// How often the log had been read when it was this one's turn.
        func reads(of disk: WatchedDisk) -> Int { disk.watch.withLock { $0.reads } }
    }

    @Test(
        "a query that nothing passes lets others have the readers' thread between two stretches",
        arguments: fruitless
    )
    func interleaved(query: RecordQuery) async throws {
        let stored = try manyStretches()
        let readers = ThreadExecutor(name: "readers")
        let stream = try RecordStream(query, log: stored.log, executor: readers)
        let announcing = AnnouncingExecutor(readers)
        let neighbour = Neighbour(announcing)
        let disk = stored.disk
        let (turns, continuation) = AsyncStream.makeStream(of: Int.self)
        disk.watch.withLock { watch in
            watch.onRead = { number in
                guard number == 1 else { return }
                Task { continuation.yield(await neighbour.reads(of: disk)) }
                // The query goes on when the other one's job stands behind it.
                announcing.queued.wait()
            }
        }
        #expect(try await stream.next() == nil)
        var turn: Int?
        for await reads in turns {
            turn = reads
            break
        }
        let all = disk.watch.withLock { $0.reads }
        #expect(all >= 30, "the query has read the log")
        #expect(try #require(turn) <= 2, "the other one came after the first stretch")
        await readers.stop()
    }
}
