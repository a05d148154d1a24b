// What goes: groups and offsets by request and by time; and what tools are shown.
import KafkaNIO
import Platform
import Testing

@Suite("Removing groups and offsets")
struct GroupRemovalTests {
    private func delete(_ bench: GroupBench, _ ids: String...) -> Waiter {
        let waiter = bench.waiter()
        bench.perform(bench.coordinator.deleteGroups(ids, waiter: waiter, at: bench.now))
        return waiter
    }

    private func codes(_ bench: GroupBench, _ waiter: Waiter) -> [GroupCode]? {
        guard case .deleteGroups(let deletions) = bench.answer(waiter) else { return nil }
        return deletions.map(\.code)
    }

    private func deleteOffsets(_ bench: GroupBench, _ group: String, _ topics: [String]) -> OffsetDeletion? {
        let waiter = bench.waiter()
        let wanted = topics.map { TopicPartitions(name: $0, partitions: [0]) }
        bench.perform(bench.coordinator.deleteOffsets(of: group, wanted, waiter: waiter, at: bench.now))
        guard case .deleteOffsets(let deletion) = bench.answer(waiter) else { return nil }
        return deletion
    }

    private func expire(_ bench: GroupBench) {
        bench.perform(bench.coordinator.expireOffsets(at: bench.now))
    }

    /// Version 0, so many topics.
    private func subscription(_ topics: [String]) -> [UInt8] {
        var bytes: [UInt8] = [0, 0, 0, 0, 0, UInt8(topics.count)]
        for topic in topics { bytes += [0, UInt8(topic.utf8.count)] + Array(topic.utf8) }
        return bytes + [255, 255, 255, 255]
    }

    // MARK: Groups

    @Test("an empty group is deleted with its offsets, one with members is not, an unknown one is not there")
    func deleteGroups() throws {
        let bench = GroupBench()
        let ids = try bench.form(1, as: "g")
        _ = bench.commit(.of(bench.now("g", ids[0]), 5))
        _ = bench.commit(.simple("s", 6))
        #expect(codes(bench, delete(bench, "g", "s", "x", "s")) == [.nonEmptyGroup, .none, .groupIDNotFound])
        #expect(bench.offset("s") == -1 && bench.offset("g") == 5)
        _ = bench.leave("g", [GroupLeave.Member(memberID: ids[0])])
        #expect(codes(bench, delete(bench, "g")) == [.none])
        #expect(bench.coordinator.list().isEmpty)
        bench.restart()
        #expect(bench.coordinator.list().isEmpty)
    }

    @Test("a deletion that is not durable in time is refused, and done when it is")
    func lateDeletion() {
        let bench = GroupBench()
        _ = bench.commit(.simple("s", 6))
        bench.isDiskHeld = true
        let waiter = delete(bench, "s")
        for _ in 0..<2 {
            bench.late()
            #expect(codes(bench, waiter) == [.coordinatorNotAvailable])
        }
        bench.settle()
        #expect(codes(bench, waiter) == [.coordinatorNotAvailable])
        #expect(bench.coordinator.list().isEmpty)
    }

    @Test("a group that is being deleted answers nobody, and is back if that could not be stored")
    func deletionFails() {
        let bench = GroupBench()
        _ = bench.commit(.simple("s", 6))
        bench.isDiskHeld = true
        let waiter = delete(bench, "s")
        #expect(codes(bench, waiter) == nil && bench.state("s") == .dead)
        #expect(bench.joined(bench.join(.of("s")))?.code == .coordinatorNotAvailable)
        #expect(bench.committed(bench.commit(.simple("s", 7))) == [.coordinatorNotAvailable])
        #expect(codes(bench, delete(bench, "s")) == [.groupIDNotFound])
        bench.settle(.refused)
        #expect(codes(bench, waiter) == [.coordinatorNotAvailable])
        #expect(bench.offset("s") == 6 && bench.state("s") == .empty)
    }

    @Test("a commit in flight does not survive the deletion of its group")
    func deletionAfterCommit() {
        let bench = GroupBench()
        _ = bench.commit(.simple("s", 6))
        bench.isDiskHeld = true
        _ = bench.commit(.simple("s", 7, partition: 1))
        let waiter = delete(bench, "s")
        bench.settle()
        #expect(codes(bench, waiter) == [.none])
        #expect(bench.coordinator.list().isEmpty)
        bench.restart()
        #expect(bench.coordinator.fetchOffsets(of: "s", nil).isEmpty)
    }

    // MARK: Offsets

