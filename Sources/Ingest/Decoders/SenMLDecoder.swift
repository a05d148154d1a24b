// `senml`: Sensor Measurement Lists in their JSON form (RFC 8428).
internal import EventModel

/// Decodes a pack, an array of records. The resolved name's last part, behind a `/` or `:`, is the metric, what stands
/// before it the device; consecutive records of one device and time are one event.
///
/// Times below 2^28 are relative to "now" (section 4.5.3), which is the time of receipt. A sequence, which RFC 8428 does
/// not have, may stand in any record of an event. Sums (`s`), data values (`vd`) and update times are left out. A record that is
/// refused does not take its neighbours with it, as long as one can step over it.
package final class SenMLDecoder: PayloadDecoder {
    private let numericStrings: Bool
    private var pack = SenMLPack()

    package init(_ options: DecoderOptions) {
        numericStrings = options.numericStrings
    }

    package func begin() {
        pack = SenMLPack()
    }

    package func next(_ payload: RawSpan, into collector: inout EventCollector) -> DecodeOutcome {
        var pack = pack
        defer { self.pack = pack }
        return pack.next(payload, numericStrings: numericStrings, into: &collector)
    }
}

/// The place in one pack, and the base fields in force there.
private struct SenMLPack: BitwiseCopyable {
    private enum Place: BitwiseCopyable {
        case start
        case firstRecord
        case record
        case separator
        case end
        case finished
    }

    private var scanner = JSONScanner()
    private var place = Place.start
    private var base = SenMLBase()
    /// Scratch below this mark holds base fields and is kept between events.
    private var keptScratch = 0
    private var hasContent = false

    mutating func next(
        _ payload: RawSpan,
        numericStrings: Bool,
        into collector: inout EventCollector
    ) -> DecodeOutcome {
        collector.rewindScratch(to: keptScratch)
        var eventTime = 0.0
        while true {
            let outcome: DecodeOutcome?
            switch place {
            case .start: outcome = open(payload)
            case .firstRecord, .record:
                outcome = record(payload, &eventTime, numericStrings: numericStrings, into: &collector)
            case .separator: outcome = separator(payload, collector)
            case .end: outcome = close(payload, collector)
            case .finished: outcome = .finished
            }
            if let outcome { return outcome }
        }
    }

    private mutating func open(_ payload: RawSpan) -> DecodeOutcome? {
        scanner.skipWhitespace(payload)
        if scanner.consume(0x5B, payload) {
            place = .firstRecord
            return nil
        }
        place = .finished
        return .rejected(payload.byteCount == 0 ? .empty : .malformed, position: scanner.position)
    }

    private mutating func separator(_ payload: RawSpan, _ collector: borrowing EventCollector) -> DecodeOutcome? {
        scanner.skipWhitespace(payload)
        if scanner.consume(0x2C, payload) {
            place = .record
        } else if scanner.consume(0x5D, payload) {
            place = .end
        } else {
            if collector.readingCount > 0 { return .event }
            place = .finished
            return .rejected(.malformed, position: scanner.position)
        }
        return nil
    }

    private mutating func close(_ payload: RawSpan, _ collector: borrowing EventCollector) -> DecodeOutcome {
        if collector.readingCount > 0 { return .event }
        place = .finished
        scanner.skipWhitespace(payload)
        if scanner.position < payload.byteCount { return .rejected(.malformed, position: scanner.position) }
        return hasContent ? .finished : .rejected(.noReading, position: 0)
    }

    /// Reads one record. Where it belongs to another event than the one in hand, or is refused, that event is given
    /// out first, and the record is read again by the next call.
    private mutating func record(
        _ payload: RawSpan,
        _ eventTime: inout Double,
        numericStrings: Bool,
        into collector: inout EventCollector
    ) -> DecodeOutcome? {
        scanner.skipWhitespace(payload)
        if place == .firstRecord, scanner.consume(0x5D, payload) {
            place = .end
            return nil
        }
        let start = scanner.position
        let mark = collector.scratchMark
        let hasEvent = collector.readingCount > 0
        var record = SenMLRecord(base: base)
        let failure = record.read(payload, &scanner, numericStrings: numericStrings, into: &collector)
        let isOther = hasEvent && record.hasReading && !belongs(record, eventTime, payload, collector)
        if hasEvent, failure != nil || isOther {
            scanner.position = start
            collector.rewindScratch(to: mark)
            place = .record
            return .event
        }
        hasContent = hasContent || failure != nil || record.hasReading
        if let failure {
            scanner.position = start
            collector.rewindScratch(to: mark)
            place = scanner.skipValue(payload) ? .separator : .finished
            return failure.outcome
        }
        if record.base.isInScratch, record.base != base { keptScratch = collector.scratchMark }
        base = record.base
        place = .separator
        if let sequence = record.sequence, record.hasReading || !hasEvent { collector.setSequence(sequence) }
        guard record.hasReading else { return nil }
        if !hasEvent {
            eventTime = record.time
            collector.noteEventStart(start)
            record.describeEvent(&collector)
        }
        return collector.addReading(record.reading) ? nil : .rejected(.tooManyReadings, position: start)
    }

    /// Whether the record continues the event in hand.
    private func belongs(
        _ record: SenMLRecord,
        _ eventTime: Double,
        _ payload: RawSpan,
        _ collector: borrowing EventCollector
    ) -> Bool {
        collector.readingCount < EventCollector.readingsMax && record.time == eventTime
            && (record.sequence == nil || record.sequence == collector.sequence || collector.sequence == nil)
            && collector.isEqual(record.device, collector.device, payload: payload)
    }
}
