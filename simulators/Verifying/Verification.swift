// What arrived, compared with what the sequence numbers say was sent.
internal import Foundation

/// Counts of one device or of all.
struct ArrivalCounts {
    /// The largest `seq`: a fleet starts at 1.
    var sent: UInt64 = 0
    /// Distinct ones that arrived.
    var received: UInt64 = 0
    /// Arrivals of a `seq` that had arrived before.
    var duplicated: UInt64 = 0
    /// First arrivals behind a larger `seq`.
    var reordered: UInt64 = 0

    var lost: UInt64 { sent - received }

    var json: [String: Any] {
        ["sent": sent, "received": received, "lost": lost, "duplicated": duplicated, "reordered": reordered]
    }

    static func += (total: inout ArrivalCounts, more: ArrivalCounts) {
        total.sent += more.sent
        total.received += more.received
        total.duplicated += more.duplicated
        total.reordered += more.reordered
    }
}

/// Reads records as `forebay tail -o ndjson` prints them, and keeps what each device's numbers tell.
struct Verification {
    private struct Arrivals {
        var seen = SequenceSet()
        var duplicated: UInt64 = 0
        var reordered: UInt64 = 0

        var counts: ArrivalCounts {
            ArrivalCounts(
                sent: seen.largest,
                received: seen.count,
                duplicated: duplicated,
                reordered: reordered
            )
        }
    }

    private var devices: [String: Arrivals] = [:]
    /// Records without a device or a `seq`.
    private var unnumbered: UInt64 = 0
    /// Lines that are no record.
    private(set) var unreadable: UInt64 = 0

    /// Takes one line; an empty one is passed over.
    mutating func take(line: Data) {
        guard !line.isEmpty else { return }
        guard let record = (try? JSONSerialization.jsonObject(with: line)) as? [String: Any] else {
            unreadable += 1
            return
        }
        guard let event = record["value"] as? [String: Any], let device = event["device"] as? String,
            let sequence = (event["seq"] as? NSNumber).flatMap({ UInt64(exactly: $0) }), sequence > 0
        else {
            unnumbered += 1
            return
        }
        let largest = devices[device]?.seen.largest ?? 0
        if devices[device, default: Arrivals()].seen.insert(sequence) {
            if sequence < largest { devices[device, default: Arrivals()].reordered += 1 }
        } else {
            devices[device, default: Arrivals()].duplicated += 1
        }
    }

    func contains(device: String, sequence: UInt64) -> Bool {
        devices[device]?.seen.contains(sequence) ?? false
    }

    var total: ArrivalCounts {
        devices.values.reduce(into: ArrivalCounts()) { $0 += $1.counts }
    }

    /// Everything but the comparison with a file of acknowledged messages.
    var json: [String: Any] {
        [
            "devices": devices.mapValues { $0.counts.json }, "total": total.json, "unnumbered": unnumbered,
            "unreadable": unreadable,
        ]
    }
}

/// Lines of a descriptor, in chunks: the input may be larger than memory.
struct LineReader {
    private let input: FileHandle
    private var rest = Data()
    private var isAtEnd = false

    init(_ input: FileHandle) {
        self.input = input
    }

    /// The next line without its end, or nil after the last one.
    mutating func next() throws -> Data? {
        while true {
            if let end = rest.firstIndex(of: 0x0A) {
                let line = Data(rest[rest.startIndex..<end])
                rest = rest[(end + 1)...]
                return line
            }
            if isAtEnd {
                defer { rest = Data() }
                return rest.isEmpty ? nil : Data(rest)
            }
            guard let chunk = try input.read(upToCount: 1 << 20), !chunk.isEmpty else {
                isAtEnd = true
                continue
            }
            rest = Data(rest) + chunk
        }
    }
}
