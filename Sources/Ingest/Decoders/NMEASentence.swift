// What each NMEA 0183 sentence measures: its fields to metrics with units.
internal import EventModel

/// One checked sentence on its way to an event; a value that lives for one line.
struct NMEASentence {
    let fields: NMEAFields

    /// Nil, with the event in the collector, or why the sentence is refused.
    func decode(_ line: RawSpan, into collector: inout EventCollector) -> DecodeFailure? {
        let address = fields.field(0)
        let start = Int(address.start)
        guard address.count >= 4 else { return DecodeFailure(.malformed, at: start) }
        var output = NMEAOutput()
        if address.count == 5, NMEAFields.byte(line, start) != 0x50 {
            collector.offerDevice(TextRef(payloadStart: start, count: 2), rank: WellKnownFields.lastRank)
            dispatch(NMEASentence.code(line, start &+ 2), line, &output, into: &collector)
        }
        if let failure = output.failure { return failure }
        return collector.readingCount > 0 ? nil : DecodeFailure(.noReading, at: start &- 1)
    }

    /// The three letters of a sentence as one number.
    private static func code(_ line: RawSpan, _ at: Int) -> UInt32 {
        UInt32(NMEAFields.byte(line, at)) << 16 | UInt32(NMEAFields.byte(line, at &+ 1)) << 8
            | UInt32(NMEAFields.byte(line, at &+ 2))
    }

    private func dispatch(
        _ code: UInt32,
        _ line: RawSpan,
        _ output: inout NMEAOutput,
        into collector: inout EventCollector
    ) {
        switch code {
        case 0x4D_5756: wind(line, &output, into: &collector) // MWV
        case 0x4D_5744: windDirection(line, &output, into: &collector) // MWD
        case 0x4D_4441: meteorology(line, &output, into: &collector) // MDA
        case 0x58_4452: transducers(line, &output, into: &collector) // XDR
        case 0x4D_5457: output.number("water_temperature", fields.field(1), "°C", line, into: &collector) // MTW
        case 0x4D_5441: output.number("air_temperature", fields.field(1), "°C", line, into: &collector) // MTA
        case 0x4D_4D42: pressure(line, &output, into: &collector) // MMB
        case 0x56_4857: speedThroughWater(line, &output, into: &collector) // VHW
        case 0x44_4254: depth("depth_below_transducer", line, &output, into: &collector) // DBT
        case 0x44_4253: depth("depth_below_surface", line, &output, into: &collector) // DBS
        case 0x44_424B: depth("depth_below_keel", line, &output, into: &collector) // DBK
        case 0x44_5054: // DPT
            output.number("depth_below_transducer", fields.field(1), "m", line, into: &collector)
            output.number("depth_offset", fields.field(2), "m", line, into: &collector)
        case 0x47_4741: fix(line, &output, into: &collector) // GGA
        case 0x52_4D43: minimumNavigation(line, &output, into: &collector) // RMC
        case 0x47_4C4C: geographicPosition(line, &output, into: &collector) // GLL
        case 0x56_5447: courseAndSpeed(line, &output, into: &collector) // VTG
        case 0x48_4454: output.number("heading", fields.field(1), "°", line, into: &collector) // HDT
        case 0x48_444D, 0x48_4447: // HDM, HDG
            output.number("heading_magnetic", fields.field(1), "°", line, into: &collector)
        case 0x47_5341: // GSA
            output.number("pdop", fields.field(15), "", line, into: &collector)
            output.number("hdop", fields.field(16), "", line, into: &collector)
            output.number("vdop", fields.field(17), "", line, into: &collector)
        case 0x47_5356: output.number("satellites_in_view", fields.field(3), "", line, into: &collector) // GSV
        default: break
        }
    }

    // MARK: Weather

    private func wind(_ line: RawSpan, _ output: inout NMEAOutput, into collector: inout EventCollector) {
        guard letter(5, line) == 0x41 else { return }
        let isTrue = letter(2, line) == 0x54
        output.number(isTrue ? "true_wind_angle" : "wind_angle", fields.field(1), "°", line, into: &collector)
        let name: StaticString = isTrue ? "true_wind_speed" : "wind_speed"
        switch letter(4, line) {
        case 0x4B: output.number(name, fields.field(3), "km/h", line, into: &collector)
        case 0x4D: output.number(name, fields.field(3), "m/s", line, into: &collector)
        case 0x4E: output.number(name, fields.field(3), "kn", line, into: &collector)
        case 0x53: output.number(name, fields.field(3), "mph", line, into: &collector)
        default: output.refuse(.malformed, fields.field(4))
        }
    }

