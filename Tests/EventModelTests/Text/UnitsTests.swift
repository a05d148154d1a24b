// Units: every spelling of the table in any case, what the contract names, and what is kept as it was sent.
import EventModel
import Testing

/// A spelling of the table, and the unit it stands for.
private let spellings: [(spelling: String, unit: String)] = UnitName.spellings.flatMap { unit in
    unit.others.map { (spelling: $0, unit: unit.canonical) }
}

/// Upper case where that has a way back: `µ` has none.
private func upperCase(_ text: String) -> String {
    String(text.map { $0.isASCII ? Character($0.uppercased()) : $0 })
}

@Suite("Units")
struct UnitsTests {
    @Test(
        "the contract's spellings of degrees Celsius become °C",
        arguments: ["C", "Cel", "degC", "℃", "°C", "c", "CELSIUS", "deg C", "°c"]
    )
    func celsius(text: String) {
        #expect(UnitName.canonical(text) == "°C")
    }

    @Test(
        "what devices send becomes what is stored",
        arguments: [
            ("F", "°F"), ("[degF]", "°F"), ("kelvin", "K"), ("percent", "%"), ("RH", "%RH"), ("%RH", "%RH"),
            ("mbar", "hPa"), ("mb", "hPa"), ("HPA", "hPa"), ("volts", "V"), ("kwh", "kWh"), ("KWH", "kWh"),
            ("hz", "Hz"),
            ("lux", "lx"),
            ("ug/m3", "µg/m³"), ("km/h", "km/h"), ("KPH", "km/h"), ("knots", "kn"), ("deg", "°"), ("M3/H", "m³/h"),
            ("lpm", "l/min"), ("sec", "s"), ("dbm", "dBm"), ("DB", "dB"),
        ]
    )
    func known(text: String, unit: String) {
        #expect(UnitName.canonical(text) == unit)
    }

    @Test("every spelling of the table becomes its unit, in any case", arguments: spellings)
    func everySpelling(spelling: String, unit: String) {
        #expect(UnitName.canonical(spelling) == unit)
        // A spelling in upper case may be another unit's own: that one goes first.
        let upper = upperCase(spelling)
        let isUnit = UnitName.spellings.contains { $0.canonical == upper }
        #expect(UnitName.canonical(upper) == (isUnit ? upper : unit))
    }

    @Test("a unit that is stored stays as it is, byte for byte", arguments: UnitName.spellings.map(\.canonical))
    func canonical(unit: String) {
        #expect(Array(UnitName.canonical(unit).utf8) == Array(unit.utf8))
        #expect(unit.utf8.count <= UnitName.bytesMax)
    }

    @Test("the table can be reached: in lower case, each spelling once, none of them the unit of another")
    func table() {
        let units = UnitName.spellings.map(\.canonical)
        #expect(Set(units).count == units.count)
        #expect(Set(spellings.map(\.spelling)).count == spellings.count)
        #expect(spellings.filter { $0.spelling != $0.spelling.lowercased() }.isEmpty)
        #expect(Set(units).isDisjoint(with: spellings.map(\.spelling)))
        #expect(spellings.filter { $0.spelling.utf8.count > UnitName.bytesMax }.isEmpty)
        #expect(Set(UnitName.exactSpellings.map(\.spelling)).isDisjoint(with: spellings.map(\.spelling) + units))
        #expect(Set(UnitName.exactSpellings.map(\.canonical)).isSubset(of: units))
        #expect(units.count >= 41 && spellings.count >= 70)
    }

    @Test(
        "what is not in the table is kept as it was sent",
        arguments: [
            "", " ", "furlong", "µS/cm", "mol", "MB", "Mb", "mB", "MW", "mW", "MV", "v", "k", "S", "G", "ppb/h", " C",
            "C ", "°C/min",
            "°",
            "pH", "NTU", "Ω", "日", "a\u{301}",
        ]
    )
    func unknown(text: String) {
        #expect(Array(UnitName.canonical(text).utf8) == Array(text.utf8))
    }

    /// To a string of Swift U+212A is the letter K; the stored bytes must be the letter's all the same.
    @Test("the Kelvin sign is stored as the letter")
    func kelvinSign() {
        #expect(Array(UnitName.canonical("\u{212A}").utf8) == [0x4B])
    }
}
