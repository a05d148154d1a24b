// The administrative APIs against kafka-python, field by field and byte by byte.
import KafkaProtocol
import NIOCore
import Testing

@Suite("Golden frames: administration")
struct GoldenAdminTests {
    @Test("CreateTopics", arguments: try GoldenFrame.all(of: "CreateTopics"))
    func createTopics(frame: GoldenFrame) throws {
        if frame.isFull, let request = try frame.request(CreateTopicsRequest.self) {
            #expect(request.topics.map(\.name) == ["readings", "alerts"])
            #expect(request.topics.map(\.numPartitions) == [4, -1])
            #expect(request.topics.map(\.replicationFactor) == [1, -1])
            #expect(request.topics.map { $0.assignments.map(\.partitionIndex) } == [[], [0]])
            #expect(request.topics.map { $0.assignments.map(\.brokerIDs) } == [[], [[1, 2]]])
            #expect(request.topics.map { $0.configs.map(\.name) } == [["retention.ms", "cleanup.policy"], []])
            #expect(request.topics.map { $0.configs.map(\.value) } == [["86400000", nil], []])
            #expect(request.timeoutMilliseconds == 15_001)
            #expect(request.validateOnly)
        }
        if !frame.isFull, let request = try frame.request(CreateTopicsRequest.self) {
            #expect(request.topics.isEmpty)
            #expect(request.timeoutMilliseconds == -1)
            #expect(!request.validateOnly)
        }
        let full = CreateTopicsResponse(
            throttleTimeMilliseconds: 9,
            topics: [
                .init(
                    name: "readings",
                    topicID: golden1,
                    errorCode: .none,
                    errorMessage: nil,
                    numPartitions: 4,
                    replicationFactor: 1,
                    configs: [
                        .init(
                            name: "retention.ms",
                            value: "86400000",
                            readOnly: false,
                            configSource: 1,
                            isSensitive: false
                        ), .init(name: "secret", value: nil, readOnly: true, configSource: 5, isSensitive: true),
                    ]
                ),
                .init(
                    name: "alerts",
                    topicID: .zero,
                    errorCode: .topicAlreadyExists,
                    errorMessage: "is there",
                    numPartitions: -1,
                    replicationFactor: -1,
                    configs: []
                ),
            ]
        )
        let bare = CreateTopicsResponse(throttleTimeMilliseconds: -1, topics: [])
        #expect(frame.hex(of: frame.isFull ? full : bare) == frame.response)
    }

    @Test("DeleteTopics", arguments: try GoldenFrame.all(of: "DeleteTopics"))
    func deleteTopics(frame: GoldenFrame) throws {
        let version = frame.version
        if frame.isFull, let request = try frame.request(DeleteTopicsRequest.self) {
            #expect(request.topics.map(\.name) == (version >= 6 ? ["readings", nil] : ["readings", "alerts"]))
            #expect(request.topics.map(\.topicID) == (version >= 6 ? [.zero, golden2] : [.zero, .zero]))
            #expect(request.timeoutMilliseconds == 15_001)
        }
        if !frame.isFull, let request = try frame.request(DeleteTopicsRequest.self) {
            #expect(request.topics.isEmpty)
            #expect(request.timeoutMilliseconds == -1)
        }
        let full = DeleteTopicsResponse(
            throttleTimeMilliseconds: 9,
            topics: [
                .init(name: "readings", topicID: golden1, errorCode: .none, errorMessage: nil),
                .init(name: "alerts", topicID: golden2, errorCode: .unknownTopicOrPartition, errorMessage: "not there"),
            ]
        )
        let bare = DeleteTopicsResponse(throttleTimeMilliseconds: -1, topics: [])
        #expect(frame.hex(of: frame.isFull ? full : bare) == frame.response)
    }

    @Test("DeleteRecords", arguments: try GoldenFrame.all(of: "DeleteRecords"))
    func deleteRecords(frame: GoldenFrame) throws {
        if frame.isFull, let request = try frame.request(DeleteRecordsRequest.self) {
            #expect(request.topics.map(\.name) == ["readings", "alerts"])
            #expect(request.topics.map { $0.partitions.map(\.partitionIndex) } == [[0, 1], []])
            #expect(request.topics.map { $0.partitions.map(\.offset) } == [[4_294_967_298, -1], []])
            #expect(request.timeoutMilliseconds == 15_001)
        }
        if !frame.isFull, let request = try frame.request(DeleteRecordsRequest.self) {
            #expect(request.topics.isEmpty)
            #expect(request.timeoutMilliseconds == -1)
        }
        let full = DeleteRecordsResponse(
            throttleTimeMilliseconds: 9,
            topics: [
                .init(
                    name: "readings",
                    partitions: [
                        .init(partitionIndex: 0, lowWatermark: 4_294_967_302, errorCode: .none),
                        .init(partitionIndex: 1, lowWatermark: -1, errorCode: .offsetOutOfRange),
                    ]
                ), .init(name: "alerts", partitions: []),
            ]
        )
        let bare = DeleteRecordsResponse(throttleTimeMilliseconds: -1, topics: [])
        #expect(frame.hex(of: frame.isFull ? full : bare) == frame.response)
    }

