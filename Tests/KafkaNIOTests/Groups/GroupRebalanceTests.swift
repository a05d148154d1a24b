// Rebalances: what begins one, whom it waits for, who leads, and whose sessions end.
import KafkaNIO
import Platform
import Testing

@Suite("Rebalances of a group")
struct GroupRebalanceTests {
    @Test("a new member begins a rebalance: heartbeats say so, and the next generation has everybody")
    func newMember() throws {
        let bench = GroupBench()
        let ids = try bench.form(2)
        #expect(bench.heartbeat(bench.now("g", ids[1])) == .none)
        let third = try bench.enter(.of())
        #expect(bench.state() == .preparingRebalance)
        for id in ids { #expect(bench.heartbeat(bench.now("g", id)) == .rebalanceInProgress) }
        let leader = bench.join(.of(id: ids[0]))
        #expect(bench.joined(third.waiter) == nil)
        let follower = bench.join(.of(id: ids[1]))
        #expect(bench.state() == .completingRebalance)
        for waiter in [leader, follower, third.waiter] { #expect(bench.joined(waiter)?.generation == 2) }
        #expect(bench.joined(third.waiter)?.leaderID == ids[0])
        #expect(bench.joined(leader)?.members.count == 3)
    }

    @Test("a rebalance waits for all members up to the largest rebalance timeout, and drops who is late")
    func laggard() throws {
        let bench = GroupBench()
        let ids = try bench.form(2)
        var quick = GroupJoin.of()
        quick.rebalanceTimeout = .seconds(5)
        let third = try bench.enter(quick)
        for _ in 0..<59 {
            bench.advance(by: .seconds(1))
            #expect(bench.heartbeat(bench.now("g", ids[1])) == .rebalanceInProgress)
            _ = bench.heartbeat(bench.now("g", ids[0]))
        }
        let leader = bench.join(.of(id: ids[0]))
        #expect(bench.joined(leader) == nil)
        bench.advance(by: .seconds(1))
        #expect(bench.joined(leader)?.members.map(\.memberID) == [ids[0], third.id])
        #expect(bench.heartbeat(bench.now("g", ids[1])) == .unknownMemberID)
    }

    @Test("a leader that does not come back is followed by a member that has joined")
    func newLeader() throws {
        let bench = GroupBench()
        let ids = try bench.form(3)
        let third = bench.join(.of(id: ids[2], metadata: [9]))
        bench.advance(by: .seconds(10))
        // The other two have not been heard of, so that nobody else is left.
        let answer = try #require(bench.joined(third))
        #expect(answer.generation == 2 && answer.leaderID == ids[2] && answer.members.map(\.metadata) == [[9]])
    }

    @Test("who is not heard of for its session timeout is taken out, and the others are asked to join again")
    func sessionEnds() throws {
        let bench = GroupBench()
        let ids = try bench.form(2)
        bench.advance(by: .seconds(9))
        #expect(bench.heartbeat(bench.now("g", ids[0])) == .none)
        bench.advance(by: .milliseconds(1001))
        #expect(bench.heartbeat(bench.now("g", ids[1])) == .unknownMemberID)
        #expect(bench.heartbeat(bench.now("g", ids[0])) == .rebalanceInProgress)
        #expect(bench.joined(bench.join(.of(id: ids[0])))?.members.map(\.memberID) == [ids[0]])
    }

    @Test("a group whose members are all gone is empty, in a generation of its own that is stored")
    func empties() throws {
        let bench = GroupBench()
        try bench.form(3)
        bench.advance(by: .seconds(11))
        #expect(bench.state() == .empty)
        let description = bench.coordinator.describe("g")
        #expect(description.generation == 2 && description.members.isEmpty && description.leaderID == nil)
        let record = try #require(bench.log.last?.value)
        let stored = try record.withUnsafeBytes { try StoredGroup($0) }
        #expect(stored.generation == 2 && stored.members.isEmpty && stored.protocolType == "consumer")
        #expect(stored.protocolName == nil && stored.leaderID == nil)
    }

    @Test("whoever waits for a rebalance or an assignment keeps its session")
    func waitingKeepsSession() throws {
        let bench = GroupBench()
        let ids = try bench.form(2)
        let leader = bench.join(.of(id: ids[0]))
        for _ in 0..<5 {
            bench.advance(by: .seconds(8))
            #expect(bench.heartbeat(bench.now("g", ids[1])) == .rebalanceInProgress)
        }
        #expect(bench.joined(leader) == nil)
        #expect(bench.joined(bench.join(.of(id: ids[1])))?.generation == 2)
        #expect(bench.joined(leader)?.code == GroupCode.none)
        let sync = bench.sync(GroupSync(membership: bench.now("g", ids[1])))
        for _ in 0..<5 {
            bench.advance(by: .seconds(8))
            #expect(bench.heartbeat(bench.now("g", ids[0])) == .none)
        }
        #expect(bench.synced(sync) == nil)
        _ = bench.sync(GroupSync(membership: bench.now("g", ids[0]), assignments: [ids[1]: [5]]))
        #expect(bench.synced(sync)?.assignment == [5])
    }

    @Test("a first join that waits for five minutes is given up")
    func firstJoinGivenUp() throws {
        let bench = GroupBench()
        let ids = try bench.form(1) { $0.rebalanceTimeout = .seconds(3600) }
        let entry = try bench.enter(.of())
        for _ in 0..<37 {
            bench.advance(by: .seconds(8))
            _ = bench.heartbeat(bench.now("g", ids[0]))
        }
        #expect(bench.joined(entry.waiter) == nil)
        bench.advance(by: .seconds(5))
        let answer = try #require(bench.joined(entry.waiter))
        #expect(answer.code == .unknownMemberID && answer.memberID.isEmpty)
        #expect(bench.coordinator.describe("g").members.map(\.memberID) == ids)
    }

    @Test("members that do not sync within the rebalance timeout are dropped")
    func silentMembers() throws {
        let bench = GroupBench()
        let first = try bench.enter(.of())
        let second = try bench.enter(.of())
        bench.advance(by: .milliseconds(200))
        let sync = bench.sync(GroupSync(membership: bench.now("g", second.id)))
        for _ in 0..<7 {
            bench.advance(by: .seconds(8))
            #expect(bench.heartbeat(bench.now("g", first.id)) == .none)
        }
        #expect(bench.synced(sync) == nil)
        bench.advance(by: .seconds(4))
        #expect(bench.synced(sync)?.code == .rebalanceInProgress)
        #expect(bench.coordinator.describe("g").members.map(\.memberID) == [second.id])
        #expect(bench.heartbeat(bench.now("g", first.id)) == .unknownMemberID)
    }

    @Test("a follower that joins again unchanged gets its generation at once; the leader begins a rebalance")
    func rejoinInStable() throws {
        let bench = GroupBench()
        let ids = try bench.form(2)
        let follower = try #require(bench.joined(bench.join(.of(id: ids[1]))))
        #expect(follower.code == .none && follower.generation == 1 && follower.members.isEmpty)
        #expect(bench.state() == .stable)
        let leader = bench.join(.of(id: ids[0]))
        #expect(bench.joined(leader) == nil)
        #expect(bench.state() == .preparingRebalance)
    }

    @Test("a follower that joins again with other metadata begins a rebalance")
    func changedFollower() throws {
        let bench = GroupBench()
        let ids = try bench.form(2)
        let waiter = bench.join(.of(id: ids[1], metadata: [2]))
        #expect(bench.joined(waiter) == nil && bench.state() == .preparingRebalance)
        let leader = bench.join(.of(id: ids[0]))
        #expect(bench.joined(leader)?.members.map(\.metadata) == [[1], [2]])
    }

    @Test("a join whose answer was lost is answered once more while the assignment is awaited")
    func rejoinInCompleting() throws {
        let bench = GroupBench()
        let first = try bench.enter(.of())
        let second = try bench.enter(.of())
        bench.advance(by: .milliseconds(200))
        #expect(bench.joined(bench.join(.of(id: first.id)))?.members.count == 2)
        #expect(bench.joined(bench.join(.of(id: second.id)))?.members.isEmpty == true)
        #expect(bench.state() == .completingRebalance)
        let sync = bench.sync(GroupSync(membership: bench.now("g", first.id, instance: nil)))
        #expect(bench.synced(sync)?.code == GroupCode.none)
    }

    @Test("a member that changes while the assignment is awaited begins anew, and who waits is told")
    func changedInCompleting() throws {
        let bench = GroupBench()
        let first = try bench.enter(.of())
        let second = try bench.enter(.of())
        bench.advance(by: .milliseconds(200))
        let sync = bench.sync(GroupSync(membership: bench.now("g", second.id)))
        #expect(bench.synced(sync) == nil)
        _ = bench.join(.of(id: first.id, metadata: [2]))
        #expect(bench.synced(sync)?.code == .rebalanceInProgress)
        #expect(bench.state() == .preparingRebalance)
    }

    @Test("a join that comes twice leaves no waiter behind")
    func joinTwice() throws {
        let bench = GroupBench()
        let ids = try bench.form(2)
        let lost = bench.join(.of(id: ids[0]))
        let second = bench.join(.of(id: ids[0]))
        #expect(bench.joined(lost)?.code == .rebalanceInProgress)
        _ = bench.join(.of(id: ids[1]))
        #expect(bench.joined(second)?.members.count == 2)
    }

    @Test("a rebalance timeout of -1, as in version 0, is the session timeout")
    func versionZero() throws {
        let bench = GroupBench()
        let ids = try bench.form(2) { $0.rebalanceTimeout = .milliseconds(-1) }
        let waiter = bench.join(.of(id: ids[0]))
        bench.advance(by: .seconds(5))
        #expect(bench.heartbeat(bench.now("g", ids[1])) == .rebalanceInProgress)
        bench.advance(by: .seconds(5))
        _ = bench.heartbeat(bench.now("g", ids[1]))
        // The leader came with 60 s now, so they count.
        #expect(bench.joined(waiter) == nil)
        let other = GroupBench()
        let pair = try other.form(2) { $0.rebalanceTimeout = .milliseconds(-1) }
        var request = GroupJoin.of(id: pair[0])
        request.rebalanceTimeout = .milliseconds(-1)
        let short = other.join(request)
        other.advance(by: .seconds(6))
        #expect(other.heartbeat(other.now("g", pair[1])) == .rebalanceInProgress)
        other.advance(by: .seconds(4))
        #expect(other.joined(short)?.members.map(\.memberID) == [pair[0]])
    }

    @Test("heartbeats of a generation that is over, or of nobody, are refused")
    func heartbeats() throws {
        let bench = GroupBench()
        let ids = try bench.form(1)
        var old = bench.now("g", ids[0])
        old.generation -= 1
        #expect(bench.heartbeat(old) == .illegalGeneration)
        #expect(bench.heartbeat(bench.now("g", "c-x")) == .unknownMemberID)
        #expect(bench.heartbeat(bench.now("h", ids[0])) == .unknownMemberID)
        #expect(bench.heartbeat(bench.now("g", ids[0], instance: "i")) == .unknownMemberID)
    }

    @Test("tick before its deadline does nothing")
    func earlyTick() throws {
        let bench = GroupBench()
        _ = try bench.enter(.of())
        #expect(bench.coordinator.tick(at: bench.now).isEmpty)
        let deadline = try #require(bench.coordinator.nextDeadline)
        #expect(deadline == bench.now.monotonic.advanced(by: .milliseconds(100)))
    }
}