    private func windDirection(_ line: RawSpan, _ output: inout NMEAOutput, into collector: inout EventCollector) {
        output.number("wind_direction", fields.field(1), "°", line, into: &collector)
        output.number("wind_direction_magnetic", fields.field(3), "°", line, into: &collector)
        speed("wind_speed", metresPerSecond: 7, knots: 5, line, &output, into: &collector)
    }

    private func meteorology(_ line: RawSpan, _ output: inout NMEAOutput, into collector: inout EventCollector) {
        pressure(line, &output, into: &collector)
        output.number("air_temperature", fields.field(5), "°C", line, into: &collector)
        output.number("water_temperature", fields.field(7), "°C", line, into: &collector)
        output.number("relative_humidity", fields.field(9), "%", line, into: &collector)
        output.number("absolute_humidity", fields.field(10), "%", line, into: &collector)
        output.number("dew_point", fields.field(11), "°C", line, into: &collector)
        output.number("wind_direction", fields.field(13), "°", line, into: &collector)
        output.number("wind_direction_magnetic", fields.field(15), "°", line, into: &collector)
        speed("wind_speed", metresPerSecond: 19, knots: 17, line, &output, into: &collector)
    }

    /// Bars where they are given, else inches of mercury.
    private func pressure(_ line: RawSpan, _ output: inout NMEAOutput, into collector: inout EventCollector) {
        if fields.field(3).isEmpty {
            output.number("pressure", fields.field(1), "inHg", line, into: &collector)
        } else {
            output.number("pressure", fields.field(3), "bar", line, into: &collector)
        }
    }

    private func speed(
        _ name: StaticString,
        metresPerSecond: Int,
        knots: Int,
        _ line: RawSpan,
        _ output: inout NMEAOutput,
        into collector: inout EventCollector
    ) {
        if fields.field(metresPerSecond).isEmpty {
            output.number(name, fields.field(knots), "kn", line, into: &collector)
        } else {
            output.number(name, fields.field(metresPerSecond), "m/s", line, into: &collector)
        }
    }

    /// Groups of type, value, unit and name; a transducer without a name has its type's.
    private func transducers(_ line: RawSpan, _ output: inout NMEAOutput, into collector: inout EventCollector) {
        var index = 1
        while index &+ 1 < fields.count {
            let type = letter(index, line)
            let unit = NMEASentence.transducerUnit(type: type, unit: letter(index &+ 2, line))
            let name = fields.field(index &+ 3)
            let value = fields.field(index &+ 1)
            if name.isEmpty {
                output.number(NMEASentence.transducerName(type), value, unit, line, into: &collector)
            } else {
                output.number(named: name, value, unit, line, into: &collector)
            }
            index &+= 4
        }
    }

    private static func transducerName(_ type: UInt8) -> StaticString {
        switch type {
        case 0x41: "angle"
        case 0x43: "temperature"
        case 0x44: "displacement"
        case 0x46: "frequency"
        case 0x48: "humidity"
        case 0x49: "current"
        case 0x4C: "salinity"
        case 0x4E: "force"
        case 0x50: "pressure"
        case 0x52: "flow"
        case 0x53: "switch"
        case 0x54: "rotation"
        case 0x55: "voltage"
        case 0x56: "volume"
        default: "value"
        }
    }

    private static func transducerUnit(type: UInt8, unit: UInt8) -> StaticString {
        switch (type, unit) {
        case (0x41, 0x44): "°"
        case (0x43, 0x43): "°C"
        case (0x44, 0x4D): "m"
        case (0x46, 0x48): "Hz"
        case (0x48, 0x50), (_, 0x25): "%"
        case (0x49, 0x41): "A"
        case (0x4E, 0x4E): "N"
        case (0x50, 0x42): "bar"
        case (0x50, 0x50): "Pa"
        case (0x52, 0x6C): "L/s"
        case (0x54, 0x52): "rpm"
        case (0x55, 0x56): "V"
        case (0x56, 0x4D): "m³"
        default: ""
        }
    }

