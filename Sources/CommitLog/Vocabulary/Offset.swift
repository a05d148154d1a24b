// The place of a record in its partition.

/// Counts records of one partition from 0; assigned once, never reused. Any `Int64` may come from a disk or a network,
/// so arithmetic never traps.
public struct Offset: Hashable, Comparable, Sendable, BitwiseCopyable, CustomStringConvertible {
    /// Records of the partition before this one.
    public var value: Int64

    /// The first record of a partition.
    public static let zero = Offset(0)

    /// Any value is taken; whether it is in range is for the log to say.
    @inlinable
    public init(_ value: Int64) {
        self.value = value
    }

    /// By place in the partition.
    @inlinable
    public static func < (left: Offset, right: Offset) -> Bool {
        left.value < right.value
    }

    /// The offset `count` records further on; saturates at the ends of `Int64`.
    public static func + (offset: Offset, count: Int) -> Offset {
        let (sum, overflow) = offset.value.addingReportingOverflow(Int64(count))
        guard overflow else { return Offset(sum) }
        return Offset(count < 0 ? .min : .max)
    }

    /// How many records lie from `right` up to `left`; saturates.
    public static func - (left: Offset, right: Offset) -> Int {
        let (difference, overflow) = left.value.subtractingReportingOverflow(right.value)
        guard overflow else { return Int(difference) }
        return left < right ? .min : .max
    }

    /// The number alone.
    public var description: String { String(value) }
}

/// A place in a file, in bytes from its start. Never mixed with `Offset`.
package struct Position: Hashable, Comparable, Sendable, BitwiseCopyable, CustomStringConvertible {
    package var value: Int64

    package init(_ value: Int64) {
        self.value = value
    }

    package static func < (left: Position, right: Position) -> Bool {
        left.value < right.value
    }

    package var description: String { String(value) }
}

/// A length in bytes.
package struct ByteCount: Hashable, Comparable, Sendable, BitwiseCopyable, CustomStringConvertible {
    package var value: Int64

    package init(_ value: Int64) {
        self.value = value
    }

    /// `count` times 1,048,576 bytes.
    package static func mebibytes(_ count: Int64) -> ByteCount {
        ByteCount(count << 20)
    }

    package static func < (left: ByteCount, right: ByteCount) -> Bool {
        left.value < right.value
    }

    package var description: String { "\(value) B" }
}
