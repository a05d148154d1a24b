// One group: its members, where it stands in a rebalance, and its offsets. Rules that need a clock or give answers are
// the coordinator's.
internal import Platform

/// Owned by the coordinator.
final class Group {
    let id: String
    private(set) var state = GroupState.empty
    /// Since when, by the wall clock; -1 where that is not known.
    private(set) var stateTime: Timestamp
    private(set) var generation: Int32 = 0
    /// nil until somebody joined; stays when all have left.
    var protocolType: String?
    /// The one that the current generation uses; nil while there is none.
    private(set) var protocolName: String?
    private(set) var leaderID: String?
    /// In the order in which they joined.
    private(set) var members: [GroupMember] = []
    /// The same by their ids, so that a request that names many costs no more than it is long.
    private var membersByID: [String: GroupMember] = [:]
    /// Static ones by their instance ids.
    private var membersByInstance: [String: GroupMember] = [:]
    /// Ids that were given out and have not joined yet, with the ends of their sessions.
    var pending: [String: MonotonicInstant] = [:]
    /// In `preparingRebalance`: until when.
    var rebalance: Rebalance?
    /// When members that did not sync are dropped; nil once all have.
    var syncDeadline: MonotonicInstant?
    /// In `completingRebalance`: the leader's assignment on its way to the disk.
    var assignmentTicket: AppendTicket?
    var offsets = CommittedOffsets()
    /// When a right clock first looked at offsets whose times cannot be right; nil after every change.
    var firstLook: Timestamp?

    /// How long a rebalance waits.
    enum Rebalance {
        /// The first join of an empty group: up to the deadline, which newcomers push back as long as something
        /// remains.
        case initial(deadline: MonotonicInstant, remaining: Duration, hasNewcomers: Bool)
        /// Until all members have joined, and not beyond the deadline.
        case regular(deadline: MonotonicInstant)

        var deadline: MonotonicInstant {
            switch self {
            case .initial(let deadline, _, _), .regular(let deadline): deadline
            }
        }
    }

    init(id: String, at time: Timestamp) {
        self.id = id
        stateTime = time
    }

    func move(to state: GroupState, at time: Timestamp) {
        self.state = state
        stateTime = time
        firstLook = nil
    }

    /// Whether nothing would be lost with it: nobody is in it, nothing of it is stored.
    var isUnused: Bool {
        state == .empty && generation == 0 && pending.isEmpty && offsets.isEmpty && !offsets.hasInFlight
    }

    /// The next instant at which time itself changes something.
    var nextDeadline: MonotonicInstant? {
        let sessions = members.lazy.filter(\.canExpire).map(\.deadline).min()
        return [sessions, pending.values.min(), rebalance?.deadline, syncDeadline].compactMap(\.self).min()
    }

    /// What its members cost to keep.
    var memberBytes: Int {
        members.reduce(pending.keys.reduce(0) { $0 + $1.utf8.count }) { $0 + $1.byteCount }
    }
}

// MARK: - Members

extension Group {
    func member(_ id: String) -> GroupMember? { membersByID[id] }

    func member(instance id: String) -> GroupMember? { membersByInstance[id] }

    /// Neither its id nor its instance id is another member's.
    func add(_ member: GroupMember) {
        insert(member)
        pending[member.id] = nil
        if leaderID == nil { leaderID = member.id }
    }

    private func insert(_ member: GroupMember) {
        members.append(member)
        membersByID[member.id] = member
        if let instance = member.groupInstanceID { membersByInstance[instance] = member }
    }

    /// Its waiters are the caller's.
    func remove(_ member: GroupMember) {
        members.removeAll { $0 === member }
        membersByID[member.id] = nil
        if let instance = member.groupInstanceID { membersByInstance[instance] = nil }
        if leaderID == member.id { leaderID = members.first?.id }
    }

    /// Gives a static member another id, and the leadership with it.
    func rename(_ member: GroupMember, to id: String) {
        if leaderID == member.id { leaderID = id }
        membersByID[member.id] = nil
        member.id = id
        membersByID[id] = member
    }

    var hasEveryoneJoined: Bool {
        pending.isEmpty && members.allSatisfy { $0.joinWaiter != nil }
    }

    /// The largest of its members.
    var rebalanceTimeout: Duration {
        members.map(\.offer.rebalanceTimeout).max() ?? .zero
    }

