// DescribeGroups: who is in a group, and what each member reads.
internal import KafkaProtocol
internal import NIOCore

extension DescribeGroupsRequest: ServedRequest {
    func start(_ call: Call) {
        let (wanted, access) = (groups.distinct(by: \.self).elements, call.connection.access)
        let asksForOperations = includeAuthorizedOperations
        call.answer { groups, _ in
            let found = wanted.map { id in
                guard access.knows(group: id) else { return DescribeGroupsResponse.Group(denied: id) }
                let operations = asksForOperations ? access.operations(onGroup: id) : .min
                return DescribeGroupsResponse.Group(groups.describe(id), operations)
            }
            return (DescribeGroupsResponse(groups: found), [])
        }
    }
}

extension DescribeGroupsResponse.Group {
    fileprivate init(denied id: String) {
        self.init(
            errorCode: .groupAuthorizationFailed,
            groupID: id,
            groupState: "",
            protocolType: "",
            protocolData: "",
            members: []
        )
    }

    fileprivate init(_ group: GroupDescription, _ operations: Int32) {
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
            },
            authorizedOperations: operations
        )
    }
}
