// What the coordinator answers, as values that know nothing of the wire.
package import Platform

/// The answer to whatever a waiter asked for.
package enum GroupAnswer: Equatable, Sendable {
    case join(JoinAnswer)
    case sync(SyncAnswer)
    case leave(LeaveAnswer)
    case commit(PartitionCodes)
    case deleteGroups([GroupDeletion])
    case deleteOffsets(OffsetDeletion)
    /// What was committed for a deleted topic is gone for good.
    case forgotten
}

/// The generation; its leader gets all members, and assigns.
package struct JoinAnswer: Equatable, Sendable {
    package var code: GroupCode
    package var generation: Int32 = -1
    package var protocolType: String?
    package var protocolName: String?
    package var leaderID = ""
    /// Whether a static leader that came back finds its assignment done.
    package var skipsAssignment = false
    package var memberID: String
    /// Empty for all but the leader.
    package var members: [Member] = []

    /// A member, as its leader is to know it.
    package struct Member: Equatable, Sendable {
        package var memberID: String
        package var groupInstanceID: String?
        package var metadata: [UInt8]
    }

    static func refused(_ code: GroupCode, memberID: String) -> JoinAnswer {
        JoinAnswer(code: code, memberID: memberID)
    }
}

/// A member's assignment.
package struct SyncAnswer: Equatable, Sendable {
    package var code: GroupCode
    package var protocolType: String?
    package var protocolName: String?
    /// Empty with an error.
    package var assignment: [UInt8] = []

    static func refused(_ code: GroupCode) -> SyncAnswer {
        SyncAnswer(code: code)
    }
}

/// Who has left.
package struct LeaveAnswer: Equatable, Sendable {
    /// Of the request as a whole.
    package var code: GroupCode
    package var members: [Member] = []

    /// What became of one member, in the order asked.
    package struct Member: Equatable, Sendable {
        package var memberID: String
        package var groupInstanceID: String?
        package var code: GroupCode
    }
}

/// A code for each partition, in the order asked.
package struct PartitionCodes: Equatable, Sendable {
    package var topics: [Topic]

    /// The codes of one topic.
    package struct Topic: Equatable, Sendable {
        package var name: String
        package var partitions: [Partition]
    }

    /// The code of one partition.
    package struct Partition: Equatable, Sendable {
        package var index: Int32
        package var code: GroupCode
    }

    /// Tells the code of one of them; nil where it is not among them.
    func lookup() -> (_ topic: String, _ partition: Int32) -> GroupCode? {
        var known: [ConsumedPartition: GroupCode] = [:]
        for topic in topics {
            for partition in topic.partitions {
                known[ConsumedPartition(topic: topic.name, partition: partition.index)] = partition.code
            }
        }
        return { [known] in known[ConsumedPartition(topic: $0, partition: $1)] }
    }
}

/// What became of one group that was to be deleted.
package struct GroupDeletion: Equatable, Sendable {
    package var groupID: String
    package var code: GroupCode
}

/// Which offsets were deleted.
package struct OffsetDeletion: Equatable, Sendable {
    /// Of the request as a whole; with an error there are no topics.
    package var code: GroupCode
    package var partitions = PartitionCodes(topics: [])
}

/// The committed offset of one partition.
package struct CommittedOffset: Hashable, Sendable {
    /// Of the next record to read; -1 where none was committed.
    package var offset: Int64
    /// -1 where the client did not know it.
    package var leaderEpoch: Int32
    package var metadata: String
    package var commitTime: Timestamp

    package init(offset: Int64, leaderEpoch: Int32, metadata: String, commitTime: Timestamp) {
        self.offset = offset
        self.leaderEpoch = leaderEpoch
        self.metadata = metadata
        self.commitTime = commitTime
    }

    /// What a fetch is told where nothing was committed; no error.
    package static let absent = CommittedOffset(
        offset: -1,
        leaderEpoch: -1,
        metadata: "",
        commitTime: Timestamp(milliseconds: -1)
    )
}

/// Offsets of one topic, as fetched.
package struct TopicOffsets: Equatable, Sendable {
    package var name: String
    package var partitions: [Partition]

    /// The offset of one partition.
    package struct Partition: Equatable, Sendable {
        package var index: Int32
        package var committed: CommittedOffset
    }
}

/// States of a group, by the names that Kafka's tools know.
package enum GroupState: String, CaseIterable, Sendable {
    /// Without members, for as long as it has offsets.
    case empty = "Empty"
    /// Waits for members to join.
    case preparingRebalance = "PreparingRebalance"
    /// Waits for the leader's assignment to come, and to be stored.
    case completingRebalance = "CompletingRebalance"
    case stable = "Stable"
    /// Being removed, or not there.
    case dead = "Dead"
}

/// A group, for ListGroups (key 16).
package struct GroupListing: Equatable, Sendable {
    package var groupID: String
    /// Empty for one that only stores offsets.
    package var protocolType: String
    package var state: GroupState
}

/// A group, for DescribeGroups (key 15).
package struct GroupDescription: Equatable, Sendable {
    package var groupID: String
    package var state: GroupState
    /// Not on the wire.
    package var generation: Int32 = 0
    package var protocolType = ""
    /// Empty unless the group is stable.
    package var protocolName = ""
    /// Not on the wire.
    package var leaderID: String?
    package var members: [Member] = []

    /// One member. Metadata and assignment are empty unless the group is stable.
    package struct Member: Equatable, Sendable {
        package var memberID: String
        package var groupInstanceID: String?
        package var clientID: String
        package var clientHost: String
        package var metadata: [UInt8]
        package var assignment: [UInt8]
    }
}
