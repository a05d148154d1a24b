// How many bytes of refused payloads an input keeps: a flood of garbage must not become a flood of writes.
package import Platform

/// A bucket that fills at `bytesPerSecond` and holds `bytesMax`. A value; time comes from the caller.
package struct RejectBudget: Sendable {
    private let bytesPerSecond: Int64
    private let bytesMax: Int64
    private var bytes: Int64
    private var filledAt: MonotonicInstant?

    package init(bytesPerSecond: Int64, bytesMax: Int64) {
        self.bytesPerSecond = bytesPerSecond
        self.bytesMax = bytesMax
        bytes = bytesMax
    }

    /// Whether a record of `count` bytes may be kept; then they are spent.
    package mutating func spend(_ count: Int, now: MonotonicInstant) -> Bool {
        let passed = filledAt.map { max(.zero, min(now.since($0), .seconds(3600))) } ?? .zero
        let fresh = passed.wholeNanoseconds / 1000 * bytesPerSecond / 1_000_000
        if fresh > 0 || filledAt == nil {
            bytes = min(bytesMax, bytes + fresh)
            filledAt = now
        }
        guard Int64(count) <= bytes else { return false }
        bytes -= Int64(count)
        return true
    }
}
