// What clients ask of the coordinator, as values that know nothing of the wire. All texts and bytes in them are
// untrusted.

/// A way of assigning that a member knows, and what it says about itself for it. The metadata is opaque.
package struct GroupProtocol: Hashable, Sendable {
    package var name: String
    package var metadata: [UInt8]

    package init(name: String, metadata: [UInt8]) {
        self.name = name
        self.metadata = metadata
    }
}

/// JoinGroup (key 11).
package struct GroupJoin: Hashable, Sendable {
    package var groupID: String
    /// Empty on a member's first join.
    package var memberID: String
    /// nil for a dynamic member.
    package var groupInstanceID: String?
    /// Versions 4 and later: a new dynamic member is sent away once, with its id. Static members are not.
    package var requiresKnownMemberID: Bool
    /// Versions 9 and later: a static leader that comes back can be told that there is nothing to assign.
    package var supportsSkippingAssignment: Bool
    package var clientID: String
    package var clientHost: String
    package var sessionTimeout: Duration
    /// Zero or less, as in version 0, stands for the session timeout.
    package var rebalanceTimeout: Duration
    /// `consumer`, `connect` and so on; opaque.
    package var protocolType: String
    /// The member's best first.
    package var protocols: [GroupProtocol]

    package init(
        groupID: String,
        memberID: String = "",
        groupInstanceID: String? = nil,
        requiresKnownMemberID: Bool = true,
        supportsSkippingAssignment: Bool = true,
        clientID: String,
        clientHost: String,
        sessionTimeout: Duration,
        rebalanceTimeout: Duration,
        protocolType: String,
        protocols: [GroupProtocol]
    ) {
        self.groupID = groupID
        self.memberID = memberID
        self.groupInstanceID = groupInstanceID
        self.requiresKnownMemberID = requiresKnownMemberID
        self.supportsSkippingAssignment = supportsSkippingAssignment
        self.clientID = clientID
        self.clientHost = clientHost
        self.sessionTimeout = sessionTimeout
        self.rebalanceTimeout = rebalanceTimeout
        self.protocolType = protocolType
        self.protocols = protocols
    }
}

/// Who speaks, for which generation; in SyncGroup, Heartbeat and OffsetCommit.
package struct GroupMembership: Hashable, Sendable {
    package var groupID: String
    /// -1 for a consumer that is in no group, which only OffsetCommit knows.
    package var generation: Int32
    package var memberID: String
    /// nil for a dynamic member.
    package var groupInstanceID: String?

    package init(groupID: String, generation: Int32, memberID: String, groupInstanceID: String? = nil) {
        self.groupID = groupID
        self.generation = generation
        self.memberID = memberID
        self.groupInstanceID = groupInstanceID
    }
}

/// SyncGroup (key 14).
package struct GroupSync: Hashable, Sendable {
    package var membership: GroupMembership
    /// nil before version 5.
    package var protocolType: String?
    /// nil before version 5.
    package var protocolName: String?
    /// Opaque bytes by member id; empty for all but the leader.
    package var assignments: [String: [UInt8]]

    package init(
        membership: GroupMembership,
        protocolType: String? = nil,
        protocolName: String? = nil,
        assignments: [String: [UInt8]] = [:]
    ) {
        self.membership = membership
        self.protocolType = protocolType
        self.protocolName = protocolName
        self.assignments = assignments
    }
}

/// LeaveGroup (key 13).
package struct GroupLeave: Hashable, Sendable {
    package var groupID: String
    /// Before version 3 exactly one.
    package var members: [Member]

    /// Who leaves: a dynamic member by its id; a static one by both, or by its instance id and an empty member id.
    package struct Member: Hashable, Sendable {
        package var memberID: String
        package var groupInstanceID: String?

        package init(memberID: String, groupInstanceID: String? = nil) {
            self.memberID = memberID
            self.groupInstanceID = groupInstanceID
        }
    }

    package init(groupID: String, members: [Member]) {
        self.groupID = groupID
        self.members = members
    }
}

/// OffsetCommit (key 8).
package struct GroupCommit: Hashable, Sendable {
    package var membership: GroupMembership
    package var topics: [Topic]

    /// The offsets of one topic. That the topic exists is the caller's to check.
    package struct Topic: Hashable, Sendable {
        package var name: String
        package var partitions: [Partition]

        package init(name: String, partitions: [Partition]) {
            self.name = name
            self.partitions = partitions
        }
    }

    /// The offset of one partition.
    package struct Partition: Hashable, Sendable {
        package var index: Int32
        /// Of the next record to read.
        package var offset: Int64
        /// -1 where the client does not know it.
        package var leaderEpoch: Int32
        package var metadata: String?

        package init(index: Int32, offset: Int64, leaderEpoch: Int32 = -1, metadata: String? = nil) {
            self.index = index
            self.offset = offset
            self.leaderEpoch = leaderEpoch
            self.metadata = metadata
        }
    }

    package init(membership: GroupMembership, topics: [Topic]) {
        self.membership = membership
        self.topics = topics
    }
}

/// Partitions of one topic, in OffsetFetch (key 9) and OffsetDelete (key 47).
package struct TopicPartitions: Hashable, Sendable {
    package var name: String
    package var partitions: [Int32]

    package init(name: String, partitions: [Int32]) {
        self.name = name
        self.partitions = partitions
    }
}
