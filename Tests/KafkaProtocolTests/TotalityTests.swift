// Whatever the bytes: a request or an error, never a trap. Repeat the random part with FOREBAY_SEED.
import Foundation
import KafkaProtocol
import NIOCore
import Testing

/// Header and body, as a listener reads them; nil for a header whose body is not to be read.
private func decode(_ frame: [UInt8]) throws(WireError) -> (any KafkaRequest)? {
    var reader = WireReader(ByteBuffer(bytes: frame))
    let header = try RequestHeader(from: &reader)
    guard case .decodable(let key) = header.support else { return nil }
    return try APITable.entry(for: key).request.init(from: &reader, version: header.version)
}

/// SplitMix64.
private struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }
}

/// `FOREBAY_SEED`, or a new seed.
private func seed() throws -> UInt64 {
    guard let text = ProcessInfo.processInfo.environment["FOREBAY_SEED"] else { return .random(in: 0 ... .max) }
    return try #require(UInt64(text), "FOREBAY_SEED is a whole number")
}

@Suite("Totality")
struct TotalityTests {
    @Test("every truncation of every golden request is an error", arguments: try GoldenFrame.all())
    func truncations(frame: GoldenFrame) throws {
        guard let request = frame.request else { return }
        #expect(try decode(request) != nil)
        for count in 0..<request.count {
            #expect(throws: WireError.self, "\(count) of \(request.count) bytes") {
                try decode(Array(request[..<count]))
            }
        }
    }

    @Test("every byte of every golden request can be anything", arguments: try GoldenFrame.all())
    func replacedBytes(frame: GoldenFrame) throws {
        guard let request = frame.request else { return }
        for index in request.indices {
            for value: UInt8 in [0x00, 0x7f, 0x80, 0xff] {
                var changed = request
                changed[index] = value
                _ = try? decode(changed)
            }
        }
    }

    @Test("100,000 frames with random changes are decoded or refused")
    func mutations() throws {
        let seed = try seed()
        print("Kafka totality: FOREBAY_SEED=\(seed)")
        var generator = Generator(state: seed)
        let frames = try GoldenFrame.all().compactMap(\.request)
        var decodedCount = 0
        var refusedCount = 0
        for _ in 0..<100_000 {
            var frame = frames[Int.random(in: 0..<frames.count, using: &generator)]
            for _ in 0..<Int.random(in: 1...4, using: &generator) { mutate(&frame, with: frames, using: &generator) }
            do throws(WireError) {
                if try decode(frame) != nil { decodedCount += 1 }
            } catch {
                #expect(error.position >= 0 && error.position <= frame.count, "FOREBAY_SEED=\(seed)")
                refusedCount += 1
            }
        }
        // Changes that never got past the header, or never hurt, would prove nothing.
        #expect(decodedCount > 1_000 && refusedCount > 1_000, "FOREBAY_SEED=\(seed)")
    }

    /// One change behind the first eight bytes; these only now and then, so that most frames get to a body.
    private func mutate(_ frame: inout [UInt8], with frames: [[UInt8]], using generator: inout Generator) {
        let start = Int.random(in: 0..<16, using: &generator) == 0 ? 0 : 8
        guard frame.count > start else { return }
        let index = Int.random(in: start..<frame.count, using: &generator)
        switch Int.random(in: 0..<7, using: &generator) {
        case 0: frame[index] = UInt8.random(in: 0 ... .max, using: &generator)
        case 1: frame[index] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        case 2: frame[index] = [0x00, 0x01, 0x7f, 0x80, 0xff].randomElement(using: &generator) ?? 0
        case 3: frame.insert(UInt8.random(in: 0 ... .max, using: &generator), at: index)
        case 4: frame.remove(at: index)
        case 5:
            // A length or count of four bytes that is as large or as small as can be.
            let value = [Int32.max, .min, -1, -2, 0, 1 << 24].randomElement(using: &generator) ?? 0
            for (offset, byte) in withUnsafeBytes(of: value.bigEndian, Array.init).enumerated()
            where index + offset < frame.count {
                frame[index + offset] = byte
            }
        default:
            let other = frames[Int.random(in: 0..<frames.count, using: &generator)]
            frame.replaceSubrange(index..., with: other[Int.random(in: 8..<other.count, using: &generator)...])
        }
    }
}
