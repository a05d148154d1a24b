// The response to Fetch (key 1), in parts: what is encoded here, and between it the records, which nobody copies.
//
// A partition's records stand in the middle of the frame: their length, then the bytes as the log has them, then the
// tagged fields of a flexible version and whatever follows. So the response is a list of parts; the length of the frame
// counts the records, too.
package import NIOCore

/// A piece of a Fetch response, in the order of the wire.
package enum FetchResponsePart: Equatable, Sendable {
    /// As they are.
    case bytes(ByteBuffer)
    /// Here go exactly as many bytes as `recordsByteCount` of this partition says; never for a partition without any.
    /// Both are positions in the arrays of the response, not numbers of Kafka's.
    case records(topicIndex: Int, partitionIndex: Int)
}

/// Records, or why there are none. It is written by `parts(correlationID:version:)`.
package struct FetchResponse: Equatable, Sendable {
    package var throttleTimeMilliseconds: Int32
    /// Of the session; with an error there are no topics. From version 7 on.
    package var errorCode: ErrorCode
    /// 0 for no session.
    package var sessionID: Int32
    package var topics: [Topic]

    package init(
        throttleTimeMilliseconds: Int32 = 0,
        errorCode: ErrorCode = .none,
        sessionID: Int32 = 0,
        topics: [Topic]
    ) {
        self.throttleTimeMilliseconds = throttleTimeMilliseconds
        self.errorCode = errorCode
        self.sessionID = sessionID
        self.topics = topics
    }

    /// The records of one topic.
    package struct Topic: Equatable, Sendable {
        package var name: String
        package var partitions: [Partition]

        package init(name: String, partitions: [Partition]) {
            self.name = name
            self.partitions = partitions
        }
    }

    /// The records of one partition.
    package struct Partition: Equatable, Sendable {
        package var partitionIndex: Int32
        package var errorCode: ErrorCode
        package var highWatermark: Int64
        /// The high watermark, where there are no transactions.
        package var lastStableOffset: Int64
        /// From version 5 on.
        package var logStartOffset: Int64
        /// Where the log has parted from what the consumer has read. From version 12 on.
        package var divergingEpoch: EpochEndOffset?
        /// For a consumer that asked with another epoch. From version 12 on.
        package var currentLeader: LeaderIDAndEpoch?
        /// Nil for consumers that read uncommitted records, empty for those that read committed ones.
        package var abortedTransactions: [AbortedTransaction]?
        /// -1 for none. From version 11 on.
        package var preferredReadReplica: Int32
        /// How many bytes of records go to the place that `FetchResponsePart.records` marks.
        package var recordsByteCount: Int

        package init(
            partitionIndex: Int32,
            errorCode: ErrorCode = .none,
            highWatermark: Int64,
            lastStableOffset: Int64 = -1,
            logStartOffset: Int64 = -1,
            divergingEpoch: EpochEndOffset? = nil,
            currentLeader: LeaderIDAndEpoch? = nil,
            abortedTransactions: [AbortedTransaction]? = nil,
            preferredReadReplica: Int32 = -1,
            recordsByteCount: Int = 0
        ) {
            self.partitionIndex = partitionIndex
            self.errorCode = errorCode
            self.highWatermark = highWatermark
            self.lastStableOffset = lastStableOffset
            self.logStartOffset = logStartOffset
            self.divergingEpoch = divergingEpoch
            self.currentLeader = currentLeader
            self.abortedTransactions = abortedTransactions
            self.preferredReadReplica = preferredReadReplica
            self.recordsByteCount = recordsByteCount
        }
    }

    /// The largest epoch that both sides know, and where it ended.
    package struct EpochEndOffset: Equatable, Sendable {
        package var epoch: Int32
        package var endOffset: Int64

        package init(epoch: Int32, endOffset: Int64) {
            self.epoch = epoch
            self.endOffset = endOffset
        }
    }

    /// Who leads a partition.
    package struct LeaderIDAndEpoch: Equatable, Sendable {
        package var leaderID: Int32
        package var leaderEpoch: Int32

        package init(leaderID: Int32, leaderEpoch: Int32) {
            self.leaderID = leaderID
            self.leaderEpoch = leaderEpoch
        }
    }

    /// A transaction whose records a reader of committed ones skips.
    package struct AbortedTransaction: Equatable, Sendable {
        package var producerID: Int64
        package var firstOffset: Int64

        package init(producerID: Int64, firstOffset: Int64) {
            self.producerID = producerID
            self.firstOffset = firstOffset
        }
    }
}

