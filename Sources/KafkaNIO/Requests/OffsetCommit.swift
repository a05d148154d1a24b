// OffsetCommit: how far a consumer has come; answered when that is durable.
internal import KafkaProtocol
internal import NIOCore

extension OffsetCommitRequest: ServedRequest {
    func start(_ call: Call) {
        guard call.connection.access.allows(.read, group: groupID) else {
            return call.answer(response { _, _ in .groupAuthorizationFailed })
        }
        CommitInWork(self, call).begin()
    }
}

/// A commit between its arrival and its answer. Belongs to the connection's event loop.
private final class CommitInWork {
    private let request: OffsetCommitRequest
    private let call: Call
    private let timeouts: WaitTimeouts
    private var timeout: NIODeadline?

    init(_ request: OffsetCommitRequest, _ call: Call) {
        self.request = request
        self.call = call
        timeouts = call.broker.waiters(of: call.eventLoop).timeouts
    }

    /// What is not durable in time is answered as a failure, and counts when it is durable after all.
    func begin() {
        let (request, broker, access) = (request, call.broker, call.connection.access)
        timeout = timeouts.add(self, in: GroupLimits.commitPatience) {
            self.answer(request.response { _, _ in .coordinatorNotAvailable })
        }
        let this = NIOLoopBound(self, eventLoop: call.eventLoop)
        broker.groups.handle(
            { $0.commit(request.commit(broker, access), waiter: $1, at: $2) },
            { answer -> PartitionCodes? in
                guard case .commit(let codes) = answer else { return nil }
                return codes
            },
            { codes in
                let response = request.response(codes, access)
                this.eventLoop.execute { this.value.answer(response) }
            }
        )
    }

    /// The first answer is the one that counts.
    private func answer(_ response: OffsetCommitResponse) {
        guard let timeout else { return }
        self.timeout = nil
        timeouts.remove(self, at: timeout)
        call.answer(response)
    }
}

extension OffsetCommitRequest {
    /// What may be committed, of topics that are there. On the coordinator's thread: one that is deleted afterwards is
    /// forgotten afterwards.
    fileprivate func commit(_ broker: Broker, _ access: Access) -> GroupCommit {
        GroupCommit(
            membership: GroupMembership(
                groupID: groupID,
                generation: generationID,
                memberID: memberID,
                groupInstanceID: groupInstanceID
            ),
            topics: topics.compactMap { topic in
                guard access.allows(.read, topic: topic.name) else { return nil }
                let known = topic.partitions.filter { broker.partition(topic.name, $0.partitionIndex) != nil }
                guard !known.isEmpty else { return nil }
                return GroupCommit.Topic(
                    name: topic.name,
                    partitions: known.map {
                        GroupCommit.Partition(
                            index: $0.partitionIndex,
                            offset: $0.committedOffset,
                            leaderEpoch: $0.committedLeaderEpoch,
                            metadata: $0.committedMetadata
                        )
                    }
                )
            }
        )
    }

    /// What the coordinator says of what it was given, and why it was not given the rest.
    fileprivate func response(_ codes: PartitionCodes, _ access: Access) -> OffsetCommitResponse {
        let code = codes.code
        return response { topic, partition in
            guard access.allows(.read, topic: topic) else { return .topicAuthorizationFailed }
            return code(topic, partition).map(ErrorCode.init) ?? .unknownTopicOrPartition
        }
    }

    /// A code for every partition that was asked about.
    fileprivate func response(_ code: (_ topic: String, _ partition: Int32) -> ErrorCode) -> OffsetCommitResponse {
        OffsetCommitResponse(
            topics: topics.map { topic in
                OffsetCommitResponse.Topic(
                    name: topic.name,
                    partitions: topic.partitions.map {
                        OffsetCommitResponse.Partition(
                            partitionIndex: $0.partitionIndex,
                            errorCode: code(topic.name, $0.partitionIndex)
                        )
                    }
                )
            }
        )
    }
}
