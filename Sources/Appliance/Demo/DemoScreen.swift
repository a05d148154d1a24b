// What the demo says while it runs.
internal import Foundation
internal import Platform
internal import Synchronization

/// Lines with the seconds since the start, from whichever task has something to say.
final class DemoScreen: Sendable {
    private let clock = SystemClock()
    private let start: MonotonicInstant
    private let write: @Sendable (String) -> Bool
    private let closed = AsyncStream.makeStream(of: Void.self)
    private let lastReading = Mutex<[String: String]>([:])

    /// `write`: takes one line; false where nobody reads any more.
    init(write: @escaping @Sendable (String) -> Bool) {
        self.write = write
        start = clock.monotonic()
    }

    func say(_ text: String) {
        let seconds = Int(clamping: clock.monotonic().since(start).components.seconds)
        let passed = String(format: "%02d:%02d", seconds / 60, seconds % 60)
        plain("\(passed)  \(text)")
    }

    func plain(_ text: String) {
        if !write(text) { closed.continuation.yield() }
    }

    /// Suspends until a line found no reader, or the task is cancelled.
    func waitUntilClosed() async {
        for await _ in closed.stream { return }
    }

    /// Remembers the newest event of an input, to be shown at the next `picture`.
    func note(event line: Data) {
        guard let record = try? JSONSerialization.jsonObject(with: line) as? [String: Any],
            let headers = record["headers"] as? [String: Any],
            let input = headers["input"] as? String,
            let value = record["value"] as? [String: Any],
            let device = value["device"] as? String,
            let reading = (value["readings"] as? [String: Any])?.sorted(by: { $0.key < $1.key }).first
        else { return }
        let unit = (value["units"] as? [String: Any])?[reading.key] as? String
        let text = "\(device) \(reading.key) \(reading.value)\(unit.map { " \($0)" } ?? "")"
        lastReading.withLock { $0[input] = text }
    }

    /// One line per input: its newest event.
    func newestReadings() -> [(input: String, text: String)] {
        lastReading.withLock { readings in
            readings.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        }
    }
}
