// SyncGroup: nobody gets an assignment before the leader has given it and it is durable.
import KafkaNIO
import Platform
import Testing

@Suite("Assignments of a group")
struct GroupSyncTests {
    /// Two members in generation 1, without assignments.
    private func completing(_ bench: GroupBench) throws -> (leader: String, follower: String) {
        let first = try bench.enter(.of())
        let second = try bench.enter(.of())
        bench.advance(by: .milliseconds(200))
        #expect(bench.state() == .completingRebalance)
        return (first.id, second.id)
    }

    @Test("a follower waits for the leader, and both for the disk")
    func order() throws {
        let bench = GroupBench()
        let (leader, follower) = try completing(bench)
        bench.isDiskHeld = true
        let second = bench.sync(GroupSync(membership: bench.now("g", follower)))
        #expect(bench.synced(second) == nil && bench.inFlight.isEmpty)
        let assignments: [String: [UInt8]] = [leader: [1], follower: [2], "stranger": [3]]
        let first = bench.sync(GroupSync(membership: bench.now("g", leader), assignments: assignments))
        #expect(bench.inFlight.count == 1)
        #expect(bench.synced(first) == nil && bench.synced(second) == nil)
        #expect(bench.state() == .completingRebalance)
        bench.settle()
        let answer = try #require(bench.synced(first))
        #expect(answer.code == .none && answer.protocolType == "consumer" && answer.protocolName == "range")
        #expect(answer.assignment == [1])
        #expect(bench.synced(second)?.assignment == [2])
        #expect(bench.state() == .stable)
        let again = bench.sync(GroupSync(membership: bench.now("g", follower)))
        #expect(bench.synced(again)?.assignment == [2])
    }

    @Test("a member that the leader forgot gets an empty assignment")
    func forgotten() throws {
        let bench = GroupBench()
        let (leader, follower) = try completing(bench)
        let second = bench.sync(GroupSync(membership: bench.now("g", follower)))
        _ = bench.sync(GroupSync(membership: bench.now("g", leader), assignments: [leader: [1]]))
        #expect(bench.synced(second)?.code == GroupCode.none && bench.synced(second)?.assignment == [])
    }

    @Test(
        "an assignment that could not be stored, or not in time, is given to nobody, and the group joins again",
        arguments: [false, true]
    )
    func refusedByDisk(isLate: Bool) throws {
        let bench = GroupBench()
        let (leader, follower) = try completing(bench)
        bench.isDiskHeld = true
        let second = bench.sync(GroupSync(membership: bench.now("g", follower)))
        let first = bench.sync(GroupSync(membership: bench.now("g", leader), assignments: [leader: [1]]))
        if isLate { bench.late() } else { bench.settle(.refused) }
        for waiter in [first, second] {
            #expect(bench.synced(waiter)?.code == .coordinatorNotAvailable)
            #expect(bench.synced(waiter)?.assignment == [])
        }
        #expect(bench.state() == .preparingRebalance)
        bench.late()
        bench.settle()
        #expect(bench.state() == .preparingRebalance)
        bench.isDiskHeld = false
        _ = bench.join(.of(id: leader))
        _ = bench.join(.of(id: follower))
        try bench.distribute("g", [leader, follower])
        #expect(bench.coordinator.describe("g").generation == 2)
    }

    @Test("an assignment that becomes durable after the next rebalance began is given to nobody")
    func overtaken() throws {
        let bench = GroupBench()
        let (leader, follower) = try completing(bench)
        bench.isDiskHeld = true
        let first = bench.sync(
            GroupSync(membership: bench.now("g", leader), assignments: [leader: [1], follower: [2]])
        )
        let rejoin = bench.join(.of(id: follower, metadata: [9]))
        #expect(bench.synced(first)?.code == .rebalanceInProgress)
        _ = bench.join(.of(id: leader))
        #expect(bench.joined(rejoin)?.generation == 2)
        let second = bench.sync(GroupSync(membership: bench.now("g", follower)))
        bench.settle()
        #expect(bench.state() == .completingRebalance && bench.synced(second) == nil)
        _ = bench.sync(GroupSync(membership: bench.now("g", leader), assignments: [follower: [7]]))
        bench.settle()
        #expect(bench.synced(second)?.assignment == [7])
    }

    @Test("the first assignment of a generation stands, though the leader sends another")
    func twice() throws {
        let bench = GroupBench()
        let (leader, _) = try completing(bench)
        bench.isDiskHeld = true
        let first = bench.sync(GroupSync(membership: bench.now("g", leader), assignments: [leader: [1]]))
        let second = bench.sync(GroupSync(membership: bench.now("g", leader), assignments: [leader: [2]]))
        #expect(bench.inFlight.count == 1)
        #expect(bench.synced(first)?.code == .rebalanceInProgress)
        bench.settle()
        #expect(bench.synced(second)?.assignment == [1])
    }

    @Test("sync in the wrong state, generation or by the wrong member is refused")
    func refusals() throws {
        let bench = GroupBench()
        let (leader, _) = try completing(bench)
        func code(_ membership: GroupMembership, type: String? = nil, name: String? = nil) -> GroupCode? {
            let request = GroupSync(membership: membership, protocolType: type, protocolName: name)
            return bench.synced(bench.sync(request))?.code
        }
        var old = bench.now("g", leader)
        old.generation = 0
        #expect(code(old) == .illegalGeneration)
        #expect(code(bench.now("g", "stranger")) == .unknownMemberID)
        #expect(code(bench.now("h", leader)) == .unknownMemberID)
        #expect(code(bench.now("g", leader), type: "connect", name: "range") == .inconsistentGroupProtocol)
        #expect(code(bench.now("g", leader), type: "consumer", name: "sticky") == .inconsistentGroupProtocol)
        #expect(code(bench.now("g", leader), type: "consumer", name: "range") == GroupCode.none)
        #expect(bench.state() == .stable)
        _ = bench.join(.of(id: leader))
        #expect(code(bench.now("g", leader)) == .rebalanceInProgress)
    }

    @Test("a group whose record would not fit in a batch is refused its assignment")
    func tooLarge() throws {
        let bench = GroupBench()
        let (leader, follower) = try completing(bench)
        let second = bench.sync(GroupSync(membership: bench.now("g", follower)))
        let large = [UInt8](repeating: 0, count: GroupLimits.recordBytesMax)
        let first = bench.sync(GroupSync(membership: bench.now("g", leader), assignments: [leader: large]))
        #expect(bench.synced(first)?.code == .unknownServerError)
        #expect(bench.synced(second)?.code == .unknownServerError)
        #expect(bench.log.isEmpty && bench.state() == .preparingRebalance)
    }

    @Test("assignments count against the budget of members")
    func budget() throws {
        var settings = GroupSettings()
        settings.memberBytesMax = 20_000
        let bench = GroupBench(settings)
        let (leader, _) = try completing(bench)
        let large = [UInt8](repeating: 0, count: 20_000)
        let first = bench.sync(GroupSync(membership: bench.now("g", leader), assignments: [leader: large]))
        #expect(bench.synced(first)?.code == .coordinatorNotAvailable)
    }
}
