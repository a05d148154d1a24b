// Tells of records that were lost to damage: an alert that no rule has to ask for, and a record in topic `gaps`.
internal import Alerting
internal import CommitLog
internal import EventModel
internal import Platform

/// On a log that takes writes. Any thread; nothing here waits.
struct DamageReporter: Sendable {
    /// Gaps whose telling is on its way to the disk.
    struct Telling {
        fileprivate var ticket: CommitTicket
        fileprivate var gaps: [LostOffsets]
    }

    private let writer: ReportWriter
    private let clock: any Clock
    private let box: String

    init(writer: ReportWriter, clock: any Clock, box: String) {
        self.writer = writer
        self.clock = clock
        self.box = box
    }

    /// Once, at the start: what an earlier run has raised for its own time is over.
    func begin(_ book: AlertBook) {
        let now = clock.now()
        let over = book.firing.map(\.record).filter { $0.isBuiltIn && !$0.isOfBox }.map { $0.over(at: now) }
        for start in stride(from: 0, to: over.count, by: ReportWriter.edgesMax) {
            _ = writer.append(Array(over[start...].prefix(ReportWriter.edgesMax)))
        }
    }

    /// Again and again, by one caller: tells of what nobody has been told of, by this run or one before it. Only what is
    /// durably told counts, so that a crash in between means that the next start tells it.
    func tell(_ telling: inout Telling?) {
        settle(&telling)
        let untold = Array(writer.log.untoldGaps.prefix(ReportWriter.edgesMax))
        guard telling == nil, !untold.isEmpty else { return }
        let now = clock.now()
        let records = untold.map { lost in
            let gap = lost.gap
            var record = GapRecord(kind: .damage, count: UInt64(max(0, gap.to - gap.from)), first: now, last: now)
            record.partition = lost.topicPartition.description
            record.from = gap.from.value
            record.to = gap.to.value - 1
            return record
        }
        let edges = untold.map { AlertRecord(damage: $0.gap, of: $0.topicPartition, at: now, box: box) }
        telling = writer.append(edges, records).map { Telling(ticket: $0, gaps: untold) }
    }

    /// Takes note of what is durably told by now; also at the end, while the log is still open.
    func settle(_ telling: inout Telling?) {
        guard let current = telling else { return }
        switch writer.log.inbox.outcome(of: current.ticket) {
        case .pending: return
        case .durable: writer.log.markTold(current.gaps)
        case .failed: break
        }
        telling = nil
    }
}
