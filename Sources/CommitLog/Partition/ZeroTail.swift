// When a partition writes zeros ahead of its end, so that a small commit needs no new length or block of the file system.

/// The tail of zeros of an active segment. Owned by the log-writer thread.
///
/// A commit that lies within it costs the device its own pages and no journal commit of the file system. The zeros are
/// written twice over, so it pays only while a commit brings less than the page that such a journal commit costs
/// (docs/decisions/0008).
struct ZeroTail {
    /// Where the file ends.
    private(set) var end: Int64
    /// Of the last few commits.
    private var commitBytes: Int64 = 0

    init(end: Int64) {
        self.end = end
    }

    /// Takes note of a commit of `byteCount` that makes the segment `length` bytes long.
    ///
    /// - Returns: whether zeros should follow it.
    mutating func grow(to length: Int64, by byteCount: Int64, segmentBytes: Int64) -> Bool {
        commitBytes += (byteCount - commitBytes) / 4
        guard length > end else { return false }
        end = length
        return commitBytes < Limits.zeroTailCommitBytesMax && length + Limits.zeroTailBytes <= segmentBytes
    }

    /// What `grow` has asked for is there, in part at least.
    mutating func extend() { end += Limits.zeroTailBytes }

    mutating func cut(to length: Int64) { end = length }
}
