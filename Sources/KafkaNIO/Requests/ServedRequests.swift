// The registry of what is served: a new API is a file in this folder, and a line here.
internal import KafkaProtocol

/// A request that knows how to answer itself.
protocol ServedRequest: KafkaRequest {
    /// Begins to answer; `call.reply` is called once, now or later. On the connection's event loop, so quick: what reads
    /// files or takes long goes to the worker.
    func start(_ call: Call)
}

enum ServedRequests {
    static let all: [any ServedRequest.Type] = [
        ProduceRequest.self, InitProducerIDRequest.self, FetchRequest.self, ListOffsetsRequest.self,
        OffsetForLeaderEpochRequest.self,
        MetadataRequest.self, DescribeClusterRequest.self, ApiVersionsRequest.self,
        FindCoordinatorRequest.self, JoinGroupRequest.self, SyncGroupRequest.self, HeartbeatRequest.self,
        LeaveGroupRequest.self, OffsetCommitRequest.self, OffsetFetchRequest.self, DescribeGroupsRequest.self,
        ListGroupsRequest.self, DeleteGroupsRequest.self, OffsetDeleteRequest.self,
        CreateTopicsRequest.self, DeleteTopicsRequest.self, CreatePartitionsRequest.self, DeleteRecordsRequest.self,
        DescribeConfigsRequest.self, AlterConfigsRequest.self, IncrementalAlterConfigsRequest.self,
        SASLHandshakeRequest.self, SASLAuthenticateRequest.self,
    ]

    private static let byKey: [APIKey: any ServedRequest.Type] = Dictionary(
        uniqueKeysWithValues: all.map { ($0.key, $0) }
    )

    /// Decodes the request behind `reader` and starts it.
    static func start(_ key: APIKey, _ reader: inout WireReader, _ call: Call) throws(WireError) {
        guard let type = byKey[key] else { return call.reply(.close(.unsupported)) }
        try start(type, &reader, call)
    }

    private static func start<Request: ServedRequest>(
        _ type: Request.Type,
        _ reader: inout WireReader,
        _ call: Call
    ) throws(WireError) {
        try Request(from: &reader, version: call.version).start(call)
    }
}
