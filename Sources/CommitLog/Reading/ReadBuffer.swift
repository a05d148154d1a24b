// Memory that a reader fills with whole stored batches; owned and reused by the caller.

/// Grows to what is asked for, at most one batch beyond `Limits.readBytesMax`, and is kept between reads.
package struct ReadBuffer: ~Copyable {
    private(set) var memory: UnsafeMutableRawBufferPointer
    private var range: Range<Int> = 0..<0

    package init() {
        memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    }

    deinit {
        memory.deallocate()
    }

    /// The batches of the last read, back to back, as they are stored and go over the wire. Valid until the next read.
    package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[range]) }

    /// Walks the batches of the last read.
    package var batches: RecordBatchIterator { RecordBatchIterator(bytes) }

    package var isEmpty: Bool { range.isEmpty }

    mutating func removeAll() {
        range = 0..<0
    }

    mutating func reserve(_ count: Int) {
        guard memory.count < count else { return }
        memory.deallocate()
        memory = .allocate(byteCount: count, alignment: 16)
    }

    mutating func keep(_ kept: Range<Int>) {
        range = kept
    }
}
