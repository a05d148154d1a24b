// The kernel's count of dropped datagrams, followed exactly.

/// The kernel's count of drops, modulo 2^32, carried on into one that never wraps.
package struct DropCounter {
    private var last: UInt32 = 0
    /// All drops so far.
    package private(set) var total: UInt64 = 0

    package init() {}

    /// How many drops `latest` adds; none where it is older than what was seen, for a datagram carries the count of the
    /// moment at which it was queued.
    package mutating func advance(to latest: UInt32) -> UInt64 {
        let step = latest &- last
        guard step > 0, step < 1 << 31 else { return 0 }
        last = latest
        total += UInt64(step)
        return UInt64(step)
    }
}
