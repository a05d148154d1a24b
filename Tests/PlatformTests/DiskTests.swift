// The real disk: positioned reads and vectored writes, names, errors, the lock.
import Glibc
import Platform
import Testing

@Suite("Posix disk")
struct DiskTests {
    private let disk = PosixDisk()

    private func withDirectory(_ body: (String) throws -> Void) throws {
        var template = Array("/tmp/forebay-disk-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { $0.baseAddress.flatMap { mkdtemp($0) } != nil }
        try #require(made)
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer {
            for name in (try? disk.list(path)) ?? [] { unlink("\(path)/\(name)") }
            for name in (try? disk.list(path)) ?? [] { rmdir("\(path)/\(name)") }
            rmdir(path)
        }
        try body(path)
    }

    /// Pages of the file that the kernel holds.
    private func residentPages(_ path: String, _ count: Int) throws -> Int {
        let descriptor = open(path, O_RDONLY)
        defer { close(descriptor) }
        let map = try #require(mmap(nil, count * 4096, PROT_READ, MAP_SHARED, descriptor, 0))
        try #require(map != MAP_FAILED)
        defer { munmap(map, count * 4096) }
        var pages = [UInt8](repeating: 0, count: count)
        try #require(mincore(map, count * 4096, &pages) == 0)
        return pages.count { $0 & 1 == 1 }
    }

    @Test("a pipe is no file, and nobody waits for its other end")
    func pipe() throws {
        try withDirectory { directory in
            let path = directory + "/pipe"
            let isMade = mkfifo(path, 0o600) == 0
            try #require(isMade)
            let error = #expect(throws: DiskError.self) { try disk.open(path, .read) }
            #expect(error?.isNoFile == true)
            #expect(throws: FileLock.Failure.self) { try FileLock(path: path) }
            #expect(FileLock.holder(of: path) == nil)
        }
    }

    /// What a failed sync leaves in the cache is clean; so is what a sync has just written, on which this can be seen.
    @Test("refresh lets go of cached pages, so that the device is read next; sync alone does not")
    func refresh() throws {
        try withDirectory { directory in
            let path = directory + "/file"
            let file = try disk.open(path, .create)
            let bytes = [UInt8](repeating: 7, count: 64 * 4096)
            try bytes.withUnsafeBytes { try file.write([$0], at: 0) }
            try file.sync()
            #expect(try residentPages(path, 64) == 64)
            try file.refresh()
            let left = try residentPages(path, 64)
            let mounts = try disk.open("/proc/mounts", .read)
            var text = [UInt8](repeating: 0, count: 1 << 16)
            _ = try text.withUnsafeMutableBytes { try mounts.read(into: $0, at: 0) }
            // A file system in memory has nothing else to read from.
            let isInMemory = String(decoding: text, as: UTF8.self).contains(" /tmp tmpfs ")
            if isInMemory { print("not tested: \(path) lies in memory") }
            #expect(left == (isInMemory ? 64 : 0))
        }
    }

    @Test("writes any number of buffers in order, more than one call takes")
    func vectors() throws {
        try withDirectory { directory in
            let file = try disk.open(directory + "/file", .create)
            let bytes = (0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            try bytes.withUnsafeBytes { raw in
                let buffers = (0..<2500).map { UnsafeRawBufferPointer(rebasing: raw[$0 * 2..<$0 * 2 + 2]) }
                try file.write(buffers, at: 10)
            }
            try file.sync()
            #expect(try file.size() == 5010)
            var read = [UInt8](repeating: 1, count: 6000)
            let count = try read.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
            #expect(count == 5010)
            #expect(Array(read[10..<5010]) == bytes)
            #expect(read[..<10].allSatisfy { $0 == 0 })
            try file.truncate(to: 4)
            #expect(try file.size() == 4)
            try file.write([], at: 0)
            #expect(try file.size() == 4)
        }
    }

    @Test("allocated space is there: zeros, and blocks of the file's own")
    func allocation() throws {
        try withDirectory { directory in
            let file = try disk.open(directory + "/file", .create)
            try file.allocate(to: 1 << 20)
            try file.sync()
            #expect(try file.size() == 1 << 20)
            var status = stat()
            try #require(stat(directory + "/file", &status) == 0)
            #expect(status.st_blocks * 512 >= 1 << 20)
            var read = [UInt8](repeating: 1, count: 100)
            let count = try read.withUnsafeMutableBytes { try file.read(into: $0, at: 1000) }
            #expect(count == 100 && read.allSatisfy { $0 == 0 })
        }
    }

    @Test("names what failed, where, and why")
    func errors() throws {
        try withDirectory { directory in
            let missing = #expect(throws: DiskError.self) { try disk.open(directory + "/none", .read) }
            #expect(missing?.operation == .open)
            #expect(missing?.isNotFound == true)
            #expect(missing?.description.contains(directory + "/none") == true)
            _ = try disk.open(directory + "/there", .create)
            let twice = #expect(throws: DiskError.self) { try disk.open(directory + "/there", .create) }
            #expect(twice?.errno == EEXIST)
            #expect(throws: DiskError.self) { try disk.list(directory + "/none") }
            #expect(throws: DiskError.self) { try disk.createDirectory(directory + "/there") }
            #expect(DiskError.noSpace(.write, "x").isNoSpace)
            #expect(!DiskError.inputOutput(.sync, "x").isNoSpace)
        }
    }

    @Test("creates, lists, renames and removes")
    func names() throws {
        try withDirectory { directory in
            try disk.createDirectory(directory + "/sub")
            try disk.createDirectory(directory + "/sub")
            _ = try disk.open(directory + "/a", .create)
            try disk.rename(directory + "/a", to: directory + "/b")
            try disk.syncDirectory(directory)
            #expect(try disk.list(directory).sorted() == ["b", "sub"])
            #expect(try disk.exists(directory + "/b"))
            #expect(try !disk.exists(directory + "/a"))
            #expect(try !disk.exists(directory + "/b/c"))
            try disk.remove(directory + "/b")
            #expect(try disk.list(directory) == ["sub"])
            _ = try disk.open(directory + "/sub/c", .create)
            let error = #expect(throws: DiskError.self) { try disk.remove(directory + "/sub") }
            #expect(error?.isNotEmpty == true)
            try disk.remove(directory + "/sub/c")
            try disk.remove(directory + "/sub")
            #expect(try disk.list(directory) == [])
            let space = try disk.space(at: directory)
            #expect(space.free > 0 && space.free <= space.total)
        }
    }

    @Test("a second lock names the holder's process id, until the first is gone")
    func lock() throws {
        try withDirectory { directory in
            let path = directory + "/lock"
            #expect(FileLock.holder(of: path) == nil)
            do {
                let first = try FileLock(path: path)
                let failure = #expect(throws: FileLock.Failure.self) { try FileLock(path: path) }
                guard case .held(let processID) = failure else {
                    Issue.record("not held but \(String(describing: failure))")
                    return
                }
                #expect(processID == getpid())
                guard case .held(processID: getpid()) = FileLock.holder(of: path) else {
                    Issue.record("the holder is not seen")
                    return
                }
                withExtendedLifetime(first) {}
            }
            #expect(FileLock.holder(of: path) == nil)
            _ = try FileLock(path: path)
        }
    }

    @Test("identifiers read what they write")
    func identifiers() throws {
        let first = UniqueIdentifier.random()
        #expect(first.description.utf8.count == 36)
        #expect(UniqueIdentifier(text: first.description) == first)
        #expect(UniqueIdentifier.random() != first)
        #expect(UniqueIdentifier(text: "0123456789abcdef-0123456789abcdeF")?.low == 0x0123_4567_89AB_CDEF)
        #expect(UniqueIdentifier(text: "0123") == nil)
        #expect(UniqueIdentifier(text: String(repeating: "g", count: 32)) == nil)
    }
}
