// LeaveGroup: members that go by themselves, and static ones that somebody takes out.

extension GroupCoordinator {
    /// Answered at once, with a code for each member.
    package func leave(_ request: GroupLeave, waiter: Waiter, at now: GroupInstant) -> [GroupAction] {
        event(at: now) {
            if let code = refusal(ofGroupID: request.groupID) {
                return answer(waiter, .leave(LeaveAnswer(code: code)))
            }
            let group = groups[request.groupID]
            if group?.state == .dead { return answer(waiter, .leave(LeaveAnswer(code: .coordinatorNotAvailable))) }
            var reply = LeaveAnswer(code: .none)
            func leave() {
                for member in request.members {
                    let code = group.map { self.leave($0, member) } ?? .unknownMemberID
                    reply.members.append(
                        LeaveAnswer.Member(
                            memberID: member.memberID,
                            groupInstanceID: member.groupInstanceID,
                            code: code
                        )
                    )
                }
            }
            if let group { change(group, leave) } else { leave() }
            answer(waiter, .leave(reply))
        }
    }

    private func leave(_ group: Group, _ leaving: GroupLeave.Member) -> GroupCode {
        if leaving.memberID.isEmpty {
            guard let instance = leaving.groupInstanceID, let member = group.member(instance: instance) else {
                return .unknownMemberID
            }
            remove(member, from: group)
            return .none
        }
        if group.pending.removeValue(forKey: leaving.memberID) != nil { return .none }
        if let code = refusal(of: leaving.memberID, instance: leaving.groupInstanceID, in: group) { return code }
        if let member = group.member(leaving.memberID) { remove(member, from: group) }
        return .none
    }
}
