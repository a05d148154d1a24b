// Groups as an operator looks at them: offsets, members and what they read.
import CommitLog
import KafkaNIO
import Platform
import Testing

@Suite("Standing of groups")
struct GroupStandingTests {
    /// Version 1, `readings` 0 and 2, `alerts` 1, no user data.
    private static let assignment: [UInt8] =
        [0, 1, 0, 0, 0, 2]
        + [0, 8] + Array("readings".utf8) + [0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 2]
        + [0, 6] + Array("alerts".utf8) + [0, 0, 0, 1, 0, 0, 0, 1]
        + [255, 255, 255, 255]

    private static let assigned = [
        TopicPartitions(name: "readings", partitions: [0, 2]), TopicPartitions(name: "alerts", partitions: [1]),
    ]

    /// A stable group with one member that was assigned these bytes.
    private func formed(_ assignment: [UInt8]) throws -> GroupBench {
        let bench = GroupBench()
        let entry = try bench.enter(.of("g"))
        bench.advance(by: .seconds(1))
        let membership = bench.now("g", entry.id)
        _ = bench.sync(GroupSync(membership: membership, assignments: [entry.id: assignment]))
        return bench
    }

    @Test("shows who reads what, and what is committed durably")
    func standing() throws {
        let bench = try formed(Self.assignment)
        let member = try #require(bench.coordinator.describe("g").members.first)
        _ = bench.commit(.of(bench.now("g", member.memberID), 7))
        bench.isDiskHeld = true
        _ = bench.commit(.of(bench.now("g", member.memberID), 9))
        let standing = bench.coordinator.standing(of: "g")
        #expect(standing.group.state == .stable && standing.group.isOfConsumers)
        #expect(standing.group.members.first?.assignedPartitions == Self.assigned)
        #expect(standing.offsets.map(\.name) == ["readings"])
        #expect(standing.offsets.first?.partitions.map(\.committed.offset) == [7])
        #expect(bench.coordinator.standings() == [standing])
        let absent = bench.coordinator.standing(of: "nobody")
        #expect(absent.group.state == .dead && absent.offsets.isEmpty)
    }

    @Test("reads an assignment of any version that is whole up to the client's own bytes, and none that is cut")
    func truncated() throws {
        let whole = Self.assignment.count - 4
        for count in 0...Self.assignment.count {
            let bench = try formed(Array(Self.assignment.prefix(count)))
            let member = try #require(bench.coordinator.describe("g").members.first)
            #expect(member.assignedPartitions == (count >= whole ? Self.assigned : []), "\(count)")
        }
    }

    @Test(
        "takes bytes that are no assignment for none",
        arguments: [
            [0, 0, 127, 255, 255, 255], [0, 0, 255, 255, 255, 255], [0, 0, 0, 0, 0, 1, 255, 255, 0, 0, 0, 0],
            [0, 0, 0, 0, 0, 1, 0, 1, 65, 127, 255, 255, 255, 0, 0, 0, 1],
            [0, 0, 0, 0, 0, 1, 0, 1, 65, 255, 255, 255, 255],
        ] as [[UInt8]]
    )
    func noAssignment(bytes: [UInt8]) throws {
        let bench = try formed(bytes)
        let member = try #require(bench.coordinator.describe("g").members.first)
        #expect(member.assignedPartitions.isEmpty)
    }

    @Test("hands out so many offsets by group and partition, and says how many there are")
    func progress() {
        let bench = GroupBench()
        for group in ["b", "a"] {
            for partition in [Int32(2), 0, 1] {
                _ = bench.commit(.simple(group, Int64(partition) + 10, partition: partition))
            }
        }
        let (all, total) = bench.coordinator.progress(max: 100)
        #expect(total == 6)
        #expect(all.map(\.groupID) == ["a", "a", "a", "b", "b", "b"])
        #expect(all.map(\.partition) == [0, 1, 2, 0, 1, 2] && all.map(\.offset) == [10, 11, 12, 10, 11, 12])
        let (some, same) = bench.coordinator.progress(max: 4)
        #expect(some == Array(all.prefix(4)) && same == 6)
        #expect(bench.coordinator.progress(max: 0).offsets.isEmpty)
    }
}
