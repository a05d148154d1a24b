// InitProducerId (key 22): the identity with which a producer numbers its batches.

/// Asks for a producer id, or from version 3 on for a new epoch of one.
package struct InitProducerIDRequest: Equatable {
    /// Nil for a producer that is only idempotent.
    package var transactionalID: String?
    package var transactionTimeoutMilliseconds: Int32
    /// -1 for a new one, and before version 3.
    package var producerID: Int64
    /// -1 for a new producer id, and before version 3.
    package var producerEpoch: Int16
}

extension InitProducerIDRequest: KafkaRequest {
    package static let key = APIKey.initProducerID

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        transactionalID = try reader.nullableString()
        transactionTimeoutMilliseconds = try reader.int32()
        producerID = try version >= 3 ? reader.int64() : -1
        producerEpoch = try version >= 3 ? reader.int16() : -1
        try reader.skipTaggedFields()
    }
}

/// A producer id and its epoch.
package struct InitProducerIDResponse: Equatable {
    package var throttleTimeMilliseconds: Int32
    package var errorCode: ErrorCode
    package var producerID: Int64
    package var producerEpoch: Int16

    package init(
        throttleTimeMilliseconds: Int32 = 0,
        errorCode: ErrorCode = .none,
        producerID: Int64 = -1,
        producerEpoch: Int16
    ) {
        self.throttleTimeMilliseconds = throttleTimeMilliseconds
        self.errorCode = errorCode
        self.producerID = producerID
        self.producerEpoch = producerEpoch
    }
}

extension InitProducerIDResponse: KafkaResponse {
    package static let key = APIKey.initProducerID

    /// The body; `frame(correlationID:version:)` makes the whole frame.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.int32(throttleTimeMilliseconds)
        writer.errorCode(errorCode)
        writer.int64(producerID)
        writer.int16(producerEpoch)
        writer.emptyTaggedFields()
    }
}
