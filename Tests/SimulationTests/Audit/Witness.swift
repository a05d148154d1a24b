// Sees every batch as soon as a reader may see it, remembers its bytes, and asks for them again after every crash.
import CommitLog
import EventModel
import Platform

final class Witness {
    struct Seen {
        var base: Int64
        var end: Int64
        var at: Int
        var byteCount: Int
    }

    struct History {
        var batches: [Seen] = []
        var bytes: [UInt8] = []
        /// The first offset that no reader has seen.
        var next: Int64 = 0
    }

    /// By topic.
    private(set) var histories: [TopicName: History] = [:]
    /// Batches whose bytes were changed at rest: the only ones that may be missing, if it is said.
    private var hit: [TopicName: Set<Int64>] = [:]
    /// How often each scripted item stands in the log.
    private(set) var copies: [Int] = []
    private(set) var verifiedRecords = 0
    private(set) var edges: [Int64: String] = [:]
    private var reader: (log: ObjectIdentifier, reader: LogReader)?
    private let decoder = RecordDecoder()
    private var buffer = ReadBuffer()
    private var event = StoredEvent()

    // MARK: Seeing

    /// Reads what has become visible.
    func look(at log: CommitLog, _ sender: Sender) throws {
        if reader?.log != ObjectIdentifier(log) { reader = (ObjectIdentifier(log), LogReader(log: log)) }
        guard let reader = reader?.reader else { return }
        let snapshot = log.snapshot()
        for partition in log.partitions {
            let topic = partition.topicPartition.topic
            let end = snapshot.highWatermark(of: partition)
            while histories[topic, default: History()].next < end.value {
                let from = max(Offset(histories[topic]?.next ?? 0), partition.logStartOffset)
                let result: ReadResult
                do {
                    result = try reader.read(partition, from: from, upTo: end, maxBytes: 64 << 10, into: &buffer)
                } catch {
                    throw Violation("\(topic): what is visible cannot be read: \(error)")
                }
                if result.isEmpty { histories[topic, default: History()].next = end.value }
                var batches = buffer.batches
                while let batch = batches.next() { try remember(batch, partition, sender) }
            }
        }
    }

    private func remember(_ batch: RecordBatchView, _ partition: Partition, _ sender: Sender) throws {
        let topic = partition.topicPartition.topic
        let base = batch.baseOffset.value
        try expectContinuity(partition, from: histories[topic]?.next ?? 0, to: base)
        histories[topic, default: History()].batches.append(
            Seen(
                base: base,
                end: batch.endOffset.value,
                at: histories[topic]?.bytes.count ?? 0,
                byteCount: batch.bytes.count
            )
        )
        histories[topic]?.bytes.append(contentsOf: batch.bytes)
        histories[topic]?.next = batch.endOffset.value
        guard topic != .system, topic != .gaps else { return }
        var cursor = try decoder.open(batch)
        while let record = try cursor.next() {
            guard let value = record.value else { throw Violation("\(topic) \(record.offset): no value") }
            switch topic {
            case .readings: try note(event: value, at: record.offset, sender)
            case .rejected: try note(reject: value, at: record.offset, sender)
            default: try note(edge: value, at: record.offset)
            }
        }
    }

    private func expectContinuity(_ partition: Partition, from: Int64, to: Int64) throws {
        guard from != to else { return }
        let start = partition.logStartOffset.value
        if from < start && to == start { return }
        let isKnown = partition.gaps.contains { $0.from.value <= max(from, start) && $0.to.value >= to }
        guard from < to, isKnown else {
            throw Violation("\(partition.topicPartition): offset \(to) follows \(from), and no gap says why")
        }
    }

    private func note(event value: UnsafeRawBufferPointer, at offset: Offset, _ sender: Sender) throws {
        guard event.decode(RawSpan(_unsafeBytes: value)), let number = event.sequence.map({ Int($0) }) else {
            throw Violation("readings \(offset): no event of the script")
        }
        guard sender.script.items.indices.contains(number), let device = sender.script.items[number].device else {
            throw Violation("readings \(offset): nobody sent item \(number)")
        }
        let temperature = event.readings.first.map { Int(($0.value * 100).rounded()) }
        guard value[event.device.start + event.device.count - 1] == UInt8(ascii: "0") + UInt8(device),
            temperature == sender.script.items[number].temperature
        else { throw Violation("readings \(offset): item \(number) is not as it was sent") }
        count(number)
    }

