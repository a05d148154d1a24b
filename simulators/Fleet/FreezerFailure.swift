// The freezer whose compressor fails: when it warms up, and how it recovers.

/// The course of the failure in readings of the failing device. It warms from -18 to about -8 °C while the failure
/// lasts, passing -15 °C after a tenth of it, and is back below -18 °C within half as many readings again.
struct FreezerFailure {
    static let deviceName = "freezer-7"
    private static let start = -18.0
    private static let rise = 10.0

    /// The first `seq` of the failure.
    let firstSequence: UInt64
    /// How many readings it lasts; at least 1.
    let readings: UInt64

    /// The temperature in °C at `sequence`, or nil where the compressor works.
    func temperature(at sequence: UInt64) -> Double? {
        guard sequence >= firstSequence else { return nil }
        let elapsed = sequence - firstSequence
        if elapsed < readings {
            return Self.start + Self.rise * Self.saturation(Double(elapsed) / Double(readings))
        }
        let recovering = elapsed - readings
        let recovery = max(1, readings / 2)
        guard recovering < recovery else { return nil }
        let left = 1 - Double(recovering) / Double(recovery)
        return Self.start - 1 + (Self.rise * Self.saturation(1) + 1) * left * left
    }

    /// Rises from 0 toward 1 as x goes from 0 to 1: 1 - (1 - x)^4, in arithmetic that every machine does alike.
    private static func saturation(_ x: Double) -> Double {
        let rest = 1 - x
        return 1 - rest * rest * rest * rest
    }
}
