// Who may join a group, under which id, and how the first join of an empty group waits for others.
import KafkaNIO
import Platform
import Testing

@Suite("Joining a group")
struct GroupJoinTests {
    @Test("a new dynamic member is sent away once, with the id that it comes back with")
    func memberIDRequired() throws {
        let bench = GroupBench()
        let first = try #require(bench.joined(bench.join(.of())))
        #expect(first.code == .memberIDRequired)
        #expect(first.memberID == "c-00000000-0000-0000-0000-000000000001")
        #expect(first.generation == -1)
        #expect(bench.state() == .empty)
        let second = bench.join(.of(id: first.memberID))
        #expect(bench.state() == .preparingRebalance)
        bench.advance(by: .milliseconds(100))
        let answer = try #require(bench.joined(second))
        #expect(answer.code == .none && answer.generation == 1)
        #expect(answer.memberID == first.memberID && answer.leaderID == first.memberID)
        #expect(answer.protocolType == "consumer" && answer.protocolName == "range")
        #expect(answer.members.map(\.memberID) == [first.memberID] && answer.members.map(\.metadata) == [[1]])
    }

    @Test("clients of before version 4 join at once")
    func oldClients() throws {
        let bench = GroupBench()
        var request = GroupJoin.of()
        request.requiresKnownMemberID = false
        let waiter = bench.join(request)
        #expect(bench.joined(waiter) == nil)
        bench.advance(by: .milliseconds(100))
        #expect(bench.joined(waiter)?.code == GroupCode.none)
    }

    @Test("an id that nobody comes back with expires with its session, and the group with it")
    func pendingExpires() throws {
        let bench = GroupBench()
        let id = try #require(bench.joined(bench.join(.of()))).memberID
        bench.advance(by: .milliseconds(9_999))
        #expect(bench.coordinator.list().count == 1)
        bench.advance(by: .milliseconds(1))
        #expect(bench.coordinator.list().isEmpty)
        #expect(bench.joined(bench.join(.of(id: id)))?.code == .unknownMemberID)
        #expect(bench.coordinator.nextDeadline == nil)
    }

    @Test("a rebalance waits for ids that were given out, and no longer than their session")
    func pendingDelays() throws {
        let bench = GroupBench()
        let ids = try bench.form(2)
        _ = bench.join(.of())
        let leader = bench.join(.of(id: ids[0]))
        let follower = bench.join(.of(id: ids[1]))
        bench.advance(by: .milliseconds(9_999))
        #expect(bench.joined(leader) == nil)
        bench.advance(by: .milliseconds(1))
        #expect(bench.joined(leader)?.generation == 2 && bench.joined(follower)?.generation == 2)
    }

