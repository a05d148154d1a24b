// Where one response value serves versions of different shapes: what the older ones make of it.
import KafkaProtocol
import NIOCore
import Testing

@Suite("One value for all versions")
struct ResponseShapeTests {
    private func body(_ response: some KafkaResponse, version: Int16) -> [UInt8] {
        Array(response.frame(correlationID: 0, version: version).readableBytesView.dropFirst(8))
    }

    @Test("before version 3, LeaveGroup has the first member's error in place of the whole's")
    func leaveGroup() {
        let member = LeaveGroupResponse.Member(memberID: "m", errorCode: .unknownMemberID)
        #expect(body(LeaveGroupResponse(members: [member]), version: 0) == [0, 25])
        #expect(body(LeaveGroupResponse(errorCode: .notCoordinator, members: [member]), version: 0) == [0, 16])
        #expect(body(LeaveGroupResponse(members: []), version: 0) == [0, 0])
        #expect(body(LeaveGroupResponse(members: [member]), version: 3).prefix(6) == [0, 0, 0, 0, 0, 0])
    }

    @Test("version 1 of OffsetFetch has the group's error at each partition without one")
    func offsetFetch() {
        let good = OffsetFetchResponse.Partition(partitionIndex: 0, committedOffset: -1, metadata: nil)
        let bad = OffsetFetchResponse.Partition(
            partitionIndex: 1,
            committedOffset: -1,
            metadata: nil,
            errorCode: .unknownTopicOrPartition
        )
        let group = OffsetFetchResponse.Group(
            groupID: "g",
            topics: [.init(name: "t", partitions: [good, bad])],
            errorCode: .notCoordinator
        )
        let start: [UInt8] = [0, 0, 0, 1, 0, 1, 0x74, 0, 0, 0, 2]
        let offset: [UInt8] = Array(repeating: 0xff, count: 10)
        #expect(
            body(OffsetFetchResponse(groups: [group]), version: 1)
                == start + [0, 0, 0, 0] + offset + [0, 16] + [0, 0, 0, 1] + offset + [0, 3]
        )
        #expect(
            body(OffsetFetchResponse(groups: [group]), version: 2)
                == start + [0, 0, 0, 0] + offset + [0, 0] + [0, 0, 0, 1] + offset + [0, 3] + [0, 16]
        )
    }

    @Test("a response without the one that an old version needs is an error there")
    func missing() {
        #expect(body(OffsetFetchResponse(groups: []), version: 2) == [0, 0, 0, 0, 0xff, 0xff])
        let coordinator = body(FindCoordinatorResponse(coordinators: []), version: 0)
        #expect(coordinator == [0, 15, 0xff, 0xff, 0xff, 0xff, 0, 0, 0xff, 0xff, 0xff, 0xff])
    }

    @Test("what may be null only in newer versions is empty in older ones")
    func nullNames() {
        let metadata = MetadataResponse(brokers: [], topics: [.init(errorCode: .unknownTopicID, partitions: [])])
        #expect(body(metadata, version: 0) == [0, 0, 0, 0, 0, 0, 0, 1, 0, 100, 0, 0, 0, 0, 0, 0])
        let join = JoinGroupResponse(generationID: -1, leader: "", memberID: "")
        #expect(body(join, version: 0) == [0, 0, 0xff, 0xff, 0xff, 0xff] + Array(repeating: 0, count: 10))
    }

    @Test("a created topic without configuration has an empty list, not null, which fails Kafka's Java client")
    func createTopics() {
        let response = CreateTopicsResponse(topics: [.init(name: "t", numPartitions: 1, replicationFactor: 1)])
        let start: [UInt8] = [0, 0, 0, 0, 0, 2, 2, 0x74, 0, 0, 0, 0, 0, 0, 1, 0, 1]
        #expect(body(response, version: 5) == start + [1, 0, 0])
    }
}
