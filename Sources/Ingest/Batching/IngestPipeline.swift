// The straight line of one input: payload, decoder, normaliser, open batches, hand-over to the log.
package import CommitLog
package import EventModel
package import Platform
internal import Synchronization

/// Where a pipeline's batches go.
package struct PipelineLog: Sendable {
    package var readings: [Partition]
    package var rejected: Partition
    package var gaps: Partition
    /// The log that the partitions are of.
    package var log: CommitLog
    package var readingsCompression: Compression
    package var rejectedCompression: Compression
    /// The longest a batch waits for its sync.
    package var commitInterval: Duration

    package init(
        readings: [Partition],
        rejected: Partition,
        gaps: Partition,
        log: CommitLog,
        readingsCompression: Compression,
        rejectedCompression: Compression,
        commitInterval: Duration
    ) {
        precondition(!readings.isEmpty, "topic readings has at least one partition")
        self.readings = readings
        self.rejected = rejected
        self.gaps = gaps
        self.log = log
        self.readingsCompression = readingsCompression
        self.rejectedCompression = rejectedCompression
        self.commitInterval = commitInterval
    }

    package var inbox: BatchInbox { log.inbox }
    package var pool: BatchBufferPool { log.pool }
}

/// What one input's pipeline is made of.
package struct PipelineSettings: Sendable {
    /// The input's name: label of its metrics, header `input`, key of its rejects.
    package var input: String
    /// Name of the decoder, for the header `format` of rejects.
    package var format: String
    package var payloadBytesMax = InputLimits.payloadBytesMax
    package var normaliser = NormaliserOptions()
    package var duplicates = DuplicatePolicy.mark

    package init(input: String, format: String) {
        self.input = input
        self.format = format
    }
}

/// What a hand-over came to.
package enum HandOver: Sendable {
    /// Nothing was open, and all that came before is durable.
    case nothing
    /// Everything taken in so far is durable once this ticket is.
    case accepted(CommitTicket)
    /// The inbox is full: everything is kept, and nothing more must be read until a later hand-over succeeds.
    case full
    /// The log was stopped or has failed for good.
    case closed
}

