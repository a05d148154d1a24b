// The data APIs against kafka-python, field by field and byte by byte.
import KafkaProtocol
import NIOCore
import Testing

@Suite("Golden frames: data")
struct GoldenDataTests {
    @Test("ApiVersions", arguments: try GoldenFrame.all(of: "ApiVersions"))
    func apiVersions(frame: GoldenFrame) throws {
        let version = frame.version
        if frame.isFull, let request = try frame.request(ApiVersionsRequest.self) {
            #expect(request.clientSoftwareName == (version >= 3 ? "kafka-python" : ""))
            #expect(request.clientSoftwareVersion == (version >= 3 ? "3.0.12" : ""))
        }
        if !frame.isFull, let request = try frame.request(ApiVersionsRequest.self) {
            #expect(request.clientSoftwareName.isEmpty)
            #expect(request.clientSoftwareVersion.isEmpty)
        }
        let full = ApiVersionsResponse(
            errorCode: .none,
            apiKeys: [.init(apiKey: 0, minVersion: 3, maxVersion: 9), .init(apiKey: 18, minVersion: 1, maxVersion: 4)],
            throttleTimeMilliseconds: 9
        )
        let bare = ApiVersionsResponse(errorCode: .unknownServerError, apiKeys: [], throttleTimeMilliseconds: -1)
        #expect(frame.hex(of: frame.isFull ? full : bare) == frame.response)
    }

    @Test("Metadata", arguments: try GoldenFrame.all(of: "Metadata"))
    func metadata(frame: GoldenFrame) throws {
        let version = frame.version
        if frame.isFull, let request = try frame.request(MetadataRequest.self) {
            #expect(request.topics?.map(\.topicID) == (version >= 10 ? [golden1, .zero] : [.zero, .zero]))
            #expect(request.topics?.map(\.name) == ["readings", "alerts"])
            #expect(request.allowAutoTopicCreation != (version >= 4))
            #expect(request.includeClusterAuthorizedOperations == ((8...10).contains(version)))
            #expect(request.includeTopicAuthorizedOperations == (version >= 8))
        }
        if !frame.isFull, let request = try frame.request(MetadataRequest.self) {
            // What an empty array means in version 0, null means in the others.
            #expect(request.topics == nil)
            #expect(request.allowAutoTopicCreation != (version >= 4))
            #expect(!request.includeClusterAuthorizedOperations)
            #expect(!request.includeTopicAuthorizedOperations)
        }
        let full = MetadataResponse(
            throttleTimeMilliseconds: 9,
            brokers: [
                .init(nodeID: 1, host: "edge.example", port: 9092, rack: "rack-1"),
                .init(nodeID: 2, host: "10.0.0.2", port: 9093, rack: nil),
            ],
            clusterID: "Hk3xSlH9T8ezjPqR1yW0Zw",
            controllerID: 1,
            topics: [
                .init(
                    errorCode: .none,
                    name: "readings",
                    topicID: golden1,
                    isInternal: false,
                    partitions: [
                        .init(
                            errorCode: .none,
                            partitionIndex: 0,
                            leaderID: 1,
                            leaderEpoch: 4,
                            replicaNodes: [1, 2],
                            isrNodes: [1],
                            offlineReplicas: [2]
                        ),
                        .init(
                            errorCode: .leaderNotAvailable,
                            partitionIndex: 1,
                            leaderID: -1,
                            leaderEpoch: -1,
                            replicaNodes: [],
                            isrNodes: [],
                            offlineReplicas: []
                        ),
                    ],
                    topicAuthorizedOperations: 264
                ),
                .init(
                    errorCode: .unknownTopicOrPartition,
                    name: "missing",
                    topicID: .zero,
                    isInternal: true,
                    partitions: [],
                    topicAuthorizedOperations: .min
                ),
            ],
            clusterAuthorizedOperations: 265
        )
        let bare = MetadataResponse(
            throttleTimeMilliseconds: -1,
            brokers: [],
            clusterID: nil,
            controllerID: -1,
            topics: [],
            clusterAuthorizedOperations: -1
        )
        #expect(frame.hex(of: frame.isFull ? full : bare) == frame.response)
    }

