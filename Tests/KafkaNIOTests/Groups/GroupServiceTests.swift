// The coordinator over a real log: the order of commits, topics that are deleted, and what damage leaves at start.
import CommitLog
import KafkaNIO
import KafkaProtocol
import Platform
import Synchronization
import Testing

@Suite("Groups over a log", .serialized, .timeLimit(.minutes(3)))
struct GroupServiceTests {
    // MARK: Order

    @Test("of commits in flight at once the last one counts, in memory as on disk")
    func order() async throws {
        let directory = try ScratchDirectory()
        try await GroupListener.run(in: directory) { listener in
            let client = try await listener.client()
            for round in 0..<20 as Range<Int64> {
                for number in 0..<200 as Range<Int64> { client.sendCommit("g", "plain", round * 1000 + number) }
                for _ in 0..<200 { #expect(try await client.committed() == .none) }
                #expect(try await client.offset("g", "plain") == round * 1000 + 199)
            }
            #expect(try listener.stored("g", "plain") == 19_199)
        }
    }

    @Test("a commit behind the deletion of an offset is there, in memory as on disk")
    func orderAmongDeletions() async throws {
        let directory = try ScratchDirectory()
        try await GroupListener.run(in: directory) { listener in
            let client = try await listener.client()
            for offset in 0..<100 as Range<Int64> {
                client.sendCommit("g", "plain", offset)
                client.send(.offsetDelete, 0) { body in
                    body.string("g")
                    body.arrayLength(1)
                    body.string("plain")
                    body.arrayLength(1)
                    body.int32(0)
                }
                client.sendCommit("g", "plain", offset + 1)
                for _ in 0..<3 { _ = try #require(try await client.response()) }
                #expect(try await client.offset("g", "plain") == offset + 1)
                #expect(try listener.stored("g", "plain") == offset + 1)
            }
        }
    }

    @Test("a commit that does not become durable is refused in time, and counts when it is durable after all")
    func late() async throws {
        let (directory, disk) = (try ScratchDirectory(), CrampedDisk())
        try await GroupListener.run(in: directory, disk: disk) { listener in
            let client = try await listener.client()
            #expect(try await client.commit("g", "plain", 5) == .none)
            let waiting = try await fill(disk, listener)
            #expect(try await waiting.committed() == .coordinatorLoadInProgress)
            #expect(try await waiting.commit("g", "plain", 6) == .coordinatorLoadInProgress)
            #expect(try await client.offset("g", "plain") == 5)
            #expect(try await client.offset("h", "plain") == -1)
            disk.isFull.store(false, ordering: .relaxed)
            let isThere = try await eventually { try listener.stored("h", "plain") == 1 }
            #expect(isThere)
            #expect(try await client.commit("h", "plain", 2) == .none)
            #expect(try await client.offset("h", "plain") == 2)
        }
    }

    // MARK: Deleted topics

    /// Fills the disk, and comes back when the log has met that.
    private func fill(_ disk: CrampedDisk, _ listener: GroupListener) async throws -> FrameClient {
        disk.isFull.store(true, ordering: .relaxed)
        let waiting = try await listener.client()
        waiting.sendCommit("h", "plain", 1)
        let isFull = try await eventually {
            if case .full = listener.log.state { true } else { false }
        }
        try #require(isFull)
        return waiting
    }

    @Test("offsets of a deleted topic are gone at once; none is made in its name before that is on disk")
    func deletedWhileFull() async throws {
        let (directory, disk) = (try ScratchDirectory(), CrampedDisk())
        try await GroupListener.run(in: directory, disk: disk) { listener in
            let client = try await listener.client()
            #expect(try await client.create("made") == .none)
            for group in ["a", "b"] { #expect(try await client.commit(group, "made", 5) == .none) }
            _ = try await fill(disk, listener)
            client.sendDelete("made", timeoutMilliseconds: 50)
            #expect(try await client.deleted() == .none)
            for group in ["a", "b"] { #expect(try await client.offset(group, "made") == -1) }
            #expect(try await client.create("made") == .throttlingQuotaExceeded)
            disk.isFull.store(false, ordering: .relaxed)
            #expect(try await client.createWhenForgotten("made") == .none)
            // There is a topic of that name, so that a start would find what is stored.
            for group in ["a", "b"] { #expect(try listener.stored(group, "made") == nil) }
            #expect(try await client.commit("b", "made", 1) == .none)
        }
        try await GroupListener.run(in: directory) { listener in
            let client = try await listener.client()
            #expect(try await client.offset("a", "made") == -1)
            #expect(try await client.offset("b", "made") == 1)
            #expect(try await client.offset("h", "plain") == 1)
        }
    }

    @Test("a deletion is answered when what was committed is gone on disk, so that the name is free")
    func deletionWaits() async throws {
        let (directory, disk) = (try ScratchDirectory(), CrampedDisk())
        try await GroupListener.run(in: directory, disk: disk) { listener in
            let client = try await listener.client()
            #expect(try await client.create("made") == .none)
            #expect(try await client.commit("a", "made", 5) == .none)
            _ = try await fill(disk, listener)
            client.sendDelete("made")
            let isGone = try await eventually { !listener.log.topics.contains { $0.name.text == "made" } }
            #expect(isGone)
            // Nobody but a tombstone takes it away.
            #expect(try listener.storedTopics().contains("made"))
            disk.isFull.store(false, ordering: .relaxed)
            #expect(try await client.deleted() == .none)
            #expect(try !listener.storedTopics().contains("made"))
            #expect(try await client.create("made") == .none)
            #expect(try listener.stored("a", "made") == nil)
        }
    }

    @Test("after a start, too, no topic is made in a deleted one's name before its offsets are gone on disk")
    func startedWhileFull() async throws {
        let (directory, disk) = (try ScratchDirectory(), CrampedDisk())
        try await GroupListener.run(in: directory, disk: disk) { listener in
            let client = try await listener.client()
            #expect(try await client.create("made") == .none)
            #expect(try await client.commit("a", "made", 5) == .none)
            try await listener.delete("made")
            disk.isFull.store(true, ordering: .relaxed)
        }
        try await GroupListener.run(in: directory, disk: disk) { listener in
            let client = try await listener.client()
            #expect(try await client.create("made") == .throttlingQuotaExceeded)
            #expect(try await client.create("other") != .throttlingQuotaExceeded)
            disk.isFull.store(false, ordering: .relaxed)
            let isForgotten = try await eventually { try !listener.storedTopics().contains("made") }
            #expect(isForgotten)
            #expect(try await client.createWhenForgotten("made") == .none)
        }
    }

    @Test("a start forgets offsets of topics that are not there, and they are not back with a topic of the same name")
    func deletedBeforeStart() async throws {
        let directory = try ScratchDirectory()
        try await GroupListener.run(in: directory) { listener in
            let client = try await listener.client()
            #expect(try await client.create("made") == .none)
            for topic in ["made", "plain"] { #expect(try await client.commit("g", topic, 5) == .none) }
            try await listener.delete("made")
        }
        try await GroupListener.run(in: directory) { listener in
            let client = try await listener.client()
            #expect(try await client.offset("g", "made") == -1)
            #expect(try await client.offsets("g", nil).map(\.topic) == ["plain"])
            #expect(try await client.createWhenForgotten("made") == .none)
        }
        try await GroupListener.run(in: directory) { listener in
            let client = try await listener.client()
            #expect(try await client.offset("g", "made") == -1)
            #expect(try await client.offset("g", "plain") == 5)
        }
    }

    // MARK: Damage

    /// Makes a batch one that no reader can take records from, with a checksum that is right.
    enum Damage: String, CaseIterable, CustomTestStringConvertible {
        case recordTooLong, doesNotInflate

        var testDescription: String { rawValue }

        func strike(_ batch: inout ArraySlice<UInt8>) {
            let start = batch.startIndex
            switch self {
            case .recordTooLong: batch[start + 61] = 0x7e
            // Says that it is gzip.
            case .doesNotInflate: batch[start + 22] = 1
            }
            let checksum = batch[(start + 21)...].withUnsafeBytes { CRC32C.checksum($0) }
            withUnsafeBytes(of: checksum.bigEndian) { batch.replaceSubrange(start + 17..<start + 21, with: $0) }
        }
    }

    @Test("a batch without records that can be read takes its offsets, and no others", arguments: Damage.allCases)
    func damaged(_ damage: Damage) async throws {
        let directory = try ScratchDirectory()
        let groups = ["first", "second", "third"]
        try await GroupListener.run(in: directory) { listener in
            let client = try await listener.client()
            for group in groups { #expect(try await client.commit(group, "plain", 5) == .none) }
        }
        let path = "\(directory.path)/log/__consumer_offsets-0/00000000000000000000.log"
        let disk = PosixDisk()
        var bytes = try disk.wholeFile(path, bytesMax: 1 << 20)
        let second = 12 + bytes[8..<12].reduce(0) { $0 << 8 | Int($1) }
        let length = 12 + bytes[second + 8..<second + 12].reduce(0) { $0 << 8 | Int($1) }
        damage.strike(&bytes[second..<second + length])
        try disk.open(path, .update).write(bytes, at: 0)
        try await GroupListener.run(in: directory) { listener in
            let client = try await listener.client()
            for group in groups { #expect(try await client.offset(group, "plain") == (group == "second" ? -1 : 5)) }
        }
    }
}
