// Makes hostile payloads of good ones, from a seed; and reads the corpus that it begins with.
import Glibc
import Platform
import Testing

/// The samples of `Tests/IngestTests/Corpus`, good and bad.
struct CorpusSamples {
    /// Of one format, by name.
    var own: [[UInt8]] = []
    /// Of all formats: what payloads are spliced with.
    var all: [[UInt8]] = []

    init(format: String) throws {
        let tests = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
        for folder in try CorpusSamples.names(in: "/\(tests)/Corpus") {
            for name in try CorpusSamples.names(in: "/\(tests)/Corpus/\(folder)") {
                let bytes = try CorpusSamples.contents("/\(tests)/Corpus/\(folder)/\(name)")
                all.append(bytes)
                if folder == format { own.append(bytes) }
            }
        }
        try #require(own.count > 5, "the corpus has samples of \(format)")
    }

    private static func names(in folder: String) throws -> [String] {
        let directory = try #require(opendir(folder), "\(folder) can be read")
        defer { closedir(directory) }
        var found: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { found.append(name) }
        }
        return found.sorted()
    }

    private static func contents(_ path: String) throws -> [UInt8] {
        let file = try #require(fopen(path, "rb"), "\(path) can be read")
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 65_536)
        bytes.removeLast(bytes.count - fread(&bytes, 1, bytes.count, file))
        return bytes
    }
}

/// The same seed makes the same payloads of the same samples.
struct PayloadMutator {
    private static let bytesMax = 8192

    private let samples: CorpusSamples
    private var random: SeededGenerator

    init(_ samples: CorpusSamples, seed: UInt64) {
        self.samples = samples
        random = SeededGenerator(seed: seed)
    }

    /// A sample with none to six changes.
    mutating func payload() -> [UInt8] {
        var bytes = samples.own.randomElement(using: &random) ?? []
        for _ in 0..<Int.random(in: 0...6, using: &random) { change(&bytes) }
        return Array(bytes.prefix(PayloadMutator.bytesMax))
    }

    /// A number below `bound`.
    mutating func choice(below bound: Int) -> Int { Int.random(in: 0..<bound, using: &random) }

    private mutating func change(_ bytes: inout [UInt8]) {
        let place = Int.random(in: 0...bytes.count, using: &random)
        switch Int.random(in: 0..<9, using: &random) {
        case 0: bytes.removeLast(bytes.count - place)
        case 1: bytes.removeFirst(place)
        case 2 where place < bytes.count: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 3 where place < bytes.count: bytes[place] = UInt8.random(in: 0...255, using: &random)
        case 4: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
        case 5 where place < bytes.count: bytes.remove(at: place)
        case 6:
            let other = samples.all.randomElement(using: &random) ?? []
            let start = Int.random(in: 0...other.count, using: &random)
            let end = Int.random(in: start...other.count, using: &random)
            bytes.insert(contentsOf: other[start..<end], at: place)
        case 7:
            let end = Int.random(in: place...bytes.count, using: &random)
            bytes += Array(bytes[place..<end])
        default:
            let piece = PayloadMutator.pieces.randomElement(using: &random) ?? ""
            bytes.insert(contentsOf: Array(piece.utf8), at: place)
        }
    }

    /// What parsers, names, numbers and records stumble over.
    private static let pieces = [
        "1e999", "-", "-0", "1e-400", "4.9406564584124654e-324", "99999999999999999999999999", "0000000001", "\\u0000",
        "\\ud83d", "\\ud83d\\ude00", "\\", "\"", "\"\"", "{", "}", "[", "]", ",", ":", "=", ";", "\n", "\r\n", "\t",
        "\u{0}",
        "\u{7}", "\u{7F}", "\u{85}", "é", "😀", "NaN", "-Infinity", "null", "true", "[[[[[[[[[[[[[[[[[[[[[[[",
        "{\"a\":{\"a\":{\"a\":{\"a\":", "2026-02-30T25:61:61Z", "2026-11-23T19:10:00", "1795460400123456789", "-1e11",
        "*00",
        "$GPGGA,", "i", "u", "t=1", "\"id\":7,", "\"device\":\"\",", "\"device\":\"b\",", ",device=b", ",host=a",
        ",unit=C", "\"unit\":\"°C\",", "\"meta\":{\"serial\":\"s\"},", "\"value\":1,", "\"metric\":\"\",", "\"bt\":-5,",
        "\"bn\":\"x/\",", "18446744073709551615", "\"seq\":18446744073709551615,", "#",
    ]
}
