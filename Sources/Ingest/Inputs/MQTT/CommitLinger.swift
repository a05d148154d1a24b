// Whether a drained socket should be given a moment before its messages are committed.
internal import Platform

/// At low rates every message is committed at once: that is the lowest latency. Under load a commit per few messages would
/// cost more than the messages, so once many are held the socket gets one short wait, as long as that proves useful.
package struct CommitLinger {
    /// Below this many held messages a commit follows at once.
    private static let heldMin = 16
    /// After a wait that brought nothing, so many commits follow without one.
    private static let skipsAfterVain = 16

    /// The length of the wait: a tenth of the commit interval, and 1 ms at most.
    package let wait: Duration
    private var isWaiting = false
    private var skips = 0

    /// - Parameter commitInterval: the longest that a batch waits for its sync.
    package init(commitInterval: Duration) {
        wait = min(.milliseconds(1), commitInterval / 10)
    }

    /// True where the commit should wait for one more look at the socket.
    ///
    /// - `held`: messages held since the last commit.
    /// - `taken`: messages that this step brought.
    package mutating func asksForPatience(held: Int, taken: Int) -> Bool {
        if isWaiting {
            if taken > 0 { return true }
            skips = CommitLinger.skipsAfterVain
            return false
        }
        guard held >= CommitLinger.heldMin, skips == 0 else { return false }
        isWaiting = true
        return true
    }

    /// All that was held is committed or given up.
    package mutating func settled() {
        isWaiting = false
        skips = max(0, skips - 1)
    }
}
