// A restart: what the records of a log amount to, and that members go on where they were.
import KafkaNIO
import Platform
import Testing

@Suite("Groups after a restart")
struct GroupLoadTests {
    /// All that can be seen of a coordinator.
    private struct Picture: Equatable {
        var groups: [GroupDescription]
        var offsets: [[TopicOffsets]]

        init(_ coordinator: GroupCoordinator) {
            let ids = coordinator.list().map(\.groupID)
            groups = ids.map(coordinator.describe)
            offsets = ids.map { coordinator.fetchOffsets(of: $0, nil) }
        }
    }

    /// What is left of a log when only the newest record of each key is kept, without tombstones.
    private func compacted(_ log: [GroupRecord]) -> [GroupRecord] {
        let last = Dictionary(log.enumerated().map { ($1.key, $0) }, uniquingKeysWith: max)
        return log.enumerated().filter { last[$1.key] == $0 && $1.value != nil }.map(\.element)
    }

    @Test("stable groups, empty groups and offsets are there again, from the whole log or a compacted one")
    func roundTrip() throws {
        let bench = GroupBench()
        let ids = try bench.form(3, as: "stable")
        _ = bench.join(.of("stable", instance: "i"))
        for id in ids { _ = bench.join(.of("stable", id: id)) }
        let all = bench.coordinator.describe("stable").members.map(\.memberID)
        try bench.distribute("stable", all)
        let gone = try bench.form(1, as: "empty")
        _ = bench.commit(.of(bench.now("empty", gone[0]), 4, metadata: "m"))
        _ = bench.leave("empty", [GroupLeave.Member(memberID: gone[0])])
        _ = bench.commit(.of(bench.now("stable", ids[1]), 5))
        _ = bench.commit(.of(bench.now("stable", ids[1]), 6))
        for partition: Int32 in 0..<5 { _ = bench.commit(.simple("simple", Int64(partition), partition: partition)) }
        let before = Picture(bench.coordinator)
        #expect(before.groups.map(\.members.count) == [0, 0, 4] && before.groups.map(\.generation) == [2, 0, 2])
        let log = bench.log
        bench.restart()
        #expect(Picture(bench.coordinator) == before)
        #expect(Picture(GroupBench(log: compacted(log)).coordinator) == before)
    }