    @Test("offsets of topics that a consumer group subscribes to are not deleted, others are")
    func subscribed() throws {
        let bench = GroupBench()
        let metadata = subscription(["readings", "alerts"])
        let ids = try bench.form(1) { $0.protocols[0].metadata = metadata }
        for topic in ["readings", "old"] {
            let partition = GroupCommit.Partition(index: 0, offset: 3)
            let topics = [GroupCommit.Topic(name: topic, partitions: [partition])]
            _ = bench.commit(GroupCommit(membership: bench.now("g", ids[0]), topics: topics))
        }
        let deletion = try #require(deleteOffsets(bench, "g", ["readings", "old", "never"]))
        #expect(deletion.code == .none)
        let codes = deletion.partitions.topics.map { $0.partitions[0].code }
        #expect(codes == [.groupSubscribedToTopic, .none, .none])
        #expect(bench.offset("g") == 3 && bench.offset("g", "old") == -1)
        bench.restart()
        #expect(bench.offset("g") == 3 && bench.offset("g", "old") == -1)
    }

    @Test(
        "a subscription that cannot be read may be to anything",
        arguments: [
            [], [0, 0, 0, 0, 0, 1], [0, 0, 127, 255, 255, 255], [0, 0, 255, 255, 255, 255],
            [0, 0, 0, 0, 0, 1, 0, 9, 65],
        ]
            as [[UInt8]]
    )
    func unreadableSubscription(_ metadata: [UInt8]) throws {
        let bench = GroupBench()
        try bench.form(1) { $0.protocols[0].metadata = metadata }
        let deletion = try #require(deleteOffsets(bench, "g", ["readings"]))
        #expect(deletion.partitions.topics[0].partitions[0].code == .groupSubscribedToTopic)
    }

    @Test("of a group of another kind that has members nothing is deleted")
    func otherKind() throws {
        let bench = GroupBench()
        try bench.form(1) { $0.protocolType = "connect" }
        #expect(deleteOffsets(bench, "g", ["readings"])?.code == .nonEmptyGroup)
        #expect(deleteOffsets(bench, "x", ["readings"])?.code == .groupIDNotFound)
    }

    @Test("an offset that is being committed when it is deleted is gone, one that is committed afterwards is not")
    func deletionAmongCommits() {
        let bench = GroupBench()
        bench.isDiskHeld = true
        _ = bench.commit(.simple("s", 1, partition: 0))
        _ = bench.commit(.simple("s", 1, partition: 1))
        #expect(deleteOffsets(bench, "s", ["readings"]) == nil)
        _ = bench.commit(.simple("s", 2, partition: 2))
        bench.settle()
        bench.isDiskHeld = false
        let expected: [Int64?] = [-1, 1, 2]
        #expect((0..<3).map { bench.offset("s", "readings", $0) } == expected)
        bench.restart()
        #expect((0..<3).map { bench.offset("s", "readings", $0) } == expected)
    }

    @Test("a group of which the last offset was deleted is forgotten if nobody ever joined it")
    func lastOffset() {
        let bench = GroupBench()
        _ = bench.commit(.simple("s", 1))
        #expect(deleteOffsets(bench, "s", ["readings"])?.code == GroupCode.none)
        #expect(bench.coordinator.list().isEmpty)
    }

    // MARK: Size

    @Test("requests that name very much take time in proportion to it", .timeLimit(.minutes(1)))
    func size() throws {
        let bench = GroupBench()
        let waiter = bench.waiter()
        let ids = (0..<200_000).map { "unknown\($0)" }
        bench.perform(bench.coordinator.deleteGroups(ids, waiter: waiter, at: bench.now))
        #expect(codes(bench, waiter)?.count == ids.count)
        let topics = (0..<200).map { "topic\($0)" }
        let metadata = subscription(topics)
        try bench.form(1) { $0.protocols[0].metadata = metadata }
        let partition = GroupCommit.Partition(index: 0, offset: 3)
        let old = [GroupCommit.Topic(name: "old", partitions: [partition])]
        let id = try #require(bench.coordinator.describe("g").members.first?.memberID)
        _ = bench.commit(GroupCommit(membership: bench.now("g", id), topics: old))
        let before = bench.log.count
        let deletion = deleteOffsets(bench, "g", topics + [String](repeating: "old", count: 500_000))
        #expect(deletion?.partitions.topics.last?.partitions.first?.code == GroupCode.none)
        // One tombstone, however often it was named.
        #expect(bench.log.count == before + 1 && bench.offset("g", "old") == -1)
    }

    // MARK: Time

    @Test("offsets go when their group was empty for 30 days, and the group with them")
    func expiry() throws {
        let bench = GroupBench()
        let ids = try bench.form(1)
        _ = bench.commit(.of(bench.now("g", ids[0]), 5))
        for _ in 0..<40 {
            bench.setWall(bench.now.wall.advanced(by: .seconds(86_400)))
            expire(bench)
        }
        #expect(bench.offset("g") == 5)
        _ = bench.leave("g", [GroupLeave.Member(memberID: ids[0])])
        let empty = bench.now.wall
        bench.setWall(empty.advanced(by: .seconds(30 * 86_400 - 1)))
        expire(bench)
        #expect(bench.offset("g") == 5)
        bench.setWall(empty.advanced(by: .seconds(30 * 86_400)))
        bench.isDiskHeld = true
        expire(bench)
        #expect(bench.offset("g") == 5 && bench.state() == .dead)
        bench.settle()
        #expect(bench.offset("g") == -1 && bench.coordinator.list().isEmpty)
        bench.restart()
        #expect(bench.coordinator.list().isEmpty)
    }

