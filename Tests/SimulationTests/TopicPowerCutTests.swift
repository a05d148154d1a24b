// Power cuts while topics come, change and go: at every call of the disk, with every mixture of what arrived.
import CommitLog
import Platform
import Synchronization
import Testing

@Suite("Topics and power cuts")
struct TopicPowerCutTests {
    enum Step: String, CaseIterable {
        case create, delete, alter, deleteRecords
    }

    private static let directory = "/data"
    private static let partitions: Int32 = 3
    private static let id = UniqueIdentifier(high: 7, low: 9)
    private static let settings = TopicConfiguration(partitions: Int(partitions), segmentBytes: ByteCount(200))
    private static let altered = TopicConfiguration(
        partitions: Int(partitions),
        retention: .seconds(1_000_000),
        segmentBytes: ByteCount(400)
    )

    private static func change(_ step: Step, _ topic: TopicName) -> TopicChange {
        switch step {
        case .create: .create(topic, settings, id: id)
        case .delete: .delete(topic)
        case .alter: .alter(topic, by: { $0 = Self.altered })
        case .deleteRecords:
            .deleteRecords(TopicPartition(topic: topic, partition: PartitionIndex(1)), before: Offset(3))
        }
    }

    private struct Outcome {
        var cuts = 0
        var whole = 0
        var gone = 0
        var faults: [String] = []
    }

    /// One life of the process: a log, its writer, and what it makes of things.
    private struct Box {
        let log: CommitLog
        let writer: LogWriter

        init(_ disk: any Disk, _ clock: SimulatedClock) throws {
            let topics: [TopicName: TopicConfiguration] = [.readings: .init()]
            let configuration = LogConfiguration(directory: directory, topics: topics, keepFreeFraction: 0)
            log = try CommitLog.open(configuration, disk: disk, clock: clock, access: .readWrite)
            writer = log.makeWriter(syncHelpersMax: 0)
        }

        /// nil where it was not answered.
        func change(_ change: TopicChange) -> Bool? {
            let answer = Answer()
            log.change(change) { result in
                if case .success = result { answer.isDone.withLock { $0 = true } }
                if case .failure = result { answer.isDone.withLock { $0 = false } }
            }
            for _ in 0..<40 where writer.step(waitUpTo: .zero) != .failed {}
            return answer.isDone.withLock { $0 }
        }

        func append(_ value: String, to partition: Partition) {
            let builder = BatchBuilder(pool: log.pool)
            let isAdded = Array(value.utf8).withUnsafeBytes {
                builder.append(
                    timestamp: Timestamp(milliseconds: 1),
                    key: nil,
                    value: $0,
                    headers: UnsafeRawBufferPointer(start: nil, count: 0),
                    headerCount: 0
                )
            }
            precondition(isAdded)
            _ = log.inbox.offer(builder.seal(compression: .none), to: partition)
            _ = writer.step(waitUpTo: .zero)
        }

        func values(_ partition: Partition) throws -> [String] {
            let reader = LogReader(log: log)
            var buffer = ReadBuffer()
            var values: [String] = []
            var offset = partition.logStartOffset
            while offset < partition.logEndOffset {
                let end = partition.logEndOffset
                let result = try reader.read(partition, from: offset, upTo: end, maxBytes: 4096, into: &buffer)
                var batches = buffer.batches
                while let batch = batches.next() {
                    var cursor = try RecordDecoder().open(batch)
                    while let record = try cursor.next() {
                        if record.offset < offset { continue }
                        values.append(String(decoding: record.value ?? .init(start: nil, count: 0), as: UTF8.self))
                    }
                }
                if result.isEmpty { break }
                offset = result.nextOffset
            }
            return values
        }
    }

    private final class Answer: Sendable {
        let isDone = Mutex<Bool?>(nil)
    }

