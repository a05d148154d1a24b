// ListGroups: every group, or those in certain states.
internal import KafkaProtocol

extension ListGroupsRequest: ServedRequest {
    func start(_ call: Call) {
        let (states, access) = (statesFilter, call.connection.access)
        call.answer { groups, _ in
            let found = groups.list(states: states).filter { access.knows(group: $0.groupID) }.map {
                ListGroupsResponse.Group(
                    groupID: $0.groupID,
                    protocolType: $0.protocolType,
                    groupState: $0.state.rawValue
                )
            }
            return (ListGroupsResponse(groups: found), [])
        }
    }
}
