// OffsetDelete (key 47): makes a group forget offsets.

/// The offsets to forget.
package struct OffsetDeleteRequest: Equatable {
    package var groupID: String
    package var topics: [Topic]

    /// The offsets of one topic.
    package struct Topic: Equatable {
        package var name: String
        package var partitions: [Partition]
    }

    /// The offset of one partition.
    package struct Partition: Equatable {
        package var partitionIndex: Int32
    }
}

extension OffsetDeleteRequest: KafkaRequest {
    package static let key = APIKey.offsetDelete

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        groupID = try reader.string()
        topics = try reader.array(version: version)
    }
}

extension OffsetDeleteRequest.Topic: WireReadable {
    package static let byteCountMin = 6

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        name = try reader.string()
        partitions = try reader.array(version: version)
    }
}

extension OffsetDeleteRequest.Partition: WireReadable {
    package static let byteCountMin = 4

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        partitionIndex = try reader.int32()
    }
}

/// Which offsets were forgotten.
package struct OffsetDeleteResponse: Equatable {
    package var errorCode: ErrorCode
    package var throttleTimeMilliseconds: Int32
    package var topics: [Topic]

    package init(errorCode: ErrorCode = .none, throttleTimeMilliseconds: Int32 = 0, topics: [Topic]) {
        self.errorCode = errorCode
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
        package var errorCode: ErrorCode

        package init(partitionIndex: Int32, errorCode: ErrorCode = .none) {
            self.partitionIndex = partitionIndex
            self.errorCode = errorCode
        }
    }
}

extension OffsetDeleteResponse: KafkaResponse {
    package static let key = APIKey.offsetDelete

    /// The body; `frame(correlationID:version:)` makes the whole frame.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.errorCode(errorCode)
        writer.int32(throttleTimeMilliseconds)
        writer.array(topics, version: version)
    }
}

extension OffsetDeleteResponse.Topic: WireWritable {
    /// As part of the response.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.string(name)
        writer.array(partitions, version: version)
    }
}

extension OffsetDeleteResponse.Partition: WireWritable {
    /// As part of the response.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.int32(partitionIndex)
        writer.errorCode(errorCode)
    }
}
