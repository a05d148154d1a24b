// The corpus: samples of every format, good and bad, and many thousand mutations of them.
import EventModel
import Glibc
import Ingest
import Platform
import Testing

/// A file of the corpus: `good.<what>.txt`, or `bad.<reason>.<what>.txt`.
private struct Sample {
    var name: String
    var bytes: [UInt8]

    var isGood: Bool { name.hasPrefix("good.") }
    var reason: String { String(name.split(separator: ".")[1]) }
}

private func samples(of format: String) throws -> [Sample] {
    let tests = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
    let folder = "/\(tests)/Corpus/\(format)"
    let directory = try #require(opendir(folder), "the decoder \(format) has a folder in the corpus")
    defer { closedir(directory) }
    var found: [Sample] = []
    while let entry = readdir(directory) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
            pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name.hasSuffix(".txt") { found.append(Sample(name: name, bytes: try contents("\(folder)/\(name)"))) }
    }
    return found.sorted { $0.name < $1.name }
}

private func contents(_ path: String) throws -> [UInt8] {
    let file = try #require(fopen(path, "rb"))
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 65_536)
    bytes.removeLast(bytes.count - fread(&bytes, 1, bytes.count, file))
    return bytes
}

private let formats = DecoderRegistry.all.map(\.name)

@Suite("Decoder corpus")
struct CorpusTests {
    @Test("every decoder has good and bad samples, and does with them what their names say", arguments: formats)
    func samplesAreDecoded(format: String) throws {
        let samples = try samples(of: format)
        #expect(samples.contains { $0.isGood })
        #expect(samples.contains { !$0.isGood })
        for sample in samples {
            let decoded = try decode(format, sample.bytes)
            #expect(decoded.violations.isEmpty, "\(sample.name)")
            if sample.isGood {
                #expect(decoded.rejects.isEmpty && !decoded.events.isEmpty, "\(sample.name)")
            } else {
                #expect(decoded.reasons.map { $0.name.description }.contains(sample.reason), "\(sample.name)")
            }
        }
    }

    @Test("every truncation of every sample keeps the promises", arguments: formats)
    func truncations(format: String) throws {
        let decoder = try #require(DecoderRegistry.definition(named: format)).make(DecoderOptions())
        var collector = EventCollector()
        for sample in try samples(of: format) {
            for count in 0..<sample.bytes.count {
                let found = brokenPromises(decoder, Array(sample.bytes[..<count]), &collector)
                #expect(found.isEmpty, "\(sample.name) cut to \(count)")
            }
        }
    }

    @Test("20,000 random mutations of the samples keep the promises", arguments: formats)
    func mutations(format: String) throws {
        let seed = try seed()
        print("decoder mutations of \(format): seed \(seed)")
        var random = Mutator(seed: seed)
        let decoder = try #require(DecoderRegistry.definition(named: format)).make(DecoderOptions())
        var collector = EventCollector()
        let corpus = try samples(of: format).map(\.bytes)
        for round in 0..<20_000 {
            let payload = random.mutation(of: corpus)
            let found = brokenPromises(decoder, payload, &collector)
            #expect(found.isEmpty, "seed \(seed), round \(round): \(String(decoding: payload, as: UTF8.self))")
            if !found.isEmpty { break }
        }
    }

    @Test("the promises are checked: a decoder that breaks them is noticed")
    func plantedBugs() throws {
        var collector = EventCollector()
        let payload = Array("12 and more".utf8)
        #expect(brokenPromises(EndlessDecoder(), payload, &collector) == ["no end"])
        #expect(brokenPromises(WrongNumberDecoder(), payload, &collector).count == 1)
        #expect(brokenPromises(OutsideDecoder(), payload, &collector).count == 2)
        #expect(decode(StaleByteDecoder(), payload, &collector).violations.count == 1)
    }

    /// `DECODER_SEED`, or a new seed.
    private func seed() throws -> UInt64 {
        if let text = getenv("DECODER_SEED") { return try #require(UInt64(String(cString: text))) }
        return UInt64.random(in: 0...UInt64.max)
    }
}

/// Decodes and gives the promises that were broken; text is compared as bytes, so that this is quick.
private func brokenPromises(
    _ decoder: any PayloadDecoder,
    _ payload: [UInt8],
    _ collector: inout EventCollector
) -> [String] {
    var found: [String] = []
    let slot = payload + Array("7777777\"}],x=1".utf8)
    slot.withUnsafeBytes { slot in
        let bytes = UnsafeRawBufferPointer(rebasing: slot[..<payload.count])
        decoder.begin()
        collector.beginPayload()
        for _ in 0..<stepsMax(payload.count) {
            switch decoder.next(bytes.bytes, into: &collector) {
            case .event: found += violations(collector, bytes)
            case .rejected(_, let position):
                if position < 0 || position > payload.count { found.append("position \(position)") }
            case .finished: return
            }
            collector.beginEvent()
        }
        found.append("no end")
    }
    return found
}

/// Makes hostile payloads of good ones.
private struct Mutator {
    private var random: SplitMix

