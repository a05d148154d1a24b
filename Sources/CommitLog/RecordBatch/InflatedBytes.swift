// Where compressed records inflate to: one range of addresses as large as the bound, memory only where it was written.
internal import Glibc

/// Reused between batches. A codec gets the whole range at once, so that it needs no window of its own and nothing grows.
final class InflatedBytes {
    /// What stays in memory between batches; an honest batch of ours inflates to less.
    private static let keptBytes = 1 << 20

    private let memory: UnsafeMutableRawBufferPointer
    /// How far the range may hold memory.
    private var usedBytes = 0

    /// - Parameter limit: the most that one batch inflates to.
    init(limit: Int) {
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard let start = mmap(nil, limit, PROT_READ | PROT_WRITE, flags, -1, 0), start != MAP_FAILED else {
            preconditionFailure("there are no \(limit) bytes of addresses for inflated records")
        }
        memory = UnsafeMutableRawBufferPointer(start: start, count: limit)
    }

    deinit {
        munmap(memory.baseAddress, memory.count)
    }

    /// What `body` wrote into the range it gets, of which it returns the length; valid until the next call. nil where
    /// `body` returns nil, and then no memory stays but what always does.
    func fill(_ body: (UnsafeMutableRawBufferPointer) -> Int?) -> UnsafeRawBufferPointer? {
        giveBack()
        usedBytes = memory.count
        guard let count = body(memory) else {
            giveBack()
            return nil
        }
        usedBytes = count
        return UnsafeRawBufferPointer(rebasing: memory[..<count])
    }

    /// Frees the memory beyond what stays; what was filled is gone.
    func giveBack() {
        guard usedBytes > InflatedBytes.keptBytes else { return }
        let rest = UnsafeMutableRawBufferPointer(rebasing: memory[min(InflatedBytes.keptBytes, memory.count)...])
        madvise(rest.baseAddress, rest.count, Int32(MADV_DONTNEED))
        usedBytes = 0
    }
}
