// Malformed payloads from the seed, each of which a decoder of its format has to refuse.

/// Decides which payloads are malformed, and writes them. None is empty or holds a line end, so that each is exactly
/// one payload on every input.
struct GarbageMaker {
    private var random: SplitMix64
    /// The share in units of 2^-53.
    private let threshold: Double
    private let format: PayloadFormat

    init(seed: UInt64, percent: Double, format: PayloadFormat) {
        random = SplitMix64(seed: seed, stream: 0)
        threshold = percent / 100
        self.format = format
    }

    /// Whether the next payload is malformed; draws from the seed only where some are.
    mutating func isNext() -> Bool {
        threshold > 0 && random.nextUnit() < threshold
    }

    mutating func append(to buffer: inout PayloadBuffer) {
        if random.next() & 1 == 0 {
            appendNoise(to: &buffer)
        } else {
            appendBroken(to: &buffer)
        }
    }

    /// Bytes that are neither text nor UTF-8: a line that lost its framing, a wrong baud rate.
    private mutating func appendNoise(to buffer: inout PayloadBuffer) {
        buffer.append(0x01)
        buffer.append(0xFF)
        for _ in 0..<8 + random.next(below: 48) {
            let byte = UInt8(truncatingIfNeeded: random.next())
            buffer.append(byte == 0x0A || byte == 0x0D ? 0xFE : byte)
        }
    }

    /// What a device with a bug sends: cut off, a missing part, a checksum that does not fit.
    private mutating func appendBroken(to buffer: inout PayloadBuffer) {
        switch format {
        case .json: appendCut("{\"device\":\"sensor-0001\",\"temperature\":21.37,\"seq\":1", to: &buffer)
        case .senml: appendCut("[{\"bn\":\"sensor-0001/\",\"n\":\"temperature\",\"v\":21.37", to: &buffer)
        case .lineProtocol: buffer.append("sensors,device=sensor-0001")
        case .csv: buffer.append("sensor-0001,temperature,\"21.37,1")
        case .keyValue: buffer.append("device=sensor-0001 =21.37 \u{1}")
        case .value: appendNoise(to: &buffer)
        case .nmea: buffer.append("$SDDPT,14.20,0.5*00")
        }
    }

    /// Appends a beginning of `text`, of at least one byte; any of them is malformed as long as its brackets stay open.
    private mutating func appendCut(_ text: StaticString, to buffer: inout PayloadBuffer) {
        let mark = buffer.count
        buffer.append(text)
        buffer.truncate(to: mark + 1 + random.next(below: buffer.count - mark))
    }
}
