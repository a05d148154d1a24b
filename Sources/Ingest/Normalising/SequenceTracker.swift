// Which of a device's sequence numbers have come: one comparison per event while they come in order.

/// The last number of one device and the 64 before it. A value inside of the device's slot.
///
/// A counter that starts anew is no loss: a number more than 64 below the last one, or more than `jumpMax` above it, begins
/// again, and from then on jumps count only once two numbers have followed one another. So several counters under one
/// device id, which jump back and forth, report nothing. The first number after the start of Forebay is where it begins.
package struct SequenceTracker: BitwiseCopyable, Sendable {
    /// What a number says.
    package enum Finding: Hashable, Sendable {
        case nothing
        /// The numbers that it passed over.
        case missing(ClosedRange<UInt64>)
        /// It had been passed over, and came late.
        case late
    }

    /// At 100 readings a second two days of absence; a device that takes the time for its sequence jumps further.
    private static let jumpMax: UInt64 = 1 << 24
    private static let windowMax: UInt64 = 64

    private enum State: UInt8 {
        case untouched, doubtful, counting
    }

    private var last: UInt64 = .max
    /// Bit n: whether `last - n` has come. What lies before the first number counts as come.
    private var seen: UInt64 = .max
    private var state = State.untouched

    package init() {}

    @inline(__always)
    package mutating func note(_ sequence: UInt64) -> Finding {
        guard sequence == last &+ 1 else { return noteOutOfOrder(sequence) }
        last = sequence
        seen = seen << 1 | 1
        state = .counting
        return .nothing
    }

    private mutating func noteOutOfOrder(_ sequence: UInt64) -> Finding {
        guard state != .untouched else {
            begin(sequence, .counting)
            return .nothing
        }
        return sequence > last ? noteJump(sequence) : noteOld(sequence)
    }

    private mutating func noteJump(_ sequence: UInt64) -> Finding {
        let step = sequence - last
        guard state == .counting, step <= SequenceTracker.jumpMax else {
            begin(sequence, .doubtful)
            return .nothing
        }
        let missing = last + 1...sequence - 1
        seen = step < SequenceTracker.windowMax ? seen << step | 1 : 1
        last = sequence
        return .missing(missing)
    }

    private mutating func noteOld(_ sequence: UInt64) -> Finding {
        let distance = last - sequence
        guard distance < SequenceTracker.windowMax else {
            begin(sequence, .doubtful)
            return .nothing
        }
        let bit = UInt64(1) << distance
        guard seen & bit == 0 else { return .nothing }
        seen |= bit
        return .late
    }

    private mutating func begin(_ sequence: UInt64, _ state: State) {
        last = sequence
        seen = .max
        self.state = state
    }
}
