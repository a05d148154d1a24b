// What the demo says while it runs.
internal import Foundation
internal import Platform
internal import Synchronization

/// Lines with the seconds since the start, from whichever task has something to say.
final class DemoScreen: Sendable {
    private let clock = SystemClock()
    private let start: MonotonicInstant
    private let write: @Sendable (String) -> Void
    private let lastReading = Mutex<[String: String]>([:])

    init(write: @escaping @Sendable (String) -> Void) {
        self.write = write
        start = clock.monotonic()
    }

    func say(_ text: String) {
        let seconds = Int(clamping: clock.monotonic().since(start).components.seconds)
        let passed = String(format: "%02d:%02d", seconds / 60, seconds % 60)
        write("\(passed)  \(text)")
    }

    func plain(_ text: String) {
        write(text)
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