extension FetchResponse {
    package static let key = APIKey.fetch

    /// The whole frame, from its length on: parts of bytes, and between them where the records go.
    ///
    /// - Parameters:
    ///   - correlationID: that of the request.
    ///   - version: that of the request, 4 to 12.
    /// - Returns: what is to be sent, in this order.
    package func parts(correlationID: Int32, version: Int16) -> [FetchResponsePart] {
        var writer = ResponseFrame.begin(key: Self.key, correlationID: correlationID, version: version)
        var cuts: [Cut] = []
        writer.int32(throttleTimeMilliseconds)
        if version >= 7 {
            writer.errorCode(errorCode)
            writer.int32(sessionID)
        }
        writer.arrayLength(topics.count)
        for (topicIndex, topic) in topics.enumerated() {
            writer.string(topic.name)
            writer.arrayLength(topic.partitions.count)
            for (partitionIndex, partition) in topic.partitions.enumerated() {
                partition.writeHead(to: &writer, version: version)
                if partition.recordsByteCount > 0 {
                    let position = writer.buffer.writerIndex
                    cuts.append(Cut(position: position, topicIndex: topicIndex, partitionIndex: partitionIndex))
                }
                partition.writeTail(to: &writer, version: version)
            }
            writer.emptyTaggedFields()
        }
        writer.emptyTaggedFields()
        let recordsByteCount = topics.reduce(0) { $1.partitions.reduce($0) { $0 + $1.recordsByteCount } }
        ResponseFrame.end(&writer, elsewhere: recordsByteCount)
        return Self.parts(of: writer.buffer, cut: cuts)
    }

    /// Where records go between two encoded bytes.
    private struct Cut {
        var position: Int
        var topicIndex: Int
        var partitionIndex: Int
    }

    private static func parts(of frame: ByteBuffer, cut cuts: [Cut]) -> [FetchResponsePart] {
        var rest = frame
        var parts: [FetchResponsePart] = []
        parts.reserveCapacity(2 * cuts.count + 1)
        for cut in cuts {
            // A partition's head lies between two cuts, so that no part is empty.
            guard let bytes = rest.readSlice(length: cut.position - rest.readerIndex) else {
                preconditionFailure("cuts lie in ascending order within the frame")
            }
            parts.append(.bytes(bytes))
            parts.append(.records(topicIndex: cut.topicIndex, partitionIndex: cut.partitionIndex))
        }
        if rest.readableBytes > 0 { parts.append(.bytes(rest.slice())) }
        return parts
    }
}

extension FetchResponse.Partition {
    /// Up to the length of the records.
    fileprivate func writeHead(to writer: inout WireWriter, version: Int16) {
        writer.int32(partitionIndex)
        writer.errorCode(errorCode)
        writer.int64(highWatermark)
        writer.int64(lastStableOffset)
        if version >= 5 { writer.int64(logStartOffset) }
        writer.nullableArray(abortedTransactions, version: version)
        if version >= 11 { writer.int32(preferredReadReplica) }
        writer.bytesLength(recordsByteCount)
    }

    /// What follows the records.
    fileprivate func writeTail(to writer: inout WireWriter, version: Int16) {
        guard writer.isFlexible else { return }
        var fields: [TaggedField] = []
        if let divergingEpoch {
            fields.append(
                TaggedField(tag: 0) { field in
                    field.int32(divergingEpoch.epoch)
                    field.int64(divergingEpoch.endOffset)
                    field.emptyTaggedFields()
                }
            )
        }
        if let currentLeader {
            fields.append(
                TaggedField(tag: 1) { field in
                    field.int32(currentLeader.leaderID)
                    field.int32(currentLeader.leaderEpoch)
                    field.emptyTaggedFields()
                }
            )
        }
        writer.taggedFields(fields)
    }
}

extension FetchResponse.AbortedTransaction: WireWritable {
    /// As part of the response.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.int64(producerID)
        writer.int64(firstOffset)
        writer.emptyTaggedFields()
    }
}
