// Producer ids: none comes twice, whatever happens to the file that says which have been given out.
import CommitLog
import Platform
import Synchronization
import Testing

@Suite("Producer ids")
struct ProducerIDsTests {
    private func path(_ directory: TemporaryDirectory) -> String { directory.path + "/producer-ids" }

    private func ids(
        _ directory: TemporaryDirectory,
        _ count: Int,
        disk: any Disk = PosixDisk(),
        seed: UInt64 = 0
    ) throws -> [Int64] {
        let ids = try ProducerIDs(dataDirectory: directory.path, disk: disk, seed: seed)
        return try (0..<count).map { _ in try ids.next() }
    }

    @Test("are unique over restarts, and a start costs no write until one is asked for")
    func restarts() throws {
        let directory = try TemporaryDirectory()
        var seen: Set<Int64> = []
        for count in [1, 0, 999, 1000, 1001, 0, 2500, 3] {
            let before = count == 0 ? try contents(of: path(directory)) : []
            let given = try ids(directory, count)
            if count == 0 { #expect(try contents(of: path(directory)) == before) }
            #expect(given.allSatisfy { $0 >= 0 && seen.insert($0).inserted })
        }
        #expect(seen.count == 5504)
        #expect(try contents(of: path(directory)).count == 12)
    }

    @Test("one write reserves a thousand")
    func blocks() throws {
        let directory = try TemporaryDirectory()
        let disk = FaultyDisk()
        let ids = try ProducerIDs(dataDirectory: directory.path, disk: disk, seed: 4000)
        #expect(ids.origin == .new)
        for number in 0..<2500 { #expect(try ids.next() == Int64(1000 + number)) }
        #expect(disk.plan.withLock { $0.syncs.filter { $0.hasSuffix("producer-ids.new") }.count } == 3)
        #expect(try ProducerIDs(dataDirectory: directory.path, disk: disk, seed: 9).next() == 4000)
    }

    @Test("what is given out is durable: file, name and all")
    func durable() throws {
        let directory = try TemporaryDirectory()
        let disk = FaultyDisk()
        _ = try ids(directory, 1, disk: disk)
        #expect(disk.plan.withLock { $0.unsynced } == [])
    }

    @Test("killed at any change of the file, none comes twice")
    func kills() throws {
        for calls in 0..<8 {
            let directory = try TemporaryDirectory()
            var seen = Set(try ids(directory, 10, seed: 1 << 40))
            let disk = FaultyDisk()
            disk.plan.withLock { $0.changesLeft = calls }
            let killed = try ProducerIDs(dataDirectory: directory.path, disk: disk, seed: 1 << 41)
            while let id = try? killed.next(), seen.count < 2000 { #expect(seen.insert(id).inserted) }
            #expect(try ids(directory, 1500, seed: 1 << 42).allSatisfy { seen.insert($0).inserted })
        }
    }

    @Test("a file that is damaged in any way is not believed: counting begins at a place drawn at random")
    func damage() throws {
        let directory = try TemporaryDirectory()
        _ = try ids(directory, 1, seed: 0)
        let whole = try contents(of: path(directory))
        var damaged: [[UInt8]] =
            (0..<12).map { Array(whole[..<$0]) } + [whole + [0], [UInt8](repeating: 0, count: 5000)]
        for bit in 0..<96 {
            var bytes = whole
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            damaged.append(bytes)
        }
        for bytes in damaged {
            try write(bytes, to: path(directory))
            let ids = try ProducerIDs(dataDirectory: directory.path, disk: PosixDisk(), seed: .max)
            #expect(ids.origin == .damaged)
            let first = try ids.next()
            #expect(first == Int64(UInt64.max >> 2) / 1000 * 1000)
            #expect(try ProducerIDs(dataDirectory: directory.path, disk: PosixDisk(), seed: 0).next() == first + 1000)
        }
        #expect(try ProducerIDs(dataDirectory: directory.path, disk: PosixDisk(), seed: 0).origin == .resumed)
        // Two starts without a file do not begin at the same place.
        let firsts = try (0..<2).map { _ in
            let fresh = try TemporaryDirectory()
            return try ProducerIDs(dataDirectory: fresh.path, disk: FaultyDisk()).next()
        }
        #expect(firsts[0] != firsts[1])
    }

    @Test("a full disk refuses and then goes on; a disk that fails refuses for good")
    func failures() throws {
        let directory = try TemporaryDirectory()
        let disk = FaultyDisk()
        let ids = try ProducerIDs(dataDirectory: directory.path, disk: disk, seed: 0)
        disk.plan.withLock { $0.bytesLeft = 5 }
        #expect(throws: LogError.self) { try ids.next() }
        #expect(throws: LogError.self) { try ids.next() }
        disk.plan.withLock { $0.bytesLeft = nil }
        #expect(try ids.next() == 0)
        disk.plan.withLock { $0.failingSyncs = "producer-ids.new" }
        for number in 1..<1000 { #expect(try ids.next() == Int64(number)) }
        #expect(throws: LogError.self) { try ids.next() }
        disk.plan.withLock { $0.failingSyncs = nil }
        #expect(throws: LogError.self) { try ids.next() }
        #expect(try ProducerIDs(dataDirectory: directory.path, disk: disk, seed: 7).next() == 1000)
    }

    /// The planted bug: a reservation that is reported and not there.
    @Test("ids that were not written down would come twice")
    func twin() throws {
        let directory = try TemporaryDirectory()
        let first = try ids(directory, 10, seed: 0)
        let before = try contents(of: path(directory))
        let second = try ids(directory, 10, seed: 0)
        try write(before, to: path(directory))
        let third = try ids(directory, 10, seed: 0)
        #expect(Set(first).isDisjoint(with: second) && second == third)
    }
}
