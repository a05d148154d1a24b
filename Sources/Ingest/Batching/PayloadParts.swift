// From a payload to its parts: what one input stores of it, and what `forebay explain` says of it, come from here.
internal import CommitLog
internal import EventModel
internal import Platform

/// What comes next in a payload.
enum PayloadPart {
    /// Normalised; its record is `PayloadParts.record(of:device:)`, its place `PayloadParts.eventStart`.
    case event(NormalisedEvent)
    case rejected(RejectReason, position: Int)
    case finished
}

/// Decoder, collector and normaliser of one input, with the headers that its records get.
///
/// For each payload `refusal`, and where that is nil `begin`, then `next` until it is finished.
struct PayloadParts: ~Copyable {
    private let payloadBytesMax: Int
    private let decoder: any PayloadDecoder
    private var collector = EventCollector()
    var normaliser: Normaliser
    var headers: PayloadHeaders
    private var scratch = ByteBuilder(capacity: 64)
    /// Of the payload in hand: whether a part of it was given out, the sizes of its records, what was left out.
    private var hasPart = false
    private var isOver = false
    private var outputBytes = 0
    private var leftOutCount = 0

    init(settings: PipelineSettings, decoder: any PayloadDecoder, normaliser: consuming Normaliser) {
        payloadBytesMax = settings.payloadBytesMax
        self.decoder = decoder
        self.normaliser = normaliser
        headers = PayloadHeaders(input: settings.input)
    }

    /// Why a payload is refused before a decoder sees it; nil where it is not.
    func refusal(of payload: UnsafeRawBufferPointer, _ arrival: Arrival) -> (reason: RejectReason, position: Int)? {
        guard payload.count > 0 else { return (.empty, 0) }
        guard payload.count <= payloadBytesMax else { return (.tooLarge, payloadBytesMax) }
        guard arrival.from.count <= InputLimits.topicBytesMax else { return (.tooComplex, 0) }
        return nil
    }

    mutating func begin(_ arrival: Arrival) {
        hasPart = false
        isOver = false
        outputBytes = 0
        leftOutCount = 0
        collector.beginPayload()
        decoder.begin()
        beginHeaders(arrival)
    }

    /// The headers that every record of this arrival has.
    mutating func beginHeaders(_ arrival: Arrival) {
        headers.begin(from: arrival.from)
        if let messageID = arrival.messageID { headers.append("mid", integer: Int64(messageID), scratch: &scratch) }
    }

    /// The next part of the payload that `begin` was called for.
    @inline(__always)
    mutating func next(_ payload: UnsafeRawBufferPointer, _ arrival: Arrival) -> PayloadPart {
        if isOver { return .finished }
        if hasPart { collector.beginEvent() }
        hasPart = true
        switch decoder.next(payload.bytes, into: &collector) {
        case .event:
            guard outputBytes < InputLimits.payloadOutputBytesMax else {
                isOver = true
                return .rejected(.tooComplex, position: collector.eventStart)
            }
            let event = normaliser.normalise(collector, payload: payload, arrival: arrival)
            leftOutCount += event.leftOutCount
            return .event(event)
        case .rejected(let reason, let position):
            return .rejected(reason, position: position)
        case .finished:
            return .finished
        }
    }

    /// Where the event in hand begins in the payload.
    var eventStart: Int { collector.eventStart }

    /// What was left out of the payload in hand so far.
    var leftOut: Int { leftOutCount + collector.leftOutCount }

    /// The record of the event in hand; its pointers are valid until the next part.
    @inline(__always)
    func record(of event: NormalisedEvent, device: Int32) -> PendingRecord {
        PendingRecord(
            timestamp: event.time,
            key: normaliser.devices.name(device),
            value: normaliser.value,
            headers: headers.bytes,
            headerCount: headers.count
        )
    }

    /// Counts a record of `byteCount` bytes for the bound of what one payload may make.
    mutating func noteOutput(_ byteCount: Int) {
        outputBytes += byteCount
    }
}
