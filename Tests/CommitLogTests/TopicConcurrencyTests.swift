// Topics that come, change and go while others are written and read, on threads of their own.
import CommitLog
import Platform
import Synchronization
import Testing

@Suite("Topics under load")
struct TopicConcurrencyTests {
    /// What the threads met that should not be.
    private final class Findings: Sendable {
        let faults = Mutex<[String]>([])
        let isOver = Atomic<Bool>(false)
        /// Records that the threads have read, and topics that readers saw go.
        let read = Atomic<Int>(0)
        let goneWhileRead = Atomic<Int>(0)

        func note(_ fault: String) { faults.withLock { if $0.count < 20 { $0.append(fault) } } }
    }

    /// Reads a partition from its start as long as it is there; each record's value is its offset.
    private static func follow(_ log: CommitLog, _ partition: Partition, upTo total: Int64, _ findings: Findings) {
        let reader = LogReader(log: log)
        let decoder = RecordDecoder()
        var buffer = ReadBuffer()
        var next = partition.logStartOffset
        do {
            while next.value < total, !findings.isOver.load(ordering: .acquiring) {
                let generation = log.tail.generation
                let limit = max(next, log.snapshot().highWatermark(of: partition))
                let result: ReadResult
                do {
                    result = try reader.read(partition, from: next, upTo: limit, maxBytes: 500, into: &buffer)
                } catch {
                    if error.code == .unknownPartition, partition.isDeleted {
                        findings.goneWhileRead.add(1, ordering: .relaxed)
                        return
                    }
                    // Deleted by hand.
                    guard error.code == .offsetOutOfRange, next < partition.logStartOffset else { throw error }
                    next = partition.logStartOffset
                    continue
                }
                var batches = buffer.batches
                while let batch = batches.next() {
                    var cursor = try decoder.open(batch)
                    while let record = try cursor.next() {
                        if record.offset < next { continue }
                        let value = record.value.map { String(decoding: $0, as: UTF8.self) }
                        if record.offset != next || value != "\(next)" {
                            findings.note("\(partition.topicPartition) \(next): \(record.offset), \(value ?? "none")")
                        }
                        next = next + 1
                        findings.read.add(1, ordering: .relaxed)
                    }
                }
                if result.isEmpty { _ = log.tail.wait(after: generation, timeout: .seconds(30)) }
            }
        } catch {
            findings.note("\(partition.topicPartition) at \(next): \(error)")
        }
    }

    /// Appends records whose values are their offsets, one batch after the other, until `total` or the partition goes.
    private static func fill(_ log: CommitLog, _ partition: Partition, total: Int64, _ findings: Findings) {
        let builder = BatchBuilder(pool: log.pool)
        var next: Int64 = 0
        while next < total {
            let count = min(total - next, 1 + next % 3)
            for value in next..<next + count {
                let isAdded = builder.add(timestamp: value, key: "k", value: "\(value)")
                precondition(isAdded)
            }
            let batch = builder.seal(compression: .none)
            guard case .accepted(let ticket) = log.inbox.offer(batch, to: partition) else {
                return findings.note("\(partition.topicPartition): refused")
            }
            let outcome = log.inbox.wait(for: ticket, timeout: .seconds(60))
            guard outcome == .durable else { return findings.note("\(partition.topicPartition): \(outcome)") }
            guard let base = batch.baseOffset else {
                if !partition.isDeleted { findings.note("\(partition.topicPartition): not written") }
                return
            }
            if base.value != next { findings.note("\(partition.topicPartition): \(base) is not \(next)") }
            next += count
        }
    }

    @Test("readers and writers of other topics notice nothing, those of a topic that goes are told")
    func load() throws {
        let directory = try TemporaryDirectory()
        let fixture = try LogFixture(directory.path, disk: FaultyDisk(), segmentBytes: 2000)
        let (log, readings, findings) = (fixture.log, try fixture.partition(), Findings())
        let writer = Owned(fixture.writer)
        let total: Int64 = 3000
        let writing = PlatformThread(name: "writer") {
            while !findings.isOver.load(ordering: .acquiring) {
                if writer.value.step(waitUpTo: .milliseconds(100)) == .failed { return findings.note("poisoned") }
            }
            writer.value.close()
        }
        var threads = [
            PlatformThread(name: "fill") { Self.fill(log, readings, total: total, findings) },
            PlatformThread(name: "follow") { Self.follow(log, readings, upTo: total, findings) },
        ]
        for round in 0..<40 {
            let answer = log.ask(.create(.orders, .init(partitions: 1 + round % 3), id: .random())).wait()
            let topic = try #require(log.topics.first { $0.name == .orders }, "round \(round): \(answer)")
            let partition = try #require(topic.partitions.last)
            let pair = [
                PlatformThread(name: "fill") { Self.fill(log, partition, total: total, findings) },
                PlatformThread(name: "follow") { Self.follow(log, partition, upTo: total, findings) },
            ]
            threads += pair
            let generation = log.tail.generation
            _ = log.tail.wait(after: generation + UInt64(round % 5), timeout: .seconds(30))
            var settings = topic.configuration
            settings.partitions += 1
            settings.segmentBytes = ByteCount(Int64(300 + round * 50))
            #expect(log.ask(.alter(.orders, to: settings)).wait() == .done)
            let end = partition.logEndOffset
            #expect(log.ask(.deleteRecords(partition.topicPartition, before: end)).wait() == .done)
            #expect(partition.logStartOffset == end)
            #expect(log.ask(.delete(.orders)).wait() == .done)
            #expect(log.topics.map(\.name) == [.readings])
        }
        for thread in threads { thread.join() }
        findings.isOver.store(true, ordering: .releasing)
        writing.join()
        #expect(findings.faults.withLock { $0 } == [])
        #expect(findings.goneWhileRead.load(ordering: .relaxed) > 0)
        #expect(findings.read.load(ordering: .relaxed) >= Int(total))
        let again = try LogFixture(directory.path, disk: FaultyDisk(), segmentBytes: 2000)
        #expect(try again.values() == (0..<total).map { "\($0)" })
        #expect(again.log.topics.map(\.name) == [.readings])
        #expect(try logNames(directory) == ["readings-0"])
    }
}
