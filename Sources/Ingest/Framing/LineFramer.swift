// Serial bytes to lines: one buffer that is read into, cut at line feeds, and never grows.
internal import Glibc

/// One line, or the beginning of one that was too long; the range is valid until the next `withFreeSpace`.
package enum LineFrame: Equatable, Sendable {
    /// A line without its line feed and the carriage return before it. Empty lines are lines.
    case line(Range<Int>)
    /// A line longer than the limit: its first bytes, as many as the limit allows. Reported once; the rest, up to the next
    /// line feed, is skipped.
    case tooLong(Range<Int>)

    /// Where a line's first byte stands that came with a parity or framing error, or as a break: the driver makes a NUL of
    /// it.
    package static func damage(in line: UnsafeRawBufferPointer) -> Int? { line.firstIndex(of: 0) }
}

/// Cuts what a serial port delivers into lines. Owned by the port's thread; allocates only when it is created.
///
/// Read into `withFreeSpace`, tell `commit` how much came, take lines with `nextLine` until it gives nil, and begin
/// again. Taking all lines before the next read is what keeps the free space from running out.
package struct LineFramer: ~Copyable {
    private let buffer: UnsafeMutableRawBufferPointer
    private let lineBytesMax: Int
    /// Bytes in `start..<end` are not given out yet; those before `scanned` hold no line feed.
    private var start = 0
    private var scanned = 0
    private var end = 0
    /// The rest of a line that was reported as too long is being skipped.
    private var isSkipping = false

    /// - Parameters:
    ///   - lineBytesMax: longest line in bytes, without its end; at least 1.
    ///   - readBytes: bytes that a read finds room for at least, whatever is still pending; at least 1.
    package init(lineBytesMax: Int, readBytes: Int = 4096) {
        precondition(lineBytesMax > 0 && readBytes > 0, "a line limit and a read size above zero")
        self.lineBytesMax = lineBytesMax
        // A pending line is at most the limit, a carriage return and the byte that shows that it is too long.
        buffer = .allocate(byteCount: lineBytesMax + 2 + readBytes, alignment: 16)
    }

    deinit {
        buffer.deallocate()
    }

    /// Calls `body` with the free part of the buffer, which is never empty if all lines were taken. Moves what is
    /// pending, so that ranges and bytes that were given out are no longer valid.
    package mutating func withFreeSpace<Result>(_ body: (UnsafeMutableRawBufferPointer) -> Result) -> Result {
        if start > 0 {
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[start..<end]))
            scanned -= start
            end -= start
            start = 0
        }
        return body(UnsafeMutableRawBufferPointer(rebasing: buffer[end...]))
    }

    /// Takes over the first `count` bytes of the free space; more than there are count as all.
    package mutating func commit(_ count: Int) {
        end += min(max(0, count), buffer.count - end)
    }

    /// The next line, or nil where only a part of one is left.
    package mutating func nextLine() -> LineFrame? {
        while true {
            guard let lineFeed = nextLineFeed() else {
                scanned = end
                if isSkipping {
                    start = end
                    return nil
                }
                return pendingLineIsTooLong ? reportTooLong() : nil
            }
            let first = start
            start = lineFeed + 1
            scanned = start
            if isSkipping {
                isSkipping = false
                continue
            }
            var last = lineFeed
            if last > first, buffer[last - 1] == 0x0D { last -= 1 }
            return last - first > lineBytesMax ? .tooLong(first..<first + lineBytesMax) : .line(first..<last)
        }
    }

    /// The bytes of a line that was given out; valid until the next `withFreeSpace`. A range outside of the buffer is
    /// empty.
    package func bytes(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        guard range.lowerBound >= 0, range.upperBound <= buffer.count else {
            return UnsafeRawBufferPointer(start: nil, count: 0)
        }
        return UnsafeRawBufferPointer(rebasing: buffer[range])
    }

    /// What has come of a line that has no end yet; of one that was reported as too long, nothing. Valid until the next
    /// `withFreeSpace`.
    package var partial: UnsafeRawBufferPointer {
        isSkipping ? UnsafeRawBufferPointer(start: nil, count: 0) : bytes(start..<end)
    }

    /// Forgets everything that is pending: the port was lost or opened anew. How many bytes of an unfinished line went.
    package mutating func discardPartial() -> Int {
        let count = end - start
        (start, scanned, end, isSkipping) = (0, 0, 0, false)
        return count
    }

    private func nextLineFeed() -> Int? {
        guard scanned < end, let base = buffer.baseAddress,
            let found = memchr(base + scanned, 0x0A, end - scanned)
        else { return nil }
        return found - UnsafeMutableRawPointer(base)
    }

    /// A last byte that may be the carriage return of the line's end does not count yet.
    private var pendingLineIsTooLong: Bool {
        let count = end - start
        guard count > lineBytesMax else { return false }
        return count > lineBytesMax + 1 || buffer[end - 1] != 0x0D
    }

    private mutating func reportTooLong() -> LineFrame {
        let kept = start..<start + lineBytesMax
        isSkipping = true
        start = end
        return .tooLong(kept)
    }
}