    // MARK: Water

    private func speedThroughWater(_ line: RawSpan, _ output: inout NMEAOutput, into collector: inout EventCollector) {
        output.number("heading", fields.field(1), "°", line, into: &collector)
        output.number("heading_magnetic", fields.field(3), "°", line, into: &collector)
        knots("speed_through_water", 5, kilometresPerHour: 7, line, &output, into: &collector)
    }

    private func knots(
        _ name: StaticString,
        _ index: Int,
        kilometresPerHour: Int,
        _ line: RawSpan,
        _ output: inout NMEAOutput,
        into collector: inout EventCollector
    ) {
        if fields.field(index).isEmpty {
            output.number(name, fields.field(kilometresPerHour), "km/h", line, into: &collector)
        } else {
            output.number(name, fields.field(index), "kn", line, into: &collector)
        }
    }

    /// Feet, metres and fathoms of the same depth: metres, else feet.
    private func depth(
        _ name: StaticString,
        _ line: RawSpan,
        _ output: inout NMEAOutput,
        into collector: inout EventCollector
    ) {
        if fields.field(3).isEmpty {
            output.number(name, fields.field(1), "ft", line, into: &collector)
        } else {
            output.number(name, fields.field(3), "m", line, into: &collector)
        }
    }

    // MARK: Position

    private func fix(_ line: RawSpan, _ output: inout NMEAOutput, into collector: inout EventCollector) {
        position(at: 2, line, &output, into: &collector)
        output.number("fix_quality", fields.field(6), "", line, into: &collector)
        output.number("satellites", fields.field(7), "", line, into: &collector)
        output.number("hdop", fields.field(8), "", line, into: &collector)
        output.number("altitude", fields.field(9), "m", line, into: &collector)
    }

    private func minimumNavigation(_ line: RawSpan, _ output: inout NMEAOutput, into collector: inout EventCollector) {
        if let time = NMEATime.milliseconds(date: fields.field(9), time: fields.field(1), line) {
            collector.offerTime(.absolute(time))
        }
        guard validity(2, line, &output, into: &collector) else { return }
        position(at: 3, line, &output, into: &collector)
        output.number("speed_over_ground", fields.field(7), "kn", line, into: &collector)
        output.number("course_over_ground", fields.field(8), "°", line, into: &collector)
    }

    private func geographicPosition(_ line: RawSpan, _ output: inout NMEAOutput, into collector: inout EventCollector) {
        // Receivers before version 2 of the standard send no status.
        guard fields.count <= 6 || validity(6, line, &output, into: &collector) else { return }
        position(at: 1, line, &output, into: &collector)
    }

    private func courseAndSpeed(_ line: RawSpan, _ output: inout NMEAOutput, into collector: inout EventCollector) {
        output.number("course_over_ground", fields.field(1), "°", line, into: &collector)
        output.number("course_over_ground_magnetic", fields.field(3), "°", line, into: &collector)
        knots("speed_over_ground", 5, kilometresPerHour: 7, line, &output, into: &collector)
    }

    /// The state `fix_valid`, so that a receiver which lost its fix still says something.
    private func validity(
        _ index: Int,
        _ line: RawSpan,
        _ output: inout NMEAOutput,
        into collector: inout EventCollector
    ) -> Bool {
        let isValid = letter(index, line) == 0x41
        output.boolean("fix_valid", isValid, into: &collector)
        return isValid
    }

    /// Latitude, N or S, longitude, E or W from the field `index` on.
    private func position(
        at index: Int,
        _ line: RawSpan,
        _ output: inout NMEAOutput,
        into collector: inout EventCollector
    ) {
        output.angle(
            "latitude",
            fields.field(index),
            isNegative: letter(index &+ 1, line) == 0x53,
            degreesMax: 90,
            line,
            into: &collector
        )
        output.angle(
            "longitude",
            fields.field(index &+ 2),
            isNegative: letter(index &+ 3, line) == 0x57,
            degreesMax: 180,
            line,
            into: &collector
        )
    }

    /// The only letter of a field, or 0.
    private func letter(_ index: Int, _ line: RawSpan) -> UInt8 {
        let field = fields.field(index)
        return field.count == 1 ? NMEAFields.byte(line, Int(field.start)) : 0
    }
}