    /// Cuts the power at the first call of the disk in `step`, then at the second, until the step lives to its end; each
    /// with several mixtures of what was not synced.
    private func cut(in step: Step, planted: PlantedBug? = nil) throws -> Outcome {
        let orders = try #require(TopicName("orders"))
        var outcome = Outcome()
        for calls in 0..<400 {
            var isOver = false
            for seed in 0..<UInt64(6) {
                let disk = SimulatedDisk(directory: Self.directory, dice: Dice(seed: seed &* 977 &+ 1), trace: Trace())
                let seam: any Disk = planted.map { PlantedDisk(disk: disk, bug: $0) } ?? disk
                let clock = SimulatedClock(drift: 0)
                let box = try Box(seam, clock)
                if let readings = box.log.partitions.first { box.append("kept", to: readings) }
                if step != .create {
                    _ = box.change(Self.change(.create, orders))
                    for partition in box.log.partitions where partition.topicPartition.topic == orders {
                        for value in ["a", "b", "c", "d"] { box.append(value, to: partition) }
                    }
                }
                disk.armed.arm(.powerCut, after: calls)
                let isDone = box.change(Self.change(step, orders))
                isOver = isOver || !disk.isDead
                if disk.isDead { outcome.cuts += 1 }
                disk.armed = ArmedFaults()
                disk.cutPower()
                disk.restorePower()
                clock.boot(at: 5)
                for start in 1...2 {
                    let name = "cut in \(step.rawValue) after \(calls) calls, seed \(seed), start \(start)"
                    do {
                        let found = try faults(Box(seam, clock), after: step, isDone == true, orders, &outcome)
                        outcome.faults += found.map { "\(name): \($0)" }
                    } catch {
                        outcome.faults.append("\(name): \(error)")
                    }
                    disk.killProcess()
                }
            }
            if isOver { return outcome }
        }
        return outcome
    }

    private func faults(
        _ box: Box,
        after step: Step,
        _ isDone: Bool,
        _ orders: TopicName,
        _ outcome: inout Outcome
    ) throws -> [String] {
        var faults: [String] = []
        if box.log.recoveryReport.foundLoss { faults.append("a loss") }
        if let readings = box.log.partitions.last, try box.values(readings) != ["kept"] {
            faults.append("others changed")
        }
        guard let topic = box.log.topics.first(where: { $0.name == orders }) else {
            outcome.gone += 1
            let mayBeGone = step == .delete || (step == .create && !isDone)
            return faults + (mayBeGone ? [] : ["the topic is gone"])
        }
        outcome.whole += 1
        if step == .delete && isDone { faults.append("the topic is back") }
        if topic.id != Self.id || topic.partitions.contains(where: { $0.topicID != Self.id }) { faults.append("ids") }
        let configurations =
            step == .alter ? (isDone ? [Self.altered] : [Self.altered, Self.settings]) : [Self.settings]
        if !configurations.contains(topic.configuration) { faults.append("\(topic.configuration)") }
        if Set(topic.partitions.map(\.configuration)).count != 1 { faults.append("partitions disagree") }
        for (number, partition) in topic.partitions.enumerated() {
            let values = try box.values(partition)
            let isCut = step == .deleteRecords && number == 1 && values == ["d"]
            let mustBeCut = step == .deleteRecords && number == 1 && isDone
            let isWhole = values == (step == .create ? [] : ["a", "b", "c", "d"])
            if mustBeCut ? !isCut : !(isWhole || isCut) { faults.append("partition \(number) holds \(values)") }
        }
        return faults
    }

    @Test("a power cut at any call of a change leaves the topic as before or as after", arguments: Step.allCases)
    func everyCall(_ step: Step) throws {
        let outcome = try cut(in: step)
        print("power cuts in \(step.rawValue): \(outcome.cuts), then whole \(outcome.whole), gone \(outcome.gone)")
        #expect(outcome.faults == [])
        #expect(outcome.cuts > 12)
        if step == .create || step == .delete { #expect(outcome.whole > 0 && outcome.gone > 0) }
    }

    @Test("a log that did not sync its directories would be caught", arguments: [Step.create, .delete])
    func twin(_ step: Step) throws {
        #expect(try !cut(in: step, planted: .noDirectorySync).faults.isEmpty)
    }
}