    @Test("CreatePartitions", arguments: try GoldenFrame.all(of: "CreatePartitions"))
    func createPartitions(frame: GoldenFrame) throws {
        if frame.isFull, let request = try frame.request(CreatePartitionsRequest.self) {
            #expect(request.topics.map(\.name) == ["readings", "alerts"])
            #expect(request.topics.map(\.count) == [8, 3])
            #expect(request.topics.map { $0.assignments?.map(\.brokerIDs) } == [[[1, 2], []], nil])
            #expect(request.timeoutMilliseconds == 15_001)
            #expect(request.validateOnly)
        }
        if !frame.isFull, let request = try frame.request(CreatePartitionsRequest.self) {
            #expect(request.topics.isEmpty)
            #expect(request.timeoutMilliseconds == -1)
            #expect(!request.validateOnly)
        }
        let full = CreatePartitionsResponse(
            throttleTimeMilliseconds: 9,
            results: [
                .init(name: "readings", errorCode: .none, errorMessage: nil),
                .init(name: "alerts", errorCode: .invalidPartitions, errorMessage: "has more"),
            ]
        )
        let bare = CreatePartitionsResponse(throttleTimeMilliseconds: -1, results: [])
        #expect(frame.hex(of: frame.isFull ? full : bare) == frame.response)
    }

    @Test("DescribeConfigs", arguments: try GoldenFrame.all(of: "DescribeConfigs"))
    func describeConfigs(frame: GoldenFrame) throws {
        let version = frame.version
        if frame.isFull, let request = try frame.request(DescribeConfigsRequest.self) {
            #expect(request.resources.map(\.resourceType) == [2, 4])
            #expect(request.resources.map(\.resourceName) == ["readings", "1"])
            #expect(request.resources.map(\.configurationKeys) == [["retention.ms", "segment.bytes"], nil])
            #expect(request.includeSynonyms)
            #expect(request.includeDocumentation == (version >= 3))
        }
        if !frame.isFull, let request = try frame.request(DescribeConfigsRequest.self) {
            #expect(request.resources.isEmpty)
            #expect(!request.includeSynonyms)
            #expect(!request.includeDocumentation)
        }
        let full = DescribeConfigsResponse(
            throttleTimeMilliseconds: 9,
            resources: [
                .init(
                    errorCode: .none,
                    errorMessage: nil,
                    resourceType: 2,
                    resourceName: "readings",
                    configs: [
                        .init(
                            name: "retention.ms",
                            value: "86400000",
                            readOnly: false,
                            configSource: 1,
                            isSensitive: false,
                            synonyms: [
                                .init(name: "retention.ms", value: "86400000", source: 1),
                                .init(name: "log.retention.ms", value: nil, source: 5),
                            ],
                            configType: 5,
                            documentation: "How long."
                        ),
                        .init(
                            name: "secret",
                            value: nil,
                            readOnly: true,
                            configSource: 4,
                            isSensitive: true,
                            synonyms: [],
                            configType: 9,
                            documentation: nil
                        ),
                    ]
                ),
                .init(
                    errorCode: .unknownTopicOrPartition,
                    errorMessage: "not there",
                    resourceType: 4,
                    resourceName: "1",
                    configs: []
                ),
            ]
        )
        let bare = DescribeConfigsResponse(throttleTimeMilliseconds: -1, resources: [])
        #expect(frame.hex(of: frame.isFull ? full : bare) == frame.response)
    }

    @Test("AlterConfigs", arguments: try GoldenFrame.all(of: "AlterConfigs"))
    func alterConfigs(frame: GoldenFrame) throws {
        if frame.isFull, let request = try frame.request(AlterConfigsRequest.self) {
            #expect(request.resources.map(\.resourceType) == [2, 4])
            #expect(request.resources.map(\.resourceName) == ["readings", "1"])
            #expect(request.resources.map { $0.configs.map(\.name) } == [["retention.ms", "cleanup.policy"], []])
            #expect(request.resources.map { $0.configs.map(\.value) } == [["86400000", nil], []])
            #expect(request.validateOnly)
        }
        if !frame.isFull, let request = try frame.request(AlterConfigsRequest.self) {
            #expect(request.resources.isEmpty)
            #expect(!request.validateOnly)
        }
        let full = AlterConfigsResponse(
            throttleTimeMilliseconds: 9,
            resources: [
                .init(errorCode: .none, errorMessage: nil, resourceType: 2, resourceName: "readings"),
                .init(errorCode: .invalidConfig, errorMessage: "no number", resourceType: 4, resourceName: "1"),
            ]
        )
        let bare = AlterConfigsResponse(throttleTimeMilliseconds: -1, resources: [])
        #expect(frame.hex(of: frame.isFull ? full : bare) == frame.response)
    }

