// One simulated device: its name, and the slow movement of what it measures.

/// The values of one reading in hundredths, so that their text is the same on every machine.
struct Values {
    var first: Int64
    var second: Int64
}

/// A device and its state. Its values depend on the seed, its index and its `seq` alone, never on a clock.
struct Device {
    let name: [UInt8]
    let kind: DeviceKind
    /// The letter of the production line that it stands in, `a` to `d`.
    let line: UInt8
    /// The number of the latest reading; the first one has 1.
    private(set) var sequence: UInt64 = 0
    private let firstMetric: Metric
    private let secondMetric: Metric?
    private var random: SplitMix64
    private var first: Double
    private var second: Double
    private var compressorRuns: Bool
    private let failure: FreezerFailure?

    init(index: Int, seed: UInt64, name: String, kind: DeviceKind, failure: FreezerFailure?) {
        self.name = Array(name.utf8)
        self.kind = kind
        self.failure = failure
        line = UInt8(ascii: "a") + UInt8(index % 4)
        firstMetric = kind.first
        secondMetric = kind.second
        var random = SplitMix64(seed: seed, stream: UInt64(index) + 1)
        first = kind.first.middle + (random.nextUnit() - 0.5) * kind.first.spread
        second = kind.second.map { $0.middle + (random.nextUnit() - 0.5) * $0.spread } ?? 0
        compressorRuns = random.next() & 1 == 0
        self.random = random
    }

    /// Takes the next reading.
    mutating func next() -> Values {
        sequence += 1
        if kind == .freezer {
            moveFreezer()
        } else {
            first = Self.moved(first, firstMetric, noise: random.nextUnit())
        }
        if let secondMetric {
            second = Self.moved(second, secondMetric, noise: random.nextUnit())
        }
        return Values(first: Self.hundredths(first), second: Self.hundredths(second))
    }

    /// A random walk that is drawn back to the middle and never leaves the band.
    private static func moved(_ value: Double, _ metric: Metric, noise: Double) -> Double {
        let next = value + (metric.middle - value) * 0.004 + (noise - 0.5) * 2 * metric.step
        return min(max(next, metric.middle - metric.spread), metric.middle + metric.spread)
    }

    /// A compressor that runs from the upper to the lower limit, and rests until it is warm again.
    private mutating func moveFreezer() {
        let noise = (random.nextUnit() - 0.5) * 0.04
        if let failed = failure?.temperature(at: sequence) {
            first = failed + noise
            compressorRuns = true
            return
        }
        let lower = firstMetric.middle - firstMetric.spread
        let upper = firstMetric.middle + firstMetric.spread
        if first <= lower { compressorRuns = false }
        if first >= upper { compressorRuns = true }
        first += (compressorRuns ? -firstMetric.step : firstMetric.step * 0.6) + noise
    }

    private static func hundredths(_ value: Double) -> Int64 {
        Int64((value * 100).rounded())
    }
}
