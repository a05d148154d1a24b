// What tests of backups share: a box with several segments and a hook, the archive, and the two sides compared.
import Foundation
import Testing

/// A partition as `topics list` shows it.
struct PartitionEnds: Hashable {
    var topic: String
    var partition: Int
    var start: Int
    var end: Int
}

extension Box {
    static func backedUp(_ port: UInt16, log: String = "") -> String {
        """
        log:
          segment_bytes: 64KiB
          topics:
            readings: { partitions: 2, compression: none\(log) }
        inputs:
          lan: { type: udp, listen: "127.0.0.1:\(port)", format: json }
        rules: [{ alert: TooWarm, match: { device: "freezer-*" }, above: -15 }]
        hooks:
          siren: { type: exec, command: ["/bin/true"] }

        """
    }

    /// Sends `count` readings and waits until they are stored.
    func fill(_ port: UInt16, _ count: Int) async throws {
        let before = try await metric("forebay_input_received_total")
        _ = try bench.simulated([
            "udp", "--port", "\(port)", "--rate", "5000", "--count", "\(count)", "--devices", "20",
        ])
        try await eventually("all is stored") {
            try await Int(metric("forebay_input_received_total") - before) >= count
        }
    }

    static func ends(_ data: String) throws -> [PartitionEnds] {
        let run = try Command.run("forebay", ["topics", "list", "-o", "ndjson", "--data", data])
        try #require(run.status == 0, "\(run.error)")
        return try run.output.split(separator: "\n").map { line in
            let value = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            return PartitionEnds(
                topic: try #require(value["topic"] as? String),
                partition: try #require(value["partition"] as? Int),
                start: try #require(value["logStartOffset"] as? Int),
                end: try #require(value["logEndOffset"] as? Int)
            )
        }
    }

    /// All records of a partition between two offsets, as `tail` prints them.
    static func records(_ data: String, _ ends: PartitionEnds) throws -> String {
        guard ends.start < ends.end else { return "" }
        let run = try Command.run(
            "forebay",
            [
                "tail", ends.topic, "--partition", "\(ends.partition)", "--from", "\(ends.start)", "--to",
                "\(ends.end)", "-o", "ndjson", "--data", data,
            ]
        )
        try #require(run.status == 0, "\(run.error)")
        return run.output
    }

    static func devices(_ data: String) throws -> [String] {
        let run = try Command.run("forebay", ["devices", "list", "-o", "ndjson", "--data", data])
        try #require(run.status == 0, "\(run.error)")
        return run.output.split(separator: "\n").map(String.init)
    }
}

/// Positions in files that a restored box reads on from, taken apart without the product's code.
enum StoredPositions {
    /// `cursors/hook-NAME`: the newest slot's position in `alerts`; nil where nothing was stored.
    static func cursor(_ path: String) throws -> Int? {
        let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
        try #require(bytes.count == 8192)
        func number(_ at: Int, _ count: Int) -> Int { bytes[at..<at + count].reduce(0) { $0 << 8 | Int($1) } }
        let newest = try #require([0, 4096].max { number($0 + 8, 8) < number($1 + 8, 8) })
        return number(newest + 8, 8) == 0 ? nil : number(newest + 17, 8)
    }

    /// `rules/snapshot`: positions by partition.
    static func rules(_ path: String) throws -> [String: Int] {
        let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
        func number(_ at: Int, _ count: Int) -> Int {
            bytes[at..<at + count].reversed().reduce(0) { $0 << 8 | Int($1) }
        }
        var positions: [String: Int] = [:]
        var at = 16
        for _ in 0..<number(12, 4) {
            let length = number(at, 2)
            positions[String(decoding: bytes[at + 2..<at + 2 + length], as: UTF8.self)] = number(at + 2 + length, 8)
            at += 10 + length
        }
        return positions
    }
}

/// What `read_backup.py` says of an archive.
struct ArchiveReport {
    var members: [String]
    /// Where the content of each begins, and its length.
    var places: [String: (offset: Int, size: Int)]
    var content: Int
    var unproven: [String]

    init(_ path: String) throws {
        let run = try Command.run("/usr/bin/python3", [Workbench.script("read_backup.py"), path])
        try #require(run.status == 0, "\(run.error)\(run.output)")
        let value = try #require(try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
        members = try #require(value["members"] as? [String])
        content = try #require(value["content"] as? Int)
        unproven = try #require(value["unproven"] as? [String])
        let found = try #require(value["places"] as? [String: [Int]])
        places = found.mapValues { ($0[0], $0[1]) }
    }
}
