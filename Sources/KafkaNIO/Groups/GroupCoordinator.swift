// Kafka's coordinator of consumer groups, classic protocol, as a state machine: events in, actions out. No clock, no
// I/O.
package import Platform

/// Owned by one thread or actor. Every event is a call that returns what is to be done; after each, `nextDeadline`
/// says when `tick` wants to be called.
///
/// The rules are those of Kafka's GroupCoordinator, but for these: newcomers prolong the first join of every empty
/// group, not only of a new one; a waiter whose member goes, or asks again, is always answered; a full group lets its
/// static members come back; the ids given out, members, bytes and groups are bounded; offsets of an empty group count
/// from the last commit, too; a group is gone when that is durable.
///
/// What is promised is promised after it is durable: an assignment, a static member's new id and a committed offset
/// are `append` actions first, and their waiters are answered, and they are seen, when `appended` says that they are
/// synced. Membership is persisted with its generation, so that members go on after a restart, and a generation in
/// which somebody could commit is not given out again while the group lives.
///
/// ```
///        join                 delay over, all joined          leader's assignment is durable
/// Empty ──────► Preparing ───────────────────────► Completing ───────────────────────► Stable
///   ▲           Rebalance ◄─────────────────────── Rebalance                             │
///   │  all left    │  ▲      join, leave, timeout                                        │
///   └──────────────┘  └──────────────────────────────────────────────────────────────────┘
/// ```
package final class GroupCoordinator {
    package let settings: GroupSettings
    let makeIdentifier: () -> UniqueIdentifier

    private(set) var groups: [String: Group] = [:]
    /// When `tick` wants to be called: never too late, and too early where a member was heard of meanwhile; nil while
    /// nothing depends on time.
    package private(set) var nextDeadline: MonotonicInstant?

    /// Of the event that is being handled.
    var now = GroupInstant(monotonic: MonotonicInstant(nanoseconds: 0), wall: Timestamp(milliseconds: 0))
    private var actions: [GroupAction] = []
    private(set) var lastTicket: UInt64 = 0
    /// What waits for appends in flight.
    private var appends: [AppendTicket: (pending: PendingAppend, byteCount: Int)] = [:]
    /// Records of appends in flight.
    private var inFlightBytes = 0
    /// Deleted topics of which the log still holds offsets, by name.
    var forgotten: [String: ForgottenTopic] = [:]
    /// What all groups' members cost to keep.
    private(set) var memberBytes = 0
    /// What all groups' durable offsets cost, and how much more those in flight will at most.
    var offsetBytes = 0

    /// - Parameters:
    ///   - load: what the log holds; of an empty log, an untouched one. Its settings count.
    ///   - now: sessions of members that were loaded begin here.
    ///   - makeIdentifier: random identifiers, for member ids; no two alike.
    package init(
        _ load: GroupLoad,
        at now: GroupInstant,
        makeIdentifier: @escaping () -> UniqueIdentifier
    ) {
        settings = load.settings
        self.makeIdentifier = makeIdentifier
        self.now = now
        for id in load.ids {
            let group =
                load.groups[id].map { Group(id: id, $0, settings: load.settings, at: now.monotonic) }
                ?? Group(id: id, at: Timestamp(milliseconds: -1))
            group.offsets = load.offsets[id] ?? CommittedOffsets()
            groups[id] = group
            memberBytes += group.memberBytes
            offsetBytes += group.offsets.byteCount
            // Members beyond a limit that was lowered: a rebalance lets them commit, and leaves some of them out.
            if group.members.count > settings.membersMax { prepareRebalance(group) }
            wake(for: group)
        }
    }

    // MARK: Events

    /// Handles one event and returns what is to be done.
    func event(at now: GroupInstant, _ body: () -> Void) -> [GroupAction] {
        self.now = now
        body()
        defer { actions = [] }
        return actions
    }

    /// Handles what an event changes in one group: its deadlines and what it costs, and forgets it if nothing is in it.
    func change(_ group: Group, _ body: () -> Void) {
        let before = group.memberBytes
        body()
        advance(group)
        memberBytes += group.memberBytes - before
        wake(for: group)
        forgetIfUnused(group)
    }

    /// To be called at `nextDeadline` or later; earlier it does nothing.
    package func tick(at now: GroupInstant) -> [GroupAction] {
        guard let nextDeadline, nextDeadline <= now.monotonic else { return [] }
        self.nextDeadline = nil
        return event(at: now) {
            var due: [Group] = []
            for group in groups.values {
                guard let deadline = group.nextDeadline else { continue }
                if deadline <= now.monotonic { due.append(group) } else { wake(at: deadline) }
            }
            for group in due.sorted(by: { $0.id < $1.id }) {
                change(group) { expire(in: group) }
            }
            retryTombstones()
        }
    }

    // MARK: Actions

    func answer(_ waiter: Waiter, _ answer: GroupAnswer) {
        actions.append(.answer(waiter, answer))
    }

    /// Whether the disk is so slow that nothing more should be given to it.
    var isBehind: Bool { inFlightBytes > GroupLimits.inFlightBytesMax }

    /// Asks for records to be appended, of which there is at least one.
    @discardableResult
    func append(_ records: [GroupRecord], _ pending: PendingAppend) -> AppendTicket {
        lastTicket += 1
        let ticket = AppendTicket(number: lastTicket)
        let byteCount = records.reduce(0) { $0 + $1.key.count + ($1.value?.count ?? 0) }
        inFlightBytes += byteCount
        appends[ticket] = (pending, byteCount)
        actions.append(.append(GroupAppend(ticket: ticket, timestamp: now.wall, records: records)))
        return ticket
    }

    /// To be called once for each `append`. Those that became durable are told in the order of their tickets; what was
    /// refused may be told at any time.
    package func appended(_ ticket: AppendTicket, _ outcome: AppendOutcome, at now: GroupInstant) -> [GroupAction] {
        guard let (pending, byteCount) = appends.removeValue(forKey: ticket) else { return [] }
        inFlightBytes -= byteCount
        return event(at: now) {
            switch pending {
            case .emptied:
                // Refused: the generation before is what a restart would find, and nobody in it lives.
                break
            case .assignment(let group, let assignments): end(group, assignments, ticket, outcome)
            case .replacement(let replacement): end(replacement, outcome)
            case .commit(let commit): end(commit, ticket, outcome)
            case .removal(let removal): end(removal, outcome)
            case .tombstones(let topic, let offsets): end(offsets, of: topic, ticket, outcome)
            }
        }
    }

    /// To be called for an append that takes longer than anybody should wait for it: who waits is refused. It counts when it is
    /// durable after all, but for what a member was to be told: it comes again.
    package func late(_ ticket: AppendTicket, at now: GroupInstant) -> [GroupAction] {
        guard let (pending, byteCount) = appends[ticket] else { return [] }
        return event(at: now) {
            switch pending {
            case .emptied, .tombstones:
                break
            case .assignment(let group, let assignments): end(group, assignments, ticket, .refused)
            case .replacement(let replacement): end(replacement, .refused)
            case .commit(var commit):
                if let waiter = commit.waiter { answer(waiter, .commit(commit.refusal)) }
                commit.waiter = nil
                appends[ticket] = (.commit(commit), byteCount)
            case .removal(var removal):
                if let reply = removal.reply { answer(reply.waiter, reply.refused) }
                removal.reply = nil
                appends[ticket] = (.removal(removal), byteCount)
            }
        }
    }

    /// Puts the session of a member that was heard of off.
    func refresh(_ member: GroupMember) {
        member.deadline = now.monotonic.advanced(by: member.offer.sessionTimeout)
        wake(at: member.deadline)
    }

    private func wake(for group: Group) {
        if let deadline = group.nextDeadline { wake(at: deadline) }
    }

    func wake(at deadline: MonotonicInstant) {
        nextDeadline = min(nextDeadline ?? deadline, deadline)
    }

    // MARK: Groups

    /// nil beyond the limit.
    func makeGroup(_ id: String) -> Group? {
        guard groups.count < settings.groupsMax else { return nil }
        let group = Group(id: id, at: now.wall)
        groups[id] = group
        return group
    }

    func forget(_ group: Group) {
        guard groups[group.id] === group else { return }
        groups[group.id] = nil
        memberBytes -= group.memberBytes
        offsetBytes -= group.offsets.byteCount
    }

    func forgetIfUnused(_ group: Group) {
        if group.isUnused { forget(group) }
    }

    /// What is wrong with a group's id; an empty one names the offsets of consumers without a group, and no group.
    func refusal(ofGroupID id: String, canBeEmpty: Bool = false) -> GroupCode? {
        let isLegal = (canBeEmpty || !id.isEmpty) && id.utf8.count <= GroupLimits.nameBytesMax
        return isLegal ? nil : .invalidGroupID
    }

    /// Whether a request comes from who its member now is; nil where it does.
    func refusal(of memberID: String, instance: String?, in group: Group) -> GroupCode? {
        if group.state == .dead { return .coordinatorNotAvailable }
        if let instance {
            guard let member = group.member(instance: instance) else { return .unknownMemberID }
            return member.id == memberID ? nil : .fencedInstanceID
        }
        return group.member(memberID) == nil ? .unknownMemberID : nil
    }

    /// The same, and for the current generation.
    func refusal(of membership: GroupMembership, in group: Group) -> GroupCode? {
        if let code = refusal(of: membership.memberID, instance: membership.groupInstanceID, in: group) { return code }
        return membership.generation == group.generation ? nil : .illegalGeneration
    }
}

/// What an append in flight is for.
enum PendingAppend {
    /// All members have left; nobody waits.
    case emptied
    /// The leader's assignment of a generation, by member id.
    case assignment(Group, [String: [UInt8]])
    case replacement(StaticReplacement)
    case commit(PreparedCommit)
    case removal(PreparedRemoval)
    /// Of a topic that was deleted, for these offsets.
    case tombstones(topic: String, Set<ForgottenOffset>)
}
