// Why a batch that a producer sent is not appended: what a listener needs to choose an error code and to name the records.

/// Bad input, a value and no operating error. Nothing of a refused batch was kept.
package enum BatchRefusal: Error, Hashable, Sendable, CustomStringConvertible {
    /// What arrived is not what the producer made: sent again it may be right (Kafka's CORRUPT_MESSAGE).
    case corrupt(Corruption)
    /// Whole, and wrong all the same (INVALID_RECORD).
    case invalid(Fault)
    /// Every record that is wrong, in order, up to `Limits.recordRefusalsMax`; the others are well (INVALID_RECORD, with
    /// record_errors).
    case invalidRecords([RecordRefusal])
    /// Longer than the topic allows (MESSAGE_TOO_LARGE).
    case tooLarge(byteCount: Int, byteCountMax: Int)
    /// A codec that does not exist or that this request must not use (UNSUPPORTED_COMPRESSION_TYPE).
    case unsupportedCompression(codec: Int16)
    /// The batch's own times are not those of its records (INVALID_TIMESTAMP).
    case invalidTimestamp(TimestampFault)
    /// Part of a transaction, which this log does not have.
    case transactional

    /// What shows that bytes are not those that were sent.
    package enum Corruption: String, Sendable {
        case length = "the batch's length is not that of what was sent"
        case checksum = "the batch's checksum does not match"
    }

    /// What is wrong with the batch as a whole.
    package enum Fault: String, Sendable {
        case noBatch = "there is no record batch"
        case severalBatches = "there is more than one record batch"
        case magic = "the record batch is not of version 2"
        case control = "control batches are not for producers to send"
        case attributes = "the batch has attributes that do not exist"
        case baseOffset = "the base offset of a new batch is 0"
        case recordCount = "the batch's record count is below 1, or not its last offset delta and 1"
        case producer = "a batch with a producer id needs an epoch and a sequence"
        case inflation = "the compressed records do not inflate, or inflate to too much"
        case trailingBytes = "there are bytes after the last record"
    }

    /// What is wrong with its times.
    package enum TimestampFault: String, Sendable {
        case appendTime = "only the log sets append times"
    }

    /// A sentence for people.
    package var description: String {
        switch self {
        case .corrupt(let corruption): corruption.rawValue
        case .invalid(let fault): fault.rawValue
        case .invalidRecords(let records):
            records.first.map { "record \($0.index): \($0.fault.rawValue)" } ?? "records are not valid"
        case .tooLarge(let byteCount, let byteCountMax):
            "the batch has \(byteCount) bytes, \(byteCountMax) are the most"
        case .unsupportedCompression(let codec): "compression type \(codec) is not supported here"
        case .invalidTimestamp(let fault): fault.rawValue
        case .transactional: "there are no transactions"
        }
    }
}

/// One record that is wrong.
package struct RecordRefusal: Hashable, Sendable {
    /// What is wrong with it; the text is for people.
    package enum Fault: String, Sendable {
        case noKey = "a compacted topic takes no record without a key"
        case length = "the record's length is wrong, or the records end before it does"
        case timestamp = "the record's timestamp is out of range"
        case offsetDelta = "the record's offset delta is not its place in the batch"
        case field = "the record's key or value does not lie within it"
        case headers = "the record's headers do not fill the rest of it, or one has no key"
    }

    /// Its place in the batch, from 0.
    package var index: Int32
    package var fault: Fault

    package init(index: Int32, fault: Fault) {
        self.index = index
        self.fault = fault
    }
}