    private func note(reject value: UnsafeRawBufferPointer, at offset: Offset, _ sender: Sender) throws {
        var number = 0
        for digit in value.dropFirst().prefix(while: { $0 != UInt8(ascii: "?") }) {
            number = number &* 10 &+ Int(digit &- UInt8(ascii: "0"))
        }
        guard value.first == UInt8(ascii: "?"), sender.script.items.indices.contains(number) else {
            throw Violation("rejected \(offset): nobody sent this")
        }
        let payload = sender.script.payloads[sender.script.items[number].payload]
        guard payload.bytes.elementsEqual(value) else {
            throw Violation("rejected \(offset): payload \(number) is not as it was sent")
        }
        count(number)
    }

    private func count(_ number: Int) {
        while copies.count <= number { copies.append(0) }
        copies[number] += 1
        verifiedRecords += 1
    }

    private func note(edge value: UnsafeRawBufferPointer, at offset: Offset) throws {
        edges[offset.value] = try EdgeAudit.identity(of: value, at: offset)
        verifiedRecords += 1
    }

    // MARK: Asking again

    /// Notes that a bit of the batch at `base` was flipped.
    func noteHit(_ topic: TopicName, batch base: Int64) {
        hit[topic, default: []].insert(base)
    }

    var hasHits: Bool { !hit.isEmpty }

    /// Whether a batch was changed at rest.
    func isHit(_ topic: TopicName, _ base: Int64) -> Bool { hit[topic]?.contains(base) ?? false }

    /// After a recovery: all that was ever visible is there with its bytes, but for what retention deleted.
    func verify(_ log: CommitLog) throws {
        for partition in log.partitions {
            let topic = partition.topicPartition.topic
            guard let history = histories[topic] else { continue }
            guard partition.logEndOffset.value >= history.next else {
                throw Violation(
                    "\(topic): readers saw offsets up to \(history.next), the log ends at \(partition.logEndOffset)"
                )
            }
            try verify(history, partition, log)
        }
    }

    private func verify(_ history: History, _ partition: Partition, _ log: CommitLog) throws {
        let topic = partition.topicPartition.topic
        let reader = LogReader(log: log)
        let start = partition.logStartOffset
        var at = start
        var index = history.batches.firstIndex { $0.base >= start.value } ?? history.batches.count
        while index < history.batches.count {
            do {
                let result = try reader.read(
                    partition,
                    from: at,
                    upTo: partition.logEndOffset,
                    maxBytes: 64 << 10,
                    into: &buffer
                )
                guard !result.isEmpty else { break }
                at = result.nextOffset
            } catch {
                guard error.code == .damaged else { throw Violation("\(topic): cannot be read again: \(error)") }
                let resumeAt = error.resumeAt ?? partition.logEndOffset
                try skipHits(history, &index, before: resumeAt.value, topic)
                at = resumeAt
                continue
            }
            var batches = buffer.batches
            while let batch = batches.next(), index < history.batches.count {
                if history.batches[index].base < batch.baseOffset.value {
                    let missing = history.batches[index]
                    guard
                        partition.gaps.contains(where: { $0.from.value <= missing.base && $0.to.value >= missing.end })
                    else { throw Violation("\(topic): offset \(missing.base) was visible and is gone") }
                    try skipHits(history, &index, before: batch.baseOffset.value, topic)
                }
                guard index < history.batches.count, history.batches[index].base == batch.baseOffset.value else {
                    continue
                }
                let seen = history.batches[index]
                let bytes = history.bytes[seen.at..<(seen.at + seen.byteCount)]
                // The leader epoch, bytes 12 to 15, lies outside the checksum: a bit flipped there is not found.
                let isSame =
                    isHit(topic, seen.base)
                    ? bytes.dropFirst(16).elementsEqual(batch.bytes.dropFirst(16)) : bytes.elementsEqual(batch.bytes)
                guard isSame else { throw Violation("\(topic): the batch at \(seen.base) has changed") }
                index += 1
            }
        }
        try skipHits(history, &index, before: .max, topic)
    }

    /// Passes batches that a flipped bit has cost, and only those.
    private func skipHits(_ history: History, _ index: inout Int, before offset: Int64, _ topic: TopicName) throws {
        while index < history.batches.count, history.batches[index].base < offset {
            guard isHit(topic, history.batches[index].base) else {
                throw Violation(
                    "\(topic): the batch at \(history.batches[index].base) was visible and is gone; "
                        + "damaged at rest: \(hit[topic]?.sorted() ?? [])"
                )
            }
            index += 1
        }
    }
}
