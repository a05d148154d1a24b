// JoinGroup: who may come in, under which id, and whether that begins a rebalance.
internal import Platform

extension GroupCoordinator {
    /// Answered at once with an error, or with an id to come back with; else when the rebalance is done.
    package func join(_ request: GroupJoin, waiter: Waiter, at now: GroupInstant) -> [GroupAction] {
        event(at: now) {
            if let code = refusal(of: request) {
                return answer(waiter, .join(.refused(code, memberID: request.memberID)))
            }
            guard let group = groups[request.groupID] ?? (request.memberID.isEmpty ? makeGroup(request.groupID) : nil)
            else {
                let code = request.memberID.isEmpty ? GroupCode.coordinatorNotAvailable : .unknownMemberID
                return answer(waiter, .join(.refused(code, memberID: request.memberID)))
            }
            change(group) { join(group, request, waiter) }
        }
    }

    private func join(_ group: Group, _ request: GroupJoin, _ waiter: Waiter) {
        func refuse(_ code: GroupCode, memberID: String = request.memberID) {
            answer(waiter, .join(.refused(code, memberID: memberID)))
        }
        guard hasPlace(for: request, in: group) else {
            if let member = group.member(request.memberID) { drop(member, from: group) }
            group.pending[request.memberID] = nil
            return refuse(.groupMaxSizeReached, memberID: "")
        }
        guard group.state != .dead, hasMemory(for: request, in: group) else { return refuse(.coordinatorNotAvailable) }
        guard group.supports(protocolType: request.protocolType, request.protocols) else {
            return refuse(.inconsistentGroupProtocol)
        }
        if request.memberID.isEmpty {
            joinAnew(group, request, waiter)
        } else if group.pending[request.memberID] != nil {
            // Ids are pending for dynamic members only.
            guard request.groupInstanceID == nil else { return refuse(.unknownMemberID) }
            add(request, id: request.memberID, to: group, waiter)
        } else if let code = refusal(of: request.memberID, instance: request.groupInstanceID, in: group) {
            refuse(code)
        } else if let member = group.member(request.memberID) {
            rejoin(group, member, request, waiter)
        }
    }

    // MARK: What may come in

    private func refusal(of request: GroupJoin) -> GroupCode? {
        if let code = refusal(ofGroupID: request.groupID) { return code }
        guard settings.sessionTimeouts.contains(request.sessionTimeout) else { return .invalidSessionTimeout }
        let names = request.protocols.map(\.name) + [request.protocolType, request.groupInstanceID ?? ""]
        guard names.allSatisfy({ $0.utf8.count <= GroupLimits.nameBytesMax }), request.groupInstanceID?.isEmpty != true,
            request.protocols.count <= GroupLimits.protocolsMax,
            request.protocols.reduce(0, { $0 + $1.metadata.count }) <= GroupLimits.metadataBytesMax
        else { return .invalidRequest }
        return nil
    }

    /// While members join, the first ones to come have the places, beside those who have not come yet; ids given out
    /// have as many places of their own.
    private func hasPlace(for request: GroupJoin, in group: Group) -> Bool {
        let member = known(request, in: group)
        if member == nil, request.memberID.isEmpty, group.pending.count >= settings.membersMax { return false }
        switch group.state {
        case .empty, .dead: return true
        case .preparingRebalance:
            let waiting = group.members.count { $0.joinWaiter != nil }
            if member?.joinWaiter != nil { return true }
            return waiting < settings.membersMax && (member != nil || group.members.count < 2 * settings.membersMax)
        case .completingRebalance, .stable:
            return member != nil || group.members.count < settings.membersMax
        }
    }

    /// The member that a join speaks for; a static one by its instance id, as it comes back without another.
    private func known(_ request: GroupJoin, in group: Group) -> GroupMember? {
        group.member(request.memberID) ?? request.groupInstanceID.flatMap { group.member(instance: $0) }
    }

