// Consumer groups for those who run the box: looked at, set back and deleted past the protocol. Values in, values out.
package import CommitLog
internal import Platform

extension KafkaServer {
    /// Every group, by id; nil where the coordinator does not answer in time.
    package func groups() async -> [GroupStanding]? {
        await asked { $0.standings() }
    }

    /// One group, `dead` where there is none of that id; nil where the coordinator does not answer in time.
    package func group(_ id: String) async -> GroupStanding? {
        await asked { $0.standing(of: id) }
    }

    /// The first `max` committed offsets by group, topic and partition, and how many there are; nil where the coordinator does
    /// not answer in time.
    package func progress(max: Int) async -> (offsets: [GroupProgress], total: Int)? {
        await asked { $0.progress(max: max) }
    }

    /// Commits as a consumer does that is in no group: while the group has no members.
    ///
    /// - Returns: `GroupCode.none` where all of it is durable, else what speaks against it (`unknownMemberID`: the group has
    ///   members; `coordinatorLoadInProgress`: the disk has not taken it, and may yet). nil where no answer comes in time.
    package func commit(_ topic: String, _ offsets: [GroupCommit.Partition], for groupID: String) async -> GroupCode? {
        let commit = GroupCommit(
            membership: GroupMembership(groupID: groupID, generation: -1, memberID: ""),
            topics: [GroupCommit.Topic(name: topic, partitions: offsets)]
        )
        let codes: PartitionCodes? = await firstAnswer(within: Limits.administrationPatience) { done in
            broker.groups.handle(
                { $0.commit(commit, waiter: $1, at: $2) },
                { answer -> PartitionCodes? in
                    guard case .commit(let codes) = answer else { return nil }
                    return codes
                },
                done
            )
        }
        guard let codes else { return nil }
        return codes.topics.flatMap(\.partitions).map(\.code).first { $0 != GroupCode.none } ?? GroupCode.none
    }

    /// Deletes a group without members, with its offsets.
    ///
    /// - Returns: `GroupCode.none` where that is durable, else what speaks against it (`nonEmptyGroup`, `groupIDNotFound`;
    ///   `coordinatorNotAvailable`: the disk has not taken it, and may yet). nil where no answer comes in time.
    package func deleteGroup(_ id: String) async -> GroupCode? {
        let deletions: [GroupDeletion]? = await firstAnswer(within: Limits.administrationPatience) { done in
            broker.groups.handle(
                { $0.deleteGroups([id], waiter: $1, at: $2) },
                { answer -> [GroupDeletion]? in
                    guard case .deleteGroups(let deletions) = answer else { return nil }
                    return deletions
                },
                done
            )
        }
        return deletions?.first?.code
    }

    /// As `CommitLog.change`, and what groups have committed for a topic that is deleted is forgotten with it. On any
    /// thread `completion` is called when that is durable, or after ten seconds without; no topic of that name is made
    /// before it is (`busy`).
    package func change(
        _ change: TopicChange,
        completion: @escaping @Sendable (Result<Void, LogError>) -> Void
    ) {
        broker.carryOut(change, forgettingWithin: GroupLimits.forgettingPatience, completion)
    }

    private func asked<Value: Sendable>(
        _ question: @escaping @Sendable (GroupCoordinator) -> Value
    ) async -> Value? {
        await firstAnswer(within: Limits.administrationPatience) { done in
            broker.groups.ask({ groups, _ in (question(groups), []) }, done)
        }
    }
}
