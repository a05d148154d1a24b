// Freed memory goes back to the kernel.
import Glibc
import Platform
import Testing

@Suite("Memory", .serialized)
struct MemoryTests {
    /// Of the process, without what it shares.
    private func residentBytes() throws -> Int {
        // The kernel says that the file has 0 bytes.
        let file = try PosixDisk().open("/proc/self/statm", .read)
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
        let pages = String(decoding: bytes[..<count], as: UTF8.self).split(separator: " ").compactMap { Int($0) }
        try #require(pages.count > 2)
        return (pages[1] - pages[2]) * Int(sysconf(Int32(_SC_PAGESIZE)))
    }

    @Test("what a burst has taken and freed is not kept")
    func burst() throws {
        let (count, size) = (60_000, 4_000)
        var blocks = (0..<count).map { index in
            let block = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
            block.initializeMemory(as: UInt8.self, repeating: UInt8(truncatingIfNeeded: index))
            return block
        }
        // One block at the end of the heap would keep all before it.
        let last = blocks.removeLast()
        let full = try residentBytes()
        for block in blocks { block.deallocate() }
        let freed = try residentBytes()
        #expect(FreedMemory.giveBack(whereAtLeast: 32 << 20))
        let given = try residentBytes()
        #expect(freed - given > count * size / 2, "\(full), \(freed), \(given)")
        last.deallocate()
    }
}
