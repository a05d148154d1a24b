// DescribeGroups: who is in a group, and what each member reads.
internal import KafkaProtocol
internal import NIOCore

extension DescribeGroupsRequest: ServedRequest {
    func start(_ call: Call) {
        let wanted = groups
        call.answer { groups, _ in
            (DescribeGroupsResponse(groups: wanted.map { DescribeGroupsResponse.Group(groups.describe($0)) }), [])
        }
    }
}

extension DescribeGroupsResponse.Group {
    fileprivate init(_ group: GroupDescription) {
        self.init(
            groupID: group.groupID,
            groupState: group.state.rawValue,
            protocolType: group.protocolType,
            protocolData: group.protocolName,
            members: group.members.map {
                DescribeGroupsResponse.Member(
                    memberID: $0.memberID,
                    groupInstanceID: $0.groupInstanceID,
                    clientID: $0.clientID,
                    clientHost: $0.clientHost,
                    memberMetadata: ByteBuffer(bytes: $0.metadata),
                    memberAssignment: ByteBuffer(bytes: $0.assignment)
                )
            }
        )
    }
}