    @Test("IncrementalAlterConfigs", arguments: try GoldenFrame.all(of: "IncrementalAlterConfigs"))
    func incrementalAlterConfigs(frame: GoldenFrame) throws {
        if frame.isFull, let request = try frame.request(IncrementalAlterConfigsRequest.self) {
            #expect(request.resources.map(\.resourceType) == [2, 4])
            #expect(request.resources.map(\.resourceName) == ["readings", "1"])
            #expect(request.resources.map { $0.configs.map(\.name) } == [["retention.ms", "cleanup.policy"], []])
            #expect(request.resources.map { $0.configs.map(\.configOperation) } == [[0, 1], []])
            #expect(request.resources.map { $0.configs.map(\.value) } == [["86400000", nil], []])
            #expect(request.validateOnly)
        }
        if !frame.isFull, let request = try frame.request(IncrementalAlterConfigsRequest.self) {
            #expect(request.resources.isEmpty)
            #expect(!request.validateOnly)
        }
        let full = IncrementalAlterConfigsResponse(
            throttleTimeMilliseconds: 9,
            resources: [
                .init(errorCode: .none, errorMessage: nil, resourceType: 2, resourceName: "readings"),
                .init(errorCode: .invalidConfig, errorMessage: "no number", resourceType: 4, resourceName: "1"),
            ]
        )
        let bare = IncrementalAlterConfigsResponse(throttleTimeMilliseconds: -1, resources: [])
        #expect(frame.hex(of: frame.isFull ? full : bare) == frame.response)
    }

    @Test("DescribeCluster", arguments: try GoldenFrame.all(of: "DescribeCluster"))
    func describeCluster(frame: GoldenFrame) throws {
        let version = frame.version
        if frame.isFull, let request = try frame.request(DescribeClusterRequest.self) {
            #expect(request.includeClusterAuthorizedOperations)
            #expect(request.endpointType == (version >= 1 ? 2 : 1))
        }
        if !frame.isFull, let request = try frame.request(DescribeClusterRequest.self) {
            #expect(!request.includeClusterAuthorizedOperations)
            #expect(request.endpointType == (version >= 1 ? -1 : 1))
        }
        let full = DescribeClusterResponse(
            throttleTimeMilliseconds: 9,
            errorCode: .none,
            errorMessage: "fine",
            endpointType: 2,
            clusterID: "Hk3xSlH9T8ezjPqR1yW0Zw",
            controllerID: 1,
            brokers: [
                .init(brokerID: 1, host: "edge.example", port: 9092, rack: "rack-1"),
                .init(brokerID: 2, host: "10.0.0.2", port: 9093, rack: nil),
            ],
            clusterAuthorizedOperations: 267
        )
        let bare = DescribeClusterResponse(
            throttleTimeMilliseconds: -1,
            errorCode: .unknownServerError,
            errorMessage: nil,
            endpointType: -1,
            clusterID: "",
            controllerID: -1,
            brokers: [],
            clusterAuthorizedOperations: -1
        )
        #expect(frame.hex(of: frame.isFull ? full : bare) == frame.response)
    }

    @Test("SaslHandshake", arguments: try GoldenFrame.all(of: "SaslHandshake"))
    func saslHandshake(frame: GoldenFrame) throws {
        if frame.isFull, let request = try frame.request(SASLHandshakeRequest.self) {
            #expect(request.mechanism == "SCRAM-SHA-256")
        }
        if !frame.isFull, let request = try frame.request(SASLHandshakeRequest.self) {
            #expect(request.mechanism.isEmpty)
        }
        let full = SASLHandshakeResponse(errorCode: .unsupportedSASLMechanism, mechanisms: ["PLAIN", "SCRAM-SHA-256"])
        let bare = SASLHandshakeResponse(errorCode: .unknownServerError, mechanisms: [])
        #expect(frame.hex(of: frame.isFull ? full : bare) == frame.response)
    }

    @Test("SaslAuthenticate", arguments: try GoldenFrame.all(of: "SaslAuthenticate"))
    func saslAuthenticate(frame: GoldenFrame) throws {
        if frame.isFull, let request = try frame.request(SASLAuthenticateRequest.self) {
            #expect(
                request.authBytes == buffer([0x00, 0x75, 0x73, 0x65, 0x72, 0x00, 0x73, 0x65, 0x63, 0x72, 0x65, 0x74])
            )
        }
        if !frame.isFull, let request = try frame.request(SASLAuthenticateRequest.self) {
            #expect(request.authBytes == ByteBuffer())
        }
        let full = SASLAuthenticateResponse(
            errorCode: .saslAuthenticationFailed,
            errorMessage: "wrong password",
            authBytes: buffer([0x05, 0x06]),
            sessionLifetimeMilliseconds: 3_600_001
        )
        let bare = SASLAuthenticateResponse(
            errorCode: .unknownServerError,
            errorMessage: nil,
            authBytes: buffer([]),
            sessionLifetimeMilliseconds: -1
        )
        #expect(frame.hex(of: frame.isFull ? full : bare) == frame.response)
    }
}
