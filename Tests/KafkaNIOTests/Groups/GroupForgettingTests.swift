// Offsets of deleted topics: gone at once, on a failing disk too, and never those of another topic of the same name.
import KafkaNIO
import Platform
import Testing

@Suite("Forgetting offsets of deleted topics")
struct GroupForgettingTests {
    @discardableResult
    private func forget(_ bench: GroupBench, _ topic: String = "readings") -> Waiter {
        let waiter = bench.waiter()
        bench.perform(bench.coordinator.removeOffsets(ofTopic: topic, waiter: waiter, at: bench.now))
        return waiter
    }

    private func commit(_ group: String, _ topic: String, _ offset: Int64, _ partition: Int32 = 0) -> GroupCommit {
        var commit = GroupCommit.simple(group, offset, partition: partition)
        commit.topics[0].name = topic
        return commit
    }

    @Test("they go in every group at once, and commits after it count")
    func deletedTopic() {
        let bench = GroupBench()
        _ = bench.commit(.simple("a", 1))
        _ = bench.commit(.simple("b", 2))
        _ = bench.commit(commit("a", "other", 3))
        bench.isDiskHeld = true
        forget(bench)
        #expect(bench.offset("a") == -1 && bench.offset("b") == -1 && bench.offset("a", "other") == 3)
        // Nothing else was in it.
        #expect(bench.coordinator.list().map(\.groupID) == ["a"])
        _ = bench.commit(.simple("b", 7))
        bench.settle()
        for _ in 0..<2 {
            #expect(bench.offset("a") == -1 && bench.offset("b") == 7 && bench.offset("a", "other") == 3)
            bench.restart()
        }
    }

    @Test("a commit that is on its way when its topic goes is answered, and never seen")
    func inFlight() {
        let bench = GroupBench()
        bench.isDiskHeld = true
        let waiter = bench.commit(.simple("a", 1))
        forget(bench)
        bench.settle(onlyFirst: true)
        #expect(bench.committed(waiter) == [.none] && bench.offset("a") == -1)
        bench.settle()
        bench.restart()
        #expect(bench.coordinator.list().isEmpty)
    }

    @Test("it is answered when nothing can come back: when the last tombstone is durable, or at once without offsets")
    func answered() {
        let bench = GroupBench()
        #expect(bench.answer(forget(bench, "never")) == .forgotten)
        for group in ["a", "b"] { _ = bench.commit(.simple(group, 1)) }
        bench.isDiskHeld = true
        let first = forget(bench)
        bench.refuse()
        #expect(bench.answer(first) == nil)
        bench.advance(by: .seconds(1))
        // The first deletion's tombstones are not those of the second.
        let second = forget(bench)
        bench.settle(onlyFirst: true)
        #expect(bench.answer(first) == nil && bench.answer(second) == nil)
        bench.settle()
        #expect(bench.answer(first) == .forgotten && bench.answer(second) == .forgotten)
        bench.restart()
        #expect(bench.coordinator.list().isEmpty)
    }

    @Test("a commit for another topic of the same name that is durable ends it as a tombstone does")
    func answeredByCommit() {
        let bench = GroupBench()
        _ = bench.commit(.simple("a", 1))
        bench.isDiskHeld = true
        let waiter = forget(bench)
        _ = bench.commit(.simple("a", 7))
        bench.refuse(back: 1)
        #expect(bench.answer(waiter) == nil)
        bench.settle()
        #expect(bench.answer(waiter) == .forgotten && bench.offset("a") == 7)
    }

    @Test("tombstones that the log refuses are tried again until it takes them")
    func retries() {
        let bench = GroupBench()
        _ = bench.commit(.simple("a", 1))
        let log = bench.log
        bench.isDiskHeld = true
        forget(bench)
        for _ in 0..<5 {
            #expect(bench.inFlight.count == 1)
            bench.settle(.refused)
            #expect(bench.offset("a") == -1 && bench.log == log)
            bench.advance(by: .milliseconds(900))
            #expect(bench.inFlight.isEmpty)
            bench.advance(by: .milliseconds(100))
        }
        bench.settle()
        #expect(bench.coordinator.nextDeadline == nil)
        bench.restart()
        #expect(bench.offset("a") == -1)
    }

    @Test("tombstones that wait go in front of a commit for another topic of the same name")
    func recreated() {
        let bench = GroupBench()
        for group in ["a", "b"] { _ = bench.commit(.simple(group, 1)) }
        bench.isDiskHeld = true
        forget(bench)
        bench.refuse()
        let waiter = bench.commit(.simple("b", 7))
        #expect(bench.inFlight.count == 2)
        bench.settle()
        bench.advance(by: .seconds(5))
        #expect(bench.committed(waiter) == [.none] && bench.inFlight.isEmpty)
        for _ in 0..<2 {
            #expect(bench.offset("a") == -1 && bench.offset("b") == 7)
            bench.restart()
        }
    }

