// What the log counts, as one consistent value.
internal import Platform

/// Durations by bucket; adding one allocates nothing.
package struct LatencyHistogram: Sendable {
    /// Upper bounds of the buckets, in seconds; one more bucket holds what is longer.
    package static let bounds: [Double] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]

    /// Each duration in exactly one bucket: `bounds.count + 1` numbers.
    package private(set) var counts = [UInt64](repeating: 0, count: bounds.count + 1)
    package private(set) var seconds = 0.0

    mutating func add(_ duration: Duration) {
        let seconds = Double(duration.wholeNanoseconds) / 1e9
        counts[LatencyHistogram.bounds.firstIndex { seconds <= $0 } ?? LatencyHistogram.bounds.count] &+= 1
        self.seconds += seconds
    }
}

/// What one log has done since it was opened.
package struct LogMetrics: Sendable {
    /// Commits by duration, from the first write to the last sync.
    package internal(set) var commitDuration = LatencyHistogram()
    /// The part of it that the syncs took.
    package internal(set) var syncDuration = LatencyHistogram()
    /// Offered batches by the time from their offer to their being durable.
    package internal(set) var durableLatency = LatencyHistogram()
    package internal(set) var commits: UInt64 = 0
    package internal(set) var batches: UInt64 = 0
    package internal(set) var records: UInt64 = 0
    /// Bytes of batches written, without indexes and journals.
    package internal(set) var bytes: UInt64 = 0
    /// Attempts that found the disk full.
    package internal(set) var fullAttempts: UInt64 = 0
    /// Segments that retention deleted.
    package internal(set) var deletedSegments: UInt64 = 0
    /// Whether segments are deleted by their age just now.
    package internal(set) var ageRetention = AgeRetention.active
    /// Damaged segments that were repaired since the log was opened.
    package internal(set) var repairedSegments: UInt64 = 0
    /// Offsets that were lost to damage: by what this opening found, and by repairs since.
    package internal(set) var lostOffsets: UInt64 = 0
    /// Of the file system, as last asked; nil before.
    package internal(set) var freeBytes: Int64?
}
