// What goes: groups that are deleted, offsets that are deleted or have expired. Gone is what has a durable tombstone.
internal import Platform

/// Tombstones on their way to the disk.
struct PreparedRemoval {
    /// From each group these offsets, or all of it.
    var parts: [Part] = []
    /// Who asked, with the answers for either outcome; nil where time did, or where it was refused because it is late.
    var reply: (waiter: Waiter, durable: GroupAnswer, refused: GroupAnswer)?

    struct Part {
        let group: Group
        let partitions: [ConsumedPartition]
        let takesGroup: Bool
    }

    /// The group's own last, so that what a crash leaves of it can be deleted once more.
    var records: [GroupRecord] {
        parts.flatMap { part in
            let group = part.group
            let keys = part.partitions.map {
                GroupRecordKey.offset(groupID: group.id, topic: $0.topic, partition: $0.partition)
            }
            // Only generations are ever stored.
            let own = part.takesGroup && group.generation > 0 ? [GroupRecordKey.group(group.id)] : []
            return (keys + own).map { GroupRecord(key: $0.bytes, value: nil) }
        }
    }
}

extension GroupCoordinator {
    // MARK: By request

    /// DeleteGroups (key 42): empty groups go with all of their offsets. Answered when that is durable.
    package func deleteGroups(_ ids: [String], waiter: Waiter, at now: GroupInstant) -> [GroupAction] {
        event(at: now) {
            var removal = PreparedRemoval()
            var deletions: [GroupDeletion] = []
            for id in ids.distinct(by: \.self).elements {
                let group = groups[id]
                let code = deletionCode(group, id: id)
                deletions.append(GroupDeletion(groupID: id, code: code))
                if code == .none, let group { removal.parts.append(whole(group)) }
            }
            let failed = deletions.map { deletion in
                let code = deletion.code == .none ? GroupCode.coordinatorNotAvailable : deletion.code
                return GroupDeletion(groupID: deletion.groupID, code: code)
            }
            removal.reply = (waiter, .deleteGroups(deletions), .deleteGroups(failed))
            begin(removal)
        }
    }

    private func deletionCode(_ group: Group?, id: String) -> GroupCode {
        if let code = refusal(ofGroupID: id, canBeEmpty: true) { return code }
        return switch group?.state {
        case nil, .dead: .groupIDNotFound
        case .empty: .none
        case .preparingRebalance, .completingRebalance, .stable: .nonEmptyGroup
        }
    }

    /// OffsetDelete (key 47). Of a group of consumers that is not empty, only topics that none of its members
    /// subscribes to, which their metadata says; of any other that is not empty, nothing. Answered when it is durable.
    package func deleteOffsets(
        of groupID: String,
        _ topics: [TopicPartitions],
        waiter: Waiter,
        at now: GroupInstant
    ) -> [GroupAction] {
        event(at: now) {
            func refuse(_ code: GroupCode) {
                answer(waiter, .deleteOffsets(OffsetDeletion(code: code)))
            }
            if let code = refusal(ofGroupID: groupID) { return refuse(code) }
            guard let group = groups[groupID], group.state != .dead else { return refuse(.groupIDNotFound) }
            let isConsumers = group.protocolType == ConsumerSubscription.protocolType
            guard group.state == .empty || isConsumers else { return refuse(.nonEmptyGroup) }
            let readTopics = group.state == .empty ? [] : group.readTopics
            var partitions: [ConsumedPartition] = []
            var reply = OffsetDeletion(code: .none)
            for topic in topics {
                let isRead = readTopics?.contains(topic.name) ?? true
                let code = isRead ? GroupCode.groupSubscribedToTopic : .none
                let codes = topic.partitions.map { PartitionCodes.Partition(index: $0, code: code) }
                reply.partitions.topics.append(PartitionCodes.Topic(name: topic.name, partitions: codes))
                if isRead { continue }
                partitions += topic.partitions.map { ConsumedPartition(topic: topic.name, partition: $0) }
            }
            var removal = PreparedRemoval()
            let known = partitions.filter(group.offsets.isKnown).distinct(by: \.self).elements
            removal.parts = [PreparedRemoval.Part(group: group, partitions: known, takesGroup: false)]
            let refused = OffsetDeletion(code: .coordinatorNotAvailable)
            removal.reply = (waiter, .deleteOffsets(reply), .deleteOffsets(refused))
            begin(removal)
        }
    }

    // MARK: By time

    /// Forgets offsets of groups that were empty for `GroupSettings.offsetRetention`, and groups of which nothing is
    /// left. To be called every few minutes, and only while the wall clock is known to be right.
    ///
    /// A group that had members counts from when it became empty or from the last commit since, another one each
    /// offset from its commit. Times that cannot be, as of a box that did not know what time it was, count from the
    /// first look.
    package func expireOffsets(at now: GroupInstant) -> [GroupAction] {
        guard now.wall >= SystemClock.earliestBelievable, !isBehind else { return [] }
        return event(at: now) {
            var removal = PreparedRemoval()
            for group in groups.values.sorted(by: { $0.id < $1.id }) where group.state == .empty {
                let expired = group.offsets.settled { isOver($0, in: group) }
                let isLast = expired.count == group.offsets.count && !group.offsets.hasInFlight && group.pending.isEmpty
                if isLast {
                    removal.parts.append(whole(group))
                } else if !expired.isEmpty {
                    removal.parts.append(PreparedRemoval.Part(group: group, partitions: expired, takesGroup: false))
                }
            }
            begin(removal)
        }
    }

    private func isOver(_ committed: CommittedOffset, in group: Group) -> Bool {
        let since = group.protocolType == nil ? committed.commitTime : max(committed.commitTime, group.stateTime)
        if since >= SystemClock.earliestBelievable, since <= now.wall {
            return now.wall.since(since) >= settings.offsetRetention
        }
        let firstLook = group.firstLook ?? now.wall
        group.firstLook = firstLook
        return now.wall.since(firstLook) >= settings.offsetRetention
    }

    // MARK: Both

    /// The group answers nobody any more until it is known whether it is gone.
    private func whole(_ group: Group) -> PreparedRemoval.Part {
        group.move(to: .dead, at: group.stateTime)
        return PreparedRemoval.Part(group: group, partitions: group.offsets.known, takesGroup: true)
    }

    private func begin(_ removal: PreparedRemoval) {
        let records = removal.records
        if records.isEmpty {
            end(removal, .durable)
        } else if isBehind, removal.reply != nil {
            end(removal, .refused)
        } else {
            append(records, .removal(removal))
        }
    }

    func end(_ removal: PreparedRemoval, _ outcome: AppendOutcome) {
        for part in removal.parts {
            let group = part.group
            if outcome == .durable {
                let before = group.offsets.byteCount
                for partition in part.partitions { group.offsets.remove(partition) }
                offsetBytes += group.offsets.byteCount - before
                if part.takesGroup { forget(group) } else { forgetIfUnused(group) }
            } else if part.takesGroup {
                group.move(to: .empty, at: group.stateTime)
                forgetIfUnused(group)
            }
        }
        guard let reply = removal.reply else { return }
        answer(reply.waiter, outcome == .durable ? reply.durable : reply.refused)
    }
}