    @Test("FindCoordinator", arguments: try GoldenFrame.all(of: "FindCoordinator"))
    func findCoordinator(frame: GoldenFrame) throws {
        let version = frame.version
        if frame.isFull, let request = try frame.request(FindCoordinatorRequest.self) {
            #expect(request.keyType == (version >= 1 ? 1 : 0))
            #expect(request.coordinatorKeys == (version >= 4 ? ["group-1", "group-2"] : ["group-1"]))
        }
        if !frame.isFull, let request = try frame.request(FindCoordinatorRequest.self) {
            #expect(request.keyType == (version >= 1 ? -1 : 0))
            #expect(request.coordinatorKeys == (version >= 4 ? [] : [""]))
        }
        let full = FindCoordinatorResponse(
            throttleTimeMilliseconds: 9,
            coordinators: [
                .init(key: "group-1", nodeID: 1, host: "edge.example", port: 9092, errorMessage: "fine"),
                .init(key: "group-2", nodeID: -1, host: "", port: -1, errorCode: .invalidGroupID),
            ]
        )
        let none = FindCoordinatorResponse.Coordinator(
            key: "",
            nodeID: -1,
            host: "",
            port: -1,
            errorCode: .unknownServerError
        )
        let bare = FindCoordinatorResponse(
            throttleTimeMilliseconds: -1,
            coordinators: version >= 4 ? [] : [none]
        )
        #expect(frame.hex(of: frame.isFull ? full : bare) == frame.response)
    }

