// From one unit to another of the same kind: what lets a limit in °C judge a sensor that speaks °F.

/// `value * scale + offset` turns a number of one unit into one of the other.
package struct UnitConversion: Hashable, Sendable, BitwiseCopyable {
    private let scale: Double
    private let offset: Double

    /// nil where the two, in their canonical spelling, measure different things or one of them is not known.
    package init?(from: String, to: String) {
        guard let source = UnitConversion.units[from], let target = UnitConversion.units[to],
            source.kind == target.kind
        else { return nil }
        scale = source.scale / target.scale
        offset = (source.offset - target.offset) / target.scale
    }

    /// Rounded to nine digits behind the point, or what is 5 °F would be -15.000000000000002 °C.
    package func apply(_ value: Double) -> Double {
        let converted = value * scale + offset
        let rounded = (converted * 1e9).rounded() / 1e9
        return rounded.isFinite ? rounded : converted
    }

    private struct Unit {
        var kind: String
        /// `number * scale + offset` is the number in the kind's first unit.
        var scale: Double
        var offset: Double
    }

    private static let kinds: [(kind: String, units: [(name: String, scale: Double, offset: Double)])] = [
        ("temperature", [("°C", 1, 0), ("K", 1, -273.15), ("°F", 5.0 / 9.0, -160.0 / 9.0)]),
        (
            "pressure",
            [("Pa", 1, 0), ("hPa", 100, 0), ("kPa", 1000, 0), ("bar", 100_000, 0), ("psi", 6894.757293168, 0)]
        ),
        ("voltage", [("V", 1, 0), ("mV", 0.001, 0)]),
        ("current", [("A", 1, 0), ("mA", 0.001, 0)]),
        ("power", [("W", 1, 0), ("kW", 1000, 0)]),
        ("energy", [("Wh", 1, 0), ("kWh", 1000, 0)]),
        ("share", [("ppm", 1, 0), ("ppb", 0.001, 0)]),
        ("length", [("m", 1, 0), ("mm", 0.001, 0), ("km", 1000, 0)]),
        ("speed", [("m/s", 1, 0), ("km/h", 1 / 3.6, 0), ("kn", 1852.0 / 3600.0, 0)]),
        ("volume", [("m³", 1, 0), ("l", 0.001, 0)]),
        ("flow", [("m³/h", 1, 0), ("l/min", 0.06, 0)]),
        ("mass", [("g", 1, 0), ("kg", 1000, 0)]),
        ("time", [("s", 1, 0), ("min", 60, 0), ("h", 3600, 0)]),
    ]

    private static let units: [String: Unit] = Dictionary(
        kinds.flatMap { kind, units in
            units.map { ($0.name, Unit(kind: kind, scale: $0.scale, offset: $0.offset)) }
        },
        uniquingKeysWith: { first, _ in first }
    )
}
