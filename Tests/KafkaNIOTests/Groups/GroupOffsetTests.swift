// Committed offsets: who may commit, when an offset is seen, and what is refused.
import KafkaNIO
import Platform
import Testing

@Suite("Committed offsets")
struct GroupOffsetTests {
    @Test("an offset is seen, and its commit answered, when it is durable and not before")
    func durability() throws {
        let bench = GroupBench()
        let ids = try bench.form(1)
        #expect(bench.committed(bench.commit(.of(bench.now("g", ids[0]), 5))) == [.none])
        bench.isDiskHeld = true
        let waiter = bench.commit(.of(bench.now("g", ids[0]), 9, metadata: "m"))
        #expect(bench.committed(waiter) == nil)
        #expect(bench.offset("g") == 5)
        bench.settle()
        #expect(bench.committed(waiter) == [.none])
        let fetched = bench.coordinator.fetchOffsets(of: "g", nil)
        let expected = CommittedOffset(offset: 9, leaderEpoch: 0, metadata: "m", commitTime: bench.now.wall)
        #expect(fetched.map(\.name) == ["readings"])
        #expect(fetched[0].partitions.map(\.index) == [0] && fetched[0].partitions.map(\.committed) == [expected])
    }

    @Test("an offset that could not be stored is never seen")
    func refusedByDisk() throws {
        let bench = GroupBench()
        let ids = try bench.form(1)
        _ = bench.commit(.of(bench.now("g", ids[0]), 5))
        bench.isDiskHeld = true
        let waiter = bench.commit(.of(bench.now("g", ids[0]), 9))
        bench.settle(.refused)
        #expect(bench.committed(waiter) == [.coordinatorLoadInProgress])
        #expect(bench.offset("g") == 5)
    }

    @Test("a commit that is not durable in time is refused, and seen when it is")
    func late() throws {
        let bench = GroupBench()
        let ids = try bench.form(1)
        _ = bench.commit(.of(bench.now("g", ids[0]), 5))
        bench.isDiskHeld = true
        let waiter = bench.commit(.of(bench.now("g", ids[0]), 9))
        for _ in 0..<2 {
            bench.late()
            #expect(bench.committed(waiter) == [.coordinatorLoadInProgress])
            #expect(bench.offset("g") == 5)
        }
        bench.settle()
        #expect(bench.committed(waiter) == [.coordinatorLoadInProgress])
        #expect(bench.offset("g") == 9)
    }

    @Test("of commits in flight the last one wins, whichever of them fail")
    func inFlight() throws {
        let bench = GroupBench()
        bench.isDiskHeld = true
        _ = [1, 2, 3].map { bench.commit(.simple("s", $0)) }
        bench.settle(onlyFirst: true)
        #expect(bench.offset("s") == 1)
        bench.settle(onlyFirst: true)
        bench.settle(.refused)
        #expect(bench.offset("s") == 2)
    }

    @Test("a commit is taken only from a member in the current generation")
    func membership() throws {
        let bench = GroupBench()
        let ids = try bench.form(2)
        func codes(_ membership: GroupMembership) -> [GroupCode]? { bench.committed(bench.commit(.of(membership, 1))) }
        var old = bench.now("g", ids[0])
        old.generation -= 1
        var next = bench.now("g", ids[0])
        next.generation += 1
        #expect(codes(old) == [.illegalGeneration])
        #expect(codes(next) == [.illegalGeneration])
        #expect(codes(bench.now("g", "stranger")) == [.unknownMemberID])
        #expect(codes(bench.now("g", ids[0], instance: "i")) == [.unknownMemberID])
        #expect(codes(GroupMembership(groupID: "h", generation: 1, memberID: ids[0])) == [.illegalGeneration])
        #expect(bench.offset("g") == -1)
        #expect(codes(bench.now("g", ids[1])) == [.none])
    }

    @Test("a consumer without a group commits while the group is empty, and not while it has members")
    func simple() throws {
        let bench = GroupBench()
        #expect(bench.committed(bench.commit(.simple("g", 3))) == [.none])
        #expect(bench.coordinator.list().map(\.protocolType) == [""] && bench.state() == .empty)
        let ids = try bench.form(1)
        #expect(bench.committed(bench.commit(.simple("g", 4))) == [.unknownMemberID])
        #expect(bench.offset("g") == 3)
        #expect(bench.leave("g", [GroupLeave.Member(memberID: ids[0])]) == [.none])
        #expect(bench.committed(bench.commit(.simple("g", 5))) == [.none])
        #expect(bench.offset("g") == 5)
    }

    @Test("while a rebalance is prepared its members still commit; while the assignment is awaited they do not")
    func duringRebalance() throws {
        let bench = GroupBench()
        let ids = try bench.form(2)
        let leader = bench.join(.of(id: ids[0]))
        #expect(bench.committed(bench.commit(.of(bench.now("g", ids[1]), 8))) == [.none])
        _ = bench.join(.of(id: ids[1]))
        #expect(bench.joined(leader)?.generation == 2)
        #expect(bench.committed(bench.commit(.of(bench.now("g", ids[1]), 9))) == [.rebalanceInProgress])
        #expect(bench.committed(bench.commit(.simple("g", 9))) == [.unknownMemberID])
        #expect(bench.offset("g") == 8)
    }

