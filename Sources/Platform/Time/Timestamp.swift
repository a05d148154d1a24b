// A point on the wall clock, as records carry it.

/// Milliseconds since 1970-01-01T00:00:00Z, the resolution of a Kafka record's timestamp.
///
/// Any `Int64` is a valid value: timestamps come from devices and are never trusted to be in range.
public struct Timestamp: Hashable, Comparable, Sendable, BitwiseCopyable {
    /// Since 1970-01-01T00:00:00Z; negative before.
    public var milliseconds: Int64

    /// Any `Int64` is valid.
    @inlinable
    public init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    /// Earlier before later.
    @inlinable
    public static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.milliseconds < right.milliseconds
    }

    /// This instant moved by `duration`, saturating at the ends of `Int64`.
    package func advanced(by duration: Duration) -> Timestamp {
        let (sum, overflow) = milliseconds.addingReportingOverflow(duration.wholeMilliseconds)
        guard overflow else { return Timestamp(milliseconds: sum) }
        return Timestamp(milliseconds: duration < .zero ? .min : .max)
    }

    /// The time from `earlier` to this instant; saturates.
    package func since(_ earlier: Timestamp) -> Duration {
        let (difference, overflow) = milliseconds.subtractingReportingOverflow(earlier.milliseconds)
        guard overflow else { return .milliseconds(difference) }
        return .milliseconds(milliseconds < earlier.milliseconds ? Int64.min : Int64.max)
    }
}

extension Duration {
    /// Whole milliseconds, rounded toward zero; saturates at the ends of `Int64`.
    package var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        guard !overflow else { return seconds < 0 ? .min : .max }
        let (sum, carried) = product.addingReportingOverflow(attoseconds / 1_000_000_000_000_000)
        guard !carried else { return seconds < 0 ? .min : .max }
        return sum
    }

    /// Whole nanoseconds, rounded toward zero; saturates at the ends of `Int64`.
    package var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return seconds < 0 ? .min : .max }
        let (sum, carried) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
        guard !carried else { return seconds < 0 ? .min : .max }
        return sum
    }
}
