// Members that leave, and static members that come back.
import KafkaNIO
import Platform
import Testing

@Suite("Leaving a group")
struct GroupLeaveTests {
    @Test("one that leaves begins a rebalance of the others; the last leaves the group empty")
    func leaving() throws {
        let bench = GroupBench()
        let ids = try bench.form(2)
        #expect(bench.leave("g", [GroupLeave.Member(memberID: ids[0])]) == [.none])
        #expect(bench.heartbeat(bench.now("g", ids[1])) == .rebalanceInProgress)
        #expect(bench.joined(bench.join(.of(id: ids[1])))?.leaderID == ids[1])
        #expect(bench.leave("g", [GroupLeave.Member(memberID: ids[1])]) == [.none])
        #expect(bench.state() == .empty && bench.coordinator.describe("g").generation == 3)
    }

    @Test("several leave with one request, and each has its code")
    func batched() throws {
        let bench = GroupBench()
        let ids = try bench.form(2)
        let fixed = bench.join(.of(instance: "i"))
        for id in ids { _ = bench.join(.of(id: id)) }
        let fixedID = try #require(bench.joined(fixed)).memberID
        try bench.distribute("g", ids + [fixedID])
        let pending = try #require(bench.joined(bench.join(.of()))).memberID
        let codes = bench.leave(
            "g",
            [
                GroupLeave.Member(memberID: ids[0]), GroupLeave.Member(memberID: "stranger"),
                GroupLeave.Member(memberID: pending), GroupLeave.Member(memberID: "other", groupInstanceID: "i"),
                GroupLeave.Member(memberID: "", groupInstanceID: "j"),
                GroupLeave.Member(memberID: "", groupInstanceID: "i"),
                GroupLeave.Member(memberID: fixedID, groupInstanceID: "i"),
            ]
        )
        #expect(
            codes == [.none, .unknownMemberID, .none, .fencedInstanceID, .unknownMemberID, .none, .unknownMemberID]
        )
        #expect(bench.coordinator.describe("g").members.map(\.memberID) == [ids[1]])
        #expect(bench.leave("nobody", [GroupLeave.Member(memberID: "m")]) == [.unknownMemberID])
    }

    @Test("who waits and is taken out is told that it is no member")
    func waiting() throws {
        let bench = GroupBench()
        let ids = try bench.form(2)
        let join = bench.join(.of(id: ids[0]))
        #expect(bench.leave("g", [GroupLeave.Member(memberID: ids[0])]) == [.none])
        #expect(bench.joined(join)?.code == .unknownMemberID)
        #expect(bench.joined(bench.join(.of(id: ids[1])))?.generation == 2)
        let third = try bench.enter(.of())
        _ = bench.join(.of(id: ids[1]))
        #expect(bench.joined(third.waiter)?.generation == 3)
        let sync = bench.sync(GroupSync(membership: bench.now("g", third.id)))
        #expect(bench.leave("g", [GroupLeave.Member(memberID: third.id)]) == [.none])
        #expect(bench.synced(sync)?.code == .unknownMemberID)
    }
}

