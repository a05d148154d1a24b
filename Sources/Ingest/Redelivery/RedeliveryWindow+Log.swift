// Reads an input's last messages back from the log's tail.
internal import CommitLog
internal import EventModel
internal import Platform

/// Where the partitions of `readings` and `rejected` ended when all that an input had taken in was durable, and nothing of a
/// new connection was there yet: the input's last messages lie right before.
struct LogEnds {
    private(set) var partitions: [(partition: Partition, end: Offset)]

    init(_ log: PipelineLog) {
        partitions = (log.readings + [log.rejected]).map { ($0, $0.logEndOffset) }
    }
}

/// Walks back from an end of the log, in strides, until the input's last messages are found. Blocks for the disk.
struct RedeliveryReader: ~Copyable {
    /// How far back it looks in one partition: the records of all inputs count. Reading so many takes about a second.
    private static let recordsMax = 1 << 20
    private static let strideMax = 1 << 16
    private static let readBytes = 1 << 20

    private let reader: LogReader
    private let decoder = RecordDecoder()
    private let input: [UInt8]
    private let messagesMax: Int
    private var buffer = ReadBuffer()
    private var event = StoredEvent()
    private var window = RedeliveryWindow()

    init(log: CommitLog, input: String, messagesMax: Int) {
        reader = LogReader(log: log)
        self.input = Array(input.utf8)
        self.messagesMax = messagesMax
    }

    /// The last `messagesMax` messages of each partition before `ends`, or some more.
    consuming func window(before ends: LogEnds) throws(LogError) -> RedeliveryWindow {
        for (partition, end) in ends.partitions { try collect(partition, before: end) }
        return window
    }

    private mutating func collect(_ partition: Partition, before end: Offset) throws(LogError) {
        let start = max(partition.logStartOffset, end + -RedeliveryReader.recordsMax)
        var upper = end
        var stride = max(1, messagesMax)
        var messages = 0
        while upper > start, messages < messagesMax {
            stride = min(stride * 4, RedeliveryReader.strideMax)
            let lower = max(start, upper + -stride)
            messages += try walk(partition, lower..<upper, readableUpTo: end)
            upper = lower
        }
    }

    /// Notes what the input has in `range`; how many messages that were.
    private mutating func walk(
        _ partition: Partition,
        _ range: Range<Offset>,
        readableUpTo end: Offset
    ) throws(LogError) -> Int {
        var messages = 0
        var lastID: UInt16?
        var offset = range.lowerBound
        while offset < range.upperBound {
            let result: ReadResult
            do {
                result = try reader.read(
                    partition,
                    from: offset,
                    upTo: end,
                    maxBytes: RedeliveryReader.readBytes,
                    into: &buffer
                )
            } catch {
                switch error.code {
                case .damaged: offset = max(offset + 1, error.resumeAt ?? range.upperBound)
                case .offsetOutOfRange: offset = max(offset + 1, partition.logStartOffset)
                default: throw error
                }
                continue
            }
            guard !result.isEmpty else { break }
            offset = result.nextOffset
            var batches = buffer.batches
            while let batch = batches.next() {
                guard var records = try? decoder.open(batch) else { continue }
                while let record = try? records.next() {
                    guard range.contains(record.offset), let id = note(record, partition) else { continue }
                    if id != lastID { messages += 1 }
                    lastID = id
                }
            }
        }
        return messages
    }

    /// Its message id where the record came of a message of this input.
    private mutating func note(_ record: Record, _ partition: Partition) -> UInt16? {
        guard let name = RecordHeaders.value(of: "input", in: record), name.elementsEqual(input),
            let topic = RecordHeaders.value(of: "from", in: record), let value = record.value,
            let id = RecordHeaders.value(of: "mid", in: record).flatMap(RedeliveryReader.messageID)
        else { return nil }
        if partition.topicPartition.topic == .rejected {
            window.note(StoredPartPrint(messageID: id, topic: topic, payload: value))
        } else if event.decode(RawSpan(_unsafeBytes: value)) {
            window.note(StoredPartPrint(messageID: id, topic: topic, event: event, value: value))
        }
        return id
    }

    private static func messageID(_ text: UnsafeRawBufferPointer) -> UInt16? {
        text.count <= 5 ? UInt16(String(decoding: text, as: UTF8.self)) : nil
    }
}
