// What one input counts, in payloads; read by metrics and status from any thread.
package import CommitLog
package import EventModel
package import Platform
package import Synchronization

/// Why payloads were lost to overload. The raw value is the label of the metric.
package enum DropReason: String, CaseIterable, Sendable {
    /// The kernel's socket buffer was full (`SO_RXQ_OVFL`), one per datagram.
    case kernelBuffer = "kernel_buffer"
    /// Taken in, and then the log failed, or was stopped while the disk was full, before the payload was durable; or it had
    /// not taken the payload when the input had to end.
    case logStopped = "log_stopped"
    /// Delivered again and stored before, where the input drops what it recognises (`duplicates: drop`): nothing is lost.
    case duplicate
}

/// The counters of one input. `received = appended + rejected + dropped` whenever traffic pauses.
///
/// Written by the input's thread alone, once per wake-up or per reject, never by two threads; read by anybody.
package final class InputCounters: Sendable {
    package let received = Atomic<UInt64>(0)
    package let appended = Atomic<UInt64>(0)
    package let events = Atomic<UInt64>(0)
    /// Strings too long to be a state, units that could be anyone's, a metric's earlier values in an event that names it
    /// again, and labels that are too many, too long, not printable, or named again.
    package let leftOut = Atomic<UInt64>(0)
    /// Payloads that were recognised as stored before, in whole or in part, whether they were marked or dropped.
    package let duplicates = Atomic<UInt64>(0)
    package let lastPayloadMilliseconds = Atomic<Int64>(0)
    private let rejected: Mutex<[UInt64]>
    private let dropped: Mutex<[UInt64]>
    private let gaps: Mutex<[UInt64]>
    /// Payloads that the log has taken and not made durable yet, oldest first: as many entries as the inbox has groups of
    /// this input.
    private let handedOver = Mutex<[HandedOver]>([])

    private struct HandedOver {
        var ticket: CommitTicket
        var count: UInt64
    }

    package init() {
        rejected = Mutex([UInt64](repeating: 0, count: RejectReason.allCases.count))
        dropped = Mutex([UInt64](repeating: 0, count: DropReason.allCases.count))
        gaps = Mutex([UInt64](repeating: 0, count: GapKind.allCases.count))
    }

    package func countRejected(_ reason: RejectReason, by count: UInt64 = 1) {
        rejected.withLock { $0[Int(reason.rawValue)] &+= count }
    }

    package func countDropped(_ reason: DropReason, by count: UInt64) {
        guard let index = DropReason.allCases.firstIndex(of: reason) else { return }
        dropped.withLock { $0[index] &+= count }
    }

    /// `count` payloads are durable once `ticket` is: counted then, by `settle`. Tickets come in their order.
    func noteHandedOver(_ count: UInt64, _ ticket: CommitTicket) {
        handedOver.withLock { handedOver in
            if let last = handedOver.indices.last, handedOver[last].ticket == ticket {
                handedOver[last].count &+= count
            } else {
                handedOver.append(HandedOver(ticket: ticket, count: count))
            }
        }
    }

    /// Counts what became of payloads that the log had taken: appended, or dropped where the log stopped first. The input's
    /// thread, once per turn; anybody once it has ended.
    package func settle(_ inbox: BatchInbox) {
        var durable: UInt64 = 0
        var lost: UInt64 = 0
        handedOver.withLock { handedOver in
            var settled = 0
            settling: while settled < handedOver.count {
                switch inbox.outcome(of: handedOver[settled].ticket) {
                case .pending: break settling
                case .durable: durable &+= handedOver[settled].count
                case .failed: lost &+= handedOver[settled].count
                }
                settled += 1
            }
            if settled > 0 { handedOver.removeFirst(settled) }
        }
        if durable > 0 { appended.wrappingAdd(durable, ordering: .releasing) }
        if lost > 0 { countDropped(.logStopped, by: lost) }
    }

    /// Whether payloads are with the log of which `settle` cannot say yet what became.
    package var isWaiting: Bool { handedOver.withLock { !$0.isEmpty } }

    /// Counts what is entered in topic `gaps`.
    package func countGap(_ kind: GapKind, by count: UInt64) {
        guard let index = GapKind.allCases.firstIndex(of: kind) else { return }
        gaps.withLock { $0[index] &+= count }
    }

    /// A consistent enough picture for people: each figure is exact, taken one after the other.
    package func snapshot() -> InputCounts {
        var counts = InputCounts()
        let rejectedCounts = rejected.withLock { $0 }
        for reason in RejectReason.allCases where rejectedCounts[Int(reason.rawValue)] > 0 {
            counts.rejected[reason] = rejectedCounts[Int(reason.rawValue)]
        }
        let droppedCounts = dropped.withLock { $0 }
        for (index, reason) in DropReason.allCases.enumerated() where droppedCounts[index] > 0 {
            counts.dropped[reason] = droppedCounts[index]
        }
        let gapCounts = gaps.withLock { $0 }
        for (index, kind) in GapKind.allCases.enumerated() where gapCounts[index] > 0 {
            counts.gaps[kind] = gapCounts[index]
        }
        counts.appended = appended.load(ordering: .acquiring)
        counts.received = received.load(ordering: .acquiring)
        counts.events = events.load(ordering: .relaxed)
        counts.duplicates = duplicates.load(ordering: .relaxed)
        counts.leftOut = leftOut.load(ordering: .relaxed)
        let last = lastPayloadMilliseconds.load(ordering: .relaxed)
        counts.lastPayload = last == 0 ? nil : Timestamp(milliseconds: last)
        return counts
    }
}

/// `InputCounters` at one moment.
package struct InputCounts: Sendable {
    package var received: UInt64 = 0
    package var appended: UInt64 = 0
    package var events: UInt64 = 0
    package var leftOut: UInt64 = 0
    package var duplicates: UInt64 = 0
    package var rejected: [RejectReason: UInt64] = [:]
    package var dropped: [DropReason: UInt64] = [:]
    package var gaps: [GapKind: UInt64] = [:]
    package var lastPayload: Timestamp?

    package init() {}
}
