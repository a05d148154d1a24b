// From a payload to records in open batches: all of one input's state that a payload touches, in one value.
internal import CommitLog
internal import EventModel
internal import Platform
internal import Synchronization

/// Decoder, normaliser, headers and open batches of one input. One value, entered once per payload: as properties of a class
/// each of them would pay an exclusivity check of its own.
///
/// Invariant: a payload that `accept` or `refuse` has returned from is in an open batch or in `waiting`. A payload of which
/// its decoder makes neither an event nor a reject (the header line of a stream) is in order, and leaves no record.
struct IngestLine: ~Copyable {
    private let payloadBytesMax: Int
    private let duplicates: DuplicatePolicy
    private let decoder: any PayloadDecoder
    private let counters: InputCounters
    private let clock: any Clock
    private var inputName = ByteBuilder(capacity: 64)
    private var formatName = ByteBuilder(capacity: 64)

    private var collector = EventCollector()
    private(set) var normaliser: Normaliser
    private var headers: PayloadHeaders
    private var scratch = ByteBuilder(capacity: 64)
    private var timeFormatter = TimestampFormatter()
    private let readings: [BatchAccumulator]
    private let rejected: BatchAccumulator
    private var rejectBudget = RejectBudget(
        bytesPerSecond: InputLimits.rejectedBytesPerSecond,
        bytesMax: InputLimits.rejectedBytesBurst
    )
    /// What was lost, on its way to topic `gaps`.
    var gaps: GapLedger
    /// Sealed batches that the inbox has not taken yet.
    var waiting: [(Partition, SealedBatch)] = []
    /// Payloads without a reject.
    private var acceptedCount: UInt64 = 0
    /// Those of them that were taken for a counter.
    private var countedCount: UInt64 = 0
    /// What the log holds of messages that the broker may deliver again; empty but for the beginning of a connection.
    var stored = RedeliveryWindow()
    private var storedEvent = StoredEvent()
    /// Of the payload in hand: parts that are in the log already, and parts that were appended.
    private var duplicateParts = 0
    private var appendedParts = 0
    /// Of the payload in hand: the sizes of its records so far, and what the normaliser left out.
    private var outputBytes = 0
    private var leftOutCount = 0

    init(
        settings: PipelineSettings,
        decoder: any PayloadDecoder,
        log: PipelineLog,
        normaliser: consuming Normaliser,
        counters: InputCounters,
        clock: any Clock
    ) {
        payloadBytesMax = settings.payloadBytesMax
        duplicates = settings.duplicates
        self.decoder = decoder
        self.counters = counters
        self.clock = clock
        self.normaliser = normaliser
        headers = PayloadHeaders(input: settings.input)
        readings = log.readings.map {
            BatchAccumulator(partition: $0, compression: log.readingsCompression, pool: log.pool)
        }
        rejected = BatchAccumulator(partition: log.rejected, compression: log.rejectedCompression, pool: log.pool)
        gaps = GapLedger(partition: log.gaps, pool: log.pool, input: settings.input, counters: counters)
        inputName.append(text: settings.input)
        formatName.append(text: settings.format)
    }

