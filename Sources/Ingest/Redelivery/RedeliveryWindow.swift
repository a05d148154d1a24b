// Which messages of a broker are stored already: the last ones of the log, compared with what is delivered again.
package import EventModel
internal import Platform

/// What to do with a message that is recognised as a redelivery.
package enum DuplicatePolicy: String, CaseIterable, Hashable, Sendable {
    /// Stored again, with `"duplicate":true`.
    case mark
    /// Not stored again: counted as dropped, and acknowledged, for what is there is durable.
    case drop
}

/// One part of a message as the log holds it: an event, or the payload that was refused.
///
/// Made of what a redelivery cannot change: message id, topic, device, values, states and the device's own sequence number.
/// Times, clock quality, units and labels are left out: a box that boots before it has its time, or learns a unit in
/// between, stores them otherwise. 64 bits of a hash whose seed is new in every process: nobody can aim at it.
package struct StoredPartPrint: Hashable, Sendable {
    /// Of a refused payload so much is compared: a long one may be kept in part only.
    private static let payloadBytesMax = 4096

    private let messageID: UInt16
    private let hash: Int

    /// Of an event that `event` has decoded from `value`.
    package init(
        messageID: UInt16,
        topic: UnsafeRawBufferPointer,
        event: borrowing StoredEvent,
        value: UnsafeRawBufferPointer
    ) {
        var hasher = Hasher()
        StoredPartPrint.combine(topic, into: &hasher)
        func combine(_ slice: ByteSlice) {
            guard slice.start >= 0, slice.count >= 0, slice.start <= value.count - slice.count else { return }
            let bytes = value[slice.start..<slice.start + slice.count]
            StoredPartPrint.combine(UnsafeRawBufferPointer(rebasing: bytes), into: &hasher)
        }
        combine(event.device)
        for reading in event.readings {
            combine(reading.metric)
            combine(reading.text)
        }
        hasher.combine(event.readings.count)
        for state in event.states {
            combine(state.name)
            combine(state.text)
        }
        hasher.combine(event.sequence)
        self.messageID = messageID
        hash = hasher.finalize()
    }

    /// Of a payload that was refused.
    package init(messageID: UInt16, topic: UnsafeRawBufferPointer, payload: UnsafeRawBufferPointer) {
        var hasher = Hasher()
        StoredPartPrint.combine(topic, into: &hasher)
        let compared = payload.prefix(StoredPartPrint.payloadBytesMax)
        StoredPartPrint.combine(UnsafeRawBufferPointer(rebasing: compared), into: &hasher)
        self.messageID = messageID
        hash = hasher.finalize()
    }

    /// With its length, so that neighbours cannot run into one another.
    private static func combine(_ bytes: UnsafeRawBufferPointer, into hasher: inout Hasher) {
        hasher.combine(bytes.count)
        hasher.combine(bytes: bytes)
    }
}

/// The parts that the log holds of an input's last messages. A value; no clock, no disk.
///
/// Each part is claimed once: a payload that holds the same event twice has two.
package struct RedeliveryWindow: Sendable {
    private var counts: [StoredPartPrint: Int] = [:]

    package init() {}

    package var isEmpty: Bool { counts.isEmpty }

    package mutating func note(_ part: StoredPartPrint) {
        counts[part, default: 0] += 1
    }

    /// Whether the part is stored already; then it is taken out.
    package mutating func claim(_ part: StoredPartPrint) -> Bool {
        guard let count = counts[part] else { return false }
        counts[part] = count > 1 ? count - 1 : nil
        return true
    }
}
