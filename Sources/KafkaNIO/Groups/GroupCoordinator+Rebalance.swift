// The rebalance: how it begins, how long it waits and for whom, and what ends sessions.
internal import Platform

extension GroupCoordinator {
    /// From empty, completing or stable. Whoever waits for an assignment is sent to join again.
    func prepareRebalance(_ group: Group) {
        for member in group.members where member.syncWaiter != nil {
            answerSync(of: member, .refused(.rebalanceInProgress))
        }
        if group.state == .completingRebalance {
            // Assignments belong to a generation, and this one will not get any.
            for member in group.members { member.assignment = [] }
        }
        for member in group.members { member.isSyncPending = false }
        group.syncDeadline = nil
        group.assignmentTicket = nil
        let timeout = group.rebalanceTimeout
        if group.state == .empty {
            let delay = settings.initialRebalanceDelay
            group.rebalance = .initial(
                deadline: now.monotonic.advanced(by: delay),
                remaining: max(timeout - delay, .zero),
                hasNewcomers: false
            )
        } else {
            group.rebalance = .regular(deadline: now.monotonic.advanced(by: timeout))
        }
        group.move(to: .preparingRebalance, at: now.wall)
    }

    /// Does what has become possible or due; after every event of a group.
    func advance(_ group: Group) {
        if group.syncDeadline != nil, group.members.allSatisfy({ !$0.isSyncPending }) { group.syncDeadline = nil }
        switch group.rebalance {
        case .initial(let deadline, let remaining, let hasNewcomers) where deadline <= now.monotonic:
            if hasNewcomers, remaining > .zero {
                let delay = min(settings.initialRebalanceDelay, remaining)
                group.rebalance = .initial(
                    deadline: now.monotonic.advanced(by: delay),
                    remaining: remaining - delay,
                    hasNewcomers: false
                )
            } else {
                completeJoin(group)
            }
        case .regular(let deadline) where deadline <= now.monotonic || group.hasEveryoneJoined:
            completeJoin(group)
        case .initial, .regular, nil:
            break
        }
    }

    private func completeJoin(_ group: Group) {
        // A static member keeps its place until its session ends.
        for member in group.members where member.joinWaiter == nil && member.groupInstanceID == nil {
            drop(member, from: group)
        }
        if !group.members.isEmpty, !group.electJoinedLeader() {
            // Only static members that have not come back: there is nobody to lead.
            group.rebalance = .regular(deadline: now.monotonic.advanced(by: group.rebalanceTimeout))
            return
        }
        group.startGeneration(at: now.wall)
        guard group.state == .completingRebalance else {
            append([record(of: group.stored(assignments: [:]), group)], .emptied)
            return
        }
        for member in group.members {
            member.isNew = false
            member.isSyncPending = true
            answerJoin(of: member, current(member, in: group))
            refresh(member)
        }
        group.syncDeadline = now.monotonic.advanced(by: group.rebalanceTimeout)
    }

    // MARK: Ends of sessions

    /// Takes out whoever has not been heard of for too long.
    func expire(in group: Group) {
        group.pending = group.pending.filter { $0.value > now.monotonic }
        for member in group.members where member.canExpire && member.deadline <= now.monotonic {
            remove(member, from: group)
        }
        guard let syncDeadline = group.syncDeadline, syncDeadline <= now.monotonic else { return }
        let silent = group.members.filter(\.isSyncPending)
        guard !silent.isEmpty else { return }
        for member in silent { drop(member, from: group) }
        prepareRebalance(group)
    }

    /// Takes a member out, and begins a rebalance of the others if none is under way.
    func remove(_ member: GroupMember, from group: Group) {
        drop(member, from: group)
        if group.state == .stable || group.state == .completingRebalance { prepareRebalance(group) }
    }

    /// Takes a member out; if it waits it is told that it is no member, so that it joins again if it lives.
    func drop(_ member: GroupMember, from group: Group) {
        answerJoin(of: member, .refused(.unknownMemberID, memberID: ""))
        answerSync(of: member, .refused(.unknownMemberID))
        group.remove(member)
    }

    // MARK: Waiters of members

    func answerJoin(of member: GroupMember, _ reply: JoinAnswer) {
        guard let waiter = member.joinWaiter else { return }
        member.joinWaiter = nil
        answer(waiter, .join(reply))
    }

    /// Its session begins anew where it waited: it could not end meanwhile.
    func answerSync(of member: GroupMember, _ reply: SyncAnswer) {
        guard let waiter = member.syncWaiter else { return }
        member.syncWaiter = nil
        answer(waiter, .sync(reply))
        refresh(member)
    }

    func record(of stored: StoredGroup, _ group: Group) -> GroupRecord {
        GroupRecord(key: GroupRecordKey.group(group.id).bytes, value: stored.bytes)
    }
}