    /// Decodes, normalises and appends one payload. Never fails: what is wrong with it is counted and kept.
    ///
    /// - Returns: whether a batch was full and waits to be handed over.
    mutating func accept(_ payload: UnsafeRawBufferPointer, _ arrival: Arrival) -> Bool {
        guard payload.count > 0 else { return refuse(payload, .empty, position: 0, arrival) }
        guard payload.count <= payloadBytesMax else {
            return refuse(payload, .tooLarge, position: payloadBytesMax, arrival)
        }
        guard arrival.from.count <= InputLimits.topicBytesMax else {
            return refuse(payload, .tooComplex, position: 0, arrival)
        }
        noteReceived(arrival)
        var firstReject: (reason: RejectReason, position: Int)?
        outputBytes = 0
        leftOutCount = 0
        duplicateParts = 0
        appendedParts = 0
        collector.beginPayload()
        decoder.begin()
        headers.begin(from: arrival.from)
        if let messageID = arrival.messageID { headers.append("mid", integer: Int64(messageID), scratch: &scratch) }
        decoding: while true {
            switch decoder.next(payload.bytes, into: &collector) {
            case .event:
                guard outputBytes < InputLimits.payloadOutputBytesMax else {
                    firstReject = firstReject ?? (.tooComplex, collector.eventStart)
                    break decoding
                }
                if let reason = appendEvent(payload, arrival) {
                    firstReject = firstReject ?? (reason, collector.eventStart)
                }
            case .rejected(let reason, let position):
                firstReject = firstReject ?? (reason, position)
            case .finished:
                break decoding
            }
            collector.beginEvent()
        }
        leftOutCount += collector.leftOutCount
        if leftOutCount > 0 { counters.leftOut.wrappingAdd(UInt64(clamping: leftOutCount), ordering: .relaxed) }
        if let firstReject {
            appendRejected(payload, firstReject.reason, position: firstReject.position, arrival)
        } else if duplicateParts > 0, appendedParts == 0 {
            counters.countDropped(.duplicate, by: 1)
        } else {
            acceptedCount += 1
        }
        if duplicateParts > 0 { counters.duplicates.wrappingAdd(1, ordering: .relaxed) }
        return !waiting.isEmpty
    }

    /// Counts and keeps a payload that never reached a decoder.
    ///
    /// - Returns: as `accept`.
    mutating func refuse(
        _ payload: UnsafeRawBufferPointer,
        _ reason: RejectReason,
        position: Int,
        _ arrival: Arrival
    ) -> Bool {
        noteReceived(arrival)
        duplicateParts = 0
        appendedParts = 0
        appendRejected(payload, reason, position: position, arrival)
        if duplicateParts > 0 { counters.duplicates.wrappingAdd(1, ordering: .relaxed) }
        return !waiting.isEmpty
    }

    private func noteReceived(_ arrival: Arrival) {
        counters.received.wrappingAdd(1, ordering: .relaxed)
        counters.lastPayloadMilliseconds.store(arrival.receivedAt.milliseconds, ordering: .relaxed)
    }

    private mutating func appendEvent(_ payload: UnsafeRawBufferPointer, _ arrival: Arrival) -> RejectReason? {
        let event = normaliser.normalise(collector, payload: payload, arrival: arrival)
        leftOutCount += event.leftOutCount
        guard let device = event.device else { return event.reject }
        if arrival.isRedelivered, isStored(arrival) {
            duplicateParts += 1
            if duplicates == .drop { return event.reject }
            normaliser.markDuplicate()
        }
        let record = PendingRecord(
            timestamp: event.time,
            key: normaliser.devices.name(device),
            value: normaliser.value,
            headers: headers.bytes,
            headerCount: headers.count
        )
        let partition = Int(normaliser.devices.slot(device).partition)
        guard append(record, to: readings[partition]) else { return event.reject ?? .recordTooLarge }
        outputBytes += record.byteCount
        appendedParts += 1
        counters.events.wrappingAdd(1, ordering: .relaxed)
        return event.reject
    }

    private mutating func appendRejected(
        _ payload: UnsafeRawBufferPointer,
        _ reason: RejectReason,
        position: Int,
        _ arrival: Arrival
    ) {
        let isDuplicate = arrival.isRedelivered && isStored(payload, arrival)
        if isDuplicate {
            duplicateParts += 1
            if duplicates == .drop, appendedParts == 0 { return counters.countDropped(.duplicate, by: 1) }
        }
        counters.countRejected(reason)
        headers.begin(from: arrival.from)
        if let messageID = arrival.messageID { headers.append("mid", integer: Int64(messageID), scratch: &scratch) }
        headers.append("format", formatName.bytes)
        headers.append("reason", reason.name)
        if isDuplicate { headers.append("duplicate", "true") }
        headers.append("position", integer: Int64(position), scratch: &scratch)
        scratch.removeAll()
        scratch.append(arrival.receivedAt, with: &timeFormatter)
        headers.append("received", scratch.bytes)
        if payload.count > rejectRoom { headers.append("length", integer: Int64(payload.count), scratch: &scratch) }
        let record = PendingRecord(
            timestamp: arrival.receivedAt,
            key: inputName.bytes,
            value: UnsafeRawBufferPointer(rebasing: payload.prefix(rejectRoom)),
            headers: headers.bytes,
            headerCount: headers.count
        )
        guard rejectBudget.spend(record.byteCount, now: clock.monotonic()) else {
            return gaps.note(.rejectNotKept, 1, at: arrival.receivedAt)
        }
        _ = append(record, to: rejected)
    }

