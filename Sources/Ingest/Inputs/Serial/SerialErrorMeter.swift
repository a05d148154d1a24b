// What a serial driver's error counts add up to since the port was opened.

/// The error counts of a driver at one moment, modulo 2^32 each.
package struct SerialErrorCounts: Hashable, Sendable {
    package var framing: UInt32
    package var parity: UInt32
    package var overrun: UInt32

    package init(framing: UInt32, parity: UInt32, overrun: UInt32) {
        self.framing = framing
        self.parity = parity
        self.overrun = overrun
    }
}

/// Follows the counts of one open port. The driver counts since it was loaded: the first look is where it begins.
package struct SerialErrorMeter: Sendable {
    private var last: SerialErrorCounts?

    package init() {}

    /// What has come since the look before, in the order framing, parity, overrun; nothing at the first.
    package mutating func advance(to counts: SerialErrorCounts) -> SerialErrorCounts {
        defer { last = counts }
        guard let last else { return SerialErrorCounts(framing: 0, parity: 0, overrun: 0) }
        return SerialErrorCounts(
            framing: counts.framing &- last.framing,
            parity: counts.parity &- last.parity,
            overrun: counts.overrun &- last.overrun
        )
    }
}