    @Test("Produce", arguments: try GoldenFrame.all(of: "Produce"))
    func produce(frame: GoldenFrame) throws {
        if frame.isFull, let request = try frame.request(ProduceRequest.self) {
            #expect(request.transactionalID == "txn-1")
            #expect(request.acks == -1)
            #expect(request.timeoutMilliseconds == 30_001)
            #expect(request.topics.map(\.name) == ["readings", "alerts"])
            #expect(request.topics.map { $0.partitions.map(\.partitionIndex) } == [[0, 1], [7]])
            #expect(
                request.topics.map { $0.partitions.map(\.records) } == [
                    [buffer(Array(0..<70)), nil], [buffer([0xff, 0x00])],
                ]
            )
        }
        if !frame.isFull, let request = try frame.request(ProduceRequest.self) {
            #expect(request.transactionalID == nil)
            #expect(request.acks == -1)
            #expect(request.timeoutMilliseconds == -1)
            #expect(request.topics.isEmpty)
        }
        let full = ProduceResponse(
            topics: [
                .init(
                    name: "readings",
                    partitions: [
                        .init(
                            partitionIndex: 0,
                            errorCode: .none,
                            baseOffset: 4_294_967_300,
                            logAppendTimeMilliseconds: 1_700_000_000_002,
                            logStartOffset: 5,
                            recordErrors: [],
                            errorMessage: nil
                        ),
                        .init(
                            partitionIndex: 1,
                            errorCode: .invalidRecord,
                            baseOffset: -1,
                            logAppendTimeMilliseconds: -1,
                            logStartOffset: -1,
                            recordErrors: [
                                .init(batchIndex: 2, batchIndexErrorMessage: "no key"),
                                .init(batchIndex: 3, batchIndexErrorMessage: nil),
                            ],
                            errorMessage: "records without a key"
                        ),
                    ]
                ), .init(name: "alerts", partitions: []),
            ],
            throttleTimeMilliseconds: 9
        )
        let bare = ProduceResponse(topics: [], throttleTimeMilliseconds: -1)
        #expect(frame.hex(of: frame.isFull ? full : bare) == frame.response)
    }

    @Test("ListOffsets", arguments: try GoldenFrame.all(of: "ListOffsets"))
    func listOffsets(frame: GoldenFrame) throws {
        let version = frame.version
        if frame.isFull, let request = try frame.request(ListOffsetsRequest.self) {
            #expect(request.replicaID == -1)
            #expect(request.isolationLevel == (version >= 2 ? 1 : 0))
            #expect(request.topics.map(\.name) == ["readings", "alerts"])
            #expect(request.topics.map { $0.partitions.map(\.partitionIndex) } == [[0, 1], [5]])
            #expect(
                request.topics.map { $0.partitions.map(\.currentLeaderEpoch) }
                    == (version >= 4 ? [[3, 4], [6]] : [[-1, -1], [-1]])
            )
            #expect(request.topics.map { $0.partitions.map(\.timestamp) } == [[1_700_000_000_001, -2], [-3]])
        }
        if !frame.isFull, let request = try frame.request(ListOffsetsRequest.self) {
            #expect(request.replicaID == -1)
            #expect(request.isolationLevel == (version >= 2 ? -1 : 0))
            #expect(request.topics.isEmpty)
        }
        let full = ListOffsetsResponse(
            throttleTimeMilliseconds: 9,
            topics: [
                .init(
                    name: "readings",
                    partitions: [
                        .init(
                            partitionIndex: 0,
                            errorCode: .none,
                            timestamp: 1_700_000_000_003,
                            offset: 4_294_967_301,
                            leaderEpoch: 2
                        ),
                        .init(
                            partitionIndex: 1,
                            errorCode: .unknownTopicOrPartition,
                            timestamp: -1,
                            offset: -1,
                            leaderEpoch: -1
                        ),
                    ]
                ), .init(name: "alerts", partitions: []),
            ]
        )
        let bare = ListOffsetsResponse(throttleTimeMilliseconds: -1, topics: [])
        #expect(frame.hex(of: frame.isFull ? full : bare) == frame.response)
    }

    @Test("InitProducerId", arguments: try GoldenFrame.all(of: "InitProducerId"))
    func initProducerID(frame: GoldenFrame) throws {
        let version = frame.version
        if frame.isFull, let request = try frame.request(InitProducerIDRequest.self) {
            #expect(request.transactionalID == "txn-1")
            #expect(request.transactionTimeoutMilliseconds == 60_001)
            #expect(request.producerID == (version >= 3 ? 4_294_967_299 : -1))
            #expect(request.producerEpoch == (version >= 3 ? 6 : -1))
        }
        if !frame.isFull, let request = try frame.request(InitProducerIDRequest.self) {
            #expect(request.transactionalID == nil)
            #expect(request.transactionTimeoutMilliseconds == -1)
            #expect(request.producerID == -1)
            #expect(request.producerEpoch == -1)
        }
        let full = InitProducerIDResponse(
            throttleTimeMilliseconds: 9,
            errorCode: .none,
            producerID: 4_294_967_303,
            producerEpoch: 6
        )
        let bare = InitProducerIDResponse(
            throttleTimeMilliseconds: -1,
            errorCode: .unknownServerError,
            producerID: -1,
            producerEpoch: -1
        )
        #expect(frame.hex(of: frame.isFull ? full : bare) == frame.response)
    }

    @Test("OffsetForLeaderEpoch", arguments: try GoldenFrame.all(of: "OffsetForLeaderEpoch"))
    func offsetForLeaderEpoch(frame: GoldenFrame) throws {
        let version = frame.version
        if frame.isFull, let request = try frame.request(OffsetForLeaderEpochRequest.self) {
            #expect(request.replicaID == (version >= 3 ? -1 : -2))
            #expect(request.topics.map(\.name) == ["readings", "alerts"])
            #expect(request.topics.map { $0.partitions.map(\.partitionIndex) } == [[0, 1], []])
            #expect(request.topics.map { $0.partitions.map(\.currentLeaderEpoch) } == [[3, 5], []])
            #expect(request.topics.map { $0.partitions.map(\.leaderEpoch) } == [[2, 4], []])
        }
        if !frame.isFull, let request = try frame.request(OffsetForLeaderEpochRequest.self) {
            #expect(request.replicaID == (version >= 3 ? -1 : -2))
            #expect(request.topics.isEmpty)
        }
        let full = OffsetForLeaderEpochResponse(
            throttleTimeMilliseconds: 9,
            topics: [
                .init(
                    name: "readings",
                    partitions: [
                        .init(errorCode: .none, partitionIndex: 0, leaderEpoch: 2, endOffset: 4_294_967_304),
                        .init(errorCode: .unknownLeaderEpoch, partitionIndex: 1, leaderEpoch: -1, endOffset: -1),
                    ]
                ), .init(name: "alerts", partitions: []),
            ]
        )
        let bare = OffsetForLeaderEpochResponse(throttleTimeMilliseconds: -1, topics: [])
        #expect(frame.hex(of: frame.isFull ? full : bare) == frame.response)
    }
}
