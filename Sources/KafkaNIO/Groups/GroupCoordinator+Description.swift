// ListGroups and DescribeGroups: what tools are shown.

extension GroupCoordinator {
    /// All groups, or those in these states, whose names may be in any case; in order.
    package func list(states: [String] = []) -> [GroupListing] {
        let wanted = Set(states.map { $0.lowercased() })
        return groups.values
            .filter { wanted.isEmpty || wanted.contains($0.state.rawValue.lowercased()) }
            .map { GroupListing(groupID: $0.id, protocolType: $0.protocolType ?? "", state: $0.state) }
            .sorted { $0.groupID < $1.groupID }
    }

    /// One group; `dead` where there is none of that id, which before version 6 is no error.
    package func describe(_ groupID: String) -> GroupDescription {
        guard let group = groups[groupID] else { return GroupDescription(groupID: groupID, state: .dead) }
        let isStable = group.state == .stable
        return GroupDescription(
            groupID: groupID,
            state: group.state,
            generation: group.generation,
            protocolType: group.protocolType ?? "",
            protocolName: isStable ? group.protocolName ?? "" : "",
            leaderID: group.leaderID,
            members: group.members.map { member in
                GroupDescription.Member(
                    memberID: member.id,
                    groupInstanceID: member.groupInstanceID,
                    clientID: member.clientID,
                    clientHost: member.clientHost,
                    metadata: isStable ? member.metadata(for: group.protocolName) : [],
                    assignment: isStable ? member.assignment : []
                )
            }
        )
    }
}