@Suite("Static members")
struct StaticMemberTests {
    /// A stable group of static members `a`, which leads, and `b`; their ids.
    private func form(_ bench: GroupBench) throws -> (leader: String, follower: String) {
        let waiters = [bench.join(.of(instance: "a")), bench.join(.of(instance: "b"))]
        bench.advance(by: .milliseconds(200))
        let ids = try waiters.map { try #require(bench.joined($0)).memberID }
        #expect(ids[0].hasPrefix("a-") && ids[1].hasPrefix("b-"))
        try bench.distribute("g", ids)
        return (ids[0], ids[1])
    }

    @Test("one that comes back takes its place under a new id, without a rebalance, when that is durable")
    func replacement() throws {
        let bench = GroupBench()
        let (leader, follower) = try form(bench)
        bench.isDiskHeld = true
        let waiter = bench.join(.of(instance: "b", metadata: [1]))
        #expect(bench.joined(waiter) == nil)
        bench.settle()
        let answer = try #require(bench.joined(waiter))
        #expect(answer.code == .none && answer.generation == 1 && answer.leaderID == leader && answer.members.isEmpty)
        #expect(answer.memberID != follower && answer.memberID.hasPrefix("b-"))
        #expect(bench.state() == .stable)
        #expect(bench.heartbeat(bench.now("g", leader, instance: "a")) == .none)
        #expect(bench.heartbeat(bench.now("g", answer.memberID, instance: "b")) == .none)
        let sync = bench.sync(GroupSync(membership: bench.now("g", answer.memberID, instance: "b")))
        #expect(bench.synced(sync)?.assignment == [1])
    }

    @Test("the old id is fenced in every request")
    func fenced() throws {
        let bench = GroupBench()
        let (_, follower) = try form(bench)
        let old = bench.now("g", follower, instance: "b")
        let new = try #require(bench.joined(bench.join(.of(instance: "b")))).memberID
        #expect(bench.heartbeat(old) == .fencedInstanceID)
        #expect(bench.synced(bench.sync(GroupSync(membership: old)))?.code == .fencedInstanceID)
        #expect(bench.committed(bench.commit(.of(old, 5))) == [.fencedInstanceID])
        #expect(bench.joined(bench.join(.of(id: follower, instance: "b")))?.code == .fencedInstanceID)
        let leaving = GroupLeave.Member(memberID: follower, groupInstanceID: "b")
        #expect(bench.leave("g", [leaving]) == [.fencedInstanceID])
        #expect(bench.committed(bench.commit(.of(bench.now("g", new, instance: "b"), 5))) == [.none])
    }

    @Test("an instance that waits is fenced at once when another takes its place")
    func fencedWhileWaiting() throws {
        let bench = GroupBench()
        let (leader, follower) = try form(bench)
        let old = bench.join(.of(id: leader, instance: "a"))
        #expect(bench.joined(old) == nil)
        let new = bench.join(.of(instance: "a"))
        #expect(bench.joined(old)?.code == .fencedInstanceID)
        _ = bench.join(.of(id: follower, instance: "b"))
        let answer = try #require(bench.joined(new))
        #expect(answer.generation == 2 && answer.leaderID == answer.memberID && answer.members.count == 2)
    }

    @Test("a leader that comes back is told to skip the assignment, or not that it leads where it could not know that")
    func leaderComesBack() throws {
        let bench = GroupBench()
        let (leader, _) = try form(bench)
        let new = try #require(bench.joined(bench.join(.of(instance: "a"))))
        #expect(new.skipsAssignment && new.leaderID == new.memberID && new.members.count == 2)
        var older = GroupJoin.of(instance: "a")
        older.supportsSkippingAssignment = false
        let last = try #require(bench.joined(bench.join(older)))
        #expect(!last.skipsAssignment && last.leaderID == new.memberID && last.members.isEmpty)
        #expect(last.leaderID != leader && bench.state() == .stable)
        #expect(bench.coordinator.describe("g").leaderID == last.memberID)
        let sync = bench.sync(GroupSync(membership: bench.now("g", last.memberID, instance: "a")))
        #expect(bench.synced(sync)?.assignment == [0])
    }

    @Test("a new id that could not be stored, or not in time, is taken back", arguments: [false, true])
    func refusedByDisk(isLate: Bool) throws {
        let bench = GroupBench()
        let (_, follower) = try form(bench)
        bench.isDiskHeld = true
        let waiter = bench.join(.of(instance: "b", metadata: [9]))
        if isLate { bench.late() } else { bench.settle(.refused) }
        #expect(bench.joined(waiter)?.code == .coordinatorNotAvailable)
        #expect(bench.joined(waiter)?.memberID == "")
        bench.settle()
        #expect(bench.heartbeat(bench.now("g", follower, instance: "b")) == .none)
        #expect(bench.coordinator.describe("g").members.map(\.metadata) == [[1], [1]])
    }

    @Test("a rebalance that begins before a new id is durable takes its join over")
    func overtaken() throws {
        let bench = GroupBench()
        let (leader, _) = try form(bench)
        bench.isDiskHeld = true
        let waiter = bench.join(.of(instance: "b"))
        let rejoin = bench.join(.of(id: leader, instance: "a"))
        #expect(bench.joined(waiter)?.generation == 2 && bench.joined(rejoin)?.generation == 2)
        bench.settle()
        #expect(bench.joined(waiter)?.leaderID == leader)
    }

    @Test("one that comes back with another choice of protocol begins a rebalance")
    func otherProtocol() throws {
        let bench = GroupBench()
        let first = bench.join(.of(instance: "a", protocols: ["x", "y"]))
        bench.advance(by: .milliseconds(200))
        let id = try #require(bench.joined(first)).memberID
        try bench.distribute("g", [id])
        let second = bench.join(.of(instance: "a", protocols: ["y", "x"]))
        // It is alone, so that the rebalance is over at once.
        #expect(bench.joined(second)?.generation == 2 && bench.joined(second)?.protocolName == "y")
    }

    @Test("one that comes back while the assignment is awaited begins a rebalance, as the leader knows its old id")
    func completing() throws {
        let bench = GroupBench()
        let waiters = [bench.join(.of(instance: "a")), bench.join(.of(instance: "b"))]
        bench.advance(by: .milliseconds(200))
        let leader = try #require(bench.joined(waiters[0])).memberID
        let follower = try #require(bench.joined(waiters[1])).memberID
        let sync = bench.sync(GroupSync(membership: bench.now("g", follower, instance: "b")))
        let new = bench.join(.of(instance: "b"))
        #expect(bench.synced(sync)?.code == .fencedInstanceID)
        #expect(bench.state() == .preparingRebalance && bench.joined(new) == nil)
        _ = bench.join(.of(id: leader, instance: "a"))
        #expect(bench.joined(new)?.generation == 2)
    }

    @Test("a rebalance does not drop a static member that is late, only the end of its session does")
    func late() throws {
        let bench = GroupBench()
        let waiters = [bench.join(.of(instance: "a")), bench.join(.of(instance: "b"))]
        bench.advance(by: .milliseconds(200))
        let ids = try waiters.map { try #require(bench.joined($0)).memberID }
        try bench.distribute("g", ids)
        var request = GroupJoin.of(id: ids[0], instance: "a")
        request.sessionTimeout = .seconds(600)
        let leader = bench.join(request)
        for _ in 0..<12 {
            bench.advance(by: .seconds(5))
            _ = bench.heartbeat(bench.now("g", ids[1], instance: "b"))
        }
        #expect(bench.joined(leader)?.members.map(\.memberID) == ids)
    }

    @Test("a static member's id cannot be used without its instance, nor an instance by who is pending")
    func mixed() throws {
        let bench = GroupBench()
        _ = try form(bench)
        let pending = try #require(bench.joined(bench.join(.of()))).memberID
        #expect(bench.joined(bench.join(.of(id: pending, instance: "c")))?.code == .unknownMemberID)
        #expect(bench.joined(bench.join(.of(id: "a-1", instance: "c")))?.code == .unknownMemberID)
    }

    @Test("a static member finds its place in a full group")
    func fullGroup() throws {
        var settings = GroupSettings()
        settings.membersMax = 2
        let bench = GroupBench(settings)
        _ = try form(bench)
        #expect(bench.joined(bench.join(.of(instance: "b")))?.code == GroupCode.none)
        #expect(bench.joined(bench.join(.of(instance: "c")))?.code == .groupMaxSizeReached)
    }
}
