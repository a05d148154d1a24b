// SyncGroup and Heartbeat: the leader's assignment, when everybody gets it, and signs of life.
internal import Platform

extension GroupCoordinator {
    /// A follower waits for the leader's assignment, and the leader for it to be durable; in a stable group the answer
    /// comes at once.
    package func sync(_ request: GroupSync, waiter: Waiter, at now: GroupInstant) -> [GroupAction] {
        event(at: now) {
            let id = request.membership.groupID
            guard let group = groups[id] else {
                return answer(waiter, .sync(.refused(refusal(ofGroupID: id) ?? .unknownMemberID)))
            }
            change(group) { sync(group, request, waiter) }
        }
    }

    private func sync(_ group: Group, _ request: GroupSync, _ waiter: Waiter) {
        if let code = refusal(of: request, in: group) { return answer(waiter, .sync(.refused(code))) }
        guard let member = group.member(request.membership.memberID) else {
            return answer(waiter, .sync(.refused(.unknownMemberID)))
        }
        switch group.state {
        case .empty, .dead:
            answer(waiter, .sync(.refused(.unknownMemberID)))
        case .preparingRebalance:
            answer(waiter, .sync(.refused(.rebalanceInProgress)))
        case .stable:
            member.isSyncPending = false
            refresh(member)
            answer(waiter, .sync(assignment(of: member, in: group)))
        case .completingRebalance:
            // An older sync of the same member, whose connection is gone, makes room.
            answerSync(of: member, .refused(.rebalanceInProgress))
            member.isSyncPending = false
            member.syncWaiter = waiter
            // The first assignment of a generation stands.
            if group.leaderID == member.id, group.assignmentTicket == nil { store(request.assignments, of: group) }
        }
    }

    private func refusal(of request: GroupSync, in group: Group) -> GroupCode? {
        if let code = refusal(of: request.membership, in: group) { return code }
        let isConsistent =
            (request.protocolType.map { $0 == group.protocolType } ?? true)
            && (request.protocolName.map { $0 == group.protocolName } ?? true)
        return isConsistent ? nil : .inconsistentGroupProtocol
    }

    /// Members that the leader has forgotten get nothing to do; who is no member does not count.
    private func store(_ given: [String: [UInt8]], of group: Group) {
        let members = group.members.map { ($0.id, given[$0.id] ?? []) }
        let assignments = Dictionary(members, uniquingKeysWith: { first, _ in first })
        let record = record(of: group.stored(assignments: assignments), group)
        let byteCount = assignments.values.reduce(0) { $0 + $1.count }
        if !isStorable(record) {
            fail(group, .unknownServerError)
        } else if isBehind || memberBytes + byteCount > settings.memberBytesMax {
            fail(group, .coordinatorNotAvailable)
        } else {
            group.assignmentTicket = append([record], .assignment(group, assignments))
        }
    }

    /// Where another rebalance has begun meanwhile, the assignment is of no use.
    func end(_ group: Group, _ assignments: [String: [UInt8]], _ ticket: AppendTicket, _ outcome: AppendOutcome) {
        guard group.assignmentTicket == ticket else { return }
        change(group) {
            group.assignmentTicket = nil
            guard outcome == .durable else { return fail(group, .coordinatorNotAvailable) }
            group.move(to: .stable, at: group.stateTime)
            for member in group.members { member.assignment = assignments[member.id] ?? [] }
            for member in group.members { answerSync(of: member, assignment(of: member, in: group)) }
        }
    }

    private func fail(_ group: Group, _ code: GroupCode) {
        for member in group.members { answerSync(of: member, .refused(code)) }
        prepareRebalance(group)
    }

    private func assignment(of member: GroupMember, in group: Group) -> SyncAnswer {
        SyncAnswer(
            code: .none,
            protocolType: group.protocolType,
            protocolName: group.protocolName,
            assignment: member.assignment
        )
    }

    /// A sign of life, answered at once: `rebalanceInProgress` asks the member to join again.
    package func heartbeat(_ membership: GroupMembership, at now: GroupInstant) -> GroupCode {
        if let code = refusal(ofGroupID: membership.groupID) { return code }
        guard let group = groups[membership.groupID] else { return .unknownMemberID }
        if let code = refusal(of: membership, in: group) { return code }
        guard let member = group.member(membership.memberID) else { return .unknownMemberID }
        self.now = now
        refresh(member)
        return group.state == .preparingRebalance ? .rebalanceInProgress : .none
    }
}
