// DeleteRecords (key 21): moves the start of the log.

/// Where the log is to start.
package struct DeleteRecordsRequest: Equatable {
    package var topics: [Topic]
    package var timeoutMilliseconds: Int32

    /// The new starts of one topic.
    package struct Topic: Equatable {
        package var name: String
        package var partitions: [Partition]
    }

    /// The new start of one partition.
    package struct Partition: Equatable {
        package var partitionIndex: Int32
        /// Of the first record to keep; -1 to delete all up to the high watermark.
        package var offset: Int64
    }
}

extension DeleteRecordsRequest: KafkaRequest {
    package static let key = APIKey.deleteRecords

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        topics = try reader.array(version: version)
        timeoutMilliseconds = try reader.int32()
        try reader.skipTaggedFields()
    }
}

extension DeleteRecordsRequest.Topic: WireReadable {
    package static let byteCountMin = 3

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        name = try reader.string()
        partitions = try reader.array(version: version)
        try reader.skipTaggedFields()
    }
}

extension DeleteRecordsRequest.Partition: WireReadable {
    package static let byteCountMin = 12

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        partitionIndex = try reader.int32()
        offset = try reader.int64()
        try reader.skipTaggedFields()
    }
}

/// Where the log starts now.
package struct DeleteRecordsResponse: Equatable {
    package var throttleTimeMilliseconds: Int32
    package var topics: [Topic]

    package init(throttleTimeMilliseconds: Int32 = 0, topics: [Topic]) {
        self.throttleTimeMilliseconds = throttleTimeMilliseconds
        self.topics = topics
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
        /// The log start; -1 with an error.
        package var lowWatermark: Int64
        package var errorCode: ErrorCode

        package init(partitionIndex: Int32, lowWatermark: Int64, errorCode: ErrorCode = .none) {
            self.partitionIndex = partitionIndex
            self.lowWatermark = lowWatermark
            self.errorCode = errorCode
        }
    }
}

extension DeleteRecordsResponse: KafkaResponse {
    package static let key = APIKey.deleteRecords

    /// The body; `frame(correlationID:version:)` makes the whole frame.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.int32(throttleTimeMilliseconds)
        writer.array(topics, version: version)
        writer.emptyTaggedFields()
    }
}

extension DeleteRecordsResponse.Topic: WireWritable {
    /// As part of the response.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.string(name)
        writer.array(partitions, version: version)
        writer.emptyTaggedFields()
    }
}

extension DeleteRecordsResponse.Partition: WireWritable {
    /// As part of the response.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.int32(partitionIndex)
        writer.int64(lowWatermark)
        writer.errorCode(errorCode)
        writer.emptyTaggedFields()
    }
}
