// What every test of alerting stands on: a directory of its own, a clock set by hand, and waiting without a fixed time.
import Foundation
import Glibc
import Platform
import Synchronization
import Testing

/// What went wrong outside of what a test is about.
struct HarnessError: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) {
        self.description = description
    }
}

/// A fresh directory below `/tmp`, removed with everything in it when the last reference goes.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        path = try TemporaryDirectory.make()
    }

    /// A copy of everything as it lies there now: what a killed process leaves behind.
    init(copying other: TemporaryDirectory) throws {
        path = try TemporaryDirectory.make()
        for name in try FileManager.default.contentsOfDirectory(atPath: other.path) {
            try FileManager.default.copyItem(atPath: "\(other.path)/\(name)", toPath: "\(path)/\(name)")
        }
    }

    deinit {
        TemporaryDirectory.remove(path)
    }

    private static func make() throws -> String {
        var template = Array("/tmp/forebay-alerting-XXXXXX".utf8CString)
        let isMade = template.withUnsafeMutableBufferPointer { $0.baseAddress.flatMap { mkdtemp($0) } != nil }
        guard isMade else { throw HarnessError("no temporary directory: \(systemErrorText(errno))") }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func remove(_ path: String) {
        let disk = PosixDisk()
        for name in (try? disk.list(path)) ?? [] { remove("\(path)/\(name)") }
        if unlink(path) != 0 { rmdir(path) }
    }

    /// Writes a file into it; its path.
    func file(_ name: String, _ text: String) throws -> String {
        let path = "\(path)/\(name)"
        try write(Array(text.utf8), to: path)
        return path
    }

    func exists(_ name: String) throws -> Bool {
        try PosixDisk().exists("\(path)/\(name)")
    }

    /// The lines of a file, without the empty one behind the last newline.
    func lines(of name: String) throws -> [String] {
        let text = String(decoding: try contents(of: "\(path)/\(name)"), as: UTF8.self)
        return text.split(separator: "\n").map { String($0) }
    }
}

/// A clock that only a test moves; its wall clock starts at `epoch`.
final class ManualClock: Platform.Clock {
    private struct State {
        var wall = Timestamp(milliseconds: epoch)
        var monotonic = MonotonicInstant(nanoseconds: 1_000_000_000)
        var quality = ClockQuality.synchronised
    }

    private let state = Mutex(State())
    let bootID = "6d4b3f0a-0000-4000-8000-000000000001"

    func now() -> Timestamp { state.withLock { $0.wall } }
    func monotonic() -> MonotonicInstant { state.withLock { $0.monotonic } }
    func quality() -> ClockQuality { state.withLock { $0.quality } }

    func advance(_ duration: Duration) {
        state.withLock { state in
            state.wall = state.wall.advanced(by: duration)
            state.monotonic = state.monotonic.advanced(by: duration)
        }
    }

    /// Sets the wall clock forward, as a box does that learns the time; the monotonic clock stays.
    func step(_ duration: Duration, quality: ClockQuality) {
        state.withLock { state in
            state.wall = state.wall.advanced(by: duration)
            state.quality = quality
        }
    }
}

/// Asks again and again until the answer is true; fails with the description after a time that only a hang needs.
func eventually(_ description: String, _ condition: () async throws -> Bool) async throws {
    let clock = SystemClock()
    let end = clock.monotonic().advanced(by: .seconds(60))
    while try await !condition() {
        guard clock.monotonic() < end else { throw HarnessError("not within a minute: \(description)") }
        try await Task.sleep(for: .milliseconds(5))
    }
}

/// The bytes of a file.
func contents(of path: String) throws -> [UInt8] {
    let file = try PosixDisk().open(path, .read)
    var bytes = [UInt8](repeating: 0, count: Int(try file.size()))
    let count = try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
    try #require(count == bytes.count)
    return bytes
}

/// Replaces a file's contents.
func write(_ bytes: [UInt8], to path: String) throws {
    let disk = PosixDisk()
    if try disk.exists(path) { try disk.remove(path) }
    let file = try disk.open(path, .create)
    try bytes.withUnsafeBytes { try file.write([$0], at: 0) }
}

/// The same document always as the same text: keys in order, nothing between them.
func canonicalJSON(_ bytes: [UInt8]) throws -> String {
    let value = try JSONSerialization.jsonObject(with: Data(bytes))
    let data = try JSONSerialization.data(withJSONObject: value, options: [.sortedKeys, .withoutEscapingSlashes])
    return String(decoding: data, as: UTF8.self)
}

/// The keys of the object that the bytes are.
func keysOfJSON(_ bytes: [UInt8]) throws -> Set<String> {
    let value = try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any]
    return Set(try #require(value, "a JSON object").keys)
}
