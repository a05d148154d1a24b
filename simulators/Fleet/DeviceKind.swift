// What kinds of devices there are, what they measure, and how their values move.

/// One measured quantity: its name, its unit, and the band that its values stay in.
struct Metric {
    var name: StaticString
    /// The unit as SenML (RFC 8428) registers it.
    var senMLUnit: StaticString
    var middle: Double
    /// Values stay within `middle` plus or minus this.
    var spread: Double
    /// The largest step from one reading to the next.
    var step: Double
}

/// A kind of device. Each measures one or two metrics; a reading carries all of them.
enum DeviceKind {
    case climate
    case barometer
    case power
    case tank
    case freezer
    case wind
    case depth
    case position

    /// The kinds of an ordinary fleet, by device index modulo their number.
    static let rotation: [DeviceKind] = [
        .climate, .climate, .barometer, .power, .climate, .tank, .climate, .freezer,
    ]

    /// The kinds of a fleet that speaks NMEA 0183: weather, depth and position sentences.
    static let nmeaRotation: [DeviceKind] = [.wind, .depth, .position, .climate]

    var first: Metric {
        switch self {
        case .climate:
            Metric(name: "temperature", senMLUnit: "Cel", middle: 21, spread: 6, step: 0.08)
        case .barometer:
            Metric(name: "pressure", senMLUnit: "hPa", middle: 1013, spread: 25, step: 0.1)
        case .power:
            Metric(name: "power", senMLUnit: "W", middle: 450, spread: 320, step: 12)
        case .tank:
            Metric(name: "level", senMLUnit: "%", middle: 55, spread: 40, step: 0.3)
        case .freezer:
            Metric(name: "temperature", senMLUnit: "Cel", middle: -19, spread: 1.5, step: 0.06)
        case .wind:
            Metric(name: "wind_angle", senMLUnit: "deg", middle: 200, spread: 150, step: 3)
        case .depth:
            Metric(name: "depth", senMLUnit: "m", middle: 14, spread: 9, step: 0.2)
        case .position:
            Metric(name: "latitude_minutes", senMLUnit: "deg", middle: 32, spread: 5, step: 0.02)
        }
    }

    var second: Metric? {
        switch self {
        case .climate:
            Metric(name: "humidity", senMLUnit: "%RH", middle: 48, spread: 20, step: 0.4)
        case .power:
            Metric(name: "voltage", senMLUnit: "V", middle: 230, spread: 6, step: 0.3)
        case .wind:
            Metric(name: "wind_speed", senMLUnit: "m/s", middle: 8, spread: 7, step: 0.4)
        case .position:
            Metric(name: "longitude_minutes", senMLUnit: "deg", middle: 56, spread: 3, step: 0.02)
        case .barometer, .tank, .freezer, .depth:
            nil
        }
    }
}
