// The fleet's payloads, one after the other.

/// What the payload that was just written holds.
struct PayloadContent {
    /// The index of the device in the fleet; of the last one where there are several readings.
    var device: Int
    /// Its `seq`; of the last reading where there are several.
    var sequence: UInt64
    /// Which of the device's metrics a format with one value per payload carries: 0 or 1.
    var metric: Int
    /// How many readings; 0 where the payload is malformed on purpose.
    var readings: Int
}

/// Every device's readings in turn, encoded into a buffer of the caller's. A malformed payload takes a place in the
/// schedule but no `seq`, so that what is verified is exactly what was meant to arrive.
struct PayloadSource: ~Copyable {
    private(set) var fleet: [Device]
    private var encoder: PayloadEncoder
    private let clock: DeviceTime?
    private var garbage: GarbageMaker
    private var turn = 0
    private var index: UInt64 = 0

    init(fleet: [Device], encoder: PayloadEncoder, clock: DeviceTime?, garbage: GarbageMaker) {
        self.fleet = fleet
        self.encoder = encoder
        self.clock = clock
        self.garbage = garbage
    }

    /// Appends the next payload, with `readings` readings, to `buffer`.
    mutating func appendNext(readings: Int, to buffer: inout PayloadBuffer) -> PayloadContent {
        if garbage.isNext() {
            index += UInt64(readings)
            garbage.append(to: &buffer)
            return PayloadContent(device: turn, sequence: 0, metric: 0, readings: 0)
        }
        var content = PayloadContent(device: 0, sequence: 0, metric: 0, readings: readings)
        encoder.begin(readings: readings, into: &buffer)
        for place in 0..<readings {
            if place > 0 { encoder.separate(into: &buffer) }
            content.device = turn
            let values = fleet[turn].next()
            content.sequence = fleet[turn].sequence
            // One metric per payload where the format holds one value: they take turns.
            content.metric = fleet[turn].kind.second == nil ? 0 : Int(truncatingIfNeeded: (content.sequence - 1) & 1)
            let time = clock?.milliseconds(at: index)
            encoder.append(fleet[turn], values, metric: content.metric, time: time, to: &buffer)
            turn = turn + 1 == fleet.count ? 0 : turn + 1
            index += 1
        }
        encoder.end(readings: readings, into: &buffer)
        return content
    }
}