    /// Keeps the leader if it has joined, else takes the first that has. False where none has.
    func electJoinedLeader() -> Bool {
        if let leaderID, member(leaderID)?.joinWaiter != nil { return true }
        guard let joined = members.first(where: { $0.joinWaiter != nil }) else { return false }
        leaderID = joined.id
        return true
    }

    /// The next generation of the members that are there; without any the group is empty.
    func startGeneration(at time: Timestamp) {
        generation = generation == .max ? 1 : generation + 1
        protocolName = selectedProtocol
        rebalance = nil
        move(to: members.isEmpty ? .empty : .completingRebalance, at: time)
    }
}

// MARK: - Protocols

extension Group {
    /// Whether a member with these protocols can be in it: there must be one that all others know as well.
    func supports(protocolType: String, _ protocols: [GroupProtocol]) -> Bool {
        guard state != .empty else { return !protocolType.isEmpty && !protocols.isEmpty }
        return self.protocolType == protocolType && protocols.contains { isKnownToAll($0.name) }
    }

    /// Of the protocols that all know, the one that most put first; nil without members.
    var selectedProtocol: String? {
        let candidates = Set(members.first?.offer.protocols.lazy.map(\.name).filter(isKnownToAll) ?? [])
        let votes = members.compactMap { member in member.offer.protocols.first { candidates.contains($0.name) }?.name }
        let counts = Dictionary(votes.map { ($0, 1) }, uniquingKeysWith: +)
        guard let most = counts.values.max() else { return nil }
        return votes.first { counts[$0] == most }
    }

    private func isKnownToAll(_ name: String) -> Bool {
        members.allSatisfy { member in member.offer.protocols.contains { $0.name == name } }
    }

    /// The topics that a consumer group reads; nil where a subscription cannot be read: it may be to any.
    var readTopics: Set<String>? {
        var topics: Set<String> = []
        for member in members {
            // Before the first generation nothing is chosen: all that the member says counts.
            let offered = member.offer.protocols.filter { protocolName == nil || $0.name == protocolName }
            guard !offered.isEmpty else { return nil }
            for one in offered {
                guard let named = ConsumerSubscription.topics(in: one.metadata) else { return nil }
                topics.formUnion(named)
            }
        }
        return topics
    }
}

// MARK: - Storing

extension Group {
    /// As a record says it, with assignments that are not the members' yet.
    func stored(assignments: [String: [UInt8]]) -> StoredGroup {
        StoredGroup(
            protocolType: protocolType ?? "",
            generation: generation,
            protocolName: protocolName,
            leaderID: leaderID,
            stateTime: stateTime,
            members: members.map { member in
                StoredGroup.Member(
                    memberID: member.id,
                    groupInstanceID: member.groupInstanceID,
                    clientID: member.clientID,
                    clientHost: member.clientHost,
                    rebalanceTimeoutMilliseconds: Int32(clamping: member.offer.rebalanceTimeout.wholeMilliseconds),
                    sessionTimeoutMilliseconds: Int32(clamping: member.offer.sessionTimeout.wholeMilliseconds),
                    subscription: member.metadata(for: protocolName),
                    assignment: assignments[member.id] ?? []
                )
            }
        )
    }

    /// As a record said it: stable with the sessions of its members beginning anew, or empty. One that no coordinator
    /// can have written keeps its generation and loses its members, who will join again.
    convenience init(id: String, _ stored: StoredGroup, settings: GroupSettings, at now: MonotonicInstant) {
        self.init(id: id, at: stored.stateTime)
        generation = max(0, stored.generation)
        protocolType = stored.protocolType.isEmpty ? nil : stored.protocolType
        guard stored.isConsistent, !stored.members.isEmpty else { return }
        protocolName = stored.protocolName
        leaderID = stored.leaderID
        state = .stable
        for member in stored.members {
            let timeout = Duration.milliseconds(member.sessionTimeoutMilliseconds)
            let session = min(max(timeout, settings.sessionTimeouts.lowerBound), settings.sessionTimeouts.upperBound)
            let offer = GroupOffer(
                protocols: [GroupProtocol(name: stored.protocolName ?? "", metadata: member.subscription)],
                sessionTimeout: session,
                rebalanceTimeout: .milliseconds(member.rebalanceTimeoutMilliseconds)
            )
            let loaded = GroupMember(
                id: member.memberID,
                groupInstanceID: member.groupInstanceID,
                clientID: member.clientID,
                clientHost: member.clientHost,
                offer: offer,
                isNew: false,
                deadline: now.advanced(by: session)
            )
            loaded.assignment = member.assignment
            insert(loaded)
        }
    }
}
