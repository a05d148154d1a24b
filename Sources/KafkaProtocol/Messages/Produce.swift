// Produce (key 0): record batches for partitions, and where in the log they came to lie.
package import NIOCore

/// A producer's record batches. With `acks` 0 it expects no response, not even in case of an error.
package struct ProduceRequest: Equatable {
    /// Nil for a producer without transactions.
    package var transactionalID: String?
    /// 0 for no response, 1 for the leader, -1 for all replicas that are in sync.
    package var acks: Int16
    /// How long the producer waits for replicas.
    package var timeoutMilliseconds: Int32
    package var topics: [Topic]

    /// The batches for one topic.
    package struct Topic: Equatable {
        package var name: String
        package var partitions: [Partition]
    }

    /// The batch for one partition.
    package struct Partition: Equatable {
        package var partitionIndex: Int32
        /// A slice of the frame that should hold one record batch; nothing about it has been checked.
        package var records: ByteBuffer?
    }
}

extension ProduceRequest: KafkaRequest {
    package static let key = APIKey.produce

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        transactionalID = try reader.nullableString()
        acks = try reader.int16()
        timeoutMilliseconds = try reader.int32()
        topics = try reader.array(version: version)
        try reader.skipTaggedFields()
    }
}

extension ProduceRequest.Topic: WireReadable {
    package static let byteCountMin = 3

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        name = try reader.string()
        partitions = try reader.array(version: version)
        try reader.skipTaggedFields()
    }
}

extension ProduceRequest.Partition: WireReadable {
    package static let byteCountMin = 6

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        partitionIndex = try reader.int32()
        records = try reader.nullableBytes()
        try reader.skipTaggedFields()
    }
}

/// Where the batches of a request lie now, or why they do not.
package struct ProduceResponse: Equatable {
    package var topics: [Topic]
    package var throttleTimeMilliseconds: Int32

    package init(topics: [Topic], throttleTimeMilliseconds: Int32 = 0) {
        self.topics = topics
        self.throttleTimeMilliseconds = throttleTimeMilliseconds
    }

    /// The results of one topic.
    package struct Topic: Equatable {
        package var name: String
        package var partitions: [Partition]

        package init(name: String, partitions: [Partition]) {
            self.name = name
            self.partitions = partitions
        }
    }

    /// The result of one partition.
    package struct Partition: Equatable {
        package var partitionIndex: Int32
        package var errorCode: ErrorCode
        /// The offset of the batch's first record; -1 with an error.
        package var baseOffset: Int64
        /// -1 where the records kept the timestamps that their producer gave them.
        package var logAppendTimeMilliseconds: Int64
        /// From version 5 on.
        package var logStartOffset: Int64
        /// From version 8 on.
        package var recordErrors: [RecordError]
        /// From version 8 on.
        package var errorMessage: String?

        package init(
            partitionIndex: Int32,
            errorCode: ErrorCode = .none,
            baseOffset: Int64,
            logAppendTimeMilliseconds: Int64 = -1,
            logStartOffset: Int64 = -1,
            recordErrors: [RecordError] = [],
            errorMessage: String? = nil
        ) {
            self.partitionIndex = partitionIndex
            self.errorCode = errorCode
            self.baseOffset = baseOffset
            self.logAppendTimeMilliseconds = logAppendTimeMilliseconds
            self.logStartOffset = logStartOffset
            self.recordErrors = recordErrors
            self.errorMessage = errorMessage
        }
    }

    /// A record for which a batch was refused.
    package struct RecordError: Equatable {
        /// Of the record within its batch, from 0.
        package var batchIndex: Int32
        package var batchIndexErrorMessage: String?

        package init(batchIndex: Int32, batchIndexErrorMessage: String? = nil) {
            self.batchIndex = batchIndex
            self.batchIndexErrorMessage = batchIndexErrorMessage
        }
    }
}

extension ProduceResponse: KafkaResponse {
    package static let key = APIKey.produce

    /// The body; `frame(correlationID:version:)` makes the whole frame.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.array(topics, version: version)
        if version >= 1 { writer.int32(throttleTimeMilliseconds) }
        writer.emptyTaggedFields()
    }
}

extension ProduceResponse.Topic: WireWritable {
    /// As part of the response.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.string(name)
        writer.array(partitions, version: version)
        writer.emptyTaggedFields()
    }
}

extension ProduceResponse.Partition: WireWritable {
    /// As part of the response.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.int32(partitionIndex)
        writer.errorCode(errorCode)
        writer.int64(baseOffset)
        if version >= 2 { writer.int64(logAppendTimeMilliseconds) }
        if version >= 5 { writer.int64(logStartOffset) }
        if version >= 8 { writer.array(recordErrors, version: version) }
        if version >= 8 { writer.nullableString(errorMessage) }
        writer.emptyTaggedFields()
    }
}

extension ProduceResponse.RecordError: WireWritable {
    /// As part of the response.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.int32(batchIndex)
        writer.nullableString(batchIndexErrorMessage)
        writer.emptyTaggedFields()
    }
}