    @Test("members go on in their generation, and their sessions begin anew")
    func goingOn() throws {
        let bench = GroupBench()
        let ids = try bench.form(2)
        let memberships = ids.map { bench.now("g", $0) }
        bench.advance(by: .seconds(9))
        bench.restart()
        bench.advance(by: .seconds(9))
        for membership in memberships { #expect(bench.heartbeat(membership) == .none) }
        #expect(bench.committed(bench.commit(.of(memberships[0], 12))) == [.none])
        #expect(bench.synced(bench.sync(GroupSync(membership: memberships[1])))?.assignment == [1])
        bench.advance(by: .seconds(11))
        #expect(bench.state() == .empty)
    }

    @Test("a generation is never given out twice, so that nobody commits for one of before the restart")
    func generations() throws {
        let bench = GroupBench()
        let ids = try bench.form(1)
        let old = bench.now("g", ids[0])
        bench.advance(by: .seconds(11))
        #expect(bench.coordinator.describe("g").generation == 2)
        bench.restart()
        #expect(bench.coordinator.describe("g").generation == 2)
        try bench.form(1)
        #expect(bench.coordinator.describe("g").generation == 3)
        #expect(bench.committed(bench.commit(.of(old, 1))) == [.unknownMemberID])
    }

    @Test("a generation whose assignment was not durable is as if it had never been")
    func notDurable() throws {
        let bench = GroupBench()
        let ids = try bench.form(2)
        let leader = bench.join(.of(id: ids[0]))
        _ = bench.join(.of(id: ids[1]))
        #expect(bench.joined(leader)?.generation == 2)
        bench.isDiskHeld = true
        _ = bench.sync(GroupSync(membership: bench.now("g", ids[0]), assignments: [ids[0]: [7]]))
        bench.restart()
        bench.isDiskHeld = false
        let next = GroupMembership(groupID: "g", generation: 2, memberID: ids[0])
        #expect(bench.committed(bench.commit(.of(next, 1))) == [.illegalGeneration])
        #expect(bench.heartbeat(GroupMembership(groupID: "g", generation: 1, memberID: ids[0])) == .none)
    }

    @Test("an offset that cannot be read leaves the one before it; a membership that cannot be read takes it away")
    func unreadable() throws {
        let bench = GroupBench()
        let ids = try bench.form(1)
        _ = bench.commit(.of(bench.now("g", ids[0]), 5))
        let offsetKey = GroupRecordKey.offset(groupID: "g", topic: "readings", partition: 0).bytes
        let log =
            bench.log + [
                GroupRecord(key: offsetKey, value: [0, 3, 1]),
                GroupRecord(key: GroupRecordKey.group("g").bytes, value: [0, 9]),
                GroupRecord(key: [0, 7], value: []), GroupRecord(key: [], value: nil),
            ]
        var load = GroupBench.load(log, GroupSettings())
        load.apply(key: nil, value: nil)
        #expect(load.unreadableCount == 3 && load.unknownCount == 2 && load.refusedCount == 0)
        let after = GroupBench(log: log)
        #expect(after.offset("g") == 5 && after.state() == .empty)
    }

    @Test("a membership that no coordinator can have written keeps its generation and loses its members")
    func inconsistent() {
        let member = StoredGroup.Member(
            memberID: "m",
            groupInstanceID: nil,
            clientID: "c",
            clientHost: "h",
            rebalanceTimeoutMilliseconds: 1,
            sessionTimeoutMilliseconds: 1,
            subscription: [],
            assignment: []
        )
        let good = StoredGroup(
            protocolType: "consumer",
            generation: .max,
            protocolName: "range",
            leaderID: "m",
            stateTime: Timestamp(milliseconds: 0),
            members: [member]
        )
        func state(_ change: (inout StoredGroup) -> Void) -> GroupState {
            var changed = good
            change(&changed)
            let bench = GroupBench(log: [GroupRecord(key: GroupRecordKey.group("g").bytes, value: changed.bytes)])
            #expect(bench.coordinator.describe("g").generation == max(0, changed.generation))
            return bench.state()
        }
        #expect(state { _ in } == .stable)
        #expect(state { $0.leaderID = "n" } == .empty)
        #expect(state { $0.leaderID = nil } == .empty)
        #expect(state { $0.protocolName = nil } == .empty)
        #expect(state { $0.protocolType = "" } == .empty)
        #expect(state { $0.members.append(member) } == .empty)
        #expect(state { $0.generation = -1 } == .empty)
    }

    @Test("after the last possible generation comes the first one")
    func lastGeneration() throws {
        let stored = StoredGroup(
            protocolType: "consumer",
            generation: .max,
            protocolName: nil,
            leaderID: nil,
            stateTime: Timestamp(milliseconds: 0),
            members: []
        )
        let bench = GroupBench(log: [GroupRecord(key: GroupRecordKey.group("g").bytes, value: stored.bytes)])
        try bench.form(1)
        #expect(bench.coordinator.describe("g").generation == 1)
    }

    @Test("a group beyond a limit that was lowered rebalances, and some find no place")
    func overCapacity() throws {
        let bench = GroupBench()
        let ids = try bench.form(3)
        var settings = GroupSettings()
        settings.membersMax = 2
        let smaller = GroupBench(settings, log: bench.log, at: bench.now)
        #expect(smaller.state() == .preparingRebalance)
        #expect(smaller.committed(smaller.commit(.of(smaller.now("g", ids[2]), 3))) == [.none])
        let waiters = ids.map { smaller.join(.of(id: $0)) }
        #expect(waiters.map { smaller.joined($0)?.code } == [GroupCode.none, GroupCode.none, .groupMaxSizeReached])
    }

    @Test("a log with more than the limits allow is loaded up to them")
    func limits() {
        let bench = GroupBench()
        for group in 0..<10 {
            for partition: Int32 in 0..<10 { _ = bench.commit(.simple("g\(group)", 1, partition: partition)) }
        }
        var settings = GroupSettings()
        settings.groupsMax = 4
        let fewer = GroupBench.load(bench.log, settings)
        #expect(fewer.refusedCount == 60)
        settings = GroupSettings()
        settings.offsetBytesMax = 50 * (128 + "readings".utf8.count)
        #expect(GroupBench.load(bench.log, settings).refusedCount == 50)
        // What is deleted makes room.
        let tombstones = (0..<10).map {
            GroupRecord.tombstone(.offset(groupID: "g0", topic: "readings", partition: Int32($0)))
        }
        settings = GroupSettings()
        settings.groupsMax = 10
        #expect(GroupBench.load(bench.log + tombstones, settings).refusedCount == 0)
        let again = GroupBench.load(bench.log + tombstones + [bench.log[99], bench.log[0]], settings)
        #expect(again.refusedCount == 0)
    }
}
