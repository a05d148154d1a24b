// From a payload to records in open batches: all of one input's state that a payload touches, in one value.
internal import CommitLog
internal import EventModel
internal import Platform
internal import Synchronization

/// How payloads are read, and the open batches, of one input. One value, entered once per payload: as properties of a class
/// each of them would pay an exclusivity check of its own.
///
/// Invariant: a payload that `accept` or `refuse` has returned from is in an open batch or in `waiting`. A payload of which
/// its decoder makes neither an event nor a reject (the header line of a stream) is in order, and leaves no record.
struct IngestLine: ~Copyable {
    private let duplicates: DuplicatePolicy
    private let counters: InputCounters
    private let clock: any Clock
    private var inputName = ByteBuilder(capacity: 64)
    private var formatName = ByteBuilder(capacity: 64)

    private var parts: PayloadParts
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

    init(
        settings: PipelineSettings,
        decoder: any PayloadDecoder,
        log: PipelineLog,
        normaliser: consuming Normaliser,
        counters: InputCounters,
        clock: any Clock
    ) {
        duplicates = settings.duplicates
        self.counters = counters
        self.clock = clock
        parts = PayloadParts(settings: settings, decoder: decoder, normaliser: normaliser)
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
        if let (reason, position) = parts.refusal(of: payload, arrival) {
            return refuse(payload, reason, position: position, arrival)
        }
        noteReceived(arrival)
        var firstReject: (reason: RejectReason, position: Int)?
        duplicateParts = 0
        appendedParts = 0
        parts.begin(arrival)
        decoding: while true {
            switch parts.next(payload, arrival) {
            case .event(let event):
                if let reason = append(event, arrival) { firstReject = firstReject ?? (reason, parts.eventStart) }
            case .rejected(let reason, let position):
                firstReject = firstReject ?? (reason, position)
            case .finished:
                break decoding
            }
        }
        let leftOut = parts.leftOut
        if leftOut > 0 { counters.leftOut.wrappingAdd(UInt64(clamping: leftOut), ordering: .relaxed) }
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

    private mutating func append(_ event: NormalisedEvent, _ arrival: Arrival) -> RejectReason? {
        guard let device = event.device else { return event.reject }
        if arrival.isRedelivered, isStored(arrival) {
            duplicateParts += 1
            if duplicates == .drop { return event.reject }
            parts.normaliser.markDuplicate()
        }
        let record = parts.record(of: event, device: device)
        let partition = Int(parts.normaliser.devices.slot(device).partition)
        guard append(record, to: readings[partition]) else { return event.reject ?? .recordTooLarge }
        parts.noteOutput(record.byteCount)
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
        parts.beginHeaders(arrival)
        parts.headers.append("format", formatName.bytes)
        parts.headers.append("reason", reason.name)
        if isDuplicate { parts.headers.append("duplicate", "true") }
        parts.headers.append("position", integer: Int64(position), scratch: &scratch)
        scratch.removeAll()
        scratch.append(arrival.receivedAt, with: &timeFormatter)
        parts.headers.append("received", scratch.bytes)
        if payload.count > rejectRoom {
            parts.headers.append("length", integer: Int64(payload.count), scratch: &scratch)
        }
        let record = PendingRecord(
            timestamp: arrival.receivedAt,
            key: inputName.bytes,
            value: UnsafeRawBufferPointer(rebasing: payload.prefix(rejectRoom)),
            headers: parts.headers.bytes,
            headerCount: parts.headers.count
        )
        guard rejectBudget.spend(record.byteCount, now: clock.monotonic()) else {
            return gaps.note(.rejectNotKept, 1, at: arrival.receivedAt)
        }
        _ = append(record, to: rejected)
    }

    /// Whether the event that the normaliser has written is in the log.
    private mutating func isStored(_ arrival: Arrival) -> Bool {
        guard !stored.isEmpty, let messageID = arrival.messageID else { return false }
        let value = parts.normaliser.value
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
    private var rejectRoom: Int { max(0, Limits.recordBytesMax - inputName.count - parts.headers.bytes.count) }

    /// False where the record can never fit into a batch.
    private mutating func append(_ record: PendingRecord, to accumulator: BatchAccumulator) -> Bool {
        if accumulator.append(record, acceptedBefore: acceptedCount, now: clock.monotonic()) { return true }
        if let batch = accumulator.seal() { waiting.append((accumulator.partition, batch)) }
        return accumulator.append(record, acceptedBefore: acceptedCount, now: clock.monotonic())
    }

    // MARK: Gaps

    func areGapsDue(now: MonotonicInstant) -> Bool {
        gaps.isDue(hasSequenceGaps: parts.normaliser.devices.hasSequenceGaps, now: now)
    }

    /// Offers the records of all that was lost.
    mutating func offerGaps(to inbox: BatchInbox, now: MonotonicInstant) {
        if gaps.isWritable { parts.normaliser.writeSequenceGaps(to: &gaps) }
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
        parts.normaliser.refresh(clock: quality)
    }

    mutating func reportLastSeen() {
        parts.normaliser.reportLastSeen()
    }
}
