// The other end of the input: keeps what was not acknowledged, and sends it again after a restart, as a broker does.
import CommitLog
import Ingest
import Platform

final class Sender {
    private(set) var script: Script
    /// Accepted by the running process, in order, and not acknowledged.
    private var unacknowledged: [Int] = []
    /// To be sent again, in order.
    private var redeliveries: [Int] = []
    /// How many of `unacknowledged` are durable with the ticket.
    private var ticket: (ticket: CommitTicket, count: Int)?
    /// By payload.
    private(set) var isAcknowledged: [Bool] = []
    private(set) var acknowledgedCount = 0
    private let from = Array("plant/line-1".utf8)

    init(dice: Dice) {
        script = Script(dice: dice)
    }

    var hasRedeliveries: Bool { !redeliveries.isEmpty }
    var isSettled: Bool { unacknowledged.isEmpty && redeliveries.isEmpty }

    /// Gives the pipeline one payload: one that it may have had before, else a new one.
    func send(to pipeline: IngestPipeline, at time: Timestamp) {
        let payload: Int
        if redeliveries.isEmpty {
            payload = script.next()
            isAcknowledged.append(false)
        } else {
            payload = redeliveries.removeFirst()
        }
        unacknowledged.append(payload)
        script.payloads[payload].bytes.withUnsafeBytes { bytes in
            from.withUnsafeBytes { from in pipeline.accept(bytes, Arrival(receivedAt: time, from: from)) }
        }
    }

    /// After a hand-over: everything accepted so far is durable with its ticket.
    func note(_ handOver: HandOver) -> [Int] {
        switch handOver {
        case .nothing: return acknowledge(unacknowledged.count)
        case .accepted(let ticket):
            self.ticket = (ticket, unacknowledged.count)
            return []
        case .full, .closed: return []
        }
    }

    /// Payloads that the log has made durable since the last call.
    func collect(from inbox: BatchInbox) -> [Int] {
        guard let ticket, inbox.outcome(of: ticket.ticket) == .durable else { return [] }
        self.ticket = nil
        return acknowledge(ticket.count)
    }

    private func acknowledge(_ count: Int) -> [Int] {
        let payloads = Array(unacknowledged.prefix(count))
        unacknowledged.removeFirst(count)
        if let ticket { self.ticket = (ticket.ticket, max(0, ticket.count - count)) }
        for payload in payloads { isAcknowledged[payload] = true }
        acknowledgedCount += count
        return payloads
    }

    /// The process is gone: what it did not acknowledge is sent again.
    func reconnect() {
        redeliveries = unacknowledged + redeliveries
        unacknowledged = []
        ticket = nil
    }
}
