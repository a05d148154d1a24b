// One member of a group, as the coordinator keeps it.
internal import Platform

/// Belongs to one group, and with it to the coordinator's owner.
final class GroupMember {
    /// Changes where a static member comes back.
    var id: String
    let groupInstanceID: String?
    let clientID: String
    let clientHost: String
    var offer: GroupOffer
    /// Of the current generation; empty until its leader's was stored.
    var assignment: [UInt8] = []
    /// Who waits for the rebalance to come to its generation.
    var joinWaiter: Waiter?
    /// Who waits for the leader's assignment.
    var syncWaiter: Waiter?
    /// Whether it is in its first join, in which it cannot send heartbeats.
    var isNew: Bool
    /// Whether the current generation still waits for its sync.
    var isSyncPending = false
    /// When its session ends, unless it is heard of.
    var deadline: MonotonicInstant

    init(
        id: String,
        groupInstanceID: String?,
        clientID: String,
        clientHost: String,
        offer: GroupOffer,
        isNew: Bool,
        deadline: MonotonicInstant
    ) {
        self.id = id
        self.groupInstanceID = groupInstanceID
        self.clientID = clientID
        self.clientHost = clientHost
        self.offer = offer
        self.isNew = isNew
        self.deadline = deadline
    }

    /// Whether its session can end: it cannot while the coordinator makes it wait, but for its first join.
    var canExpire: Bool { isNew || (joinWaiter == nil && syncWaiter == nil) }

    /// What it said for the protocol of that name; empty where it does not know it.
    func metadata(for protocolName: String?) -> [UInt8] {
        offer.protocols.first { $0.name == protocolName }?.metadata ?? []
    }

    /// What it costs to keep.
    var byteCount: Int {
        id.utf8.count + (groupInstanceID?.utf8.count ?? 0) + clientID.utf8.count + clientHost.utf8.count
            + offer.byteCount + assignment.count
    }
}

/// What a member brings to each join.
struct GroupOffer: Equatable {
    var protocols: [GroupProtocol]
    var sessionTimeout: Duration
    var rebalanceTimeout: Duration

    init(protocols: [GroupProtocol], sessionTimeout: Duration, rebalanceTimeout: Duration) {
        self.protocols = protocols
        self.sessionTimeout = sessionTimeout
        let isGiven = rebalanceTimeout > .zero
        self.rebalanceTimeout = max(isGiven ? rebalanceTimeout : sessionTimeout, GroupLimits.rebalanceTimeoutMin)
    }

    init(_ request: GroupJoin) {
        self.init(
            protocols: request.protocols,
            sessionTimeout: request.sessionTimeout,
            rebalanceTimeout: request.rebalanceTimeout
        )
    }

    var byteCount: Int {
        protocols.reduce(0) { $0 + $1.name.utf8.count + $1.metadata.count }
    }
}