    @Test("each offset of a group that nobody joined counts from its own commit")
    func simpleExpiry() {
        let bench = GroupBench()
        _ = bench.commit(.simple("s", 1, partition: 0))
        bench.setWall(bench.now.wall.advanced(by: .seconds(15 * 86_400)))
        _ = bench.commit(.simple("s", 2, partition: 1))
        bench.setWall(bench.now.wall.advanced(by: .seconds(15 * 86_400)))
        expire(bench)
        #expect(bench.offset("s", "readings", 0) == -1 && bench.offset("s", "readings", 1) == 2)
    }

    @Test("times that cannot be count from the first look of a clock that is right")
    func unbelievable() {
        let bench = GroupBench()
        bench.setWall(Timestamp(milliseconds: 5000))
        _ = bench.commit(.simple("s", 1))
        expire(bench)
        bench.setWall(GroupBench.start.wall)
        expire(bench)
        #expect(bench.offset("s") == 1)
        bench.setWall(GroupBench.start.wall.advanced(by: .seconds(30 * 86_400 - 1)))
        expire(bench)
        #expect(bench.offset("s") == 1)
        bench.setWall(GroupBench.start.wall.advanced(by: .seconds(30 * 86_400)))
        expire(bench)
        #expect(bench.offset("s") == -1)
    }

    @Test("a commit at a time that cannot be begins the count from a first look anew")
    func unbelievableAgain() {
        let bench = GroupBench()
        let start = GroupBench.start.wall
        for day in [0, 20] {
            bench.setWall(Timestamp(milliseconds: 5000))
            _ = bench.commit(.simple("s", 1))
            bench.setWall(start.advanced(by: .seconds(day * 86_400)))
            expire(bench)
        }
        bench.setWall(start.advanced(by: .seconds(49 * 86_400)))
        expire(bench)
        #expect(bench.offset("s") == 1)
        bench.setWall(start.advanced(by: .seconds(50 * 86_400)))
        expire(bench)
        #expect(bench.offset("s") == -1)
    }

    @Test("an offset that is being committed anew does not expire, and a failed tombstone is tried again")
    func expiryMeetsCommit() {
        let bench = GroupBench()
        _ = bench.commit(.simple("s", 1))
        bench.setWall(bench.now.wall.advanced(by: .seconds(31 * 86_400)))
        bench.isDiskHeld = true
        _ = bench.commit(.simple("s", 2))
        expire(bench)
        #expect(bench.inFlight.count == 1)
        bench.settle()
        #expect(bench.offset("s") == 2)
        bench.setWall(bench.now.wall.advanced(by: .seconds(31 * 86_400)))
        expire(bench)
        bench.settle(.refused)
        #expect(bench.offset("s") == 2 && bench.state("s") == .empty)
        expire(bench)
        bench.settle()
        #expect(bench.coordinator.list().isEmpty)
    }

    @Test("a group that had members and has no offsets is forgotten when somebody looks, with a tombstone")
    func emptyGroup() throws {
        let bench = GroupBench()
        let ids = try bench.form(1)
        _ = bench.leave("g", [GroupLeave.Member(memberID: ids[0])])
        #expect(bench.state() == .empty)
        expire(bench)
        #expect(bench.coordinator.list().isEmpty)
        #expect(bench.log.last == GroupRecord.tombstone(.group("g")))
    }

    // MARK: Tools

    @Test("groups are listed in order, by state in any case, and described with what they hold")
    func tools() throws {
        let bench = GroupBench()
        let ids = try bench.form(1, as: "stable")
        _ = bench.commit(.simple("empty", 1))
        _ = try bench.enter(.of("preparing"))
        #expect(bench.coordinator.list().map(\.groupID) == ["empty", "preparing", "stable"])
        #expect(bench.coordinator.list(states: ["STABLE", "Empty"]).map(\.groupID) == ["empty", "stable"])
        #expect(bench.coordinator.list(states: ["Unheard"]).isEmpty)
        let description = bench.coordinator.describe("stable")
        #expect(description.protocolType == "consumer" && description.protocolName == "range")
        let member = try #require(description.members.first)
        #expect(member.memberID == ids[0] && member.clientID == "c" && member.clientHost == "/10.0.0.1")
        #expect(member.metadata == [1] && member.assignment == [0])
        let preparing = bench.coordinator.describe("preparing")
        #expect(preparing.protocolName.isEmpty && preparing.members.map(\.metadata) == [[]])
        #expect(bench.coordinator.describe("unknown").state == .dead)
    }
}

extension GroupRecord {
    static func tombstone(_ key: GroupRecordKey) -> GroupRecord {
        GroupRecord(key: key.bytes, value: nil)
    }
}
