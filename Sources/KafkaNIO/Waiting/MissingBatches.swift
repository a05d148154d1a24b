// Batches of idempotent producers that were refused for the time being, and must come before what follows them.
internal import CommitLog

/// Where a partition knows nothing of a producer any sequence may be its first, so that a batch could be taken whose predecessor
/// was refused a moment ago, with the disk full or the topic not there yet. Its producer takes the acknowledgement of the one
/// for an acknowledgement of both. Used by jobs of one worker.
final class MissingBatches: @unchecked Sendable {
    // Sendable: after `init` used by jobs of the worker for producers' batches only.

    private struct Place: Hashable {
        var topic: String
        var partition: Int32
        var id: Int64
        var epoch: Int16

        init(_ producer: BatchProducer, _ topic: String, _ partition: Int32) {
            self.topic = topic
            self.partition = partition
            id = producer.id
            epoch = producer.epoch
        }
    }

    private struct Missing {
        var sequence: Int32
        /// Counts up.
        var number: UInt64
    }

    private var missing: [Place: Missing] = [:]
    private var lastNumber: UInt64 = 0

    /// Whether a batch that is missing comes before this one.
    func isBehindOne(_ producer: BatchProducer, _ topic: String, _ partition: Int32) -> Bool {
        guard let known = missing[Place(producer, topic, partition)] else { return false }
        return MissingBatches.isBefore(known.sequence, producer.baseSequence)
    }

    /// The batch was refused for the time being.
    func note(_ producer: BatchProducer, _ topic: String, _ partition: Int32) {
        let place = Place(producer, topic, partition)
        if let known = missing[place], !MissingBatches.isBefore(producer.baseSequence, known.sequence) { return }
        lastNumber += 1
        missing[place] = Missing(sequence: producer.baseSequence, number: lastNumber)
        guard missing.count > Limits.missingBatchesMax else { return }
        let oldest = missing.min { $0.value.number < $1.value.number }
        if let oldest { missing[oldest.key] = nil }
    }

    /// The log has the batch.
    func forget(_ producer: BatchProducer, _ topic: String, _ partition: Int32) {
        let place = Place(producer, topic, partition)
        if missing[place]?.sequence == producer.baseSequence { missing[place] = nil }
    }

    /// Sequences begin at 0 again after the last: the nearer way round counts.
    private static func isBefore(_ left: Int32, _ right: Int32) -> Bool {
        let distance = (Int64(right) - Int64(left)) & Int64(Int32.max)
        return distance > 0 && distance <= Int64(Int32.max / 2)
    }
}