    init(seed: UInt64) {
        random = SplitMix(state: seed)
    }

    mutating func mutation(of corpus: [[UInt8]]) -> [UInt8] {
        var bytes = corpus.randomElement(using: &random) ?? []
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            switch Int.random(in: 0..<7, using: &random) {
            case 0: bytes.removeLast(Int.random(in: 0...bytes.count, using: &random))
            case 1 where !bytes.isEmpty:
                bytes[Int.random(in: bytes.indices, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 2:
                bytes.insert(
                    UInt8.random(in: 0...255, using: &random),
                    at: Int.random(in: 0...bytes.count, using: &random)
                )
            case 3 where !bytes.isEmpty: bytes.remove(at: Int.random(in: bytes.indices, using: &random))
            case 4:
                let other = corpus.randomElement(using: &random) ?? []
                let start = Int.random(in: 0...other.count, using: &random)
                let end = Int.random(in: start...other.count, using: &random)
                bytes.insert(contentsOf: other[start..<end], at: Int.random(in: 0...bytes.count, using: &random))
            case 5:
                let piece = Mutator.pieces.randomElement(using: &random) ?? ""
                bytes.insert(contentsOf: Array(piece.utf8), at: Int.random(in: 0...bytes.count, using: &random))
            default:
                let start = Int.random(in: 0...bytes.count, using: &random)
                let end = Int.random(in: start...bytes.count, using: &random)
                bytes += bytes[start..<end]
            }
        }
        return bytes
    }

    /// What parsers stumble over.
    private static let pieces = [
        "1e999", "-", "99999999999999999999999999", "\\u", "\\ud83d", "\\", "\"", "\"\"", "{", "}", "[", "]", ",", ":",
        "=", "\n",
        "\r", "\u{0}", "NaN", "-Infinity", "null", "1e-400", "0000000000000000000000001", ".", "+", "\u{7F}", "\u{85}",
        "é",
        "4.9406564584124654e-324", "179769313486231570000000000000000000000e271", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
        "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":", "2026-02-30T25:61:61Z", "*00", "$GPGGA,", "i", "u", "t=1", " ",
    ]
}

private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

/// Planted: never finishes.
private final class EndlessDecoder: PayloadDecoder {
    func begin() {}
    func next(_ payload: RawSpan, into collector: inout EventCollector) -> DecodeOutcome {
        .rejected(.malformed, position: 0)
    }
}

/// Planted: one reading, then the end.
private class OneReadingDecoder: PayloadDecoder {
    private var isDone = false

    func begin() { isDone = false }

    func next(_ payload: RawSpan, into collector: inout EventCollector) -> DecodeOutcome {
        defer { isDone = true }
        guard !isDone else { return .finished }
        let reading = reading(payload)
        return collector.addReading(reading) ? .event : .finished
    }

    func reading(_ payload: RawSpan) -> CollectedReading {
        let two = TextRef(payloadStart: 0, count: 2)
        return CollectedReading(metric: two, unit: .none, text: two, number: 12, kind: .number)
    }
}

/// Planted: the text is another number than the value.
private final class WrongNumberDecoder: OneReadingDecoder {
    override func reading(_ payload: RawSpan) -> CollectedReading {
        var reading = super.reading(payload)
        reading.number = 13
        return reading
    }
}

/// Planted: text that reaches beyond the payload.
private final class OutsideDecoder: OneReadingDecoder {
    override func reading(_ payload: RawSpan) -> CollectedReading {
        var reading = super.reading(payload)
        reading.text = TextRef(payloadStart: payload.byteCount, count: 2)
        return reading
    }
}

/// Planted: looks at the byte behind the payload.
private final class StaleByteDecoder: OneReadingDecoder {
    override func reading(_ payload: RawSpan) -> CollectedReading {
        var reading = super.reading(payload)
        let behind = payload.withUnsafeBytes { $0.baseAddress?.load(fromByteOffset: $0.count, as: UInt8.self) }
        if behind == 0 { reading.metric = TextRef(payloadStart: 0, count: 1) }
        return reading
    }
}
