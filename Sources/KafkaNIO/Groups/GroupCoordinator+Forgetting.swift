// Topics that were deleted: what groups have committed for them is forgotten at once, and for good with its tombstones.
internal import Platform

/// A partition of a topic that was deleted, in which a group had an offset.
struct ForgottenOffset: Hashable {
    var groupID: String
    var partition: Int32
}

/// One deleted topic, until the log holds a tombstone, or a later commit, for everything that was committed for it.
struct ForgottenTopic {
    /// Commits up to here are for the topic that is gone; later ones are for another of its name.
    let upTo: AppendTicket
    var offsets: Set<ForgottenOffset>
    /// Who is answered then.
    let waiters: [Waiter]
    /// When their tombstones are tried again; nil while some are on their way.
    var retryAt: MonotonicInstant?
}

extension GroupCoordinator {
    /// Forgets what all groups have committed for a topic that was deleted, since one of the same name begins anew.
    /// Nobody sees it from now on, not even what is on its way to the disk. Answered with `forgotten` when it cannot
    /// come back: tombstones that the log refuses are tried again until they are durable.
    package func removeOffsets(ofTopic topic: String, waiter: Waiter, at now: GroupInstant) -> [GroupAction] {
        event(at: now) { forget(topic, waiter) }
    }

    /// The same for every topic but these, and nobody waits.
    package func removeOffsets(ofTopicsBut existing: Set<String>, at now: GroupInstant) -> [GroupAction] {
        event(at: now) {
            for topic in topicsWithOffsets.subtracting(existing).sorted() { forget(topic, nil) }
        }
    }

    /// Topics that groups have durable offsets in. After a crash there may be some among them that are deleted.
    package var topicsWithOffsets: Set<String> { Set(groups.values.flatMap { $0.offsets.topicNames }) }

    private func forget(_ topic: String, _ waiter: Waiter?) {
        let waiters = (forgotten[topic]?.waiters ?? []) + (waiter.map { [$0] } ?? [])
        var offsets = forgotten[topic]?.offsets ?? []
        for group in groups.values {
            let partitions = group.offsets.known(of: topic)
            guard !partitions.isEmpty else { continue }
            offsets.formUnion(partitions.lazy.map { ForgottenOffset(groupID: group.id, partition: $0) })
            let before = group.offsets.byteCount
            group.offsets.remove(topic: topic)
            offsetBytes += group.offsets.byteCount - before
            forgetIfUnused(group)
        }
        let rest = ForgottenTopic(upTo: AppendTicket(number: lastTicket), offsets: offsets, waiters: waiters)
        note(rest, of: topic)
        if !offsets.isEmpty { write(offsets, of: topic) }
    }

    /// What of a topic still waits for its tombstones; where nothing does, that is answered.
    private func note(_ rest: ForgottenTopic, of topic: String) {
        forgotten[topic] = rest.offsets.isEmpty ? nil : rest
        guard rest.offsets.isEmpty else { return }
        for waiter in rest.waiters { answer(waiter, .forgotten) }
    }

    /// Whether a commit that has become durable is still to be seen. It needs no tombstone then, and must not get one.
    func outlives(_ partition: ConsumedPartition, of groupID: String, _ ticket: AppendTicket) -> Bool {
        guard var rest = forgotten[partition.topic] else { return true }
        guard ticket > rest.upTo else { return false }
        rest.offsets.remove(ForgottenOffset(groupID: groupID, partition: partition.partition))
        note(rest, of: partition.topic)
        return true
    }

    // MARK: Tombstones

    /// Those that are due.
    func retryTombstones() {
        for topic in forgotten.keys.sorted() {
            guard let retryAt = forgotten[topic]?.retryAt else { continue }
            if retryAt <= now.monotonic { retryTombstones(of: topic) } else { wake(at: retryAt) }
        }
    }

    /// Those of one topic that wait: now, so that they stand in the log before a commit for another topic of its name.
    func retryTombstones(of topic: String) {
        guard let rest = forgotten[topic], rest.retryAt != nil else { return }
        // What is being committed anew would lose that commit: it becomes durable, or gets its tombstone the next time.
        let settled = rest.offsets.filter { offset in
            let partition = ConsumedPartition(topic: topic, partition: offset.partition)
            return groups[offset.groupID]?.offsets.isInFlight(partition) != true
        }
        if isBehind || settled.isEmpty { postpone(topic) } else { write(settled, of: topic) }
    }

    private func write(_ offsets: Set<ForgottenOffset>, of topic: String) {
        forgotten[topic]?.retryAt = nil
        let ordered = offsets.sorted { ($0.groupID, $0.partition) < ($1.groupID, $1.partition) }
        let records = ordered.map { offset in
            let key = GroupRecordKey.offset(groupID: offset.groupID, topic: topic, partition: offset.partition)
            return GroupRecord(key: key.bytes, value: nil)
        }
        append(records, .tombstones(topic: topic, offsets))
    }

    func end(_ offsets: Set<ForgottenOffset>, of topic: String, _ ticket: AppendTicket, _ outcome: AppendOutcome) {
        // Where the topic was deleted once more meanwhile, later tombstones count.
        guard var rest = forgotten[topic], ticket > rest.upTo else { return }
        if outcome == .durable { rest.offsets.subtract(offsets) }
        note(rest, of: topic)
        postpone(topic)
    }

    private func postpone(_ topic: String) {
        guard forgotten[topic] != nil else { return }
        let retryAt = now.monotonic.advanced(by: GroupLimits.tombstonePause)
        forgotten[topic]?.retryAt = retryAt
        wake(at: retryAt)
    }
}