    @Test("a commit for another topic of the same name is not taken by tombstones that come after it")
    func lateTombstones() {
        let bench = GroupBench()
        for group in ["a", "b", "c"] { _ = bench.commit(.simple(group, 1)) }
        bench.isDiskHeld = true
        forget(bench)
        bench.refuse()
        for (group, offset) in [("b", 7), ("c", 8)] as [(String, Int64)] {
            _ = bench.commit(.simple(group, offset))
            // Of the tombstones and the commit behind them the log takes the smaller one.
            bench.refuse(back: 1)
        }
        #expect(bench.inFlight.count == 2)
        // While both are on their way, only the first group's can be tried.
        bench.advance(by: .seconds(1))
        #expect(bench.inFlight.last?.records.count == 1)
        bench.settle(onlyFirst: true)
        bench.settle(.refused, onlyFirst: true)
        bench.settle()
        #expect(bench.offset("b") == 7 && bench.offset("c") == -1)
        // The last one's commit failed, and so it still needs a tombstone.
        bench.advance(by: .seconds(1))
        #expect(bench.inFlight.map(\.records.count) == [1])
        bench.settle()
        bench.advance(by: .seconds(5))
        #expect(bench.inFlight.isEmpty)
        for _ in 0..<2 {
            #expect(["a", "b", "c"].map { bench.offset($0) } == [-1, 7, -1])
            bench.restart()
        }
    }

    @Test("their memory is free at once")
    func budget() {
        var settings = GroupSettings()
        settings.offsetBytesMax = 300
        let bench = GroupBench(settings)
        for partition: Int32 in 0..<2 { _ = bench.commit(.simple("a", 1, partition: partition)) }
        bench.isDiskHeld = true
        forget(bench)
        bench.refuse()
        for partition: Int32 in 2..<4 {
            _ = bench.commit(commit("b", "alerts00", 1, partition))
        }
        bench.settle()
        #expect(bench.coordinator.fetchOffsets(of: "b", nil).first?.partitions.count == 2)
    }

    @Test("at start those of topics that are not there go, and no others")
    func absentTopics() {
        let bench = GroupBench()
        for topic in ["here", "gone", "lost"] { _ = bench.commit(commit("a", topic, 1)) }
        bench.restart()
        bench.perform(bench.coordinator.removeOffsets(ofTopicsBut: ["here", "new"], at: bench.now))
        for _ in 0..<2 {
            #expect(bench.coordinator.fetchOffsets(of: "a", nil).map(\.name) == ["here"])
            bench.restart()
        }
    }

    // MARK: Anything at any time

    /// What was committed, and in which life of its topic.
    private struct Asked {
        var key: GroupRecordKey
        var offset: Int64
        var life: Int
    }

    @Test("whatever fails and comes in between, what is seen is what was committed for the topic that is there")
    func walks() throws {
        let seed = try groupSeed("group forgetting")
        for index in 0..<200 as Range<UInt64> {
            try walk(seed: seed &+ index)
        }
    }

    private func walk(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let (groups, topics) = (["a", "b"], ["x", "y"])
        let bench = GroupBench()
        bench.isDiskHeld = true
        var asked: [Waiter: Asked] = [:]
        var lives: [String: Int] = [:]
        var expected: [GroupRecordKey: Int64] = [:]
        bench.onAnswer = { waiter, answer in
            guard let asked = asked[waiter], case .offset(_, let topic, _) = asked.key,
                case .commit(let codes) = answer, codes.topics[0].partitions[0].code == .none,
                asked.life == lives[topic, default: 0]
            else { return }
            expected[asked.key] = asked.offset
        }
        func seen() -> [GroupRecordKey: Int64] {
            var seen: [GroupRecordKey: Int64] = [:]
            for group in groups {
                for topic in bench.coordinator.fetchOffsets(of: group, nil) {
                    for partition in topic.partitions {
                        let key = GroupRecordKey.offset(groupID: group, topic: topic.name, partition: partition.index)
                        seen[key] = partition.committed.offset
                    }
                }
            }
            return seen
        }
        for step in 0..<300 as Range<Int64> {
            let before = bench.inFlight.count
            switch Int.random(in: 0..<12, using: &generator) {
            case 0..<5:
                let group = try #require(groups.randomElement(using: &generator))
                let topic = try #require(topics.randomElement(using: &generator))
                let partition = Int32.random(in: 0..<2, using: &generator)
                let request = commit(group, topic, step, partition)
                let waiter = bench.waiter()
                let key = GroupRecordKey.offset(groupID: group, topic: topic, partition: partition)
                asked[waiter] = Asked(key: key, offset: step, life: lives[topic, default: 0])
                bench.perform(bench.coordinator.commit(request, waiter: waiter, at: bench.now))
            case 5:
                let topic = try #require(topics.randomElement(using: &generator))
                lives[topic, default: 0] += 1
                expected = expected.filter { key, _ in
                    if case .offset(_, topic, _) = key { false } else { true }
                }
                forget(bench, topic)
            case 6..<8: bench.advance(by: .milliseconds(Int.random(in: 0..<1500, using: &generator)))
            case 8..<11: bench.settle(onlyFirst: true)
            default: bench.settle()
            }
            // What the log does not take it refuses at once.
            for back in (0..<max(0, bench.inFlight.count - before)).reversed()
            where Int.random(in: 0..<3, using: &generator) == 0 { bench.refuse(back: back) }
            try #require(seen() == expected, "SEED=\(seed), step \(step)")
        }
        bench.isDiskHeld = false
        bench.settle()
        bench.advance(by: .seconds(10))
        try #require(seen() == expected, "SEED=\(seed)")
        bench.restart()
        try #require(seen() == expected, "SEED=\(seed): after a restart")
    }
}
