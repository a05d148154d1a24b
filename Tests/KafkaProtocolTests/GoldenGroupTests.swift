// The APIs of consumer groups against kafka-python, field by field and byte by byte.
import KafkaProtocol
import NIOCore
import Testing

@Suite("Golden frames: groups")
struct GoldenGroupTests {
    @Test("OffsetCommit", arguments: try GoldenFrame.all(of: "OffsetCommit"))
    func offsetCommit(frame: GoldenFrame) throws {
        let version = frame.version
        if frame.isFull, let request = try frame.request(OffsetCommitRequest.self) {
            #expect(request.groupID == "group-1")
            #expect(request.generationID == 5)
            #expect(request.memberID == "member-1")
            #expect(request.groupInstanceID == (version >= 7 ? "instance-1" : nil))
            #expect(request.retentionTimeMilliseconds == (version <= 4 ? 86_400_001 : -1))
            #expect(request.topics.map(\.name) == ["readings", "alerts"])
            #expect(request.topics.map { $0.partitions.map(\.partitionIndex) } == [[0, 1], []])
            #expect(request.topics.map { $0.partitions.map(\.committedOffset) } == [[4_294_967_297, 3], []])
            #expect(
                request.topics.map { $0.partitions.map(\.committedLeaderEpoch) }
                    == (version >= 6 ? [[2, 4], []] : [[-1, -1], []])
            )
            #expect(request.topics.map { $0.partitions.map(\.committedMetadata) } == [["note", nil], []])
        }
        if !frame.isFull, let request = try frame.request(OffsetCommitRequest.self) {
            #expect(request.groupID.isEmpty)
            #expect(request.generationID == -1)
            #expect(request.memberID.isEmpty)
            #expect(request.groupInstanceID == nil)
            #expect(request.retentionTimeMilliseconds == -1)
            #expect(request.topics.isEmpty)
        }
        let full = OffsetCommitResponse(
            throttleTimeMilliseconds: 9,
            topics: [
                .init(
                    name: "readings",
                    partitions: [
                        .init(partitionIndex: 0, errorCode: .none),
                        .init(partitionIndex: 1, errorCode: .offsetMetadataTooLarge),
                    ]
                ), .init(name: "alerts", partitions: []),
            ]
        )
        let bare = OffsetCommitResponse(throttleTimeMilliseconds: -1, topics: [])
        #expect(frame.hex(of: frame.isFull ? full : bare) == frame.response)
    }

    @Test("OffsetFetch", arguments: try GoldenFrame.all(of: "OffsetFetch"))
    func offsetFetch(frame: GoldenFrame) throws {
        let version = frame.version
        if frame.isFull, let request = try frame.request(OffsetFetchRequest.self) {
            #expect(request.groups.map(\.groupID) == (version >= 8 ? ["group-1", "group-2"] : ["group-1"]))
            #expect(request.groups[0].topics?.map(\.name) == ["readings", "alerts"])
            #expect(request.groups[0].topics?.map(\.partitionIndexes) == [[0, 1], []])
            #expect(request.groups.last?.topics == nil || version < 8)
            #expect(request.requireStable == (version >= 7))
        }
        if !frame.isFull, let request = try frame.request(OffsetFetchRequest.self) {
            #expect(request.groups.map(\.groupID) == (version >= 8 ? [] : [""]))
            #expect(request.groups.first?.topics == (version == 1 ? [] : nil))
            #expect(!request.requireStable)
        }
        let topics: [OffsetFetchResponse.Topic] = [
            .init(
                name: "readings",
                partitions: [
                    .init(
                        partitionIndex: 0,
                        committedOffset: 4_294_967_305,
                        committedLeaderEpoch: 2,
                        metadata: "note"
                    ),
                    .init(
                        partitionIndex: 1,
                        committedOffset: -1,
                        metadata: nil,
                        errorCode: .unknownTopicOrPartition
                    ),
                ]
            ),
            .init(name: "alerts", partitions: []),
        ]
        let full = OffsetFetchResponse(
            throttleTimeMilliseconds: 9,
            groups: [
                .init(groupID: "group-1", topics: topics),
                .init(groupID: "group-2", topics: [], errorCode: .coordinatorNotAvailable),
            ]
        )
        let failed = OffsetFetchResponse.Group(groupID: "", topics: [], errorCode: .unknownServerError)
        let bare = OffsetFetchResponse(throttleTimeMilliseconds: -1, groups: version >= 8 ? [] : [failed])
        #expect(frame.hex(of: frame.isFull ? full : bare) == frame.response)
    }

    @Test("JoinGroup", arguments: try GoldenFrame.all(of: "JoinGroup"))
    func joinGroup(frame: GoldenFrame) throws {
        let version = frame.version
        if frame.isFull, let request = try frame.request(JoinGroupRequest.self) {
            #expect(request.groupID == "group-1")
            #expect(request.sessionTimeoutMilliseconds == 10_001)
            #expect(request.rebalanceTimeoutMilliseconds == (version >= 1 ? 300_001 : -1))
            #expect(request.memberID == "member-1")
            #expect(request.groupInstanceID == (version >= 5 ? "instance-1" : nil))
            #expect(request.protocolType == "consumer")
            #expect(request.protocols.map(\.name) == ["range", "sticky"])
            #expect(request.protocols.map(\.metadata) == [buffer([0x00, 0x01, 0x02]), buffer([])])
            #expect(request.reason == (version >= 8 ? "rejoining" : nil))
        }
        if !frame.isFull, let request = try frame.request(JoinGroupRequest.self) {
            #expect(request.groupID.isEmpty)
            #expect(request.sessionTimeoutMilliseconds == -1)
            #expect(request.rebalanceTimeoutMilliseconds == -1)
            #expect(request.memberID.isEmpty)
            #expect(request.groupInstanceID == nil)
            #expect(request.protocolType.isEmpty)
            #expect(request.protocols.isEmpty)
            #expect(request.reason == nil)
        }
        let full = JoinGroupResponse(
            throttleTimeMilliseconds: 9,
            errorCode: .none,
            generationID: 5,
            protocolType: "consumer",
            protocolName: "range",
            leader: "member-1",
            skipAssignment: true,
            memberID: "member-2",
            members: [
                .init(memberID: "member-1", groupInstanceID: "instance-1", metadata: buffer([0x00, 0x01, 0x02])),
                .init(memberID: "member-2", groupInstanceID: nil, metadata: buffer([])),
            ]
        )
        let bare = JoinGroupResponse(
            throttleTimeMilliseconds: -1,
            errorCode: .unknownServerError,
            generationID: -1,
            protocolType: nil,
            protocolName: nil,
            leader: "",
            skipAssignment: false,
            memberID: "",
            members: []
        )
        #expect(frame.hex(of: frame.isFull ? full : bare) == frame.response)
    }

    @Test("Heartbeat", arguments: try GoldenFrame.all(of: "Heartbeat"))
    func heartbeat(frame: GoldenFrame) throws {
        let version = frame.version
        if frame.isFull, let request = try frame.request(HeartbeatRequest.self) {
            #expect(request.groupID == "group-1")
            #expect(request.generationID == 5)
            #expect(request.memberID == "member-1")
            #expect(request.groupInstanceID == (version >= 3 ? "instance-1" : nil))
        }
        if !frame.isFull, let request = try frame.request(HeartbeatRequest.self) {
            #expect(request.groupID.isEmpty)
            #expect(request.generationID == -1)
            #expect(request.memberID.isEmpty)
            #expect(request.groupInstanceID == nil)
        }
        let full = HeartbeatResponse(throttleTimeMilliseconds: 9, errorCode: .rebalanceInProgress)
        let bare = HeartbeatResponse(throttleTimeMilliseconds: -1, errorCode: .unknownServerError)
        #expect(frame.hex(of: frame.isFull ? full : bare) == frame.response)
    }

    @Test("LeaveGroup", arguments: try GoldenFrame.all(of: "LeaveGroup"))
    func leaveGroup(frame: GoldenFrame) throws {
        let version = frame.version
        if frame.isFull, let request = try frame.request(LeaveGroupRequest.self) {
            #expect(request.groupID == "group-1")
            #expect(request.members.map(\.memberID) == (version >= 3 ? ["member-1", "member-2"] : ["member-1"]))
            #expect(request.members.map(\.groupInstanceID) == (version >= 3 ? ["instance-1", nil] : [nil]))
            #expect(
                request.members.map(\.reason)
                    == (version >= 5 ? ["shutdown", nil] : version >= 3 ? [nil, nil] : [nil])
            )
        }
        if !frame.isFull, let request = try frame.request(LeaveGroupRequest.self) {
            #expect(request.groupID.isEmpty)
            #expect(request.members.map(\.memberID) == (version >= 3 ? [] : [""]))
        }
        let full = LeaveGroupResponse(
            throttleTimeMilliseconds: 9,
            errorCode: .none,
            members: [
                .init(memberID: "member-1", groupInstanceID: "instance-1", errorCode: .none),
                .init(memberID: "member-2", groupInstanceID: nil, errorCode: .unknownMemberID),
            ]
        )
        let bare = LeaveGroupResponse(throttleTimeMilliseconds: -1, errorCode: .unknownServerError, members: [])
        #expect(frame.hex(of: frame.isFull ? full : bare) == frame.response)
    }

    @Test("SyncGroup", arguments: try GoldenFrame.all(of: "SyncGroup"))
    func syncGroup(frame: GoldenFrame) throws {
        let version = frame.version
        if frame.isFull, let request = try frame.request(SyncGroupRequest.self) {
            #expect(request.groupID == "group-1")
            #expect(request.generationID == 5)
            #expect(request.memberID == "member-1")
            #expect(request.groupInstanceID == (version >= 3 ? "instance-1" : nil))
            #expect(request.protocolType == (version >= 5 ? "consumer" : nil))
            #expect(request.protocolName == (version >= 5 ? "range" : nil))
            #expect(request.assignments.map(\.memberID) == ["member-1", "member-2"])
            #expect(request.assignments.map(\.assignment) == [buffer([0x03, 0x04]), buffer([])])
        }
        if !frame.isFull, let request = try frame.request(SyncGroupRequest.self) {
            #expect(request.groupID.isEmpty)
            #expect(request.generationID == -1)
            #expect(request.memberID.isEmpty)
            #expect(request.groupInstanceID == nil)
            #expect(request.protocolType == nil)
            #expect(request.protocolName == nil)
            #expect(request.assignments.isEmpty)
        }
        let full = SyncGroupResponse(
            throttleTimeMilliseconds: 9,
            errorCode: .none,
            protocolType: "consumer",
            protocolName: "range",
            assignment: buffer([0x03, 0x04, 0x05])
        )
        let bare = SyncGroupResponse(
            throttleTimeMilliseconds: -1,
            errorCode: .unknownServerError,
            protocolType: nil,
            protocolName: nil,
            assignment: buffer([])
        )
        #expect(frame.hex(of: frame.isFull ? full : bare) == frame.response)
    }

    @Test("DescribeGroups", arguments: try GoldenFrame.all(of: "DescribeGroups"))
    func describeGroups(frame: GoldenFrame) throws {
        let version = frame.version
        if frame.isFull, let request = try frame.request(DescribeGroupsRequest.self) {
            #expect(request.groups == ["group-1", "group-2"])
            #expect(request.includeAuthorizedOperations == (version >= 3))
        }
        if !frame.isFull, let request = try frame.request(DescribeGroupsRequest.self) {
            #expect(request.groups.isEmpty)
            #expect(!request.includeAuthorizedOperations)
        }
        let full = DescribeGroupsResponse(
            throttleTimeMilliseconds: 9,
            groups: [
                .init(
                    errorCode: .none,
                    groupID: "group-1",
                    groupState: "Stable",
                    protocolType: "consumer",
                    protocolData: "range",
                    members: [
                        .init(
                            memberID: "member-1",
                            groupInstanceID: "instance-1",
                            clientID: "client-1",
                            clientHost: "/10.0.0.3",
                            memberMetadata: buffer([0x00, 0x01]),
                            memberAssignment: buffer([0x02, 0x03, 0x04])
                        ),
                        .init(
                            memberID: "member-2",
                            groupInstanceID: nil,
                            clientID: "client-2",
                            clientHost: "/10.0.0.4",
                            memberMetadata: buffer([]),
                            memberAssignment: buffer([])
                        ),
                    ],
                    authorizedOperations: 266
                ),
                .init(
                    errorCode: .notCoordinator,
                    groupID: "group-2",
                    groupState: "Dead",
                    protocolType: "",
                    protocolData: "",
                    members: [],
                    authorizedOperations: .min
                ),
            ]
        )
        let bare = DescribeGroupsResponse(throttleTimeMilliseconds: -1, groups: [])
        #expect(frame.hex(of: frame.isFull ? full : bare) == frame.response)
    }

    @Test("ListGroups", arguments: try GoldenFrame.all(of: "ListGroups"))
    func listGroups(frame: GoldenFrame) throws {
        let version = frame.version
        if frame.isFull, let request = try frame.request(ListGroupsRequest.self) {
            #expect(request.statesFilter == (version >= 4 ? ["Stable", "Empty"] : []))
        }
        if !frame.isFull, let request = try frame.request(ListGroupsRequest.self) {
            #expect(request.statesFilter.isEmpty)
        }
        let full = ListGroupsResponse(
            throttleTimeMilliseconds: 9,
            errorCode: .none,
            groups: [
                .init(groupID: "group-1", protocolType: "consumer", groupState: "Stable"),
                .init(groupID: "group-2", protocolType: "", groupState: "Empty"),
            ]
        )
        let bare = ListGroupsResponse(throttleTimeMilliseconds: -1, errorCode: .unknownServerError, groups: [])
        #expect(frame.hex(of: frame.isFull ? full : bare) == frame.response)
    }

    @Test("DeleteGroups", arguments: try GoldenFrame.all(of: "DeleteGroups"))
    func deleteGroups(frame: GoldenFrame) throws {
        if frame.isFull, let request = try frame.request(DeleteGroupsRequest.self) {
            #expect(request.groupsNames == ["group-1", "group-2"])
        }
        if !frame.isFull, let request = try frame.request(DeleteGroupsRequest.self) {
            #expect(request.groupsNames.isEmpty)
        }
        let full = DeleteGroupsResponse(
            throttleTimeMilliseconds: 9,
            results: [
                .init(groupID: "group-1", errorCode: .none), .init(groupID: "group-2", errorCode: .nonEmptyGroup),
            ]
        )
        let bare = DeleteGroupsResponse(throttleTimeMilliseconds: -1, results: [])
        #expect(frame.hex(of: frame.isFull ? full : bare) == frame.response)
    }

    @Test("OffsetDelete", arguments: try GoldenFrame.all(of: "OffsetDelete"))
    func offsetDelete(frame: GoldenFrame) throws {
        if frame.isFull, let request = try frame.request(OffsetDeleteRequest.self) {
            #expect(request.groupID == "group-1")
            #expect(request.topics.map(\.name) == ["readings", "alerts"])
            #expect(request.topics.map { $0.partitions.map(\.partitionIndex) } == [[0, 1], []])
        }
        if !frame.isFull, let request = try frame.request(OffsetDeleteRequest.self) {
            #expect(request.groupID.isEmpty)
            #expect(request.topics.isEmpty)
        }
        let full = OffsetDeleteResponse(
            errorCode: .groupIDNotFound,
            throttleTimeMilliseconds: 9,
            topics: [
                .init(
                    name: "readings",
                    partitions: [
                        .init(partitionIndex: 0, errorCode: .none),
                        .init(partitionIndex: 1, errorCode: .groupSubscribedToTopic),
                    ]
                ), .init(name: "alerts", partitions: []),
            ]
        )
        let bare = OffsetDeleteResponse(errorCode: .unknownServerError, throttleTimeMilliseconds: -1, topics: [])
        #expect(frame.hex(of: frame.isFull ? full : bare) == frame.response)
    }
}
