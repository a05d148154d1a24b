// What the API says of consumer groups, and how one is set back. Kafka's words keep Kafka's spelling here.
internal import EventModel

/// One group in a list.
package struct GroupSummaryDocument: Hashable, Codable, Sendable {
    package var group: String
    /// `Empty`, `PreparingRebalance`, `CompletingRebalance`, `Stable` or `Dead`.
    package var state: String
    /// Nil for one that only stores offsets.
    package var protocolType: String?
    package var members: Int
    /// Records that it has not read yet, in all partitions that it has committed an offset for; nil where there is none.
    package var lag: Int64?

    package init(group: String, state: String, protocolType: String?, members: Int, lag: Int64?) {
        self.group = group
        self.state = state
        self.protocolType = protocolType
        self.members = members
        self.lag = lag
    }
}

/// The answer of `GET /api/v1/groups`.
package struct GroupsDocument: Hashable, Codable, Sendable {
    package var groups: [GroupSummaryDocument]

    package init(groups: [GroupSummaryDocument]) {
        self.groups = groups
    }
}

/// A partition that a group has committed an offset for or that a member reads; or a member that reads none.
package struct GroupPartitionDocument: Hashable, Codable, Sendable {
    package var topic: String?
    package var partition: Int?
    /// Of the next record to read; nil where none was committed.
    package var committedOffset: Int64?
    /// The first offset that readers do not see yet; nil where there is no such partition.
    package var logEndOffset: Int64?
    /// The distance of the two.
    package var lag: Int64?
    package var memberId: String?
    package var clientId: String?
    package var host: String?

    package init(
        topic: String? = nil,
        partition: Int? = nil,
        committedOffset: Int64? = nil,
        logEndOffset: Int64? = nil,
        lag: Int64? = nil,
        memberId: String? = nil,
        clientId: String? = nil,
        host: String? = nil
    ) {
        self.topic = topic
        self.partition = partition
        self.committedOffset = committedOffset
        self.logEndOffset = logEndOffset
        self.lag = lag
        self.memberId = memberId
        self.clientId = clientId
        self.host = host
    }
}

/// One group with its partitions, by topic and number; members without partitions at the end.
package struct GroupDocument: Hashable, Codable, Sendable {
    package var group: String
    package var state: String
    package var protocolType: String?
    package var members: Int
    package var lag: Int64?
    package var partitions: [GroupPartitionDocument]

    package init(_ summary: GroupSummaryDocument, partitions: [GroupPartitionDocument]) {
        group = summary.group
        state = summary.state
        protocolType = summary.protocolType
        members = summary.members
        lag = summary.lag
        self.partitions = partitions
    }
}

/// The body of `POST /api/v1/groups/{group}/reset`.
package struct GroupResetRequest: Hashable, Codable, Sendable {
    package var topic: String
    /// Nil: all of them.
    package var partition: Int?
    /// `earliest`, `latest`, an offset, or a time: of the first record whose timestamp is not before it.
    package var to: String
    /// Says what would be done, and does nothing.
    package var isDryRun: Bool

    package init(topic: String, partition: Int? = nil, to: String, isDryRun: Bool = false) {
        self.topic = topic
        self.partition = partition
        self.to = to
        self.isDryRun = isDryRun
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case topic, partition, to
        case isDryRun = "dry_run"
    }

    /// Refuses keys that it does not know: a mistyped `partition` would set back more than was meant.
    package init(from decoder: any Decoder) throws {
        try decoder.refuseKeys(otherThan: CodingKeys.self)
        let members = try decoder.container(keyedBy: CodingKeys.self)
        topic = try members.decode(String.self, forKey: .topic)
        partition = try members.decodeIfPresent(Int.self, forKey: .partition)
        to = try members.decode(String.self, forKey: .to)
        isDryRun = try members.decodeIfPresent(Bool.self, forKey: .isDryRun) ?? false
    }
}

/// The answer of `POST /api/v1/groups/{group}/reset`.
package struct GroupResetDocument: Hashable, Codable, Sendable {
    /// Where the group goes on in one partition.
    package struct Move: Hashable, Codable, Sendable {
        package var topic: String
        package var partition: Int
        /// Nil where nothing was committed.
        package var from: Int64?
        package var to: Int64

        package init(topic: String, partition: Int, from: Int64?, to: Int64) {
            self.topic = topic
            self.partition = partition
            self.from = from
            self.to = to
        }
    }

    package var group: String
    /// False for a dry run.
    package var applied: Bool
    package var partitions: [Move]

    package init(group: String, applied: Bool, partitions: [Move]) {
        self.group = group
        self.applied = applied
        self.partitions = partitions
    }
}
