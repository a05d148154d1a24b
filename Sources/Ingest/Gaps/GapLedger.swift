// What one input loses, summed up for a second and written to topic `gaps`.
internal import CommitLog
internal import EventModel
internal import Platform

/// Owned by the input's thread. Every loss is in here until its record is with the log: sums are exact, and a process that is
/// killed loses those of its last second.
///
/// Its batches are offered by themselves and not with those of the readings: on a full disk topic `gaps` goes on from the
/// reserve while `readings` waits.
struct GapLedger: ~Copyable {
    /// At most one record for each kind (and device) in this time.
    private static let interval = Duration.seconds(1)

    private struct Loss {
        var count: UInt64 = 0
        var first = Timestamp(milliseconds: 0)
        var last = Timestamp(milliseconds: 0)
    }

    private let partition: Partition
    private let input: String
    private let counters: InputCounters
    private let builder: BatchBuilder
    private var losses = [Loss](repeating: Loss(), count: GapKind.allCases.count)
    private var hasLosses = false
    /// Sealed, and not taken by the inbox yet; while there is one no other is made.
    private var waiting: [(Partition, SealedBatch)] = []
    private var nextWrite = MonotonicInstant(nanoseconds: 0)

    init(partition: Partition, pool: BatchBufferPool, input: String, counters: InputCounters) {
        self.partition = partition
        self.input = input
        self.counters = counters
        builder = BatchBuilder(pool: pool)
    }

    /// Enters a loss. `kind`: one of an input.
    mutating func note(_ kind: GapKind, _ count: UInt64, at time: Timestamp) {
        guard count > 0, let index = GapKind.allCases.firstIndex(of: kind) else { return }
        if losses[index].count == 0 { losses[index].first = time }
        losses[index].count &+= count
        losses[index].last = time
        hasLosses = true
    }

    /// Whether there is something to write, and it is time to.
    func isDue(hasSequenceGaps: Bool, now: MonotonicInstant) -> Bool {
        (hasLosses || hasSequenceGaps || !waiting.isEmpty) && now >= nextWrite
    }

    /// Whether records are made of what was entered: not while the log has not taken the ones before.
    var isWritable: Bool { waiting.isEmpty }

    /// Makes a record of one device's lost numbers. Only while `isWritable`.
    mutating func write(_ gap: SequenceGap, device: String?) {
        write(.sequence, gap.missing, device)
        write(.sequenceLate, gap.late, device)
    }

    private mutating func write(_ kind: GapKind, _ span: SequenceGap.Span?, _ device: String?) {
        guard let span else { return }
        var record = GapRecord(kind: kind, count: span.count, first: span.first, last: span.last)
        record.device = device
        if device != nil {
            record.from = Int64(clamping: span.from)
            record.to = Int64(clamping: span.to)
        }
        append(&record)
    }

    /// Makes records of all that was entered, and offers them; what the log does not take stays here.
    mutating func offer(to inbox: BatchInbox, now: MonotonicInstant) {
        if waiting.isEmpty {
            for (index, kind) in GapKind.allCases.enumerated() where losses[index].count > 0 {
                let loss = losses[index]
                var record = GapRecord(kind: kind, count: loss.count, first: loss.first, last: loss.last)
                append(&record)
                losses[index] = Loss()
            }
            hasLosses = false
            seal()
        }
        guard !waiting.isEmpty else { return }
        nextWrite = now.advanced(by: GapLedger.interval)
        if case .accepted = inbox.offer(waiting) { waiting.removeAll(keepingCapacity: true) }
    }

    private mutating func append(_ record: inout GapRecord) {
        record.input = input
        if !put(record) {
            seal()
            _ = put(record)
        }
        counters.countGap(record.kind, by: record.count)
    }

    private func put(_ record: GapRecord) -> Bool {
        record.key.withUnsafeBytes { key in
            record.encode().withUnsafeBytes { value in
                builder.append(
                    timestamp: record.last,
                    key: key,
                    value: value,
                    headers: UnsafeRawBufferPointer(start: nil, count: 0),
                    headerCount: 0
                )
            }
        }
    }

    private mutating func seal() {
        guard builder.recordCount > 0 else { return }
        waiting.append((partition, builder.seal(compression: partition.configuration.compression)))
    }
}
