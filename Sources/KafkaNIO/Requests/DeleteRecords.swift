// DeleteRecords: everything before an offset goes.
internal import CommitLog
internal import KafkaProtocol

extension DeleteRecordsRequest: ServedRequest {
    private static let highWatermark: Int64 = -1

    func start(_ call: Call) {
        let (broker, access) = (call.broker, call.connection.access)
        let plan = topics.flatMap { topic in
            topic.partitions.map { partition -> PlannedChange in
                guard access.allows(.delete, topic: topic.name) else {
                    return .refused(.topicAuthorizationFailed, "\(access.user) may not delete from \(topic.name)")
                }
                guard let found = broker.partition(topic.name, partition.partitionIndex) else {
                    return .refused(.unknownTopicOrPartition, "there is no such partition")
                }
                guard found.configuration.cleanup == .delete else {
                    return .refused(.policyViolation, "records leave a compacted topic by their keys only")
                }
                let isEnd = partition.offset == Self.highWatermark
                guard isEnd || partition.offset >= 0 else { return .refused(.offsetOutOfRange, "no such offset") }
                let before = isEnd ? found.logEndOffset : Offset(partition.offset)
                return .change(.deleteRecords(found.topicPartition, before: before))
            }
        }
        call.answer(plan) { outcomes in
            var rest = outcomes[...]
            return DeleteRecordsResponse(
                topics: topics.map { topic in
                    let own = rest.prefix(topic.partitions.count)
                    rest = rest.dropFirst(topic.partitions.count)
                    return DeleteRecordsResponse.Topic(
                        name: topic.name,
                        partitions: zip(topic.partitions, own).map { partition, outcome in
                            let found = broker.partition(topic.name, partition.partitionIndex)
                            let isDone = outcome.errorCode == .none
                            return DeleteRecordsResponse.Partition(
                                partitionIndex: partition.partitionIndex,
                                lowWatermark: isDone ? found?.logStartOffset.value ?? -1 : -1,
                                errorCode: outcome.errorCode
                            )
                        }
                    )
                }
            )
        }
    }
}