    @Test("the first join waits for the initial delay, which each newcomer prolongs")
    func initialDelay() throws {
        let bench = GroupBench()
        let first = try bench.enter(.of())
        bench.advance(by: .milliseconds(60))
        let second = try bench.enter(.of())
        bench.advance(by: .milliseconds(60))
        #expect(bench.joined(first.waiter) == nil)
        let third = try bench.enter(.of())
        bench.advance(by: .milliseconds(79))
        #expect(bench.joined(first.waiter) == nil)
        bench.advance(by: .milliseconds(1))
        // The third came into the second delay, so there was one more.
        #expect(bench.joined(first.waiter) == nil)
        bench.advance(by: .milliseconds(100))
        for entry in [first, second, third] { #expect(bench.joined(entry.waiter)?.generation == 1) }
        #expect(bench.joined(first.waiter)?.members.count == 3)
    }

    @Test("newcomers prolong the initial delay up to the rebalance timeout and not beyond")
    func initialDelayEnds() throws {
        let bench = GroupBench()
        var request = GroupJoin.of()
        request.rebalanceTimeout = .milliseconds(350)
        request.requiresKnownMemberID = false
        let first = bench.join(request)
        for _ in 0..<6 {
            bench.advance(by: .milliseconds(50))
            _ = bench.join(request)
        }
        bench.advance(by: .milliseconds(49))
        #expect(bench.joined(first) == nil)
        bench.advance(by: .milliseconds(1))
        #expect(bench.joined(first)?.members.count == 7)
    }

    @Test("without an initial delay the first join is answered at once")
    func noInitialDelay() throws {
        var settings = GroupSettings()
        settings.initialRebalanceDelay = .zero
        let bench = GroupBench(settings)
        #expect(try bench.joined(bench.enter(.of()).waiter)?.generation == 1)
    }

    @Test("only the leader gets the list of members")
    func list() throws {
        let bench = GroupBench()
        let first = try bench.enter(.of(metadata: [1]))
        let second = try bench.enter(.of(metadata: [2]))
        bench.advance(by: .milliseconds(200))
        let members = try #require(bench.joined(first.waiter)).members
        #expect(members.map(\.memberID) == [first.id, second.id] && members.map(\.metadata) == [[1], [2]])
        let follower = try #require(bench.joined(second.waiter))
        #expect(follower.members.isEmpty && follower.leaderID == first.id)
    }

    @Test("the protocol is one that all know, and of those the one that most prefer")
    func votes() throws {
        let bench = GroupBench()
        let offers = [["a", "b", "c"], ["c", "b"], ["b", "c"], ["x", "c", "b"], ["c", "b"]]
        let entries = try offers.map { try bench.enter(.of(protocols: $0)) }
        bench.advance(by: .seconds(1))
        for entry in entries { #expect(bench.joined(entry.waiter)?.protocolName == "c") }
        #expect(bench.joined(entries[0].waiter)?.members.count == 5)
    }

    @Test("a member without a protocol that all know, or of another type, is refused")
    func inconsistent() throws {
        let bench = GroupBench()
        _ = try bench.enter(.of(protocols: ["a", "b"]))
        #expect(bench.joined(bench.join(.of(protocols: ["c"])))?.code == .inconsistentGroupProtocol)
        var other = GroupJoin.of(protocols: ["a"])
        other.protocolType = "connect"
        #expect(bench.joined(bench.join(other))?.code == .inconsistentGroupProtocol)
        _ = try bench.enter(.of(protocols: ["b", "z"]))
        #expect(bench.joined(bench.join(.of(protocols: ["a"])))?.code == .inconsistentGroupProtocol)
    }

    @Test("a group needs a protocol type and a protocol, and leaves no trace where it has none")
    func none() {
        let bench = GroupBench()
        #expect(bench.joined(bench.join(.of(protocols: [])))?.code == .inconsistentGroupProtocol)
        var request = GroupJoin.of()
        request.protocolType = ""
        #expect(bench.joined(bench.join(request))?.code == .inconsistentGroupProtocol)
        #expect(bench.coordinator.list().isEmpty)
    }

    @Test(
        "session timeouts below 1 s or above 30 min are refused",
        arguments: [(-1, false), (0, false), (999, false), (1000, true), (1_800_000, true), (1_800_001, false)]
    )
    func sessionTimeout(milliseconds: Int, isTaken: Bool) {
        let bench = GroupBench()
        var request = GroupJoin.of()
        request.sessionTimeout = .milliseconds(milliseconds)
        let code = bench.joined(bench.join(request))?.code
        #expect(code == (isTaken ? .memberIDRequired : .invalidSessionTimeout))
    }

    @Test("a group id is neither empty nor longer than the limit")
    func groupID() {
        let bench = GroupBench()
        let fitting = String(repeating: "g", count: GroupLimits.nameBytesMax)
        #expect(bench.joined(bench.join(.of(fitting)))?.code == .memberIDRequired)
        for id in ["", fitting + "g"] {
            #expect(bench.joined(bench.join(.of(id)))?.code == .invalidGroupID)
            #expect(bench.heartbeat(GroupMembership(groupID: id, generation: 1, memberID: "m")) == .invalidGroupID)
            let sync = GroupSync(membership: GroupMembership(groupID: id, generation: 1, memberID: "m"))
            #expect(bench.synced(bench.sync(sync))?.code == .invalidGroupID)
        }
    }

    @Test("an id that the group does not know is refused, and makes no group")
    func unknown() throws {
        let bench = GroupBench()
        #expect(bench.joined(bench.join(.of(id: "c-1")))?.code == .unknownMemberID)
        #expect(bench.coordinator.list().isEmpty)
        try bench.form(1)
        #expect(bench.joined(bench.join(.of(id: "c-1")))?.code == .unknownMemberID)
    }

    // MARK: Limits

    @Test("a full group refuses new members, and keeps those it has")
    func full() throws {
        var settings = GroupSettings()
        settings.membersMax = 2
        let bench = GroupBench(settings)
        let ids = try bench.form(2)
        let refused = try #require(bench.joined(bench.join(.of())))
        #expect(refused.code == .groupMaxSizeReached && refused.memberID.isEmpty)
        #expect(bench.heartbeat(bench.now("g", ids[0])) == .none)
        #expect(bench.joined(bench.join(.of(id: ids[1])))?.code == GroupCode.none)
    }

    @Test("while members join, the first to come have the places, and one of the old ones may lose its own")
    func placesWhileJoining() throws {
        var settings = GroupSettings()
        settings.membersMax = 2
        let bench = GroupBench(settings)
        let ids = try bench.form(2)
        #expect(bench.leave("g", [GroupLeave.Member(memberID: ids[0])]) == [.none])
        var request = GroupJoin.of()
        request.requiresKnownMemberID = false
        let newcomers = [bench.join(request), bench.join(request)]
        let late = try #require(bench.joined(bench.join(.of(id: ids[1]))))
        #expect(late.code == .groupMaxSizeReached && late.memberID.isEmpty)
        for newcomer in newcomers { #expect(bench.joined(newcomer)?.generation == 2) }
    }

    @Test("ids are given out for as many as a group may have, and no more")
    func pendingMax() {
        var settings = GroupSettings()
        settings.membersMax = 3
        let bench = GroupBench(settings)
        for _ in 0..<3 { #expect(bench.joined(bench.join(.of()))?.code == .memberIDRequired) }
        #expect(bench.joined(bench.join(.of()))?.code == .groupMaxSizeReached)
    }

    @Test("groups beyond the limit are refused, and existing ones are not")
    func groupsMax() throws {
        var settings = GroupSettings()
        settings.groupsMax = 2
        let bench = GroupBench(settings)
        try bench.form(1, as: "a")
        #expect(bench.committed(bench.commit(.simple("b", 7))) == [.none])
        #expect(bench.joined(bench.join(.of("c")))?.code == .coordinatorNotAvailable)
        #expect(bench.committed(bench.commit(.simple("c", 7))) == [.coordinatorNotAvailable])
        #expect(bench.joined(bench.join(.of("b")))?.code == .memberIDRequired)
    }

    @Test("metadata and the number of protocols of one member are bounded")
    func offerLimits() {
        let bench = GroupBench()
        let most = [UInt8](repeating: 0, count: GroupLimits.metadataBytesMax)
        #expect(bench.joined(bench.join(.of(metadata: most)))?.code == .memberIDRequired)
        #expect(bench.joined(bench.join(.of(metadata: most + [0])))?.code == .invalidRequest)
        let names = (0...GroupLimits.protocolsMax).map { "p\($0)" }
        #expect(bench.joined(bench.join(.of(protocols: Array(names.dropLast()))))?.code == .memberIDRequired)
        #expect(bench.joined(bench.join(.of(protocols: names)))?.code == .invalidRequest)
        let long = String(repeating: "p", count: GroupLimits.nameBytesMax + 1)
        #expect(bench.joined(bench.join(.of(protocols: [long])))?.code == .invalidRequest)
        #expect(bench.joined(bench.join(.of(instance: long)))?.code == .invalidRequest)
        #expect(bench.joined(bench.join(.of(instance: "")))?.code == .invalidRequest)
    }

    @Test("members of all groups share one budget of bytes, which those that leave give back")
    func memoryLimit() throws {
        var settings = GroupSettings()
        settings.memberBytesMax = 12_000
        let bench = GroupBench(settings)
        let ids = try bench.form(1, as: "a") { $0.protocols[0].metadata = [UInt8](repeating: 7, count: 8000) }
        let large = GroupJoin.of("b", metadata: [UInt8](repeating: 7, count: 4000))
        #expect(bench.joined(bench.join(large))?.code == .coordinatorNotAvailable)
        // Who is in may come again with the same.
        let again = bench.join(.of("a", id: ids[0], metadata: [UInt8](repeating: 8, count: 8000)))
        #expect(bench.joined(again)?.code == GroupCode.none)
        #expect(bench.leave("a", [GroupLeave.Member(memberID: ids[0])]) == [.none])
        #expect(bench.joined(bench.join(large))?.code == .memberIDRequired)
    }

    @Test("client id and host are cut, never in the middle of a character")
    func labels() throws {
        let bench = GroupBench()
        var request = GroupJoin.of()
        request.clientID = String(repeating: "ä", count: 1000)
        request.clientHost = "a" + String(repeating: "ä", count: 1000)
        let entry = try bench.enter(request)
        let member = try #require(bench.coordinator.describe("g").members.first)
        #expect(member.clientID == String(repeating: "ä", count: 125) && entry.id.hasPrefix(member.clientID + "-"))
        #expect(member.clientHost == "a" + String(repeating: "ä", count: 124))
    }
}
