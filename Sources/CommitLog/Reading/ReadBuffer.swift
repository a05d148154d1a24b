// Memory that a reader fills with whole stored batches; owned and reused by the caller.

/// Grows to what is asked for, at most one batch beyond `Limits.readBytesMax`, and is kept between reads.
package struct ReadBuffer: ~Copyable {
    private(set) var memory: UnsafeMutableRawBufferPointer
    private var range: Range<Int> = 0..<0
    private var isLent = false

    package init() {
        memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    }

    /// Reads into `memory`, which has to outlive this buffer, as long as a read fits there; beyond, into memory of its own.
    package init(lent memory: UnsafeMutableRawBufferPointer) {
        self.memory = memory
        isLent = true
    }

    deinit {
        if !isLent { memory.deallocate() }
    }

    /// The batches of the last read, back to back, as they are stored and go over the wire. Valid until the next read.
    package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[range]) }

    /// Where `bytes` are in the memory that was lent; nil where that was too small.
    package var lentRange: Range<Int>? { isLent ? range : nil }

    /// Walks the batches of the last read.
    package var batches: RecordBatchIterator { RecordBatchIterator(bytes) }

    package var isEmpty: Bool { range.isEmpty }

    mutating func removeAll() {
        range = 0..<0
    }

    mutating func reserve(_ count: Int) {
        guard memory.count < count else { return }
        if !isLent { memory.deallocate() }
        memory = .allocate(byteCount: count, alignment: 16)
        isLent = false
    }

    mutating func keep(_ kept: Range<Int>) {
        range = kept
    }
}