    /// Whether the event that the normaliser has written is in the log.
    private mutating func isStored(_ arrival: Arrival) -> Bool {
        guard !stored.isEmpty, let messageID = arrival.messageID else { return false }
        let value = normaliser.value
        guard storedEvent.decode(RawSpan(_unsafeBytes: value)) else { return false }
        return stored.claim(
            StoredPartPrint(messageID: messageID, topic: arrival.from, event: storedEvent, value: value)
        )
    }

    /// Whether the payload is in topic `rejected`.
    private mutating func isStored(_ payload: UnsafeRawBufferPointer, _ arrival: Arrival) -> Bool {
        guard !stored.isEmpty, let messageID = arrival.messageID else { return false }
        return stored.claim(StoredPartPrint(messageID: messageID, topic: arrival.from, payload: payload))
    }

    /// What one record of topic `rejected` can hold beside its key and the headers so far.
    private var rejectRoom: Int { max(0, Limits.recordBytesMax - inputName.count - headers.bytes.count) }

    /// False where the record can never fit into a batch.
    private mutating func append(_ record: PendingRecord, to accumulator: BatchAccumulator) -> Bool {
        if accumulator.append(record, acceptedBefore: acceptedCount, now: clock.monotonic()) { return true }
        if let batch = accumulator.seal() { waiting.append((accumulator.partition, batch)) }
        return accumulator.append(record, acceptedBefore: acceptedCount, now: clock.monotonic())
    }

    // MARK: Gaps

    func areGapsDue(now: MonotonicInstant) -> Bool {
        gaps.isDue(hasSequenceGaps: normaliser.devices.hasSequenceGaps, now: now)
    }

    /// Offers the records of all that was lost.
    mutating func offerGaps(to inbox: BatchInbox, now: MonotonicInstant) {
        if gaps.isWritable { normaliser.writeSequenceGaps(to: &gaps) }
        gaps.offer(to: inbox, now: now)
    }

    // MARK: Open batches

    /// When the first record of the oldest open batch was appended; nil where nothing is open.
    var openedAt: MonotonicInstant? {
        readings.reduce(rejected.openedAt) { oldest, accumulator in
            guard let openedAt = accumulator.openedAt else { return oldest }
            return oldest.map { min($0, openedAt) } ?? openedAt
        }
    }

    var openBytes: Int {
        readings.reduce(rejected.openBytes) { $0 + $1.openBytes }
    }

    /// Moves what is open to `waiting`.
    mutating func seal() {
        for accumulator in readings {
            if let batch = accumulator.seal() { waiting.append((accumulator.partition, batch)) }
        }
        if let batch = rejected.seal() { waiting.append((rejected.partition, batch)) }
    }

    // MARK: Counts

    /// Accepted payloads none of whose records is in an open batch; each once. To be counted when nothing is in `waiting`.
    mutating func takeSealedCount() -> UInt64 {
        let sealed = readings.reduce(acceptedCount) { count, accumulator in
            accumulator.openedAt == nil ? count : min(count, accumulator.acceptedBefore)
        }
        defer { countedCount = max(countedCount, sealed) }
        return sealed - min(sealed, countedCount)
    }

    /// All accepted payloads that were not taken before, wherever their records are.
    mutating func takeRestCount() -> UInt64 {
        defer { countedCount = acceptedCount }
        return acceptedCount - countedCount
    }

    // MARK: Chores

    mutating func refresh(clock quality: ClockQuality) {
        normaliser.refresh(clock: quality)
    }

    mutating func reportLastSeen() {
        normaliser.reportLastSeen()
    }
}
