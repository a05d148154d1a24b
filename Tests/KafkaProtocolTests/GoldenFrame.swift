// Frames that kafka-python made (`Golden/make.py`), and what the tests do with them.
import Foundation
import KafkaProtocol
import NIOCore
import Testing

/// One line of a golden file: a version of an API's request and response.
struct GoldenFrame: Sendable, CustomTestStringConvertible {
    var name: String
    var version: Int16
    /// Header and body; nil for a version that is not decoded.
    var request: [UInt8]?
    /// Header and body in hexadecimal.
    var response: String
    /// Whether every field has a value, not only those that must.
    var isFull: Bool

    var testDescription: String { "\(name) v\(version) \(isFull ? "full" : "bare")" }

    static let correlationID: Int32 = 0x0102_0304
    static let clientID = "golden-client"

    /// The lines of one file.
    static func all(of name: String) throws -> [GoldenFrame] {
        let lines = try goldenRows(name).map { columns in
            GoldenFrame(
                name: name,
                version: try #require(Int16(columns[0])),
                request: columns[1] == "-" ? nil : try bytes(hex: columns[1]),
                response: columns[2],
                isFull: columns[3] == "full"
            )
        }
        let api = try #require(APITable.all.first { $0.name == name })
        // A file that lacks a version would let its tests pass for want of work.
        try #require(lines.map(\.version) == api.advertised.flatMap { [$0, $0] })
        try #require(lines.filter { $0.request != nil }.map(\.version) == api.decoded.flatMap { [$0, $0] })
        return lines
    }

    /// Every file's lines.
    static func all() throws -> [GoldenFrame] {
        try APITable.all.flatMap { try all(of: $0.name) }
    }

    /// The decoded request, its header checked; nil for a version that is not decoded.
    func request<Request: KafkaRequest>(_ type: Request.Type) throws -> Request? {
        guard let request else { return nil }
        var reader = WireReader(ByteBuffer(bytes: request))
        let header = try RequestHeader(from: &reader)
        #expect(header.key == Request.key.rawValue)
        #expect(header.version == version)
        #expect(header.correlationID == Self.correlationID)
        #expect(header.clientID == Self.clientID)
        #expect(header.support == .decodable(Request.key))
        let decoded = try Request(from: &reader, version: version)
        try reader.expectEnd()
        return decoded
    }

    /// A response as the codec writes it, its length checked and taken off.
    func hex(of response: some KafkaResponse) -> String {
        hex(ofFrame: response.frame(correlationID: Self.correlationID, version: version))
    }

    func hex(ofFrame frame: ByteBuffer) -> String {
        var frame = frame
        let byteCount = frame.readInteger(as: Int32.self)
        #expect(byteCount == Int32(frame.readableBytes))
        return frame.readableBytesView.map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
    }
}

/// The columns of each line of a golden file.
func goldenRows(_ name: String) throws -> [[String]] {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Golden")
    let text = try String(contentsOf: folder.appendingPathComponent(name + ".txt"), encoding: .utf8)
    return text.split(separator: "\n").map { line in
        line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
    }
}

func bytes(hex: String) throws -> [UInt8] {
    let digits = Array(hex)
    try #require(digits.count.isMultiple(of: 2))
    return try stride(from: 0, to: digits.count, by: 2).map { index in
        try #require(UInt8(String(digits[index...index + 1]), radix: 16))
    }
}

func buffer(_ bytes: [UInt8]) -> ByteBuffer { ByteBuffer(bytes: bytes) }

/// The topic ids in `Golden/values.py`.
let golden1 = KafkaUUID(high: 0x0011_2233_4455_6677, low: 0x8899_aabb_ccdd_eeff)
let golden2 = KafkaUUID(high: 0xfedc_ba98_7654_3210, low: 0x0123_4567_89ab_cdef)
