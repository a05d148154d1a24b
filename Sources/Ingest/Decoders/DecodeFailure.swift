// How the parts of a decoder tell one another that something was refused.
internal import EventModel

/// A refused part of a payload.
struct DecodeFailure: Sendable {
    var reason: RejectReason
    /// The first bad byte, from the start of the payload.
    var position: Int

    init(_ reason: RejectReason, at position: Int) {
        self.reason = reason
        self.position = position
    }

    var outcome: DecodeOutcome { .rejected(reason, position: position) }
}
