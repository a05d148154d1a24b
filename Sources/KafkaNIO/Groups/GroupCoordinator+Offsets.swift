// OffsetCommit and OffsetFetch: who may commit, and that an offset is seen when it is durable and not before.
internal import Platform

/// A commit on its way to the disk.
struct PreparedCommit {
    let group: Group
    /// nil where it was refused because it is late.
    var waiter: Waiter?
    let offsets: [PreparedOffset]
    /// What the coordinator counts for them until they are durable.
    let growth: Int
    /// With a code for each partition that was not taken.
    let reply: PartitionCodes
    /// With a code for every partition.
    let refusal: PartitionCodes
}

extension GroupCoordinator {
    /// The first of two steps: checks the commit and gives its records to append. Answered when they are durable,
    /// which is when they can be fetched.
    ///
    /// Generation -1 comes from a consumer without a group, or from a tool: only while the group is empty.
    package func commit(_ request: GroupCommit, waiter: Waiter, at now: GroupInstant) -> [GroupAction] {
        event(at: now) {
            let membership = request.membership
            func refuse(_ code: GroupCode) {
                answer(waiter, .commit(request.codes { _, _ in code }))
            }
            if let code = refusal(ofGroupID: membership.groupID, canBeEmpty: true) { return refuse(code) }
            if isBehind { return refuse(.coordinatorLoadInProgress) }
            let existing = groups[membership.groupID]
            guard let group = existing ?? (membership.generation < 0 ? makeGroup(membership.groupID) : nil) else {
                return refuse(membership.generation < 0 ? .coordinatorNotAvailable : .illegalGeneration)
            }
            if let code = commitRefusal(of: membership, in: group) {
                refuse(code)
            } else {
                if let member = group.member(membership.memberID) { refresh(member) }
                prepare(request, in: group, waiter)
            }
            forgetIfUnused(group)
        }
    }

    private func commitRefusal(of membership: GroupMembership, in group: Group) -> GroupCode? {
        if group.state == .dead { return .coordinatorNotAvailable }
        if membership.generation < 0, group.state == .empty { return nil }
        let isNobody = membership.generation < 0 && membership.memberID.isEmpty && membership.groupInstanceID == nil
        if isNobody { return .unknownMemberID }
        if let code = refusal(of: membership, in: group) { return code }
        return group.state == .completingRebalance ? .rebalanceInProgress : nil
    }

    private func prepare(_ request: GroupCommit, in group: Group, _ waiter: Waiter) {
        var offsets: [PreparedOffset] = []
        let reply = request.codes { topic, partition in
            let code = GroupCoordinator.refusal(of: partition, topic: topic)
            if code == .none {
                let committed = CommittedOffset(
                    offset: partition.offset,
                    leaderEpoch: partition.leaderEpoch,
                    metadata: partition.metadata ?? "",
                    commitTime: now.wall
                )
                let partition = ConsumedPartition(topic: topic, partition: partition.index)
                offsets.append(PreparedOffset(partition: partition, committed: committed))
            }
            return code
        }
        guard !offsets.isEmpty else { return answer(waiter, .commit(reply)) }
        let growth = group.offsets.growth(by: offsets)
        guard growth == 0 || offsetBytes + growth <= settings.offsetBytesMax else {
            return answer(waiter, .commit(request.codes { _, _ in .invalidCommitOffsetSize }))
        }
        if !forgotten.isEmpty {
            for topic in request.topics.distinct(by: \.name).elements { retryTombstones(of: topic.name) }
        }
        offsetBytes += growth
        group.offsets.prepare(offsets)
        let commit = PreparedCommit(
            group: group,
            waiter: waiter,
            offsets: offsets,
            growth: growth,
            reply: reply,
            // Whoever is told that there is no coordinator looks for another one, and loses its membership over that.
            refusal: request.codes { _, _ in .coordinatorLoadInProgress }
        )
        append(offsets.map { $0.record(groupID: group.id) }, .commit(commit))
    }

    private static func refusal(of partition: GroupCommit.Partition, topic: String) -> GroupCode {
        guard (1...GroupLimits.topicBytesMax).contains(topic.utf8.count), partition.index >= 0 else {
            return .unknownTopicOrPartition
        }
        let metadataBytes = partition.metadata?.utf8.count ?? 0
        return metadataBytes <= GroupLimits.offsetMetadataBytesMax ? .none : .offsetMetadataTooLarge
    }

    func end(_ commit: PreparedCommit, _ ticket: AppendTicket, _ outcome: AppendOutcome) {
        let group = commit.group
        offsetBytes -= commit.growth
        let before = group.offsets.byteCount
        group.offsets.end(commit.offsets) { offset in
            outcome == .durable && outlives(offset.partition, of: group.id, ticket)
        }
        group.firstLook = nil
        offsetBytes += group.offsets.byteCount - before
        if let waiter = commit.waiter { answer(waiter, .commit(outcome == .durable ? commit.reply : commit.refusal)) }
        forgetIfUnused(group)
    }

    /// The durable offsets of a group, whatever state it is in: of these partitions, or of all where that is nil. What
    /// was never committed, or is of a group that nobody knows, has offset -1 and is no error.
    package func fetchOffsets(of groupID: String, _ topics: [TopicPartitions]?) -> [TopicOffsets] {
        (groups[groupID]?.offsets ?? CommittedOffsets()).fetch(topics)
    }
}

extension GroupCommit {
    /// A code for each of its partitions.
    fileprivate func codes(_ code: (String, Partition) -> GroupCode) -> PartitionCodes {
        PartitionCodes(
            topics: topics.map { topic in
                PartitionCodes.Topic(
                    name: topic.name,
                    partitions: topic.partitions.map {
                        PartitionCodes.Partition(index: $0.index, code: code(topic.name, $0))
                    }
                )
            }
        )
    }
}
