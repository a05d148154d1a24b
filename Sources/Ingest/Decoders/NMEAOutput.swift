// Writes the readings of an NMEA sentence: names and units of the program, numbers in the JSON grammar.
internal import EventModel

/// Collects readings until one is refused.
struct NMEAOutput {
    private(set) var failure: DecodeFailure?

    mutating func refuse(_ reason: RejectReason, _ field: TextRef) {
        if failure == nil { failure = DecodeFailure(reason, at: Int(field.start)) }
    }

    /// A number under a name of the program; an empty field is absent.
    mutating func number(
        _ name: StaticString,
        _ field: TextRef,
        _ unit: StaticString,
        _ line: RawSpan,
        into collector: inout EventCollector
    ) {
        guard failure == nil, !field.isEmpty else { return }
        let name = text(name, field, into: &collector)
        number(named: name, field, unit, line, into: &collector)
    }

    /// A number under a name that the sentence gives.
    mutating func number(
        named name: TextRef,
        _ field: TextRef,
        _ unit: StaticString,
        _ line: RawSpan,
        into collector: inout EventCollector
    ) {
        guard failure == nil, !field.isEmpty else { return }
        guard case .number(let value, let written) = PlainText.bareValue(field, payload: line, into: &collector) else {
            return refuse(.malformed, field)
        }
        let unit = text(unit, field, into: &collector)
        add(
            CollectedReading(metric: name, unit: unit, text: written, number: value, kind: .number),
            field,
            into: &collector
        )
    }

    mutating func boolean(_ name: StaticString, _ value: Bool, into collector: inout EventCollector) {
        let name = text(name, .none, into: &collector)
        let written = text(value ? "true" : "false", .none, into: &collector)
        add(
            CollectedReading(metric: name, unit: .none, text: written, number: 0, kind: .boolean),
            .none,
            into: &collector
        )
    }

    /// An angle as degrees and minutes, `4916.45` for 49° 16.45', in signed decimal degrees with seven decimals (a
    /// centimetre on the ground).
    mutating func angle(
        _ name: StaticString,
        _ field: TextRef,
        isNegative: Bool,
        degreesMax: Int64,
        _ line: RawSpan,
        into collector: inout EventCollector
    ) {
        guard failure == nil, !field.isEmpty else { return }
        guard let magnitude = NMEAOutput.tenMillionths(field, line), magnitude <= degreesMax * 10_000_000 else {
            return refuse(.malformed, field)
        }
        let mark = collector.scratchMark
        guard NMEAOutput.write(magnitude, isNegative: isNegative, into: &collector) else {
            return refuse(.tooComplex, field)
        }
        let written = collector.scratchText(since: mark)
        // Both are exact doubles, so that this is the double that the text reads as.
        let value = Double(isNegative ? 0 - magnitude : magnitude) / 10_000_000
        let name = text(name, field, into: &collector)
        let unit = text("°", field, into: &collector)
        add(
            CollectedReading(metric: name, unit: unit, text: written, number: value, kind: .number),
            field,
            into: &collector
        )
    }

    private mutating func add(_ reading: CollectedReading, _ field: TextRef, into collector: inout EventCollector) {
        guard failure == nil else { return }
        if !collector.addReading(reading) { refuse(.tooManyReadings, field) }
    }

    private mutating func text(_ words: StaticString, _ field: TextRef, into collector: inout EventCollector) -> TextRef
    {
        let mark = collector.scratchMark
        if !collector.appendToScratch(words) { refuse(.tooComplex, field) }
        return collector.scratchText(since: mark)
    }

    /// Degrees in units of 1e-7 of `dddmm.mmmm`, rounded to nearest; nil where it is none.
    private static func tenMillionths(_ field: TextRef, _ line: RawSpan) -> Int64? {
        var whole: Int64 = 0
        var fraction: Int64 = 0
        var weight: Int64 = 10_000_000
        var hasPoint = false
        var digits = 0
        for at in Int(field.start)..<Int(field.start) &+ field.count {
            let byte = NMEAFields.byte(line, at)
            if byte == 0x2E, !hasPoint {
                hasPoint = true
                continue
            }
            let digit = Int64(byte) - 0x30
            guard digit >= 0, digit <= 9 else { return nil }
            digits += 1
            if !hasPoint {
                guard digits <= 5 else { return nil }
                whole = whole * 10 + digit
            } else if weight > 1 {
                weight /= 10
                fraction += digit * weight
            }
        }
        guard digits > 0, whole % 100 < 60 else { return nil }
        let minutes = whole % 100 * 10_000_000 + fraction
        return whole / 100 * 10_000_000 + (minutes + 30) / 60
    }

    /// Writes 1e-7 units as a decimal number without trailing zeros.
    private static func write(_ magnitude: Int64, isNegative: Bool, into collector: inout EventCollector) -> Bool {
        if isNegative, magnitude != 0 { guard collector.appendToScratch("-") else { return false } }
        let degrees = magnitude / 10_000_000
        var place: Int64 = degrees >= 100 ? 100 : degrees >= 10 ? 10 : 1
        while place > 0 {
            guard collector.appendToScratch(UInt8(truncatingIfNeeded: 0x30 + degrees / place % 10)) else {
                return false
            }
            place /= 10
        }
        var rest = magnitude % 10_000_000
        guard rest > 0 else { return true }
        guard collector.appendToScratch(0x2E) else { return false }
        while rest > 0 {
            rest *= 10
            guard collector.appendToScratch(UInt8(truncatingIfNeeded: 0x30 + rest / 10_000_000)) else { return false }
            rest %= 10_000_000
        }
        return true
    }
}

/// Date and time of the sentences that carry both.
enum NMEATime {
    /// Milliseconds since 1970 of `ddmmyy` and `hhmmss.ss`; years below 80 are of this century.
    static func milliseconds(date: TextRef, time: TextRef, _ line: RawSpan) -> Int64? {
        guard date.count == 6, time.count >= 6, let day = pair(line, date, 0), let month = pair(line, date, 2),
            let year = pair(line, date, 4), let hour = pair(line, time, 0), let minute = pair(line, time, 2),
            let second = pair(line, time, 4)
        else { return nil }
        var millisecond = 0
        var weight = 100
        if time.count > 6, NMEAFields.byte(line, Int(time.start) &+ 6) == 0x2E {
            for offset in 7..<max(7, min(time.count, 10)) {
                let digit = NMEAFields.byte(line, Int(time.start) &+ offset) &- 0x30
                guard digit <= 9 else { return nil }
                millisecond += weight * Int(digit)
                weight /= 10
            }
        }
        return TimestampText.milliseconds(
            year: year < 80 ? 2000 + year : 1900 + year,
            month: month,
            day: day,
            hour: hour,
            minute: minute,
            second: second,
            millisecond: millisecond
        )
    }

    private static func pair(_ line: RawSpan, _ field: TextRef, _ offset: Int) -> Int? {
        let tens = NMEAFields.byte(line, Int(field.start) &+ offset) &- 0x30
        let ones = NMEAFields.byte(line, Int(field.start) &+ offset &+ 1) &- 0x30
        guard tens <= 9, ones <= 9 else { return nil }
        return Int(tens) * 10 + Int(ones)
    }
}