    @Test("a commit is a sign of life")
    func signOfLife() throws {
        let bench = GroupBench()
        let ids = try bench.form(1)
        bench.advance(by: .seconds(9))
        _ = bench.commit(.of(bench.now("g", ids[0]), 1))
        bench.advance(by: .seconds(9))
        #expect(bench.state() == .stable)
    }

    @Test(
        "metadata beyond 4,096 bytes, a negative partition and a topic without a possible name are refused one by one"
    )
    func refusals() {
        let bench = GroupBench()
        let fitting = String(repeating: "m", count: 4096)
        let request = GroupCommit(
            membership: GroupMembership(groupID: "s", generation: -1, memberID: ""),
            topics: [
                GroupCommit.Topic(
                    name: "t",
                    partitions: [
                        GroupCommit.Partition(index: 0, offset: 1, metadata: fitting),
                        GroupCommit.Partition(index: 1, offset: 1, metadata: fitting + "m"),
                        GroupCommit.Partition(index: -1, offset: 1),
                    ]
                ),
                GroupCommit.Topic(
                    name: String(repeating: "t", count: 250),
                    partitions: [GroupCommit.Partition(index: 0, offset: 1)]
                ),
            ]
        )
        let codes = bench.committed(bench.commit(request))
        #expect(
            codes == [.none, .offsetMetadataTooLarge, .unknownTopicOrPartition, .unknownTopicOrPartition]
        )
        #expect(bench.offset("s", "t", 0) == 1 && bench.offset("s", "t", 1) == -1)
        #expect(bench.log.count == 1)
    }

    @Test("a fetch of what nobody committed says -1 and no error; a fetch of everything has only what is there")
    func fetch() {
        let bench = GroupBench()
        #expect(bench.coordinator.fetchOffsets(of: "nobody", nil).isEmpty)
        let wanted = [TopicPartitions(name: "b", partitions: [1, 0]), TopicPartitions(name: "a", partitions: [])]
        let absent = bench.coordinator.fetchOffsets(of: "nobody", wanted)
        #expect(absent.map(\.name) == ["b", "a"])
        #expect(absent[0].partitions.map(\.index) == [1, 0] && absent[1].partitions.isEmpty)
        #expect(absent[0].partitions.allSatisfy { $0.committed == .absent && $0.committed.offset == -1 })
        for partition: Int32 in [2, 0, 1] { _ = bench.commit(.simple("s", Int64(partition), partition: partition)) }
        #expect(bench.coordinator.fetchOffsets(of: "s", nil).map { $0.partitions.map(\.index) } == [[0, 1, 2]])
    }

    @Test("offsets of all groups share one budget; what is there can be committed anew when it is used up")
    func budget() {
        var settings = GroupSettings()
        settings.offsetBytesMax = 1000
        let bench = GroupBench(settings)
        var taken = 0
        while bench.committed(bench.commit(.simple("s", 1, partition: Int32(taken)))) == [.none] {
            taken += 1
            guard taken < 100 else { break }
        }
        #expect(taken == 1000 / (128 + "readings".utf8.count))
        #expect(bench.committed(bench.commit(.simple("other", 1))) == [.invalidCommitOffsetSize])
        #expect(bench.coordinator.list().count == 1)
        #expect(bench.committed(bench.commit(.simple("s", 2, partition: 0))) == [.none])
        #expect(bench.offset("s") == 2)
    }

    @Test("commits in flight count against the budget, and give it back when they fail")
    func budgetInFlight() {
        var settings = GroupSettings()
        settings.offsetBytesMax = 300
        let bench = GroupBench(settings)
        bench.isDiskHeld = true
        let waiters = (0..<3).map { bench.commit(.simple("s", 1, partition: $0)) }
        #expect(bench.committed(waiters[1]) == nil)
        #expect(bench.committed(waiters[2]) == [.invalidCommitOffsetSize])
        bench.settle(.refused)
        #expect(bench.coordinator.list().isEmpty)
        _ = bench.commit(.simple("s", 1, partition: 3))
        _ = bench.commit(.simple("s", 1, partition: 4))
        bench.settle()
        #expect(bench.coordinator.fetchOffsets(of: "s", nil).first?.partitions.count == 2)
    }

    @Test("while the disk is far behind, commits and assignments are turned away")
    func behind() throws {
        let bench = GroupBench()
        let first = try bench.enter(.of())
        bench.advance(by: .milliseconds(100))
        bench.isDiskHeld = true
        let metadata = String(repeating: "m", count: 4000)
        let membership = GroupMembership(groupID: "s", generation: -1, memberID: "")
        var accepted = 0
        while bench.committed(bench.commit(.of(membership, 1, metadata: metadata))) == nil {
            accepted += 1
            guard accepted < 10_000 else { break }
        }
        #expect((2000...2200).contains(accepted))
        let sync = bench.sync(GroupSync(membership: bench.now("g", first.id)))
        #expect(bench.synced(sync)?.code == .coordinatorNotAvailable)
        bench.settle()
        #expect(bench.committed(bench.commit(.of(membership, 2))) == nil)
        bench.settle()
        #expect(bench.offset("s") == 2)
    }
}
