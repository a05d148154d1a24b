// Static members (`group.instance.id`): one that comes back takes its old place under a new id, without a rebalance.
internal import Platform

/// A member's new id on its way to the disk, and what it takes to undo it.
struct StaticReplacement {
    let group: Group
    let generation: Int32
    let member: GroupMember
    let waiter: Waiter
    let newID: String
    let oldID: String
    let oldOffer: GroupOffer
    /// What the member is told.
    let reply: JoinAnswer
}

extension GroupCoordinator {
    /// The one who had the place is told that it is fenced, at once and for good.
    func replace(
        _ member: GroupMember,
        newID: String,
        in group: Group,
        _ request: GroupJoin,
        _ waiter: Waiter
    ) {
        answerJoin(of: member, .refused(.fencedInstanceID, memberID: member.id))
        answerSync(of: member, .refused(.fencedInstanceID))
        let (oldID, oldOffer, oldLeaderID) = (member.id, member.offer, group.leaderID)
        group.rename(member, to: newID)
        member.offer = GroupOffer(request)
        member.joinWaiter = waiter
        refresh(member)
        guard group.state != .preparingRebalance else { return }
        let held = group.members.map { ($0.id, $0.assignment) }
        let assignments = Dictionary(held, uniquingKeysWith: { first, _ in first })
        let record = record(of: group.stored(assignments: assignments), group)
        // While an assignment is being made its leader knows the old id only. And where the choice of a protocol
        // changes it must be made again. As in Kafka, other metadata for the same protocol is no reason.
        guard group.state == .stable, group.selectedProtocol == group.protocolName, !isBehind, isStorable(record) else {
            return prepareRebalance(group)
        }
        var reply = current(member, in: group)
        if request.supportsSkippingAssignment {
            reply.skipsAssignment = group.leaderID == newID
        } else {
            // It must not take itself for the leader: a stable group would not hear what it assigns.
            reply.leaderID = oldLeaderID ?? ""
            reply.members = []
        }
        let replacement = StaticReplacement(
            group: group,
            generation: group.generation,
            member: member,
            waiter: waiter,
            newID: newID,
            oldID: oldID,
            oldOffer: oldOffer,
            reply: reply
        )
        append([record], .replacement(replacement))
    }

    /// Where a rebalance has begun meanwhile, the member is in it, and gets its answer from there.
    func end(_ replacement: StaticReplacement, _ outcome: AppendOutcome) {
        let (group, member) = (replacement.group, replacement.member)
        guard group.state == .stable, group.generation == replacement.generation,
            member.joinWaiter == replacement.waiter
        else { return }
        change(group) {
            if outcome == .refused {
                group.rename(member, to: replacement.oldID)
                member.offer = replacement.oldOffer
            }
            let refusal = JoinAnswer.refused(.coordinatorNotAvailable, memberID: "")
            answerJoin(of: member, outcome == .durable ? replacement.reply : refusal)
            refresh(member)
        }
    }

    func isStorable(_ record: GroupRecord) -> Bool {
        record.key.count + (record.value?.count ?? 0) <= GroupLimits.recordBytesMax
    }
}
