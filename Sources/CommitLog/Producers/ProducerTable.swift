// What a partition remembers of the producers that number their batches: enough to tell a batch that came before from one
// that is new, and one that is missing from one that is next.
//
// The rules are Kafka's (idempotent producers):
//
// | The batch                                              | Outcome                               |
// |--------------------------------------------------------|---------------------------------------|
// | of an id that is not known, or not any more            | append, whatever its sequence         |
// | of an older epoch than the last                        | fenced                                |
// | of a newer epoch, beginning at 0                       | append                                |
// | of a newer epoch, beginning elsewhere                  | out of order                          |
// | of this epoch, its sequences those of one of the last 5 | duplicate: the offset of that one     |
// | of this epoch, its first sequence the next             | append                                |
// | of this epoch, anything else                           | out of order                          |
//
// Producers keep at most five batches under way, so five are exactly enough.
internal import Platform

/// Owned by the log-writer thread (by the opening thread before that). The same batches in the same order make the same table,
/// whether they are appended or read back.
struct ProducerTable {
    /// One of a producer's last batches.
    struct Batch: Hashable, Sendable, BitwiseCopyable {
        var firstSequence: Int32
        var lastSequence: Int32
        var baseOffset: Offset
    }

    struct Entry: Hashable, Sendable {
        var epoch: Int16
        /// The oldest first, 1 to 5.
        var batches: [Batch]
        /// Whether batches may have followed the last one that are lost to damage or compaction: then any sequence may be
        /// the next.
        var isUncertain = false
        /// When the last batch was appended, or a later time; nil where nobody knows.
        var lastAppend: AppendTime?

        /// Where the last batch begins: of two producers the one with the smaller offset has been idle for longer.
        fileprivate var lastOffset: Offset { batches.last?.baseOffset ?? .zero }
    }

    enum Judgement: Hashable {
        case append
        case duplicate(Offset)
        case outOfOrder
        case fenced
    }

    /// As many of a producer's batches as Kafka's clients keep under way at most.
    static let batchesMax = 5

    private(set) var entries: [Int64: Entry] = [:]
    /// Of the producers that the commit in work has touched, what was known before; nil for nothing.
    private var before: [Int64: Entry?] = [:]
    /// The table holds what came below this offset; read back on from there. Not moved by `append`.
    private(set) var end: Offset

    init(end: Offset = .zero, entries: [Int64: Entry] = [:]) {
        self.end = end
        self.entries = entries
    }

    // MARK: - Appending

    /// Whether a batch of `count` records may be appended now. Nothing has changed on return.
    func judge(_ producer: BatchProducer, count: Int32) -> Judgement {
        guard let known = entries[producer.id] else { return .append }
        guard producer.epoch >= known.epoch else { return .fenced }
        guard producer.epoch == known.epoch else {
            return producer.baseSequence == 0 || known.isUncertain ? .append : .outOfOrder
        }
        let last = BatchProducer.sequence(producer.baseSequence, advancedBy: count - 1)
        let same = known.batches.first { $0.firstSequence == producer.baseSequence && $0.lastSequence == last }
        if let same { return .duplicate(same.baseOffset) }
        guard let newest = known.batches.last, !known.isUncertain else { return .append }
        let next = BatchProducer.sequence(newest.lastSequence, advancedBy: 1)
        return producer.baseSequence == next ? .append : .outOfOrder
    }

    /// Takes note of a batch of `count` records at `offset`: until `commit` or `rollBack` for the time being.
    mutating func append(_ producer: BatchProducer, count: Int32, at offset: Offset, _ time: AppendTime) {
        keep(producer.id)
        note(producer, count: count, at: offset, time)
        if let idle = excess() {
            keep(idle)
            entries[idle] = nil
        }
    }

    private mutating func keep(_ id: Int64) {
        if !before.keys.contains(id) { before.updateValue(entries[id], forKey: id) }
    }

    /// What was noted is durable.
    mutating func commit() {
        if !before.isEmpty { before.removeAll(keepingCapacity: true) }
    }

    /// Forgets what was noted since the last commit.
    mutating func rollBack() {
        guard !before.isEmpty else { return }
        for (id, known) in before { entries[id] = known }
        before.removeAll(keepingCapacity: true)
    }

    private mutating func note(_ producer: BatchProducer, count: Int32, at offset: Offset, _ time: AppendTime?) {
        let last = BatchProducer.sequence(producer.baseSequence, advancedBy: count - 1)
        let batch = Batch(firstSequence: producer.baseSequence, lastSequence: last, baseOffset: offset)
        guard var known = entries.removeValue(forKey: producer.id), known.epoch == producer.epoch else {
            entries[producer.id] = Entry(epoch: producer.epoch, batches: [batch], lastAppend: time)
            return
        }
        if known.batches.count == ProducerTable.batchesMax { known.batches.removeFirst() }
        known.batches.append(batch)
        known.isUncertain = false
        known.lastAppend = time
        entries[producer.id] = known
    }

    /// The producer that has been idle for longest, where there are too many.
    private func excess() -> Int64? {
        guard entries.count > Limits.producersMax else { return nil }
        return entries.min { $0.value.lastOffset < $1.value.lastOffset }?.key
    }

    // MARK: - Reading back

    /// Takes note of a stored batch at `offset`, in the order of the log; one below `end` is known already. Offsets between
    /// that are missing may have held batches of anybody.
    mutating func replay(_ header: RecordBatchHeader, at offset: Offset) {
        guard offset >= end else { return }
        skip(to: offset)
        end = offset + Int(header.lastOffsetDelta) + 1
        guard let producer = BatchProducer(header) else { return }
        // What compaction has taken out of a batch has left its last offset delta.
        let (count, overflow) = header.lastOffsetDelta.addingReportingOverflow(1)
        note(producer, count: overflow ? .max : count, at: offset, nil)
        if let idle = excess() { entries[idle] = nil }
    }

    /// Nothing is stored from `end` up to `offset`.
    mutating func skip(to offset: Offset) {
        guard offset > end else { return }
        end = offset
        doubt()
    }

    /// Batches of anybody may be missing.
    mutating func doubt() {
        for id in entries.keys { entries[id]?.isUncertain = true }
    }

    /// What was read back since the last call was appended at `time` or before.
    mutating func date(_ time: AppendTime?) {
        guard let time else { return }
        for (id, entry) in entries where entry.lastAppend == nil { entries[id]?.lastAppend = time }
    }

    // MARK: - Upkeep

    /// Forgets producers that have been idle for `Limits.producerRetention`. Between two commits. `now` is the time by which
    /// retention tells ages; where that cannot be believed nobody goes, and an age that nobody knows counts from the
    /// first look at a time that can.
    mutating func expire(at now: AppendTime) {
        guard now.isSynchronised else { return }
        for (id, entry) in entries {
            guard let last = entry.lastAppend, last.isSynchronised, last.timestamp <= now.timestamp else {
                entries[id]?.lastAppend = now
                continue
            }
            if now.timestamp.since(last.timestamp) > Limits.producerRetention { entries[id] = nil }
        }
    }
}
