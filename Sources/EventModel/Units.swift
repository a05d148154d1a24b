// Units of measurement: the many spellings that devices send, and the one that is stored.

/// The canonical spelling of a unit (docs/configuration.md has the table). What is not in the table is stored as sent.
package enum UnitName {
    /// Longest unit kept, in bytes; a longer one is left out.
    package static let bytesMax = 32

    package static func canonical(_ text: String) -> String {
        exactNames[text] ?? table[text.lowercased()] ?? text
    }

    /// Spellings that are matched as they stand: in capitals they are another unit (`MB` is a megabyte).
    package static let exactSpellings: [(canonical: String, spelling: String)] = [("hPa", "mb")]

    /// Spellings by canonical unit. Other spellings are matched without regard to case.
    package static let spellings: [(canonical: String, others: [String])] = [
        ("°C", ["c", "cel", "degc", "℃", "celsius", "deg c", "°c"]),
        ("°F", ["f", "degf", "℉", "fahrenheit", "[degf]", "deg f", "°f"]),
        ("K", ["kelvin"]),
        ("%", ["percent", "pct"]),
        ("%RH", ["%rh", "rh", "%r.h."]),
        ("Pa", ["pa", "pascal"]),
        ("hPa", ["hpa", "mbar"]),
        ("kPa", ["kpa"]),
        ("bar", ["bars"]),
        ("psi", ["lbf/in2"]),
        ("V", ["volt", "volts"]),
        ("mV", ["millivolt"]),
        ("A", ["ampere", "amp", "amps"]),
        ("mA", ["milliampere"]),
        ("W", ["watt", "watts"]),
        ("kW", ["kilowatt"]),
        ("Wh", ["wh"]),
        ("kWh", ["kwh"]),
        ("Hz", ["hz", "hertz"]),
        ("lx", ["lux"]),
        ("ppm", []),
        ("ppb", []),
        ("µg/m³", ["ug/m3", "µg/m3", "ug/m³"]),
        ("m", ["meter", "metre", "meters", "metres"]),
        ("mm", ["millimeter", "millimetre"]),
        ("km", ["kilometer", "kilometre"]),
        ("m/s", ["mps", "m/sec"]),
        ("km/h", ["kmh", "kph"]),
        ("kn", ["kt", "kts", "knot", "knots"]),
        ("°", ["deg", "degree", "degrees"]),
        ("m³", ["m3"]),
        ("m³/h", ["m3/h"]),
        ("l", ["liter", "litre", "liters", "litres"]),
        ("l/min", ["lpm"]),
        ("g", ["gram", "grams"]),
        ("kg", ["kilogram"]),
        ("s", ["sec", "second", "seconds"]),
        ("min", ["minute", "minutes"]),
        ("h", ["hour", "hours"]),
        ("dBm", ["dbm"]),
        ("dB", ["db"]),
    ]

    /// The canonical ones by themselves: the stored bytes are the table's, whatever Unicode takes for the same text.
    private static let exactNames = Dictionary(
        spellings.map { ($0.canonical, $0.canonical) } + exactSpellings.map { ($0.spelling, $0.canonical) },
        uniquingKeysWith: { first, _ in first }
    )

    private static let table = Dictionary(
        spellings.flatMap { unit in unit.others.map { ($0, unit.canonical) } },
        uniquingKeysWith: { first, _ in first }
    )
}
