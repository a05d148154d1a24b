// Who made a batch, and which of its batches it is: what an idempotent producer writes into the header.

/// A producer id with its epoch, and the sequence number of the batch's first record. Sequences count records of one producer
/// in one partition, from 0, and begin at 0 again after 2^31 - 1.
package struct BatchProducer: Hashable, Sendable, BitwiseCopyable {
    package var id: Int64
    package var epoch: Int16
    package var baseSequence: Int32

    init(id: Int64, epoch: Int16, baseSequence: Int32) {
        self.id = id
        self.epoch = epoch
        self.baseSequence = baseSequence
    }

    /// nil for a batch that says nothing of its producer (id -1), and where a field cannot be one.
    package init?(_ header: RecordBatchHeader) {
        guard header.producerID >= 0, header.producerEpoch >= 0, header.baseSequence >= 0 else { return nil }
        self.init(id: header.producerID, epoch: header.producerEpoch, baseSequence: header.baseSequence)
    }

    /// The sequence of the record `count` after the one with `sequence`; both 0 or more.
    static func sequence(_ sequence: Int32, advancedBy count: Int32) -> Int32 {
        Int32(truncatingIfNeeded: (Int64(sequence) + Int64(count)) & Int64(Int32.max))
    }
}
