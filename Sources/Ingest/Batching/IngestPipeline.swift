// The straight line of one input: payload, decoder, normaliser, open batches, hand-over to the log.
package import CommitLog
package import EventModel
package import Platform
internal import Synchronization

/// Where a pipeline's batches go.
package struct PipelineLog: Sendable {
    package var readings: [Partition]
    package var rejected: Partition
    package var inbox: BatchInbox
    package var pool: BatchBufferPool
    package var readingsCompression: Compression
    package var rejectedCompression: Compression
    /// The longest a batch waits for its sync.
    package var commitInterval: Duration

    package init(
        readings: [Partition],
        rejected: Partition,
        inbox: BatchInbox,
        pool: BatchBufferPool,
        readingsCompression: Compression,
        rejectedCompression: Compression,
        commitInterval: Duration
    ) {
        precondition(!readings.isEmpty, "topic readings has at least one partition")
        self.readings = readings
        self.rejected = rejected
        self.inbox = inbox
        self.pool = pool
        self.readingsCompression = readingsCompression
        self.rejectedCompression = rejectedCompression
        self.commitInterval = commitInterval
    }
}

/// What one input's pipeline is made of.
package struct PipelineSettings: Sendable {
    /// The input's name: label of its metrics, header `input`, key of its rejects.
    package var input: String
    /// Name of the decoder, for the header `format` of rejects.
    package var format: String
    package var payloadBytesMax = InputLimits.payloadBytesMax
    package var normaliser = NormaliserOptions()

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
/// Invariant: a payload that `accept` or `refuse` has returned from is in an open batch, in `waiting`, or in the log.
package final class IngestPipeline {
    package let counters: InputCounters
    private let settings: PipelineSettings
    private let log: PipelineLog
    private let clock: any Clock
    private let decoder: any PayloadDecoder
    private let inputName: [UInt8]
    private let formatName: [UInt8]

    private var collector = EventCollector()
    private var normaliser: Normaliser
    private var headers: PayloadHeaders
    private var scratch = ByteBuilder(capacity: 64)
    private var timeFormatter = TimestampFormatter()
    private let readings: [BatchAccumulator]
    private let rejected: BatchAccumulator
    /// Sealed batches that the inbox has not taken yet.
    private var waiting: [(Partition, SealedBatch)] = []
    /// Payloads without a reject since the last hand-over.
    private var acceptedSinceHandOver: UInt64 = 0
    private var nextSlowTurn = MonotonicInstant(nanoseconds: 0)
    private var nextLastSeenReport = MonotonicInstant(nanoseconds: 0)
    /// Of the newest group that the inbox took; a commit of it covers all before.
    private var lastTicket: CommitTicket?
    package private(set) var isBlocked = false

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
        self.settings = settings
        self.decoder = decoder
        self.log = log
        self.counters = counters
        self.clock = clock
        inputName = Array(settings.input.utf8)
        formatName = Array(settings.format.utf8)
        headers = PayloadHeaders(input: settings.input)
        let devices = DeviceTable(
            input: settings.input,
            feed: directory,
            sightings: sightings,
            registration: settings.normaliser.registration,
            metricsMax: settings.normaliser.metricsMax,
            partitionCount: log.readings.count,
            hashSeed: hashSeed
        )
        normaliser = Normaliser(options: settings.normaliser, devices: devices, hashSeed: hashSeed)
        readings = log.readings.map {
            BatchAccumulator(partition: $0, compression: log.readingsCompression, pool: log.pool)
        }
        rejected = BatchAccumulator(partition: log.rejected, compression: log.rejectedCompression, pool: log.pool)
    }

    // MARK: Payloads

    /// Decodes, normalises and appends one payload. Never fails: what is wrong with it is counted and kept.
    package func accept(_ payload: UnsafeRawBufferPointer, _ arrival: Arrival) {
        guard payload.count > 0 else { return refuse(payload, .empty, position: 0, arrival) }
        guard payload.count <= settings.payloadBytesMax else {
            return refuse(payload, .tooLarge, position: settings.payloadBytesMax, arrival)
        }
        noteReceived(arrival)
        var firstReject: (reason: RejectReason, position: Int)?
        var hasEvent = false
        collector.beginPayload()
        decoder.begin()
        headers.begin(from: arrival.from)
        if let messageID = arrival.messageID { headers.append("mid", integer: Int64(messageID), scratch: &scratch) }
        decoding: while true {
            switch decoder.next(payload.bytes, into: &collector) {
            case .event:
                hasEvent = true
                if let reason = appendEvent(payload, arrival) { firstReject = firstReject ?? (reason, 0) }
            case .rejected(let reason, let position):
                firstReject = firstReject ?? (reason, position)
            case .finished:
                break decoding
            }
            collector.beginEvent()
        }
        if !hasEvent, firstReject == nil { firstReject = (.noReading, 0) }
        if collector.leftOutCount > 0 {
            counters.leftOut.wrappingAdd(UInt64(clamping: collector.leftOutCount), ordering: .relaxed)
        }
        if let firstReject {
            appendRejected(payload, firstReject.reason, position: firstReject.position, arrival)
        } else {
            acceptedSinceHandOver += 1
        }
    }

    /// Counts and keeps a payload that never reached a decoder.
    package func refuse(_ payload: UnsafeRawBufferPointer, _ reason: RejectReason, position: Int, _ arrival: Arrival) {
        noteReceived(arrival)
        appendRejected(payload, reason, position: position, arrival)
    }

    /// Counts payloads that were lost before anybody saw them: received, and dropped.
    package func countDropped(_ count: UInt64, _ reason: DropReason) {
        counters.received.wrappingAdd(count, ordering: .relaxed)
        counters.countDropped(reason, by: count)
    }

    private func noteReceived(_ arrival: Arrival) {
        counters.received.wrappingAdd(1, ordering: .relaxed)
        counters.lastPayloadMilliseconds.store(arrival.receivedAt.milliseconds, ordering: .relaxed)
    }

    private func appendEvent(_ payload: UnsafeRawBufferPointer, _ arrival: Arrival) -> RejectReason? {
        let event = normaliser.normalise(collector, payload: payload, arrival: arrival)
        guard let device = event.device else { return event.reject }
        let record = PendingRecord(
            timestamp: event.time,
            key: normaliser.devices.name(device),
            value: normaliser.value,
            headers: headers.bytes,
            headerCount: headers.count
        )
        let partition = Int(normaliser.devices.slot(device).partition)
        guard append(record, to: readings[partition]) else { return event.reject ?? .recordTooLarge }
        counters.events.wrappingAdd(1, ordering: .relaxed)
        return event.reject
    }

    private func appendRejected(
        _ payload: UnsafeRawBufferPointer,
        _ reason: RejectReason,
        position: Int,
        _ arrival: Arrival
    ) {
        counters.countRejected(reason)
        headers.begin(from: arrival.from)
        if let messageID = arrival.messageID { headers.append("mid", integer: Int64(messageID), scratch: &scratch) }
        formatName.withUnsafeBytes { headers.append("format", $0) }
        headers.append("reason", reason.name)
        headers.append("position", integer: Int64(position), scratch: &scratch)
        scratch.removeAll()
        scratch.append(arrival.receivedAt, with: &timeFormatter)
        headers.append("received", scratch.bytes)
        let kept = UnsafeRawBufferPointer(rebasing: payload.prefix(settings.payloadBytesMax))
        inputName.withUnsafeBytes { key in
            let record = PendingRecord(
                timestamp: arrival.receivedAt,
                key: key,
                value: kept,
                headers: headers.bytes,
                headerCount: headers.count
            )
            _ = append(record, to: rejected)
        }
    }

    /// False where the record can never fit into a batch.
    private func append(_ record: PendingRecord, to accumulator: BatchAccumulator) -> Bool {
        if accumulator.append(record, now: clock.monotonic()) { return true }
        if let batch = accumulator.seal() {
            waiting.append((accumulator.partition, batch))
            handOverWaiting()
        }
        return accumulator.append(record, now: clock.monotonic())
    }

    // MARK: Hand-over

    /// When the oldest open batch must be handed over; nil where nothing is open.
    package var deadline: MonotonicInstant? {
        if isBlocked { return nil }
        var oldest = rejected.openedAt
        for accumulator in readings {
            if let openedAt = accumulator.openedAt, openedAt < oldest ?? openedAt.advanced(by: .seconds(1)) {
                oldest = openedAt
            }
        }
        return oldest?.advanced(by: log.commitInterval)
    }

    package var openBytes: Int {
        readings.reduce(rejected.openBytes) { $0 + $1.openBytes }
    }

    package var writerIsIdle: Bool { log.inbox.writerIsIdle }

    /// Hands over what is due and does the slow chores. Once per `step()`.
    package func turn(now: MonotonicInstant) {
        if isBlocked {
            _ = handOver()
        } else if let deadline, deadline <= now {
            _ = handOver()
        }
        guard now >= nextSlowTurn else { return }
        nextSlowTurn = now.advanced(by: .seconds(1))
        normaliser.refresh(clock: clock.quality())
        guard now >= nextLastSeenReport else { return }
        nextLastSeenReport = now.advanced(by: IngestPipeline.lastSeenInterval)
        normaliser.reportLastSeen()
    }

    /// Seals what is open and offers everything as one group, for one commit.
    package func handOver() -> HandOver {
        for accumulator in readings {
            if let batch = accumulator.seal() { waiting.append((accumulator.partition, batch)) }
        }
        if let batch = rejected.seal() { waiting.append((rejected.partition, batch)) }
        return handOverWaiting()
    }

    @discardableResult
    private func handOverWaiting() -> HandOver {
        guard !waiting.isEmpty else {
            settleAccepted()
            guard let lastTicket, !log.inbox.isDurable(lastTicket) else { return .nothing }
            return .accepted(lastTicket)
        }
        switch log.inbox.offer(waiting) {
        case .accepted(let ticket):
            lastTicket = ticket
            waiting.removeAll(keepingCapacity: true)
            isBlocked = false
            settleAccepted()
            return .accepted(ticket)
        case .full:
            isBlocked = true
            return .full
        case .closed:
            isBlocked = true
            counters.countDropped(.logStopped, by: acceptedSinceHandOver)
            acceptedSinceHandOver = 0
            return .closed
        }
    }

    private func settleAccepted() {
        guard acceptedSinceHandOver > 0 else { return }
        counters.appended.wrappingAdd(acceptedSinceHandOver, ordering: .releasing)
        acceptedSinceHandOver = 0
    }

    package func wait(for ticket: CommitTicket, timeout: Duration) -> CommitOutcome {
        log.inbox.wait(for: ticket, timeout: timeout)
    }

    /// Tells the registry what was heard and not yet reported. Once, when the input stops.
    package func finish() {
        normaliser.reportLastSeen()
    }

    /// How often devices' last receive times go to the registry: one string per device heard, so not every second.
    private static let lastSeenInterval = Duration.seconds(10)
}