    private func hasMemory(for request: GroupJoin, in group: Group) -> Bool {
        let known = known(request, in: group)
        // Ids and labels of a new member, generously.
        let fixed = known == nil ? 3 * GroupLimits.nameBytesMax : 0
        let growth = GroupOffer(request).byteCount + fixed - (known?.offer.byteCount ?? 0)
        return growth <= 0 || memberBytes + growth <= settings.memberBytesMax
    }

    // MARK: New members

    private func joinAnew(_ group: Group, _ request: GroupJoin, _ waiter: Waiter) {
        let label = GroupCoordinator.label(request.clientID)
        let id = "\(request.groupInstanceID ?? label)-\(makeIdentifier())"
        if let instance = request.groupInstanceID {
            if let member = group.member(instance: instance) {
                replace(member, newID: id, in: group, request, waiter)
            } else {
                add(request, id: id, to: group, waiter)
            }
        } else if request.requiresKnownMemberID {
            group.pending[id] = now.monotonic.advanced(by: request.sessionTimeout)
            answer(waiter, .join(.refused(.memberIDRequired, memberID: id)))
        } else {
            add(request, id: id, to: group, waiter)
        }
    }

    private func add(_ request: GroupJoin, id: String, to group: Group, _ waiter: Waiter) {
        let member = GroupMember(
            id: id,
            groupInstanceID: request.groupInstanceID,
            clientID: GroupCoordinator.label(request.clientID),
            clientHost: GroupCoordinator.label(request.clientHost),
            offer: GroupOffer(request),
            isNew: true,
            deadline: now.monotonic.advanced(by: GroupLimits.newMemberTimeout)
        )
        member.joinWaiter = waiter
        if group.members.isEmpty { group.protocolType = request.protocolType }
        group.add(member)
        if case .initial(let deadline, let remaining, _) = group.rebalance {
            group.rebalance = .initial(deadline: deadline, remaining: remaining, hasNewcomers: true)
        } else if group.state != .preparingRebalance {
            prepareRebalance(group)
        }
    }

    /// As much of a text that is only shown as is kept of it.
    private static func label(_ text: String) -> String {
        guard text.utf8.count > GroupLimits.labelBytesMax else { return text }
        var cut = ""
        var count = 0
        for scalar in text.unicodeScalars {
            count += UTF8.width(scalar)
            guard count <= GroupLimits.labelBytesMax else { break }
            cut.unicodeScalars.append(scalar)
        }
        return cut
    }

    // MARK: Known members

    private func rejoin(_ group: Group, _ member: GroupMember, _ request: GroupJoin, _ waiter: Waiter) {
        let isUnchanged = member.offer.protocols == request.protocols
        let isLeader = group.leaderID == member.id
        switch group.state {
        case .completingRebalance where isUnchanged:
            // The answer to its join may have been lost: the same once more.
            answer(waiter, .join(current(member, in: group)))
        case .stable where isUnchanged && !isLeader:
            answer(waiter, .join(current(member, in: group)))
        default:
            // A leader that joins again has a reason that does not show in its protocols, such as new partitions.
            update(member, request, waiter)
            if group.state != .preparingRebalance { prepareRebalance(group) }
        }
    }

    /// Takes over what a join brings, and the place of an older join of the same member.
    func update(_ member: GroupMember, _ request: GroupJoin, _ waiter: Waiter) {
        answerJoin(of: member, .refused(.rebalanceInProgress, memberID: member.id))
        member.offer = GroupOffer(request)
        member.joinWaiter = waiter
    }

    /// The current generation, as a member is told of it.
    func current(_ member: GroupMember, in group: Group) -> JoinAnswer {
        var answer = JoinAnswer(code: .none, memberID: member.id)
        answer.generation = group.generation
        answer.protocolType = group.protocolType
        answer.protocolName = group.protocolName
        answer.leaderID = group.leaderID ?? ""
        if group.leaderID == member.id { answer.members = roll(of: group) }
        return answer
    }

    /// All members, as their leader is to know them.
    private func roll(of group: Group) -> [JoinAnswer.Member] {
        group.members.map {
            JoinAnswer.Member(
                memberID: $0.id,
                groupInstanceID: $0.groupInstanceID,
                metadata: $0.metadata(for: group.protocolName)
            )
        }
    }
}