/// One input's way into the log. Created anywhere, then used by the input's thread alone.
///
/// Invariant: a payload that `accept` or `refuse` has returned from is in the line's batches or in the log.
package final class IngestPipeline {
    package let counters: InputCounters
    private let log: PipelineLog
    private let clock: any Clock
    private let input: String
    private var line: IngestLine
    /// Where the log ended before the connection that may bring again what is in it.
    private var endsBefore: LogEnds?
    private var nextSlowTurn = MonotonicInstant(nanoseconds: 0)
    private var nextLastSeenReport = MonotonicInstant(nanoseconds: 0)
    /// Of the newest group that the inbox took; a commit of it covers all before.
    private var lastTicket: CommitTicket?
    package private(set) var isBlocked = false
    /// The log takes nothing any more.
    package private(set) var isClosed = false

    package init(
        settings: PipelineSettings,
        decoder: any PayloadDecoder,
        log: PipelineLog,
        directory: DirectoryFeed,
        sightings: DeviceSightings,
        counters: InputCounters,
        clock: any Clock,
        hashSeed: UInt64
    ) {
        self.log = log
        input = settings.input
        self.counters = counters
        self.clock = clock
        let devices = DeviceTable(
            input: settings.input,
            feed: directory,
            sightings: sightings,
            registration: settings.normaliser.registration,
            metricsMax: settings.normaliser.metricsMax,
            partitionCount: log.readings.count,
            hashSeed: hashSeed
        )
        line = IngestLine(
            settings: settings,
            decoder: decoder,
            log: log,
            normaliser: Normaliser(options: settings.normaliser, devices: devices, hashSeed: hashSeed),
            counters: counters,
            clock: clock
        )
    }

    // MARK: Payloads

    /// Decodes, normalises and appends one payload. Never fails: what is wrong with it is counted and kept.
    package func accept(_ payload: UnsafeRawBufferPointer, _ arrival: Arrival) {
        if line.accept(payload, arrival) { handOverWaiting() }
    }

    /// Counts and keeps a payload that never reached a decoder.
    package func refuse(_ payload: UnsafeRawBufferPointer, _ reason: RejectReason, position: Int, _ arrival: Arrival) {
        if line.refuse(payload, reason, position: position, arrival) { handOverWaiting() }
    }

    /// Counts payloads that were lost before anybody saw them: received, and dropped.
    package func countDropped(_ count: UInt64, _ reason: DropReason) {
        counters.received.wrappingAdd(count, ordering: .relaxed)
        counters.countDropped(reason, by: count)
        if reason == .kernelBuffer { noteGap(.kernelBuffer, count) }
    }

    /// Enters a loss that is none of payloads, or not of countable ones, in topic `gaps`.
    package func noteGap(_ kind: GapKind, _ count: UInt64) {
        if count > 0 { line.gaps.note(kind, count, at: clock.now()) }
    }

    // MARK: Redelivery

    /// True where all that was taken in is durable. Between two connections, again and again: the first time notes the place
    /// in the log that `expectRedelivery` looks back from, for other inputs go on writing behind it.
    package func settleBeforeConnecting() -> Bool {
        guard case .nothing = handOver() else { return false }
        if endsBefore == nil { endsBefore = LogEnds(log) }
        return true
    }

    /// Reads the last messages of this input back from the log, so that arrivals that are `isRedelivered` are recognised.
    /// Blocks for the disk. What is not found there is taken for new.
    package func expectRedelivery(messagesMax: Int) throws(LogError) {
        guard let endsBefore else { return }
        let reader = RedeliveryReader(log: log.log, input: input, messagesMax: messagesMax)
        line.stored = try reader.window(before: endsBefore)
    }

    /// What comes now is new, or comes on another connection.
    package func endRedelivery() {
        line.stored = RedeliveryWindow()
        endsBefore = nil
    }

    // MARK: Hand-over

    /// When the oldest open batch must be handed over; nil where nothing is open.
    package var deadline: MonotonicInstant? {
        isBlocked ? nil : line.openedAt?.advanced(by: log.commitInterval)
    }

    package var openBytes: Int { line.openBytes }

    package var writerIsIdle: Bool { log.inbox.writerIsIdle }

    /// Hands over what is due and does the slow chores. Once per `step()`.
    package func turn(now: MonotonicInstant) {
        if isBlocked {
            _ = handOver()
        } else if let deadline {
            if deadline <= now { _ = handOver() }
        } else {
            // Payloads that left no record come with no batch whose hand-over would count them.
            noteHandedOver()
        }
        counters.settle(log.inbox)
        if line.areGapsDue(now: now) { writeGaps(now: now) }
        guard now >= nextSlowTurn else { return }
        nextSlowTurn = now.advanced(by: .seconds(1))
        line.refresh(clock: clock.quality())
        guard now >= nextLastSeenReport else { return }
        nextLastSeenReport = now.advanced(by: IngestPipeline.lastSeenInterval)
        line.reportLastSeen()
    }

    /// Offers what was lost to topic `gaps`; where the log has no room, it stays and is summed up further. Nobody waits for
    /// it: on a full disk it is durable before the readings that were offered earlier.
    func writeGaps(now: MonotonicInstant) {
        line.offerGaps(to: log.inbox, now: now)
    }

    /// Seals what is open and offers everything as one group, for one commit.
    package func handOver() -> HandOver {
        line.seal()
        return handOverWaiting()
    }

    @discardableResult
    private func handOverWaiting() -> HandOver {
        guard !line.waiting.isEmpty else {
            noteHandedOver()
            counters.settle(log.inbox)
            guard let lastTicket, !log.inbox.isDurable(lastTicket) else { return .nothing }
            return .accepted(lastTicket)
        }
        switch log.inbox.offer(line.waiting) {
        case .accepted(let ticket):
            lastTicket = ticket
            line.waiting.removeAll(keepingCapacity: true)
            isBlocked = false
            noteHandedOver()
            return .accepted(ticket)
        case .full:
            isBlocked = true
            return .full
        case .closed:
            isBlocked = true
            isClosed = true
            countRestAsDropped()
            return .closed
        }
    }

    /// Only while nothing waits: what is sealed is with the inbox then, and durable with the newest group.
    private func noteHandedOver() {
        let count = line.takeSealedCount()
        guard count > 0 else { return }
        if let lastTicket {
            counters.noteHandedOver(count, lastTicket)
        } else {
            // Not one of them has left a record.
            counters.appended.wrappingAdd(count, ordering: .releasing)
        }
    }

    private func countRestAsDropped() {
        let count = line.takeRestCount()
        if count > 0 { counters.countDropped(.logStopped, by: count) }
    }

    package func wait(for ticket: CommitTicket, timeout: Duration) -> CommitOutcome {
        defer { counters.settle(log.inbox) }
        return log.inbox.wait(for: ticket, timeout: timeout)
    }

    /// Counts what the log has not taken, which is lost now, and tells the registry what was heard and not yet reported.
    /// Once, when the input stops, after the last hand-over. What the log has taken and not made durable is in `counters`
    /// until its `settle` knows.
    package func finish() {
        countRestAsDropped()
        counters.settle(log.inbox)
        line.reportLastSeen()
    }

    /// How often devices' last receive times go to the registry: one string per device heard, so not every second.
    private static let lastSeenInterval = Duration.seconds(10)
}
