// `json`: an object per event, several of them in an array or one after the other.
internal import EventModel

/// Decodes objects such as `{"device":"a","metric":"temperature","value":21.5}` or, flat,
/// `{"device":"a","temperature":21.5,"battery":{"level":98}}`, where every key that says nothing about the event is a
/// metric and nested names are joined with `.`.
///
/// An element of an array that is refused does not take its neighbours with it, as long as one can step over it.
package final class JSONPayloadDecoder: PayloadDecoder {
    private enum Place {
        /// Before a value of the outermost level.
        case outside(isFirst: Bool)
        /// In the outermost array, before an element.
        case element(isFirst: Bool)
        /// In the outermost array, after an element.
        case separator
        case finished
    }

    private let fields: WellKnownFields
    private let numericStrings: Bool
    private var position = 0
    private var place = Place.outside(isFirst: true)

    package init(_ options: DecoderOptions) {
        fields = WellKnownFields(options)
        numericStrings = options.numericStrings
    }

    package func begin() {
        position = 0
        place = .outside(isFirst: true)
    }

    package func next(_ payload: RawSpan, into collector: inout EventCollector) -> DecodeOutcome {
        collector.rewindScratch(to: 0)
        var scanner = JSONScanner(position: position)
        var place = place
        let outcome = step(payload, &scanner, &place, into: &collector)
        position = scanner.position
        self.place = place
        return outcome
    }

    private func step(
        _ payload: RawSpan,
        _ scanner: inout JSONScanner,
        _ place: inout Place,
        into collector: inout EventCollector
    ) -> DecodeOutcome {
        if case .separator = place {
            scanner.skipWhitespace(payload)
            if scanner.consume(0x2C, payload) {
                place = .element(isFirst: false)
            } else if scanner.consume(0x5D, payload) {
                place = .outside(isFirst: false)
            } else {
                return refuseRest(&scanner, &place)
            }
        }
        if case .outside(let isFirst) = place {
            scanner.skipWhitespace(payload)
            guard let byte = scanner.peek(payload) else {
                place = .finished
                guard isFirst else { return .finished }
                return .rejected(payload.byteCount == 0 ? .empty : .malformed, position: 0)
            }
            switch byte {
            case 0x7B:
                place = .outside(isFirst: false)
                return object(payload, &scanner, &place, into: &collector)
            case 0x5B:
                scanner.position &+= 1
                place = .element(isFirst: true)
            default: return refuseRest(&scanner, &place)
            }
        }
        guard case .element(let isFirst) = place else { return .finished }
        return element(payload, &scanner, &place, isFirst: isFirst, into: &collector)
    }

    private func element(
        _ payload: RawSpan,
        _ scanner: inout JSONScanner,
        _ place: inout Place,
        isFirst: Bool,
        into collector: inout EventCollector
    ) -> DecodeOutcome {
        scanner.skipWhitespace(payload)
        let start = scanner.position
        if isFirst, scanner.consume(0x5D, payload) {
            place = .outside(isFirst: false)
            return .rejected(.noReading, position: start &- 1)
        }
        place = .separator
        guard scanner.peek(payload) == 0x7B else {
            if !scanner.skipValue(payload) { place = .finished }
            return .rejected(.malformed, position: start)
        }
        return object(payload, &scanner, &place, into: &collector)
    }

    /// Decodes the object at the cursor. Where it is refused but can be stepped over, `place` stays as it is.
    private func object(
        _ payload: RawSpan,
        _ scanner: inout JSONScanner,
        _ place: inout Place,
        into collector: inout EventCollector
    ) -> DecodeOutcome {
        let start = scanner.position
        collector.noteEventStart(start)
        var reader = JSONObjectReader(position: start, numericStrings: numericStrings)
        guard let failure = reader.read(payload, fields, into: &collector) else {
            scanner.position = reader.position
            return .event
        }
        if !scanner.skipValue(payload) { place = .finished }
        return failure.outcome
    }

    private func refuseRest(_ scanner: inout JSONScanner, _ place: inout Place) -> DecodeOutcome {
        place = .finished
        return .rejected(.malformed, position: scanner.position)
    }
}
