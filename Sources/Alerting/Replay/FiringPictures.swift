// The series around each firing, small enough for a column of a table: from a bit before the breach to a bit after the end.
package import CommitLog
internal import EventModel
package import Platform
internal import Rules

/// Made of firings that are known, then shown every reading, in any order; one thread.
///
/// Memory is a few numbers per column and firing, however many readings there are.
package final class FiringPictures {
    private static let columns = 16
    private static let blocks = Array("▁▂▃▄▅▆▇█")

    private struct Picture {
        /// Milliseconds since 1970.
        var from: Double
        var columnWidth: Double
        var sums = [Double](repeating: 0, count: FiringPictures.columns)
        var counts = [Int](repeating: 0, count: FiringPictures.columns)

        init(_ firing: Firing) {
            let end = firing.resolvedAt ?? firing.lastSeen
            let span = max(1000, Double(end.milliseconds) - Double(firing.breachedAt.milliseconds))
            from = Double(firing.breachedAt.milliseconds) - span / 4
            columnWidth = span * 1.5 / Double(FiringPictures.columns)
        }

        mutating func take(_ time: Int64, _ value: Double) {
            let column = (Double(time) - from) / columnWidth
            guard column >= 0, column < Double(FiringPictures.columns) else { return }
            sums[Int(column)] += value
            counts[Int(column)] += 1
        }

        /// A column without a reading has the one before it: a value holds until the next.
        var text: String {
            var values: [Double?] = []
            for (sum, count) in zip(sums, counts) {
                values.append(count > 0 ? sum / Double(count) : values.last ?? nil)
            }
            let known = values.compactMap { $0 }
            guard let low = known.min(), let high = known.max() else { return "" }
            let top = Double(FiringPictures.blocks.count - 1)
            return String(
                values.map { value -> Character in
                    guard let value else { return " " }
                    let height = high > low ? (value - low) / (high - low) * top : top / 2
                    return FiringPictures.blocks[height.isFinite ? min(Int(top), max(0, Int(height.rounded()))) : 0]
                }
            )
        }
    }

    private var pictures: [Picture]
    /// Places in `pictures` by device and metric.
    private var places: [String: [String: [Int]]] = [:]

    /// Beyond `AlertingLimits.picturesMax` firings the rest have no picture.
    package init(_ firings: [Firing]) {
        let drawn = firings.prefix(AlertingLimits.picturesMax)
        pictures = drawn.map { Picture($0) }
        for (index, firing) in drawn.enumerated() {
            places[firing.device, default: [:]][firing.metric, default: []].append(index)
        }
    }

    /// One picture per firing, as far as there are any; empty where no reading of it was seen.
    package var texts: [String] { pictures.map(\.text) }

    /// Shows one reading.
    package func take(device: String, metric: String, time: Timestamp, value: Double) {
        for index in places[device]?[metric] ?? [] { pictures[index].take(time.milliseconds, value) }
    }

    /// The pictures of what a replay over the log from `start` on has found; reads that part of it once more.
    package static func over(_ log: CommitLog, from start: Timestamp?, _ firings: [Firing]) throws(LogError) -> [String]
    {
        guard !firings.isEmpty else { return [] }
        let pictures = FiringPictures(firings)
        let replay = try LogReplay(.empty, over: log, from: start, seed: 0) { event, value, _ in
            pictures.take(event, value)
        }
        try replay.run { _ in }
        return pictures.texts
    }

    private func take(_ event: borrowing StoredEvent, _ bytes: RawSpan) {
        guard !event.isRetained, let metrics = places[text(event.device, event, bytes)] else { return }
        for reading in event.readings {
            for index in metrics[text(reading.metric, event, bytes)] ?? [] {
                pictures[index].take(event.time, reading.value)
            }
        }
    }

    private func text(_ slice: ByteSlice, _ event: borrowing StoredEvent, _ bytes: RawSpan) -> String {
        if event.hasEscapes { return JSONText.unescaped(bytes, start: slice.start, count: slice.count) }
        return bytes.withUnsafeBytes { String(decoding: $0[slice.start..<slice.start + slice.count], as: UTF8.self) }
    }
}
