// Fetch against kafka-python, its response put together from parts as a listener does.
import KafkaProtocol
import NIOCore
import Testing

@Suite("Golden frames: fetch")
struct GoldenFetchTests {
    @Test("the request", arguments: try GoldenFrame.all(of: "Fetch"))
    func request(frame: GoldenFrame) throws {
        let version = frame.version
        let request = try #require(try frame.request(FetchRequest.self))
        guard frame.isFull else {
            #expect(request.clusterID == nil)
            #expect(request.replicaID == -1)
            #expect(request.sessionID == (version >= 7 ? -1 : 0))
            #expect(request.topics.isEmpty && request.forgottenTopics.isEmpty && request.rackID.isEmpty)
            return
        }
        #expect(request.clusterID == (version >= 12 ? "cluster-1" : nil))
        #expect(request.replicaID == -1)
        #expect(request.maxWaitMilliseconds == 501)
        #expect(request.minBytes == 2)
        #expect(request.maxBytes == 52_428_801)
        #expect(request.isolationLevel == 1)
        #expect(request.sessionID == (version >= 7 ? 77 : 0))
        #expect(request.sessionEpoch == (version >= 7 ? 78 : -1))
        #expect(request.rackID == (version >= 11 ? "rack-1" : ""))
        #expect(request.topics.map(\.name) == ["readings", "alerts"])
        #expect(request.topics.map(\.partitions.count) == [2, 0])
        let partitions = request.topics[0].partitions
        #expect(partitions.map(\.partitionIndex) == [0, 1])
        #expect(partitions.map(\.currentLeaderEpoch) == (version >= 9 ? [3, 6] : [-1, -1]))
        #expect(partitions.map(\.fetchOffset) == [4_294_967_296, 8])
        #expect(partitions.map(\.lastFetchedEpoch) == (version >= 12 ? [4, 9] : [-1, -1]))
        #expect(partitions.map(\.logStartOffset) == (version >= 5 ? [5, 10] : [-1, -1]))
        #expect(partitions.map(\.partitionMaxBytes) == [1_048_577, 1_048_578])
        #expect(request.forgottenTopics.map(\.name) == (version >= 7 ? ["old"] : []))
        #expect(request.forgottenTopics.map(\.partitions) == (version >= 7 ? [[11, 12]] : []))
    }

    @Test("the response, with the listener's bytes in between", arguments: try GoldenFrame.all(of: "Fetch"))
    func response(frame: GoldenFrame) throws {
        let bare = FetchResponse(
            throttleTimeMilliseconds: -1,
            errorCode: .unknownServerError,
            sessionID: -1,
            topics: []
        )
        let response = frame.isFull ? Self.full : bare
        var whole = ByteBuffer()
        for part in response.parts(correlationID: GoldenFrame.correlationID, version: frame.version) {
            switch part {
            case .bytes(let bytes):
                #expect(bytes.readableBytes > 0)
                whole.writeImmutableBuffer(bytes)
            case .records(let topicIndex, let partitionIndex):
                let records = try #require(Self.records[[topicIndex, partitionIndex]])
                #expect(records.count == response.topics[topicIndex].partitions[partitionIndex].recordsByteCount)
                whole.writeBytes(records)
            }
        }
        #expect(frame.hex(ofFrame: whole) == frame.response)
    }

    @Test("a partition without records is no part of its own")
    func noRecords() {
        let partition = FetchResponse.Partition(partitionIndex: 0, highWatermark: 0)
        let response = FetchResponse(topics: [.init(name: "readings", partitions: [partition, partition])])
        #expect(response.parts(correlationID: 1, version: 12).count == 1)
    }

    @Test("records at the very end of a frame end its parts")
    func recordsLast() {
        let partition = FetchResponse.Partition(partitionIndex: 0, highWatermark: 0, recordsByteCount: 5)
        let response = FetchResponse(topics: [.init(name: "readings", partitions: [partition, partition])])
        let parts = response.parts(correlationID: 1, version: 11)
        #expect(parts.count == 4)
        #expect(parts[1] == .records(topicIndex: 0, partitionIndex: 0))
        #expect(parts[3] == .records(topicIndex: 0, partitionIndex: 1))
    }

    /// What the golden response has in place of record batches, by position.
    private static let records: [[Int]: [UInt8]] = [[0, 0]: Array(0..<200), [1, 0]: [0xff, 0x00, 0xff]]

    private static let full = FetchResponse(
        throttleTimeMilliseconds: 9,
        sessionID: 77,
        topics: [
            .init(
                name: "readings",
                partitions: [
                    .init(
                        partitionIndex: 0,
                        highWatermark: 4_294_967_306,
                        lastStableOffset: 4_294_967_307,
                        logStartOffset: 5,
                        abortedTransactions: [.init(producerID: 6, firstOffset: 7)],
                        preferredReadReplica: 8,
                        recordsByteCount: 200
                    ),
                    .init(
                        partitionIndex: 1,
                        errorCode: .offsetOutOfRange,
                        highWatermark: 11,
                        lastStableOffset: 12,
                        logStartOffset: 13,
                        divergingEpoch: .init(epoch: 2, endOffset: 14),
                        currentLeader: .init(leaderID: 1, leaderEpoch: 3),
                        abortedTransactions: nil
                    ),
                ]
            ),
            .init(
                name: "alerts",
                partitions: [
                    .init(
                        partitionIndex: 2,
                        highWatermark: 15,
                        lastStableOffset: 16,
                        logStartOffset: 17,
                        abortedTransactions: [],
                        recordsByteCount: 3
                    )
                ]
            ),
        ]
    )
}
