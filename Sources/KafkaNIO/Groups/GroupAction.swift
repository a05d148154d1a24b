// What the coordinator wants done: answers to whoever waits, and records to append.
package import Platform

/// Now, by both clocks: deadlines go by the monotonic one, what is stored carries the wall clock's.
package struct GroupInstant: Hashable, Sendable {
    package var monotonic: MonotonicInstant
    package var wall: Timestamp

    package init(monotonic: MonotonicInstant, wall: Timestamp) {
        self.monotonic = monotonic
        self.wall = wall
    }
}

/// Whoever waits for an answer: a number of the caller's own, of which the coordinator knows nothing. It must not be
/// used again before it was answered.
package struct Waiter: Hashable, Sendable {
    package var id: UInt64

    package init(_ id: UInt64) {
        self.id = id
    }
}

/// Names an append on its way to the disk; later ones are larger.
package struct AppendTicket: Hashable, Comparable, Sendable {
    package var number: UInt64

    package static func < (left: AppendTicket, right: AppendTicket) -> Bool {
        left.number < right.number
    }
}

/// A record of the topic `__consumer_offsets`.
package struct GroupRecord: Hashable, Sendable {
    package var key: [UInt8]
    /// nil for a tombstone.
    package var value: [UInt8]?

    package init(key: [UInt8], value: [UInt8]?) {
        self.key = key
        self.value = value
    }
}

/// Records to append to one partition in this order, after those of all earlier tickets. None is larger than a batch
/// can be; together they may be, as those of a group with many offsets that is deleted.
package struct GroupAppend: Hashable, Sendable {
    package var ticket: AppendTicket
    package var timestamp: Timestamp
    /// Never empty.
    package var records: [GroupRecord]
}

/// What became of an append.
package enum AppendOutcome: Sendable {
    /// All of its records are synced.
    case durable
    /// None of its records will ever be read.
    case refused
}

/// What is to be done after an event, in this order.
package enum GroupAction: Equatable, Sendable {
    case answer(Waiter, GroupAnswer)
    /// `GroupCoordinator.appended` is to be told how it ended.
    case append(GroupAppend)
}
