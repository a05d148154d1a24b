// How long the log takes to open after a crash, by its size and by its number of segments, and the memory of that.
import Foundation

/// Writes a partition's directory as a daemon that was killed leaves it: closed segments that the journal knows, and an
/// active one whose every batch is real.
private struct CraftedLog {
    let directory: String
    /// A real batch, whose base offset lies outside its checksum and is put where it is wanted.
    let batch: Data
    private(set) var end: Int64 = 0
    private var journal: [UInt8]
    private var records: Int64

    /// `seed`: the data directory of a daemon that has stored something.
    init(seed: String) throws {
        directory = seed + "/log/readings-0"
        let bytes = try Data(contentsOf: URL(fileURLWithPath: directory + "/00000000000000000000.log"))
        func integer(_ at: Int) -> Int { bytes[at..<at + 4].reduce(0) { $0 << 8 | Int($1) } }
        guard bytes.count > 61 else { throw BenchError(description: "the daemon has stored nothing") }
        batch = bytes.prefix(12 + integer(8))
        records = Int64(integer(23)) + 1
        journal = [UInt8](try Data(contentsOf: URL(fileURLWithPath: directory + "/partition.journal")))
        try FileManager.default.removeItem(atPath: directory + "/00000000000000000000.log")
    }

    /// A closed segment of `bytes`: its first batch real, the rest a hole. Opening must not read it.
    mutating func addClosed(bytes: Int) throws {
        let base = end
        try write(batches: 1, length: bytes)
        entry([3] + big(base) + big(end) + big(Int64(max(bytes, batch.count))) + [0, 0, 0, 0] + big(0) + time + time)
    }

    /// The active segment, real to its last byte; and the journal.
    mutating func addActive(bytes: Int) throws {
        try write(batches: max(1, bytes / batch.count), length: 0)
        try Data(journal).write(to: URL(fileURLWithPath: directory + "/partition.journal"))
    }

    private let time: [UInt8] = [0, 0, 1, 0x9C, 0, 0, 0, 0, 1]

    private mutating func write(batches: Int, length: Int) throws {
        let path = directory + "/" + String(format: "%020ld", Int(end)) + ".log"
        guard FileManager.default.createFile(atPath: path, contents: nil), let file = FileHandle(forWritingAtPath: path)
        else { throw BenchError(description: "cannot create \(path)") }
        defer { try? file.close() }
        var chunk = Data()
        for _ in 0..<batches {
            chunk += big(end) + batch.dropFirst(8)
            end += records
            if chunk.count > 1 << 20 {
                try file.write(contentsOf: chunk)
                chunk.removeAll(keepingCapacity: true)
            }
        }
        try file.write(contentsOf: chunk)
        if length > batch.count { try file.truncate(atOffset: UInt64(length)) }
    }

    private func big(_ value: Int64) -> [UInt8] { withUnsafeBytes(of: value.bigEndian) { Array($0) } }

    private mutating func entry(_ body: [UInt8]) {
        journal += withUnsafeBytes(of: UInt32(body.count).bigEndian) { Array($0) }
        journal += withUnsafeBytes(of: Self.checksum(body).bigEndian) { Array($0) }
        journal += body
    }

    /// CRC-32C, bit by bit: it covers a few bytes of journal only.
    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(~0) { crc, byte in
            (0..<8).reduce(crc ^ UInt32(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0x82F6_3B78 : value >> 1 }
        }
    }
}

extension Runner {
    private static let segmentBytes = 64 << 20
    private static let memoryBarMebibytes = 100

    func measureRecovery() throws {
        let sizes = [
            (what: "1 GiB", closed: 15, bytes: Self.segmentBytes, active: Self.segmentBytes - (1 << 20), bar: 1.0),
            (what: "10 GiB", closed: 159, bytes: Self.segmentBytes, active: Self.segmentBytes - (1 << 20), bar: 2.0),
            (what: "10,000 segments", closed: 9_999, bytes: 4096, active: 4096, bar: 3.0),
        ]
        for size in sizes {
            let directory = try scratch.newDirectory("recovery")
            defer { try? FileManager.default.removeItem(atPath: directory) }
            let port = try Scratch.freePort(datagrams: true)
            let lines = "  lan: { type: udp, listen: \"127.0.0.1:\(port)\", format: json }"
            do {
                let seed = try daemon(inputs: lines, in: directory)
                let fleet = try Child([
                    try binary("forebay-sim"), "udp", "--port", "\(port)", "--rate", "1000", "--devices", "20",
                ])
                try StopFlag.wait(for: "the first readings", timeout: 10, interval: 0.1) {
                    try seed.counters("lan").appended > 500 ? true : nil
                }
                fleet.stop()
                seed.child.stop()
            }
            var log = try CraftedLog(seed: directory + "/data")
            for _ in 0..<size.closed { try log.addClosed(bytes: size.bytes) }
            try log.addActive(bytes: size.active)
            let daemon = try daemon(inputs: lines, in: directory)
            let seconds = try Self.openingSeconds(daemon.child.outputText)
            let peak = try daemon.child.residentBytes(peak: true)
            let found = try daemon.metrics().sum("forebay_log_end_offset", "topic=\"readings\"")
            guard found == Double(log.end) else {
                throw BenchError(description: "\(size.what): the log ends at \(found), \(log.end) were written")
            }
            results.add(
                Result(
                    what: "recovery of \(size.what) after a crash: the log is open",
                    figure: Figure.milliseconds(seconds),
                    bar: "< \(Int(size.bar)) s",
                    verdict: seconds < size.bar ? .pass : .fail
                )
            )
            results.add(
                Result(
                    what: "recovery of \(size.what): resident memory, at most",
                    figure: Figure.mebibytes(peak),
                    bar: "< \(Self.memoryBarMebibytes) MiB",
                    verdict: peak < Self.memoryBarMebibytes << 20 ? .pass : .fail
                )
            )
        }
    }

    /// What the daemon says of its last start: `log open after 0.0123 seconds`.
    private static func openingSeconds(_ output: String) throws -> Double {
        guard let said = output.components(separatedBy: "log open after ").last?.split(separator: " ").first,
            let seconds = Double(said)
        else { throw BenchError(description: "the daemon does not say how long opening took: \(output.suffix(500))") }
        return seconds
    }
}
