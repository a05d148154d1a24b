// The sequence numbers that the devices of one input lost since the ledger was written last.
internal import Platform

/// Of one device; of several together where too many lost some in one second.
struct SequenceGap {
    /// -1: several.
    var device: Int32
    var missing: Span?
    var late: Span?

    struct Span {
        var from: UInt64
        var to: UInt64
        var count: UInt64
        var first: Timestamp
        var last: Timestamp

        /// Takes in what was found at `time`, one span of numbers more.
        fileprivate static func add(_ numbers: ClosedRange<UInt64>, at time: Timestamp, to span: inout Span?) {
            let count = numbers.upperBound - numbers.lowerBound + 1
            guard let known = span else {
                span = Span(from: numbers.lowerBound, to: numbers.upperBound, count: count, first: time, last: time)
                return
            }
            span = Span(
                from: min(known.from, numbers.lowerBound),
                to: max(known.to, numbers.upperBound),
                count: known.count &+ count,
                first: known.first,
                last: time
            )
        }
    }

    fileprivate mutating func add(_ numbers: ClosedRange<UInt64>, isLate: Bool, at time: Timestamp) {
        if isLate { Span.add(numbers, at: time, to: &late) } else { Span.add(numbers, at: time, to: &missing) }
    }
}

/// Owned by the input's thread, inside of its device table, whose slots hold each device's place here.
struct SequenceGaps {
    /// Devices told apart in one second: their records fit into one batch.
    private static let devicesMax = 2048

    private(set) var gaps: [SequenceGap] = []
    /// Of the devices beyond `devicesMax`.
    private var others: Int?

    var isEmpty: Bool { gaps.isEmpty }

    /// `place` is the device's in `gaps`, or -1; written here, and reset by whoever calls `removeAll`.
    mutating func add(
        _ numbers: ClosedRange<UInt64>,
        isLate: Bool,
        at time: Timestamp,
        device: Int32,
        place: inout Int32
    ) {
        if place >= 0, gaps.indices.contains(Int(place)) {
            gaps[Int(place)].add(numbers, isLate: isLate, at: time)
        } else if gaps.count < SequenceGaps.devicesMax {
            place = Int32(gaps.count)
            gaps.append(SequenceGap(device: device))
            gaps[Int(place)].add(numbers, isLate: isLate, at: time)
        } else {
            let index = others ?? gaps.count
            if others == nil { gaps.append(SequenceGap(device: -1)) }
            others = index
            gaps[index].add(numbers, isLate: isLate, at: time)
        }
    }

    mutating func removeAll() {
        gaps.removeAll(keepingCapacity: true)
        others = nil
    }
}
