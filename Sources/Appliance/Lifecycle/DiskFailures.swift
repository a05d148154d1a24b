// Remembers the starts that a failing disk ended, so that the daemon stops writing to it after a few.
internal import Foundation
internal import Platform

/// The file `<data>/disk-failures`: one line for each run that a failing disk ended, its time first, in
/// milliseconds since 1970. Best effort: the disk that it lies on has just failed, so it is not synced, and a file that
/// cannot be written or read counts for nothing.
struct DiskFailures: Sendable {
    /// After so many within an hour the daemon starts without writing.
    static let countMax = 3
    private static let windowMilliseconds: Int64 = 3_600_000
    /// Lines beyond it say nothing that the last ones do not.
    private static let linesMax = 20
    private static let bytesMax = 64 << 10

    let path: String

    init(data: String) {
        path = "\(data)/disk-failures"
    }

    func add(_ message: String, at now: Timestamp) {
        let line =
            "\(now.milliseconds) \(message.prefix(500).map { $0.isNewline ? " " : $0 }.map(String.init).joined())"
        let lines = (lines() + [line]).suffix(DiskFailures.linesMax)
        try? write(Array((lines.joined(separator: "\n") + "\n").utf8))
    }

    /// Whether a start at `now` should leave the disk alone. A failure that is dated later than now, by a clock that was
    /// wrong then or is now, does not count.
    func areTooMany(at now: Timestamp) -> Bool {
        let recent = lines().filter { line in
            guard let time = line.split(separator: " ").first.flatMap({ Int64($0) }), time <= now.milliseconds else {
                return false
            }
            return now.milliseconds - time < DiskFailures.windowMilliseconds
        }
        return recent.count >= DiskFailures.countMax
    }

    /// Over what is there, which stays where the disk does not take it.
    private func write(_ bytes: [UInt8]) throws(DiskError) {
        let disk = PosixDisk()
        let file = try disk.open(path, try disk.exists(path) ? .update : .create)
        try file.write(bytes, at: 0)
        try file.truncate(to: Int64(bytes.count))
    }

    private func lines() -> [String] {
        guard let bytes = try? PosixDisk().wholeFile(path, bytesMax: DiskFailures.bytesMax) else { return [] }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }
}
